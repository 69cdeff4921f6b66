r"""Inverse Gaussian family: positive responses with :math:`\operatorname{Var} y = \phi \mu^3`.

.. math:: \log f = -\tfrac12\log\phi - \frac{(y/\mu - 1)^2}{2\phi y}
   - \tfrac32\log y - \tfrac12\log 2\pi

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
from ilk.num.stable import LOG_2PI, special
from ilk.typing import FloatArray, IntArray


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
        return rng.wald(self.mean(eta), np.exp(-eta[1]))

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
