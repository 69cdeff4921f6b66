"""Distributions found from nothing but their density: moments, distribution function, draws.

Each row's density is followed from its peak to both sides until it has fallen by
:math:`e^{-45}`.  What lies between is integrated (`ilk.family.found_interval`), or summed
(`ilk.family.found_counts`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TypeAlias, final

import numpy as np

from ilk.typing import BoolArray, FloatArray, IntArray

__all__ = ["AbstractFound", "Height", "Range", "find_range"]

Height: TypeAlias = Callable[[FloatArray, IntArray], FloatArray]
"""Takes numbers (m,) and the rows (m,) that they belong to, to log densities (m,)."""

_DROP = 45.0
_ZOOM = 41
_ROUNDS = 60
_FLAT = 1e-9
_AROUND = np.array([-3.0, -1.0, -0.3, -0.05, 0.05, 0.3, 1.0, 3.0])
_HELD = 25.0
"""Height above which a density at the end of its range has not fallen off."""

_NEARLY = 5.0
_FAR = 1e-13
_TAIL = 1e-3
"""Share of a moment that may come from masses that are this small, of the largest."""


class AbstractFound(ABC):
    """Distributions of n rows."""

    __slots__ = ()

    @abstractmethod
    def masses(self) -> tuple[IntArray, FloatArray, FloatArray]:
        """Rows (m,), numbers (m,) and their masses (m,)."""

    @abstractmethod
    def cdf(self, y: FloatArray, rows: IntArray) -> FloatArray:
        """Probability (m,) of at most y (m,) in the rows (m,)."""

    @abstractmethod
    def draw(self, rng: np.random.Generator) -> FloatArray:
        """Random numbers (n,), one in each row."""

    @property
    @abstractmethod
    def range(self) -> Range:
        """Where the mass is."""

    @abstractmethod
    def take(self, rows: IntArray) -> AbstractFound:
        """Distributions of some of the rows, each as often as it is named."""

    @final
    def moments(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Total mass (n,), one if the density is normalized, mean (n,) and variance (n,).

        A moment to which far tails contribute is not a number: it may not exist.
        """
        rows, y, mass = self.masses()
        n = len(self.range.peak)
        total: FloatArray = np.asarray(np.bincount(rows, mass, minlength=n), dtype=np.float64)
        most = np.zeros(n)
        np.maximum.at(most, rows, mass)
        far = np.abs(mass) < _FAR * most[rows]
        with np.errstate(all="ignore"):
            center = np.bincount(rows, np.where(mass != 0.0, y * mass, 0.0), minlength=n) / total
            away = np.where(mass != 0.0, y - center[rows], 0.0)
            out = []
            for power in (1, 2):
                part = away**power * mass
                moment = np.bincount(rows, part, minlength=n) / total
                size, tail = (np.bincount(rows, abs(x), minlength=n) for x in (part, part * far))
                out.append(np.where(tail <= _TAIL * size, moment, np.nan))
        return total, center + out[0], out[1] - out[0] ** 2


@final
@dataclass(frozen=True, slots=True)
class Range:
    """Where the mass of densities on a line is, (n,) each.

    Attributes
    ----------
    peak : ndarray
        Where the density is highest.
    low, high : ndarray
        Where it has fallen off.
    below, above : ndarray
        Distances from the peak at which it has fallen by a factor of e.
    cut : ndarray of bool
        Whether it has not fallen off at the end of the line.
    """

    peak: FloatArray
    low: FloatArray
    high: FloatArray
    below: FloatArray
    above: FloatArray
    cut: BoolArray

    def take(self, rows: IntArray) -> Range:
        """Ranges of some of the rows."""
        return Range(*(getattr(self, field.name)[rows] for field in fields(self)))


