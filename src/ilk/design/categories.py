"""A column as ordered or unordered categories: which there are, and the code of each row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ilk.design.scope import Scope
from ilk.errors import DataError, ModelError
from ilk.family.categorical import unknown_level
from ilk.formula.language import Name
from ilk.formula.spec import ResponseSpec
from ilk.frame import Column, Label, Tabular, factor, listing
from ilk.typing import FloatArray

__all__ = ["category_codes", "category_column", "find_categories"]

_MANY = 20
"""Whole numbers with more different values than this are no categories."""


def category_column(spec: ResponseSpec, family: str) -> str:
    """Name of the column that holds the categories.

    Parameters
    ----------
    spec : ResponseSpec
        Left side of the formula.
    family : str
        What messages call the family.

    Raises
    ------
    ModelError
        The left side is not a column.
    """
    expression = spec.parts[0].expression
    if spec.kind != "value" or not isinstance(expression, Name):
        raise ModelError(
            f"The response of family {family!r} is a column of categories, not the expression "
            f"{spec.text!r}: make the column before the fit.",
            code="response-type",
        )
    return expression.column


def find_categories(
    spec: ResponseSpec, frame: Tabular, family: str, *, ordered: bool
) -> tuple[Label, ...]:
    """Categories of a response, in their order.

    Parameters
    ----------
    spec : ResponseSpec
        Left side of the formula.
    frame : Frame or Kept
        The data.
    family : str
        What messages call the family.
    ordered : bool
        Whether the order means something, so that it must be known.

    Returns
    -------
    tuple
        Labels: in declared order of a categorical column (those that no row has included), sorted
        of whole numbers and truth values, and of text where the order does not matter.

    Raises
    ------
    DataError
        The order of the values is not known, or they are no categories.
    """
    name = category_column(spec, family)
    column = frame.column(name)
    if column.kind == "category":
        return tuple(column.levels or ())
    if column.numeric:
        return _whole_numbers(column, family)
    labels = factor(column).levels
    if ordered:
        raise DataError(
            f"Column {name!r} holds {column.kind} values ({listing(labels, 4)}) whose order is not "
            f"known: give it, from lowest to highest, as "
            f"family=ilk.families.{family}(levels=[...]), or make the column an ordered "
            "categorical.",
            code="category-order",
        )
    return labels


def _whole_numbers(column: Column, family: str) -> tuple[int, ...]:
    """Sorted values of a numeric column, which have to be few whole numbers."""
    values = np.asarray(column.values, dtype=np.float64)
    if column.missing is not None:
        values = np.where(column.missing, 0.0, values)
    values = np.where(np.isnan(values), 0.0, values)
    infinite, broken = np.isinf(values), values != np.floor(values)
    wrong = infinite if infinite.any() else broken
    labels = () if wrong.any() else factor(column).levels
    if not wrong.any() and len(labels) <= _MANY:
        return tuple(int(x) for x in labels)  # type: ignore[call-overload]
    row = int(np.argmax(wrong))
    what = f"{values[row]:g} in row {row}" if wrong.any() else f"{len(labels)} different numbers"
    raise DataError(
        f"Column {column.name!r} has {what}, which family {family!r} does not take as categories: "
        "cut it into classes, or use a family of numbers such as 'gaussian'.",
        code="infinite" if infinite.any() else "response-type",
    )


def category_codes(
    spec: ResponseSpec, scope: Scope, levels: Sequence[Label], family: str = "cumulative"
) -> FloatArray:
    """(n,) code 0, ..., J - 1 of the category of each row in use.

    Parameters
    ----------
    spec : ResponseSpec
        Left side of the formula.
    scope : Scope
        The data.
    levels : sequence
        The categories, in order.
    family : str
        What messages call the family.

    Raises
    ------
    DataError
        A value is none of the categories.
    """
    name = category_column(spec, family)
    found = scope.factor(name)
    place = {level: float(code) for code, level in enumerate(levels)}
    codes = np.array([place.get(label, np.nan) for label in found.levels])[found.codes]
    bad = np.flatnonzero(np.isnan(codes))
    if len(bad):
        label = found.levels[found.codes[bad[0]]]
        raise unknown_level(label, levels, name, scope.row(int(bad[0])))
    return codes
