"""Tests of the random part: whether a random term, an effect or a correlation is needed.

Each is left out in turn, the model is estimated again, and the likelihood ratio is referred to the
null distribution that fits: variances of zero are on the edge of the parameter space.  A term of
several effects has a row for itself as a whole, one for each effect that can go alone
(`ilk.inference.comparison.reduced.removable`), and one for its correlations.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ilk.design.fixed import INTERCEPT
from ilk.errors import ModelError
from ilk.inference.comparison.likelihood_ratio import (
    LikelihoodRatio,
    NullMethod,
    check_options,
    likelihood_ratio,
)
from ilk.inference.comparison.reduced import (
    random_specs,
    removable,
    spec_places,
    uncorrelated,
    without_term,
)
from ilk.inference.criteria import aic

if TYPE_CHECKING:
    from ilk.fitted import Fitted

__all__ = ["RandomEffectTest", "random_effect_tests"]

ALL = "(all)"
"""Term of the row of a random term of several effects as a whole."""

CORRELATIONS = "correlations"
"""Term of the row of the correlations of a random term."""


@dataclass(frozen=True, slots=True)
class RandomEffectTest:
    """Test of one part of the random terms.

    Parameters
    ----------
    component : str
        Predictor that the term belongs to.
    group : str
        Grouping factor.
    term : str
        What was left out: ``"Days"``, ``"correlations"``, or ``"(all)"`` of a term of several
        effects.
    bar : str
        The random term as the summary shows it.
    sd : float
        Estimated standard deviation of the effect; nan where several things go at once.
    ratio : LikelihoodRatio
        The test.
    loglik_without, aic_without : float
        Of the model without it; nan if that was not estimable.
    """

    component: str
    group: str
    term: str
    bar: str
    sd: float
    ratio: LikelihoodRatio
    loglik_without: float
    aic_without: float


def random_effect_tests(
    fitted: Fitted,
    method: NullMethod = "auto",
    draws: int | None = None,
    seed: int | None = 0,
    n_jobs: int | None = 1,
) -> tuple[RandomEffectTest, ...]:
    """Test each part of the random terms by leaving it out.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    method : {"auto", "chi_bar", "simulated", "bootstrap"}
        Null distribution of a single variance: ``"simulated"`` is the exact one, for linear mixed
        models; ``"chi_bar"`` the mixture for large samples; ``"auto"`` the exact one where it can
        be had.  ``"bootstrap"``: of everything, by refits.
    draws : int, optional
        Number of draws of simulated null distributions, by default 10,000; of refits 999.
    seed : int, optional
        Makes the draws repeatable.
    n_jobs : int or None
        Refits of a bootstrap at one time.

    Returns
    -------
    tuple of RandomEffectTest

    Raises
    ------
    ModelError
        There are no random terms, the fit is no maximum, or the method does not exist for it.
    """
    _check(fitted, method, draws)
    tests = []
    places = spec_places(fitted)
    for index, (place, (t, term, here)) in enumerate(
        zip(random_specs(fitted), places, strict=True)
    ):
        together = fitted.design.terms[t]
        smaller: list[tuple[str, Fitted, list[int]]] = []
        apart = removable(place.spec)
        for effect in apart:
            without = without_term(fitted, index, (effect,))
            if without.parameter_count >= fitted.parameter_count:
                continue  # without its intercept a factor has a column more
            left = spec_places(without)[index][1].column_names
            gone = [here.start + i for i, name in enumerate(term.column_names) if name not in left]
            text = effect.text if effect.factors else INTERCEPT
            smaller.append((text, without, gone))
        correlated = place.spec.structure in ("us", "cs", "homcs") and together.width > 1
        if correlated and here.start == 0:
            smaller.append((CORRELATIONS, uncorrelated(fitted, index), []))
        whole = list(range(here.start, here.stop))
        name = term.column_names[0] if len(whole) == 1 else ALL
        smaller.append((name, without_term(fitted, index), whole))
        for text, without, gone in smaller:
            G = fitted.estimates.covariances[t]
            sd = math.sqrt(G[gone[0], gone[0]]) if len(gone) == 1 else math.nan
            ratio = _ratio(without, fitted, method, draws, seed, n_jobs)
            tests.append(
                RandomEffectTest(
                    component=term.predictor,
                    group=term.grouping.name,
                    term=text,
                    bar=term.label,
                    sd=sd,
                    ratio=ratio,
                    loglik_without=without.loglik,
                    aic_without=aic(without),
                )
            )
    return tuple(tests)


def _ratio(
    small: Fitted,
    large: Fitted,
    method: NullMethod,
    draws: int | None,
    seed: int | None,
    n_jobs: int | None,
) -> LikelihoodRatio:
    """The test; none if the model without the part has no maximum."""
    if small.verdict.converged:
        return likelihood_ratio(small, large, method, draws, seed, n_jobs)
    difference = large.parameter_count - small.parameter_count
    reason = f"no test: the model without it is {small.verdict.status.value}"
    return LikelihoodRatio(math.nan, difference, reason, math.nan, False)


def _check(fitted: Fitted, method: str, draws: int | None) -> None:
    if not fitted.design.terms:
        raise ModelError("The model has no random terms to test.", code="no-random-terms")
    check_options(method, draws)
    if method == "simulated" and not fitted.model.linear:
        raise ModelError(
            "method='simulated': the exact distribution is known for linear mixed models only; "
            "use method='chi_bar' or 'bootstrap'.",
            code="method",
        )
    if fitted.model.penalty is not None:
        raise ModelError(
            "Tests of random effects compare maximized likelihoods, but this fit maximizes a "
            "penalized one; fit without penalty=, or see its profile intervals.",
            code="penalty",
        )
    if not fitted.verdict.converged:
        raise ModelError(
            "The fit is no maximum of the likelihood, so that likelihood ratios mean nothing; see "
            "its .verdict.",
            code="not-converged",
        )
