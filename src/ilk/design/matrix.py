"""Columns of a sum of terms: the fixed part of a predictor, or the left of a random term's bar.

Vectors and treatment-coded factors, alone or in products, are put together here with NumPy; other
codings and bases go to `ilk.design.general`. Names, order and values are formulaic's either way.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ilk.design.coding import Subterm, code_terms
from ilk.design.evaluate import evaluate
from ilk.design.general import formulaic_matrix
from ilk.design.levels import label_texts, match_levels, type_hint
from ilk.design.scope import Scope, check_finite
from ilk.design.transforms import Coded
from ilk.errors import DataError
from ilk.formula.language import Name
from ilk.formula.spec import Factor as FormulaFactor
from ilk.formula.spec import Sum
from ilk.frame import Factor, Label, listing, quote
from ilk.typing import FloatArray

MAX_COLUMNS = 10_000
"""Largest number of columns of one sum."""

MAX_BYTES = 8 * 2**30
"""Largest size of the matrix of one sum."""

_SCATTER = 8
"""Factors with more levels are filled in by index, others level by level."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is needed to make the same columns from new data.

    Parameters
    ----------
    terms : Sum
        The terms.
    levels : mapping
        Levels of each factor that has some, by its text.
    names : tuple of str
        Names of the columns.
    """

    terms: Sum
    levels: Mapping[str, tuple[Label, ...]]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Columns of a sum.

    Parameters
    ----------
    X : (n, p) array
        Columns, Fortran order; a column of ones alone is stored as a single one.
    recipe : Recipe
        How to make them again.
    references : mapping
        Reference level of each factor with a reduced treatment coding.
    single : tuple of str
        Factors that have one level only and therefore no column.
    """

    X: FloatArray
    recipe: Recipe
    references: Mapping[str, Label]
    single: tuple[str, ...] = ()


def make_matrix(terms: Sum, scope: Scope, recipe: Recipe | None = None) -> Matrix:
    """Make the columns of a sum.

    Parameters
    ----------
    terms : Sum
        The terms.
    scope : Scope
        The data.
    recipe : Recipe, optional
        For new data: what the fit has learned of these terms.

    Returns
    -------
    Matrix

    Raises
    ------
    DataError
        A factor has a level that the fit does not know, a value is infinite or undefined, or the
        matrix would be too large.
    """
    if recipe is None:
        return scope.once(f"columns of {terms.text}", lambda: _make_matrix(terms, scope, None))
    return _make_matrix(terms, scope, recipe)


def _make_matrix(terms: Sum, scope: Scope, recipe: Recipe | None) -> Matrix:
    factors = terms.factors
    if recipe is not None and scope.count == 0:
        return Matrix(np.zeros((0, len(recipe.names)), order="F"), recipe, {})
    values = {factor.text: _values(factor, scope, recipe) for factor in factors}
    levels = {text: _levels(value) for text, value in values.items() if _is_coded(value)}
    if all(map(_is_simple, values.values())):
        X, names, reduced = _simple_matrix(terms, values, scope.count)
    else:
        _check_size(terms, sum_columns(terms, values), scope.count, values)
        X, names = formulaic_matrix(terms, values, scope.count)
        reduced = [text for text in levels if _is_reduced(text, levels[text], names)]
    if recipe is None:
        recipe = Recipe(terms, levels, names)
    elif names != recipe.names:
        raise DataError(
            f"The terms {terms.text[:80]!r} give other columns on the new data "
            f"({', '.join(names[:5])}, ...) than in the fit.",
            code="columns",
        )
    references = {text: _reference(values[text]) for text in reduced if len(levels[text]) > 1}
    single = tuple(text for text in reduced if len(levels[text]) == 1)
    return Matrix(X, recipe, references, single)


def _is_coded(value: Any) -> bool:
    return isinstance(value, (Factor, Coded))


def _levels(value: Factor | Coded) -> tuple[Label, ...]:
    return value.factor.levels if isinstance(value, Coded) else value.levels


