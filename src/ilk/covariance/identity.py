r"""Scaled identity: independent random effects with one common standard deviation.

.. math:: \Lambda = \theta I_q
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from ilk.covariance.base import START, AbstractCovariance, Equivariance
from ilk.covariance.linear import expand, placed
from ilk.covariance.natural import Reported, common_name
from ilk.kernels.contract import LinearFactor
from ilk.typing import BoolArray, FloatArray


@final
@dataclass(frozen=True, slots=True)
class ScaledIdentity(AbstractCovariance):
    """Independent effects of equal variance; one signed standard deviation."""

    name: ClassVar[str] = "identity"
    equivariance: ClassVar[Equivariance] = "none"

    def size(self, q: int) -> int:
        """Count the parameters."""
        return 1

    def start(self, q: int) -> FloatArray:
        """Start of the standard deviation."""
        return np.full(1, START)

    def factor(self, theta: FloatArray, q: int) -> tuple[FloatArray, FloatArray]:
        """Multiple of the identity."""
        return expand(self.linear(q), theta, q)

    def linear(self, q: int) -> LinearFactor:
        """All diagonal elements are the one parameter."""
        index = np.arange(q)
        return placed(index, index, np.zeros(q, dtype=np.int64), q)

    def snappable(self, q: int) -> BoolArray:
        """Mark the standard deviation."""
        return np.ones(1, dtype=bool)

    def canonical(self, theta: FloatArray, q: int) -> FloatArray:
        """Absolute value."""
        return np.abs(theta)

    def names(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Name the common standard deviation."""
        return ("sd",)

    def reported(self, columns: Sequence[str]) -> Reported:
        """One standard deviation."""
        if len(columns) == 1:
            return Reported(pairs=False)
        return Reported(((common_name(columns), 0),), pairs=False)
