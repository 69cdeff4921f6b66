"""The two readings of a column: numbers for arithmetic, levels for grouping and dummy columns.

Levels are found in the column's own type. Integers never pass through float, where neighbors
beyond 2^53 would merge.
"""

from __future__ import annotations

import datetime
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ilk.frame.column import Column, Factor, Label, not_numeric
from ilk.typing import BoolArray, FloatArray, IntArray


def numbers(column: Column, rows: IntArray | None = None) -> FloatArray:
    """Read a column as double precision numbers.

    Integers and truth values become float64 here, before any arithmetic: a product of two int8
    columns would overflow silently.

    Parameters
    ----------
    column : Column
        A numeric column.
    rows : (m,) array of int, optional
        Rows wanted; all if None.

    Returns
    -------
    (m,) array
        Values, NaN where missing.
    """
    if not column.numeric:
        raise not_numeric(column)
    values = column.values if rows is None else column.values[rows]
    floats = values.astype(np.float64) if values.dtype != np.float64 else values
    if column.missing is not None and column.kind != "float":
        floats[column.missing if rows is None else column.missing[rows]] = np.nan
    return floats


def factor(column: Column, rows: IntArray | None = None) -> Factor:
    """Read a column as levels, each in its own type.

    Parameters
    ----------
    column : Column
        Any column.
    rows : (m,) array of int, optional
        Rows wanted; all if None. Levels that do not occur in them are dropped.

    Returns
    -------
    Factor
    """
    values = column.values if rows is None else column.values[rows]
    missing = column.missing
    if missing is not None and rows is not None:
        missing = missing[rows]
    if column.levels is not None:
        codes, levels = drop_unused(values, column.levels)
        return Factor(codes, levels)
    if column.kind in ("integer", "boolean"):
        codes, present = factor_integers(values, missing)
        return Factor(codes, tuple(present.tolist()))
    if column.kind == "time":
        times = values.astype("datetime64[us]")
        codes, present = factor_integers(times.view(np.int64), missing)
        moments = present.view("datetime64[us]")
        return Factor(codes, tuple(_iso(moment) for moment in moments.tolist()))
    if missing is None:
        uniques, inverse = np.unique(values, return_inverse=True)
        return Factor(inverse.astype(np.int32), tuple(uniques.tolist()))
    codes = np.full(len(values), -1, dtype=np.int32)
    uniques, inverse = np.unique(values[~missing], return_inverse=True)
    codes[~missing] = inverse
    return Factor(codes, tuple(uniques.tolist()))


def _iso(moment: Any) -> str:
    """Write a date as ``2024-05-01``, with its time of day unless that is midnight."""
    if isinstance(moment, datetime.datetime):
        midnight = moment.time() == datetime.time()
        return moment.date().isoformat() if midnight else moment.isoformat()
    return str(moment)


def drop_unused(
    codes: npt.NDArray[Any], levels: Sequence[Label]
) -> tuple[npt.NDArray[np.int32], tuple[Label, ...]]:
    """Drop the levels that no row has.

    Parameters
    ----------
    codes : (n,) array of int
        Level of each row, -1 where missing.
    levels : sequence
        Labels of the codes.

    Returns
    -------
    codes : (n,) array of int32
        Position among the levels that are left.
    levels : tuple
        Labels that occur, in the same order.
    """
    codes = np.asarray(codes, dtype=np.int32)
    present = np.zeros(len(levels) + 1, dtype=bool)
    present[codes] = True
    used = present[:-1]
    if used.all():
        return codes, tuple(levels)
    lookup = np.empty(len(levels) + 1, dtype=np.int32)
    lookup[:-1] = np.cumsum(used, dtype=np.int32) - 1
    lookup[-1] = -1
    return lookup[codes], tuple(level for level, kept in zip(levels, used, strict=True) if kept)


def factor_integers(
    values: npt.NDArray[Any], missing: BoolArray | None = None
) -> tuple[npt.NDArray[np.int32], npt.NDArray[Any]]:
    """Level codes of integers, exactly.

    Parameters
    ----------
    values : (n,) array of int, unsigned int or bool
        Any width up to 64 bits.
    missing : (n,) array of bool, optional
        Rows without a value; their code is -1.

    Returns
    -------
    codes : (n,) array of int32
        Position of each value among `present`.
    present : (L,) array
        Values that occur, sorted, in the type of `values`.
    """
    if missing is not None and missing.any():
        codes = np.full(len(values), -1, dtype=np.int32)
        inner, present = factor_integers(values[~missing])
        codes[~missing] = inner
        return codes, present
    if len(values) == 0:
        return np.empty(0, dtype=np.int32), values
    if values.dtype == np.bool_:
        codes, small = factor_integers(values.view(np.uint8))
        return codes, small.astype(bool)
    low, high = int(values.min()), int(values.max())
    if high - low <= 4 * len(values) + 65536:
        return _factor_dense(values, low, high)
    pandas = sys.modules.get("pandas")
    if pandas is None:
        present, inverse = np.unique(values, return_inverse=True)
        return inverse.astype(np.int32), present
    codes, uniques = pandas.factorize(values)
    order = np.argsort(uniques)
    lookup = np.empty(len(order), dtype=np.int32)
    lookup[order] = np.arange(len(order), dtype=np.int32)
    return lookup[codes], np.asarray(uniques)[order]


def _factor_dense(
    values: npt.NDArray[Any], low: int, high: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[Any]]:
    """Level codes of integers in a narrow range, by a table over the range."""
    wide = values if values.dtype.itemsize == 8 else values.astype(np.int64)
    shifted = (wide - wide.dtype.type(low)).astype(np.int64, copy=False)
    table = np.zeros(high - low + 1, dtype=bool)
    table[shifted] = True
    if table.all():
        present = np.arange(low, high + 1, dtype=wide.dtype)
        return shifted.astype(np.int32), present.astype(values.dtype)
    offsets = np.flatnonzero(table)
    lookup = np.empty(high - low + 1, dtype=np.int32)
    lookup[offsets] = np.arange(len(offsets), dtype=np.int32)
    present = offsets.astype(wide.dtype) + wide.dtype.type(low)
    return lookup[shifted], present.astype(values.dtype)
