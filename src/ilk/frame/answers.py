"""Answers in the frame that the caller uses."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, cast

import numpy as np


def answer(columns: Mapping[str, Any], flavor: str, index: Any = None) -> Any:
    """Make a frame in the caller's flavor.

    Parameters
    ----------
    columns : mapping of str to (n,) array or list
        Columns of the answer.
    flavor : str
        `Frame.flavor` of the data that the question is about. A caller who gave a dictionary gets a
        pandas frame, which every installation has and which prints as a table.
    index : (n,) index, optional
        Labels of the rows of a pandas frame, see `row_labels`; by default they are numbered.

    Returns
    -------
    data frame

    Examples
    --------
    >>> from ilk.frame import answer
    >>> answer({"term": ["x"], "estimate": [0.5]}, "dict").shape
    (1, 2)
    """
    if flavor in ("pandas", "dict"):
        import pandas as pd

        return pd.DataFrame(dict(columns), index=index)
    lists = {name: _for_frame(values) for name, values in columns.items()}
    if flavor == "pyarrow":
        import pyarrow as pa

        return pa.table(lists)
    if flavor == "polars":
        import polars as pl

        return pl.DataFrame(lists, strict=False)
    import narwhals as nw

    return nw.from_dict(lists, backend=cast(Any, flavor)).to_native()


def row_labels(data: Any) -> Any:
    """Index of a pandas frame, so that answers about its rows are aligned with them; else None.

    Parameters
    ----------
    data : data frame or dict of columns
        The caller's data.

    Examples
    --------
    >>> import pandas as pd
    >>> from ilk.frame import row_labels
    >>> row_labels(pd.DataFrame({"dose": [1, 2]}, index=["b", "a"])).tolist()
    ['b', 'a']
    """
    pandas = sys.modules.get("pandas")
    return data.index if pandas is not None and isinstance(data, pandas.DataFrame) else None


def with_columns(data: Any, new: Mapping[str, Any]) -> Any:
    """Add columns to a copy of the caller's data, of the same kind.

    Parameters
    ----------
    data : data frame or dict of columns
        The caller's data.
    new : mapping of str to (n,) array
        Columns to add.

    Returns
    -------
    data frame or dict

    Examples
    --------
    >>> from ilk.frame import with_columns
    >>> with_columns({"dose": [1, 2]}, {"double": [2, 4]})
    {'dose': [1, 2], 'double': [2, 4]}
    """
    if isinstance(data, Mapping):
        return {**data, **new}
    kind = type(data).__module__.partition(".")[0]
    if kind == "pandas":
        return data.assign(**new)
    if kind == "pyarrow":
        import pyarrow as pa

        for name, values in new.items():
            data = data.append_column(name, pa.array(values))
        return data
    import narwhals as nw

    frame = nw.from_native(data, eager_only=True)
    series = [
        nw.new_series(name, values, backend=frame.implementation) for name, values in new.items()
    ]
    return frame.with_columns(*series).to_native()


def _for_frame(values: Any) -> Any:
    """Array as it is; objects as a list of one type, as text if the types differ."""
    if isinstance(values, np.ndarray) and values.dtype.kind not in "OU":
        return values
    items = values.tolist() if isinstance(values, np.ndarray) else list(values)
    kinds = {type(item) for item in items if item is not None}
    if len(kinds) > 1 and not kinds <= {int, float}:
        return [None if item is None else str(item) for item in items]
    return items
