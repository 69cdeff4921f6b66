r"""Gamma family: positive responses with :math:`\operatorname{Var} y = \phi \mu^2`.

The shape is :math:`k = 1/\phi`.  With :math:`d = \log(y/\mu)` and the remainder S of Stirling's
formula,

.. math:: \log f = -\tfrac12\log\phi - S(k) - k (e^d - 1 - d) - \log y - \tfrac12\log 2\pi,

which stays accurate when the shape is large.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, final

import numpy as np

from ilk.family.base import AbstractFamily, refuse_rows, require_link
from ilk.family.link import POSITIVE, AbstractLink, Interval, Log
from ilk.family.moments import log_within, mean_start, relative_variance
from ilk.num import jets
from ilk.num.jets import NumberT
from ilk.num.stable import LOG_2PI, special
from ilk.typing import FloatArray, IntArray


@final
@dataclass(frozen=True, slots=True)
class Gamma(AbstractFamily):
    """Gamma responses."""

    name: ClassVar[str] = "gamma"
    parameters: ClassVar[tuple[str, ...]] = ("mean", "dispersion")
    links: ClassVar[tuple[str, ...]] = ("log", "inverse", "identity", "softplus", "power")
    compiled_links: ClassVar[tuple[str, ...]] = ("log", "inverse", "identity")
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
        d = -self.link.log_inverse(eta[0]) + np.log(y)
        k = jets.exp(-eta[1])
        return -0.5 * eta[1] - jets.stirling_remainder(k) - k * (jets.expm1(d) - d)

    def constant(self, y: FloatArray, trials: FloatArray | None) -> FloatArray:
        """Terms in log y and 2 pi."""
        return -np.log(y) - 0.5 * LOG_2PI

    def variance(self, eta: Sequence[FloatArray], trials: FloatArray | None) -> FloatArray:
        """Variance phi mu^2."""
        return np.exp(eta[1]) * self.mean(eta) ** 2

    def draw(
        self, eta: Sequence[FloatArray], trials: FloatArray | None, rng: np.random.Generator
    ) -> FloatArray:
        """Random responses."""
        return rng.gamma(np.exp(-eta[1]), np.exp(eta[1]) * self.mean(eta))

    def cdf(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[FloatArray]
    ) -> FloatArray:
        """Distribution function, the lower incomplete gamma ratio P(k, k y / mu)."""
        k = np.exp(-eta[1])
        return np.asarray(special().gammainc(k, k * np.maximum(y, 0.0) / self.mean(eta)))

    def unit_deviance(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        mu: FloatArray,
        phi: FloatArray | float | None = None,
    ) -> FloatArray:
        """Deviance 2 [(y - mu) / mu - log(y / mu)]."""
        return 2.0 * ((y - mu) / mu - np.log(y / mu))

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
        """Overall mean and squared coefficient of variation."""
        center, variance = relative_variance(y, weights)
        mean = mean_start(self.link, y, offset, weights)
        return (mean, log_within(variance / center**2, 1e-8, 10.0))


def check_positive(family: AbstractFamily, y: FloatArray, name: str, rows: IntArray | None) -> None:
    """Refuse rows that are not positive numbers."""
    takes = "positive numbers"
    refuse_rows(family, y, ~np.isfinite(y), name, takes, "", rows)
    refuse_rows(family, y, y < 0.0, name, takes, "Negative numbers suit 'gaussian'.", rows)
    advice = (
        f"Zeros beside positive numbers suit 'hurdle_{family.name}', or 'tweedie' if they are sums "
        "of nothing; counts suit 'poisson'."
    )
    refuse_rows(family, y, y == 0.0, name, takes, advice, rows)
