r"""Sparse Cholesky factor of a precision matrix: draws, and the diagonal of its inverse.

With :math:`P Q P' = L D L'`, draws are :math:`Q^{-1} P' L D^{1/2} z`.  The elements of
:math:`S = (L D L')^{-1}` where L has elements follow from the last columns to the first (Takahashi,
Fagan and Chen 1973):

.. math:: S_{kj} = -S_{kk} L_{kj} L_{jj}^{-1}, \qquad
   S_{jj} = L_{jj}^{-T} D_j^{-1} L_{jj}^{-1} - (L_{kj} L_{jj}^{-1})' S_{kj},

j columns with the same rows k below them (a supernode).  These rows are among the columns and rows
of the supernode of the first of them, so that :math:`S_{kk}` is a part of the block that it hands
down.
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
        indices, data, bounds = lower.indices, lower.data, lower.indptr.tolist()
        found = np.zeros(lower.shape[0])
        blocks: dict[int, tuple[IntArray, FloatArray]] = {}
        for here in reversed(_supernodes(lower)):
            rows = here.below
            first, last = here.first, here.last
            width = last - first
            members = np.concatenate([np.arange(first, last), rows])
            dense = np.zeros((len(members), width))
            for j in range(first, last):
                own = slice(bounds[j], bounds[j + 1])
                dense[members.searchsorted(indices[own]), j - first] = data[own]
            inverse = np.linalg.inv(dense[:width]) if width > 1 else np.ones((1, 1))
            among = (inverse.T / self._pivots[first:last]) @ inverse
            whole = among
            if here.parent >= 0:
                names, above = blocks[here.parent]
                at = np.searchsorted(names, rows)
                rest = above[at[:, None], at]
                step = dense[width:] @ inverse
                across = -rest @ step
                among = among - step.T @ across
                if here.children:
                    whole = np.empty((len(members), len(members)))
                    whole[:width, :width], whole[width:, width:] = among, rest
                    whole[width:, :width], whole[:width, width:] = across, across.T
            found[first:last] = np.diagonal(among)
            if here.children:
                blocks[first] = (members, whole)
            for done in here.frees:
                del blocks[done]
        return np.asarray(found[self._factor.perm_r])


@dataclass(slots=True)
class _Supernode:
    """Columns first .. last - 1 with the same rows ``below`` them.

    The first row below is of the supernode that begins at ``parent`` (-1: none).  Blocks of those
    that begin at ``frees`` have no use after it.
    """

    first: int
    last: int
    below: IntArray
    parent: int = -1
    children: int = 0
    frees: list[int] = field(default_factory=list)


def _supernodes(lower: Any) -> list[_Supernode]:
    """Supernodes of a factor, from the first column to the last."""
    structures = _closed(lower)
    found: list[_Supernode] = []
    start = np.empty(len(structures), dtype=np.intp)
    for j, below in enumerate(structures):
        before = structures[j - 1] if j else below
        same = j > 0 and len(before) == len(below) + 1 and before[0] == j
        if same:
            found[-1].last, found[-1].below = j + 1, below
        else:
            found.append(_Supernode(j, j + 1, below))
        start[j] = found[-1].first
    by_start = {here.first: here for here in found}
    for here in found:  # the first child is the last to be met on the way down
        if len(here.below):
            here.parent = int(start[here.below[0]])
            above = by_start[here.parent]
            if not above.children:
                here.frees.append(here.parent)
            above.children += 1
    return found


def _closed(lower: Any) -> list[IntArray]:
    """Rows below the diagonal of each column, those among them that happen to be zero too."""
    count = lower.shape[0]
    inherited: list[list[IntArray]] = [[] for _ in range(count)]
    found: list[IntArray] = []
    indices, bounds = lower.indices, lower.indptr.tolist()
    for j in range(count):
        own = indices[bounds[j] + 1 : bounds[j + 1]]  # the diagonal is first
        for more in inherited[j]:
            at = own.searchsorted(more)
            if len(own) <= at.max(initial=-1) or not np.array_equal(own[at], more):
                own = np.union1d(own, more)
        found.append(own)
        if len(own):
            inherited[own[0]].append(own[1:])
        inherited[j] = []
    return found


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
