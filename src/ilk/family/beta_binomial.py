r"""Beta-binomial family: binomial counts whose probability varies from row to row.

The probability is beta distributed with shapes :math:`a = \mu / \phi` and
:math:`b = (1 - \mu) / \phi`, so that
:math:`\operatorname{Var} y = n \mu (1 - \mu) (1 + (n - 1) \phi / (1 + \phi))`.

.. math:: \log f = \log\frac{\Gamma(a + y)}{\Gamma(a)} + \log\frac{\Gamma(b + n - y)}{\Gamma(b)}
   - \log\frac{\Gamma(s + n)}{\Gamma(s)} + \log\binom{n}{y}, \qquad s = a + b = 1 / \phi

Each ratio is computed without cancellation, so that the binomial limit is approached smoothly.
Skellam (1948) [Skellam1948].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, final

import numpy as np

from ilk.family.base import AbstractFamily, require_link
from ilk.family.binomial import check_successes, log_choose, whole_trials
from ilk.family.link import AbstractLink, Interval, Logit
from ilk.family.moments import log_within, proportion_start
from ilk.num import jets
from ilk.num.jets import NumberT
from ilk.typing import FloatArray, IntArray


@final
@dataclass(frozen=True, slots=True)
class BetaBinomial(AbstractFamily):
    """Binomial counts with extra variation."""

    name: ClassVar[str] = "beta_binomial"
    parameters: ClassVar[tuple[str, ...]] = ("mean", "dispersion")
    links: ClassVar[tuple[str, ...]] = ("logit", "probit", "cloglog", "loglog", "cauchit")
    compiled_links: ClassVar[tuple[str, ...]] = ("logit", "probit", "cloglog")
    mean_range: ClassVar[Interval] = Interval(0.0, 1.0)
    discrete: ClassVar[bool] = True
    dispersion_limit: ClassVar[str | None] = "binomial"
    takes_trials: ClassVar[bool] = True
    link: AbstractLink = field(default_factory=Logit)

    def __post_init__(self) -> None:
        """Check the link."""
        require_link(self)

    def log_density(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[NumberT]
    ) -> NumberT:
        """Log density without the binomial coefficient."""
        n = np.ones_like(y) if trials is None else trials
        a = jets.exp(self.link.log_inverse(eta[0]) - eta[1])
        b = jets.exp(self.link.log_complement(eta[0]) - eta[1])
        s = jets.exp(-eta[1])
        return jets.lgamma_ratio(a, y) + jets.lgamma_ratio(b, n - y) - jets.lgamma_ratio(s, n)

    def constant(self, y: FloatArray, trials: FloatArray | None) -> FloatArray:
        """Logarithm of the binomial coefficient."""
        return log_choose(y, trials)

    def variance(self, eta: Sequence[FloatArray], trials: FloatArray | None) -> FloatArray:
        """Variance of the count."""
        mu, phi = self.mean(eta), np.exp(eta[1])
        complement = np.exp(self.link.log_complement(eta[0]))
        n = 1.0 if trials is None else trials
        return n * mu * complement * (1.0 + (n - 1.0) * phi / (1.0 + phi))

    def draw(
        self, eta: Sequence[FloatArray], trials: FloatArray | None, rng: np.random.Generator
    ) -> FloatArray:
        """Random numbers of successes."""
        a = np.exp(self.link.log_inverse(eta[0]) - eta[1])
        b = np.exp(self.link.log_complement(eta[0]) - eta[1])
        return rng.binomial(whole_trials(eta[0], trials), rng.beta(a, b)).astype(float)

    def cdf(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[FloatArray]
    ) -> FloatArray:
        """Distribution function, by summing the probabilities of 0, ..., y."""
        n = np.ones_like(y) if trials is None else trials
        top = np.minimum(np.floor(y), n)
        terms = np.maximum(top + 1.0, 0.0).astype(np.int64)
        row = np.repeat(np.arange(len(y)), terms)
        count = (np.arange(len(row)) - np.repeat(np.cumsum(terms) - terms, terms)).astype(float)
        log_mass = self.log_density(count, n[row], [e[row] for e in eta])
        mass = np.exp(log_mass + log_choose(count, n[row]))
        return np.minimum(np.bincount(row, weights=mass, minlength=len(y)), 1.0)

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
        """Overall proportion, and half of the excess of Pearson's statistic."""
        n = np.ones_like(y) if trials is None else trials
        w = np.ones_like(y) if weights is None else weights
        proportion = (float(w @ y) + 0.5) / (float(w @ n) + 1.0)
        pearson = (y - n * proportion) ** 2 / (n * proportion * (1.0 - proportion))
        excess = float(w @ pearson) / float(w.sum()) - 1.0
        extra = float(w @ (n - 1.0)) / float(w.sum())
        share = min(0.5 * excess / extra, 0.5) if extra > 0.0 else 0.1
        phi = log_within(share / (1.0 - share), 0.02, 1.0)
        return (proportion_start(self.link, y, trials, offset, weights), phi)
