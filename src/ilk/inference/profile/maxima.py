r"""Constrained maxima of the likelihood along a path.

With :math:`\ell_p(w) = \max_x \ell(x, w)` the signed root is

.. math:: \zeta(w) = \operatorname{sign}(w - \hat w) \sqrt{2 [\ell(\hat\varphi) - \ell_p(w)]}.

It is nearly linear in w, and its slope is known at every constrained maximum: by the envelope
theorem :math:`\ell_p'(w) = \partial\ell / \partial w`, so that
:math:`\zeta' = -\ell_p' / \zeta`.  Each search starts on the line through the two maxima next to
it, with the curvature found there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from ilk.num.search import maximize

if TYPE_CHECKING:
    from ilk.inference.profile.paths import Path
    from ilk.typing import FloatArray

__all__ = ["BetterOptimum", "Maxima", "Point"]

_TOLERANCE = 1e-10
"""Predicted gain in log-likelihood at which a constrained search ends."""

_ENDED = 1e-6
"""... at which one that could not improve further has ended all the same."""

_BETTER = 1e-4
"""Gain in log-likelihood over the fit that counts as another optimum, not as rounding."""

_OFF_PLATEAU = -2.0
"""Log dispersion, or logit of an inflation, from where searches leave a plateau."""


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


@final
class Maxima:
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
    plateaus : tuple of int
        Elements of phi that have run to where the likelihood is flat (a dispersion of zero): a
        search that starts there would stay.
    """

    def __init__(
        self,
        path: Path,
        information: FloatArray,
        reference: float | None = None,
        *,
        strict: bool = True,
        plateaus: tuple[int, ...] = (),
    ) -> None:
        self.path, self.strict = path, strict
        phi, jacobian, direction = path.placed(path.x, path.w)
        self._plateaus = [
            j for j, column in enumerate(jacobian.T) for k in plateaus if column[k] == 1.0
        ]
        whole = _inverse(information, np.column_stack([jacobian, direction]))
        spread = max(float(whole[-1, -1]), 0.0)
        self.error = math.sqrt(spread) if spread > 0.0 else math.nan
        self.unit = 1.0 / max(float(np.linalg.norm(direction)), 1e-300)
        self._tangent = whole[:-1, -1] / spread if spread > 0.0 else np.zeros(len(path.x))
        self._inverse = whole[:-1, :-1] - np.outer(self._tangent, whole[:-1, -1])
        value, gradient = path.joint.evaluate(phi)
        start = Point(path.w, path.x, phi, value, float(direction @ gradient), self._inverse)
        self.points = [start]
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
        if point is self.points[0] and self.steep():
            return math.inf
        if point is self.points[0] or point.w == self.path.w or zeta < 1e-6:
            return 1.0 / self.error if self.error > 0.0 else math.nan
        return -side * point.slope / zeta

    def steep(self) -> bool:
        """Whether the likelihood rises towards the end of the path where the fit stands."""
        start = self.points[0]
        at_end = start.w in (self.path.low, self.path.high)
        return at_end and abs(start.slope) * self.error > 0.05

    def side(self, side: int) -> list[Point]:
        """Points from the fit outwards to one side, the fit's first."""
        outwards = [p for p in self.points[1:] if side * (p.w - self.path.w) > 0.0]
        return [self.points[0], *sorted(outwards, key=lambda p: side * p.w)]

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
            point = self._better(self._maximum(w, x, inverse), w)
            if point is not None and not self._too_good(point):
                self.points.append(point)
                return point
        return None

    def _better(self, point: Point | None, w: float) -> Point | None:
        """The better of a constrained maximum on a plateau and one found from off it."""
        if point is None or not self._plateaus:
            return point
        x = point.x.copy()
        x[self._plateaus] = _OFF_PLATEAU
        inverse = self._inverse.copy()
        inverse[self._plateaus, :] = inverse[:, self._plateaus] = 0.0
        inverse[self._plateaus, self._plateaus] = 1.0
        other = self._maximum(w, x, inverse)
        return other if other is not None and other.value > point.value else point

    def rechecked(self, inner: Point, outer: Point, side: int) -> Point:
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
        """Whether a constrained maximum is above the maximum: an exception if the walk is strict.

        Otherwise it was not confirmed by a search from there: a place where the approximation of
        the likelihood breaks down.
        """
        if not point.value - self.reference > _BETTER + 1e-11 * abs(self.reference):
            return False
        if self.strict:
            raise BetterOptimum(self.path.back(point.phi), point.value)
        self.rejected += 1
        return True

    def distance(self, point: Point) -> float:
        """Distance from the fit in units of the scaled columns."""
        return max(abs(point.w - self.path.w) / self.unit, 1e-12)

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


def _inverse(information: FloatArray, jacobian: FloatArray) -> FloatArray:
    """Inverse of the information in (x, w), positive definite by force."""
    matrix = jacobian.T @ np.where(np.isfinite(information), information, 0.0) @ jacobian
    scale = np.sqrt(np.abs(np.diagonal(matrix)))
    scale = np.where(scale > 0.0, scale, 1.0)
    sizes, vectors = np.linalg.eigh(matrix / np.outer(scale, scale))
    floor = 1e-7 * max(float(sizes.max(initial=0.0)), 1e-300)
    root = vectors / np.sqrt(np.maximum(sizes, floor)) / scale[:, None]
    return np.asarray(root @ root.T, dtype=np.float64)
