r"""Adaptive Gauss-Hermite quadrature for grouping factors that are nested in each other.

The random effects of an outermost cluster form a tree.  With its effects ordered from the leaves
to the root, H = LL' has no fill: L_d = own block of depth d, Y_d = L_d^-1 H_da the coupling with
the ancestors a.  The nodes u = u^ + L^-T x then are, from the root down,

    u_d = u^_d + L_d^-T (x_d - Y_d (u_a - u^_a)),

the conditional mode and scale of the joint normal approximation given the ancestors' nodes, and
the sum over all nodes x factorizes:

    log I_d(x_a) = log sum over x_d of w exp( own + sum over children of log I_c(x_a, x_d) ),

own = -|u_d|^2 / 2 + |x_d|^2 / 2, plus the rows' log densities at a leaf.  The cost is the product
of the numbers of nodes on one path from root to leaf, for each row; never that over all leaves.

For the gradient, with alpha = L^-1 a, a = Lambda'Z'l'(u) - u, the matrix F = E[x alpha'] is needed
for pairs on one path only; P~ = L^-T (I + 2S) L^-1 has the same pattern.  Pinheiro and Chao (2006),
Journal of Computational and Graphical Statistics 15, 58-81; docs/derivations/quadrature.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np

from ilk.kernels.reference.conditional import Conditional, Mode
from ilk.kernels.reference.quadrature import NodeSums
from ilk.kernels.reference.tree import Depth, Nesting, TreeFactor, factorize_tree, sum_by
from ilk.num.quadrature import product_rule
from ilk.num.stable import logsumexp
from ilk.typing import FloatArray

__all__ = ["integrate_nested"]


@final
@dataclass(slots=True)
class _Tree:
    """The recursion over nodes, with its sums."""

    conditional: Conditional
    mode: Mode
    nesting: Nesting
    factors: list[TreeFactor]
    rules: list[tuple[FloatArray, FloatArray]]
    u: FloatArray
    posterior: dict[tuple[int, ...], FloatArray] = field(default_factory=dict)
    score: FloatArray = field(init=False)
    score_u: FloatArray = field(init=False)
    mean: FloatArray = field(init=False)
    products: list[FloatArray] = field(init=False)

    def place(self, d: int, path: FloatArray) -> FloatArray:
        """Take the effects (L, q) of a depth to the node at the end of a path x (m,)."""
        depth = self.nesting.depths[d]
        own = self.mode.u[depth.index] + self.factors[d].spread[:, depth.own, :] @ path
        self.u[depth.index] = own
        return own

    def log_integral(self, path: FloatArray, chosen: tuple[int, ...]) -> FloatArray:
        """Log I_d(x_a) of every level of a depth, given the nodes of its ancestors."""
        d = len(chosen)
        depth = self.nesting.depths[d]
        points, log_weights = self.rules[d]
        terms = np.empty((len(points), depth.levels))
        for j, x in enumerate(points):
            here = np.concatenate([path, x])
            own = self.place(d, here)
            if d + 1 == len(self.nesting.depths):
                log_density = self.conditional.jet(self.u, 0).value
                terms[j] = np.bincount(depth.codes, log_density, depth.levels)
            else:
                inner = self.log_integral(here, (*chosen, j))
                below = self.nesting.depths[d + 1].parents
                terms[j] = np.bincount(below, inner, depth.levels)
            terms[j] += log_weights[j] + 0.5 * float(x @ x) - 0.5 * np.sum(own**2, axis=1)
        # nodes with an impossible mean have no density
        terms = np.where(np.isnan(terms), -np.inf, terms)
        with np.errstate(all="ignore"):
            total = logsumexp(terms, axis=0)
            weights = np.exp(terms - total)
        self.posterior[chosen] = np.where(np.isnan(weights), 0.0, weights)
        return np.asarray(total, dtype=np.float64)

    def start_sums(self) -> None:
        """Set the sums of the gradient to zero."""
        rows, count = self.conditional.rows, self.mode.jet.variables
        n, m = rows.index.shape
        self.score, self.score_u = np.zeros((count, n)), np.zeros((count, n, m))
        self.mean = np.zeros(rows.size)
        self.products = [
            np.zeros((depth.levels, depth.own.stop, depth.width)) for depth in self.nesting.depths
        ]

    def moments(self, path: FloatArray, chosen: tuple[int, ...], weight: FloatArray) -> FloatArray:
        """Add what the nodes of a depth give to the gradient.

        ``weight (L,)`` is the posterior weight of the ancestors' nodes.  Returns the mean, over
        the nodes of the depth and of all below it, of what is left of the residual for the
        ancestors, ``r_a - Y_d'alpha_d`` (L, a).
        """
        d = len(chosen)
        depth, factor = self.nesting.depths[d], self.factors[d]
        message = np.zeros((depth.levels, depth.start))
        for j, x in enumerate(self.rules[d][0]):
            here = np.concatenate([path, x])
            own = self.place(d, here)
            conditional_weight = self.posterior[chosen][j]
            joint = weight * conditional_weight
            if d + 1 == len(self.nesting.depths):
                residual = self.at_leaf(depth, joint)
            else:
                below = self.nesting.depths[d + 1].parents
                inner = self.moments(here, (*chosen, j), joint[below])
                residual = sum_by(inner, below, depth.levels)
            residual[:, depth.own] -= own
            alpha = np.einsum("lij,lj->li", factor.half, residual[:, depth.own])
            alpha[conditional_weight == 0.0] = 0.0
            residual[conditional_weight == 0.0] = 0.0
            left = residual[:, depth.above] - np.einsum("lij,li->lj", factor.shaft, alpha)
            message += conditional_weight[:, None] * left
            self.products[d] += here[:, None] * (joint[:, None] * alpha)[:, None, :]
            self.mean[depth.index] += joint[:, None] * own
        return message

    def at_leaf(self, depth: Depth, joint: FloatArray) -> FloatArray:
        """Scores at the current nodes, added by row and returned by leaf on its path (L, m)."""
        rows = self.conditional.rows
        jet = self.conditional.jet(self.u, 1)
        weight = joint[depth.codes]
        possible = weight > 0.0
        first = np.where(possible, jet.first, 0.0)
        self.score += weight * first
        self.score_u += (weight * first)[:, :, None] * self.u[rows.index]
        by_row = self.conditional.loadings.pull(first)[:, self.nesting.order]
        return sum_by(by_row, depth.codes, depth.levels)


def integrate_nested(
    conditional: Conditional,
    mode: Mode,
    nesting: Nesting,
    nodes: Sequence[int],
    *,
    gradient: bool,
) -> NodeSums:
    """Integrate the conditional density from the leaves to the root.

    Parameters
    ----------
    conditional : Conditional
        Joint density of data and effects.
    mode : Mode
        Its mode.
    nesting : Nesting
        The grouping factors.
    nodes : sequence of int
        Nodes per dimension of each factor, outermost first.
    gradient : bool
        Whether to sum what the gradient needs.

    Returns
    -------
    NodeSums
        With the value only (empty arrays) if no gradient is asked for.
    """
    depths, nowhere = nesting.depths, np.zeros(0)
    factors = factorize_tree(conditional, mode, nesting)
    if factors is None:
        return NodeSums(np.nan, nowhere, nowhere, nowhere, nowhere)
    tree = _Tree(
        conditional,
        mode,
        nesting,
        factors,
        [product_rule(k, depth.width) for k, depth in zip(nodes, depths, strict=True)],
        mode.u.copy(),
    )
    value = float(np.sum(tree.log_integral(nowhere, ()))) - 0.5 * mode.arrow.log_det
    if not gradient:
        return NodeSums(value, nowhere, nowhere, nowhere, nowhere)
    tree.start_sums()
    tree.moments(nowhere, (), np.ones(depths[0].levels))
    rows = conditional.rows
    shift = rows.total(conditional.loadings.pull(tree.score)) - tree.mean
    return NodeSums(value, tree.score, tree.score_u, shift, _adjusted_inverse(tree))


def _adjusted_inverse(tree: _Tree) -> FloatArray:
    """P~ = L^-T (I + 2S) L^-1 between the effects of each row, (n, m, m) in row coordinates."""
    depths = tree.nesting.depths
    p = np.zeros((1, 0, 0))
    spread = np.zeros((1, 0, 0))
    for depth, factor, product in zip(depths, tree.factors, tree.products, strict=True):
        half, shaft = factor.half, factor.shaft
        outward = half.transpose(0, 2, 1)
        lower = np.tril(product[:, depth.own])
        middle = lower + lower.transpose(0, 2, 1)
        inside = np.arange(depth.width)
        middle[:, inside, inside] = 1.0 + lower[:, inside, inside]
        above = p[depth.parents]
        across = (spread[depth.parents] @ product[:, depth.above]).transpose(0, 2, 1)
        mixed = across @ shaft.transpose(0, 2, 1)
        middle = middle - mixed - mixed.transpose(0, 2, 1)
        middle = middle + shaft @ above @ shaft.transpose(0, 2, 1)
        wider = np.empty((depth.levels, depth.own.stop, depth.own.stop))
        wider[:, depth.above, depth.above] = above
        wider[:, depth.own, depth.above] = outward @ (across - shaft @ above)
        wider[:, depth.above, depth.own] = wider[:, depth.own, depth.above].transpose(0, 2, 1)
        wider[:, depth.own, depth.own] = outward @ middle @ half
        p, spread = wider, factor.spread
    by_row = p[depths[-1].codes]
    out = np.empty_like(by_row)
    order = tree.nesting.order
    out[:, order[:, None], order] = by_row
    return out
