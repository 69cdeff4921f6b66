r"""Poisson family: counts with mean and variance :math:`\mu`.

.. math:: \log f = y \log\mu - \mu - \log y!
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, final

import numpy as np

from ilk.family.base import AbstractFamily, refuse_rows, require_link
from ilk.family.link import POSITIVE, AbstractLink, Interval, Log
from ilk.family.moments import mean_start
from ilk.family.sampling import draw_poisson
from ilk.num.jets import NumberT
from ilk.num.stable import lgamma, special, xlogy
from ilk.typing import FloatArray, IntArray


@final
@dataclass(frozen=True, slots=True)
class Poisson(AbstractFamily):
    """Poisson counts."""

    name: ClassVar[str] = "poisson"
    parameters: ClassVar[tuple[str, ...]] = ("mean",)
    links: ClassVar[tuple[str, ...]] = ("log", "identity", "sqrt", "softplus", "power")
    compiled_links: ClassVar[tuple[str, ...]] = ("log", "identity", "sqrt")
    mean_range: ClassVar[Interval] = POSITIVE
    discrete: ClassVar[bool] = True
    has_unit_deviance: ClassVar[bool] = True
    link: AbstractLink = field(default_factory=Log)

    def __post_init__(self) -> None:
        """Check the link."""
        require_link(self)

    def log_density(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[NumberT]
    ) -> NumberT:
        """Log density without log y!."""
        return self.link.log_inverse(eta[0]) * y - self.link.inverse(eta[0])

    def constant(self, y: FloatArray, trials: FloatArray | None) -> FloatArray:
        """Minus log y!."""
        return -lgamma(y + 1.0)

    def variance(self, eta: Sequence[FloatArray], trials: FloatArray | None) -> FloatArray:
        """Variance mu."""
        return self.mean(eta)

    def draw(
        self, eta: Sequence[FloatArray], trials: FloatArray | None, rng: np.random.Generator
    ) -> FloatArray:
        """Random counts."""
        return draw_poisson(self.mean(eta), rng)

    def cdf(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[FloatArray]
    ) -> FloatArray:
        """Distribution function, the upper incomplete gamma ratio Q(y + 1, mu)."""
        k = np.floor(y)
        upper = special().gammaincc(np.maximum(k, 0.0) + 1.0, self.mean(eta))
        return np.where(k < 0.0, 0.0, upper)

    def unit_deviance(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        mu: FloatArray,
        phi: FloatArray | float | None = None,
    ) -> FloatArray:
        """Deviance 2 [y log(y / mu) - (y - mu)]."""
        return 2.0 * (xlogy(y, y / mu) - (y - mu))

    def check(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        name: str,
        rows: IntArray | None = None,
    ) -> None:
        """Refuse what is not a count."""
        check_counts(self, y, name, rows)

    def start(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        offset: FloatArray | None,
        weights: FloatArray | None,
    ) -> tuple[float, ...]:
        """Overall mean, or rate."""
        return (mean_start(self.link, y, offset, weights, floor=0.5 / len(y)),)


def check_counts(family: AbstractFamily, y: FloatArray, name: str, rows: IntArray | None) -> None:
    """Refuse rows that are not counts 0, 1, 2, ..."""
    takes = "counts, whole numbers from 0"
    infinite = ~np.isfinite(y)
    refuse_rows(family, y, infinite, name, takes, "", rows)
    refuse_rows(family, y, y < 0.0, name, takes, "Negative numbers suit 'gaussian'.", rows)
    advice = "Positive fractions suit 'gamma', proportions 'beta'; rates are counts with exposure=."
    refuse_rows(family, y, y != np.floor(y), name, takes, advice, rows)
