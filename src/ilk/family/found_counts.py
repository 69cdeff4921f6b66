"""Distributions of counts found from their probabilities.

Probabilities are summed one by one, in ranges of more than 4096 counts by Gauss's rule for sums
(`ilk.num.lattice`) outward from the most probable count.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from ilk.family.found import AbstractFound, Height, Range, find_range
from ilk.family.support import Support
from ilk.num.lattice import whole_lattice
from ilk.typing import FloatArray, IntArray

__all__ = ["FoundCounts", "find_counts"]

_DENSE = 4096.0
_FARTHEST = 1e15
"""Largest count that is a whole number of its own."""


@final
@dataclass(frozen=True, slots=True)
class FoundCounts(AbstractFound):
    """Distributions of n rows of counts.

    Attributes
    ----------
    log_density : callable
        Log probability of counts and rows.
    support : Support
        The counts.
    place : Range
        Where the mass is.
    """

    log_density: Height
    support: Support
    place: Range

    @property
    def range(self) -> Range:
        """Where the mass is."""
        return self.place

    def take(self, rows: IntArray) -> FoundCounts:
        """Distributions of some of the rows."""
        return FoundCounts(
            lambda y, r: self.log_density(y, rows[r]), self.support, self.place.take(rows)
        )

    def masses(self) -> tuple[IntArray, FloatArray, FloatArray]:
        """Rows, counts and their masses."""
        rows = np.arange(len(self.place.peak))
        return self._masses(rows, self.place.high)

    def cdf(self, y: FloatArray, rows: IntArray) -> FloatArray:
        """Probability of at most y."""
        last = np.minimum(np.floor(y), self.place.high[rows])
        whose, _, mass = self._masses(rows, last)
        return np.clip(np.bincount(whose, mass, minlength=len(rows)), 0.0, 1.0)

    def draw(self, rng: np.random.Generator) -> FloatArray:
        """Random counts, by inversion."""
        place = self.place
        u = np.minimum(rng.random(len(place.peak)) * self.moments()[0], 1.0)
        below, high = place.low - 1.0, place.high.copy()
        rows = np.flatnonzero(high - below > 1.0)
        while len(rows):
            middle = np.floor(0.5 * (below[rows] + high[rows]))
            reached = self.cdf(middle, rows) >= u[rows]
            high[rows[reached]] = middle[reached]
            below[rows[~reached]] = middle[~reached]
            rows = rows[high[rows] - below[rows] > 1.0]
        return high

    def _masses(self, rows: IntArray, last: FloatArray) -> tuple[IntArray, FloatArray, FloatArray]:
        """Positions in rows, counts and masses of all counts up to the last ones (m,)."""
        place = self.place
        peak, low = place.peak[rows], place.low[rows]
        scale = np.where(place.high[rows] - low <= _DENSE, 1.0, np.inf)
        zero = np.zeros(len(rows))
        up, above, weight_above = whole_lattice(zero, last - peak, scale)
        shift = np.maximum(peak - 1.0 - last, 0.0)  # counts below the peak that are too large
        down, below, weight_below = whole_lattice(shift, peak - 1.0 - low, scale)
        whose = np.append(up, down)
        y = np.append(peak[up] + above, peak[down] - 1.0 - below)
        with np.errstate(all="ignore"):
            mass = np.exp(self.log_density(y, rows[whose]))
        mass[~np.isfinite(mass)] = 0.0
        return whose, y, mass * np.append(weight_above, weight_below)


def find_counts(log_density: Height, support: Support, near: FloatArray) -> FoundCounts:
    """Find distributions of counts.

    Parameters
    ----------
    log_density : callable
        Log probability of counts (m,) and rows (m,), not finite where it is not defined.
    support : Support
        The counts.
    near : ndarray (n,)
        Numbers where the mass may be, such as the means.

    Examples
    --------
    >>> import numpy as np
    >>> geometric = lambda y, rows: (y + 1.0) * np.log(0.5)
    >>> found = find_counts(geometric, Support(0.0, np.inf, True), np.array([0.0]))
    >>> [moment.round(10) for moment in found.moments()]
    [array([1.]), array([1.]), array([2.])]
    """
    ends = (0.0, float(np.log(min(support.high - support.low + 1.0, _FARTHEST))))
    with np.errstate(all="ignore"):
        hint = np.log(np.clip(near - support.low, 0.0, _FARTHEST) + 1.0)
    hint = np.clip(np.where(np.isfinite(hint), hint, 0.0), *ends)

    def count(t: FloatArray) -> FloatArray:
        return np.asarray(np.minimum(support.low + np.round(np.expm1(t)), support.high))

    def height(t: FloatArray, rows: IntArray) -> FloatArray:
        with np.errstate(all="ignore"):
            found = log_density(count(t), rows)
        return np.where(np.isfinite(found), found, -np.inf)

    place = find_range(height, hint, ends, (True, bool(np.isfinite(support.high))))
    peak, low, high = count(place.peak), count(place.low), count(place.high)
    low, high = np.minimum(low, peak), np.maximum(high, peak)
    return FoundCounts(log_density, support, replace(place, peak=peak, low=low, high=high))
