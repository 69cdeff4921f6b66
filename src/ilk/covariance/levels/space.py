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
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, final, get_args

import numpy as np

from ilk.covariance.decay import Decay, decay
from ilk.covariance.levels.base import AbstractLevels, Precision
from ilk.covariance.levels.directed import DirectedGraph
from ilk.errors import DataError, ModelError, did_you_mean
from ilk.frame import listing, quote
from ilk.typing import FloatArray, IntArray

__all__ = ["Method", "Space", "on_the_globe"]

Method: TypeAlias = Literal["exact", "vecchia"]
"""How the field is computed."""

_EARTH = 6371.0088
"""Mean radius in km."""

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
    """

    kind = "field"

    names: tuple[Hashable, ...]
    points: FloatArray
    kind_of_decay: Decay = "matern"
    nu: float | None = 1.5
    method: Method = "exact"
    neighbors: int = 20
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
        value, slope = decay(self.kind_of_decay, distance, float(theta[0]), nu)
        return value, slope[..., : len(self.parameters)]

    def precision(self, theta: FloatArray) -> Precision:
        """Precision matrix of the places, exact or approximate."""
        return self._vecchia(theta) if self._graph is not None else self._exact(theta)

    def _exact(self, theta: FloatArray) -> Precision:
        order, m = len(self.points), len(self.parameters)
        R, slope = self.correlations(theta, _distances(self.points, self.points))
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
        count, width = self._near.shape
        m = len(self.parameters)
        weights, dweights = np.zeros((count, width)), np.zeros((count, width, m))
        variances, dvariances = np.ones(count), np.zeros((count, m))
        step = max(1, _CELLS // ((width + 1) ** 2 * (m + 1)))
        for begin in range(0, count, step):
            rows = np.arange(begin, min(begin + step, count))
            near = self._near[rows]
            known = near >= 0
            around = self.points[np.where(known, near, 0)]
            between = np.sqrt(np.sum((around[:, :, None, :] - around[:, None, :, :]) ** 2, axis=3))
            away = np.sqrt(np.sum((around - self.points[rows, None, :]) ** 2, axis=2))
            R, dR = self.correlations(theta, between)
            r, dr = self.correlations(theta, away)
            both = known[:, :, None] & known[:, None, :]
            R = np.where(both, R, 0.0) + np.eye(width) * np.where(known, _NUGGET, 1.0)[:, None, :]
            dR, r = np.where(both[..., None], dR, 0.0), np.where(known, r, 0.0)
            dr = np.where(known[..., None], dr, 0.0)
            w = np.linalg.solve(R, r[..., None])[..., 0]
            gap = dr - np.einsum("nabm,nb->nam", dR, w)
            weights[rows], dweights[rows] = w, np.linalg.solve(R, gap)
            variances[rows] = 1.0 + _NUGGET - np.einsum("na,na->n", r, w)
            dvariances[rows] = -np.einsum("nam,na->nm", dr + gap, w)
        children, slots = np.nonzero(self._near >= 0)
        return self._graph.precision(
            weights[children, slots],
            np.maximum(variances, _NUGGET),
            dweights[children, slots],
            dvariances,
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


def on_the_globe(latitude: FloatArray, longitude: FloatArray) -> FloatArray:
    """Points in space (L, 3), in km, of places on the globe.

    Parameters
    ----------
    latitude, longitude : ndarrays (L,)
        In degrees.
    """
    phi, lam = np.radians(latitude), np.radians(longitude)
    flat = np.cos(phi)
    return _EARTH * np.stack([flat * np.cos(lam), flat * np.sin(lam), np.sin(phi)], axis=1)


def spread_out(points: FloatArray) -> IntArray:
    """Order (L,) of points in which the first ones are spread over all.

    Points are taken from a grid of cells that halves from round to round, one of each cell that
    has none yet: nearly the order by the largest smallest distance to those before (Guinness 2018,
    Technometrics 60, 415-429), in n log n operations.
    """
    span = np.ptp(points, axis=0).max()
    scaled = (points - points.min(axis=0)) / (span if span > 0.0 else 1.0)
    left, taken = np.arange(len(points)), list[IntArray]()
    middle = np.argsort(np.sum((scaled - 0.5 * scaled.max(axis=0)) ** 2, axis=1), kind="stable")
    left = left[middle]
    for level in range(1, 60):
        if not len(left):
            break
        cells = np.floor(scaled[left] * 2.0**level).astype(np.int64)
        _, first = np.unique(cells, axis=0, return_index=True)
        chosen = np.zeros(len(left), bool)
        chosen[first] = True
        if taken:
            before = np.floor(scaled[np.concatenate(taken)] * 2.0**level).astype(np.int64)
            both = np.concatenate([before, cells])
            _, which = np.unique(both, axis=0, return_inverse=True)
            occupied = np.isin(which.ravel()[len(before) :], which.ravel()[: len(before)])
            chosen &= ~occupied
        taken.append(left[chosen])
        left = left[~chosen]
    return np.concatenate([*taken, left])


def nearest_before(points: FloatArray, order: IntArray, count: int) -> IntArray:
    """Nearest neighbors of each point among those before it in an order.

    Parameters
    ----------
    points : ndarray (L, d)
        Coordinates.
    order : ndarray (L,) of int
        Positions of the points, the first of the order first.
    count : int
        Number of neighbors m.

    Returns
    -------
    ndarray (L, m) of int
        Positions of the neighbors, -1 where there are fewer before.
    """
    from scipy.spatial import cKDTree

    near = np.full((len(points), count), -1, dtype=np.intp)
    begin = 0
    while begin < len(order):  # blocks that double, so that few trees are built
        end = min(len(order), max(2 * begin, 4 * count + 2))
        block = order[begin:end]
        if begin:
            found = min(begin, count)
            tree = cKDTree(points[order[:begin]])
            distance, place = tree.query(points[block], k=found)
            distance, place = distance.reshape(len(block), -1), place.reshape(len(block), -1)
            candidates = order[place]
        else:
            distance = np.zeros((len(block), 0))
            candidates = np.zeros((len(block), 0), dtype=np.intp)
        # within the block: those before
        rank = np.arange(len(block))
        within = cKDTree(points[block])
        k = min(len(block), 4 * count + 1)
        d2, p2 = within.query(points[block], k=k)
        d2, p2 = d2.reshape(len(block), -1), p2.reshape(len(block), -1)
        d2 = np.where(p2 < rank[:, None], d2, np.inf)
        all_d = np.concatenate([distance, d2], axis=1)
        all_p = np.concatenate([candidates, block[p2]], axis=1)
        best = np.argsort(all_d, axis=1, kind="stable")[:, :count]
        chosen = np.take_along_axis(all_p, best, axis=1)
        chosen = np.where(np.isfinite(np.take_along_axis(all_d, best, axis=1)), chosen, -1)
        near[block, : chosen.shape[1]] = chosen
        begin = end
    return near


def _distances(a: FloatArray, b: FloatArray) -> FloatArray:
    gap = a[:, None, :] - b[None, :, :]
    return np.asarray(np.sqrt(np.sum(gap * gap, axis=2)))


def _check_points(names: tuple[Hashable, ...], points: FloatArray) -> None:
    if points.ndim != 2 or len(points) != len(names):
        raise DataError(
            f"There are {len(names)} places but coordinates of the shape {points.shape}.",
            code="shape",
        )
    bad = np.flatnonzero(~np.all(np.isfinite(points), axis=1))
    if len(bad):
        raise DataError(
            f"The place {quote(names[bad[0]])} has a coordinate that is not a number "
            f"({len(bad)} such places).",
            code="not-finite",
        )
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
