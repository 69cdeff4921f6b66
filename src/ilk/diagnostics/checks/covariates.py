r"""Residuals against each covariate: curves that are missing.

Residuals r (normal scores of the simulated ones; of counts, whose scores are blurred by the draws
within ties, responses less their simulated mean, in standard deviations) are projected on what is
smooth in the covariate and not in the model: an orthonormal basis B of polynomials in its
ranks, up to the fourth degree, from which the columns of the fixed part have been taken out.  The
statistic is the share of the variation that a smooth curve takes, :math:`|B'r_j|^2 / |r_j|^2` in
data set j, and its distribution is that of the simulated data sets.
Derivation: docs/derivations/influence.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.diagnostics.checks.columns import Levels, read_labels, read_numbers
from ilk.diagnostics.checks.null import judge, judged_check
from ilk.diagnostics.checks.record import skipped
from ilk.diagnostics.checks.units import units_of, views_of
from ilk.errors import ModelError
from ilk.formula.language import column_names
from ilk.frame import numbers, quote
from ilk.num.stable import special

if TYPE_CHECKING:
    from ilk.diagnostics.checks.context import Context
    from ilk.diagnostics.checks.record import Check
    from ilk.diagnostics.checks.simulated import Simulated
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = [
    "STILL",
    "asked_covariates",
    "check_covariates",
    "covariate_names",
    "covariates_of",
    "curve_basis",
    "row_scores",
    "spelled",
]

_TITLE = "No curve is missing"

STILL = "The residuals of some data sets do not vary, so that there is nothing to compare."
"""Why there is no test."""

_DEGREE = 4
"""Degree of the curve."""

_FEWEST = 5
"""Distinct values from which a column is a covariate with a curve."""

_SHARE = 0.02
"""Share of the residual variation in a curve from which it matters."""

_POINTS = 60
"""Places of the smooth line."""


def check_covariates(context: Context) -> tuple[Check, ...]:
    """Test whether a curve in a covariate is missing.

    Parameters
    ----------
    context : Context
        The fit and its simulated data sets.

    Returns
    -------
    tuple of Check
        One for each numeric covariate, and for each column that was named besides.
    """
    numeric, levels = asked_covariates(context)
    known = covariates_of(context.fitted)
    found = [_curve(context, name, x[context.rows]) for name, x in (known | numeric).items()]
    found += [_levels(context, one) for one in levels]
    if not found:
        words = "The formulas have no numeric covariate with five values or more."
        return (skipped("covariates", _TITLE, words),)
    return tuple(found)


def asked_covariates(context: Context) -> tuple[dict[str, FloatArray], list[Levels]]:
    """Columns that were named beside those of the formulas.

    Parameters
    ----------
    context : Context
        What was asked.

    Returns
    -------
    numeric : dict of str to (n,) array
        Numbers with five values or more.
    levels : list of Levels
        All others.
    """
    given, design = context.asked.covariates, context.fitted.design
    if given is None:
        return {}, []
    if not hasattr(given, "items"):
        raise ModelError(
            "covariates= takes names and columns, such as covariates={'fish': data['fish']}.",
            code="covariates",
        )
    numeric, levels = {}, []
    for name, column in given.items():
        found = read_labels(design, column, f"covariates[{name!r}]")
        numbers_only = all(isinstance(label, (int, float, np.number)) for label in found.labels)
        if numbers_only and len(found.labels) >= _FEWEST:
            numeric[name] = read_numbers(design, column, f"covariates[{name!r}]")[1]
        else:
            levels.append(Levels(name, found.codes, found.labels))
    return numeric, levels


def covariates_of(fitted: Fitted) -> dict[str, FloatArray]:
    """Numeric columns of the formulas with five values or more, but not what groups rows.

    Parameters
    ----------
    fitted : Fitted
        The fit.

    Returns
    -------
    dict of str to (n,) array
    """
    out = {}
    for name in covariate_names(fitted):
        column = fitted.design.data.column(name)
        if column.kind not in ("float", "integer"):
            continue
        values = numbers(column, None)
        if np.all(np.isfinite(values)) and len(np.unique(values)) >= _FEWEST:
            out[name] = values
    return out


def covariate_names(fitted: Fitted) -> tuple[str, ...]:
    """Columns of the terms of all formulas, without those that group rows.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    """
    spec = fitted.design.spec
    factors = [f for part in spec.predictors for f in part.fixed.factors]
    factors += [f for part in spec.predictors for one in part.random for f in one.effects.factors]
    used = dict.fromkeys(name for f in factors for name in column_names(f.expression))
    groups = {name for part in spec.predictors for one in part.random for name in one.grouping}
    return tuple(name for name in used if name not in groups and name in fitted.design.data)


def spelled(name: str) -> str:
    """Name of a column as a formula has it, between backticks if it is no plain name.

    Parameters
    ----------
    name : str
        The column.
    """
    return name if name.isidentifier() else f"`{name}`"


def curve_basis(x: FloatArray, X: FloatArray) -> FloatArray:
    """Orthonormal curves in the ranks of a covariate that are not in the model.

    Parameters
    ----------
    x : (k,) array
        The covariate.
    X : (k, p) array
        Columns of the model.

    Returns
    -------
    (k, d) array
        Up to four columns; fewer if the model has them.
    """
    _, place, counts = np.unique(x, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - 0.5 * (counts + 1.0))[place.reshape(-1)] / max(len(x) - 1, 1)
    degree = min(_DEGREE, len(counts) - 1)
    moved = np.polynomial.legendre.legvander(2.0 * rank - 1.0, degree)[:, 1:]
    moved /= np.linalg.norm(moved, axis=0)
    return _outside(np.asarray(moved, dtype=np.float64), X)


def _outside(columns: FloatArray, X: FloatArray) -> FloatArray:
    """Orthonormal basis of what columns (k, d) of unit length have outside of those of X."""
    size = np.maximum(np.linalg.norm(X, axis=0), np.finfo(float).tiny)
    left, values, _ = np.linalg.svd(np.column_stack([np.ones(len(X)), X / size]), False)
    base = left[:, values > 1e-10 * values[0]]
    for _ in range(2):
        columns = columns - base @ (base.T @ columns)
    left, values, _ = np.linalg.svd(columns, full_matrices=False)
    return np.asarray(left[:, values > 0.05])


def _curve(context: Context, name: str, x: FloatArray) -> Check:
    part = context.fitted.model.parts["mean"]
    basis = curve_basis(x, np.asarray(part.X[context.rows], dtype=np.float64))
    if not basis.shape[1]:
        return skipped("covariates", _TITLE, "The model has every curve in it.", where=name)
    view = views_of(context, units_of(x[:, None]))[0]
    simulated = context.simulated(view)
    scores = row_scores(simulated)
    share = _share(basis, scores)
    if share is None:
        return skipped("covariates", _TITLE, STILL, where=name)
    found = judge(share, "upper")
    excess = found.observed - found.expected
    curve = basis @ (basis.T @ scores[:, 0])
    order = np.argsort(x, kind="stable")
    chosen = order[np.unique(np.linspace(0, len(x) - 1, _POINTS).astype(int))]
    low, high = np.quantile(basis[chosen] @ (basis.T @ scores[:, 1:]), [0.025, 0.975], axis=1)
    bends = " where it is " + ("low or high" if _ends(x, curve) else "in the middle")
    return judged_check(
        context,
        found,
        large=bool(excess > _SHARE),
        code="covariates",
        title=_TITLE,
        where=name,
        estimand=view,
        sentence=f"A smooth curve in {name} takes {100 * found.observed:.2g} % of the variation of "
        f"the residuals, where {100 * found.expected:.2g} % is expected; responses are above "
        f"the model{bends}.",
        advice=f"Give {name} a curve, such as bs({spelled(name)}, df=4) or "
        f"poly({spelled(name)}, 2), or another scale; it may also interact with a covariate."
        if name in covariate_names(context.fitted)
        else f"Take {name} into the formula.",
        detail={
            "x": x,
            "residual": simulated.residuals[:, 0].astype(float),
            "at": x[chosen],
            "curve": curve[chosen],
            "low": low,
            "high": high,
        },
    )


def _levels(context: Context, one: Levels) -> Check:
    """Whether residuals differ between the levels of a factor that is not in the model."""
    codes = one.codes[context.rows]
    count = np.bincount(codes, minlength=len(one.labels))
    part = context.fitted.model.parts["mean"]
    columns = (codes[:, None] == np.flatnonzero(count)) / np.sqrt(count[count > 0])
    basis = _outside(columns, np.asarray(part.X[context.rows], dtype=np.float64))
    if not basis.shape[1]:
        return skipped("covariates", _TITLE, "The model has its levels in it.", where=one.name)
    view = views_of(context, units_of(codes[:, None].astype(np.float64)))[0]
    scores = row_scores(context.simulated(view))
    share = _share(basis, scores)
    if share is None:
        return skipped("covariates", _TITLE, STILL, where=one.name)
    found = judge(share, "upper")
    means = np.bincount(codes, scores[:, 0], minlength=len(one.labels)) / np.maximum(count, 1)
    top = int(np.argmax(np.where(count > 0, means, -np.inf)))
    return judged_check(
        context,
        found,
        large=bool(found.observed - found.expected > _SHARE),
        code="covariates",
        title=_TITLE,
        where=one.name,
        estimand=view,
        sentence=f"The levels of {one.name} take {100 * found.observed:.2g} % of the variation of "
        f"the residuals, where {100 * found.expected:.2g} % is expected; responses are highest "
        f"above the model where it is {quote(one.labels[top])}.",
        advice=f"Take {one.name} into the formula.",
        detail={"level": list(one.labels), "mean": means, "count": count},
    )


def _share(basis: FloatArray, scores: FloatArray) -> FloatArray | None:
    """Share (m + 1,) of the variation of residuals in a basis; None where there is none."""
    total = np.sum((scores - scores.mean(axis=0)) ** 2, axis=0)
    if not total.min() > 0.0:
        return None
    return np.asarray(np.sum((basis.T @ scores) ** 2, axis=0) / total)


def row_scores(simulated: Simulated) -> FloatArray:
    """Residuals (k, m + 1), one column for each data set; columns are exchangeable.

    Parameters
    ----------
    simulated : Simulated
        The data sets.
    """
    if not simulated.discrete:
        return np.asarray(special().ndtri(simulated.residuals.astype(np.float64)))
    y = simulated.responses
    spread = y.std(axis=1, keepdims=True)
    return np.asarray((y - y.mean(axis=1, keepdims=True)) / np.where(spread > 0.0, spread, 1.0))


def _ends(x: FloatArray, curve: FloatArray) -> bool:
    """Whether a curve is higher at the ends of its covariate than in the middle."""
    low, high = np.quantile(x, [0.25, 0.75])
    inside = (x > low) & (x < high)
    if inside.all() or not inside.any():
        return False
    return bool(curve[~inside].mean() > curve[inside].mean())
