"""Opening a data frame of any make."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np

from ilk.errors import DataError
from ilk.frame.column import Column, unknown_column
from ilk.frame.kept import Kept, own_column
from ilk.frame.readers import (
    index_labels,
    read_arrow,
    read_narwhals,
    read_pandas,
    read_polars,
    read_values,
)
from ilk.typing import IntArray

_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Frame:
    """A data frame of any make, ready to give its columns.

    Parameters
    ----------
    native : object
        The frame as it was given.
    flavor : str
        ``"pandas"``, ``"polars"``, ``"pyarrow"``, ``"dict"``, or the name that narwhals gives it.
    rows : int
        Number of rows.
    keys : mapping
        Name in formulas to key in the frame.
    """

    native: Any
    flavor: str
    rows: int
    keys: Mapping[str, Any]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self.keys)

    def __contains__(self, name: object) -> bool:
        return name in self.keys

    def column(self, name: str, role: str = "") -> Column:
        """Read one column.

        Parameters
        ----------
        name : str
            Name of the column.
        role : str
            What the column is wanted for, for the message if there is none of that name.

        Returns
        -------
        Column
        """
        key = self.keys.get(name, _ABSENT)
        if key is _ABSENT:
            raise unknown_column(name, self.keys, role)
        if self.flavor == "pandas":
            return read_pandas(name, self.native[key])
        if self.flavor == "dict":
            return read_values(name, self.native[key])
        if self.flavor == "pyarrow":
            return read_arrow(name, self.native.column(key))
        if self.flavor == "polars":
            return read_polars(name, self.native.get_column(key))
        return read_narwhals(name, self.native, key)


Tabular: TypeAlias = Frame | Kept
"""What gives columns: a frame of the caller's, or a table of our own."""


def keep(data: Any, names: Iterable[str] | None = None, rows: IntArray | None = None) -> Kept:
    """Copy columns of a data frame into a table of our own.

    Parameters
    ----------
    data : data frame, dict of columns, Frame or Kept
        Where the columns are.
    names : iterable of str, optional
        Columns; all by default.
    rows : (m,) array of int, optional
        Positions of the rows; all by default.

    Returns
    -------
    Kept

    Examples
    --------
    >>> from ilk.frame import keep
    >>> keep({"dose": [1, 2, 4], "site": ["a", "b", "b"]}, ["dose"]).names
    ('dose',)
    """
    frame = data if isinstance(data, Frame) else columns(data)
    wanted = frame.names if names is None else tuple(dict.fromkeys(names))
    parts = {name: own_column(frame.column(name), rows) for name in wanted}
    count = frame.rows if rows is None else len(rows)
    return Kept(frame.flavor, count, MappingProxyType(parts))


def columns(data: Any) -> Tabular:
    """Open a data frame.

    Parameters
    ----------
    data : pandas, polars or other eager frame, pyarrow table, or mapping of columns
        Anything that narwhals takes, or a dictionary of arrays, lists or series of one length.

    Returns
    -------
    Frame or Kept
        The frame; nothing is copied. What is open already is returned as it is.

    Examples
    --------
    >>> from ilk.frame import columns, numbers
    >>> frame = columns({"dose": [1, 2, 4], "site": ["a", "b", "b"]})
    >>> frame.rows, frame.names
    (3, ('dose', 'site'))
    >>> numbers(frame.column("dose")).tolist()
    [1.0, 2.0, 4.0]
    """
    if isinstance(data, (Frame, Kept)):
        return data
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(data, pandas.DataFrame):
        return Frame(data, "pandas", len(data), _unique_keys(index_labels(data.columns)))
    if isinstance(data, Mapping):
        return _open_mapping(data)
    if isinstance(data, np.ndarray) or data is None or isinstance(data, (str, bytes, Sequence)):
        raise _not_a_frame(data)
    return _open_narwhals(data)


def _not_a_frame(data: Any) -> DataError:
    kind = type(data).__name__
    return DataError(
        f"The data are a {kind}; give a data frame (pandas, polars, pyarrow) or a dictionary of "
        "columns.",
        code="not-a-frame",
    )


def _unique_keys(labels: Iterable[Any]) -> dict[str, Any]:
    """Names that a formula can use, with the key of each; a name must be unique."""
    labels = list(labels)
    if len(set(labels)) == len(labels) and all(type(label) is str for label in labels):
        return dict(zip(labels, labels, strict=True))
    keys: dict[str, Any] = {}
    for label in labels:
        keys.setdefault(label if isinstance(label, str) else str(label), label)
    if len(keys) < len(labels):
        seen: set[str] = set()
        for label in labels:
            name = str(label)
            if name in seen:
                raise DataError(
                    f"The data have two columns named {name!r}; rename one of them.",
                    code="duplicate-column",
                )
            seen.add(name)
    return keys


def _open_mapping(data: Mapping[Any, Any]) -> Frame:
    keys = _unique_keys(data)
    lengths: dict[str, int] = {}
    for name, key in keys.items():
        values = data[key]
        if isinstance(values, (str, bytes)) or not hasattr(values, "__len__"):
            raise DataError(
                f"Column {name!r} is a single value ({type(values).__name__}); give one value for "
                "each row.",
                code="scalar-column",
            )
        lengths[name] = len(values)
    if len(set(lengths.values())) > 1:
        first = next(iter(lengths))
        other = next(name for name in lengths if lengths[name] != lengths[first])
        raise DataError(
            f"The columns differ in length: {first!r} has {lengths[first]} rows and {other!r} has "
            f"{lengths[other]}.",
            code="length",
        )
    return Frame(data, "dict", next(iter(lengths.values()), 0), keys)


def _open_narwhals(data: Any) -> Frame:
    import narwhals as nw

    try:
        frame = nw.from_native(data)
    except TypeError:
        raise _not_a_frame(data) from None
    if isinstance(frame, nw.LazyFrame):
        raise DataError(
            f"The data are lazy ({type(data).__name__}); collect them first, e.g. with .collect().",
            code="lazy-frame",
        )
    native = frame.to_native()
    flavor = frame.implementation.name.lower()
    keys = _unique_keys(frame.columns)
    if flavor == "pandas":
        return Frame(native, "pandas", len(native), keys)
    return Frame(native, flavor, frame.shape[0], keys)
