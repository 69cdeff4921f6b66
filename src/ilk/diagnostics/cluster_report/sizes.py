"""How many units the clusters have: rows, or trials where a row has several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ilk.design.build import Design
    from ilk.design.grouping import Grouping
    from ilk.typing import FloatArray, IntArray

__all__ = ["ClusterSizes", "cluster_sizes", "unit_counts"]


@dataclass(frozen=True, slots=True)
class ClusterSizes:
    """Sizes of the clusters, one element of each array for each grouping factor.

    Parameters
    ----------
    groups : tuple of str
        Grouping factors.
    unit : str
        What is counted: ``"rows"`` or ``"trials"``.
    units : float
        Number of units.
    clusters, singletons : (G,) arrays of int
        Number of clusters, and of those of one unit.
    smallest, lower, median, upper, largest : (G,) arrays
        Smallest size, quartiles and largest size.
    mean, cv : (G,) arrays
        Mean size, and standard deviation over mean (that of these clusters, divisor G).
    """

    groups: tuple[str, ...]
    unit: str
    units: float
    clusters: IntArray
    singletons: IntArray
    smallest: FloatArray
    lower: FloatArray
    median: FloatArray
    upper: FloatArray
    largest: FloatArray
    mean: FloatArray
    cv: FloatArray


def unit_counts(design: Design) -> tuple[str, FloatArray]:
    """Say what the units of a design are, and how many each row stands for.

    Parameters
    ----------
    design : Design
        Of a fit.

    Returns
    -------
    unit : str
        ``"trials"`` if some row has several, else ``"rows"``.
    counts : (n,) array
        Frequency weights count.
    """
    trials, weights = design.response.trials, design.frequency_weights
    counts = np.ones(len(design.response.y)) if weights is None else weights
    if trials is None or not np.any(trials > 1.0):
        return "rows", counts
    return "trials", counts * trials


def cluster_sizes(design: Design, groupings: Sequence[Grouping]) -> ClusterSizes:
    """Describe the sizes of the clusters of some factors.

    Parameters
    ----------
    design : Design
        Of a fit.
    groupings : sequence of Grouping
        Factors on its rows.

    Returns
    -------
    ClusterSizes
    """
    unit, counts = unit_counts(design)
    sizes = [np.bincount(g.codes, counts, len(g.levels)) for g in groupings]
    sizes = [m[m > 0.0] for m in sizes]
    shape = np.array([np.quantile(m, [0.0, 0.25, 0.5, 0.75, 1.0]) for m in sizes]).T
    mean = np.array([m.mean() for m in sizes])
    return ClusterSizes(
        groups=tuple(g.name for g in groupings),
        unit=unit,
        units=float(counts.sum()),
        clusters=np.array([len(m) for m in sizes]),
        singletons=np.array([int(np.sum(m == 1.0)) for m in sizes]),
        smallest=shape[0],
        lower=shape[1],
        median=shape[2],
        upper=shape[3],
        largest=shape[4],
        mean=mean,
        cv=np.array([m.std() for m in sizes]) / mean,
    )
