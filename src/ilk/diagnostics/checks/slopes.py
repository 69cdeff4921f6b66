r"""Slopes that differ between clusters though the model gives all the same.

For a covariate x of the mean that varies within the levels of a factor, and has no random slope
there, the variance of the levels' slopes is tested by its score,

.. math:: T = \frac{\sum_g \big(\sum_{i \in g} (x_i - \bar x_g)\, r_i\big)^2}{\sum_i r_i^2},

with the residuals r of :mod:`ilk.diagnostics.checks.covariates` around drawn random effects, less a
smooth curve in x that all levels share.  T is large if levels have slopes of their own.
Derivation: docs/derivations/influence.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.design.fixed import INTERCEPT
from ilk.diagnostics.checks.collinearity import columns_by_term
from ilk.diagnostics.checks.covariates import curve_basis, row_scores, spelled
from ilk.diagnostics.checks.null import judge, judged_check
from ilk.diagnostics.checks.record import skipped
from ilk.diagnostics.checks.simulated import sum_by
from ilk.formula.language import column_names

if TYPE_CHECKING:
    from ilk.design.random import RandomTerm
    from ilk.diagnostics.checks.context import Context
    from ilk.diagnostics.checks.record import Check
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray, IntArray

__all__ = ["check_slopes"]

_SHARE = 0.02
"""Share of the residual variation in slopes that differ by level from which they matter."""

_LEVELS = 5
"""Levels from which their slopes are looked at."""


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
    for term in fitted.design.random_parts:
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
    scores = row_scores(context.conditional())
    part = context.fitted.model.parts["mean"]
    for column in x.T:  # a curve that all levels share is not slopes that differ
        basis = curve_basis(column, np.asarray(part.X[context.rows], dtype=np.float64))
        scores = scores - basis @ (basis.T @ scores)
    total = np.sum(scores**2, axis=0)
    if not total.min() > 0.0:
        return None
    pulls = [sum_by(codes, levels, one[:, None] * scores) for one in inner.T]
    found = judge(sum(np.sum(pull**2, axis=0) for pull in pulls) / total, "upper")
    # E sum_g (x_g'r_g)^2 grows by var(slope) sum_g (x_g'x_g)^2
    weight = sum(np.sum(sum_by(codes, levels, one[:, None] ** 2) ** 2) for one in inner.T)
    share = float((found.observed - found.expected) * total[0] / weight)
    slopes = pulls[0][:, 0] / np.maximum(sum_by(codes, levels, inner[:, :1] ** 2)[:, 0], 1e-9)
    effect = spelled(text) if text in context.fitted.design.data else text
    grouping = ":".join(map(spelled, term.grouping.columns))
    return judged_check(
        context,
        found,
        large=share > _SHARE,
        code="slopes",
        title="No random slope is missing",
        where=f"{text} | {group}",
        estimand="conditional",
        statistic=found.observed / found.expected,
        expected=1.0,
        sentence=f"The slopes of the residuals on {text} vary between levels of {group} "
        f"{found.observed / found.expected:.2g} times as much as chance has it.",
        advice=f"Give {text} a random slope: (1 + {effect} | {grouping}).",
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
