r"""Relatedness by pedigree: Henderson's inverse with inbreeding.

An individual has half the genes of each parent, :math:`x_i = \frac12 x_s + \frac12 x_d + m_i`, so
that the covariance of additive effects is :math:`\sigma_A^2 A`, A the numerator relationship
matrix with :math:`A_{ii} = 1 + F_i`, F the coefficient of inbreeding, and Mendelian sampling has
the variances

.. math:: v_i = \tfrac12 - \tfrac14 (F_s + F_d), \qquad \tfrac34 - \tfrac14 F_s, \qquad 1

with two, one and no known parents (Henderson 1976, Biometrics 32, 69-83; Quaas 1976, Biometrics
32, 949-953).  The variance of the effects is that in the base population.

:math:`F_i = \frac12 A_{sd}` is found generation by generation: with :math:`A = T V T'`, the
column of A of each sire is two sweeps over its ancestors (Colleau 2002, Genet. Sel. Evol. 34,
409-421), many sires at a time.

Unknown parents may belong to groups that differ in their means: a group is one more effect, with
a variance of its own in units of the base population's, in the place of the parent (Quaas 1988, J.
Dairy Sci. 71, 1338-1345).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from ilk.covariance.levels.arrays import labels_from_arrays, labels_to_arrays
from ilk.covariance.levels.base import AbstractLevels, Extension, Precision, extension
from ilk.covariance.levels.directed import DirectedGraph
from ilk.errors import DataError, ModelError
from ilk.frame import listing, quote
from ilk.typing import BoolArray, FloatArray, IntArray

__all__ = ["Pedigree", "generations", "inbreeding"]

_CELLS = 4_000_000
"""Numbers that are worked on at one time."""


@final
@dataclass(frozen=True, slots=True)
class Pedigree(AbstractLevels):
    """Individuals and their parents.

    Attributes
    ----------
    names : tuple of N labels
        Individuals, and groups of unknown parents if there are.
    sires, dams : ndarrays (N,) of int
        Positions of the parents, -1 where unknown; the two may be one (selfing).
    groups : ndarray (N,) of bool
        Which of the names are groups of unknown parents.
    group_variance : float
        Variance of the groups, in units of the base population's.
    inbreeding : ndarray (N,)
        Coefficients F.
    """

    kind = "pedigree"

    names: tuple[Hashable, ...]
    sires: IntArray
    dams: IntArray
    groups: BoolArray | None = None
    group_variance: float = 1.0
    inbreeding: FloatArray = field(init=False)
    _graph: DirectedGraph = field(init=False, repr=False)
    _sampling: FloatArray = field(init=False, repr=False)
    _order: IntArray = field(init=False, repr=False)  # parents first

    def __post_init__(self) -> None:
        if len(set(self.names)) < len(self.names):
            count = Counter(self.names)
            twice = [name for name in count if count[name] > 1]
            raise DataError(
                f"Individuals occur more than once in the pedigree: {listing(twice)}. Leave one "
                "row for each.",
                code="duplicate-level",
            )
        sires, dams = np.asarray(self.sires), np.asarray(self.dams)
        depth = generations(self.names, sires, dams)
        group = np.zeros(len(sires), bool) if self.groups is None else np.asarray(self.groups, bool)
        known_sires = np.where(group[sires] & (sires >= 0), -1, sires)
        known_dams = np.where(group[dams] & (dams >= 0), -1, dams)
        F = inbreeding(known_sires, known_dams, depth)
        sampling = _sampling(known_sires, known_dams, F)
        sampling[group] = self.group_variance
        object.__setattr__(self, "inbreeding", F)
        object.__setattr__(self, "_sampling", sampling)
        object.__setattr__(self, "_order", np.argsort(depth, kind="stable"))
        children = np.concatenate([np.flatnonzero(sires >= 0), np.flatnonzero(dams >= 0)])
        parents = np.concatenate([sires[sires >= 0], dams[dams >= 0]])
        object.__setattr__(self, "_graph", DirectedGraph(children, parents, len(sires)))

    @property
    def levels(self) -> tuple[Hashable, ...]:
        """Names of the individuals."""
        return self.names

    def precision(self, theta: FloatArray) -> Precision:
        """Inverse of the relationship matrix."""
        del theta
        return self._graph.precision(np.full(len(self._graph.children), 0.5), self._sampling)

    def variances(self, theta: FloatArray) -> FloatArray:
        """One and the coefficient of inbreeding, and the share of the groups."""
        del theta
        out = 1.0 + self.inbreeding
        if self.groups is None or not np.any(self.groups):
            return out
        group = np.flatnonzero(self.groups)
        shares = np.zeros((len(self.names), len(group)))
        shares[group, np.arange(len(group))] = 1.0
        sires, dams = np.asarray(self.sires), np.asarray(self.dams)
        for i in self._order:
            for parent in (sires[i], dams[i]):
                if parent >= 0:
                    shares[i] += 0.5 * shares[parent]
        out[group] = 0.0
        return out + self.group_variance * np.sum(shares**2, axis=1)

    def draw(self, theta: FloatArray, rng: np.random.Generator, count: int) -> FloatArray:
        """Draws of the individuals, founders first."""
        del theta
        halves = np.full(len(self._graph.children), 0.5)
        return self._graph.draw(halves, self._sampling, self._order, rng, count)

    def extend(
        self, theta: FloatArray, labels: Sequence[Hashable], points: Any = None
    ) -> Extension:
        """Effects of new individuals, of which ``points`` says the parents.

        Parameters
        ----------
        theta : ndarray (0,)
            There are no parameters.
        labels : sequence of m labels
            Individuals of the pedigree, or new ones.
        points : sequence of m (label or None, label or None), optional
            Sire and dam of each new individual; None stands for an unknown one.
        """
        del theta
        position = {name: i for i, name in enumerate(self.names)}
        group = np.zeros(len(self.names), bool) if self.groups is None else self.groups
        weights: list[list[tuple[int, float]]] = []
        variances = np.zeros(len(labels))
        for k, label in enumerate(labels):
            if label in position:
                weights.append([(position[label], 1.0)])
                continue
            if points is None:
                raise ModelError(
                    f"The pedigree has no {quote(label)}, and nothing says who its parents are. "
                    "Add it to the pedigree, or say its sire and dam.",
                    code="unknown-level",
                )
            parents = [parent for parent in points[k] if parent is not None]
            strange = [parent for parent in parents if parent not in position]
            if strange:
                raise DataError(
                    f"Parents of {quote(label)} are not in the pedigree: {listing(strange)}.",
                    code="unknown-level",
                )
            places = [position[parent] for parent in parents]
            weights.append([(place, 0.5) for place in places])
            known = [place for place in places if not group[place]]
            variances[k] = 1.0 - sum(0.25 * (1.0 + self.inbreeding[place]) for place in known)
        return extension(weights, variances, self)

    def to_arrays(self) -> dict[str, Any]:
        """Names, parents and groups."""
        count = len(self.names)
        group = np.zeros(count, bool) if self.groups is None else np.asarray(self.groups, bool)
        return {
            "structure": self.kind,
            **labels_to_arrays(self.names),
            "sires": np.asarray(self.sires),
            "dams": np.asarray(self.dams),
            "groups": group,
            "group_variance": float(self.group_variance),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any]) -> Pedigree:
        """Pedigree from what `to_arrays` gave."""
        group = np.asarray(arrays["groups"], dtype=bool)
        return cls(
            labels_from_arrays(arrays),
            arrays["sires"],
            arrays["dams"],
            group if group.any() else None,
            float(arrays["group_variance"]),
        )

    def describe(self) -> str:
        """Say how many there are."""
        founders = int(np.sum((np.asarray(self.sires) < 0) & (np.asarray(self.dams) < 0)))
        inbred = int(np.sum(self.inbreeding > 1e-12))
        return (
            f"additive relatedness in a pedigree of {len(self.names)} individuals, {founders} of "
            f"them founders, {inbred} inbred"
        )


def generations(names: Sequence[Hashable], sires: IntArray, dams: IntArray) -> IntArray:
    """Number (N,) of generations between each individual and its earliest founder.

    Raises
    ------
    DataError
        An individual is its own ancestor.
    """
    depth = np.zeros(len(sires), dtype=np.intp)
    own = np.flatnonzero((sires == np.arange(len(sires))) | (dams == np.arange(len(dams))))
    if len(own):
        raise DataError(
            f"In the pedigree, {quote(names[own[0]])} is its own parent.", code="pedigree"
        )
    for step in range(len(sires) + 1):
        below = np.maximum(
            np.where(sires >= 0, depth[sires] + 1, 0), np.where(dams >= 0, depth[dams] + 1, 0)
        )
        if np.array_equal(below, depth):
            return depth
        if step > 64 and (loop := _loop(names, sires, dams)):
            raise DataError(loop, code="pedigree")
        depth = below
    raise DataError(_loop(names, sires, dams), code="pedigree")


def _loop(names: Sequence[Hashable], sires: IntArray, dams: IntArray) -> str:
    """Say who is its own ancestor; empty if nobody is."""
    children = np.bincount(sires[sires >= 0], minlength=len(sires))
    children = children + np.bincount(dams[dams >= 0], minlength=len(dams))
    ends = list(np.flatnonzero(children == 0))
    left = len(sires)
    while ends:  # those without children cannot be in a loop
        i = ends.pop()
        left -= 1
        for parent in (sires[i], dams[i]):
            if parent >= 0:
                children[parent] -= 1
                if children[parent] == 0:
                    ends.append(parent)
    if not left:
        return ""
    inside: set[int] = set(np.flatnonzero(children > 0).tolist())
    i, path = min(inside), list[int]()
    while i not in path:
        path.append(i)
        i = next(int(p) for p in (sires[i], dams[i]) if int(p) in inside)
    loop = [quote(names[k]) for k in path[path.index(i) :]]
    return f"In the pedigree, {loop[0]} is its own ancestor: " + " <- ".join([*loop, loop[0]]) + "."


def inbreeding(sires: IntArray, dams: IntArray, depth: IntArray) -> FloatArray:
    """Coefficients of inbreeding.

    Parameters
    ----------
    sires, dams : ndarrays (N,) of int
        Positions of the parents, -1 where unknown.
    depth : ndarray (N,) of int
        Generations, as by `generations`.

    Returns
    -------
    ndarray (N,)
    """
    F = np.zeros(len(sires))
    both = (sires >= 0) & (dams >= 0)
    order = np.argsort(depth, kind="stable")
    bounds = np.searchsorted(depth[order], np.arange(int(depth.max(initial=0)) + 2))
    layers = [order[bounds[g] : bounds[g + 1]] for g in range(len(bounds) - 1)]
    for g in range(1, len(layers)):
        here = layers[g][both[layers[g]]]
        if len(here):
            sampling = _sampling(sires, dams, F)
            F[here] = 0.5 * _relationships(
                sires[here], dams[here], sires, dams, layers[:g], sampling
            )
    return F


def _relationships(
    first: IntArray,
    second: IntArray,
    sires: IntArray,
    dams: IntArray,
    layers: Sequence[IntArray],
    sampling: FloatArray,
) -> FloatArray:
    """Elements of A of pairs, by columns of the less numerous of their firsts and seconds."""
    if len(np.unique(second)) < len(np.unique(first)):
        first, second = second, first
    unique, which = np.unique(first, return_inverse=True)
    found = np.empty(len(first))
    batch = max(1, _CELLS // len(sires))
    for begin in range(0, len(unique), batch):
        some = unique[begin : begin + batch]
        x = np.zeros((len(sires), len(some)))
        x[some, np.arange(len(some))] = 1.0
        for layer in reversed(layers):  # T' x: from children to parents
            for parents in (sires, dams):
                known = layer[parents[layer] >= 0]
                np.add.at(x, parents[known], 0.5 * x[known])
        x *= sampling[:, None]
        for layer in layers:  # T x: from parents to children
            for parents in (sires, dams):
                known = layer[parents[layer] >= 0]
                x[known] += 0.5 * x[parents[known]]
        rows = np.flatnonzero((which >= begin) & (which < begin + batch))
        found[rows] = x[second[rows], which[rows] - begin]
    return found


def _sampling(sires: IntArray, dams: IntArray, F: FloatArray) -> FloatArray:
    """Variances v (N,) of Mendelian sampling."""
    from_sire = np.where(sires >= 0, 0.25 * (1.0 + F[sires]), 0.0)
    from_dam = np.where(dams >= 0, 0.25 * (1.0 + F[dams]), 0.0)
    return np.asarray(1.0 - from_sire - from_dam)
