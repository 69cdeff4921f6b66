r"""Nested grouping factors as a tree, and the Cholesky factor of H in its order.

With the effects ordered from the leaves to the root, H = LL' has no fill: what elimination of a
level leaves of its front falls to its ancestors alone (docs/derivations/quadrature.md, section 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from ilk.kernels.contract import EngineData
from ilk.kernels.reference.conditional import Conditional, Mode, curvature
from ilk.kernels.reference.rows import RowDesign
from ilk.num.nesting import nested_chain, parents
from ilk.num.triangular import cholesky, inverse
from ilk.typing import FloatArray, IntArray

__all__ = ["Depth", "Nesting", "TreeFactor", "factorize_tree", "nesting_of", "sum_by"]


@final
@dataclass(frozen=True, slots=True)
class Depth:
    """Effects of one grouping factor, in path coordinates: outermost first.

    Attributes
    ----------
    codes : ndarray (n,) of int
        Level of each row.
    parents : ndarray (L,) of int
        Level of the next outer factor that each level lies in; zeros for the outermost.
    index : ndarray (L, q) of int
        Positions of the effects in u.
    start : int
        Number of path coordinates of the ancestors.
    terms : tuple of int
        The terms that share the grouping.
    """

    codes: IntArray
    parents: IntArray
    index: IntArray
    start: int
    terms: tuple[int, ...]

    @property
    def levels(self) -> int:
        """Number L of levels."""
        return len(self.index)

    @property
    def width(self) -> int:
        """Number q of effects per level."""
        return int(self.index.shape[1])

    @property
    def own(self) -> slice:
        """Path coordinates of the depth's effects."""
        return slice(self.start, self.start + self.width)

    @property
    def above(self) -> slice:
        """Path coordinates of the ancestors' effects."""
        return slice(0, self.start)


@final
@dataclass(frozen=True, slots=True)
class Nesting:
    """Grouping factors nested in each other, outermost first.

    Attributes
    ----------
    depths : tuple of Depth
        One for each factor.
    order : ndarray (m,) of int
        Row coordinate of each path coordinate.
    """

    depths: tuple[Depth, ...]
    order: IntArray


def nesting_of(data: EngineData, rows: RowDesign) -> Nesting | None:
    """Find the nesting of all terms of a data set.

    Parameters
    ----------
    data : EngineData
        Terms and their codes.
    rows : RowDesign
        Row coordinates of the same terms.

    Returns
    -------
    Nesting or None
        None if the grouping factors are not nested in each other.
    """
    if any(term.weights is not None for term in data.terms):
        return None
    codes = [np.asarray(term.codes) for term in data.terms]
    chain = nested_chain(codes, [term.levels for term in data.terms])
    if chain is None:
        return None
    depths: list[Depth] = []
    order: list[int] = []
    for terms in chain:
        first, levels = terms[0], data.terms[terms[0]].levels
        outer = depths[-1].codes if depths else np.zeros_like(codes[first])
        above = parents(codes[first], levels, outer, depths[-1].levels if depths else 1)
        assert above is not None, "the chain is nested"
        index = np.hstack([rows.positions[t] for t in terms])
        depths.append(Depth(codes[first], above, index, len(order), tuple(terms)))
        for t in terms:
            order += range(rows.terms[t].start, rows.terms[t].stop)
    return Nesting(tuple(depths), np.array(order, int))


@final
@dataclass(frozen=True, slots=True)
class TreeFactor:
    """What one depth has of L.

    Attributes
    ----------
    half : ndarray (L, q, q)
        L_d^-1.
    shaft : ndarray (L, q, a)
        Y_d.
    spread : ndarray (L, m, m)
        L^-T between the effects of the path that ends here.
    """

    half: FloatArray
    shaft: FloatArray
    spread: FloatArray


def factorize_tree(
    conditional: Conditional, mode: Mode, nesting: Nesting
) -> list[TreeFactor] | None:
    """Factor H from the leaves to the root, then L^-T on every path from the root down.

    Parameters
    ----------
    conditional : Conditional
        Joint density of data and effects.
    mode : Mode
        Its mode.
    nesting : Nesting
        The grouping factors.

    Returns
    -------
    list of TreeFactor, or None
        By depth; None if rounding takes from a front that it is positive definite.
    """
    depths = nesting.depths
    w = curvature(mode.jet)
    m, leaf = len(nesting.order), depths[-1]
    place, loadings = np.argsort(nesting.order), conditional.loadings
    front = np.zeros((leaf.levels, m, m))
    for j, of_j, left in loadings:
        for k, of_k, right in loadings:
            product = w[of_j, of_k] * left * right
            front[:, place[j], place[k]] += np.bincount(leaf.codes, product, leaf.levels)
    halves, shafts = [], []
    counts = [1, *(depth.levels for depth in depths)]
    for depth, outer in zip(reversed(depths), reversed(counts[:-1]), strict=True):
        root = cholesky(front[:, depth.own, depth.own] + np.eye(depth.width))
        if root is None:
            return None
        half = inverse(root)
        shaft = half @ front[:, depth.own, depth.above]
        halves.append(half)
        shafts.append(shaft)
        rest = front[:, depth.above, depth.above] - shaft.transpose(0, 2, 1) @ shaft
        front = sum_by(rest, depth.parents, outer)
    out: list[TreeFactor] = []
    spread = np.zeros((1, 0, 0))
    for depth, half, shaft in zip(depths, reversed(halves), reversed(shafts), strict=True):
        wider = np.zeros((depth.levels, depth.own.stop, depth.own.stop))
        outward = half.transpose(0, 2, 1)
        wider[:, depth.above, depth.above] = spread[depth.parents]
        wider[:, depth.own, depth.above] = -outward @ shaft @ spread[depth.parents]
        wider[:, depth.own, depth.own] = outward
        spread = wider
        out.append(TreeFactor(half, shaft, spread))
    return out


def sum_by(values: FloatArray, groups: IntArray, count: int) -> FloatArray:
    """Sum values (L, ...) by group, (count, ...)."""
    flat = values.reshape(len(values), -1)
    out = np.empty((count, flat.shape[1]))
    for j, column in enumerate(flat.T):
        out[:, j] = np.bincount(groups, column, count)
    return out.reshape(count, *values.shape[1:])
