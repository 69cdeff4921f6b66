"""What an engine answers by another one, which stands where it evaluated last."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ilk.kernels.contract import LaplaceEngine
    from ilk.typing import FloatArray

__all__ = ["AbstractDelegating"]


class AbstractDelegating(ABC):
    """An engine whose modes, and all that belongs to them, are those of another engine."""

    @abstractmethod
    def _at(self) -> LaplaceEngine:
        """The engine that has the modes, at the last evaluation."""

    def modes(self) -> FloatArray:
        """Modes u (U,) at the last evaluation."""
        return self._at().modes()

    def conditional_covariance(self) -> list[FloatArray]:
        """Blocks of Lambda P Lambda', P = H^-1, by term: (L_t, q_t, q_t)."""
        return self._at().conditional_covariance()

    def solve(self, rhs: FloatArray) -> FloatArray:
        """H^-1 rhs for rhs (U, k) at the last evaluation."""
        return self._at().solve(rhs)

    def cross_information(self) -> FloatArray:
        """Lambda' Z' W X (U, P) at the last evaluation."""
        return self._at().cross_information()

    def fixed_information(self) -> FloatArray:
        """X' W X (P, P) at the last evaluation."""
        return self._at().fixed_information()
