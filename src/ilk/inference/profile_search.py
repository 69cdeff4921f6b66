r"""Walking along a path: constrained maxima, and where the signed root reaches a value.

With :math:`\ell_p(w) = \max_x \ell(x, w)` the signed root is

.. math:: \zeta(w) = \operatorname{sign}(w - \hat w) \sqrt{2 [\ell(\hat\varphi) - \ell_p(w)]}.

It is nearly linear in w, and its slope is known at every constrained maximum: by the envelope
theorem :math:`\ell_p'(w) = \partial\ell / \partial w`, so that
:math:`\zeta' = -\ell_p' / \zeta`.  An end of an interval is found by cubic interpolation of the
inverse function, mostly with two constrained maxima; each starts on the line through the two maxima
next to it, with the curvature found there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, final

import numpy as np

from ilk.num.search import maximize

if TYPE_CHECKING:
    from ilk.inference.profile_paths import Path
    from ilk.typing import FloatArray

__all__ = ["BetterOptimum", "End", "Point", "Walk"]

_TOLERANCE = 1e-10
"""Predicted gain in log-likelihood at which a constrained search ends."""

_ENDED = 1e-6
"""... at which one that could not improve further has ended all the same."""

_CLOSE = 1e-3
"""Distance in zeta from which one step of Newton's method gives the end of an interval."""

_BETTER = 1e-4
"""Gain in log-likelihood over the fit that counts as another optimum, not as rounding."""

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


