"""Starting values from moments: intercepts of the mean and of the log dispersion."""

from __future__ import annotations

import numpy as np

from ilk.family.base import weighted_mean
from ilk.family.link import AbstractLink
from ilk.typing import FloatArray


def mean_start(
    link: AbstractLink,
    y: FloatArray,
    offset: FloatArray | None,
    weights: FloatArray | None,
    floor: float | None = None,
) -> float:
    """Intercept that reproduces the overall mean.

    Parameters
    ----------
    link : AbstractLink
        Link of the mean.
    y : ndarray (n,)
        Response, or proportions.
    offset : ndarray (n,) or None
        Known part of the predictor.
    weights : ndarray (n,) or None
        Weights of the rows (times trials for proportions).
    floor : float, optional
        Smallest mean to consider, for responses that may all be zero.

    Returns
    -------
    float
        The intercept.
    """
    center = weighted_mean(y, weights)
    if floor is not None:
        center = max(center, floor)
    if offset is None:
        return float(link.link(np.array(center)))
    if link.name == "log":
        # exact for rates: sum of y = sum of exp(intercept + offset)
        top = float(np.max(offset))
        return float(np.log(center) - np.log(weighted_mean(np.exp(offset - top), weights)) - top)
    return float(link.link(np.array(center))) - weighted_mean(offset, weights)


def count_start(
    link: AbstractLink,
    y: FloatArray,
    offset: FloatArray | None,
    weights: FloatArray | None,
    within: tuple[float, float],
) -> tuple[float, float]:
    """Overall mean of counts, and the log ratio of variance to mean half way from Poisson.

    Parameters
    ----------
    link, y, offset, weights
        As in `mean_start`.
    within : (float, float)
        Range of the ratio.
    """
    center, variance = relative_variance(y, weights)
    floor = 0.5 / len(y)
    ratio = variance / max(center, floor)
    return mean_start(link, y, offset, weights, floor), log_within(ratio, *within) / 2.0


def proportion_start(
    link: AbstractLink,
    y: FloatArray,
    trials: FloatArray | None,
    offset: FloatArray | None,
    weights: FloatArray | None,
) -> float:
    """Intercept that reproduces the overall proportion, kept off 0 and 1."""
    n = np.ones_like(y) if trials is None else trials
    events, total = (y.sum(), n.sum()) if weights is None else (weights @ y, weights @ n)
    proportion = (float(events) + 0.5) / (float(total) + 1.0)
    center = float(link.link(np.array(proportion)))
    return center if offset is None else center - weighted_mean(offset, weights)


def relative_variance(y: FloatArray, weights: FloatArray | None) -> tuple[float, float]:
    """Weighted mean and variance of y (n,)."""
    center = weighted_mean(y, weights)
    return center, weighted_mean((y - center) ** 2, weights)


def log_within(x: float, low: float, high: float) -> float:
    """Logarithm of a number clipped to a range; of the lower end if it is not finite."""
    return float(np.log(min(max(x, low), high))) if np.isfinite(x) else float(np.log(low))
