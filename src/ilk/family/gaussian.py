r"""Gaussian family: :math:`y \sim N(\mu, \phi)` with :math:`\phi = \sigma^2`.

.. math:: \log f = -\tfrac12 \log\phi - \frac{(y - \mu)^2}{2\phi} - \tfrac12\log 2\pi
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, final

import numpy as np

from ilk.family.base import AbstractFamily, require_link
from ilk.family.link import AbstractLink, Identity
from ilk.family.moments import log_within, mean_start, relative_variance
from ilk.family.scale import DEVIATION, ParameterScale
from ilk.num import jets
from ilk.num.jets import NumberT
from ilk.num.stable import LOG_2PI, special
from ilk.typing import FloatArray


@final
@dataclass(frozen=True, slots=True)
class Gaussian(AbstractFamily):
    """Gaussian family; the dispersion is the residual variance."""

    name: ClassVar[str] = "gaussian"
    location_scale: ClassVar[bool] = True
    parameters: ClassVar[tuple[str, ...]] = ("mean", "dispersion")
    links: ClassVar[tuple[str, ...]] = ("identity", "log", "inverse", "sqrt", "softplus", "power")
    compiled_links: ClassVar[tuple[str, ...]] = ("identity", "log", "inverse")
    has_unit_deviance: ClassVar[bool] = True
    link: AbstractLink = field(default_factory=Identity)

    def __post_init__(self) -> None:
        """Check the link."""
        require_link(self)

    def log_density(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[NumberT]
    ) -> NumberT:
        """Log density without the term in 2 pi."""
        residual = self.link.inverse(eta[0]) - y
        return -0.5 * eta[1] - 0.5 * (residual * residual) * jets.exp(-eta[1])

    def constant(self, y: FloatArray, trials: FloatArray | None) -> FloatArray:
        """Term in 2 pi."""
        return np.full_like(y, -0.5 * LOG_2PI)

    def variance(self, eta: Sequence[FloatArray], trials: FloatArray | None) -> FloatArray:
        """Variance phi."""
        return np.exp(eta[1])

    def draw(
        self, eta: Sequence[FloatArray], trials: FloatArray | None, rng: np.random.Generator
    ) -> FloatArray:
        """Random responses."""
        return rng.normal(self.mean(eta), np.exp(0.5 * eta[1]))

    def cdf(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[FloatArray]
    ) -> FloatArray:
        """Distribution function."""
        return np.asarray(special().ndtr((y - self.mean(eta)) * np.exp(-0.5 * eta[1])))

    def log_survival(self, y: FloatArray, eta: Sequence[NumberT]) -> NumberT:
        """Log probability of more than y."""
        return jets.log_ndtr(-self._standardized(y, eta))

    def log_cdf(self, y: FloatArray, eta: Sequence[NumberT]) -> NumberT:
        """Log probability of at most y."""
        return jets.log_ndtr(self._standardized(y, eta))

    def _standardized(self, y: FloatArray, eta: Sequence[NumberT]) -> NumberT:
        return (y - self.link.inverse(eta[0])) * jets.exp(-0.5 * eta[1])

    def scale(self, parameter: str) -> ParameterScale | None:
        """Scale of a parameter: the residual standard deviation for the dispersion."""
        return DEVIATION if parameter == "dispersion" else None

    def unit_deviance(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        mu: FloatArray,
        phi: FloatArray | float | None = None,
    ) -> FloatArray:
        """Squared residual."""
        return (y - mu) ** 2

    def start(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        offset: FloatArray | None,
        weights: FloatArray | None,
    ) -> tuple[float, ...]:
        """Overall mean and variance (without the offset, for the identity link)."""
        center, variance = relative_variance(y, weights)
        if offset is not None and self.link.name == "identity":
            _, variance = relative_variance(y - offset, weights)
        phi = log_within(variance, np.finfo(float).tiny, np.inf)
        if not self.link.range.contains(np.array(center)):
            return (0.0, phi)
        return (mean_start(self.link, y, offset, weights), phi)
