r"""Inverse Gaussian family: positive responses with :math:`\operatorname{Var} y = \phi \mu^3`.

.. math:: \log f = -\tfrac12\log\phi - \frac{(y/\mu - 1)^2}{2\phi y}
   - \tfrac32\log y - \tfrac12\log 2\pi

The distribution function is one of two normal tails (see :meth:`InverseGaussian.cdf`); with Mills'
ratio M, the density :math:`\varphi` at z = :math:`(y/\mu - 1)/\sqrt{\phi y}` and
:math:`x = z + 2/\sqrt{\phi y}`,

.. math:: P(Y > y) = \varphi(z) [M(z) - M(x)], \qquad P(Y \le y) = \varphi(z) [M(-z) + M(x)].

Chhikara and Folks (1989) [ChhikaraFolks1989], section 2.1; the dispersion is
one over their parameter lambda.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, final

import numpy as np

from ilk.family.base import AbstractFamily, require_link
from ilk.family.gamma import check_positive
from ilk.family.link import POSITIVE, AbstractLink, Interval, Log
from ilk.family.moments import log_within, mean_start, relative_variance
from ilk.num import jets
from ilk.num.jets import NumberT
from ilk.num.mills import log_mills, log_mills_drop
from ilk.num.stable import LOG_2PI, special
from ilk.typing import FloatArray, IntArray

_CERTAIN = 40.0
"""Standard deviations beyond which a probability is one."""


@final
@dataclass(frozen=True, slots=True)
class InverseGaussian(AbstractFamily):
    """Inverse Gaussian responses."""

    name: ClassVar[str] = "inverse_gaussian"
    several_modes: ClassVar[bool] = True
    parameters: ClassVar[tuple[str, ...]] = ("mean", "dispersion")
    links: ClassVar[tuple[str, ...]] = (
        "log",
        "inverse",
        "inverse_squared",
        "identity",
        "softplus",
        "power",
    )
    compiled_links: ClassVar[tuple[str, ...]] = ("log", "inverse", "inverse_squared", "identity")
    mean_range: ClassVar[Interval] = POSITIVE
    has_zero: ClassVar[bool] = False
    has_unit_deviance: ClassVar[bool] = True
    link: AbstractLink = field(default_factory=Log)

    def __post_init__(self) -> None:
        """Check the link."""
        require_link(self)

    def log_density(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[NumberT]
    ) -> NumberT:
        """Log density without the terms in log y and 2 pi."""
        relative = jets.expm1(-self.link.log_inverse(eta[0]) + np.log(y))
        return -0.5 * eta[1] - (relative * relative) * jets.exp(-eta[1]) * (0.5 / y)

    def constant(self, y: FloatArray, trials: FloatArray | None) -> FloatArray:
        """Terms in log y and 2 pi."""
        return -1.5 * np.log(y) - 0.5 * LOG_2PI

    def variance(self, eta: Sequence[FloatArray], trials: FloatArray | None) -> FloatArray:
        """Variance phi mu^3."""
        return np.exp(eta[1]) * self.mean(eta) ** 3

    def draw(
        self, eta: Sequence[FloatArray], trials: FloatArray | None, rng: np.random.Generator
    ) -> FloatArray:
        """Random responses."""
        mu = self.mean(eta)
        drawn = rng.wald(mu, np.exp(-eta[1]))
        if np.any(drawn <= 0.0):  # NumPy before 2.0 loses the smaller root where phi mu is large
            half = 0.5 * mu * np.exp(eta[1]) * rng.chisquare(1.0, len(mu))
            small = mu / (1.0 + half + np.sqrt(half * (half + 2.0)))
            first = rng.random(len(mu)) * (mu + small) <= mu
            drawn = np.where(first, small, mu * (mu / small))
        return drawn

    def cdf(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[FloatArray]
    ) -> FloatArray:
        """Distribution function: two normal tails, the second scaled by exp(2 / (phi mu)).

        The scale is taken into the tail: x^2 - 4 / (phi mu) = z^2 for the two arguments z and -x.
        """
        mu, positive = self.mean(eta), np.maximum(y, np.finfo(float).tiny)
        root = np.exp(-0.5 * eta[1]) / np.sqrt(positive)
        z, x = root * (positive / mu - 1.0), root * (positive / mu + 1.0)
        second = 0.5 * special().erfcx(x / np.sqrt(2.0)) * np.exp(-0.5 * z * z)
        return np.where(y <= 0.0, 0.0, np.minimum(special().ndtr(z) + second, 1.0))

    def log_survival(self, y: FloatArray, eta: Sequence[NumberT]) -> NumberT:
        """Log probability of more than y: log(M(z) - M(x)) + log of the density at z."""
        z, gap = self._arguments(y, eta)
        low = jets.value(z) < -_CERTAIN
        kept = jets.log1mexp(log_mills_drop(z, gap))
        above = jets.log_ndtr(-z)
        return jets.where(low, above, above + kept)

    def log_cdf(self, y: FloatArray, eta: Sequence[NumberT]) -> NumberT:
        """Log probability of at most y: log(M(-z) + M(x)) + log of the density at z."""
        z, gap = self._arguments(y, eta)
        high = jets.value(z) > _CERTAIN
        more = jets.softplus(log_mills(z + gap) - log_mills(-z))
        below = jets.log_ndtr(z)
        return jets.where(high, below, below + more)

    def _arguments(self, y: FloatArray, eta: Sequence[NumberT]) -> tuple[NumberT, NumberT]:
        """Argument z of the first normal tail, and how far that of the second is beyond it."""
        root = jets.exp(-0.5 * eta[1]) * (1.0 / np.sqrt(y))
        return root * jets.expm1(-self.link.log_inverse(eta[0]) + np.log(y)), 2.0 * root

    def unit_deviance(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        mu: FloatArray,
        phi: FloatArray | float | None = None,
    ) -> FloatArray:
        """Deviance (y - mu)^2 / (mu^2 y)."""
        return (y - mu) ** 2 / (mu * mu * y)

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
        """Overall mean, and the dispersion of the overall variance."""
        center, variance = relative_variance(y, weights)
        phi = log_within(variance / center**3, 1e-8 / center, 10.0 / center)
        return (mean_start(self.link, y, offset, weights), phi)
