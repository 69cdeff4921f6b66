"""Fixed part of a predictor: estimable columns, what was left out, and the known offset."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ilk.design.evaluate import evaluate_vector
from ilk.design.matrix import Recipe, make_matrix
from ilk.design.rank import independent_columns
from ilk.design.scope import Scope
from ilk.formula.spec import PredictorSpec, Sum, Term
from ilk.frame import Label
from ilk.typing import FloatArray

INTERCEPT = "Intercept"
"""Name of the column of ones, as formulaic calls it."""


@dataclass(frozen=True, slots=True)
class FixedPart:
    """Fixed part of one predictor.

    Parameters
    ----------
    predictor : str
        Name of the predictor.
    X : (n, p) array
        Estimable columns, Fortran order; a column of ones alone is stored as a single one.
    names : tuple of str
        Their names.
    dropped : tuple of str
        Columns that are linear combinations of earlier ones, and factors with a single level: not
        estimable.
    all_names : tuple of str
        Names before columns were dropped; without an intercept that is left out on purpose.
    offset : (n,) array or None
        Sum of the known terms.
    has_intercept : bool
        Whether a column of ones is among the columns.
    reference_levels : mapping
        Reference level of each factor.
    recipe : Recipe
        How to make the columns again.
    """

    predictor: str
    X: FloatArray
    names: tuple[str, ...]
    dropped: tuple[str, ...]
    all_names: tuple[str, ...]
    offset: FloatArray | None
    has_intercept: bool
    reference_levels: Mapping[str, Label]
    recipe: Recipe


def make_fixed(
    spec: PredictorSpec,
    scope: Scope,
    offset: FloatArray | None = None,
    *,
    drop_intercept: bool = False,
) -> FixedPart:
    """Make the fixed part of a predictor.

    Parameters
    ----------
    spec : PredictorSpec
        Its right side.
    scope : Scope
        The data.
    offset : (n,) array, optional
        Known terms that come as arguments.
    drop_intercept : bool
        Whether to leave out the column of ones once factors are coded beside it, for predictors
        whose intercept other parameters stand for.

    Returns
    -------
    FixedPart
    """
    matrix = make_matrix(spec.fixed, scope)
    all_names = matrix.recipe.names
    has_intercept = INTERCEPT in all_names
    keep = independent_columns(matrix.X, all_names.index(INTERCEPT) if has_intercept else None)
    X, names, dropped = matrix.X, all_names, matrix.single
    if not keep.all():
        dropped = (*(n for n, kept in zip(all_names, keep, strict=True) if not kept), *dropped)
    if has_intercept and drop_intercept:
        keep = keep & (np.array(all_names) != INTERCEPT)
        has_intercept = False
    if not keep.all():
        X = np.asfortranarray(X[:, keep])
        names = tuple(name for name, kept in zip(all_names, keep, strict=True) if kept)
    if drop_intercept:
        all_names = tuple(name for name in all_names if name != INTERCEPT)
    return FixedPart(
        predictor=spec.name,
        X=X,
        names=names,
        dropped=dropped,
        all_names=all_names,
        offset=add_offsets(spec, scope, offset),
        has_intercept=has_intercept,
        reference_levels=matrix.references,
        recipe=matrix.recipe,
    )


@functools.cache
def constant(predictor: str) -> PredictorSpec:
    """Right side of a predictor without a formula: an intercept.

    Parameters
    ----------
    predictor : str
        Name of the predictor.

    Returns
    -------
    PredictorSpec
    """
    return PredictorSpec(predictor, "~ 1", Sum((Term(),)))


def with_intercept(spec: PredictorSpec) -> PredictorSpec:
    """Right side of a predictor with an intercept, whatever its formula says.

    Parameters
    ----------
    spec : PredictorSpec
        The right side.

    Returns
    -------
    PredictorSpec
    """
    if spec.fixed.has_intercept:
        return spec
    return replace(spec, fixed=Sum((Term(), *spec.fixed.terms)))


def remake_fixed(part: FixedPart, scope: Scope) -> FloatArray:
    """Make the estimable columns of a fixed part from new data.

    Parameters
    ----------
    part : FixedPart
        Of the fit.
    scope : Scope
        New data.

    Returns
    -------
    (m, p) array
    """
    X = make_matrix(part.recipe.terms, scope, part.recipe).X
    if len(part.names) == X.shape[1]:
        return X
    keep = [part.recipe.names.index(name) for name in part.names]
    return np.asfortranarray(X[:, keep])


def add_offsets(spec: PredictorSpec, scope: Scope, offset: FloatArray | None) -> FloatArray | None:
    """Sum of the offsets of a formula and of the arguments.

    Parameters
    ----------
    spec : PredictorSpec
        The right side.
    scope : Scope
        The data.
    offset : (n,) array or None
        From the arguments.

    Returns
    -------
    (n,) array or None
    """
    for factor in spec.offsets:
        values = evaluate_vector(factor.expression, f"offset({factor.text})", scope)
        offset = values if offset is None else offset + values
    return offset
