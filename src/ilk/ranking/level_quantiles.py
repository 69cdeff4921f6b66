r"""Quantiles of the exact conditional posterior of a combination of each level's effects.

Where all random terms share one factor, the effects of its levels are independent given data and
parameters, with the density of :mod:`ilk.prediction.level_quadrature`.  For a combination
:math:`t = \alpha' u` let m be a level's mode, :math:`H^{-1} = S S'` its inverse curvature and Q
orthogonal with first column :math:`S'\alpha / \tau`, :math:`\tau = |S'\alpha|`.  In
:math:`u = m + S Q x` the combination is :math:`\alpha' m + \tau x_1`; the other coordinates are
summed over by Gauss-Hermite nodes, and the density of :math:`x_1` is tabulated between the points
where it has fallen by a factor of :math:`e^{12.5}`.  The logarithm, close to a parabola, is
interpolated by cubics, summed to the distribution function F, and inverted on the scale of
:math:`\Phi^{-1}(F)`, on which quantiles of a normal density are a straight line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.num.quadrature import product_rule
from ilk.num.stable import logsumexp, special
from ilk.num.triangular import covariance_root
from ilk.prediction.level_quadrature import LevelProblem
from ilk.ranking.interpolation import cubic_weights

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.ranking.target import Target
    from ilk.typing import FloatArray

__all__ = ["REST", "SCORES", "level_quantiles", "standardized_modes"]

SCORES = np.linspace(-4.5, 4.5, 37)
"""Standard normal scores at which quantiles are tabulated."""

REST = {1: 1, 2: 7, 3: 5}
"""Nodes of each dimension that is summed over, by the number of effects of a level."""

_NODES, _FINER = 25, 5
_DROP, _WIDEST = 12.5, 40.0
_GROW = 1.4

_CELLS = 1 << 18
"""Rows times points that are worked on at one time."""


def level_quantiles(
    fitted: Fitted, psi: FloatArray, target: Target, start: FloatArray | None = None
) -> FloatArray:
    """Tabulate quantiles of what is ranked, by level, random effects only.

    Parameters
    ----------
    fitted : Fitted
        A fit whose random terms share one factor, with at most three effects per level.
    psi : (m,) array
        Parameters.
    target : Target
        What is ranked.
    start : (L, q) array, optional
        Standardized effects to look for the modes from, such as `standardized_modes`.

    Returns
    -------
    (L, k) array
        Quantiles at the normal scores `SCORES`.
    """
    problem = LevelProblem(fitted, psi, range(len(fitted.design.terms)))
    mode, spread = problem.modes(start)
    lost = ~(np.isfinite(mode).all(axis=1) & np.isfinite(spread).all(axis=(1, 2)))
    mode[lost], spread[lost] = 0.0, np.eye(problem.q)
    alpha = _standardized(problem, fitted, target)
    along = np.einsum("lij,i->lj", spread, alpha)
    tau = np.sqrt(np.sum(along**2, axis=1))
    if not np.any(tau > 0.0):
        return np.zeros((problem.levels, len(SCORES)))
    axes = spread @ _first_axis(along, tau)
    left, right = (_reach(problem, mode, axes[:, :, 0], side) for side in (-1.0, 1.0))
    share = np.linspace(0.0, 1.0, _NODES)
    x = -left[:, None] + (left + right)[:, None] * share
    heights = _heights(problem, mode, axes, x)
    nowhere = ~np.isfinite(heights.max(axis=1))  # no mean is possible there: the normal density
    heights[nowhere] = -0.5 * x[nowhere] ** 2
    center = mode @ alpha
    return np.asarray(center[:, None] + tau[:, None] * _inverted(heights, left, right))


def standardized_modes(fitted: Fitted) -> FloatArray:
    """(L, q) standardized modes u of the levels of the only factor at the estimates.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    """
    pairs = zip(fitted.estimates.modes, fitted.estimates.covariances, strict=True)
    return np.hstack([b @ np.linalg.pinv(covariance_root(G)).T for b, G in pairs])


def _standardized(problem: LevelProblem, fitted: Fitted, target: Target) -> FloatArray:
    """(q,) weights of the standardized effects u of a level."""
    known = dict(zip(target.terms, target.weights, strict=True))
    parts = [
        R.T @ known[t] if t in known else np.zeros(len(R)) for t, R in enumerate(problem.roots)
    ]
    return np.concatenate(parts)


def _first_axis(along: FloatArray, tau: FloatArray) -> FloatArray:
    """Orthogonal matrices (L, q, q) whose first column is along / tau: reflections."""
    q = along.shape[1]
    first = along / np.where(tau > 0.0, tau, 1.0)[:, None]
    sign = np.where(first[:, 0] >= 0.0, 1.0, -1.0)
    v = first.copy()
    v[:, 0] += sign
    reflect = np.eye(q) - 2.0 * v[:, :, None] * v[:, None, :] / np.sum(v * v, axis=1)[:, None, None]
    return np.asarray(-sign[:, None, None] * reflect)


def _reach(problem: LevelProblem, mode: FloatArray, axis: FloatArray, side: float) -> FloatArray:
    """(L,) distance at which the log density has fallen far enough."""
    top = problem.value(mode)
    width = np.full(len(mode), 4.0)
    while True:
        there = problem.value(mode + side * width[:, None] * axis)
        with np.errstate(invalid="ignore"):  # beyond a possible mean
            short = (top - there < _DROP) & (width < _WIDEST)
        if not short.any():
            return width
        width = np.where(short, _GROW * width, width)


def _heights(
    problem: LevelProblem, mode: FloatArray, axes: FloatArray, x: FloatArray
) -> FloatArray:
    """(L, nodes) log density of the first coordinate, all others summed over."""
    q, (levels, nodes) = problem.q, x.shape
    points, log_weights = product_rule(REST[q], q - 1) if q > 1 else (np.zeros((1, 0)), np.zeros(1))
    rest = np.einsum("lij,pj->pli", axes[:, :, 1:], points)
    log_weights = log_weights + 0.5 * np.sum(points**2, axis=1)
    heights = np.empty((levels, nodes))
    step = max(1, _CELLS // (len(points) * max(len(problem.y), levels * q)))
    for begin in range(0, nodes, step):
        some = x[:, begin : begin + step].T
        first = mode + some[:, :, None] * axes[:, :, 0]
        logs = _values(problem, (first[:, None] + rest).reshape(-1, levels, q))
        logs = logs.reshape(len(some), len(points), levels) + log_weights[:, None]
        with np.errstate(divide="ignore"):  # no mean is possible at any of the points
            heights[:, begin : begin + step] = logsumexp(logs, 1).T
    return heights


def _values(problem: LevelProblem, u: FloatArray) -> FloatArray:
    """(K, L) log densities at K sets of effects (K, L, q), -inf where a mean is impossible."""
    count, levels, _ = u.shape
    mine = u[:, problem.codes]
    eta = [
        (fixed + np.einsum("ij,kij->ki", Z, mine)).ravel()
        for fixed, Z in zip(problem.fixed, problem.Z, strict=True)
    ]
    trials = None if problem.trials is None else np.tile(problem.trials, count)
    with np.errstate(all="ignore"):
        rows = problem.family.log_density(np.tile(problem.y, count), trials, eta)
    if problem.frequency is not None:
        rows = rows * np.tile(problem.frequency, count)
    places = (levels * np.arange(count)[:, None] + problem.codes).ravel()
    sums = np.bincount(places, rows, count * levels).reshape(count, levels)
    logs = sums - 0.5 * np.sum(u * u, axis=2)
    return np.asarray(np.where(np.isfinite(logs), logs, -np.inf))


def _inverted(heights: FloatArray, left: FloatArray, right: FloatArray) -> FloatArray:
    """(L, k) quantiles of densities given by their logarithms (L, nodes) on even grids."""
    logs = np.maximum(heights - heights.max(axis=1, keepdims=True), -700.0)
    places = np.linspace(0.0, _NODES - 1.0, _FINER * (_NODES - 1) + 1)
    fine = logs @ cubic_weights(_NODES, places).T
    density = np.exp(np.minimum(fine, 1.0))
    pieces = 0.5 * (density[:, 1:] + density[:, :-1])
    below = np.concatenate([np.zeros((len(logs), 1)), np.cumsum(pieces, axis=1)], axis=1)
    above = np.concatenate(
        [np.cumsum(pieces[:, ::-1], axis=1)[:, ::-1], np.zeros((len(logs), 1))], axis=1
    )
    total = below[:, -1:]
    ndtri = special().ndtri
    tail = np.minimum(below, above) / total
    scores = np.where(below < above, 1.0, -1.0) * ndtri(np.maximum(tail, 1e-14))
    share = np.linspace(0.0, 1.0, scores.shape[1])
    where = np.empty((len(logs), len(SCORES)))
    for row, score in enumerate(scores):
        where[row] = np.interp(SCORES, score, share)
    return np.asarray(-left[:, None] + (left + right)[:, None] * where)
