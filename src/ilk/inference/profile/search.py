r"""Walking along a path until the signed root reaches a value.

An end of an interval is found by cubic interpolation of w as a function of zeta, whose slopes are
known exactly (`ilk.inference.profile.maxima`): mostly with two constrained maxima.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    from ilk.inference.profile.maxima import Maxima, Point
    from ilk.typing import FloatArray

__all__ = ["End", "Walk", "crossing"]

_CLOSE = 1e-3
"""Distance in zeta from which one step of Newton's method gives the end of an interval."""

_NEIGHBORS = 0.03
"""Points of a curve need not be closer to each other in zeta."""

_FLAT = 1e-4
"""Change of zeta over a tripled distance below which the profile has become flat."""

_FAR = 10.0
"""Distance, in units of the scaled columns, before which a profile is not called flat."""

_FAILURES, _REJECTED = 4, 12
"""Failures of one end, and searches of a walk that end above the fit, that are put up with."""

_MAX_STEPS = 40
"""Constrained maxima that one end may take."""


class End(Enum):
    """Why a walk along one side ended."""

    CROSSED = "crossed"
    BOUNDARY = "boundary"
    INFINITE = "infinite"
    LOST = "lost"


@dataclass(slots=True)
class _Bracket:
    """Between which points the cutoff lies, while a walk looks for it."""

    inner: Point
    outer: Point | None = None
    flat: int = 0
    slow: int = 0

    @property
    def width(self) -> float:
        """Distance between the two; infinite as long as there is no outer one."""
        return math.inf if self.outer is None else abs(self.outer.w - self.inner.w)


@final
class Walk:
    """Outwards from the fit, to one side.

    Parameters
    ----------
    maxima : Maxima
        Constrained maxima of the path; those found on the way are kept there.
    side : {-1, 1}
        Direction.
    target : float
        Value of zeta that is looked for.
    """

    def __init__(self, maxima: Maxima, side: int, target: float) -> None:
        self.maxima, self.side, self.target = maxima, side, target
        self.bound = maxima.path.high if side > 0 else maxima.path.low
        self.monotone = True

    def end(self) -> End:
        """Walk until zeta has reached the target, or cannot."""
        bracket = _Bracket(self.maxima.points[0])
        if bracket.inner.w == self.bound:
            return End.BOUNDARY
        w, failures = self._first(), 0
        for _ in range(_MAX_STEPS):
            point = self.maxima.at(w)
            if point is None:  # nothing found there: come closer
                failures += 1
                if failures > _FAILURES or self.maxima.rejected > _REJECTED:
                    return End.LOST
                w = bracket.inner.w + 0.25 * (w - bracket.inner.w)
                continue
            end = self._judge(point, bracket)
            if end is not None:
                return end
            w = self._next(bracket)
        return End.LOST

    def _judge(self, point: Point, bracket: _Bracket) -> End | None:
        """Take a point into the bracket; say whether the walk is over."""
        if self.maxima.zeta(point) >= self.target:
            point = self.maxima.rechecked(bracket.inner, point, self.side)
        zeta, rise = self.maxima.zeta(point), self.maxima.rise(point, self.side)
        self.monotone = self.monotone and not (rise * zeta < -1e-4 / self.maxima.distance(point))
        if abs(zeta - self.target) < (_CLOSE if rise > 0.0 else 1e-3 * _CLOSE):
            return End.CROSSED
        width = bracket.width
        if zeta >= self.target:
            bracket.outer = point
        else:
            flat = (
                zeta - self.maxima.zeta(bracket.inner) < _FLAT
                and self.maxima.distance(point) > _FAR
            )
            bracket.flat = bracket.flat + 1 if flat else 0
            bracket.inner = point
        if bracket.outer is None:
            if point.w == self.bound:
                return End.BOUNDARY
            return End.INFINITE if bracket.flat >= 2 else None
        bracket.slow = bracket.slow + 1 if 0.5 * width < bracket.width < math.inf else 0
        small = 1e-5 * (self.maxima.error if self.maxima.error > 0.0 else self.maxima.unit)
        # so narrow without having met the cutoff: the curve jumps
        return End.CROSSED if bracket.width < min(small, 1e-5 * self.maxima.unit) else None

    def _first(self) -> float:
        """First position tried: where a Wald interval ends, if that is a sensible distance."""
        step = min(
            self.target * self.maxima.error if self.maxima.error > 0.0 else self.maxima.unit,
            10.0 * self.maxima.unit,
        )
        if self.maxima.steep():
            step = min(step, 0.5 * self.target**2 / abs(self.maxima.points[0].slope))
        return _inside(self.maxima.path.w + self.side * step, self.side, self.bound)

    def _next(self, bracket: _Bracket) -> float:
        """Position to try next."""
        inner, outer = bracket.inner, bracket.outer
        low, rise = self.maxima.zeta(inner), self.maxima.rise(inner, self.side)
        if outer is None:
            distance = abs(inner.w - self.maxima.path.w)
            needed = 1.05 * (self.target - low) / rise if rise > 0.0 else math.inf
            return _inside(inner.w + self.side * min(needed, 2.0 * distance), self.side, self.bound)
        middle = 0.5 * (inner.w + outer.w)
        if bracket.slow >= 2 or self.maxima.zeta(outer) - low > 4.0 * self.target:
            bracket.slow = 0
            return middle
        w = between(self.maxima, inner, outer, self.side, self.target)
        if 0.02 < (w - inner.w) / (outer.w - inner.w) < 0.98:
            return w
        newton = self.maxima.rise(outer, self.side)
        w = (
            outer.w - self.side * (self.maxima.zeta(outer) - self.target) / newton
            if newton > 0.0
            else math.nan
        )
        return w if 0.0 < (w - inner.w) / (outer.w - inner.w) < 1.0 else middle


