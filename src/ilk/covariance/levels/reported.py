"""What is reported of correlations over levels: names, limits, and the distances behind a range."""

from __future__ import annotations

import math

import numpy as np

from ilk.covariance.levels.base import AbstractLevels
from ilk.covariance.levels.space import Space
from ilk.covariance.levels.tree import Tree
from ilk.covariance.natural import LIMITS, Natural
from ilk.typing import FloatArray

__all__ = ["correlation_over_levels", "distances_of", "level_parameters"]


def level_parameters(levels: AbstractLevels) -> tuple[Natural, ...]:
    """Parameters of a structure over levels as they are reported.

    Parameters
    ----------
    levels : AbstractLevels
        The structure.

    Returns
    -------
    tuple of Natural
        One for each of its parameters, in their order.

    Examples
    --------
    >>> import ilk
    >>> tree = ilk.covariance.tree("((a:1,b:1):1,c:2);", model="pagel")
    >>> [(one.kind, one.low, one.high) for one in level_parameters(tree)]
    [('lambda', 0.0, 1.0)]
    """
    found = []
    for name in levels.parameters:
        low, high = LIMITS.get(name, (-math.inf, math.inf))
        if name != "range":
            found.append(Natural(name, (), low, high))
            continue
        half = math.log(2.0) if isinstance(levels, Tree) else 0.0
        found.append(Natural(name, (), low, high, half, *distances_of(levels)))
    return tuple(found)


def distances_of(levels: AbstractLevels) -> tuple[float, float]:
    """Smallest and largest distance between levels, along branches or in space; nan if unknown.

    Parameters
    ----------
    levels : AbstractLevels
        The structure.
    """
    if isinstance(levels, Space) and len(levels.points) > 1:
        from scipy.spatial import cKDTree

        nearest = cKDTree(levels.points).query(levels.points, k=2)[0][:, 1]
        extent = np.ptp(levels.points, axis=0)
        return float(nearest.min()), float(np.sqrt(extent @ extent))
    if isinstance(levels, Tree):
        own = np.asarray(levels.lengths, dtype=np.float64)[np.asarray(levels.parents) >= 0]
        return float(own[own > 0.0].min(initial=math.inf)), 2.0 * levels.scale
    return math.nan, math.nan


def correlation_over_levels(
    levels: AbstractLevels, theta: FloatArray, distance: FloatArray
) -> FloatArray | None:
    """Correlations at distances, of structures that have distances; else None.

    Parameters
    ----------
    levels : AbstractLevels
        The structure.
    theta : ndarray (m,)
        Its unconstrained parameters.
    distance : ndarray
        Distances in space, or path lengths of a tree.
    """
    if isinstance(levels, Space):
        return levels.correlations(theta, distance)[0]
    if isinstance(levels, Tree) and levels.model == "ou":
        return np.asarray(np.exp(-distance / levels.natural(theta)[0]))
    return None
