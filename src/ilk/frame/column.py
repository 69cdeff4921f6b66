"""A column in its own type, and a column as levels."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from ilk.errors import DataError, did_you_mean
from ilk.typing import BoolArray, IntArray

Label: TypeAlias = Hashable
"""Label of a level, as a plain Python value: int, float, bool, str, bytes, date, Decimal."""

Kind: TypeAlias = Literal["integer", "float", "boolean", "text", "category", "mixed", "time"]

_LONGEST = 80
"""Longest label that messages show in full."""

_COMPARED = 10_000
"""Number of names that are compared with a misspelt one."""

_NUMERIC: frozenset[str] = frozenset(("integer", "float", "boolean"))


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a data frame, read in its own type.

    Parameters
    ----------
    name : str
        Name of the column.
    kind : str
        ``"integer"``, ``"float"``, ``"boolean"``, ``"text"``, ``"category"``, ``"mixed"`` (Python
        objects of several types) or ``"time"``.
    values : (n,) array
        The values of a numeric or time column; the level codes of the others, -1 where missing.
    levels : tuple or None
        Labels of the codes, sorted, or in the declared order of a category.
    missing : (n,) array of bool, or None
        Where the value is missing; None if nowhere.
    finite : bool
        Whether no value is infinite or missing.
    ordered : bool
        Whether the order of the levels of a category was declared to mean something.
    """

    name: str
    kind: Kind
    values: npt.NDArray[Any]
    levels: tuple[Label, ...] | None = None
    missing: BoolArray | None = None
    finite: bool = True
    ordered: bool = True

    @property
    def numeric(self) -> bool:
        """Whether the column enters a formula as a number."""
        return self.kind in _NUMERIC


@dataclass(frozen=True, slots=True)
class Factor:
    """A column as levels.

    Parameters
    ----------
    codes : (n,) array of int32
        Position of each row's level among `levels`; -1 where the value is missing.
    levels : tuple
        Labels that occur, sorted within their type, or in declared order.
    """

    codes: IntArray
    levels: tuple[Label, ...]


def quote(label: object) -> str:
    """Label as messages show it, cut if it is long.

    Parameters
    ----------
    label : object
        A label or a name.

    Returns
    -------
    str
    """
    text = repr(label)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def listing(labels: Sequence[object], limit: int = 12) -> str:
    """Labels as messages list them, the first few if they are many.

    Parameters
    ----------
    labels : sequence
        Labels or names.
    limit : int
        How many to show.

    Returns
    -------
    str
    """
    shown = ", ".join(quote(label) for label in labels[:limit])
    return f"{shown}, ..." if len(labels) > limit else shown


def unknown_column(name: str, names: Iterable[str], role: str = "") -> DataError:
    """Make the error that names a column which the data do not have.

    Parameters
    ----------
    name : str
        Name asked for.
    names : iterable of str
        Columns of the data.
    role : str
        What the column was wanted for.

    Returns
    -------
    DataError
    """
    names = list(names)
    hint = did_you_mean(name, names[:_COMPARED]) if len(name) < _LONGEST else ""
    if not hint:
        more = f" and {len(names) - 12} more" if len(names) > 12 else ""
        shown = listing(names[:12])
        hint = f" The columns are {shown}{more}." if names else " The data have no columns."
    wanted = f" ({role})" if role else ""
    return DataError(f"The data have no column {quote(name)}{wanted}.{hint}", code="unknown-column")


def not_numeric(column: Column) -> DataError:
    """Make the error that says why a column cannot be used as numbers."""
    if column.kind == "time":
        return DataError(
            f"Column {column.name!r} holds dates or times; turn them into a number first, e.g. "
            "days since the start: (t - t.min()).dt.total_seconds() / 86400.",
            code="time-column",
        )
    return DataError(
        f"Column {column.name!r} holds {column.kind} values ({listing(column.levels or (), 3)}), "
        "where numbers are needed.",
        code="not-numeric",
    )


def float_column(name: str, values: npt.NDArray[Any]) -> Column:
    """Column of floating point numbers; NaN is missing."""
    if values.dtype != np.float64:
        values = values.astype(np.float64)
    if np.isfinite(values).all():
        return Column(name, "float", values)
    missing = np.isnan(values)
    return Column(name, "float", values, None, missing if missing.any() else None, False)


def with_missing(name: str, values: npt.NDArray[Any], missing: BoolArray) -> Column:
    """Numeric column whose missing values are marked beside it."""
    gone = bool(missing.any())
    if values.dtype.kind == "f":
        return float_column(name, np.where(missing, np.nan, values) if gone else values)
    kind: Kind = "boolean" if values.dtype.kind == "b" else "integer"
    return Column(name, kind, values, None, missing if gone else None, not gone)


def time_column(name: str, values: npt.NDArray[Any], missing: BoolArray) -> Column:
    """Column of moments or durations."""
    missing = np.asarray(missing) | np.isnat(values)
    return Column(name, "time", values, None, missing if missing.any() else None)


def encoded_column(name: str, kind: Kind, codes: npt.NDArray[Any], levels: Sequence[Any]) -> Column:
    """Column of level codes, -1 where missing."""
    codes = np.asarray(codes, dtype=np.int32)
    missing = codes < 0 if codes.min(initial=0) < 0 else None
    return Column(name, kind, codes, tuple(levels), missing)


def sorted_text(name: str, codes: npt.NDArray[Any], labels: Sequence[Any]) -> Column:
    """Text column from codes of labels in any order."""
    order = sorted(range(len(labels)), key=labels.__getitem__)
    lookup = np.empty(len(labels) + 1, dtype=np.int32)
    lookup[order] = np.arange(len(labels), dtype=np.int32)
    lookup[-1] = -1
    return encoded_column(name, "text", lookup[codes], [str(labels[i]) for i in order])


def empty_column(name: str, rows: int) -> Column:
    """Column without any value."""
    missing = np.ones(rows, dtype=bool) if rows else None
    return Column(name, "float", np.full(rows, np.nan), None, missing, rows == 0)
