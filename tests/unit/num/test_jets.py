"""Jets against derivatives in high precision and against differences."""

import numpy as np
import pytest

from ilk.num import jets
from ilk.num.jets import Jet, pair, triple, variables

mp = pytest.importorskip("mpmath")

Y = 7.0
FUNCTIONS = {
    "exp": (jets.exp, mp.exp, (-30.0, -1.0, 0.0, 2.5, 20.0)),
    "expm1": (jets.expm1, mp.expm1, (-30.0, -1e-9, 0.3, 20.0)),
    "log": (jets.log, mp.log, (1e-8, 0.5, 1.0, 3e7)),
    "log1p": (jets.log1p, mp.log1p, (-0.99, 1e-12, 0.5, 3e7)),
    "sqrt": (jets.sqrt, mp.sqrt, (1e-6, 0.5, 1.0, 3e7)),
    "power": (lambda x: jets.power(x, 2.5), lambda x: x**2.5, (1e-6, 0.5, 1.0, 3e7)),
    "softplus": (jets.softplus, lambda x: mp.log1p(mp.exp(x)), (-40.0, -1.0, 0.0, 1.0, 40.0)),
    "sigmoid": (jets.sigmoid, lambda x: 1 / (1 + mp.exp(-x)), (-40.0, -1.0, 0.0, 1.0, 40.0)),
    "log1mexp": (jets.log1mexp, lambda x: mp.log(1 - mp.exp(-x)), (1e-9, 0.1, 0.7, 3.0, 30.0)),
    "cloglog": (jets.cloglog, lambda x: 1 - mp.exp(-mp.exp(x)), (-40.0, -1.0, 0.0, 1.0, 3.0)),
    "log_cloglog": (
        jets.log_cloglog,
        lambda x: mp.log(1 - mp.exp(-mp.exp(x))),
        (-60.0, -20.0, -1.0, 0.0, 1.0, 3.0),
    ),
    "ndtr": (jets.ndtr, mp.ncdf, (-8.0, -1.0, 0.0, 0.3, 5.0)),
    "log_ndtr": (jets.log_ndtr, lambda x: mp.log(mp.ncdf(x)), (-5.0, -1.0, 0.2, 5.0)),
    "lgamma": (jets.lgamma, mp.loggamma, (1e-3, 0.5, 1.0, 4.2, 33.0, 1e5)),
    "stirling_remainder": (
        jets.stirling_remainder,
        lambda x: mp.loggamma(x) - (x - 0.5) * mp.log(x) + x - 0.5 * mp.log(2 * mp.pi),
        (1e-3, 0.5, 1.0, 9.9, 10.1, 33.0, 1e4),
    ),
    "lgamma_ratio": (
        lambda x: jets.lgamma_ratio(x, np.full(1, Y)),
        lambda x: mp.loggamma(x + Y) - mp.loggamma(x),
        (1e-3, 0.5, 9.9, 10.1, 33.0, 1e5, 1e12),
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_elementary_functions_match_high_precision(name):
    function, exact, points = FUNCTIONS[name]
    with mp.workdps(150):
        for x in points:
            (jet,) = variables([np.array([x])], 3)
            out = function(jet)
            expected = [float(mp.diff(exact, mp.mpf(x), k, h=mp.mpf(10) ** -25)) for k in range(4)]
            found = [out.value[0], out.first[0, 0], out.second[0, 0], out.third[0, 0]]
            # a derivative may be far below the others times the step that they allow
            scale = [abs(e) + 1e-15 for e in expected]
            error = [abs(f - e) / s for f, e, s in zip(found, expected, scale, strict=True)]
            assert max(error) < 2e-11, (x, found, expected)
            assert function(np.array([x]))[0] == out.value[0]


def _formula(e):
    a, b, c = e
    y = np.array([0.0, 1.0, 2.0, 30.0])
    first = jets.lgamma_ratio(3.0 * jets.exp(a), y) * jets.sigmoid(b) / (jets.exp(b) + 2.0)
    second = jets.log_ndtr(a * b - c) + (1.0 - a) * (c**2.0) / 2.0
    return first + second - 2.0 / jets.sqrt(jets.exp(a)) + jets.logaddexp(a, c)


def test_products_and_compositions_match_differences():
    rng = np.random.default_rng(1)
    x = [rng.uniform(0.2, 1.5, size=4) for _ in range(3)]
    jet = _formula(variables(x, 3))
    np.testing.assert_allclose(jet.value, _formula(x), rtol=1e-14)
    h = 1e-5
    for k in range(3):
        ends = []
        for side in (h, -h):
            moved = [v.copy() for v in x]
            moved[k] += side
            ends.append(_formula(variables(moved, 3)))
        up, down = ends
        np.testing.assert_allclose((up.value - down.value) / (2 * h), jet.first[k], atol=1e-7)
        for j in range(3):
            slope = (up.first[j] - down.first[j]) / (2 * h)
            np.testing.assert_allclose(slope, jet.second[pair(k, j)], atol=1e-7)
            for i in range(3):
                slope = (up.second[pair(j, i)] - down.second[pair(j, i)]) / (2 * h)
                np.testing.assert_allclose(slope, jet.third[triple(k, j, i)], atol=1e-7)


@pytest.mark.parametrize("order", [0, 1, 2])
def test_lower_orders_are_the_beginning_of_higher_ones(order):
    rng = np.random.default_rng(2)
    x = [rng.uniform(0.2, 1.5, size=4) for _ in range(3)]
    full, part = _formula(variables(x, 3)), _formula(variables(x, order))
    np.testing.assert_array_equal(part.value, full.value)
    if order >= 1:
        np.testing.assert_array_equal(part.first, full.first)
    if order >= 2:
        np.testing.assert_array_equal(part.second, full.second)
    assert part.third.shape[0] == 0


def test_where_drops_derivatives_of_the_other_branch():
    (x,) = variables([np.array([-1.0, 4.0])], 3)
    out = jets.where(x.value > 0.0, jets.log(x), 2.0 * x)
    np.testing.assert_allclose(out.first[0], [2.0, 0.25])
    assert np.all(np.isfinite(out.third))


def test_arrays_on_the_left_give_way_to_jets():
    (x,) = variables([np.array([1.0, 2.0])], 1)
    assert isinstance(np.array([1.0, 2.0]) * x, Jet)
    assert isinstance(np.array([1.0, 2.0]) - x, Jet)
    np.testing.assert_allclose((np.array([2.0, 2.0]) / x).first[0], [-2.0, -0.5])


def test_positions_are_packed_and_symmetric():
    count = 4
    pairs = {pair(k, j) for k in range(count) for j in range(count)}
    triples = {triple(k, j, i) for k in range(4) for j in range(4) for i in range(4)}
    assert pairs == set(range(10))
    assert triples == set(range(20))
    assert pair(1, 3) == pair(3, 1)
    assert triple(0, 2, 1) == triple(2, 1, 0)
