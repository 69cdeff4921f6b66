r"""Random counts of families without a generator of their own, and sums of their probabilities."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ilk.typing import FloatArray, IntArray

__all__ = ["draw_by_inversion", "draw_log_concave", "draw_poisson"]

_LARGEST = 1e15
"""Largest count that is drawn: the next ones are not whole numbers of their own."""


def draw_poisson(mean: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Poisson counts (n,) whatever the mean: normal numbers where no count is a number of its own.

    Parameters
    ----------
    mean : ndarray (n,)
        Means.
    rng : Generator
        Source of randomness.
    """
    out = rng.poisson(np.minimum(mean, _LARGEST)).astype(np.float64)
    rows = np.flatnonzero(mean > _LARGEST)
    if len(rows):
        out[rows] = mean[rows] + np.sqrt(mean[rows]) * rng.standard_normal(len(rows))
    return out


def draw_log_concave(
    mode: FloatArray,
    log_mass: Callable[[FloatArray, IntArray], FloatArray],
    rng: np.random.Generator,
) -> FloatArray:
    r"""Random counts (n,) of log-concave distributions, by rejection.

    With the probability p of the mode M, those of the other counts are at most
    :math:`p \min(1, e^{1 - p |j - M|})`, whatever the distribution; about five proposals make a
    draw (Devroye 1987) [Devroye1987].

    Parameters
    ----------
    mode : ndarray (n,)
        Most probable counts.
    log_mass : callable
        Takes counts (k,) and their rows (k,) to log probabilities.
    rng : Generator
        Source of randomness.
    """
    out, todo = np.empty(len(mode)), np.arange(len(mode))
    top = log_mass(mode, todo)
    while len(todo):
        k, p = len(todo), np.exp(top[todo])
        w = 1.0 + 0.5 * p
        flat = rng.random(k) * (1.0 + w) <= w
        distance = np.where(flat, w * rng.random(k), w + rng.exponential(size=k)) / p
        j = mode[todo] + np.where(rng.random(k) < 0.5, -1.0, 1.0) * np.round(distance)
        inside = j >= 0.0
        share = log_mass(np.where(inside, j, 0.0), todo) - top[todo]
        envelope = np.minimum(w - p * distance, 0.0)
        taken = inside & (np.log(rng.random(k)) + envelope <= share)
        out[todo[taken]] = j[taken]
        todo = todo[~taken]
    return out


def draw_by_inversion(
    cdf: Callable[[FloatArray, IntArray], FloatArray], u: FloatArray, low: float = 0.0
) -> FloatArray:
    """Smallest counts (n,) whose distribution function reaches u, by doubling and bisection.

    Parameters
    ----------
    cdf : callable
        Takes counts (k,) and their rows (k,) to probabilities.
    u : ndarray (n,)
        Probabilities.
    low : float
        Smallest count.
    """
    rows = np.arange(len(u))
    below, high = np.full(len(u), low - 1.0), np.full(len(u), low)
    while len(rows):
        short = cdf(high[rows], rows) < u[rows]
        rows = rows[short & (high[rows] < _LARGEST)]
        below[rows] = high[rows]
        high[rows] = 2.0 * high[rows] + 1.0
    rows = np.flatnonzero(high - below > 1.0)
    while len(rows):
        middle = np.floor(0.5 * (below[rows] + high[rows]))
        reached = cdf(middle, rows) >= u[rows]
        high[rows[reached]] = middle[reached]
        below[rows[~reached]] = middle[~reached]
        rows = rows[high[rows] - below[rows] > 1.0]
    return high
