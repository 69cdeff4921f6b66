"""Working correlations with a parameter for each distance or pair of waves, or none.

Where only near rows are correlated, the correlation matrix of all rows is a band, and so is its
Cholesky factor.  The matrices of the other structures have nothing that makes an inverse cheap;
clusters with the same pattern of waves share a factor.  The table of estimators is in
`ilk.gee.working`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, final

import numpy as np

from ilk.errors import DataError, ModelError
from ilk.gee.clusters import Clusters
from ilk.gee.pairs import LagMoments, WaveGrid, lag_moments, wave_grid
from ilk.gee.patterns import Patterns, patterns
from ilk.gee.working import SHOWN_ROWS, AbstractWorking
from ilk.typing import FloatArray, IntArray

__all__ = ["Fixed", "MDependent", "Unstructured"]

MAX_WAVES = 300
"""Waves of an unstructured correlation at most."""

_LEAST = 1e-8
"""Eigenvalue below which a correlation matrix counts as singular."""

_SMALLEST = 1e-4
"""Conditional standard deviation of a row below which one counts as singular."""


@final
@dataclass(frozen=True, slots=True)
class MDependent(AbstractWorking):
    """A correlation for each distance up to m, none beyond.

    Parameters
    ----------
    clusters : Clusters
        The rows.
    lags : int
        m.
    moments : LagMoments
        Sums of products by distance, those up to m.
    distances : (m, N) array of int
        Distance of each row from the ones that follow it in its cluster, the next first; m + 1
        where it is larger, or there is none.
    """

    name: ClassVar[str] = "m_dependent"
    clusters: Clusters
    lags: int
    moments: LagMoments
    distances: IntArray

    @classmethod
    def of(cls, clusters: Clusters, lags: int, order: str) -> MDependent:
        """Prepare the structure; refuse distances that no pair of rows has."""
        if not clusters.whole:
            raise DataError(
                f"covariance='m_dependent' counts steps between rows, but the distances in {order} "
                "are not whole multiples of one another: give order= the number of the wave, or "
                "use covariance='ar1', which takes any times.",
                code="order",
            )
        moments = lag_moments(clusters, most=lags)
        absent = sorted(set(range(1, lags + 1)) - set(moments.lags.astype(int).tolist()))
        if absent:
            raise ModelError(
                f"lags={lags}: no two rows of a cluster are {absent[0]} "
                f"step{'s' if absent[0] > 1 else ''} apart; "
                + (f"use lags={absent[0] - 1}." if absent[0] > 1 else "check order= and groups=."),
                code="lags",
            )
        index, positions = clusters.index, clusters.positions
        distances = np.full((lags, len(index)), lags + 1, dtype=np.int64)
        for k in range(1, lags + 1):
            apart = np.minimum(positions[k:] - positions[:-k], lags + 1.0)
            near = (index[k:] == index[:-k]) & (apart > 0.0)
            distances[k - 1, :-k] = np.where(near, apart, lags + 1.0)
        return cls(clusters, lags, moments, distances)

    @property
    def names(self) -> tuple[str, ...]:
        """One for each distance."""
        return tuple(f"lag {d}" for d in range(1, self.lags + 1))

    def estimate(self, e: FloatArray, scale: float) -> FloatArray:
        """Means of the products at each distance."""
        return self.moments.sums(e) / (self.moments.counts * scale)

    def whiten(self, alpha: FloatArray, values: FloatArray) -> FloatArray | None:
        """By the banded factor of the correlation matrix of all rows."""
        from scipy.linalg import cholesky_banded, solve_banded

        table = np.r_[1.0, alpha, 0.0]
        band = np.vstack([np.ones(len(values)), table[self.distances]])
        try:
            factor = cholesky_banded(band, lower=True)
        except np.linalg.LinAlgError:
            return None
        if not np.min(factor[0]) > _SMALLEST:
            return None
        white: FloatArray = solve_banded((self.lags, 0), factor, values)
        return white

    def matrix(self, alpha: FloatArray) -> tuple[tuple[object, ...], FloatArray]:
        """First few distances."""
        size = int(min(self.clusters.largest, SHOWN_ROWS))
        apart = np.abs(np.subtract.outer(np.arange(size), np.arange(size)))
        table = np.r_[1.0, alpha, 0.0]
        return tuple(range(1, size + 1)), table[np.minimum(apart, self.lags + 1)]


@final
@dataclass(frozen=True, slots=True)
class Unstructured(AbstractWorking):
    """A correlation for each pair of waves.

    Parameters
    ----------
    clusters : Clusters
        The rows.
    grid : WaveGrid
        Where each row stands in a table of clusters by waves.
    patterns : Patterns
        Clusters with the same waves.
    """

    name: ClassVar[str] = "unstructured"
    clusters: Clusters
    grid: WaveGrid
    patterns: Patterns

    @classmethod
    def of(cls, clusters: Clusters, order: str) -> Unstructured:
        """Prepare the structure; refuse more waves than the clusters can tell about."""
        waves = np.unique(clusters.times)
        T, K = len(waves), clusters.count
        count = T * (T - 1) // 2
        if T > MAX_WAVES or T > K:
            raise ModelError(
                f"covariance='unstructured' has {count:,} correlations for the {T:,} values of "
                f"{order}, too many for {K:,} clusters: use 'ar1', 'm_dependent' or "
                "'exchangeable', or give order= the number of the wave.",
                code="too-many-waves",
            )
        grid = wave_grid(clusters, waves)
        apart = grid.counts == 0.0
        if apart.any():
            j, k = (int(i) for i in np.argwhere(apart)[0])
            raise DataError(
                f"No cluster has both {order} = {waves[j]:g} and {order} = {waves[k]:g}, so their "
                "correlation cannot be estimated: use covariance='ar1' or 'exchangeable'.",
                code="no-common-cluster",
            )
        return cls(clusters, grid, patterns(clusters, grid.codes.astype(np.float64)))

    @property
    def names(self) -> tuple[str, ...]:
        """One for each pair of waves."""
        labels = [f"{wave:g}" for wave in self.grid.waves]
        return tuple(f"{labels[j]}, {labels[k]}" for j, k in zip(*self._pairs, strict=True))

    @property
    def _pairs(self) -> tuple[IntArray, IntArray]:
        return np.triu_indices(len(self.grid.waves), 1)

    def estimate(self, e: FloatArray, scale: float) -> FloatArray:
        """Means over the clusters with both waves."""
        ratio: FloatArray = self.grid.products(e) / (np.maximum(self.grid.counts, 1.0) * scale)
        return ratio[self._pairs]

    def whiten(self, alpha: FloatArray, values: FloatArray) -> FloatArray | None:
        """Dense, by pattern of waves."""
        return self.patterns.whiten(_picked_from(self.matrix(alpha)[1]), values)

    def matrix(self, alpha: FloatArray) -> tuple[tuple[object, ...], FloatArray]:
        """All waves."""
        R = np.eye(len(self.grid.waves))
        R[self._pairs] = alpha
        return tuple(self.grid.waves.tolist()), R + np.triu(R, 1).T


@final
@dataclass(frozen=True, slots=True)
class Fixed(AbstractWorking):
    """A correlation matrix that the user gives, one row and column for each wave.

    Parameters
    ----------
    clusters : Clusters
        The rows.
    correlation : (T, T) array
        The matrix.
    waves : (T,) array
        Values of the order column, in their order.
    patterns : Patterns
        Clusters with the same waves.
    """

    name: ClassVar[str] = "fixed"
    clusters: Clusters
    correlation: FloatArray
    waves: FloatArray = field(repr=False)
    patterns: Patterns = field(repr=False)

    @classmethod
    def of(cls, clusters: Clusters, correlation: FloatArray, order: str) -> Fixed:
        """Check the matrix and prepare the structure."""
        R = np.array(correlation, dtype=np.float64)
        waves, codes = np.unique(clusters.times, return_inverse=True)
        T = len(waves)
        if R.shape != (T, T):
            raise ModelError(
                f"covariance= is a matrix of shape {R.shape}, but {order} has {T} values in the "
                f"rows used: give a ({T}, {T}) correlation matrix, its rows in their order.",
                code="correlation",
            )
        sound = np.all(np.isfinite(R)) and np.allclose(R, R.T) and np.allclose(np.diag(R), 1.0)
        if not sound or np.linalg.eigvalsh(R)[0] <= _LEAST:
            raise ModelError(
                "covariance= is no correlation matrix: it must be symmetric with ones on the "
                "diagonal and positive definite.",
                code="correlation",
            )
        return cls(clusters, R, waves, patterns(clusters, codes.astype(np.float64)))

    @property
    def names(self) -> tuple[str, ...]:
        """None."""
        return ()

    def estimate(self, e: FloatArray, scale: float) -> FloatArray:
        """Nothing."""
        return np.zeros(0)

    def whiten(self, alpha: FloatArray, values: FloatArray) -> FloatArray | None:
        """Dense, by pattern of waves."""
        return self.patterns.whiten(_picked_from(self.correlation), values)

    def matrix(self, alpha: FloatArray) -> tuple[tuple[object, ...], FloatArray]:
        """The given one."""
        return tuple(self.waves.tolist()), self.correlation


def _picked_from(R: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """Function that picks the correlations of the waves (U, m) from a matrix."""

    def correlation(codes: FloatArray) -> FloatArray:
        waves = codes.astype(np.int64)
        return R[waves[:, :, None], waves[:, None, :]]

    return correlation
