r"""Fields that sum to zero in each part of a map, with sparse precision matrices.

The intrinsic precision R has the constants of each connected part in its null space.  That the
field sums to zero there is one equation of all areas, whose square would fill the matrix.  With
means of a few neighboring areas, means of a few of these, and so on, as effects of their own,

.. math:: m_k = \sum_{i \in C_k} \frac{n_i}{n_k} x_i + N(0, \delta / n_k), \qquad
   0 = \sum_{i \in C_0} \frac{n_i}{n} x_i + N(0, \delta / n)

for the last few of a part, :math:`n_k` the number of areas below, every equation has at most nine
members, and the precision matrix of areas and means together is sparse and positive definite.
Without the means, the covariance is :math:`R^- + v 1 1'` for a part, :math:`v = \delta \sum_k n_k /
n^2`, the variance of its mean: about as many times :math:`\delta / n` as there are layers.  By the
matrix-tree theorem, :math:`\log|Q| = \log|R_{-1}| - \sum_k \log(\delta / n_k)` for a part,
:math:`R_{-1}` without one area of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from ilk.covariance.levels.sparse_factor import SparseFactor
from ilk.typing import FloatArray, IntArray

__all__ = ["SLACK", "Sums", "sums_of"]

SLACK = 1e-6
"""Variance of an equation times the areas below it, in units of the field's variance."""

_EASY = 1e-3
"""The same where what it adds is subtracted."""

_MOST = 8


@final
@dataclass(frozen=True, slots=True)
class Sums:
    """Equations of means.

    Attributes
    ----------
    equations : sparse matrix (k, L + s)
        Coefficients, of the areas and of the means.
    parts : ndarray (L,) of int
        Connected part of each area.
    sizes : ndarray (parts,) of int
        Number of areas of each part.
    owner : ndarray (k,) of int
        Part of each equation; areas without neighbors have none.
    below : ndarray (k,) of int
        Number of areas that an equation is about.
    """

    equations: Any
    parts: IntArray
    sizes: IntArray
    owner: IntArray
    below: IntArray

    def precision(self, R: Any, slack: float = SLACK) -> Any:
        """Sparse precision (L + s, L + s) of areas and means; one for areas without neighbors.

        Parameters
        ----------
        R : sparse matrix (L, L)
            Intrinsic precision.
        slack : float
            Variance of an equation times the areas below it.
        """
        from scipy import sparse

        more = self.equations.shape[1] - R.shape[0]
        alone = (self.sizes == 1)[self.parts].astype(np.float64)
        wide = sparse.block_diag([R + sparse.diags(alone), sparse.csr_matrix((more, more))])
        G = sparse.diags(np.sqrt(self.below / slack)) @ self.equations
        return (wide + G.T @ G).tocsc()

    def log_det(self, R: Any) -> float:
        """Log determinant of `precision`, by that of R without an area of each part."""
        rest = np.ones(len(self.parts), bool)
        rest[np.unique(self.parts, return_index=True)[1]] = False
        value = -float(np.log(SLACK / self.below).sum())
        return value + (SparseFactor(R[rest][:, rest].tocsc()).log_det if rest.any() else 0.0)

    def variances(self, R: Any) -> FloatArray:
        """Variances (L,) of the intrinsic field, the diagonal of the pseudoinverse of R."""
        from scipy import sparse

        unit = np.bincount(self.parts, R.diagonal()) / self.sizes
        unit = np.where(unit > 0.0, unit, 1.0)[self.parts]
        Q = self.precision(sparse.diags(1.0 / unit) @ R, _EASY)
        found = SparseFactor(Q).inverse_diagonal()[: len(unit)]
        excess = self.excess(_EASY)[self.parts]
        return np.asarray((found - excess) / unit)

    def excess(self, slack: float = SLACK) -> FloatArray:
        """Variance (parts,) of the mean of each part."""
        total = np.bincount(self.owner, self.below, minlength=len(self.sizes))
        return np.asarray(slack * total / self.sizes**2)