def _reference(value: Factor | Coded) -> Label:
    levels = _levels(value)
    if isinstance(value, Coded) and value.option is not None:
        return value.option  # type: ignore[no-any-return]
    return levels[-1] if isinstance(value, Coded) and value.contrast == "contr.SAS" else levels[0]


def _is_reduced(text: str, levels: Sequence[Label], names: Sequence[str]) -> bool:
    """Whether formulaic gave a factor a reduced treatment coding, or no column at all."""
    if len(levels) == 1:
        return not any(f"{text}[" in name for name in names)
    return any(f"{text}[T." in name for name in names)


def _is_simple(value: Any) -> bool:
    """Whether a value is a vector or a factor with plain treatment coding."""
    if isinstance(value, Factor):
        return True
    if isinstance(value, Coded):
        return value.contrast in ("Treatment", "contr.treatment") and value.option is None
    return type(value) is np.ndarray and value.ndim == 1


def _values(factor: FormulaFactor, scope: Scope, recipe: Recipe | None) -> Any:
    """Values of a factor; levels of new data are put among those of the fit."""
    value = evaluate(factor.expression, scope)
    if _is_coded(value):
        known = None if recipe is None else recipe.levels.get(factor.text, ())
        if known is None:
            return value
        if isinstance(value, Coded):
            matched = _match(factor, value.factor, known, scope)
            return Coded(matched, value.contrast, value.option)
        return _match(factor, value, known, scope)
    if recipe is not None and factor.text in recipe.levels:
        raise DataError(
            f"Column {factor.text!r} holds numbers here and levels in the data of the fit.",
            code="column-type",
        )
    if isinstance(factor.expression, Name):
        return value  # columns were checked when the rows were chosen
    if hasattr(value, "keys"):
        for key in value:
            if not str(key).startswith("__"):
                check_finite(np.asarray(value[key]), factor.expression, factor.text, scope)
        return value
    if np.ndim(value) == 0:
        value = np.full(scope.count, float(value))
    check_finite(np.asarray(value), factor.expression, factor.text, scope)
    return value


def _match(factor: FormulaFactor, found: Factor, known: Sequence[Label], scope: Scope) -> Factor:
    if not known:
        raise DataError(
            f"Column {factor.text!r} holds levels here and numbers in the data of the fit.",
            code="column-type",
        )
    codes = match_levels(tuple(known), found.levels)
    if (codes < 0).any():
        unseen = int(np.argmax(codes < 0))
        where = np.flatnonzero(found.codes == unseen)
        label = found.levels[unseen]
        raise DataError(
            f"{_column(factor)} has the level {quote(label)}, which was not in the data of the "
            f"fit (row {scope.row(int(where[0]))}); known are {listing(known)}."
            f"{type_hint(known, label)}",
            code="unseen-level",
        )
    return Factor(np.append(codes, np.int32(-1))[found.codes], tuple(known))


def _column(factor: FormulaFactor) -> str:
    if isinstance(factor.expression, Name):
        return f"Column {factor.expression.column!r}"
    return factor.text


def sum_columns(terms: Sum, values: Mapping[str, Any]) -> int:
    """Bound on the number of columns of a sum.

    Parameters
    ----------
    terms : Sum
        The terms.
    values : mapping
        Values of each factor by its text.

    Returns
    -------
    int
    """
    return sum(math.prod(_width(values[f.text]) for f in term.factors) for term in terms.terms)


def _width(value: Any) -> int:
    if _is_coded(value):
        return len(_levels(value))
    if hasattr(value, "keys"):
        return len(value)
    return int(np.shape(value)[1]) if np.ndim(value) > 1 else 1


def _check_size(terms: Sum, columns: int, rows: int, values: Mapping[str, Any]) -> None:
    """Refuse a matrix that would be too large, before it is made."""
    size = columns * rows * 8
    if columns <= MAX_COLUMNS and size <= MAX_BYTES:
        return
    widest = max((text for text in values), key=lambda text: _width(values[text]))
    raise DataError(
        f"The terms {terms.text[:60]!r} would make {columns} columns of {rows} rows "
        f"({size / 2**30:.1f} GiB); {widest!r} alone has {_width(values[widest])} levels. A factor "
        f"with that many belongs into a random term, (1 | {widest}).",
        code="too-large",
    )


