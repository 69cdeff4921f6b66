"""Cluster means and deviations from them (Mundlak terms).

``between(x, g)`` is the mean of x over the rows of the same cluster, ``within(x, g)`` the deviation
from it. Their coefficients answer different questions: between clusters that differ by one unit of
x on average, and within a cluster when x changes by one unit (Mundlak 1978).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ilk.design.levels import match_levels
from ilk.frame import Factor, Label
from ilk.typing import FloatArray


def cluster_means(
    values: FloatArray, clusters: Factor, known: Mapping[str, Any] | None, learning: bool
) -> tuple[FloatArray, Mapping[str, Any], tuple[Label, ...]]:
    """Mean of the cluster of each row.

    Parameters
    ----------
    values : (n,) array
        The covariate.
    clusters : Factor
        Cluster of each row.
    known : mapping or None
        ``{"levels": labels, "means": (L,) array}`` of the data of the fit.
    learning : bool
        Whether these are the data of the fit.

    Returns
    -------
    means : (n,) array
        Remembered means; those of clusters that are new come from these rows, and a row without a
        cluster has its own value.
    known : mapping
        What to remember.
    unseen : tuple
        Labels of the new clusters.
    """
    codes = clusters.codes
    present = codes >= 0
    counts = np.bincount(codes[present], minlength=len(clusters.levels))
    sums = np.bincount(codes[present], weights=values[present], minlength=len(clusters.levels))
    here = sums / np.maximum(counts, 1)
    unseen: tuple[Label, ...] = ()
    if known is None or learning:
        known = {"levels": clusters.levels, "means": here}
    else:
        old = match_levels(known["levels"], clusters.levels)
        unseen = tuple(clusters.levels[i] for i in np.flatnonzero(old < 0))
        here = np.where(old >= 0, np.append(known["means"], np.nan)[old], here)
    return np.where(present, np.append(here, np.nan)[codes], values), known, unseen
