"""Columns, labels and matrices that a caller of `check` names or gives, on the rows of the fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.errors import DataError, ModelError, did_you_mean
from ilk.frame import Column, columns, factor, numbers, quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ilk.design.build import Design
    from ilk.typing import FloatArray, IntArray

__all__ = ["Levels", "read_labels", "read_matrix", "read_numbers"]


@dataclass(frozen=True, slots=True)
class Levels:
    """A factor on the rows of the fit.

    Parameters
    ----------
    name : str
        Its name.
    codes : (n,) array of int
        Level of each row.
    labels : tuple
        Labels of the levels.
    """

    name: str
    codes: IntArray
    labels: tuple[Any, ...]


def read_numbers(design: Design, given: Any, argument: str) -> tuple[str, FloatArray]:
    """Read one number for each row of the fit.

    Parameters
    ----------
    design : Design
        Of the fit.
    given : str or array
        Name of a column that the fit kept, or a value for each row of the data.
    argument : str
        What messages call it.

    Returns
    -------
    name : str
    values : (n,) array
        Times as seconds.
    """
    column, rows = _column(design, given, argument)
    if column.kind == "time":
        seconds = column.values.astype("datetime64[us]").view(np.int64).astype(np.float64) * 1e-6
        values = seconds if rows is None else seconds[rows]
        if column.missing is not None:
            missing = column.missing if rows is None else column.missing[rows]
            values[missing] = np.nan
    else:
        values = numbers(column, rows)
    _refuse_missing(~np.isfinite(values), column.name, argument, rows)
    return column.name, values


def read_labels(design: Design, given: Any, argument: str) -> Levels:
    """Read a label for each row of the fit.

    Parameters
    ----------
    design, given, argument
        As in `read_numbers`; the names of grouping factors count as columns.

    Returns
    -------
    Levels
    """
    if isinstance(given, str):
        for term in design.terms:
            if term.grouping.name == given:
                return Levels(given, term.grouping.codes, term.grouping.levels)
    column, rows = _column(design, given, argument)
    found = factor(column, rows)
    _refuse_missing(found.codes < 0, column.name, argument, rows)
    return Levels(column.name, found.codes, tuple(found.levels))


def read_matrix(design: Design, given: Mapping[str, Any], argument: str) -> tuple[Levels, Any]:
    """Read a matrix between the levels of a factor, in the order of its levels.

    Parameters
    ----------
    design : Design
        Of the fit.
    given : mapping
        Name of the factor, and a frame whose index and columns are labels, or a pair of labels and
        matrix, or a matrix in the order of the levels.
    argument : str
        What messages call it.

    Returns
    -------
    levels : Levels
    matrix : (L, L) array
    """
    if not hasattr(given, "items") or len(given) != 1:
        raise ModelError(
            f"{argument}= takes one factor and its matrix, {argument}={{'species': matrix}}.",
            code=argument,
        )
    ((name, value),) = given.items()
    levels = read_labels(design, name, argument)
    labels, matrix = _labelled(value, levels)
    matrix = np.asarray(matrix, dtype=np.float64)
    size = len(labels)
    if matrix.shape != (size, size) or not np.allclose(matrix, matrix.T, equal_nan=True):
        raise DataError(
            f"{argument}[{name!r}] must be a symmetric matrix with a row for each of {size} "
            f"labels; its shape is {matrix.shape}.",
            code="matrix",
        )
    place = {label: i for i, label in enumerate(labels)}
    lost = [label for label in levels.labels if label not in place]
    if lost:
        raise DataError(
            f"{argument}[{name!r}] has no row for the level {quote(lost[0])}"
            + (f" and {len(lost) - 1} more." if len(lost) > 1 else "."),
            code="unknown-level",
        )
    order = [place[label] for label in levels.labels]
    chosen = matrix[np.ix_(order, order)]
    off = chosen[~np.eye(len(order), dtype=bool)]
    if not np.all(np.isfinite(off)):
        raise DataError(f"{argument}[{name!r}] has missing numbers between levels.", code="matrix")
    return levels, chosen


def _labelled(value: Any, levels: Levels) -> tuple[list[Any], Any]:
    """Labels of a matrix, those of the levels where it has none."""
    if isinstance(value, tuple) and len(value) == 2:
        return list(value[0]), value[1]
    index = getattr(value, "index", None)
    if index is not None and hasattr(value, "columns"):
        return list(index), value.to_numpy()
    if np.ndim(value) != 2 or len(value) != len(levels.labels):
        raise DataError(
            f"The matrix of {levels.name!r} without labels needs a row for each of its "
            f"{len(levels.labels)} levels, not {len(np.atleast_1d(value))}; give (labels, matrix).",
            code="matrix",
        )
    return list(levels.labels), value


def _column(design: Design, given: Any, argument: str) -> tuple[Column, IntArray | None]:
    """Column, and the rows of it that the fit used."""
    if isinstance(given, str):
        if given in design.data:
            return design.data.column(given), None
        raise ModelError(
            f"{argument}={given!r:.80} is no column that the fit kept: it keeps those of its "
            f"formulas and arguments. Give the values, {argument}=data[{given!r:.80}]."
            + did_you_mean(given, design.data.names),
            code="unknown-column",
        )
    total, used = design.rows.total, len(design.rows.kept)
    flat = hasattr(given, "__len__") and getattr(given, "ndim", 1) == 1
    if not flat or len(given) not in (total, used):
        size = f"{len(given)} values" if flat else f"{' '.join(repr(given).split()):.60}"
        raise DataError(
            f"{argument}= takes the name of a column or a value for each of the {total} rows of "
            f"the data, not {size}.",
            code="length",
        )
    name = getattr(given, "name", None)
    name = name if isinstance(name, str) else argument
    column = columns({name: given}).column(name)
    return column, design.rows.selection if len(given) == total else None


def _refuse_missing(missing: Any, name: str, argument: str, rows: IntArray | None) -> None:
    if np.any(missing):
        row = int(np.argmax(missing))
        row = row if rows is None else int(rows[row])
        raise DataError(
            f"{argument}={name!r} has no value in row {row}: give every row that the fit uses one.",
            code="missing",
        )