def _simple_matrix(
    terms: Sum, values: Mapping[str, Any], rows: int
) -> tuple[FloatArray, tuple[str, ...], list[str]]:
    """Matrix, names and reduced factors of a sum of vectors and treatment-coded factors."""
    position = {factor.text: i for i, factor in enumerate(terms.factors)}
    texts = list(position)
    columns = [_plain_factor(values[text]) for text in texts]
    coded = code_terms(
        tuple(tuple(position[f.text] for f in term.factors) for term in terms.terms),
        tuple(isinstance(column, Factor) for column in columns),
    )
    subterms = [subterm for group in coded for subterm in group]
    widths = [
        math.prod(_part_width(columns[i], reduced) for i, reduced in subterm.parts)
        for subterm in subterms
    ]
    _check_size(terms, sum(widths), rows, values)
    if len(subterms) == 1 and not subterms[0].parts:  # (a one, stored once)
        return np.broadcast_to(np.ones(1), (rows, 1)), ("Intercept",), []
    X = np.empty((rows, sum(widths)), order="F")
    names: list[str] = []
    reduced_factors: dict[str, None] = {}
    for subterm in subterms:
        _fill(X, len(names), subterm, columns)
        names.extend(_names(subterm, texts, columns))
        reduced_factors.update((texts[i], None) for i, reduced in subterm.parts if reduced)
    return X, tuple(names), list(reduced_factors)


def _plain_factor(value: Any) -> Any:
    return value.factor if isinstance(value, Coded) else value


def _part_width(column: FloatArray | Factor, reduced: bool) -> int:
    return len(column.levels) - reduced if isinstance(column, Factor) else 1


def _names(
    subterm: Subterm, texts: Sequence[str], columns: Sequence[FloatArray | Factor]
) -> list[str]:
    """Names of the columns of a product; the first factor runs fastest."""
    if not subterm.parts:
        return ["Intercept"]
    parts: list[list[str]] = []
    for i, reduced in subterm.parts:
        column = columns[i]
        if isinstance(column, Factor):
            sign = "T." if reduced else ""
            labels = label_texts(column.levels)[reduced:]
            parts.append([f"{texts[i]}[{sign}{label}]" for label in labels])
        else:
            parts.append([texts[i]])
    return [":".join(reversed(names)) for names in itertools.product(*reversed(parts))]


def _fill(
    X: FloatArray, start: int, subterm: Subterm, columns: Sequence[FloatArray | Factor]
) -> None:
    """Write the columns of a product into X from column `start` on."""
    if not subterm.parts:
        X[:, start] = 1.0
        return
    if len(subterm.parts) == 1:
        i, reduced = subterm.parts[0]
        column = columns[i]
        if isinstance(column, Factor):
            _fill_dummies(X, start, column, reduced)
        else:
            X[:, start] = column
        return
    choices = [
        range(int(reduced), len(column.levels)) if isinstance(column, Factor) else (None,)
        for column, reduced in ((columns[i], reduced) for i, reduced in subterm.parts)
    ]
    for offset, levels in enumerate(itertools.product(*reversed(choices))):
        out = X[:, start + offset]
        out[:] = 1.0
        for (i, _), level in zip(subterm.parts, reversed(levels), strict=True):
            column = columns[i]
            out *= column.codes == level if isinstance(column, Factor) else column


def _fill_dummies(X: FloatArray, start: int, factor: Factor, reduced: bool) -> None:
    first, levels = int(reduced), len(factor.levels)
    if levels <= _SCATTER:
        for level in range(first, levels):
            np.equal(factor.codes, level, out=X[:, start + level - first])
        return
    X[:, start : start + levels - first] = 0.0
    rows = np.flatnonzero(factor.codes >= first)
    X[rows, start + factor.codes[rows] - first] = 1.0
