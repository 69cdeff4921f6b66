r"""Unstructured covariance: any positive semidefinite matrix.

The parameters are the signed elements of the lower triangle of :math:`\Lambda`, column by column.
The likelihood depends on :math:`\Lambda\Lambda'` only and is even in each column, so singular
matrices are ordinary interior points.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from ilk.covariance.base import START, AbstractCovariance, Equivariance
from ilk.covariance.linear import expand, placed
from ilk.kernels.contract import LinearFactor
from ilk.num.triangular import diagonal_positions, lower_indices
from ilk.typing import BoolArray, FloatArray


@functools.cache
def _lower(q: int) -> LinearFactor:
    rows, columns = lower_indices(q)
    return placed(rows, columns, np.arange(len(rows)), q)


@final
@dataclass(frozen=True, slots=True)
class Unstructured(AbstractCovariance):
    """Any covariance matrix; q (q + 1) / 2 parameters."""

    name: ClassVar[str] = "us"
    equivariance: ClassVar[Equivariance] = "affine"

    def size(self, q: int) -> int:
        """Count the parameters."""
        return q * (q + 1) // 2

    def start(self, q: int) -> FloatArray:
        """Independent effects."""
        rows, columns = lower_indices(q)
        return np.where(rows == columns, START, 0.0)

    def factor(self, theta: FloatArray, q: int) -> tuple[FloatArray, FloatArray]:
        """Lower triangle filled column by column."""
        return expand(self.linear(q), theta, q)

    def linear(self, q: int) -> LinearFactor:
        """Each element of the lower triangle is a parameter."""
        return _lower(q)

    def snappable(self, q: int) -> BoolArray:
        """All elements: a variance of zero is a row of zeros."""
        return np.ones(self.size(q), dtype=bool)

    def canonical(self, theta: FloatArray, q: int) -> FloatArray:
        """Columns with their signs changed such that the diagonal is not negative."""
        diagonal = theta[diagonal_positions(q)]
        if min(diagonal.tolist()) >= 0.0:
            return theta
        _, columns = lower_indices(q)
        return theta * np.where(diagonal < 0.0, -1.0, 1.0)[columns]

    def names(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Row and column of each element."""
        rows, cols = lower_indices(len(columns))
        return tuple(f"L[{columns[i]}, {columns[j]}]" for i, j in zip(rows, cols, strict=True))
