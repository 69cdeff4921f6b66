r"""Regressions of a Gaussian field at points on its values at a few places.

With R the correlations among the places and r those with the point, the weights are
:math:`w = R^{-1} r` and the variance is :math:`v = 1 - r' w`; their derivatives are
:math:`\dot w = R^{-1}(\dot r - \dot R w)` and :math:`\dot v = -2 \dot r' w + w' \dot R w`.

The approximation of a field by regressions on m places before each (Vecchia 1988) has the
Kullback-Leibler divergence :math:`\frac12 (\sum_i \log v_i - \log|R|)` from the field: how much
log-likelihood is lost in the mean, if the field itself were observed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from ilk.typing import FloatArray, IntArray

__all__ = ["NUGGET", "Correlate", "Regressions", "nearest", "regressions"]

Correlate: TypeAlias = Callable[[FloatArray], tuple[FloatArray, FloatArray]]
"""Correlations at distances, and their derivatives along a last axis."""

Regressions: TypeAlias = tuple[FloatArray, FloatArray, FloatArray, FloatArray]
"""Weights (k, w), variances (k,), and derivatives of both (k, w, m), (k, m)."""

NUGGET = 1e-10
"""Variance that is added to each place, so that matrices are positive definite."""

_CELLS = 8_000_000
"""Numbers that are worked on at one time."""


def regressions(
    correlate: Correlate, places: FloatArray, points: FloatArray, near: IntArray, m: int
) -> Regressions:
    """Regressions of the field at points on that at places.

    Parameters
    ----------
    correlate : callable
        Correlation function.
    places : ndarray (L, d)
        Coordinates of all places.
    points : ndarray (k, d)
        Coordinates of the points.
    near : ndarray (k, w) of int
        Places that each point is regressed on, -1 for none.
    m : int
        Number of parameters in which derivatives are wanted.
    """
    count, width = near.shape
    weights, dweights = np.zeros((count, width)), np.zeros((count, width, m))
    variances, dvariances = np.ones(count), np.zeros((count, m))
    step = max(1, _CELLS // ((width + 1) ** 2 * (m + 1)))
    for begin in range(0, count, step):
        rows = slice(begin, begin + step)
        found = _regressions(correlate, places, points[rows], near[rows], m)
        weights[rows], variances[rows], dweights[rows], dvariances[rows] = found
    return weights, np.maximum(variances, NUGGET), dweights, dvariances


def _regressions(
    correlate: Correlate, places: FloatArray, points: FloatArray, near: IntArray, m: int
) -> Regressions:
    known = near >= 0
    around = places[np.where(known, near, 0)]
    between = np.sqrt(np.sum((around[:, :, None, :] - around[:, None, :, :]) ** 2, axis=3))
    away = np.sqrt(np.sum((around - points[:, None, :]) ** 2, axis=2))
    R, dR = correlate(between)
    r, dr = correlate(away)
    both = known[:, :, None] & known[:, None, :]
    own = np.eye(near.shape[1]) * np.where(known, NUGGET, 1.0)[:, None, :]
    R, r = np.where(both, R, 0.0) + own, np.where(known, r, 0.0)
    dR = np.where(both[..., None], dR[..., :m], 0.0)
    dr = np.where(known[..., None], dr[..., :m], 0.0)
    w = np.linalg.solve(R, r[..., None])[..., 0]
    gap = dr - np.einsum("nabm,nb->nam", dR, w)
    slopes = np.linalg.solve(R, gap) if m else gap
    variances = 1.0 + NUGGET - np.einsum("na,na->n", r, w)
    dvariances = -np.einsum("nam,na->nm", dr + gap, w)
    return np.asarray(w), np.asarray(variances), np.asarray(slopes), np.asarray(dvariances)


def nearest(places: FloatArray, points: FloatArray, count: int) -> IntArray:
    """Places (k, count) that are nearest to each of the points (k, d)."""
    from scipy.spatial import cKDTree

    _, near = cKDTree(places).query(points, k=count)
    return np.asarray(near).reshape(len(points), count)
