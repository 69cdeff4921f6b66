r"""Beta family: proportions strictly between 0 and 1.

The shapes are :math:`a = \mu / \phi` and :math:`b = (1 - \mu) / \phi`, so that
:math:`\operatorname{Var} y = \mu (1 - \mu) \phi / (1 + \phi)`; the precision is :math:`1 / \phi`.
With s = a + b and the remainder S of Stirling's formula,

.. math:: \log f = \tfrac12 (\log\mu + \log(1 - \mu) - \log\phi)
   + a \log\frac{y}{\mu} + b \log\frac{1 - y}{1 - \mu}
   + S(s) - S(a) - S(b) - \log y - \log(1 - y) - \tfrac12\log 2\pi,

which stays accurate when the precision is large.  Ferrari and Cribari-Neto (2004)
[FerrariCribariNeto2004], equation 4, for the density in these parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, final

import numpy as np

from ilk.family.base import AbstractFamily, refuse_rows, require_link
from ilk.family.link import AbstractLink, Interval, Logit
from ilk.family.moments import log_within, mean_start, relative_variance
from ilk.num import jets
from ilk.num.jets import NumberT
from ilk.num.stable import LOG_2PI, special
from ilk.typing import FloatArray, IntArray


@final
@dataclass(frozen=True, slots=True)
class Beta(AbstractFamily):
    """Proportions strictly between 0 and 1."""

    name: ClassVar[str] = "beta"
    parameters: ClassVar[tuple[str, ...]] = ("mean", "dispersion")
    links: ClassVar[tuple[str, ...]] = ("logit", "probit", "cloglog", "loglog", "cauchit")
    compiled_links: ClassVar[tuple[str, ...]] = ("logit", "probit", "cloglog")
    mean_range: ClassVar[Interval] = Interval(0.0, 1.0)
    has_zero: ClassVar[bool] = False
    link: AbstractLink = field(default_factory=Logit)

    def __post_init__(self) -> None:
        """Check the link."""
        require_link(self)

    def shapes(self, eta: Sequence[FloatArray]) -> tuple[FloatArray, FloatArray]:
        """Shapes a and b, (n,) each."""
        a = np.exp(self.link.log_inverse(eta[0]) - eta[1])
        return a, np.exp(self.link.log_complement(eta[0]) - eta[1])

    def log_density(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[NumberT]
    ) -> NumberT:
        """Log density without the terms in log y, log(1 - y) and 2 pi."""
        log_mean, log_rest = self.link.log_inverse(eta[0]), self.link.log_complement(eta[0])
        a, b = jets.exp(log_mean - eta[1]), jets.exp(log_rest - eta[1])
        remainder = jets.stirling_remainder
        return (
            0.5 * (log_mean + log_rest - eta[1])
            - a * (log_mean - np.log(y))
            - b * (log_rest - np.log1p(-y))
            + (remainder(jets.exp(-eta[1])) - remainder(a) - remainder(b))
        )

    def constant(self, y: FloatArray, trials: FloatArray | None) -> FloatArray:
        """Terms in log y, log(1 - y) and 2 pi."""
        return -np.log(y) - np.log1p(-y) - 0.5 * LOG_2PI

    def variance(self, eta: Sequence[FloatArray], trials: FloatArray | None) -> FloatArray:
        """Variance mu (1 - mu) phi / (1 + phi)."""
        mu, phi = self.mean(eta), np.exp(eta[1])
        complement = np.exp(self.link.log_complement(eta[0]))
        return mu * complement * phi / (1.0 + phi)

    def draw(
        self, eta: Sequence[FloatArray], trials: FloatArray | None, rng: np.random.Generator
    ) -> FloatArray:
        """Random proportions."""
        return rng.beta(*self.shapes(eta))

    def cdf(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[FloatArray]
    ) -> FloatArray:
        """Distribution function, the incomplete beta ratio I_y(a, b)."""
        return np.asarray(special().betainc(*self.shapes(eta), np.clip(y, 0.0, 1.0)))

    def check(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        name: str,
        rows: IntArray | None = None,
    ) -> None:
        """Refuse what is not strictly between 0 and 1."""
        takes = "proportions strictly between 0 and 1"
        ends = (y == 0.0) | (y == 1.0)
        advice = (
            "Proportions that come from counts suit 'binomial' or 'beta_binomial' with trials=, "
            "others with 0 or 1 'ordered_beta'."
        )
        refuse_rows(self, y, ends, name, takes, advice, rows)
        outside = ~((y > 0.0) & (y < 1.0))
        advice = "Divide percentages by 100; unbounded numbers suit 'gaussian' or 'gamma'."
        refuse_rows(self, y, outside, name, takes, advice, rows)

    def start(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        offset: FloatArray | None,
        weights: FloatArray | None,
    ) -> tuple[float, ...]:
        """Overall mean, and the dispersion of the overall variance."""
        center, variance = relative_variance(y, weights)
        share = min(variance / (center * (1.0 - center)), 0.9)
        phi = log_within(share / (1.0 - share), 1e-8, 5.0)
        return (mean_start(self.link, y, offset, weights), phi)
