"""Walks along paths whose likelihood is known: lines, ends, plateaus, jumps, failures."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from ilk.inference.profile.maxima import BetterOptimum, Maxima
from ilk.inference.profile.paths import Path
from ilk.inference.profile.search import End, Walk, crossing, fill


def walk_of(loglik, slope, *, w=0.0, low=-math.inf, high=math.inf, information=1.0, **options):
    """A path (x, w) on which the best x is w / 2, with a profile that is a given function."""

    def evaluate(phi):
        x, at = phi
        rest = x - 0.5 * at
        gradient = np.array([-rest, slope(at) + 0.5 * rest])
        return loglik(at) - 0.5 * rest**2, gradient

    path = Path(
        joint=SimpleNamespace(evaluate=evaluate),
        placed=lambda x, at: (
            np.array([x[0], at]),
            np.array([[1.0], [0.0]]),
            np.array([0.0, 1.0]),
        ),
        x=np.array([0.5 * w]),
        w=w,
        low=low,
        high=high,
        value=lambda at: at,
        signs=np.zeros(0, dtype=int),
        back=lambda phi: phi,
    )
    curvature = np.array([[1.0, -0.5], [-0.5, 0.25 + information]])
    return Maxima(path, curvature, loglik(w), **options)


def limit(maxima, side, target):
    """Position nearest to the target, one step of Newton's method added."""
    point = min(maxima.side(side)[1:], key=lambda p: abs(maxima.zeta(p) - target))
    return point.w + side * (target - maxima.zeta(point)) / maxima.rise(point, side)


def test_a_parabola_takes_one_maximum():
    maxima = walk_of(lambda w: -0.5 * w * w, lambda w: -w)
    assert Walk(maxima, 1, 1.96).end() is End.CROSSED
    assert len(maxima.points) == 2
    assert limit(maxima, 1, 1.96) == pytest.approx(1.96, abs=1e-7)
    np.testing.assert_allclose(maxima.points[1].x, 0.98, atol=1e-6)


@pytest.mark.parametrize("side", [-1, 1])
def test_a_skewed_curve(side):
    """w - log(1 + w), as of a log rate: the roots are known to be right by substitution."""
    maxima = walk_of(lambda w: w - math.expm1(w), lambda w: 1.0 - math.exp(w))
    assert Walk(maxima, side, 1.96).end() is End.CROSSED
    w = limit(maxima, side, 1.96)
    assert math.sqrt(2.0 * (math.expm1(w) - w)) == pytest.approx(1.96, abs=1e-5)
    assert len(maxima.points) <= 5


def test_a_curve_that_flattens_below_the_cutoff_has_no_end():
    maxima = walk_of(
        lambda w: -(math.tanh(w) ** 2), lambda w: -2 * math.tanh(w) / math.cosh(w) ** 2
    )
    assert Walk(maxima, 1, 1.96).end() is End.INFINITE
    assert Walk(maxima, -1, 1.2).end() is End.CROSSED


def test_the_end_of_the_parameter_space():
    maxima = walk_of(lambda w: -0.5 * w * w, lambda w: -w, low=-1.0)
    assert Walk(maxima, -1, 1.96).end() is End.BOUNDARY
    assert maxima.side(-1)[-1].w == -1.0
    assert Walk(walk_of(lambda w: -w, lambda w: -1.0, low=0.0), -1, 1.96).end() is End.BOUNDARY


def test_a_fit_on_the_boundary_with_a_slope():
    """There zeta grows like a root; the distance is 1.96^2 / 2."""
    maxima = walk_of(lambda w: -w, lambda w: -1.0, low=0.0, information=1e-4)
    assert Walk(maxima, 1, 1.96).end() is End.CROSSED
    assert limit(maxima, 1, 1.96) == pytest.approx(0.5 * 1.96**2, rel=1e-5)


def test_a_curve_that_turns_back_is_said():
    straight = Walk(walk_of(lambda w: -0.5 * w * w, lambda w: -w), 1, 2.5)
    straight.end()
    assert straight.monotone
    turning = walk_of(
        lambda w: -1.5 * math.sin(w) ** 2, lambda w: -1.5 * math.sin(2.0 * w), information=3.0
    )
    turned = Walk(turning, 1, 1.96)
    turned.end()
    assert not turned.monotone


def test_a_jump_is_an_end():
    maxima = walk_of(lambda w: -0.1 * w * w - 5.0 * (w > 1.0), lambda w: -0.2 * w, information=0.2)
    assert Walk(maxima, 1, 1.96).end() is End.CROSSED
    positions = np.array([p.w for p in maxima.side(1)])
    assert positions[positions <= 1.0].max() == pytest.approx(1.0, abs=1e-4)
    assert positions[positions > 1.0].min() == pytest.approx(1.0, abs=1e-4)


def test_where_nothing_is_found_the_curve_is_lost():
    def loglik(w):
        return -0.5 * w * w if abs(w) < 0.3 else -math.inf

    maxima = walk_of(loglik, lambda w: -w)
    assert Walk(maxima, 1, 1.96).end() is End.LOST
    assert all(abs(p.w) < 0.3 for p in maxima.points)


def test_a_better_optimum_ends_a_strict_walk():
    def loglik(w):
        return -0.5 * w * w + 3.0 * (w > 1.5)

    with pytest.raises(BetterOptimum) as caught:
        Walk(walk_of(loglik, lambda w: -w), 1, 1.96).end()
    assert caught.value.value == pytest.approx(3.0 - 0.5 * 1.96**2, abs=1e-6)
    maxima = walk_of(loglik, lambda w: -w, strict=False)
    Walk(maxima, 1, 1.96).end()
    assert maxima.rejected
    assert all(p.value <= 0.0 for p in maxima.points)


def test_a_fit_on_a_slope_is_no_optimum():
    with pytest.raises(BetterOptimum):
        walk_of(lambda w: -0.5 * (w - 1.0) ** 2, lambda w: 1.0 - w)


def test_filling():
    maxima = walk_of(lambda w: w - math.expm1(w), lambda w: 1.0 - math.exp(w))
    Walk(maxima, 1, 2.5).end()
    fill(maxima, 1, np.array([0.5, 1.0, 1.5, 2.0]))
    zetas = np.array([maxima.zeta(p) for p in maxima.side(1)])
    for wanted in (0.5, 1.0, 1.5, 2.0):
        assert np.min(np.abs(zetas - wanted)) < 0.05
    assert np.all(np.diff(zetas) > 0.0)


def test_crossing():
    """Exact for cubics, within a line where slopes are missing."""
    inverse = np.polynomial.Polynomial([0.0, 1.0, 0.2, 0.05])
    slope = inverse.deriv()
    a, b = ((z, inverse(z), 1.0 / slope(z)) for z in (0.5, 1.5))
    assert crossing(a, b, 1.1) == pytest.approx(inverse(1.1), abs=1e-12)
    assert crossing((0.0, 0.0, math.nan), (2.0, 1.0, 1.0), 1.0) == 0.5
    assert crossing((0.0, 0.0, math.inf), (1.0, 1.0, 0.5), 0.5) == pytest.approx(0.25)
    assert crossing((1.0, 0.0, 1.0), (1.0, 2.0, 1.0), 1.0) == 1.0
