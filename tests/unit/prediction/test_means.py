"""The averaged mean of every family and link against dense numerical integration."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from tests.tables import FAMILIES

import ilk
from ilk.family.base import AbstractFamily
from ilk.family.inflation import ZeroInflated
from ilk.family.link import AbstractLink, AbstractPlainLink, Interval, Logit
from ilk.family.registry import make_family
from ilk.num import jets
from ilk.prediction.means import averaged_mean

ETAS = (-12.0, -5.0, -0.7, 0.0, 2.5, 12.0)
DEVIATIONS = (0.0, 1e-3, 0.2, 1.0, 2.5, 6.0)


@cache
def dense(f, eta, deviation):
    """Average of f over the normal distribution, in pieces around all that may matter."""
    if deviation == 0.0:
        return f(eta)
    end = 39.0
    marks = {-end, end, 0.0, deviation, *(float(x) for x in range(-12, 13, 2))}
    marks |= {-eta / deviation + x for x in (-3.0, 0.0, 3.0)}
    points = sorted(p for p in marks if -end <= p <= end)
    return math.fsum(
        quad(
            lambda x: math.exp(-0.5 * x * x) * f(eta + deviation * x),
            a,
            b,
            epsabs=0.0,
            epsrel=1e-13,
            limit=400,
        )[0]
        for a, b in pairwise(points)
    ) / math.sqrt(2.0 * math.pi)


def jet_of(link, x):
    return link.inverse(jets.variables([np.array([x])], 2)[0])


@cache
def pieces(link):
    """Inverse link and two derivatives as functions of a number."""
    return (
        lambda x: float(jet_of(link, x).value[0]),
        lambda x: float(jet_of(link, x).first[0, 0]),
        lambda x: float(jet_of(link, x).second[0, 0]),
    )


CASES = sorted(
    {
        (str(case.keywords["family"]), link)
        for case in FAMILIES
        for link in case.links
        if link != "inverse"
        and "zero_inflation" not in case.keywords
        and type(make_family(case.keywords["family"])).mean is AbstractFamily.mean
    }
)


@pytest.mark.filterwarnings("ignore::scipy.integrate.IntegrationWarning")
@pytest.mark.parametrize(("name", "link"), CASES)
def test_means_and_derivatives_of_every_family_and_link(name, link):
    family = make_family(name, link)
    grid = [(e, s) for e in ETAS for s in DEVIATIONS]
    eta, s = np.array(grid).T
    others = [np.full(len(eta), 0.3)] * (family.predictors - 1)
    zeros = [np.zeros(len(eta))] * (family.predictors - 1)
    found = averaged_mean(family, [eta, *others], [s**2, *zeros])
    value, first, second = pieces(family.link)
    exact = np.array([[dense(f, e, d) for e, d in grid] for f in (value, first, second)])
    np.testing.assert_allclose(found.value, exact[0], rtol=1e-10, atol=1e-16)
    size = np.abs(exact[1]) + np.abs(exact[2]) + 1e-3 * np.abs(exact[0])
    assert np.all(np.abs(found.by_eta[0] - exact[1]) <= 1e-9 * size)
    assert np.all(np.abs(found.by_variance[0] - 0.5 * exact[2]) <= 1e-9 * size)
    for by in (found.by_eta, found.by_variance):
        assert len(by) == family.predictors
        assert not np.any(by[1:])


@pytest.mark.parametrize("base", ["poisson", "negative_binomial_2", "binomial"])
def test_zero_inflation_is_a_product(base):
    family = ZeroInflated(make_family(base, None))
    grid = [
        (e, s, z, w) for e in (-3.0, 1.0) for s in (0.0, 1.5) for z in (-4.0, 0.5) for w in (0, 2)
    ]
    eta, s, z, w = np.array(grid, dtype=float).T
    K = family.predictors
    middle = [np.full(len(eta), 0.1)] * (K - 2)
    none = [np.zeros(len(eta))] * (K - 2)
    found = averaged_mean(family, [eta, *middle, z], [s**2, *none, w**2])
    f, df, d2f = pieces(family.link)
    g, dg, d2g = pieces(Logit())

    def both(a, b, sign):
        return [dense(a, e, d) * sign * dense(b, -q, u) for e, d, q, u in grid]

    np.testing.assert_allclose(found.value, both(f, g, 1), rtol=1e-10)
    np.testing.assert_allclose(found.by_eta[0], both(df, g, 1), rtol=1e-9)
    np.testing.assert_allclose(found.by_eta[-1], both(f, dg, -1), rtol=1e-9)
    np.testing.assert_allclose(found.by_variance[0], both(d2f, g, 0.5), rtol=1e-8)
    np.testing.assert_allclose(found.by_variance[-1], both(f, d2g, 0.5), rtol=1e-8)


def test_the_link_of_the_mean():
    family = ilk.families.binomial()
    eta, v = np.array([-1.0, 0.0, 2.0]), np.array([0.0, 1.0, 3.0])
    mean = averaged_mean(family, [eta], [v])
    link = averaged_mean(family, [eta], [v], scale="link")
    np.testing.assert_allclose(1 / (1 + np.exp(-link.value)), mean.value)
    np.testing.assert_allclose(link.by_eta[0] * mean.value * (1 - mean.value), mean.by_eta[0])
    plain = averaged_mean(family, [eta], [np.zeros(3)], scale="link")
    np.testing.assert_array_equal(plain.value, eta)
    np.testing.assert_array_equal(plain.by_eta[0], np.ones(3))


class Stretched(AbstractPlainLink):
    """Twice the logarithm, under the name of a link with a closed form."""

    name, range = "log", Interval(0.0, math.inf)

    def link(self, mu):
        return 2.0 * np.log(mu)

    def inverse(self, eta):
        return jets.exp(0.5 * eta)


def test_a_link_of_ones_own_is_integrated_whatever_its_name():
    eta, v = np.array([0.4, -2.0]), np.array([1.0, 4.0])
    found = averaged_mean(ilk.families.poisson(Stretched()), [eta], [v])
    np.testing.assert_allclose(found.value, np.exp(0.5 * eta + v / 8.0), rtol=1e-11)
    np.testing.assert_allclose(found.by_variance[0], found.value / 8.0, rtol=1e-9)


LOGIT = Logit()


@dataclass(frozen=True)
class Hurdle(AbstractFamily):
    """A family whose mean takes arrays only and has two random predictors."""

    name = "of_ones_own"
    parameters = ("mean", "zero_inflation")
    link: AbstractLink = LOGIT

    def log_density(self, y, trials, eta):
        return eta[0] * y

    def mean(self, eta):
        return np.exp(eta[0]) / (1.0 + np.exp(eta[1]))


def test_a_mean_written_for_arrays_is_differentiated_numerically():
    eta, v = [np.array([0.3]), np.array([-0.8])], [np.array([0.5]), np.array([2.0])]
    found = averaged_mean(Hurdle(), eta, v)
    g, dg, d2g = pieces(Logit())
    factor, deviation = math.exp(0.3 + 0.25), math.sqrt(2.0)
    assert found.value[0] == pytest.approx(factor * dense(g, 0.8, deviation), rel=1e-10)
    assert found.by_eta[0][0] == pytest.approx(found.value[0], rel=1e-8)
    assert found.by_eta[1][0] == pytest.approx(-factor * dense(dg, 0.8, deviation), rel=1e-8)
    assert found.by_variance[1][0] == pytest.approx(
        0.5 * factor * dense(d2g, 0.8, deviation), rel=1e-6
    )


def test_means_that_do_not_exist():
    family = make_family("gamma", "inverse")
    eta = [np.ones(2), np.zeros(2)]
    with pytest.raises(ilk.ModelError, match="does not exist for link 'inverse'"):
        averaged_mean(family, eta, [np.ones(2), np.zeros(2)])
    typical = averaged_mean(family, eta, [np.zeros(2), np.zeros(2)])
    np.testing.assert_array_equal(typical.value, [1.0, 1.0])
    np.testing.assert_array_equal(typical.by_eta[0], [-1.0, -1.0])
