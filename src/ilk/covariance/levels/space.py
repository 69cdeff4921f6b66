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

import math
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, final, get_args

import numpy as np

from ilk.covariance.decay import Decay, decay
from ilk.covariance.levels.arrays import labels_from_arrays, labels_to_arrays
from ilk.covariance.levels.base import AbstractLevels, Extension, Precision, extension
from ilk.covariance.levels.directed import DirectedGraph
from ilk.covariance.levels.points import distances, nearest_before, on_the_globe, spread_out
from ilk.errors import DataError, ModelError, did_you_mean
from ilk.frame import listing, quote
from ilk.typing import FloatArray, IntArray

__all__ = ["Method", "Space"]

Method: TypeAlias = Literal["exact", "vecchia"]
"""How the field is computed."""

_NUGGET = 1e-10
_CELLS = 8_000_000


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
        _check_points(self.names, points)
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
        extent = np.ptp(self.points, axis=0).max()
        return np.array([math.log(extent / 6.0), 0.0])[: len(self.parameters)]

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
        return self._vecchia(theta) if self._graph is not None else self._exact(theta)

    def _exact(self, theta: FloatArray) -> Precision:
        order, m = len(self.points), len(self.parameters)
        R, slope = self.correlations(theta, distances(self.points, self.points))
        R[np.arange(order), np.arange(order)] += _NUGGET
        try:
            root = np.linalg.cholesky(R)
        except np.linalg.LinAlgError:
            columns, rows = np.triu_indices(order)
            nothing = np.full(len(rows), np.nan)
            return Precision(
                order, rows.astype(np.int32), columns.astype(np.int32), nothing, math.nan,
                np.full((len(rows), m), np.nan), np.full(m, np.nan),
            )  # fmt: skip
        inverse = np.linalg.inv(root)
        Q = inverse.T @ inverse
        columns, rows = np.triu_indices(order)
        changes = [Q @ slope[..., j] @ Q for j in range(m)]
        return Precision(
            order=order,
            rows=rows.astype(np.int32),
            columns=columns.astype(np.int32),
            values=Q[rows, columns],
            log_det=-2.0 * float(np.log(np.diagonal(root)).sum()),
            slope=np.stack([-change[rows, columns] for change in changes], axis=1),
            log_det_slope=np.array([-float(np.sum(Q * slope[..., j])) for j in range(m)]),
        )

    def _vecchia(self, theta: FloatArray) -> Precision:
        assert self._graph is not None
        weights, variances, dweights, dvariances = self._regressions(theta, True)
        children, slots = np.nonzero(self._near >= 0)
        return self._graph.precision(
            weights[children, slots], variances, dweights[children, slots], dvariances
        )

    def _regressions(
        self, theta: FloatArray, slopes: bool
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Weights (L, m) and variances (L,) of all places given those before, and derivatives."""
        count, width = self._near.shape
        m = len(self.parameters) if slopes else 0
        weights, dweights = np.zeros((count, width)), np.zeros((count, width, m))
        variances, dvariances = np.ones(count), np.zeros((count, m))
        step = max(1, _CELLS // ((width + 1) ** 2 * (m + 1)))
        for begin in range(0, count, step):
            rows = np.arange(begin, min(begin + step, count))
            found = self._given(theta, self.points[rows], self._near[rows], m)
            weights[rows], variances[rows], dweights[rows], dvariances[rows] = found
        return weights, np.maximum(variances, _NUGGET), dweights, dvariances

    def _given(
        self, theta: FloatArray, points: FloatArray, near: IntArray, m: int
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Regressions of the field at points (k, d) on that at the places ``near`` (k, w)."""
        known = near >= 0
        around = self.points[np.where(known, near, 0)]
        between = np.sqrt(np.sum((around[:, :, None, :] - around[:, None, :, :]) ** 2, axis=3))
        away = np.sqrt(np.sum((around - points[:, None, :]) ** 2, axis=2))
        R, dR = self.correlations(theta, between)
        r, dr = self.correlations(theta, away)
        dR, dr = dR[..., :m], dr[..., :m]
        both = known[:, :, None] & known[:, None, :]
        own = np.eye(near.shape[1]) * np.where(known, _NUGGET, 1.0)[:, None, :]
        R = np.where(both, R, 0.0) + own
        dR, r = np.where(both[..., None], dR, 0.0), np.where(known, r, 0.0)
        dr = np.where(known[..., None], dr, 0.0)
        w = np.linalg.solve(R, r[..., None])[..., 0]
        gap = dr - np.einsum("nabm,nb->nam", dR, w)
        slopes = np.linalg.solve(R, gap) if m else gap
        variances = 1.0 + _NUGGET - np.einsum("na,na->n", r, w)
        return w, variances, slopes, -np.einsum("nam,na->nm", dr + gap, w)

    def variances(self, theta: FloatArray) -> FloatArray:
        """Ones; those of the approximation differ from them by less than a percent."""
        del theta
        return np.ones(len(self.names))

    def _dense_covariance(self, theta: FloatArray) -> FloatArray:
        if self._graph is None:
            return self.correlations(theta, distances(self.points, self.points))[0]
        found = np.linalg.inv(self._vecchia(theta).dense())
        return np.asarray(0.5 * (found + found.T))

    def draw(self, theta: FloatArray, rng: np.random.Generator, count: int) -> FloatArray:
        """Draws of the field."""
        if self._graph is None:
            R = self._dense_covariance(theta)
            root = np.linalg.cholesky(R + _NUGGET * np.eye(len(R)))
            return np.asarray(rng.standard_normal((count, len(R))) @ root.T)
        weights, variances, _, _ = self._regressions(theta, False)
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
        _check_finite(strange, where)
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
            every = np.arange(len(self.points))
            R = self._dense_covariance(theta) + _NUGGET * np.eye(len(every))
            r = self.correlations(theta, distances(self.points, where))[0]
            w = np.linalg.solve(R, r)
            left = 1.0 + _NUGGET - np.sum(r * w, axis=0)
            yield from ((every, w[:, k], float(left[k])) for k in range(len(where)))
            return
        width = min(2 * self.neighbors, len(self.points))
        near = _nearest(self.points, where, width)
        step = max(1, _CELLS // (width + 1) ** 2)
        for begin in range(0, len(where), step):
            rows = slice(begin, begin + step)
            w, variances, _, _ = self._given(theta, where[rows], near[rows], 0)
            yield from zip(near[rows], w, variances.tolist(), strict=True)

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


def _nearest(points: FloatArray, where: FloatArray, count: int) -> IntArray:
    """Places (k, count) that are nearest to each of the points ``where`` (k, d)."""
    from scipy.spatial import cKDTree

    _, near = cKDTree(points).query(where, k=count)
    return np.asarray(near).reshape(len(where), count)


def _check_points(names: Sequence[Hashable], points: FloatArray) -> None:
    if points.ndim != 2 or len(points) != len(names):
        raise DataError(
            f"There are {len(names)} places but coordinates of the shape {points.shape}.",
            code="shape",
        )
    _check_finite(names, points)
    count = Counter(names)
    twice = [name for name in count if count[name] > 1]
    if twice:
        raise DataError(f"Places occur more than once: {listing(twice)}.", code="duplicate-level")
    _, first, inverse = np.unique(points, axis=0, return_index=True, return_inverse=True)
    same = np.flatnonzero(first[inverse.ravel()] != np.arange(len(points)))
    if len(same):
        i = same[0]
        other = first[inverse.ravel()[i]]
        raise DataError(
            f"The places {quote(names[other])} and {quote(names[i])} have the same coordinates "
            f"({len(same)} such places). Give places that coincide one name, or move them apart.",
            code="coincide",
        )


def _check_finite(names: Sequence[Hashable], points: FloatArray) -> None:
    bad = np.flatnonzero(~np.all(np.isfinite(points), axis=1))
    if len(bad):
        raise DataError(
            f"The place {quote(names[bad[0]])} has a coordinate that is not a number "
            f"({len(bad)} such places).",
            code="not-finite",
        )
