r"""Likelihood-ratio tests whose reference distribution is drawn, not taken from large samples.

Responses are drawn from the model fitted under the hypothesis :math:`L\beta = r`, and both models
are estimated again for each, which gives B statistics :math:`t^*_b` where the hypothesis is true.

* **bootstrap**: :math:`p = (1 + \#\{t^*_b \ge t\}) / (B + 1)`, exact up to the uncertainty of the
  parameters of the null model;
* **Bartlett**: :math:`q\, t / \bar t^*` is referred to chi-square with q degrees of freedom, which
  takes fewer draws because only a mean is estimated.

All likelihoods are full ones (ML), also of fits by REML.  Davison and Hinkley (1997), section 4.4;
Halekoh and Hojsgaard (2014), Journal of Statistical Software 59(9).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.errors import FitError
from ilk.estimation.run import refitter
from ilk.inference.bootstrap.attempts import Outcome, attempt, sound
from ilk.inference.bootstrap.engine import check_drawable, check_draws, check_seed, collect, origin
from ilk.inference.bootstrap.store import open_store
from ilk.inference.hypotheses.restricted import maximum_likelihood, restricted, restricted_model
from ilk.inference.parallel import check_jobs
from ilk.num.stable import special
from ilk.simulate import generator_of, response_drawer

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["BootstrapTest", "RatioRefits", "bootstrap_test"]

_LOST = 1e-3
"""A statistic further below zero than this is a failed search."""


@dataclass(frozen=True, slots=True)
class BootstrapTest:
    """A likelihood-ratio test with its drawn reference distribution.

    Parameters
    ----------
    statistic : float
        Twice the loss of log-likelihood under the hypothesis.
    df : int
        Number of independent restrictions.
    draws : (B,) array
        Statistics of the refits that succeeded.
    failures : tuple of str
        What happened in the others.
    seed : int
        Seed of the draws.
    """

    statistic: float
    df: int
    draws: FloatArray
    failures: tuple[str, ...]
    seed: int

    @property
    def p_value(self) -> float:
        """Share of statistics, the observed one among them, that are as large as it."""
        return float((1 + np.sum(self.draws >= self.statistic)) / (1 + len(self.draws)))

    @property
    def p_error(self) -> float:
        """Standard error of the p-value for the finite number of draws."""
        p = self.p_value
        return float(np.sqrt(p * (1.0 - p) / len(self.draws)))

    @property
    def corrected(self) -> float:
        """Bartlett-corrected statistic, with mean `df` under the hypothesis."""
        return float(self.statistic * self.df / self.draws.mean())

    @property
    def p_bartlett(self) -> float:
        """Its p-value, by chi-square."""
        return float(special().chdtrc(self.df, self.corrected))

    @property
    def p_asymptotic(self) -> float:
        """p-value of the statistic as it is, by chi-square."""
        return float(special().chdtrc(self.df, self.statistic))


@dataclass(frozen=True, slots=True)
class RatioRefits:
    """Work on responses drawn under a hypothesis: estimate both models, and compare.

    Parameters
    ----------
    fitted : Fitted
        The fit without the hypothesis.
    L : (q, P) array
        Restrictions.
    rhs : (q,) array
        Right sides.
    psi : (m - q,) array
        Estimates under the hypothesis, where refits of that model begin.
    """

    fitted: Fitted
    L: FloatArray
    rhs: FloatArray
    psi: FloatArray

    def __call__(self, responses: list[FloatArray]) -> list[Outcome]:
        """Statistic of each response."""
        model = replace(self.fitted.model, reml=False)
        full = refitter(model, self.fitted.estimates.psi)
        small = restricted_model(self.fitted, self.L, self.rhs, reml=False)[0]
        null = refitter(small, self.psi)
        out = []
        for y in responses:

            def ratio(again: Fitted, y: FloatArray = y) -> FloatArray:
                return np.array([_ratio(again, sound(null(y)))])

            out.append(attempt(lambda y=y: sound(full(y)), ratio, 1))  # type: ignore[misc]
        return out


def bootstrap_test(
    fitted: Fitted,
    L: FloatArray,
    rhs: float | FloatArray = 0.0,
    *,
    draws: Any = 999,
    seed: Any = None,
    n_jobs: Any = 1,
    path: str | PathLike[str] | None = None,
) -> BootstrapTest:
    """Test ``L coef = rhs`` by a likelihood ratio with a drawn reference distribution.

    Parameters
    ----------
    fitted : Fitted
        The fit; by REML or ML.
    L : (q, P) array
        Independent restrictions.
    rhs : float or (q,) array
        Right sides.
    draws : int
        Number of responses drawn under the hypothesis.
    seed : int, optional
        Makes the draws repeatable.
    n_jobs : int or None
        Refits at one time, as in `ilk.inference.bootstrap.engine.bootstrap`.
    path : str or path, optional
        Directory that keeps the draws.

    Returns
    -------
    BootstrapTest

    Raises
    ------
    ModelError
        An option is wrong, or the model cannot be drawn from.
    FitError
        More than half of the refits failed, or the models' likelihoods contradict each other.
    """
    count, jobs = check_draws(draws), check_jobs(n_jobs)
    check_seed(seed)
    full = maximum_likelihood(fitted)
    check_drawable(fitted)
    L = np.atleast_2d(np.asarray(L, dtype=np.float64))
    right = np.broadcast_to(np.asarray(rhs, dtype=np.float64), (len(L),))
    null = restricted(full, L, right)
    check_drawable(null)
    statistic = _ratio(full, null)
    what = {"kind": "likelihood ratio", "statistic": repr((L.tolist(), right.tolist()))}
    store = open_store(path, full, what, np.array([statistic]), seed)
    root = np.random.SeedSequence(store.seed)
    draw = response_drawer(origin(null))
    work = RatioRefits(full, L, right, null.estimates.psi)
    outcomes = collect(work, lambda j: draw(generator_of(root, j)), count, jobs, store, "test")
    values = [outcome for outcome in outcomes if not isinstance(outcome, str)]
    failures = tuple(outcome for outcome in outcomes if isinstance(outcome, str))
    if len(values) < max(2, 0.5 * count):
        raise FitError(
            f"{len(failures)} of {count} refits under the hypothesis failed, the first of them "
            f"because: {failures[0]}. The bootstrap is no way here.",
            code="bootstrap",
        )
    return BootstrapTest(statistic, len(L), np.array(values)[:, 0], failures, store.seed)


def _ratio(full: Fitted, null: Fitted) -> float:
    """Likelihood-ratio statistic."""
    statistic = 2.0 * (full.loglik - null.loglik)
    if not statistic > -_LOST:
        raise FitError(
            "the likelihood is higher under the hypothesis than without it, so that one of the "
            "searches missed its maximum",
            code="missed",
        )
    return max(0.0, statistic)
