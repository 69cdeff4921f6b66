"""Start of a family of which nothing is known but its density.

The constants under which the responses are most likely, as if there were no columns and no groups:
the best of a grid for one predictor after the other, then a simplex search, which needs no
derivatives and does not mind where the density is zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ilk.family.link import AbstractLink
from ilk.typing import FloatArray

__all__ = ["find_start"]

_SAMPLE = 1000
"""Responses that are looked at; of more, every so many."""

_GRID = (0.0, -1.0, 1.0, -2.0, 2.0, -4.0, 4.0, -7.0, 7.0, 12.0, -12.0)
_SWEEPS = 2
_STEPS = 150


def find_start(
    log_density: Callable[[FloatArray, Sequence[FloatArray]], FloatArray],
    link: AbstractLink,
    y: FloatArray,
    offset: FloatArray | None,
    weights: FloatArray | None,
    count: int,
) -> tuple[float, ...]:
    """Constant predictors of the largest likelihood, about.

    Parameters
    ----------
    log_density : callable
        Takes responses and linear predictors.
    link : AbstractLink
        Link of the first predictor.
    y : ndarray (n,)
        Response.
    offset : ndarray (n,) or None
        Known part of the first predictor.
    weights : ndarray (n,) or None
        Weights of the rows.
    count : int
        Number of predictors.

    Returns
    -------
    tuple of float
        A constant for each.
    """
    some = np.unique(np.linspace(0, len(y) - 1, min(len(y), _SAMPLE)).astype(int))
    sample = y[some]
    known = np.zeros(len(some)) if offset is None else offset[some]
    share = np.ones(len(some)) if weights is None else weights[some]

    def loss(constants: FloatArray) -> float:
        eta = [np.full(len(some), c) for c in constants]
        eta[0] = eta[0] + known
        with np.errstate(all="ignore"):
            value = -float(np.sum(share * log_density(sample, eta)))
        return value if np.isfinite(value) else np.inf

    best, step = _grid_search(loss, link, sample, count)
    if not np.isfinite(loss(best)):
        return tuple(map(float, best))
    return tuple(map(float, _simplex(loss, best, step)))


def _grid_search(
    loss: Callable[[FloatArray], float], link: AbstractLink, y: FloatArray, count: int
) -> tuple[FloatArray, FloatArray]:
    """Best constants of a grid, one after the other, and a step for each."""
    spread = float(np.std(y))
    with np.errstate(all="ignore"):
        centers = np.array([np.mean(y), np.median(y), np.mean(y) + spread])
        on_link = np.asarray(link.link(centers), dtype=np.float64)
    first = [float(x) for x in (*on_link[:2], np.mean(y), np.median(y)) if np.isfinite(x)]
    scales = [float(s) for s in (np.log(spread), 2.0 * np.log(spread)) if spread > 0.0]
    grids = [(*first, *_GRID), *(((*_GRID, *scales),) * (count - 1))]
    best, lowest = np.zeros(count), np.inf
    best[0] = first[0] if first else 0.0
    for _ in range(_SWEEPS):
        for k, grid in enumerate(grids):
            for value in grid:
                tried = best.copy()
                tried[k] = value
                found = loss(tried)
                if found < lowest:
                    best, lowest = tried, found
    step = np.full(count, 0.5)
    width = abs(float(on_link[2] - on_link[0]))
    if np.isfinite(width) and width > 0.0:
        step[0] = 0.5 * width
    return best, step


def _simplex(
    loss: Callable[[FloatArray], float], start: FloatArray, step: FloatArray
) -> FloatArray:
    from scipy.optimize import minimize

    corners = np.vstack([start, start + np.diag(step)])
    options = {
        "initial_simplex": corners,
        "maxiter": _STEPS * len(start),
        "xatol": 1e-3,
        "fatol": 1e-3,
    }
    with np.errstate(all="ignore"):
        found = minimize(loss, start, method="Nelder-Mead", options=options)
    better = np.isfinite(found.fun) and found.fun <= loss(start)
    return np.asarray(found.x if better else start)
