r"""Precision matrices of values that depend on values before them.

In a tree, a pedigree or a Vecchia approximation each value is a regression on a few others,

.. math:: x_i = \sum_{p \in \text{parents}(i)} w_{ip}\, x_p + \varepsilon_i, \qquad
   \varepsilon_i \sim N(0, v_i),

without cycles, so that

.. math:: Q = (I - W)' V^{-1} (I - W), \qquad \log|Q| = -\sum_i \log v_i.

Node i adds the outer product of its coefficients (1 and the :math:`-w_{ip}`) over v_i to the
elements of itself and its parents: Q is as sparse as the families are small.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ilk.covariance.levels.base import Precision
from ilk.covariance.levels.sparse_factor import solve_triangular
from ilk.typing import FloatArray, IntArray

__all__ = ["DirectedGraph"]


@dataclass(frozen=True, slots=True)
class DirectedGraph:
    """Which values depend on which.

    Attributes
    ----------
    children, parents : ndarray (e,) of int
        Edge k makes value ``children[k]`` depend on value ``parents[k]``.
    order : int
        Number of values.
    """

    children: IntArray
    parents: IntArray
    order: int
    rows: IntArray = field(init=False)
    columns: IntArray = field(init=False)
    _places: tuple[IntArray, IntArray, IntArray, IntArray] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        n, e = self.order, len(self.children)
        # members of a family: the node itself (number 0 .. n - 1), then its edges (n .. n + e - 1)
        member = np.concatenate([np.arange(n), np.asarray(self.parents, dtype=np.int64)])
        owner = np.concatenate([np.arange(n), np.asarray(self.children, dtype=np.int64)])
        by_owner = np.argsort(owner, kind="stable")
        size = np.bincount(owner, minlength=n)
        start = np.concatenate([[0], np.cumsum(size)])
        # all pairs (a, b) of members of one family
        firsts = np.repeat(np.arange(n + e), size[owner[by_owner]])
        step = np.arange(len(firsts)) - np.repeat(
            np.concatenate([[0], np.cumsum(size[owner[by_owner]])])[:-1], size[owner[by_owner]]
        )
        a = by_owner[firsts]
        b = by_owner[start[owner[a]] + step]
        lower = member[a] >= member[b]
        twice = (member[a] == member[b]) & (a < b)  # two edges to one parent
        keep = lower & ~twice
        a, b = a[keep], b[keep]
        keys, place = np.unique(member[b] * n + member[a], return_inverse=True)
        object.__setattr__(self, "rows", (keys % n).astype(np.int32))
        object.__setattr__(self, "columns", (keys // n).astype(np.int32))
        factor = np.where((member[a] == member[b]) & (a != b), 2, 1)
        object.__setattr__(self, "_places", (a, b, place.ravel(), factor))

    def precision(
        self,
        weights: FloatArray,
        variances: FloatArray,
        weight_slopes: FloatArray | None = None,
        variance_slopes: FloatArray | None = None,
    ) -> Precision:
        """Precision matrix.

        Parameters
        ----------
        weights : ndarray (e,)
            Weight w of each edge.
        variances : ndarray (n,)
            Variance v of each value around its regression.
        weight_slopes, variance_slopes : ndarrays (e, m), (n, m), optional
            Their derivatives in m parameters.
        """
        a, b, place, factor = self._places
        owner = np.concatenate([np.arange(self.order), self.children])[a]
        coefficients = np.concatenate([np.ones(self.order), -weights])
        share = factor / variances[owner]
        product = coefficients[a] * coefficients[b]
        size = len(self.rows)
        m = 0 if variance_slopes is None else variance_slopes.shape[1]
        slope, log_slope = np.zeros((size, m)), np.zeros(m)
        for j in range(m):
            assert variance_slopes is not None
            dv = variance_slopes[:, j]
            change = -product * share * (dv / variances)[owner]
            if weight_slopes is not None:
                dc = np.concatenate([np.zeros(self.order), -weight_slopes[:, j]])
                change += (dc[a] * coefficients[b] + coefficients[a] * dc[b]) * share
            slope[:, j] = np.bincount(place, change, minlength=size)
            log_slope[j] = -float(np.sum(dv / variances))
        return Precision(
            order=self.order,
            rows=self.rows,
            columns=self.columns,
            values=np.bincount(place, product * share, minlength=size).astype(np.float64),
            log_det=-float(np.log(variances).sum()),
            slope=slope,
            log_det_slope=log_slope,
        )

    def draw(
        self,
        weights: FloatArray,
        variances: FloatArray,
        order: IntArray,
        rng: np.random.Generator,
        count: int,
    ) -> FloatArray:
        """Draws (count, n) of the values.

        Parameters
        ----------
        weights, variances
            As in `precision`.
        order : ndarray (n,) of int
            Values, parents before children.
        rng : numpy.random.Generator
            Source of the draws.
        count : int
            Number of draws.
        """
        noise = np.sqrt(variances)[:, None] * rng.standard_normal((self.order, count))
        return self.spread(weights, order, noise).T

    def spread(self, weights: FloatArray, order: IntArray, noise: FloatArray) -> FloatArray:
        """Values (n, k) that come of what is new in each, its deviations (n, k)."""
        from scipy import sparse

        W = sparse.csr_matrix((weights, (self.children, self.parents)), shape=(self.order,) * 2)
        return solve_triangular(sparse.identity(self.order, format="csr") - W, order, noise)