def find_range(
    height: Height,
    hint: FloatArray,
    ends: tuple[float, float],
    closed: tuple[bool, bool],
    edge: Height | None = None,
) -> Range:
    """Follow densities from their peaks to where they have fallen off.

    Parameters
    ----------
    height : callable
        Log densities; minus infinity where there is none.
    hint : ndarray (n,)
        Where to look more closely for the peak.
    ends : tuple of float
        Ends of the line.
    closed : tuple of bool
        Whether a density may be high at the ends, as of the first or last count.
    edge : callable, optional
        Another function, whose peaks are taken where densities are nearly as high as at their own.
    """
    peak, top, seen = _peaks(height, hint, ends)
    if edge is not None:
        other = _peaks(edge, peak, ends)[0]
        there = height(other, np.arange(len(peak)))
        taken = there > top - _NEARLY
        peak, top = np.where(taken, other, peak), np.where(taken, there, top)
    low, below = _fall(height, peak, top, ends[0], -1.0, seen)
    high, above = _fall(height, peak, top, ends[1], 1.0, seen)
    rows = np.arange(len(peak))
    cut = np.zeros(len(peak), bool)
    for at, end, free in ((low, ends[0], closed[0]), (high, ends[1], closed[1])):
        cut |= (at == end) & (height(at, rows) > top - _HELD) & (not free)
    return Range(peak, low, high, below, above, cut)


def _peaks(
    height: Height, hint: FloatArray, ends: tuple[float, float]
) -> tuple[FloatArray, FloatArray, tuple[FloatArray, FloatArray]]:
    """Peaks (n,), their heights, and the first grid with its heights."""
    n = len(hint)
    index, rows = np.arange(n), np.repeat(np.arange(n), _ZOOM + len(_AROUND))
    left, right = np.full(n, ends[0]), np.full(n, ends[1])
    best, top = hint, height(hint, index)
    seen: tuple[FloatArray, FloatArray] | None = None
    for _ in range(_ROUNDS):
        grid = left[:, None] + (right - left)[:, None] * np.linspace(0.0, 1.0, _ZOOM)
        beside = np.clip(best[:, None] + _AROUND, left[:, None], right[:, None])
        grid = np.sort(np.concatenate([grid, beside], axis=1), axis=1)
        heights = height(grid.ravel(), rows).reshape(grid.shape)
        seen = seen or (grid, heights)
        place = np.argmax(heights, axis=1)
        better = heights[index, place] > top
        best = np.where(better, grid[index, place], best)
        top = np.where(better, heights[index, place], top)
        left = np.max(np.where(grid < best[:, None], grid, ends[0]), axis=1)
        right = np.min(np.where(grid > best[:, None], grid, ends[1]), axis=1)
        narrow = right - left < 1e-12 * np.maximum(np.abs(best), 1.0)
        flat = np.min(heights, axis=1) > top - _FLAT
        if np.all(narrow | flat | np.isneginf(top)):
            break
    assert seen is not None
    return best, top, seen


def _fall(
    height: Height,
    peak: FloatArray,
    top: FloatArray,
    end: float,
    side: float,
    seen: tuple[FloatArray, FloatArray],
) -> tuple[FloatArray, FloatArray]:
    """Where a density is negligible on one side of its peak, and the distance of 1/e."""
    grid, heights = seen
    tiny = 1e-13 * np.maximum(np.abs(peak), 1.0)
    far = np.where(heights > top[:, None] - _DROP, grid, peak[:, None])
    inner = side * np.max(side * far, axis=1)
    inner = np.where(side * (inner - peak) > 0.0, inner, peak)
    low = _leave(height, inner, top - _DROP, end, side, tiny)
    near = _leave(height, peak, top - 1.0, end, side, tiny)
    return low, np.maximum(np.abs(near - peak), tiny)


def _leave(
    height: Height, start: FloatArray, level: FloatArray, end: float, side: float, tiny: FloatArray
) -> FloatArray:
    """First place (n,) on the way to an end, about, where a density is below a level."""
    distance, todo = tiny.copy(), np.arange(len(start))
    inside, outside = start.copy(), start.copy()
    while len(todo):
        at = start[todo] + side * distance[todo]
        at = np.minimum(at, end) if side > 0.0 else np.maximum(at, end)
        fallen = height(at, todo) <= level[todo]
        outside[todo] = at
        inside[todo[~fallen]] = at[~fallen]
        todo = todo[~fallen & (at != end)]
        distance[todo] *= 4.0
    rows = np.arange(len(start))
    for _ in range(8):
        middle = 0.5 * (inside + outside)
        fallen = height(middle, rows) <= level
        outside, inside = np.where(fallen, middle, outside), np.where(fallen, inside, middle)
    return outside
