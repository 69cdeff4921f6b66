r"""Relatedness by pedigree: Henderson's inverse with inbreeding.

An individual has half the genes of each parent, :math:`x_i = \frac12 x_s + \frac12 x_d + m_i`, so
that the covariance of additive effects is :math:`\sigma_A^2 A`, A the numerator relationship
matrix with :math:`A_{ii} = 1 + F_i`, F the coefficient of inbreeding, and Mendelian sampling has
the variances

.. math:: v_i = \tfrac12 - \tfrac14 (F_s + F_d), \qquad \tfrac34 - \tfrac14 F_s, \qquad 1

with two, one and no known parents (Henderson 1976, Biometrics 32, 69-83; Quaas 1976, Biometrics
32, 949-953).  The variance of the effects is that in the base population.

F is found by :mod:`.inbreeding`.  The end of n generations of selfing after a cross has the
coefficient :math:`1 - (1 - F_0) 2^{-n}`, :math:`F_0` that of the cross, and
:math:`(1 - F_0)(1 - 2^{-n})` more of Mendelian sampling.

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
from ilk.covariance.levels.inbreeding import generations, inbreeding
from ilk.errors import DataError, ModelError
from ilk.frame import answer, listing, quote
from ilk.typing import BoolArray, FloatArray, IntArray

__all__ = ["Pedigree"]


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
    selfings : ndarray (N,) of int, optional
        Generations of selfing after the cross of the parents, of which the individual is the end.
    flavor : str
        Frame of the answer `inbreeding`.
    F : ndarray (N,)
        Coefficients of inbreeding.
    """

    kind = "pedigree"

    names: tuple[Hashable, ...]
    sires: IntArray
    dams: IntArray
    groups: BoolArray | None = None
    group_variance: float = 1.0
    selfings: IntArray | None = None
    flavor: str = "pandas"
    F: FloatArray = field(init=False)
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
        F, sampling = inbreeding(known_sires, known_dams, depth, self.selfings)
        sampling[group] = self.group_variance
        object.__setattr__(self, "F", F)
        object.__setattr__(self, "_sampling", sampling)
        object.__setattr__(self, "_order", np.argsort(depth, kind="stable"))
        children = np.concatenate([np.flatnonzero(sires >= 0), np.flatnonzero(dams >= 0)])
        parents = np.concatenate([sires[sires >= 0], dams[dams >= 0]])
        object.__setattr__(self, "_graph", DirectedGraph(children, parents, len(sires)))

    @property
    def inbreeding(self) -> Any:
        """Frame with a row for each individual: its name, coefficient F, and generation."""
        group = np.zeros(len(self.names), bool) if self.groups is None else self.groups
        kept = np.flatnonzero(~group)
        depth = generations(self.names, np.asarray(self.sires), np.asarray(self.dams))
        found = {
            "individual": [self.names[i] for i in kept],
            "inbreeding": self.F[kept],
            "generation": depth[kept],
        }
        return answer(found, self.flavor)

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
        out = np.asarray(1.0 + self.F)
        if self.groups is None or not np.any(self.groups):
            return out
        group = np.flatnonzero(self.groups)
        shares = np.zeros((len(self.names), len(group)))
        shares[group, np.arange(len(group))] = 1.0
        shares = self._graph.spread(np.full(len(self._graph.children), 0.5), self._order, shares)
        out[group] = 0.0
        return np.asarray(out + self.group_variance * np.sum(shares**2, axis=1))

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
            variances[k] = 1.0 - sum(0.25 * (1.0 + self.F[place]) for place in known)
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
            "selfings": np.zeros(count, int)
            if self.selfings is None
            else np.asarray(self.selfings),
            "flavor": self.flavor,
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
            arrays["selfings"] if np.any(arrays["selfings"]) else None,
            str(arrays["flavor"]),
        )

    def describe(self) -> str:
        """Say how many there are."""
        founders = int(np.sum((np.asarray(self.sires) < 0) & (np.asarray(self.dams) < 0)))
        inbred = int(np.sum(self.F > 1e-12))
        return (
            f"additive relatedness in a pedigree of {len(self.names)} individuals, {founders} of "
            f"them founders, {inbred} inbred"
        )
