"""Every family where its formulas fail first: billions, trillionths, limits of all parameters.

A density is right there to the digits that rounding leaves, with all derivatives, or it is not
finite; never wrong.  The points are the edges of tests/families.py.
"""

import numpy as np
import pytest
from mpmath import mp
from scipy import stats
from tests.densities import assert_exact
from tests.families import ROWS, Case, family_of, row_of

from ilk.family import FAMILIES, make_family
from ilk.family.inflation import ZeroInflated, hurdle
from ilk.family.truncated import Truncated

SLOW = ("conway_maxwell_poisson", "tweedie")
"""Families whose definitions are sums, which are not taken with more digits than they need."""


@pytest.mark.parametrize("name", FAMILIES)
def test_edges_are_exact(name):
    for edge in row_of(name).edges:
        for y in edge.responses:
            digits = 80 if name in SLOW else 200
            assert_exact(family_of(name), edge.eta, y, edge.aux, edge.order, digits)


@pytest.mark.parametrize("excess", [-40.0, 0.0, 40.0])
@pytest.mark.parametrize("log_mean", [-27.6, 3.0, 20.7])
def test_wrapped_counts(excess, log_mean):
    for name in ("poisson", "negative_binomial_2"):
        inner = make_family(name)
        eta = [log_mean, 0.5][: len(inner.parameters)]
        for y in (0.0, 1.0, 5.0, 1e9):
            assert_exact(ZeroInflated(inner), [*eta, excess], y, None, digits=220)
            assert_exact(hurdle(inner), [*eta, excess], y, None, digits=220)
            if y:
                assert_exact(Truncated(inner), eta, y, None, digits=220)


def _smooth_conway_maxwell(y, mu, phi):
    """Log probability where the mean is large: sums are integrals to all digits."""
    nu, deviation = 1 / mp.mpf(phi), mp.sqrt(mp.mpf(mu) * phi)
    step = deviation / 8
    points = [mu + step * k for k in range(-130, 131)]
    logs = [nu * mp.loggamma(x + 1) for x in points]

    def moments(a):
        top = a * mu - nu * mp.loggamma(mp.mpf(mu) + 1)
        weights = [mp.exp(a * x - g - top) for x, g in zip(points, logs, strict=True)]
        total = mp.fsum(weights)
        mean = mp.fsum(x * w for x, w in zip(points, weights, strict=True)) / total
        return mean, top + mp.log(total * step)

    first = nu * mp.log(mu)
    a = mp.findroot(lambda a: moments(a)[0] / mu - 1, (first, first * (1 + mp.mpf(10) ** -9)))
    return float(y * a - nu * mp.loggamma(y + 1) - moments(a)[1])


@pytest.mark.parametrize(("mu", "phi"), [(1e5, 0.01), (1e5, 30.0), (1e9, 0.3), (1e9, 4.0)])
def test_large_means_of_conway_maxwell_poisson(mu, phi):
    family, spread = make_family("conway_maxwell_poisson"), np.sqrt(mu * phi)
    y = np.floor(mu + spread * np.array([-4.0, -0.5, 0.0, 3.0]))
    eta = [np.full(4, np.log(mu)), np.full(4, np.log(phi))]
    found = family.log_density(y, None, eta)
    with mp.workdps(50):
        mean = mp.exp(mp.mpf(eta[0][0]))
        exact = [_smooth_conway_maxwell(int(k), mean, float(np.exp(eta[1][0]))) for k in y]
    np.testing.assert_allclose(found, exact, rtol=1e-7, atol=1e-6)


def test_few_degrees_of_freedom_and_many():
    student, y = make_family("student"), np.array([-3.0, 0.2, 50.0])
    zero, one = np.zeros(3), np.ones(3)
    cauchy = student.log_density(y, None, [zero, zero, -40.0 * one]) + student.constant(y, None)
    np.testing.assert_allclose(cauchy, stats.cauchy.logpdf(y), rtol=1e-12)
    for shape in (40.0, 700.0):
        eta = [zero, zero, shape * one]
        normal = student.log_density(y, None, eta) + student.constant(y, None)
        np.testing.assert_allclose(normal, stats.norm.logpdf(y), rtol=1e-12)
        np.testing.assert_allclose(student.cdf(y, None, eta), stats.norm.cdf(y), rtol=1e-12)
        assert np.all(np.isfinite(student.draw(eta, None, np.random.default_rng(0))))


@pytest.mark.parametrize("alpha", [-1e300, -1e9, 1e9, 1e300])
def test_skewness_at_its_limit_is_half_normal(alpha):
    family = make_family("skew_normal")
    y, sign = np.array([-2.0, -0.5, 0.3, 2.0]), np.sign(alpha)
    eta = [np.zeros(4), np.zeros(4), np.full(4, alpha)]
    scale = 1.0 / np.sqrt(1.0 - 2.0 / np.pi)
    place = scale * np.sqrt(2.0 / np.pi)
    inside = sign * y + place > 1e-6
    expected = stats.halfnorm.logpdf(sign * y + place, scale=scale)
    found = family.log_density(y, None, eta) + family.constant(y, None)
    np.testing.assert_allclose(found[inside], expected[inside], rtol=1e-9)
    assert np.all(found[~inside] < -1e3)
    cdf = stats.halfnorm.cdf(sign * y + place, scale=scale)
    cdf = cdf if sign > 0.0 else 1.0 - cdf
    np.testing.assert_allclose(family.cdf(y, None, eta), cdf, atol=1e-9)


@pytest.mark.parametrize("name", [name for name, kind in FAMILIES.items() if not kind.categorical])
def test_distribution_functions_and_draws_at_the_edges(name):
    """Probabilities that grow, means and draws that are possible, or nothing finite at all."""
    family, row = family_of(name), row_of(name)
    rng = np.random.default_rng(5)
    for edge in row.edges:
        y = np.sort(np.array(edge.responses))
        eta = Case(family).eta(list(edge.eta), len(y))
        aux = None if edge.aux is None else np.full(len(y), edge.aux)
        if aux is not None and edge.aux > 1e6 and name == "beta_binomial":
            continue  # summed one by one
        with np.errstate(all="ignore"):
            below, at = family.cdf_below(y, aux, eta), family.cdf(y, aux, eta)
            variance = family.variance(eta, aux)
        known = np.isfinite(at)
        assert np.all((at[known] >= 0.0) & (at[known] <= 1.0)), (name, edge.eta)
        assert np.all(np.diff(at[known]) >= -1e-12), (name, edge.eta)
        assert np.all(below[known] <= at[known] + 1e-12), (name, edge.eta)
        assert not np.any(variance < 0.0)
        with np.errstate(all="ignore"):
            drawn = family.draw(eta, aux, rng)
        possible = np.isfinite(drawn)
        assert np.all(drawn[possible] >= (-np.inf if row.response == "real" else 0.0))


def test_every_family_has_edges():
    assert not [name for name, row in ROWS.items() if not row.edges]