def fill(maxima: Maxima, side: int, zetas: FloatArray) -> None:
    """Add constrained maxima where zeta is close to given values, inside those known.

    Parameters
    ----------
    maxima : Maxima
        The maxima.
    side : {-1, 1}
        Direction.
    zetas : (k,) array
        Values of zeta, increasing.
    """
    for target in zetas.tolist():
        known = maxima.side(side)
        after = next((i for i, p in enumerate(known) if maxima.zeta(p) >= target), None)
        if not after:
            return
        a, b = known[after - 1], known[after]
        near = min(target - maxima.zeta(a), maxima.zeta(b) - target)
        if near > _NEIGHBORS:
            maxima.at(between(maxima, a, b, side, target))


def between(maxima: Maxima, a: Point, b: Point, side: int, target: float) -> float:
    """Position between two points where zeta has a value: inverse cubic interpolation."""
    za, zb = maxima.zeta(a), maxima.zeta(b)
    return crossing(
        (za, a.w, maxima.rise(a, side) * side), (zb, b.w, maxima.rise(b, side) * side), target
    )


def crossing(a: tuple[float, float, float], b: tuple[float, float, float], target: float) -> float:
    """Position where zeta has a value, from two points (zeta, w, d zeta / d w).

    Cubic Hermite interpolation of w as a function of zeta; straight where a slope is not known or
    the cubic would leave the interval.

    Parameters
    ----------
    a, b : tuple of float
        zeta, position and slope at the two points.
    target : float
        Value of zeta; it may lie a little outside.
    """
    (za, wa, sa), (zb, wb, sb) = a, b
    h = zb - za
    if not h > 0.0:
        return 0.5 * (wa + wb)
    t = (target - za) / h
    straight = wa + t * (wb - wa)
    width = (wb - wa) / h
    if not (sa * width > 0.0 and sb * width > 0.0):
        return straight
    ma, mb = h / sa, h / sb
    if max(abs(ma), abs(mb)) > 3.0 * abs(wb - wa):  # the cubic might turn back
        return straight
    curve = (
        (2.0 * t**3 - 3.0 * t**2 + 1.0) * wa
        + (t**3 - 2.0 * t**2 + t) * ma
        + (3.0 * t**2 - 2.0 * t**3) * wb
        + (t**3 - t**2) * mb
    )
    return curve


def _inside(w: float, side: int, bound: float) -> float:
    """A position, not beyond the end of the path."""
    return min(w, bound) if side > 0 else max(w, bound)
