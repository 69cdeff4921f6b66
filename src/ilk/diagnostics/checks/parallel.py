r"""Whether a covariate acts alike on every cut between ordered categories (proportional odds).

Each term of the mean's formula in turn gets an effect of its own at every cut, beside its effect on
all of them, and the model is estimated again:

.. math:: \theta_{ij} - \eta_i \;\longrightarrow\; (\theta_{ij} + \gamma_j x_i) - \eta_i,
          \qquad \gamma_1 = 0 .

Twice the gain in log-likelihood is compared with the chi-square distribution with one degree of
freedom for each :math:`\gamma`.  The departure counts as large if the effects at two cuts differ,
over two standard deviations of the covariate, by more than a quarter of the standard deviation of
the latent variable.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ilk.diagnostics.checks.collinearity import columns_by_term
from ilk.diagnostics.checks.null import verdict_of
from ilk.diagnostics.checks.record import Check, skipped
from ilk.errors import FitError
from ilk.estimation.run import run
from ilk.inference.hypotheses.restricted import maximum_likelihood
from ilk.likelihood.base import Search
from ilk.num.stable import special

if TYPE_CHECKING:
    from ilk.diagnostics.checks.context import Context
    from ilk.fitted import Fitted
    from ilk.model.model import Model
    from ilk.typing import FloatArray, IntArray

__all__ = ["check_parallel"]

_TITLE = "Covariates act alike on every cut between categories"

_LARGE = 0.25
"""Difference of effects that matters, in standard deviations of the latent variable."""

_LOGISTIC = math.pi**2 / 3.0


def check_parallel(context: Context) -> tuple[Check, ...]:
    """Compare the fit with one in which the effect of a term differs between cuts.

    Parameters
    ----------
    context : Context
        The fit.

    Returns
    -------
    tuple of Check
        One for each term of the mean.
    """
    fitted = context.fitted
    cuts = fitted.family.parallel_cuts
    if len(cuts) < 2:
        words = "The response is no ordered category with free thresholds, at least two of them."
        return (skipped("parallel", _TITLE, words),)
    if fitted.model.penalty is not None:
        words = "The fit is penalized, and log-likelihoods of such fits are not compared."
        return (skipped("parallel", _TITLE, words),)
    part = fitted.model.parts["mean"]
    known = np.flatnonzero(np.isfinite(np.diag(fitted.vcov)[fitted.model.slices["mean"]]))
    if not len(known):
        return (skipped("parallel", _TITLE, "The mean has no covariates."),)
    whole = maximum_likelihood(fitted)
    terms, codes = columns_by_term(part, known)
    return tuple(
        _check(context, whole, term, known[codes == t]) for t, term in enumerate(terms)
    )


def _check(context: Context, fitted: Fitted, term: str, columns: IntArray) -> Check:
    """Judge one term."""
    cuts = fitted.family.parallel_cuts
    if any(_holds(fitted, name, columns) for name in cuts[1:]):
        words = f"The formula of the thresholds lets the effect of {term} differ already."
        return skipped("parallel", _TITLE, words, term)
    try:
        freer = run(*_freed(fitted, columns), warn=False)
    except FitError:
        freer = None
    if freer is None or not freer.verdict.converged:
        words = (
            f"With effects of {term} that differ between cuts the model has no maximum that could "
            "be compared: some combination of a category and a value is too rare."
        )
        return skipped("parallel", _TITLE, words, term)
    gained = 2.0 * max(freer.loglik - fitted.loglik, 0.0)
    df = len(columns) * (len(cuts) - 1)
    p = float(special().chdtrc(df, gained))
    effects = _effects(freer, columns)
    spread = 2.0 * np.std(fitted.model.parts["mean"].X[:, columns], axis=0)
    unit = math.sqrt(_latent_variance(fitted))
    apart = np.ptp(effects, axis=0) * spread / unit
    worst = int(np.argmax(apart))
    shown = ", ".join(
        f"{effect:.2f} at {fitted.family.row_label(cut)}"
        for effect, cut in zip(effects[:, worst], cuts, strict=True)
    )
    name = fitted.model.parts["mean"].names[columns[worst]]
    return Check(
        code="parallel",
        title=_TITLE,
        where=term,
        estimand=None,
        verdict=verdict_of(p, bool(apart[worst] > _LARGE), context.alpha),
        statistic=gained,
        expected=float(df),
        p_value=p,
        sentence=f"Let free, the effect of {name} is {shown} (likelihood ratio {gained:.1f} on "
        f"{df} degree{'s' if df > 1 else ''} of freedom).",
        advice="A single coefficient hides this. Let the effect differ between cuts: take "
        f"{term} out of the formula and give parameters={{'thresholds': '~ {term}'}}, whose "
        "coefficients have the opposite sign.",
        detail={"effects": effects, "loglik": np.array(freer.loglik)},
        large=bool(apart[worst] > _LARGE),
    )


def _holds(fitted: Fitted, predictor: str, columns: IntArray) -> bool:
    """Whether a threshold has one of the columns of the mean already."""
    mean = fitted.model.parts["mean"].names
    return not {mean[j] for j in columns}.isdisjoint(fitted.model.parts[predictor].names)


def _freed(fitted: Fitted, columns: IntArray) -> tuple[Model, Search, FloatArray]:
    """Model with effects of some columns at all cuts but the first, and where to start."""
    X = fitted.model.parts["mean"].X[:, columns]
    names = tuple(fitted.model.parts["mean"].names[j] for j in columns)
    free = fitted.family.parallel_cuts[1:]
    parts, start = [], []
    for part in fitted.model.fitted_parts:
        start.append(fitted.coef[fitted.model.slices[part.predictor]])
        if part.predictor not in free:
            parts.append(part)
            continue
        rows = len(X)
        wide = np.broadcast_to(part.X, (rows, part.X.shape[1]))
        parts.append(
            replace(
                part,
                X=np.asfortranarray(np.hstack([wide, X])),
                names=(*part.names, *names),
                all_names=(*part.all_names, *names),
            )
        )
        start.append(np.zeros(len(columns)))
    start.append(fitted.estimates.psi[len(fitted.coef) :])
    model = replace(fitted.model, design=replace(fitted.design, fixed=tuple(parts)))
    return model, Search(), np.concatenate(start)


def _effects(freer: Fitted, columns: IntArray) -> FloatArray:
    """Effects (cuts, columns) on the odds of a category beyond each cut."""
    common = freer.coef[freer.model.slices["mean"]][columns]
    cuts = freer.family.parallel_cuts
    rows = [common]
    for name in cuts[1:]:
        rows.append(common - freer.coef[freer.model.slices[name]][-len(columns) :])
    return np.array(rows)


def _latent_variance(fitted: Fitted) -> float:
    """Variance of the latent variable; that of the logistic where it is not known."""
    variance = fitted.family.link.latent_variance
    return _LOGISTIC if variance is None or not math.isfinite(variance) else variance
