r"""Relatedness along a tree: lineages of cells, phylogenies of species.

Every node has an effect, those inside the tree too: each is that of its parent plus what happened
along the branch of length l between them.

* **brownian**: :math:`x_c = x_p + N(0, l)`, with zero at the root, whose level is that of the
  intercept: covariances are the lengths of shared paths (Felsenstein 1985, American Naturalist
  125, 1-15).
* **pagel**: the same with covariances between different tips multiplied by :math:`\lambda` from 0
  (independent tips) to 1 (Brownian): inner branches are shortened by :math:`\lambda`, those of
  the tips lengthened in turn (Pagel 1999, Nature 401, 877-884).
* **ou**: a stationary Ornstein-Uhlenbeck process, :math:`x_c = e^{-l/\tau} x_p + N(0, 1 - e^{-2
  l/\tau})`, :math:`x_{\text{root}} \sim N(0, 1)`: correlations :math:`e^{-d/\tau}` at path length d
  (Hansen 1997, Evolution 51, 1341-1351).

With all nodes as unknowns the precision matrix has two elements per branch and factors without
fill (Hadfield and Nakagawa 2010, J. Evol. Biol. 23, 494-508).  Lengths are divided by the mean
distance of the tips from the root (brownian, pagel), so that tips have the variance one on
average.  Ends of branches of length zero are one level with two names.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, final, get_args

import numpy as np

from ilk.covariance.levels.angles import first_branch
from ilk.covariance.levels.arrays import labels_from_arrays, labels_to_arrays
from ilk.covariance.levels.base import AbstractLevels, Extension, Precision, extension
from ilk.covariance.levels.directed import DirectedGraph
from ilk.covariance.levels.tree_checks import check_lengths, check_names, top_down
from ilk.errors import DataError, ModelError, did_you_mean
from ilk.frame import listing, quote
from ilk.typing import BoolArray, FloatArray, IntArray

__all__ = ["Evolution", "Tree"]

Evolution: TypeAlias = Literal["brownian", "pagel", "ou"]
"""How effects change along branches."""


@final
@dataclass(frozen=True, slots=True)
class Tree(AbstractLevels):
    """A rooted tree with branch lengths.

    Attributes
    ----------
    names : tuple of N labels
        Names of all nodes, tips and inner ones.
    parents : ndarray (N,) of int
        Position of the parent of each node, -1 for the root.
    lengths : ndarray (N,)
        Length of the branch above each node; that of the root has no meaning.
    model : {"brownian", "pagel", "ou"}
        How effects change along branches.
    scale : float
        Mean distance of the tips from the root, in the unit of the lengths.
    """

    kind = "tree"

    names: tuple[Hashable, ...]
    parents: IntArray
    lengths: FloatArray
    model: Evolution = "brownian"
    scale: float = field(init=False)
    _node: IntArray = field(init=False, repr=False)  # level of each node; -1: none (the root)
    _levels: tuple[Hashable, ...] = field(init=False, repr=False)
    _edges: tuple[BoolArray, FloatArray, FloatArray, BoolArray] = field(init=False, repr=False)
    _graph: DirectedGraph = field(init=False, repr=False)
    _order: IntArray = field(init=False, repr=False)  # levels, parents first

    def __post_init__(self) -> None:
        if self.model not in get_args(Evolution):
            raise ModelError(
                f"model={self.model!r} is not known; choose from "
                f"{', '.join(map(repr, get_args(Evolution)))}."
                f"{did_you_mean(str(self.model), get_args(Evolution))}",
                code="choice",
            )
        parents, lengths = np.asarray(self.parents), np.asarray(self.lengths, dtype=np.float64)
        check_names(self.names)
        order = top_down(self.names, parents)
        check_lengths(self.names, parents, lengths)
        depth = np.zeros(len(parents))
        for i in order[1:]:
            depth[i] = depth[parents[i]] + lengths[i]
        tips = np.bincount(parents[parents >= 0], minlength=len(parents)) == 0
        scale = float(depth[tips].mean())
        if not scale > 0.0:
            raise DataError("All branches of the tree have length zero.", code="tree")
        object.__setattr__(self, "scale", scale)
        self._build(order, parents, lengths, depth, tips)

    def _build(
        self,
        order: IntArray,
        parents: IntArray,
        lengths: FloatArray,
        depth: FloatArray,
        tips: BoolArray,
    ) -> None:
        """Give nodes with branches of their own a level each; the others share their parent's."""
        root = int(order[0])
        keeps_root = self.model == "ou"
        own = lengths > 0.0
        if self.model == "pagel":  # tips differ from their parents for lambda < 1
            own = own | tips
        own[root] = keeps_root
        rank = np.cumsum(own) - 1
        node = np.where(own, rank, -1)
        for i in order[1:]:
            if not own[i]:
                node[i] = node[parents[i]]
        if not keeps_root and np.any(bare := tips & (node < 0)):
            names = [self.names[i] for i in np.flatnonzero(bare)]
            raise DataError(
                f"Tips at the root of the tree, without a branch, have no effects of their own: "
                f"{listing(names)}. Give them branches, or model='ou'.",
                code="tree",
            )
        kept = np.flatnonzero(own)
        above = np.where(parents[kept] >= 0, node[parents[kept]], -1)
        inner = above >= 0
        object.__setattr__(self, "_node", node)
        object.__setattr__(self, "_levels", tuple(self.names[i] for i in kept))
        object.__setattr__(self, "_edges", (inner, lengths[kept], depth[kept], tips[kept]))
        graph = DirectedGraph(np.flatnonzero(inner), above[inner], len(kept))
        object.__setattr__(self, "_graph", graph)
        object.__setattr__(self, "_order", rank[order[own[order]]])

    @property
    def levels(self) -> tuple[Hashable, ...]:
        """Names of the nodes with effects of their own."""
        return self._levels

    @property
    def parameters(self) -> tuple[str, ...]:
        """Name lambda, or the range of the correlations."""
        return {"brownian": (), "pagel": ("lambda",), "ou": ("range",)}[self.model]

    def start(self) -> FloatArray:
        """Lambda of 0.7, or a range of half the mean distance from the root."""
        return np.asarray(self.starts(1)[0], dtype=np.float64)

    def starts(self, count: int) -> FloatArray:
        """Lambda or range of the start, then smaller and larger ones."""
        starts = {
            "brownian": np.zeros((1, 0)),
            "pagel": np.arcsin(np.sqrt([[0.7], [0.2], [0.97]])),
            "ou": np.log([[0.5], [0.1], [2.5]]),
        }
        return np.array(starts[self.model][:count], dtype=np.float64)

    def natural(self, theta: FloatArray) -> FloatArray:
        """Lambda, or the path length at which correlations fall to 1/e."""
        if self.model == "pagel":
            return np.sin(theta) ** 2
        return np.exp(theta) * self.scale

    def canonical(self, theta: FloatArray) -> FloatArray:
        """Angle of lambda between 0 and a right one."""
        return first_branch(theta) if self.model == "pagel" else theta

    def places(self) -> Mapping[Hashable, int]:
        """Level of every node that has one."""
        return {name: int(k) for name, k in zip(self.names, self._node, strict=True) if k >= 0}

    def precision(self, theta: FloatArray) -> Precision:
        """Precision matrix of all nodes, from the branches."""
        inner = self._edges[0]
        weights, variances, weight_slopes, slopes = self._regressions(theta)
        return self._graph.precision(weights[inner], variances, weight_slopes[inner], slopes)

    def _regressions(
        self, theta: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Weight and variance (L,) of each level given its parent's, and their derivatives."""
        inner, lengths, depth, tips = self._edges
        return self._steps(theta, lengths / self.scale, depth / self.scale, tips, inner)

    def _steps(
        self,
        theta: FloatArray,
        lengths: FloatArray,
        depth: FloatArray,
        tips: BoolArray,
        inner: BoolArray,
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Weights and variances of branches, in units of the scale."""
        ones, zeros = np.ones(len(lengths)), np.zeros((len(lengths), len(self.parameters)))
        if self.model == "brownian":
            return ones, lengths, zeros, zeros
        if self.model == "pagel":
            share, slope = math.sin(theta[0]) ** 2, math.sin(2.0 * theta[0])
            floor = 1e-9  # lambda of 1 leaves no variance to tips without a branch
            variances = share * lengths + (1.0 - share) * np.where(tips, depth, 0.0)
            slopes = slope * (lengths - np.where(tips, depth, 0.0))
            return ones, np.maximum(variances, floor), zeros, slopes[:, None]
        x = np.where(inner, lengths, 0.0) * math.exp(-min(max(float(theta[0]), -50.0), 50.0))
        weights = np.exp(-x)
        variances = np.where(inner, -np.expm1(-2.0 * x), 1.0)
        slopes = np.where(inner, -2.0 * x * weights**2, 0.0)
        return weights, variances, (x * weights)[:, None], slopes[:, None]

    def variances(self, theta: FloatArray) -> FloatArray:
        """Variances of the nodes, from the root down."""
        weights, steps, _, _ = self._regressions(theta)
        if self.model == "ou":
            return np.ones(len(steps))
        above = np.full(len(steps), -1)
        above[self._graph.children] = self._graph.parents
        out = steps.copy()
        for k in self._order:
            if above[k] >= 0:
                out[k] += weights[k] ** 2 * out[above[k]]
        return out

    def draw(self, theta: FloatArray, rng: np.random.Generator, count: int) -> FloatArray:
        """Draws of the nodes, from the root down."""
        weights, variances, _, _ = self._regressions(theta)
        inner = self._edges[0]
        return self._graph.draw(weights[inner], variances, self._order, rng, count)

    def extend(
        self, theta: FloatArray, labels: Sequence[Hashable], points: Any = None
    ) -> Extension:
        """Effects of new tips, of which ``points`` says the node they grow from and how far.

        Parameters
        ----------
        theta : ndarray (m,)
            Unconstrained parameters.
        labels : sequence of m labels
            Nodes of the tree, or new tips.
        points : sequence of m (label, float), optional
            Node that a new tip is joined to, and the length of its branch.
        """
        position = {name: i for i, name in enumerate(self.names)}
        depth = np.zeros(len(self.names))
        for i in top_down(self.names, np.asarray(self.parents))[1:]:
            depth[i] = depth[self.parents[i]] + self.lengths[i]
        weights: list[list[tuple[int, float]]] = []
        variances = np.zeros(len(labels))
        for k, label in enumerate(labels):
            if label in position:
                place = int(self._node[position[label]])
                weights.append([(place, 1.0)] if place >= 0 else [])
                continue
            node, length = self._joint(label, points, k, position)
            joint = position[node]
            weight, variance, _, _ = self._steps(
                theta,
                np.array([length / self.scale]),
                np.array([(depth[joint] + length) / self.scale]),
                np.ones(1, bool),
                np.ones(1, bool),
            )
            place, variances[k] = int(self._node[joint]), variance[0]
            weights.append([(place, float(weight[0]))] if place >= 0 else [])
        return extension(weights, variances, self)

    def _joint(
        self, label: Hashable, points: Any, k: int, position: Mapping[Hashable, int]
    ) -> tuple[Hashable, float]:
        if points is None:
            raise ModelError(
                f"The tree has no {quote(label)}, and nothing says where it belongs. Add it to the "
                "tree, or say the node it grows from and the length of its branch.",
                code="unknown-level",
            )
        node, length = points[k]
        if node not in position:
            raise DataError(
                f"{quote(label)} is to grow from {quote(node)}, which is no node of the tree.",
                code="unknown-level",
            )
        if not (math.isfinite(length) and length >= 0.0):
            raise DataError(
                f"The branch of {quote(label)} has the length {length:g}; lengths are finite and "
                "not negative.",
                code="tree",
            )
        return node, float(length)

    def to_arrays(self) -> dict[str, Any]:
        """Names, parents, lengths, and the model."""
        return {
            "structure": self.kind,
            **labels_to_arrays(self.names),
            "parents": np.asarray(self.parents),
            "lengths": np.asarray(self.lengths, dtype=np.float64),
            "model": self.model,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any]) -> Tree:
        """Tree from what `to_arrays` gave."""
        names = labels_from_arrays(arrays)
        return cls(names, arrays["parents"], arrays["lengths"], str(arrays["model"]))  # type: ignore[arg-type]

    def describe(self) -> str:
        """Say what evolves how."""
        words = {
            "brownian": "Brownian motion",
            "pagel": "Brownian motion with Pagel's lambda",
            "ou": "a stationary Ornstein-Uhlenbeck process",
        }
        tips = int(self._edges[3].sum())
        return f"{words[self.model]} along a tree of {tips} tips and {len(self.names)} nodes"
