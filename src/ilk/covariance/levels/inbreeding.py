r"""Coefficients of inbreeding, :math:`F_i = \frac12 A_{sd}`, generation by generation.

Where few individuals at a time still have children to come, A of these is carried from
generation to generation (the tabular method).  Elsewhere, with :math:`x_i = \frac12 x_s +
\frac12 x_d + m_i`, :math:`A = T V T'`, T = :math:`(I - W)^{-1}`, V diagonal with the variances of
Mendelian sampling, there are two ways to the elements of A of the pairs of parents of a
generation, of which the cheaper one is taken:

* **rows**: :math:`\sum_k T_{sk} T_{dk} v_k` with sparse rows of T, which hold the ancestors of a
  parent (after Meuwissen and Luo 1992, Genet. Sel. Evol. 24, 305-313); for pedigrees in which
  individuals have few known ancestors;
* **columns**: two triangular solutions for the column of A of each sire, or each dam if they are
  fewer (Colleau 2002, Genet. Sel. Evol. 34, 409-421); for populations of a few sires.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from ilk.errors import DataError
from ilk.frame import quote
from ilk.typing import FloatArray, IntArray

__all__ = ["generations", "inbreeding", "sampling_variances"]

_TABLE = 4000
"""Most individuals of whom a dense table is carried on."""

_CELLS = 8_000_000
"""Numbers that are worked on at one time."""

_ROW_COST = 6.0
"""Time of an element of a row of T, in that of an element of a column of A."""


def generations(names: Sequence[Hashable], sires: IntArray, dams: IntArray) -> IntArray:
    """Number (N,) of generations between each individual and its earliest founder.

    Parameters
    ----------
    names : sequence of N labels
        Individuals, for errors.
    sires, dams : ndarrays (N,) of int
        Positions of the parents, -1 where unknown.

    Raises
    ------
    DataError
        An individual is its own ancestor.
    """
    count = len(sires)
    own = np.flatnonzero((sires == np.arange(count)) | (dams == np.arange(count)))
    if len(own):
        raise DataError(
            f"In the pedigree, {quote(names[int(own[0])])} is its own parent.", code="pedigree"
        )
    child = np.concatenate([np.flatnonzero(sires >= 0), np.flatnonzero(dams >= 0)])
    parent = np.concatenate([sires[sires >= 0], dams[dams >= 0]])
    by_parent = np.argsort(parent, kind="stable")
    child, start = child[by_parent], np.searchsorted(parent[by_parent], np.arange(count + 1))
    open_parents = np.bincount(child, minlength=count)
    depth = np.full(count, -1)
    front, step = np.flatnonzero(open_parents == 0), 0
    while len(front):
        depth[front] = step
        sizes = start[front + 1] - start[front]
        within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        below, times = np.unique(child[np.repeat(start[front], sizes) + within], return_counts=True)
        open_parents[below] -= times
        front, step = below[open_parents[below] == 0], step + 1
    if np.any(depth < 0):
        raise DataError(_loop(names, sires, dams, depth < 0), code="pedigree")
    return depth


def _loop(names: Sequence[Hashable], sires: IntArray, dams: IntArray, inside: Any) -> str:
    """Say who is its own ancestor, among those with a parent ``inside`` each."""
    i, path = int(np.flatnonzero(inside)[0]), dict[int, int]()
    while i not in path:
        path[i] = len(path)
        i = next(int(p) for p in (sires[i], dams[i]) if p >= 0 and inside[p])
    loop = [quote(names[k]) for k in list(path)[path[i] :]]
    return f"In the pedigree, {loop[0]} is its own ancestor: " + " <- ".join([*loop, loop[0]]) + "."


def sampling_variances(
    sires: IntArray, dams: IntArray, F: FloatArray, cross: FloatArray, selfings: IntArray
) -> FloatArray:
    """Variances v (N,) of Mendelian sampling, those of selfed generations after the cross included.

    Parameters
    ----------
    sires, dams : ndarrays (N,) of int
        Positions of the parents, -1 where unknown.
    F : ndarray (N,)
        Coefficients of inbreeding, needed of parents.
    cross : ndarray (N,)
        Those of the cross, before selfing.
    selfings : ndarray (N,) of int
        Generations of selfing.
    """
    from_sire = np.where(sires >= 0, 0.25 * (1.0 + F[sires]), 0.0)
    from_dam = np.where(dams >= 0, 0.25 * (1.0 + F[dams]), 0.0)
    selfed = (1.0 - cross) * (1.0 - 0.5**selfings)
    return np.asarray(1.0 - from_sire - from_dam + selfed)


def inbreeding(
    sires: IntArray, dams: IntArray, depth: IntArray, selfings: IntArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """Coefficients of inbreeding.

    Parameters
    ----------
    sires, dams : ndarrays (N,) of int
        Positions of the parents, -1 where unknown.
    depth : ndarray (N,) of int
        Generations, as by `generations`.
    selfings : ndarray (N,) of int, optional
        Generations of selfing after the cross of the parents, of which an individual is the end.

    Returns
    -------
    F : ndarray (N,)
        Coefficients.
    sampling : ndarray (N,)
        Variances of Mendelian sampling.
    """
    selfed = np.zeros(len(sires), dtype=np.intp) if selfings is None else np.asarray(selfings)
    cross = np.zeros(len(sires))
    F: FloatArray = np.asarray(1.0 - 0.5**selfed, dtype=np.float64)
    parents = np.union1d(sires[sires >= 0], dams[dams >= 0])
    parents = parents[np.argsort(depth[parents], kind="stable")]
    table = _Table(parents, sires, dams, depth)
    ancestry = table if table.largest <= _TABLE else _Ancestry(parents, sires, dams)
    order = np.argsort(depth, kind="stable")
    bounds = np.searchsorted(depth[order], np.arange(0, int(depth.max(initial=0)) + 2))
    for begin, end in itertools.pairwise(bounds):
        here = order[begin:end]
        both = here[(sires[here] >= 0) & (dams[here] >= 0)]
        if len(both):
            pairs = np.stack([sires[both], dams[both]], axis=1)
            unique, which = np.unique(pairs, axis=0, return_inverse=True)
            state = F, cross[parents], selfed[parents]
            found = ancestry.relationships(unique[:, 0], unique[:, 1], *state)
            cross[both] = 0.5 * found[which.ravel()]
            F[both] = 1.0 - (1.0 - cross[both]) * 0.5 ** selfed[both]
        ancestry.pass_on(here, F)
    return F, sampling_variances(sires, dams, F, cross, selfed)


class _Table:
    """A of those whose children are still to come."""

    def __init__(self, parents: IntArray, sires: IntArray, dams: IntArray, depth: IntArray) -> None:
        self.sires, self.dams, self.depth = sires, dams, depth
        self.last = np.full(len(sires), -1)  # generation of the last child
        for above in (sires, dams):
            known = above >= 0
            np.maximum.at(self.last, above[known], depth[known])
        steps = np.zeros(int(depth.max(initial=0)) + 2, dtype=np.int64)
        np.add.at(steps, depth[parents], 1)
        np.add.at(steps, self.last[parents], -1)
        self.largest = int(np.cumsum(steps).max(initial=0))
        self.members = np.zeros(0, dtype=np.intp)
        self.A = np.zeros((0, 0))
        self.place = np.full(len(sires) + 1, -1)

    def relationships(self, first: IntArray, second: IntArray, *state: Any) -> FloatArray:
        """Elements of A of pairs of parents."""
        del state
        return np.asarray(self.A[self.place[first], self.place[second]])

    def pass_on(self, here: IntArray, F: FloatArray) -> None:
        """Let those of a generation in, and those out who have had their last child."""
        from scipy import sparse

        new = here[self.last[here] >= 0]
        rows, columns = list[IntArray](), list[IntArray]()
        for above in (self.sires[new], self.dams[new]):
            rows.append(np.flatnonzero(above >= 0))
            columns.append(self.place[above[above >= 0]])
        row, column = np.concatenate(rows), np.concatenate(columns)
        shape = (len(new), len(self.members))
        W = sparse.csr_matrix((np.full(len(row), 0.5), (row, column)), shape=shape)
        across = W @ self.A
        among = W @ across.T
        np.fill_diagonal(among, 1.0 + F[new])
        stay = np.flatnonzero(self.last[self.members] > self.depth[here[0]])
        size = len(stay) + len(new)
        table = np.empty((size, size))
        table[: len(stay), : len(stay)] = self.A[stay[:, None], stay]
        table[len(stay) :, : len(stay)] = across[:, stay]
        table[: len(stay), len(stay) :] = across[:, stay].T
        table[len(stay) :, len(stay) :] = among
        self.place[self.members] = -1
        self.members, self.A = np.concatenate([self.members[stay], new]), table
        self.place[self.members] = np.arange(size)


class _Ancestry:
    """Matrix W of the parents, who stand in the order of their generations."""

    def __init__(self, parents: IntArray, all_sires: IntArray, all_dams: IntArray) -> None:
        from scipy import sparse

        count = len(parents)
        self.place = np.full(len(all_sires) + 1, -1)  # the last one: unknown
        self.place[parents] = np.arange(count)
        self.above = all_sires[parents], all_dams[parents]
        sires, dams = self.place[self.above[0]], self.place[self.above[1]]
        rows = np.concatenate([np.flatnonzero(sires >= 0), np.flatnonzero(dams >= 0)])
        columns = np.concatenate([sires[sires >= 0], dams[dams >= 0]])
        self.W = sparse.csr_matrix((np.full(len(rows), 0.5), (rows, columns)), (count, count))
        self._factor: Any = None

    def relationships(
        self, first: IntArray, second: IntArray, F: FloatArray, cross: FloatArray, selfed: IntArray
    ) -> FloatArray:
        """Elements of A of pairs of parents, given F of all and what `sampling_variances` needs."""
        v = sampling_variances(*self.above, F, cross, selfed)
        first, second = self.place[first], self.place[second]
        if len(np.unique(second)) < len(np.unique(first)):
            first, second = second, first
        some = np.unique(np.linspace(0, len(first) - 1, 20).astype(int))
        size = self._rows(first[some]).nnz + self._rows(second[some]).nnz
        by_rows = _ROW_COST * size / len(some) * len(first)
        by_columns = 2.0 * len(np.unique(first)) * len(v)
        if by_rows < by_columns:
            return self._by_rows(first, second, v, max(1, int(_CELLS * len(some) / size)))
        return self._by_columns(first, second, v)

    def pass_on(self, here: IntArray, F: FloatArray) -> None:
        """Nothing is carried on."""

    def _rows(self, of: IntArray) -> Any:
        """Sparse rows of T."""
        from scipy import sparse

        shape = (len(of), self.W.shape[0])
        front = sparse.csr_matrix((np.ones(len(of)), (np.arange(len(of)), of)), shape=shape)
        total = front
        while True:
            front = front @ self.W
            if not front.nnz:
                return total
            total = total + front

    def _by_rows(self, first: IntArray, second: IntArray, v: FloatArray, batch: int) -> FloatArray:
        out = np.empty(len(first))
        for begin in range(0, len(first), batch):
            rows = slice(begin, begin + batch)
            shared = self._rows(first[rows]).multiply(self._rows(second[rows]))
            out[rows] = shared.tocsr() @ v
        return out

    def _by_columns(self, first: IntArray, second: IntArray, v: FloatArray) -> FloatArray:
        from scipy import sparse
        from scipy.sparse.linalg import splu

        count = len(v)
        if self._factor is None:
            lower = (sparse.identity(count, format="csr") - self.W).tocsc()
            self._factor = splu(lower, permc_spec="NATURAL", diag_pivot_thresh=0.0)
        unique, which = np.unique(first, return_inverse=True)
        out = np.empty(len(first))
        batch = max(1, _CELLS // count)
        by_first = np.argsort(which, kind="stable")
        bounds = np.searchsorted(which[by_first], np.arange(0, len(unique) + batch, batch))
        for k, begin in enumerate(range(0, len(unique), batch)):
            some = unique[begin : begin + batch]
            x = np.zeros((count, len(some)))
            x[some, np.arange(len(some))] = 1.0
            x = self._factor.solve(v[:, None] * self._factor.solve(x, trans="T"))
            rows = by_first[bounds[k] : bounds[k + 1]]
            out[rows] = x[second[rows], which[rows] - begin]
        return out
