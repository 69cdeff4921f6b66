r"""Factor-analytic covariance of reduced rank: q effects that are loadings on d factors.

.. math:: \Sigma = \Gamma \Gamma', \qquad \Gamma \text{ q x d, zero above its diagonal}

(Warton and others 2015, Trends in Ecology and Evolution 30, 766-779; McGillycuddy and others 2025,
J. Stat. Softw. 112).  The matrix is singular by design for d < q.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from ilk.covariance.base import START, AbstractCovariance, Equivariance
from ilk.covariance.linear import expand, placed
from ilk.kernels.contract import LinearFactor
from ilk.typing import BoolArray, FloatArray, IntArray


@final
@dataclass(frozen=True, slots=True)
class ReducedRank(AbstractCovariance):
    """Loadings on d factors, column by column.

    Attributes
    ----------
    d : int
        Number of factors; a number above q stands for q.
    """

    name: ClassVar[str] = "rr"
    equivariance: ClassVar[Equivariance] = "scale"
    d: int = 2

    def size(self, q: int) -> int:
        """Count the loadings."""
        return len(self._places(q)[0])

    def start(self, q: int) -> FloatArray:
        """Loadings of different signs and sizes, no two alike."""
        rows, columns = self._places(q)
        spread = np.cos(2.0 * (rows + 1.0) * (columns + 1.0))
        return np.where(rows == columns, START, 0.5 * START * spread)

    def factor(self, theta: FloatArray, q: int) -> tuple[FloatArray, FloatArray]:
        """Loadings in the first columns, zeros in the others."""
        return expand(self.linear(q), theta, q)

    def linear(self, q: int) -> LinearFactor:
        """Each loading is a parameter."""
        rows, columns = self._places(q)
        return placed(rows, columns, np.arange(len(rows)), q)

    def snappable(self, q: int) -> BoolArray:
        """All loadings."""
        return np.ones(self.size(q), dtype=bool)

    def canonical(self, theta: FloatArray, q: int) -> FloatArray:
        """Columns with their signs changed such that the diagonal is not negative."""
        rows, columns = self._places(q)
        signs = np.where(theta[rows == columns] < 0.0, -1.0, 1.0)
        return np.asarray(theta * signs[columns])

    def rank(self, q: int) -> int:
        """Number of factors."""
        return min(self.d, q)

    def names(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Column and factor of each loading."""
        rows, factors = self._places(len(columns))
        return tuple(f"loading[{columns[i]}, {k + 1}]" for i, k in zip(rows, factors, strict=True))

    def _places(self, q: int) -> tuple[IntArray, IntArray]:
        """Rows and columns of the loadings, column by column."""
        columns, rows = np.nonzero(np.arange(q) >= np.arange(min(self.d, q))[:, None])
        return rows, columns
