r"""A covariance within levels and one over the levels: a Kronecker product.

.. math:: \operatorname{Cov}(b) = Q(\theta_2)^{-1} \otimes \Lambda(\theta_1) \Lambda(\theta_1)'

The parameters are those within levels, then those over them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from ilk.covariance.base import AbstractCovariance, Equivariance
from ilk.covariance.levels.base import AbstractLevels
from ilk.covariance.levels.reported import level_parameters
from ilk.covariance.natural import Reported
from ilk.kernels.contract import LinearFactor
from ilk.typing import BoolArray, FloatArray

__all__ = ["Structured", "within_levels"]


@final
@dataclass(frozen=True, slots=True)
class Structured(AbstractCovariance):
    """Covariance within levels beside one over levels.

    Attributes
    ----------
    within : AbstractCovariance
        Of the q effects of a level.
    levels : AbstractLevels
        Over the levels.
    """

    within: AbstractCovariance
    levels: AbstractLevels

    @property
    def name(self) -> str:  # type: ignore[override]
        """Name of the structure within levels."""
        return self.within.name

    @property
    def equivariance(self) -> Equivariance:  # type: ignore[override]
        """That within levels."""
        return self.within.equivariance

    @property
    def free(self) -> int:
        """Number of parameters over the levels."""
        return len(self.levels.parameters)

    def size(self, q: int) -> int:
        """Count the parameters."""
        return self.within.size(q) + self.free

    def start(self, q: int) -> FloatArray:
        """Both starts."""
        return np.concatenate([self.within.start(q), self.levels.start()])

    def factor(self, theta: FloatArray, q: int) -> tuple[FloatArray, FloatArray]:
        """Factor within levels, on which the parameters over them have no bearing."""
        factor, jacobian = self.within.factor(theta[: self.within.size(q)], q)
        still = np.zeros((q, q, self.free))
        return factor, np.concatenate([jacobian, still], axis=2)

    def linear(self, q: int) -> LinearFactor | None:
        """As it is within levels."""
        found = self.within.linear(q)
        return None if found is None else replace(found, theta_size=found.theta_size + self.free)

    def snappable(self, q: int) -> BoolArray:
        """Those within levels."""
        return np.concatenate([self.within.snappable(q), np.zeros(self.free, dtype=bool)])

    def canonical(self, theta: FloatArray, q: int) -> FloatArray:
        """Equivalent parameters within and over levels."""
        size = self.within.size(q)
        over = self.levels.canonical(theta[size:])
        return np.concatenate([self.within.canonical(theta[:size], q), over])

    def names(self, columns: Sequence[str]) -> tuple[str, ...]:
        """All names."""
        return (*self.within.names(columns), *self.levels.parameters)

    def rank(self, q: int) -> int:
        """That within levels."""
        return self.within.rank(q)

    def multiplied(self, theta: FloatArray, by: float, q: int) -> FloatArray:
        """Those within levels; correlations over levels stay."""
        size = self.within.size(q)
        return np.concatenate([self.within.multiplied(theta[:size], by, q), theta[size:]])

    def reported(self, columns: Sequence[str]) -> Reported:
        """What is reported within levels, then the parameters over them."""
        within = self.within.reported(columns)
        return replace(within, parameters=(*within.parameters, *level_parameters(self.levels)))

    def natural(self, theta: FloatArray, q: int) -> FloatArray:
        """Values of all of these."""
        own = self.within.natural(theta[: self.within.size(q)], q)
        return np.concatenate([own, self.over_levels(theta, q)])

    def over_levels(self, theta: FloatArray, q: int) -> FloatArray:
        """Parameters over the levels, as they are reported."""
        return self.levels.natural(theta[self.within.size(q) :])


def within_levels(covariance: AbstractCovariance) -> AbstractCovariance:
    """Structure of the effects of a level, whatever there is over the levels."""
    return covariance.within if isinstance(covariance, Structured) else covariance
