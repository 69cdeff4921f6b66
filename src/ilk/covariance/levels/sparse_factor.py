r"""Sparse Cholesky factor of a precision matrix: draws, and the diagonal of its inverse.

With :math:`P Q P' = L D L'`, draws are :math:`Q^{-1} P' L D^{1/2} z`.  The elements of
:math:`S = (L D L')^{-1}` where L has elements follow from the last column to the first (Takahashi,
Fagan and Chen 1973):

.. math:: S_{kj} = -S_{kk} l_j, \qquad S_{jj} = 1 / d_j - l_j' S_{kj},

k the rows of column :math:`l_j` below the diagonal.  They are among the first of these rows, the
parent of j, and the rows of its column, so that :math:`S_{kk}` is a part of the block that the
parent hands down.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, final

import numpy as np

from ilk.errors import DataError
from ilk.typing import FloatArray, IntArray

if TYPE_CHECKING:
    from scipy.sparse import csc_matrix

__all__ = ["SparseFactor", "solve_triangular"]


@final
@dataclass(frozen=True, slots=True)
class SparseFactor:
    """Factor of a symmetric positive definite matrix.

    Attributes
    ----------
    matrix : sparse matrix (L, L)
        Both triangles.
    """

    matrix: csc_matrix
    _factor: Any = field(init=False, repr=False)
    _pivots: FloatArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        from scipy.sparse.linalg import splu

        try:
            factor = splu(
                self.matrix,
                permc_spec="MMD_AT_PLUS_A",
                diag_pivot_thresh=0.0,
                options={"SymmetricMode": True},
            )
            pivots = np.asarray(factor.U.diagonal(), dtype=np.float64)
        except RuntimeError:  # exactly singular
            factor, pivots = None, np.zeros(1)
        if not np.all(pivots > 0.0):
            raise DataError("The matrix is not positive definite.", code="not-positive")
        object.__setattr__(self, "_factor", factor)
        object.__setattr__(self, "_pivots", pivots)

    @property
    def log_det(self) -> float:
        """Logarithm of the determinant."""
        return float(np.log(self._pivots).sum())

    def solve(self, right: FloatArray) -> FloatArray:
        """Solution (L, k) of Q x = right."""
        return np.asarray(self._factor.solve(right), dtype=np.float64)

    def draw(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Draws (count, L) of N(0, Q^-1)."""
        z = rng.standard_normal((self.matrix.shape[0], count))
        y = self._factor.L @ (np.sqrt(self._pivots)[:, None] * z)
        return self.solve(y[self._factor.perm_r]).T

    def inverse_diagonal(self) -> FloatArray:
        """Diagonal (L,) of the inverse."""
        lower = self._factor.L.tocsc()
        lower.sort_indices()
        structures = _closed(lower)
        found = np.zeros(lower.shape[0])
        blocks: dict[int, FloatArray] = {}
        waiting = np.zeros(lower.shape[0], dtype=np.intp)
        for below in structures:
            if len(below):
                waiting[below[0]] += 1
        for j in range(len(found) - 1, -1, -1):
            below = structures[j]
            if not len(below):
                found[j] = 1.0 / self._pivots[j]
                blocks[j] = found[j : j + 1, None]
                continue
            column = _dense_column(lower, j, below)
            parent = int(below[0])
            at = np.searchsorted(structures[parent], below)
            at[1:] += 1
            block = blocks[parent][np.ix_(at, at)]
            waiting[parent] -= 1
            if not waiting[parent]:
                del blocks[parent]
            across = -block @ column
            found[j] = 1.0 / self._pivots[j] - column @ across
            if waiting[j]:
                whole = np.empty((len(below) + 1, len(below) + 1))
                whole[0, 0], whole[0, 1:], whole[1:, 0] = found[j], across, across
                whole[1:, 1:] = block
                blocks[j] = whole
        return found[self._factor.perm_r]


def _closed(lower: Any) -> list[IntArray]:
    """Rows below the diagonal of each column, those among them that happen to be zero too."""
    count = lower.shape[0]
    inherited: list[list[IntArray]] = [[] for _ in range(count)]
    found: list[IntArray] = []
    for j in range(count):
        own = lower.indices[lower.indptr[j] : lower.indptr[j + 1]]
        own = own[own > j]
        if inherited[j]:
            merged = np.unique(np.concatenate([own, *inherited[j]]))
            own = merged if len(merged) > len(own) else own
        found.append(own)
        if len(own):
            inherited[own[0]].append(own[1:])
        inherited[j] = []
    return found


def _dense_column(lower: Any, j: int, below: IntArray) -> FloatArray:
    """Elements of column j at the rows ``below``, which hold all of its own."""
    here = slice(lower.indptr[j], lower.indptr[j + 1])
    rows, values = lower.indices[here], lower.data[here]
    values, rows = values[rows > j], rows[rows > j]
    if len(rows) == len(below):
        return np.asarray(values)
    column = np.zeros(len(below))
    column[np.searchsorted(below, rows)] = values
    return column


def solve_triangular(matrix: Any, order: IntArray, right: FloatArray) -> FloatArray:
    """Solution (L, k) of A x = right with a unit triangular matrix, given the order of its rows.

    Parameters
    ----------
    matrix : sparse matrix (L, L)
        Lower triangular in ``order``, with ones on the diagonal.
    order : ndarray (L,) of int
        Rows, those on which others depend first.
    right : ndarray (L, k)
        Right-hand sides.
    """
    from scipy.sparse.linalg import splu

    sorted_matrix = matrix.tocsr()[order][:, order].tocsc()
    factor = splu(sorted_matrix, permc_spec="NATURAL", diag_pivot_thresh=0.0)
    out = np.empty_like(right)
    out[order] = factor.solve(np.ascontiguousarray(right[order]))
    return out
