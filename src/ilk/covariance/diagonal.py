r"""Diagonal covariance: independent random effects, each with a standard deviation of its own.

.. math:: \Lambda = \operatorname{diag}(\theta_1, \dots, \theta_q)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from ilk.covariance.base import START, AbstractCovariance, Equivariance
from ilk.covariance.linear import expand, placed
from ilk.covariance.natural import Reported
from ilk.kernels.contract import LinearFactor
from ilk.typing import BoolArray, FloatArray


@final
@dataclass(frozen=True, slots=True)
class Diagonal(AbstractCovariance):
    """Independent effects; q signed standard deviations."""

    name: ClassVar[str] = "diag"
    equivariance: ClassVar[Equivariance] = "scale"

    def size(self, q: int) -> int:
        """Count the parameters."""
        return q

    def start(self, q: int) -> FloatArray:
        """Equal standard deviations."""
        return np.full(q, START)

    def factor(self, theta: FloatArray, q: int) -> tuple[FloatArray, FloatArray]:
        """Diagonal matrix of standard deviations."""
        return expand(self.linear(q), theta, q)

    def linear(self, q: int) -> LinearFactor:
        """Each diagonal element is a parameter."""
        index = np.arange(q)
        return placed(index, index, index, q)

    def snappable(self, q: int) -> BoolArray:
        """All standard deviations."""
        return np.ones(q, dtype=bool)

    def canonical(self, theta: FloatArray, q: int) -> FloatArray:
        """Absolute values."""
        return np.abs(theta)

    def names(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Name the standard deviation of each column."""
        return tuple(f"sd[{column}]" for column in columns)

    def reported(self, columns: Sequence[str]) -> Reported:
        """Standard deviations."""
        del columns
        return Reported(pairs=False)