def sums_of(first: IntArray, second: IntArray, areas: int) -> Sums:
    """Equations that make the field of a map sum to zero.

    Parameters
    ----------
    first, second : ndarrays (e,) of int
        Pairs of neighbors.
    areas : int
        Number L of areas.
    """
    from scipy import sparse
    from scipy.sparse.csgraph import connected_components

    ones = np.ones(len(first))
    graph = sparse.csr_matrix((ones, (first, second)), shape=(areas, areas))
    graph = (graph + graph.T).tocsr()
    _, parts = connected_components(graph, directed=False)
    sizes = np.bincount(parts)
    part: IntArray = parts
    node: IntArray = np.arange(areas)  # of the items that are still to be summed
    rng, total = np.random.default_rng(1), areas
    left: list[IntArray] = []
    right: list[IntArray] = []  # members of equations, and their equations
    tops: list[IntArray] = []  # the sum of each equation, -1 for zero
    done = 0
    while len(node):
        whole = np.bincount(part, minlength=len(sizes))[part] <= _MOST
        keys, cluster = np.unique(part[whole], return_inverse=True)
        last = sizes[keys][cluster] > 1  # areas without neighbors have no equation
        numbers, cluster = np.unique(cluster[last], return_inverse=True)
        left.append(node[whole][last])
        right.append(done + cluster)
        tops.append(np.full(len(numbers), -1))
        done += len(numbers)
        graph, node, part = graph[~whole][:, ~whole], node[~whole], part[~whole]
        if not len(node):
            break
        group = _clusters(graph, rng)
        count = int(group.max()) + 1
        left.append(node)
        right.append(done + group)
        above = total + np.arange(count)
        tops.append(above)
        done, total = done + count, total + count
        gather = sparse.csr_matrix((np.ones(len(node)), (np.arange(len(node)), group)))
        graph = (gather.T @ graph @ gather).tocsr()
        graph = (graph - sparse.diags(graph.diagonal())).tocsr()
        graph.eliminate_zeros()
        part = part[np.unique(group, return_index=True)[1]]
        node = above
    members, equations = np.concatenate(left), np.concatenate(right)
    top = np.concatenate(tops)
    summed = np.flatnonzero(top >= 0)
    owner, below, size = _owners(parts, members, equations, top, total)
    rows = np.concatenate([equations, summed])
    columns = np.concatenate([members, top[summed]])
    values = np.concatenate([size[members] / below[equations], -np.ones(len(summed))])
    found = sparse.csr_matrix((values, (rows, columns)), shape=(done, total))
    return Sums(found, parts, sizes, owner, below)


def _owners(
    parts: IntArray, members: IntArray, equations: IntArray, top: IntArray, total: int
) -> tuple[IntArray, IntArray, IntArray]:
    """Part of each equation, the number of areas below it, and below each area or mean."""
    part, size = np.full(total, -1), np.ones(total, dtype=np.intp)
    part[: len(parts)] = parts
    owner, below = np.full(len(top), -1), np.zeros(len(top), dtype=np.intp)
    order = np.argsort(equations, kind="stable")
    bounds = np.searchsorted(equations[order], np.arange(len(top) + 1))
    for k in range(len(top)):  # sums come after what they sum
        inside = members[order[bounds[k] : bounds[k + 1]]]
        owner[k], below[k] = part[inside[0]], size[inside].sum()
        if top[k] >= 0:
            part[top[k]], size[top[k]] = owner[k], below[k]
    return owner, below, size


def _clusters(graph: Any, rng: np.random.Generator) -> IntArray:
    """Cluster of each node of a graph: a few neighbors each, none alone, eight at most."""
    count = graph.shape[0]
    rows = np.repeat(np.arange(count), np.diff(graph.indptr))
    columns = graph.indices
    rank = rng.permutation(count)
    cluster = np.full(count, -1)
    while np.any(cluster < 0):  # those above all their neighbors gather them
        free = (cluster[rows] < 0) & (cluster[columns] < 0)
        highest = np.full(count, -1)
        np.maximum.at(highest, rows[free], rank[columns[free]])
        seed = (cluster < 0) & (rank > highest)
        cluster[seed] = np.flatnonzero(seed)
        joins = (cluster[rows] < 0) & seed[columns]
        best = np.full(count, -1)
        np.maximum.at(best, rows[joins], rank[columns[joins]])
        by_rank = np.argsort(rank)
        joined = best >= 0
        cluster[joined] = by_rank[best[joined]]
    alone = np.bincount(cluster, minlength=count)[cluster] == 1
    lonely = alone[rows]
    cluster[rows[lonely]] = cluster[columns[lonely]]
    _, cluster = np.unique(cluster, return_inverse=True)
    return _split(cluster.ravel())


def _split(cluster: IntArray) -> IntArray:
    """Clusters of at most eight, by cutting larger ones into even pieces."""
    size = np.bincount(cluster)
    pieces = -(-size // _MOST)
    order = np.argsort(cluster, kind="stable")
    start = np.concatenate([[0], np.cumsum(size)])[:-1]
    place = np.empty(len(cluster), dtype=np.intp)
    place[order] = np.arange(len(cluster)) - start[cluster[order]]
    offset = np.concatenate([[0], np.cumsum(pieces)])[:-1]
    return np.asarray(offset[cluster] + place % pieces[cluster])
