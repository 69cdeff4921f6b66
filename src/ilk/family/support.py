"""The numbers that a response may be: counts, an interval, and single numbers beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from ilk.errors import ModelError
from ilk.family.link_base import Interval
from ilk.typing import BoolArray, FloatArray

__all__ = ["Support", "make_support"]

_NAMED = {
    "real": (-math.inf, math.inf),
    "positive": (0.0, math.inf),
    "unit": (0.0, 1.0),
}
_KNOWN = '"counts", "real", "positive", "unit", range(0, 11), or two numbers (low, high)'
_MAP_END = 690.0
"""Largest number whose exponential and its inverse are used."""


@final
@dataclass(frozen=True, slots=True)
class Support:
    """Where a response may lie.

    Attributes
    ----------
    low, high : float
        First and last count, or ends of an interval, which are excluded.
    counts : bool
        Whether only whole numbers are possible.
    atoms : tuple of float
        Single numbers with a probability of their own beside the interval.
    """

    low: float
    high: float
    counts: bool = False
    atoms: tuple[float, ...] = ()

    def contains(self, y: FloatArray) -> BoolArray:
        """Whether each number (n,) is possible."""
        if self.counts:
            return np.asarray((y >= self.low) & (y <= self.high) & (y == np.floor(y)))
        return np.asarray(((y > self.low) & (y < self.high)) | np.isin(y, self.atoms))

    def __str__(self) -> str:
        if self.counts:
            end = "" if math.isinf(self.high) else f" to {self.high:g}"
            return f"whole numbers from {self.low:g}{end}"
        if math.isinf(self.low) and math.isinf(self.high):
            words = "finite numbers"
        elif math.isinf(self.high):
            words = f"numbers above {self.low:g}"
        elif math.isinf(self.low):
            words = f"numbers below {self.high:g}"
        else:
            words = f"numbers between {self.low:g} and {self.high:g}"
        single = ", ".join(f"{atom:g}" for atom in self.atoms)
        return f"{words} (and {single})" if single else words

    @property
    def ends(self) -> tuple[float, float]:
        """Coordinates t of numbers near the ends of the interval, as far as they are told apart."""
        if math.isinf(self.low) and math.isinf(self.high):
            return -_MAP_END, _MAP_END
        first, last = -_MAP_END, _MAP_END
        digits = math.log(4.0 * np.finfo(float).eps)
        if self.low not in (0.0, -math.inf):
            first = digits + math.log(abs(self.low))
        if self.high not in (0.0, math.inf):
            last = -digits - math.log(abs(self.high))
        if math.isfinite(self.low) and math.isfinite(self.high):
            width = math.log(self.high - self.low)
            return max(first - width, -_MAP_END), min(last + width, _MAP_END)
        return first, last

    def number(self, t: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Number y(t) and the logarithm of its slope, for a coordinate t on the real line."""
        with np.errstate(over="ignore"):
            if math.isinf(self.low) and math.isinf(self.high):
                return np.sinh(t), np.logaddexp(t, -t) - math.log(2.0)
            if math.isinf(self.high):
                return self.low + np.exp(t), t
            if math.isinf(self.low):
                return self.high - np.exp(-t), -t
            width = self.high - self.low
            share = np.exp(-np.logaddexp(0.0, -t))
            near_high = self.high - width * np.exp(-np.logaddexp(0.0, t))
            log_slope = math.log(width) - np.logaddexp(0.0, -t) - np.logaddexp(0.0, t)
            return np.where(t > 0.0, near_high, self.low + width * share), log_slope

    def coordinate(self, y: FloatArray) -> FloatArray:
        """Coordinate t of a number, infinite outside the interval."""
        with np.errstate(all="ignore"):
            if math.isinf(self.low) and math.isinf(self.high):
                return np.arcsinh(y)
            above, below = np.log(np.maximum(y - self.low, 0.0)), None
            if math.isinf(self.high):
                return above
            below = np.log(np.maximum(self.high - y, 0.0))
            return -below if math.isinf(self.low) else above - below


def make_support(support: Any, atoms: Sequence[float]) -> Support:
    """Support from the words of a user.

    Parameters
    ----------
    support : str, range, Interval or (low, high)
        Where responses may lie.
    atoms : sequence of float
        Single numbers with a probability of their own.

    Raises
    ------
    ModelError
        Says what can be given.
    """
    if isinstance(support, range):
        if support.step != 1 or not len(support):
            raise ModelError(f"support={support!r} is not a range of counts.", code="support")
        found = Support(float(support[0]), float(support[-1]), True)
    elif support == "counts":
        found = Support(0.0, math.inf, True)
    elif isinstance(support, str):
        if support not in _NAMED:
            raise ModelError(f"Unknown support {support!r}; give {_KNOWN}.", code="support")
        found = Support(*_NAMED[support])
    else:
        found = _interval(support)
    single = tuple(sorted(float(atom) for atom in atoms))
    if not single:
        return found
    if found.counts:
        raise ModelError("Counts have no atoms beside them: leave atoms= out.", code="support")
    return Support(found.low, found.high, False, single)


def _interval(support: Any) -> Support:
    if isinstance(support, Interval):
        return Support(support.low, support.high)
    try:
        low, high = map(float, support)
    except (TypeError, ValueError):
        low = high = math.nan
    if not low < high:
        raise ModelError(f"support={support!r:.60} is none; give {_KNOWN}.", code="support")
    return Support(low, high)