class BetterOptimum(Exception):
    """A constrained maximum above the maximum of the fit.

    Parameters
    ----------
    phi : (m,) array
        Where it is, in the coordinates of the fit.
    value : float
        Log-likelihood there.
    """

    def __init__(self, phi: FloatArray, value: float) -> None:
        super().__init__("a profile found a better optimum than the fit")
        self.phi = phi
        self.value = value


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """A constrained maximum.

    Parameters
    ----------
    w : float
        Position on the path.
    x : (m - 1,) array
        The free numbers.
    phi : (m,) array
        All parameters, in the coordinates of the path.
    value : float
        Log-likelihood.
    slope : float
        Its derivative along the path; nan where there is none.
    inverse : (m - 1, m - 1) array
        Inverse Hessian of minus the log-likelihood in x, approximately.
    """

    w: float
    x: FloatArray
    phi: FloatArray
    value: float
    slope: float
    inverse: FloatArray


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
    """Constrained maxima along a path, found one after another.

    Parameters
    ----------
    path : Path
        The path.
    information : (m, m) array
        Observed information at the fit, in the coordinates of the path.
    reference : float, optional
        Log-likelihood at the fit; by default that of the constrained maximum there.
    strict : bool
        Whether a better optimum is an exception.
    """

    def __init__(
        self,
        path: Path,
        information: FloatArray,
        reference: float | None = None,
        *,
        strict: bool = True,
    ) -> None:
        self.path, self.strict = path, strict
        phi, jacobian, direction = path.placed(path.x, path.w)
        whole = _inverse(information, np.column_stack([jacobian, direction]))
        spread = max(float(whole[-1, -1]), 0.0)
        self.error = math.sqrt(spread) if spread > 0.0 else math.nan
        self.unit = 1.0 / max(float(np.linalg.norm(direction)), 1e-300)
        self._tangent = whole[:-1, -1] / spread if spread > 0.0 else np.zeros(len(path.x))
        self._inverse = whole[:-1, :-1] - np.outer(self._tangent, whole[:-1, -1])
        value, gradient = path.joint.evaluate(phi)
        start = Point(path.w, path.x, phi, value, float(direction @ gradient), self._inverse)
        self.points = [start]
        self.monotone = True
        self.rejected = 0
        self.reference = start.value if reference is None else reference
        self._check_fit(start, fixed=reference is not None)

    def _check_fit(self, start: Point, *, fixed: bool) -> None:
        """Look whether the fit is the constrained maximum where it stands, and not on a slope.

        Raises
        ------
        BetterOptimum
            It is not.
        """
        there = self._maximum(start.w, start.x, self._inverse)
        better = there is not None and there.value > start.value + 1e-9
        if there is not None and better and not (fixed and self._too_good(there)):
            self.points = [there]
        self.reference = self.reference if fixed else self.points[0].value
        step = start.slope * self.error**2
        if 0.5 * abs(step * start.slope) > _BETTER and abs(step) < 10.0 * self.unit:
            self.at(min(max(start.w + step, self.path.low), self.path.high))

    def zeta(self, point: Point) -> float:
        """Root of twice the loss of log-likelihood, not negative."""
        return math.sqrt(max(0.0, 2.0 * (self.reference - point.value)))

    def rise(self, point: Point, side: int) -> float:
        """Derivative of `zeta` outwards; nan where it is not known."""
        zeta = self.zeta(point)
        if point is self.points[0] and self._steep():
            return math.inf
        if point is self.points[0] or point.w == self.path.w or zeta < 1e-6:
            return 1.0 / self.error if self.error > 0.0 else math.nan
        return -side * point.slope / zeta

    def _steep(self) -> bool:
        """Whether the likelihood rises towards the end of the path where the fit stands."""
        start = self.points[0]
        at_end = start.w in (self.path.low, self.path.high)
        return at_end and abs(start.slope) * self.error > 0.05

    def side(self, side: int) -> list[Point]:
        """Points from the fit outwards to one side, the fit's first."""
        outwards = [p for p in self.points[1:] if side * (p.w - self.path.w) > 0.0]
        return [self.points[0], *sorted(outwards, key=lambda p: side * p.w)]

    def end(self, side: int, target: float) -> End:
        """Walk outwards until `zeta` has reached a value, or cannot.

        Parameters
        ----------
        side : {-1, 1}
            Direction.
        target : float
            Value of zeta.

        Returns
        -------
        End
        """
        bound = self.path.high if side > 0 else self.path.low
        bracket = _Bracket(self.points[0])
        if bracket.inner.w == bound:
            return End.BOUNDARY
        w, failures = self._first(side, target, bound), 0
        for _ in range(_MAX_STEPS):
            point = self.at(w)
            if point is None:  # nothing found there: come closer
                failures += 1
                if failures > _FAILURES or self.rejected > _REJECTED:
                    return End.LOST
                w = bracket.inner.w + 0.25 * (w - bracket.inner.w)
                continue
            end = self._judge(point, bracket, side, target, bound)
            if end is not None:
                return end
            w = self._next(bracket, side, target, bound)
        return End.LOST

    def _judge(
        self, point: Point, bracket: _Bracket, side: int, target: float, bound: float
    ) -> End | None:
        """Take a point into the bracket; say whether the walk is over."""
        if self.zeta(point) >= target:
            point = self._rechecked(bracket.inner, point, side)
        zeta, rise = self.zeta(point), self.rise(point, side)
        self.monotone = self.monotone and not (rise * zeta < -1e-4 / self._distance(point))
        if abs(zeta - target) < (_CLOSE if rise > 0.0 else 1e-3 * _CLOSE):
            return End.CROSSED
        width = bracket.width
        if zeta >= target:
            bracket.outer = point
        else:
            flat = zeta - self.zeta(bracket.inner) < _FLAT and self._distance(point) > _FAR
            bracket.flat = bracket.flat + 1 if flat else 0
            bracket.inner = point
        if bracket.outer is None:
            if point.w == bound:
                return End.BOUNDARY
            return End.INFINITE if bracket.flat >= 2 else None
        bracket.slow = bracket.slow + 1 if 0.5 * width < bracket.width < math.inf else 0
        small = 1e-5 * (self.error if self.error > 0.0 else self.unit)
        # so narrow without having met the cutoff: the curve jumps
        return End.CROSSED if bracket.width < min(small, 1e-5 * self.unit) else None

    def fill(self, side: int, zetas: FloatArray) -> None:
        """Add constrained maxima where zeta is close to given values, inside those known.

        Parameters
        ----------
        side : {-1, 1}
            Direction.
        zetas : (k,) array
            Values of zeta, increasing.
        """
        for target in zetas.tolist():
            known = self.side(side)
            after = next((i for i, p in enumerate(known) if self.zeta(p) >= target), None)
            if not after:
                return
            a, b = known[after - 1], known[after]
            near = min(target - self.zeta(a), self.zeta(b) - target)
            if near > _NEIGHBORS:
                self.at(self.between(a, b, side, target))

    def between(self, a: Point, b: Point, side: int, target: float) -> float:
        """Position between two points where zeta has a value: inverse cubic interpolation."""
        za, zb = self.zeta(a), self.zeta(b)
        return crossing(
            (za, a.w, self.rise(a, side) * side), (zb, b.w, self.rise(b, side) * side), target
        )

    def at(self, w: float) -> Point | None:
        """Constrained maximum at w, kept; None if none was found.

        Raises
        ------
        BetterOptimum
            It is above the maximum of the fit.
        """
        for known in self.points:
            if known.w == w:
                return known
        nearest = min(self.points, key=lambda p: abs(p.w - w))
        origin = self.points[0]
        starts = (
            (self._predicted(nearest, w), nearest.inverse),
            (nearest.x, self._inverse),
            (origin.x + (w - origin.w) * self._tangent, self._inverse),
            (origin.x, self._inverse),
        )
        for x, inverse in starts:
            point = self._maximum(w, x, inverse)
            if point is not None and not self._too_good(point):
                self.points.append(point)
                return point
        return None

    def _rechecked(self, inner: Point, outer: Point, side: int) -> Point:
        """Search again from an inner point where an outer one has lost more than the line says.

        A search may have ended at another constrained optimum, below the one that continues the
        curve; the better of the two is kept.
        """
        expected = self.zeta(inner) + self.rise(inner, side) * abs(outer.w - inner.w)
        if self.zeta(outer) <= 1.1 * expected + 0.02:
            return outer
        again = self._maximum(outer.w, inner.x, inner.inverse)
        if again is None or again.value < outer.value + 1e-6 or self._too_good(again):
            return outer
        self.points[self.points.index(outer)] = again
        return again

    def _too_good(self, point: Point) -> bool:
        """Whether a constrained maximum is above the maximum, which ends the walk if it is strict.

        Otherwise it was not confirmed by a search from there: a place where the approximation of
        the likelihood breaks down.
        """
        if not point.value - self.reference > _BETTER + 1e-11 * abs(self.reference):
            return False
        if self.strict:
            raise BetterOptimum(self.path.back(point.phi), point.value)
        self.rejected += 1
        return True

    def _distance(self, point: Point) -> float:
        """Distance from the fit in units of the scaled columns."""
        return max(abs(point.w - self.path.w) / self.unit, 1e-12)

    def _first(self, side: int, target: float, bound: float) -> float:
        """First position tried: where a Wald interval ends, if that is a sensible distance."""
        step = min(target * self.error if self.error > 0.0 else self.unit, 10.0 * self.unit)
        if self._steep():
            step = min(step, 0.5 * target**2 / abs(self.points[0].slope))
        return _inside(self.path.w + side * step, side, bound)

    def _next(self, bracket: _Bracket, side: int, target: float, bound: float) -> float:
        """Position to try next."""
        inner, outer = bracket.inner, bracket.outer
        low, rise = self.zeta(inner), self.rise(inner, side)
        if outer is None:
            distance = abs(inner.w - self.path.w)
            needed = 1.05 * (target - low) / rise if rise > 0.0 else math.inf
            return _inside(inner.w + side * min(needed, 2.0 * distance), side, bound)
        middle = 0.5 * (inner.w + outer.w)
        if bracket.slow >= 2 or self.zeta(outer) - low > 4.0 * target:
            bracket.slow = 0
            return middle
        w = self.between(inner, outer, side, target)
        if 0.02 < (w - inner.w) / (outer.w - inner.w) < 0.98:
            return w
        newton = self.rise(outer, side)
        w = outer.w - side * (self.zeta(outer) - target) / newton if newton > 0.0 else math.nan
        return w if 0.0 < (w - inner.w) / (outer.w - inner.w) < 1.0 else middle

    def _predicted(self, nearest: Point, w: float) -> FloatArray:
        """Start at w: on the line through the two points next to it."""
        others = [p for p in self.points if p is not nearest]
        if not others:
            return nearest.x + (w - nearest.w) * self._tangent
        second = min(others, key=lambda p: abs(p.w - w))
        share = (w - nearest.w) / (second.w - nearest.w)
        if abs(share) > 2.0:
            return nearest.x
        return nearest.x + share * (second.x - nearest.x)

    def _maximum(self, w: float, x: FloatArray, inverse: FloatArray) -> Point | None:
        """Search from x with w held."""
        path = self.path
        last: tuple[FloatArray, FloatArray, float] | None = None

        def objective(x: FloatArray) -> tuple[float, FloatArray]:
            nonlocal last
            phi, jacobian, direction = path.placed(x, w)
            value, gradient = path.joint.evaluate(phi)
            with np.errstate(invalid="ignore"):
                last = x, phi, float(direction @ gradient)
            return value, jacobian.T @ gradient

        start, caps = self._off_zero(x), np.full(len(x), 3.0)
        end = maximize(objective, start, inverse, caps, max_steps=100, tolerance=_TOLERANCE)
        found = end.status in ("converged", "line_search") and abs(end.decrement) < _ENDED
        if not found or last is None:
            return None
        if not np.array_equal(last[0], end.x):
            objective(end.x)
        _, phi, slope = last
        if w in (path.low, path.high):  # signs of columns are free there: take the better side
            slope = math.copysign(slope, 1.0 if w == path.low else -1.0)
        return Point(w, end.x, phi, end.value, slope, end.inverse_hessian)

    def _off_zero(self, x: FloatArray) -> FloatArray:
        """A start that does not stand where the gradient vanishes by symmetry."""
        signs = self.path.signs
        if not len(signs):
            return x
        out = x.copy()
        size = np.minimum(np.sqrt(np.maximum(np.diagonal(self._inverse)[signs], 0.0)), 0.3)
        stuck = np.abs(out[signs]) < 0.2 * size
        out[signs[stuck]] = 0.5 * size[stuck]
        return out


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


def _inverse(information: FloatArray, jacobian: FloatArray) -> FloatArray:
    """Inverse of the information in (x, w), positive definite by force."""
    matrix = jacobian.T @ np.where(np.isfinite(information), information, 0.0) @ jacobian
    scale = np.sqrt(np.abs(np.diagonal(matrix)))
    scale = np.where(scale > 0.0, scale, 1.0)
    sizes, vectors = np.linalg.eigh(matrix / np.outer(scale, scale))
    floor = 1e-7 * max(float(sizes.max(initial=0.0)), 1e-300)
    root = vectors / np.sqrt(np.maximum(sizes, floor)) / scale[:, None]
    return np.asarray(root @ root.T, dtype=np.float64)
