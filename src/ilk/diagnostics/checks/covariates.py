r"""Residuals against each covariate: curves that are missing, and slopes that differ by cluster.

**Curve.**  Residuals r (normal scores of the simulated ones; of counts, whose scores are blurred by
the draws within ties, responses less their simulated mean, in standard deviations) are projected on
what is smooth in the covariate and not in the model: an orthonormal basis B of polynomials in its
ranks, up to the fourth degree, from which the columns of the fixed part have been taken out.  The
statistic is the share of the variation that a smooth curve takes, :math:`|B'r_j|^2 / |r_j|^2` in
data set j, and its distribution is that of the simulated data sets.

**Slope.**  For a covariate x that varies within the levels of a factor, and has no random slope
there, the variance of the levels' slopes is tested by its score,

.. math:: T = \frac{\sum_g \big(\sum_{i \in g} (x_i - \bar x_g)\, r_i\big)^2}{\sum_i r_i^2},

large if levels have slopes of their own.  Derivation: docs/derivations/influence.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.design.fixed import INTERCEPT
from ilk.diagnostics.checks.collinearity import columns_by_term
from ilk.diagnostics.checks.null import judge, judged_check
from ilk.diagnostics.checks.record import skipped
from ilk.diagnostics.checks.simulated import sum_by
from ilk.diagnostics.checks.units import units_of, views_of
from ilk.formula.language import column_names
from ilk.frame import numbers
from ilk.num.stable import special

if TYPE_CHECKING:
    from ilk.design.random import RandomTerm
    from ilk.diagnostics.checks.context import Context
    from ilk.diagnostics.checks.record import Check
    from ilk.diagnostics.checks.simulated import Simulated
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray, IntArray

__all__ = ["check_covariates", "check_slopes", "covariates_of", "curve_basis"]

_DEGREE = 4
"""Degree of the curve."""

_FEWEST = 5
"""Distinct values from which a column is a covariate with a curve."""

_SHARE = 0.02
"""Share of the residual variation in a curve from which it matters."""

_SLOPE_SHARE = 0.02
"""Share of it in slopes that differ by level."""

_POINTS = 60
"""Places of the smooth line."""

_LEVELS = 5
"""Levels from which their slopes are looked at."""


def check_covariates(context: Context) -> tuple[Check, ...]:
    """Test whether a curve in a covariate is missing.

    Parameters
    ----------
    context : Context
        The fit and its simulated data sets.

    Returns
    -------
    tuple of Check
        One for each numeric column that the fit kept and uses as a covariate.
    """
    found = covariates_of(context.fitted)
    if not found:
        words = "The fit kept no numeric covariate with five values or more."
        return (skipped("covariates", "No curve is missing", words),)
    return tuple(_curve(context, name, x[context.rows]) for name, x in found.items())


def covariates_of(fitted: Fitted) -> dict[str, FloatArray]:
    """Numeric columns of the formulas, and of what else the fit kept, but not what groups rows.

    Parameters
    ----------
    fitted : Fitted
        The fit.

    Returns
    -------
    dict of str to (n,) array
    """
    design = fitted.design
    spec = design.spec
    factors = [f for part in spec.predictors for f in part.fixed.factors]
    factors += [f for part in spec.predictors for one in part.random for f in one.effects.factors]
    used = dict.fromkeys(name for f in factors for name in column_names(f.expression))
    groups = {name for part in spec.predictors for one in part.random for name in one.grouping}
    out = {}
    for name in used:
        if name in groups or name not in design.data:
            continue
        column = design.data.column(name)
        if column.kind not in ("float", "integer"):
            continue
        values = numbers(column, None)
        if np.all(np.isfinite(values)) and len(np.unique(values)) >= _FEWEST:
            out[name] = values
    return out


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
    size = np.maximum(np.linalg.norm(X, axis=0), np.finfo(float).tiny)
    left, values, _ = np.linalg.svd(np.column_stack([np.ones(len(x)), X / size]), False)
    base = left[:, values > 1e-10 * values[0]]
    for _ in range(2):
        moved = moved - base @ (base.T @ moved)
    left, values, _ = np.linalg.svd(moved, full_matrices=False)
    return np.asarray(left[:, values > 0.05])


def _curve(context: Context, name: str, x: FloatArray) -> Check:
    fitted = context.fitted
    title = "No curve is missing"
    part = fitted.model.parts["mean"]
    basis = curve_basis(x, np.asarray(part.X[context.rows], dtype=np.float64))
    if not basis.shape[1]:
        return skipped("covariates", title, "The model has every curve in it.", where=name)
    view = views_of(context, units_of(x[:, None]))[0]
    simulated = context.simulated(view)
    scores = _scores(simulated)
    total = np.sum((scores - scores.mean(axis=0)) ** 2, axis=0)
    share = np.sum((basis.T @ scores) ** 2, axis=0) / total
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
        title=title,
        where=name,
        estimand=view,
        sentence=f"A smooth curve in {name} takes {100 * found.observed:.2g} % of the variation of "
        f"the residuals, where {100 * found.expected:.2g} % is expected; responses are above "
        f"the model{bends}.",
        advice=f"Give {name} a curve, such as bs({name}, df=4) or poly({name}, 2), or another "
        "scale; it may also interact with a covariate.",
        detail={
            "x": x,
            "residual": simulated.residuals[:, 0].astype(float),
            "at": x[chosen],
            "curve": curve[chosen],
            "low": low,
            "high": high,
        },
    )


def _scores(simulated: Simulated) -> FloatArray:
    """Residuals (k, m + 1), one column for each data set; columns are exchangeable."""
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


def check_slopes(context: Context) -> tuple[Check, ...]:
    """Test whether levels have slopes of their own that the model does not give them.

    Parameters
    ----------
    context : Context
        The fit and its simulated data sets.

    Returns
    -------
    tuple of Check
        One for each grouping factor and covariate of the mean that varies within its levels.
    """
    fitted = context.fitted
    checks: list[Check] = []
    done: set[tuple[str, str]] = set()
    for term in fitted.design.terms:
        name = term.grouping.name
        few = len(term.grouping.levels) < _LEVELS or term.predictor != "mean"
        if few or len(term.grouping.levels) >= fitted.model.rows:
            continue
        for text, columns in _candidates(fitted, term).items():
            if (name, text) not in done:
                done.add((name, text))
                found = _slope(context, term, text, columns[context.rows])
                checks += [] if found is None else [found]
    if not checks:
        words = "No covariate varies within levels of a factor without a random slope there."
        return (skipped("slopes", "No random slope is missing", words),)
    return tuple(checks)


def _candidates(fitted: Fitted, term: RandomTerm) -> dict[str, FloatArray]:
    """Columns (n, d) of the mean of what has no random slope in a factor.

    One term for each covariate: the first that is of it alone, such as x of ``x + I(x**2)``.
    """
    part = fitted.model.parts["mean"]
    inner = np.array([j for j, name in enumerate(part.names) if name != INTERCEPT], dtype=np.int64)
    if not len(inner):
        return {}
    terms, codes = columns_by_term(part, inner)
    seen = {
        frozenset(column_names(factor.expression))
        for predictor in fitted.design.spec.predictors
        if predictor.name == "mean"
        for random in predictor.random
        if ":".join(random.grouping) == term.grouping.name
        for factor in random.effects.factors
    }
    out = {}
    for one in part.recipe.terms.terms:
        if len(one.factors) != 1 or one.text not in terms:
            continue
        about = frozenset(column_names(one.factors[0].expression))
        if about not in seen:
            seen.add(about)
            columns = inner[codes == terms.index(one.text)]
            out[one.text] = np.asarray(part.X[:, columns], dtype=np.float64)
    return out


def _slope(context: Context, term: RandomTerm, text: str, x: FloatArray) -> Check | None:
    codes, group = _compact(term.grouping.codes[context.rows]), term.grouping.name
    levels = int(codes.max()) + 1
    size = np.bincount(codes, minlength=levels)[:, None]
    inner = x - (sum_by(codes, levels, x) / size)[codes]
    spread = np.sum(inner**2, axis=0)
    inner = inner[:, spread > 1e-9 * np.maximum(np.sum(x**2, axis=0), 1e-300)]
    if not inner.shape[1]:
        return None
    inner = np.linalg.qr(inner)[0] * np.sqrt(len(inner))
    varies = int(np.sum(sum_by(codes, levels, np.sum(inner**2, axis=1)[:, None]) > 1e-9))
    if varies < _LEVELS:
        return None
    scores = _scores(context.conditional())
    part = context.fitted.model.parts["mean"]
    for column in x.T:  # a curve that all levels share is not slopes that differ
        basis = curve_basis(column, np.asarray(part.X[context.rows], dtype=np.float64))
        scores = scores - basis @ (basis.T @ scores)
    total = np.sum(scores**2, axis=0)
    pulls = [sum_by(codes, levels, one[:, None] * scores) for one in inner.T]
    found = judge(sum(np.sum(pull**2, axis=0) for pull in pulls) / total, "upper")
    # E sum_g (x_g'r_g)^2 grows by var(slope) sum_g (x_g'x_g)^2
    weight = sum(np.sum(sum_by(codes, levels, one[:, None] ** 2) ** 2) for one in inner.T)
    share = float((found.observed - found.expected) * total[0] / weight)
    slopes = pulls[0][:, 0] / np.maximum(sum_by(codes, levels, inner[:, :1] ** 2)[:, 0], 1e-9)
    return judged_check(
        context,
        found,
        large=share > _SLOPE_SHARE,
        code="slopes",
        title="No random slope is missing",
        where=f"{text} | {group}",
        estimand="conditional",
        statistic=found.observed / found.expected,
        expected=1.0,
        sentence=f"The slopes of the residuals on {text} vary between levels of {group} "
        f"{found.observed / found.expected:.2g} times as much as chance has it.",
        advice=f"Give {text} a random slope: (1 + {text} | {group}).",
        detail={
            "slope": slopes,
            "level": [
                term.grouping.levels[i] for i in np.unique(term.grouping.codes[context.rows])
            ],
            "x": inner[:, 0],
        },
    )


def _compact(codes: IntArray) -> IntArray:
    return np.unique(codes, return_inverse=True)[1].reshape(-1)
