"""Points: on the globe, in an order that spreads them, and their nearest ones before them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np

from ilk.errors import DataError
from ilk.frame import listing, quote
from ilk.typing import FloatArray, IntArray

__all__ = [
    "check_finite",
    "check_points",
    "distances",
    "nearest_before",
    "on_the_globe",
    "spread_out",
]

_EARTH = 6371.0088
"""Mean radius in km."""


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


def distances(a: FloatArray, b: FloatArray) -> FloatArray:
    """Distances (k, l) between points (k, d) and (l, d)."""
    gap = a[:, None, :] - b[None, :, :]
    return np.asarray(np.sqrt(np.sum(gap * gap, axis=2)))


def check_points(names: Sequence[Hashable], points: FloatArray) -> None:
    """Refuse places that are no places, or coincide."""
    if points.ndim != 2 or len(points) != len(names):
        raise DataError(
            f"There are {len(names)} places but coordinates of the shape {points.shape}.",
            code="shape",
        )
    if len(points) < 2:
        raise DataError("A field needs two places at least.", code="shape")
    check_finite(names, points)
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
            f"({len(same)} such places). Make one level of places that coincide, for instance with "
            "data.groupby([...]).ngroup() over the columns of the coordinates, or move them apart.",
            code="coincide",
        )


def check_finite(names: Sequence[Hashable], points: FloatArray) -> None:
    """Refuse coordinates that are no numbers."""
    bad = np.flatnonzero(~np.all(np.isfinite(points), axis=1))
    if len(bad):
        raise DataError(
            f"The place {quote(names[bad[0]])} has a coordinate that is not a number "
            f"({len(bad)} such places).",
            code="not-finite",
        )
