r"""Lognormal family: positive responses whose logarithm is normal.

The mean is that of the response, the dispersion the variance of its logarithm:

.. math:: \log y \sim N(\log\mu - \phi/2,\ \phi), \qquad E\,y = \mu, \qquad
   \operatorname{Var} y = \mu^2 (e^\phi - 1).

With :math:`d = \log(y/\mu)`,

.. math:: \log f = -\tfrac12 (d^2/\phi + d + \phi/4) - \tfrac12\log\phi - \log y
   - \tfrac12\log 2\pi.

With the log link and a constant dispersion this is the linear model of log y: all coefficients are
the same but the intercept, which is larger by :math:`\phi/2`.  Crow and Shimizu (1988)
[CrowShimizu1988], section 1.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, final

import numpy as np

from ilk.family.base import AbstractFamily, require_link
from ilk.family.gamma import check_positive
from ilk.family.link import POSITIVE, AbstractLink, Interval, Log
from ilk.family.moments import log_within, mean_start, relative_variance
from ilk.family.scale import DEVIATION, ParameterScale
from ilk.num import jets
from ilk.num.jets import NumberT
from ilk.num.stable import LOG_2PI, special
from ilk.typing import FloatArray, IntArray

__all__ = ["Lognormal"]

_SCALE = replace(DEVIATION, label="standard deviation of the logarithm")


@final
@dataclass(frozen=True, slots=True)
class Lognormal(AbstractFamily):
    """Lognormal responses; the dispersion is the variance of the logarithm."""

    name: ClassVar[str] = "lognormal"
    parameters: ClassVar[tuple[str, ...]] = ("mean", "dispersion")
    links: ClassVar[tuple[str, ...]] = ("log", "inverse", "identity", "softplus", "power")
    compiled_links: ClassVar[tuple[str, ...]] = ("log", "inverse", "identity")
    mean_range: ClassVar[Interval] = POSITIVE
    has_zero: ClassVar[bool] = False
    link: AbstractLink = field(default_factory=Log)

    def __post_init__(self) -> None:
        """Check the link."""
        require_link(self)

    def scale(self, parameter: str) -> ParameterScale | None:
        """Scale of a parameter: of the dispersion, the standard deviation of the logarithm."""
        return _SCALE if parameter == "dispersion" else None

    def log_density(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[NumberT]
    ) -> NumberT:
        """Log density without the terms in log y and 2 pi."""
        d = -self.link.log_inverse(eta[0]) + np.log(y)
        spread = d * d * jets.exp(-eta[1])
        return -0.5 * (spread + d + 0.25 * jets.exp(eta[1]) + eta[1])

    def constant(self, y: FloatArray, trials: FloatArray | None) -> FloatArray:
        """Terms in log y and 2 pi."""
        return -np.log(y) - 0.5 * LOG_2PI

    def variance(self, eta: Sequence[FloatArray], trials: FloatArray | None) -> FloatArray:
        """Variance mu^2 (exp(phi) - 1)."""
        return np.expm1(np.exp(eta[1])) * self.mean(eta) ** 2

    def draw(
        self, eta: Sequence[FloatArray], trials: FloatArray | None, rng: np.random.Generator
    ) -> FloatArray:
        """Random responses."""
        center = self.link.log_inverse(eta[0]) - 0.5 * np.exp(eta[1])
        return rng.lognormal(center, np.exp(0.5 * eta[1]))

    def cdf(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[FloatArray]
    ) -> FloatArray:
        """Distribution function, the normal one at (log(y / mu) + phi / 2) / sqrt(phi)."""
        with np.errstate(divide="ignore"):
            d = np.log(np.maximum(y, 0.0)) - self.link.log_inverse(eta[0])
        z = d * np.exp(-0.5 * eta[1]) + 0.5 * np.exp(0.5 * eta[1])
        return np.asarray(special().ndtr(z))

    def log_survival(self, y: FloatArray, eta: Sequence[NumberT]) -> NumberT:
        """Log probability of more than y."""
        return jets.log_ndtr(-self._standardized(y, eta))

    def log_cdf(self, y: FloatArray, eta: Sequence[NumberT]) -> NumberT:
        """Log probability of at most y."""
        return jets.log_ndtr(self._standardized(y, eta))

    def _standardized(self, y: FloatArray, eta: Sequence[NumberT]) -> NumberT:
        d = -self.link.log_inverse(eta[0]) + np.log(y)
        return d * jets.exp(-0.5 * eta[1]) + 0.5 * jets.exp(0.5 * eta[1])

    def check(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        name: str,
        rows: IntArray | None = None,
    ) -> None:
        """Refuse what is not positive."""
        check_positive(self, y, name, rows)

    def start(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        offset: FloatArray | None,
        weights: FloatArray | None,
    ) -> tuple[float, ...]:
        """Overall mean, and the overall variance of the logarithm."""
        mean = mean_start(self.link, y, offset, weights)
        return (mean, log_within(relative_variance(np.log(y), weights)[1], 1e-8, 10.0))
