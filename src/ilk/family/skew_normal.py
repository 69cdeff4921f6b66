r"""Skew normal family: responses whose distribution leans to one side, parameterized by its mean.

Azzalini's distribution [Azzalini1985] with location :math:`\xi`, scale :math:`\omega` and shape
:math:`\alpha`, of density :math:`2\, \varphi(w)\, \Phi(\alpha w) / \omega` at :math:`w = (y - \xi)
/ \omega`, in terms of its mean :math:`\mu` and variance :math:`\phi = \sigma^2`.  With
:math:`\delta = \alpha / \sqrt{1 + \alpha^2}`, :math:`b = \sqrt{2 / \pi}`, :math:`c = \sqrt{1 - b^2
\delta^2}` and :math:`r = (y - \mu) / \sigma`,

.. math:: w = c\, r + b\, \delta, \qquad
   \log f = \log 2 + \log c - \tfrac12 \log\phi - \tfrac12 \log 2 \pi - \tfrac12 w^2
   + \log \Phi(\alpha w)

The predictor of the shape is :math:`\alpha`, any real number.  The skewness is :math:`\gamma_1 =
\frac{4 - \pi}{2} (b \delta / c)^3`, between -0.9953 and 0.9953.  At :math:`\alpha = 0`, the normal
distribution, the likelihood is stationary in :math:`\alpha` whatever the data (the skewness grows
with its third power): a Wald test of :math:`\alpha = 0` says nothing, compare with the Gaussian
family instead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, final

import numpy as np

from ilk.family.base import AbstractFamily, require_link, weighted_mean
from ilk.family.link import AbstractLink, Identity
from ilk.family.moments import log_within, mean_start, relative_variance
from ilk.family.scale import DEVIATION, Limit, ParameterScale
from ilk.num import jets
from ilk.num.jets import NumberT
from ilk.num.stable import LOG_2PI, special
from ilk.typing import FloatArray

__all__ = ["SkewNormal"]

_B2 = 2.0 / math.pi
_B = math.sqrt(_B2)
_LARGEST = 1e12
"""Shape beyond which the distribution is half normal to all digits."""


def _delta(alpha: FloatArray) -> FloatArray:
    alpha = np.clip(alpha, -_LARGEST, _LARGEST)
    return np.asarray(alpha / np.sqrt(1.0 + alpha * alpha))


def _skewness(alpha: FloatArray) -> FloatArray:
    shift = _B * _delta(alpha)
    return np.asarray(0.5 * (4.0 - math.pi) * (shift / np.sqrt(1.0 - shift * shift)) ** 3)


_HALF = (
    "the skewness is estimated at its limit: one tail ends abruptly, as that of a half normal "
    "distribution."
)
_ADVICE = "Another family fits better, such as 'gamma' if the response is positive."

_SHAPE = ParameterScale(
    "shape alpha",
    "skewness",
    "gamma_1",
    _skewness,
    low=Limit(-100.0, _HALF, _ADVICE),
    high=Limit(100.0, _HALF, _ADVICE),
)


@final
@dataclass(frozen=True, slots=True)
class SkewNormal(AbstractFamily):
    """Skew normal family by its mean; the dispersion is the variance, the shape alpha."""

    name: ClassVar[str] = "skew_normal"
    parameters: ClassVar[tuple[str, ...]] = ("mean", "dispersion", "shape")
    links: ClassVar[tuple[str, ...]] = ("identity", "log", "inverse")
    compiled_links: ClassVar[tuple[str, ...]] = ("identity", "log", "inverse")
    location_scale: ClassVar[bool] = True
    link: AbstractLink = field(default_factory=Identity)

    def __post_init__(self) -> None:
        """Check the link."""
        require_link(self)

    def log_density(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[NumberT]
    ) -> NumberT:
        """Log density without the terms in 2 and 2 pi."""
        alpha = jets.apply(eta[2], _bounded)
        shift = _B * alpha * jets.power(1.0 + alpha * alpha, -0.5)
        spread = 1.0 - shift * shift
        residual = y - self.link.inverse(eta[0])
        w = residual * jets.exp(-0.5 * eta[1]) * jets.sqrt(spread) + shift
        return 0.5 * (jets.log(spread) - eta[1] - w * w) + jets.log_ndtr(alpha * w)

    def constant(self, y: FloatArray, trials: FloatArray | None) -> FloatArray:
        """Terms in 2 and 2 pi."""
        return np.full_like(y, math.log(2.0) - 0.5 * LOG_2PI)

    def scale(self, parameter: str) -> ParameterScale | None:
        """Scale of a parameter: sigma for the dispersion, the skewness for the shape."""
        return {"dispersion": DEVIATION, "shape": _SHAPE}.get(parameter)

    def variance(self, eta: Sequence[FloatArray], trials: FloatArray | None) -> FloatArray:
        """Variance phi."""
        return np.exp(eta[1])

    def draw(
        self, eta: Sequence[FloatArray], trials: FloatArray | None, rng: np.random.Generator
    ) -> FloatArray:
        """Random responses: delta |a| + sqrt(1 - delta^2) b of normal a and b, standardized."""
        delta = _delta(eta[2])
        half, whole = np.abs(rng.standard_normal(len(delta))), rng.standard_normal(len(delta))
        w = delta * half + whole / np.sqrt(1.0 + np.clip(eta[2], -_LARGEST, _LARGEST) ** 2)
        r = (w - _B * delta) / np.sqrt(1.0 - _B2 * delta * delta)
        return np.asarray(self.mean(eta) + np.exp(0.5 * eta[1]) * r)

    def cdf(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[FloatArray]
    ) -> FloatArray:
        """Distribution function Phi(w) - 2 T(w, alpha), with Owen's function T."""
        delta = _delta(eta[2])
        r = (y - self.mean(eta)) * np.exp(-0.5 * eta[1])
        w = r * np.sqrt(1.0 - _B2 * delta * delta) + _B * delta
        value = special().ndtr(w) - 2.0 * special().owens_t(w, eta[2])
        return np.asarray(np.clip(value, 0.0, 1.0))

    def start(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        offset: FloatArray | None,
        weights: FloatArray | None,
    ) -> tuple[float, ...]:
        """Overall mean and variance, and a shape to the side of the longer tail."""
        raw = y if offset is None or self.link.name != "identity" else y - offset
        center, variance = relative_variance(raw, weights)
        third = weighted_mean((raw - center) ** 3, weights)
        phi = log_within(variance, np.finfo(float).tiny, np.inf)
        inside = self.link.range.contains(np.array(weighted_mean(y, weights)))
        mean = mean_start(self.link, y, offset, weights) if inside else 0.0
        return (mean, phi, math.copysign(1.5, third))


def _bounded(alpha: FloatArray, order: int) -> Sequence[FloatArray]:
    """The shape, its value cut off where its square would overflow."""
    zero = np.zeros_like(alpha)
    return (np.clip(alpha, -_LARGEST, _LARGEST), np.ones_like(alpha), zero, zero)
