r"""Places whose effects are alike where they are near each other.

A Gaussian field with correlations that fall with distance (`ilk.covariance.decay`), seen at L
places.

* **exact**: the dense matrix of correlations, inverted; for some thousand places.
* **vecchia**: each place given its m nearest among those before it, in an order in which early
  places are spread over all (Vecchia 1988, JRSS B 50, 297-312; Datta and others 2016, JASA 111,
  800-812): :math:`x_i = w_i' x_{N(i)} + \varepsilon_i` with :math:`w_i = R_{NN}^{-1} r_{Ni}` and
  :math:`v_i = 1 - r_{Ni}' w_i`, a sparse precision matrix for any number of places.  What is
  lost is reported (`Space.lost`).

Distances on the globe are those through it (chords), on which all these functions are correlations.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, final, get_args

import numpy as np

from ilk.covariance.decay import Decay, decay
from ilk.covariance.levels.arrays import labels_from_arrays, labels_to_arrays
from ilk.covariance.levels.base import AbstractLevels, Extension, Precision, extension
from ilk.covariance.levels.dense_field import dense_precision
from ilk.covariance.levels.directed import DirectedGraph
from ilk.covariance.levels.points import (
    check_finite,
    check_points,
    distances,
    nearest_before,
    on_the_globe,
    spread_out,
)
from ilk.covariance.levels.vecchia import NUGGET, Correlate, Regressions, nearest, regressions
from ilk.errors import DataError, ModelError, did_you_mean
from ilk.frame import listing
from ilk.typing import FloatArray, IntArray

__all__ = ["Method", "Space"]

Method: TypeAlias = Literal["exact", "vecchia"]
"""How the field is computed."""

_COMPARED = 2000
"""Places up to which the approximation is compared with the exact field."""


@final
@dataclass(frozen=True, slots=True)
class Space(AbstractLevels):
    """A Gaussian field at places.

    Attributes
    ----------
    names : tuple of L labels
        Places.
    points : ndarray (L, d)
        Coordinates, in one unit of length.
    kind_of_decay : {"exp", "gau", "matern"}
        Correlation function.
    nu : float or None
        Smoothness of the Matern correlation; None makes it a parameter.
    method : {"exact", "vecchia"}
        How it is computed.
    neighbors : int
        Number m of neighbors of ``"vecchia"``.
    geographic : bool
        Whether the points are those of `on_the_globe`, of longitudes and latitudes.
    """

    kind = "field"

    names: tuple[Hashable, ...]
    points: FloatArray
    kind_of_decay: Decay = "matern"
    nu: float | None = 1.5
    method: Method = "exact"
    neighbors: int = 20
    geographic: bool = False
    _order: IntArray = field(init=False, repr=False)
    _near: IntArray = field(init=False, repr=False)  # (L, m), -1: none
    _graph: DirectedGraph | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        points = np.asarray(self.points, dtype=np.float64)
        check_points(self.names, points)
        if self.method not in get_args(Method):
            raise ModelError(
                f"method={self.method!r} is not known; choose from 'exact', 'vecchia'."
                f"{did_you_mean(str(self.method), get_args(Method))}",
                code="choice",
            )
        object.__setattr__(self, "points", points)
        if self.method == "exact":
            object.__setattr__(self, "_order", np.arange(len(points)))
            object.__setattr__(self, "_near", np.zeros((len(points), 0), dtype=np.intp))
            object.__setattr__(self, "_graph", None)
            return
        order = spread_out(points)
        near = nearest_before(points, order, min(self.neighbors, len(points) - 1))
        children, slots = np.nonzero(near >= 0)
        graph = DirectedGraph(children, near[children, slots], len(points))
        object.__setattr__(self, "_order", order)
        object.__setattr__(self, "_near", near)
        object.__setattr__(self, "_graph", graph)

    @property
    def levels(self) -> tuple[Hashable, ...]:
        """Names of the places."""
        return self.names

    @property
    def parameters(self) -> tuple[str, ...]:
        """Name the range and, if it is a parameter, the smoothness."""
        free = self.kind_of_decay == "matern" and self.nu is None
        return ("range", "smoothness") if free else ("range",)

    def start(self) -> FloatArray:
        """A range of a sixth of the extent of the places, a smoothness of one."""
        return np.asarray(self.starts(1)[0], dtype=np.float64)

    def starts(self, count: int) -> FloatArray:
        """Ranges of a sixth of the extent, then shorter and longer ones."""
        extent = float(np.ptp(self.points, axis=0).max())
        shares = np.array([1.0 / 6.0, 1.0 / 30.0, 0.6, 1.0 / 150.0])[:count]
        starts = np.stack([np.log(shares * extent), np.zeros(len(shares))], axis=1)
        return np.array(starts[:, : len(self.parameters)])

    def natural(self, theta: FloatArray) -> FloatArray:
        """Range in the unit of the coordinates, and smoothness."""
        return np.exp(theta)

    def correlations(
        self, theta: FloatArray, distance: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Correlations at distances, and their derivatives in the parameters.

        Parameters
        ----------
        theta : ndarray (m,)
            Unconstrained parameters.
        distance : ndarray
            Distances.
        """
        nu = None
        if self.kind_of_decay == "matern":
            nu = float(theta[1]) if self.nu is None else math.log(self.nu)
        known = self.nu is not None
        return decay(self.kind_of_decay, distance, float(theta[0]), nu, known_nu=known)

    def precision(self, theta: FloatArray) -> Precision:
        """Precision matrix of the places, exact or approximate."""
        if self._graph is not None:
            return self._vecchia(theta)
        return dense_precision(*self.correlations(theta, distances(self.points, self.points)))

    def _vecchia(self, theta: FloatArray) -> Precision:
        assert self._graph is not None
        found = self._regressions(theta, len(self.parameters))
        weights, variances, dweights, dvariances = found
        children, slots = np.nonzero(self._near >= 0)
        return self._graph.precision(
            weights[children, slots], variances, dweights[children, slots], dvariances
        )

    def _regressions(self, theta: FloatArray, m: int) -> Regressions:
        """Regressions of all places on those before."""
        return regressions(self._correlate(theta), self.points, self.points, self._near, m)

    def _correlate(self, theta: FloatArray) -> Correlate:
        return functools.partial(self.correlations, theta)

    def lost(self, theta: FloatArray) -> float:
        """Log-likelihood that the approximation loses in the mean, were the field observed.

        For up to 2,000 places it is what the exact field has more; for others, what twice the
        neighbors would gain, of a thousand of the places, times their number over a thousand.

        Parameters
        ----------
        theta : ndarray (m,)
            Unconstrained parameters.
        """
        if self._graph is None:
            return 0.0
        count, width = self._near.shape
        log_v = np.log(self._regressions(theta, 0)[1]) if count <= _COMPARED else np.zeros(0)
        if count <= _COMPARED:
            R = self.correlations(theta, distances(self.points, self.points))[0]
            root = np.linalg.cholesky(R + NUGGET * np.eye(count))
            return float(0.5 * log_v.sum() - np.log(np.diagonal(root)).sum())
        more = nearest_before(self.points, self._order, min(2 * width, count - 1))
        some = self._order[:: count // 1000]
        correlate, points = self._correlate(theta), self.points[some]
        gain = np.log(regressions(correlate, self.points, points, self._near[some], 0)[1])
        gain -= np.log(regressions(correlate, self.points, points, more[some], 0)[1])
        return float(0.5 * gain.mean() * count)

    def variances(self, theta: FloatArray) -> FloatArray:
        """Ones, or those of the approximation for as many places as have a dense matrix.

        Those of more places differ from one by as little.
        """
        if self._graph is None or len(self.names) > _COMPARED:
            return np.ones(len(self.names))
        return np.diagonal(self._dense_covariance(theta)).copy()

    def _dense_covariance(self, theta: FloatArray) -> FloatArray:
        if self._graph is None:
            return self.correlations(theta, distances(self.points, self.points))[0]
        found = np.linalg.inv(self._vecchia(theta).dense())
        return np.asarray(0.5 * (found + found.T))

    def draw(self, theta: FloatArray, rng: np.random.Generator, count: int) -> FloatArray:
        """Draws of the field."""
        if self._graph is None:
            R = self._dense_covariance(theta)
            root = np.linalg.cholesky(R + NUGGET * np.eye(len(R)))
            return np.asarray(rng.standard_normal((count, len(R))) @ root.T)
        weights, variances, _, _ = self._regressions(theta, 0)
        children, slots = np.nonzero(self._near >= 0)
        return self._graph.draw(weights[children, slots], variances, self._order, rng, count)

    def extend(
        self, theta: FloatArray, labels: Sequence[Hashable], points: Any = None
    ) -> Extension:
        """Field at new places, whose coordinates are ``points``.

        Parameters
        ----------
        theta : ndarray (m,)
            Unconstrained parameters.
        labels : sequence of k labels
            Places; those of the field have a weight of one at their own, whatever their points.
        points : ndarray (k, d), optional
            Coordinates as they were given: longitude and latitude if they are geographic.
        """
        places = self.places()
        new = np.array([label not in places for label in labels], dtype=bool)
        weights = [[] if new[k] else [(places[label], 1.0)] for k, label in enumerate(labels)]
        variances = np.zeros(len(labels))
        if not new.any():
            return extension(weights, variances, self)
        strange = [label for label in labels if label not in places]
        if points is None:
            raise ModelError(
                f"The field has no places {listing(strange)}, and nothing says where they are. "
                "Give their coordinates.",
                code="unknown-level",
            )
        where = self._new_points(np.asarray(points, dtype=np.float64).reshape(len(labels), -1)[new])
        check_finite(strange, where)
        for k, (at, w, v) in zip(np.flatnonzero(new), self._kriged(theta, where), strict=True):
            weights[k] = list(zip(at.tolist(), w.tolist(), strict=True))
            variances[k] = max(v, 0.0)
        return extension(weights, variances, self)

    def _new_points(self, points: FloatArray) -> FloatArray:
        """Coordinates as the field has them, of coordinates as they were given."""
        given = 2 if self.geographic else self.points.shape[1]
        if points.shape[1] != given:
            raise DataError(
                f"Places of the field have {given} coordinates, the new ones {points.shape[1]}.",
                code="shape",
            )
        return on_the_globe(points[:, 1], points[:, 0]) if self.geographic else points

    def _kriged(
        self, theta: FloatArray, where: FloatArray
    ) -> Iterator[tuple[IntArray, FloatArray, float]]:
        """Places, weights and conditional variance of each of the points ``where`` (k, d)."""
        if self._graph is None:
            every: IntArray = np.arange(len(self.points))
            R = self._dense_covariance(theta) + NUGGET * np.eye(len(every))
            r = self.correlations(theta, distances(self.points, where))[0]
            w = np.linalg.solve(R, r)
            left = 1.0 + NUGGET - np.sum(r * w, axis=0)
            for k in range(len(where)):
                yield every, np.asarray(w[:, k]), float(left[k])
            return
        near = nearest(self.points, where, min(2 * self.neighbors, len(self.points)))
        w, variances, _, _ = regressions(self._correlate(theta), self.points, where, near, 0)
        yield from zip(near, w, variances.tolist(), strict=True)

    def to_arrays(self) -> dict[str, Any]:
        """Names, points and settings."""
        return {
            "structure": self.kind,
            **labels_to_arrays(self.names),
            "points": self.points,
            "decay": self.kind_of_decay,
            "nu": math.nan if self.nu is None else float(self.nu),
            "method": self.method,
            "neighbors": self.neighbors,
            "geographic": self.geographic,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any]) -> Space:
        """Field from what `to_arrays` gave."""
        nu = float(arrays["nu"])
        return cls(
            labels_from_arrays(arrays),
            arrays["points"],
            str(arrays["decay"]),  # type: ignore[arg-type]
            None if math.isnan(nu) else nu,
            str(arrays["method"]),  # type: ignore[arg-type]
            int(arrays["neighbors"]),
            bool(arrays["geographic"]),
        )

    def describe(self) -> str:
        """Say which field, and how it is computed."""
        words = {
            "exp": "exponential correlations",
            "gau": "Gaussian correlations",
            "matern": "Matern correlations"
            + ("" if self.nu is None else f" of smoothness {self.nu:g}"),
        }[self.kind_of_decay]
        how = "exact" if self.method == "exact" else f"Vecchia with {self._near.shape[1]} neighbors"
        return f"field with {words} at {len(self.names)} places, {how}"
