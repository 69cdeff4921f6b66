"""Sums over pairs of rows of a cluster: by distance, or by pair of waves."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ilk.gee.clusters import Clusters
from ilk.typing import FloatArray, IntArray

__all__ = ["LagMoments", "WaveGrid", "lag_moments", "wave_grid"]

_DENSE = 8
"""A table of clusters by steps is used if it has at most this many times as many cells as rows."""

_NEIGHBORS = 100
"""Where distances are fractional, pairs at most so many rows apart are looked at."""


@dataclass(frozen=True, slots=True)
class LagMoments:
    """Pairs of rows of a cluster by their distance.

    Parameters
    ----------
    lags : (D,) array
        Distances that occur, in steps.
    counts : (D,) array
        Number of pairs at each.
    rows, cells, span : see `sums`
        Where rows stand in a table of clusters by steps, or the shifts of the pairs.
    """

    lags: FloatArray
    counts: FloatArray
    clusters: Clusters = field(repr=False)
    cells: IntArray | None = field(repr=False)
    span: int
    shifts: tuple[tuple[IntArray, IntArray], ...] = field(repr=False)

    def sums(self, e: FloatArray) -> FloatArray:
        """Sum of the products of the pairs at each distance.

        Parameters
        ----------
        e : (N,) array
            Values of the rows.

        Returns
        -------
        (D,) array
        """
        if self.cells is not None:
            table = np.zeros(self.clusters.count * self.span)
            table[self.cells] = e
            return _autocovariances(table.reshape(-1, self.span))[self.lags.astype(np.int64)]
        total = np.zeros(len(self.lags))
        for shift, (first, lag) in enumerate(self.shifts, start=1):
            total += np.bincount(lag, e[first] * e[first + shift], minlength=len(total))
        return total


def lag_moments(clusters: Clusters, most: int | None = None) -> LagMoments:
    """Prepare sums over pairs by distance.

    Parameters
    ----------
    clusters : Clusters
        The rows.
    most : int, optional
        Largest distance of interest, in steps.

    Returns
    -------
    LagMoments
    """
    span = int(np.floor(clusters.positions.max())) + 1
    if clusters.whole and clusters.count * span <= _DENSE * len(clusters.rows):
        cells = clusters.index * span + clusters.positions.astype(np.int64)
        table = np.zeros(clusters.count * span)
        table[cells] = 1.0
        counts = np.round(_autocovariances(table.reshape(-1, span)))
        counts[0] = 0.0
        if most is not None:
            counts[most + 1 :] = 0.0
        lags = np.flatnonzero(counts)
        return LagMoments(lags.astype(np.float64), counts[lags], clusters, cells, span, ())
    return _by_shifts(clusters, span, most)


def _by_shifts(clusters: Clusters, span: int, most: int | None) -> LagMoments:
    """Pairs that are 1, 2, ... rows apart, their distances as codes."""
    positions, index = clusters.positions, clusters.index
    reach = clusters.largest - 1 if clusters.whole else min(clusters.largest - 1, _NEIGHBORS)
    firsts, distances = [], []
    for shift in range(1, reach + 1):
        same = index[shift:] == index[:-shift]
        lag = positions[shift:] - positions[:-shift]
        if most is not None:
            same &= lag <= most
        first = np.flatnonzero(same)
        if len(first) == 0:
            break
        firsts.append(first)
        distances.append(np.round(lag[first], 9))
    if not firsts:
        return LagMoments(np.zeros(0), np.zeros(0), clusters, None, span, ())
    lags, codes = np.unique(np.concatenate(distances), return_inverse=True)
    ends = np.cumsum([len(first) for first in firsts])[:-1]
    counts = np.bincount(codes).astype(np.float64)
    shifts = tuple(zip(firsts, np.split(codes, ends), strict=True))
    return LagMoments(lags, counts, clusters, None, span, shifts)


def _autocovariances(table: FloatArray) -> FloatArray:
    """Sum over rows (K, T) of the products at distances 0, ..., T - 1, by fast transforms."""
    span = table.shape[1]
    if span <= 32:
        return np.array(
            [np.einsum("kt,kt->", table[:, d:], table[:, : span - d]) for d in range(span)]
        )
    length = 1 << (2 * span - 1).bit_length()
    power = np.zeros(length // 2 + 1)
    block = max(1, 2_000_000 // length)
    for start in range(0, len(table), block):
        transform = np.fft.rfft(table[start : start + block], length, axis=1)
        power += np.sum(transform.real**2 + transform.imag**2, axis=0)
    sums: FloatArray = np.fft.irfft(power, length)[:span]
    return sums


@dataclass(frozen=True, slots=True)
class WaveGrid:
    """Rows in a table of clusters by waves.

    Parameters
    ----------
    waves : (T,) array
        The waves.
    codes : (N,) array of int
        Wave of each row.
    cells : (N,) array of int
        Cell of each row in the flattened table.
    counts : (T, T) array
        Number of clusters that have both waves.
    """

    waves: FloatArray
    codes: IntArray = field(repr=False)
    cells: IntArray = field(repr=False)
    clusters: int
    counts: FloatArray

    def products(self, e: FloatArray) -> FloatArray:
        """(T, T) sums of products over the clusters that have both waves."""
        return _cross(self.cells, e, self.clusters, len(self.waves))


def wave_grid(clusters: Clusters, waves: FloatArray) -> WaveGrid:
    """Arrange rows in a table of clusters by waves.

    Parameters
    ----------
    clusters : Clusters
        The rows.
    waves : (T,) array
        The values that times take, sorted.
    """
    codes = np.searchsorted(waves, clusters.times)
    cells = clusters.index * len(waves) + codes
    counts = _cross(cells, np.ones(len(codes)), clusters.count, len(waves))
    return WaveGrid(waves, codes, cells, clusters.count, np.round(counts))


def _cross(cells: IntArray, values: FloatArray, rows: int, columns: int) -> FloatArray:
    table = np.zeros(rows * columns)
    table[cells] = values
    square = table.reshape(rows, columns)
    return square.T @ square
