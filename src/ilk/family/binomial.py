r"""Binomial family: y successes out of n trials, each with probability :math:`\mu`.

.. math:: \log f = y \log\mu + (n - y) \log(1 - \mu) + \log\binom{n}{y},
   \qquad \operatorname{Var} y = n \mu (1 - \mu)

Without trials n = 1 and the response is 0 or 1 (Bernoulli).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, final

import numpy as np

from ilk.family.base import AbstractFamily, refuse_rows, require_link
from ilk.family.link import AbstractLink, Interval, Logit
from ilk.family.moments import proportion_start
from ilk.num.jets import NumberT
from ilk.num.stable import lgamma, lgamma_ratio_derivatives, special, xlogy
from ilk.typing import FloatArray, IntArray


@final
@dataclass(frozen=True, slots=True)
class Binomial(AbstractFamily):
    """Binomial counts, or 0/1 outcomes."""

    name: ClassVar[str] = "binomial"
    parameters: ClassVar[tuple[str, ...]] = ("mean",)
    links: ClassVar[tuple[str, ...]] = (
        "logit",
        "probit",
        "cloglog",
        "loglog",
        "cauchit",
        "log",
        "identity",
    )
    compiled_links: ClassVar[tuple[str, ...]] = ("logit", "probit", "cloglog")
    mean_range: ClassVar[Interval] = Interval(0.0, 1.0)
    discrete: ClassVar[bool] = True
    takes_trials: ClassVar[bool] = True
    has_unit_deviance: ClassVar[bool] = True
    link: AbstractLink = field(default_factory=Logit)

    def __post_init__(self) -> None:
        """Check the link."""
        require_link(self)

    def log_density(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[NumberT]
    ) -> NumberT:
        """Log density without the binomial coefficient."""
        n = 1.0 if trials is None else trials
        return self.link.log_inverse(eta[0]) * y + self.link.log_complement(eta[0]) * (n - y)

    def constant(self, y: FloatArray, trials: FloatArray | None) -> FloatArray:
        """Logarithm of the binomial coefficient."""
        return log_choose(y, trials)

    def variance(self, eta: Sequence[FloatArray], trials: FloatArray | None) -> FloatArray:
        """Variance n mu (1 - mu) of the count, exact where mu rounds to one."""
        complement = np.exp(self.link.log_complement(eta[0]))
        return self.mean(eta) * complement * (1.0 if trials is None else trials)

    def draw(
        self, eta: Sequence[FloatArray], trials: FloatArray | None, rng: np.random.Generator
    ) -> FloatArray:
        """Random numbers of successes."""
        return rng.binomial(whole_trials(eta[0], trials), self.mean(eta)).astype(float)

    def cdf(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[FloatArray]
    ) -> FloatArray:
        """Distribution function, P(Y <= y) = I_{1 - mu}(n - y, y + 1)."""
        n = np.ones_like(y) if trials is None else trials
        k = np.floor(y)
        inside = (k >= 0.0) & (k < n)
        k_in, n_in = np.where(inside, k, 0.0), np.where(inside, n, 1.0)
        complement = np.exp(self.link.log_complement(eta[0]))
        lower = special().betainc(n_in - k_in, k_in + 1.0, complement)
        return np.where(inside, lower, np.where(k < 0.0, 0.0, 1.0))

    def unit_deviance(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        mu: FloatArray,
        phi: FloatArray | float | None = None,
    ) -> FloatArray:
        """Deviance 2 [y log(y / n mu) + (n - y) log((n - y) / (n - n mu))]."""
        n = np.ones_like(y) if trials is None else trials
        return 2.0 * (xlogy(y, y / (n * mu)) + xlogy(n - y, (n - y) / (n * (1.0 - mu))))

    def check(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        name: str,
        rows: IntArray | None = None,
    ) -> None:
        """Refuse what is not a number of successes."""
        check_successes(self, y, trials, name, rows)

    def start(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        offset: FloatArray | None,
        weights: FloatArray | None,
    ) -> tuple[float, ...]:
        """Overall proportion."""
        return (proportion_start(self.link, y, trials, offset, weights),)


def log_choose(y: FloatArray, trials: FloatArray | None) -> FloatArray:
    """Logarithm of the binomial coefficient n over y, (n,), without cancellation for small y."""
    if trials is None:
        return np.zeros_like(y)
    fewer = np.minimum(y, trials - y)
    ways = lgamma_ratio_derivatives(trials - fewer + 1.0, np.maximum(fewer, 0.0), 0)[0]
    return np.asarray(ways - lgamma(fewer + 1.0))


def whole_trials(like: FloatArray, trials: FloatArray | None) -> IntArray:
    """Numbers of trials (n,) as integers."""
    n = np.ones_like(like) if trials is None else trials
    return np.rint(n).astype(np.int64)


def check_successes(
    family: AbstractFamily,
    y: FloatArray,
    trials: FloatArray | None,
    name: str,
    rows: IntArray | None,
) -> None:
    """Refuse rows that are not a number of successes out of a number of trials."""
    whole = np.isfinite(y) & (y == np.floor(y))
    if trials is not None:
        takes = "whole numbers of successes from 0 to the number of trials"
        advice = "If the column holds proportions, give their counts or use family 'beta'."
        refuse_rows(family, y, ~whole | (y < 0.0), name, takes, advice, rows)
        advice = "Look whether successes and trials are swapped."
        refuse_rows(family, y, y > trials, name, takes, advice, rows)
        return
    takes = "0 or 1, or whole numbers of successes together with trials="
    proportion = np.isfinite(y) & ~whole & (y > 0.0) & (y < 1.0)
    advice = "For proportions give the number of trials (trials=), or use family 'beta'."
    refuse_rows(family, y, proportion, name, takes, advice, rows)
    advice = "For counts without an upper limit use family 'poisson', otherwise 'gaussian'."
    bad = ~whole | (y < 0.0) | (y > 1.0)
    if bad.any() and len(np.unique(y)) == 2:
        advice = f"An event coded by another number is a comparison: I({name} == {y.max():g})."
    refuse_rows(family, y, bad, name, takes, advice, rows)
