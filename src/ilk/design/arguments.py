"""Row-wise arguments beside the formula: trials, exposure, offset, weights."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from ilk.errors import DataError
from ilk.frame import Column, Frame, Tabular, numbers
from ilk.frame.readers import read_values
from ilk.typing import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Argument:
    """Values of a row-wise argument on all rows of the data.

    Parameters
    ----------
    name : str
        Name of the argument.
    column : str or None
        Column that it names; None for values of its own.
    values : (N,) array
        Values, NaN where missing.
    """

    name: str
    column: str | None
    values: FloatArray

    @property
    def label(self) -> str:
        """Words for messages."""
        return self.name if self.column is None else f"{self.name}={self.column!r}"

    @property
    def missing(self) -> BoolArray | None:
        """Where the value is missing."""
        missing = np.isnan(self.values)
        return missing if missing.any() else None

    def refuse(self, bad: BoolArray, what: str) -> None:
        """Raise an error naming the first row where something is wrong."""
        if bad.any():
            row = int(np.argmax(bad))
            count = int(bad.sum())
            raise DataError(
                f"{self.label} {what}: row {row} has {self.values[row]:g}"
                + (f" ({count} such rows)." if count > 1 else "."),
                code="bad-argument",
            )


def read_argument(name: str, value: Any, frame: Tabular) -> Argument | None:
    """Read a row-wise argument.

    Parameters
    ----------
    name : str
        Name of the argument.
    value : str, array, series or None
        Name of a column, or one value for each row. Values are taken by position; a pandas series
        must have the index of the data, so that none in another order is taken by mistake.
    frame : Frame
        The data.

    Returns
    -------
    Argument or None

    Raises
    ------
    DataError
        There is no such column, the length or the index differs, or the values are not finite
        numbers.
    """
    if value is None:
        return None
    if isinstance(value, str):
        column = frame.column(value, f"{name}=")
    else:
        column = _read_array(name, value, frame)
    if not column.numeric:
        raise DataError(
            f"{name}= must be numbers; "
            + (f"column {value!r} holds {column.kind} values." if isinstance(value, str) else ""),
            code="not-numeric",
        )
    argument = Argument(name, value if isinstance(value, str) else None, numbers(column))
    if not column.finite:
        argument.refuse(np.isinf(argument.values), "is infinite")
    return argument


def _read_array(name: str, value: Any, frame: Tabular) -> Column:
    if isinstance(value, (bool, int, float)) or not hasattr(value, "__len__"):
        raise DataError(
            f"{name}= takes the name of a column or one value for each row, not {value!r:.60}.",
            code="bad-argument",
        )
    if len(value) != frame.rows:
        raise DataError(
            f"{name}= has {len(value)} values; the data have {frame.rows} rows.", code="length"
        )
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(value, pandas.Series):
        if isinstance(frame, Frame) and frame.flavor == "pandas":
            index = frame.native.index
        else:
            index = pandas.RangeIndex(frame.rows)
        if not value.index.equals(index):
            shown = f" ({value.name!r})" if value.name is not None else ""
            raise DataError(
                f"{name}= is a series{shown} whose index differs from that of the data, so its "
                "rows may be in another order; align it first, or give .to_numpy() to use it by "
                "position.",
                code="index",
            )
    return read_values(name, value)


def check_weights(argument: Argument) -> BoolArray | None:
    """Check weights, and find the rows of weight zero.

    Parameters
    ----------
    argument : Argument
        Frequency or precision weights.

    Returns
    -------
    (N,) array of bool, or None
        Rows to leave out; None if there are none.
    """
    argument.refuse(argument.values < 0, "must not be negative")
    zero = argument.values == 0
    return zero if zero.any() else None


def take(argument: Argument | None, rows: IntArray | None) -> FloatArray | None:
    """Values of an argument in the rows in use.

    Parameters
    ----------
    argument : Argument or None
        The argument.
    rows : (n,) array of int, or None
        Rows in use; None for all.

    Returns
    -------
    (n,) array or None
    """
    if argument is None:
        return None
    return argument.values.copy() if rows is None else argument.values[rows]
