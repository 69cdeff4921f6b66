"""Clusters with the same pattern of positions share one correlation matrix and its factor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ilk.gee.clusters import Clusters
from ilk.typing import FloatArray, IntArray

__all__ = ["Patterns", "patterns"]

_CELLS = 4_000_000
"""Cells of correlation matrices that are held at once."""


@dataclass(frozen=True, slots=True)
class Patterns:
    """Patterns of clusters, by number of rows.

    Parameters
    ----------
    sizes : tuple of (positions (U, m), starts (K_m,), pattern (K_m,))
        For each number m of rows: the different patterns, and, sorted by pattern, where the
        clusters begin and which pattern each has.
    """

    sizes: tuple[tuple[FloatArray, IntArray, IntArray], ...] = field(repr=False)

    def whiten(
        self, correlation: Callable[[FloatArray], FloatArray], values: FloatArray
    ) -> FloatArray | None:
        """Apply the inverse Cholesky factor of each cluster's correlation matrix.

        Parameters
        ----------
        correlation : callable
            Takes (U, m) positions to (U, m, m) correlation matrices.
        values : (N, k) array
            Columns in the order of the clusters.

        Returns
        -------
        (N, k) array or None
            None if a matrix is not positive definite.
        """
        out = np.empty_like(values)
        for positions, starts, pattern in self.sizes:
            U, m = positions.shape
            block = max(1, _CELLS // (m * m))
            for first in range(0, U, block):
                R = correlation(positions[first : first + block])
                try:
                    factor = np.linalg.inv(np.linalg.cholesky(R))
                except np.linalg.LinAlgError:
                    return None
                if not np.all(np.isfinite(factor)) or np.max(np.abs(factor)) > _LARGEST:
                    return None
                low, high = np.searchsorted(pattern, (first, first + len(R)))
                _apply(factor, pattern[low:high] - first, starts[low:high], m, values, out)
        return out


_LARGEST = 1e4
"""Largest element of an inverse factor; beyond, the matrix counts as singular."""


def _apply(
    factor: FloatArray,
    pattern: IntArray,
    starts: IntArray,
    m: int,
    values: FloatArray,
    out: FloatArray,
) -> None:
    """Multiply the rows of clusters by the factor of their pattern."""
    if len(factor) == 1:
        rows = starts[:, None] + np.arange(m)
        out[rows] = np.einsum("ij,gjk->gik", factor[0], values[rows], optimize=True)
        return
    block = max(1, _CELLS // (m * m))
    for first in range(0, len(starts), block):
        rows = starts[first : first + block, None] + np.arange(m)
        out[rows] = factor[pattern[first : first + block]] @ values[rows]


def patterns(clusters: Clusters, positions: FloatArray) -> Patterns:
    """Find the patterns of the clusters.

    Parameters
    ----------
    clusters : Clusters
        The rows.
    positions : (N,) array
        What the correlation depends on: steps, or numbers of waves.

    Returns
    -------
    Patterns
    """
    found = []
    for m in np.unique(clusters.sizes).tolist():
        starts = clusters.starts[clusters.sizes == m]
        different, pattern = np.unique(
            positions[starts[:, None] + np.arange(m)], axis=0, return_inverse=True
        )
        pattern = pattern.reshape(-1)
        order = np.argsort(pattern, kind="stable")
        found.append((different, starts[order], pattern[order]))
    return Patterns(tuple(found))
