r"""Weibull family: waiting times with a hazard that is a power of time.

The mean is that of the response, the dispersion one over the shape k, so that it grows with the
variance and is one for the exponential family:

.. math:: P(y > t) = e^{-(t/\lambda)^k}, \qquad k = 1/\phi, \qquad
   \mu = \lambda\,\Gamma(1 + \phi), \qquad
   \operatorname{Var} y = \mu^2 \Bigl(\frac{\Gamma(1 + 2\phi)}{\Gamma(1 + \phi)^2} - 1\Bigr).

With :math:`z = k \log(y/\lambda) = \log(y/\mu)/\phi + \log\Gamma(1 + \phi)/\phi`,

.. math:: \log f = z - e^z - \log\phi - \log y.

With the log link the model is one of accelerated failure times,
:math:`\log y = \log\lambda + \phi \log E` with E exponential: its coefficients are the same but the
intercept, smaller there by :math:`\log\Gamma(1 + \phi)`, and phi is its scale.  With a constant
dispersion the hazards are proportional, with the coefficients :math:`-\beta/\phi`.  Kalbfleisch
and Prentice (2002) [KalbfleischPrentice2002], section 2.2.2.
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
from ilk.family.scale import DISPERSION, ParameterScale
from ilk.num import jets
from ilk.num.jets import NumberT
from ilk.num.stable import lgamma1p_ratio_derivatives
from ilk.typing import FloatArray, IntArray

__all__ = ["Weibull"]

_SCALE = replace(DISPERSION, label="dispersion (one over the shape)")


@final
@dataclass(frozen=True, slots=True)
class Weibull(AbstractFamily):
    """Weibull responses; the dispersion is one over the shape."""

    name: ClassVar[str] = "weibull"
    parameters: ClassVar[tuple[str, ...]] = ("mean", "dispersion")
    links: ClassVar[tuple[str, ...]] = ("log", "inverse", "identity", "softplus", "power")
    compiled_links: ClassVar[tuple[str, ...]] = ("log", "inverse", "identity")
    mean_range: ClassVar[Interval] = POSITIVE
    has_zero: ClassVar[bool] = False
    unit_dispersion: ClassVar[str | None] = "exponential"
    link: AbstractLink = field(default_factory=Log)

    def __post_init__(self) -> None:
        """Check the link."""
        require_link(self)

    def scale(self, parameter: str) -> ParameterScale | None:
        """Scale of a parameter: of the dispersion, one over the shape."""
        return _SCALE if parameter == "dispersion" else None

    def log_density(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[NumberT]
    ) -> NumberT:
        """Log density without the term in log y."""
        z = self._log_hazard(y, eta)
        return z - jets.exp(z) - eta[1]

    def constant(self, y: FloatArray, trials: FloatArray | None) -> FloatArray:
        """Minus log y."""
        return -np.log(y)

    def variance(self, eta: Sequence[FloatArray], trials: FloatArray | None) -> FloatArray:
        """Variance mu^2 (Gamma(1 + 2 phi) / Gamma(1 + phi)^2 - 1)."""
        phi = np.exp(eta[1])
        double = lgamma1p_ratio_derivatives(eta[1] + np.log(2.0), 0)[0]
        single = lgamma1p_ratio_derivatives(eta[1], 0)[0]
        return np.asarray(np.expm1(2.0 * phi * (double - single)) * self.mean(eta) ** 2)

    def draw(
        self, eta: Sequence[FloatArray], trials: FloatArray | None, rng: np.random.Generator
    ) -> FloatArray:
        """Random responses."""
        phi = np.exp(eta[1])
        log_gamma = phi * lgamma1p_ratio_derivatives(eta[1], 0)[0]
        logs = np.log(rng.standard_exponential(len(eta[0])))
        return np.asarray(np.exp(self.link.log_inverse(eta[0]) - log_gamma + phi * logs))

    def cdf(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[FloatArray]
    ) -> FloatArray:
        """Distribution function 1 - exp(-exp(z))."""
        with np.errstate(divide="ignore", over="ignore"):
            hazard = np.exp(self._log_hazard(np.maximum(y, 0.0), eta))
        return np.asarray(-np.expm1(-hazard))

    def log_survival(self, y: FloatArray, eta: Sequence[NumberT]) -> NumberT:
        """Log probability of more than y."""
        return -jets.exp(self._log_hazard(y, eta))

    def log_cdf(self, y: FloatArray, eta: Sequence[NumberT]) -> NumberT:
        """Log probability of at most y."""
        return jets.log_cloglog(self._log_hazard(y, eta))

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
        """Overall mean, and about the dispersion of its coefficient of variation."""
        center, variance = relative_variance(y, weights)
        mean = mean_start(self.link, y, offset, weights)
        return (mean, log_within(variance**0.5 / center, 1e-4, 3.0))

    def _log_hazard(self, y: FloatArray, eta: Sequence[NumberT]) -> NumberT:
        """Logarithm z of the cumulative hazard."""
        d = -self.link.log_inverse(eta[0]) + np.log(y)
        return d * jets.exp(-eta[1]) + jets.apply(eta[1], lgamma1p_ratio_derivatives)
