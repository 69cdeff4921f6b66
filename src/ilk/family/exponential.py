r"""Exponential family of waiting times: :math:`\log f = -\log\mu - y/\mu`, Var y = mu^2.

It is the gamma family of dispersion one, and the Weibull family of dispersion one: a constant
hazard :math:`1/\mu`.  With :math:`d = \log(y/\mu)` the log density is :math:`d - e^d - \log y`.
Johnson, Kotz and Balakrishnan (1994) [JohnsonKotzBalakrishnan1994], chapter 19.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, final

import numpy as np

from ilk.family.base import AbstractFamily, require_link
from ilk.family.gamma import check_positive
from ilk.family.link import POSITIVE, AbstractLink, Interval, Log
from ilk.family.moments import mean_start
from ilk.num import jets
from ilk.num.jets import NumberT
from ilk.typing import FloatArray, IntArray

__all__ = ["Exponential"]


@final
@dataclass(frozen=True, slots=True)
class Exponential(AbstractFamily):
    """Exponential responses."""

    name: ClassVar[str] = "exponential"
    parameters: ClassVar[tuple[str, ...]] = ("mean",)
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
        """Log density without the term in log y."""
        d = -self.link.log_inverse(eta[0]) + np.log(y)
        return d - jets.exp(d)

    def constant(self, y: FloatArray, trials: FloatArray | None) -> FloatArray:
        """Minus log y."""
        return -np.log(y)

    def variance(self, eta: Sequence[FloatArray], trials: FloatArray | None) -> FloatArray:
        """Variance mu^2."""
        return self.mean(eta) ** 2

    def draw(
        self, eta: Sequence[FloatArray], trials: FloatArray | None, rng: np.random.Generator
    ) -> FloatArray:
        """Random responses."""
        return rng.exponential(self.mean(eta))

    def cdf(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[FloatArray]
    ) -> FloatArray:
        """Distribution function 1 - exp(-y / mu)."""
        return -np.expm1(-np.maximum(y, 0.0) / self.mean(eta))

    def log_survival(self, y: FloatArray, eta: Sequence[NumberT]) -> NumberT:
        """Log probability of more than y."""
        return -jets.exp(-self.link.log_inverse(eta[0]) + np.log(y))

    def log_cdf(self, y: FloatArray, eta: Sequence[NumberT]) -> NumberT:
        """Log probability of at most y."""
        return jets.log_cloglog(-self.link.log_inverse(eta[0]) + np.log(y))

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
        """Overall mean."""
        return (mean_start(self.link, y, offset, weights),)
