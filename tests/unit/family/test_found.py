"""Distributions found from their densities against scipy.stats."""

import numpy as np
import pytest
from scipy import stats

from ilk.family.found_counts import find_counts
from ilk.family.found_interval import find_interval
from ilk.family.support import Support

REAL, POSITIVE = Support(-np.inf, np.inf), Support(0.0, np.inf)
UNIT, COUNTS = Support(0.0, 1.0), Support(0.0, np.inf, True)

CASES = {
    "normal": (stats.norm(0.3, 1.0), REAL, 1e-9),
    "narrow and far": (stats.norm(1e5, 1e-2), REAL, 1e-7),
    "heavy tails": (stats.t(3, 1e4, 0.1), REAL, 1e-4),
    "an edge": (stats.laplace(0.8, 3.0), REAL, 1e-9),
    "skewed": (stats.gumbel_r(3.0, 2.0), REAL, 1e-9),
    "infinite at zero": (stats.gamma(0.1, scale=3.0), POSITIVE, 1e-9),
    "nearly normal": (stats.gamma(1e6, scale=3.0), POSITIVE, 1e-7),
    "lognormal": (stats.lognorm(2.0), POSITIVE, 1e-6),
    "beta": (stats.beta(3.0, 0.8), UNIT, 1e-7),
    "uniform": (stats.uniform(0.0, 1.0), UNIT, 1e-9),
    "below a number": (stats.norm(-5.0, 1.0), Support(-np.inf, 50.0), 1e-9),
    "poisson": (stats.poisson(3.0), COUNTS, 1e-9),
    "many zeros": (stats.poisson(0.01), COUNTS, 1e-9),
    "large counts": (stats.poisson(1e9), COUNTS, 1e-6),
    "long tail": (stats.nbinom(0.01, 1e-5), COUNTS, 1e-8),
    "few counts": (stats.binom(10, 0.3), Support(0.0, 10.0, True), 1e-9),
    "power tail": (stats.zipf(4.5), Support(1.0, np.inf, True), 1e-3),
}


def find(name, near=0.5, rows=2):
    truth, support, tolerance = CASES[name]
    log = truth.logpmf if support.counts else truth.logpdf
    make = find_counts if support.counts else find_interval
    return make(lambda y, _: log(y), support, np.full(rows, near)), truth, tolerance


@pytest.mark.parametrize("name", CASES)
def test_moments_and_probabilities(name):
    found, truth, tolerance = find(name)
    total, mean, variance = found.moments()
    np.testing.assert_allclose(total, 1.0, rtol=max(tolerance, 1e-7) * 10.0)
    np.testing.assert_allclose(mean, truth.mean(), rtol=tolerance)
    np.testing.assert_allclose(variance, truth.var(), rtol=tolerance)
    y = np.asarray(truth.ppf([0.001, 0.3, 0.7, 0.999]), dtype=float)
    below = found.cdf(y, np.array([0, 1, 0, 1]))
    np.testing.assert_allclose(below, truth.cdf(y), atol=2e-7)


@pytest.mark.parametrize("name", ["an edge", "infinite at zero", "heavy tails", "beta"])
def test_draws(name):
    found, truth, _ = find(name, rows=600)
    y = found.draw(np.random.default_rng(8))
    assert stats.kstest(y, truth.cdf).pvalue > 0.01


@pytest.mark.parametrize("name", ["poisson", "few counts", "large counts"])
def test_draws_of_counts_have_the_moments(name):
    found, truth, _ = find(name, rows=400)
    y = found.draw(np.random.default_rng(9))
    assert abs(y.mean() - truth.mean()) < 4.0 * truth.std() / np.sqrt(400)
    assert abs(y.var() / truth.var() - 1.0) < 0.3


def test_moments_that_do_not_exist():
    cauchy = find_interval(lambda y, _: stats.cauchy.logpdf(y, 2.0), REAL, np.zeros(1))
    total, mean, variance = cauchy.moments()
    np.testing.assert_allclose(total, 1.0, rtol=1e-9)
    assert np.isnan(mean[0])
    assert np.isnan(variance[0])


def test_atoms():
    def density(y, rows):
        inside = np.log(0.5) + stats.beta.logpdf(np.clip(y, 1e-300, 1.0 - 1e-16), 2.0, 3.0)
        return np.where(y == 0.0, np.log(0.2), np.where(y == 1.0, np.log(0.3), inside))

    found = find_interval(density, Support(0.0, 1.0, False, (0.0, 1.0)), np.full(600, 0.5))
    total, mean, _ = found.moments()
    assert total[0] == pytest.approx(1.0, abs=1e-9)
    assert mean[0] == pytest.approx(0.5 * 0.4 + 0.3, abs=1e-9)
    y = np.array([-0.1, 0.0, 0.4, 1.0])
    expected = [0.0, 0.2, 0.2 + 0.5 * stats.beta.cdf(0.4, 2.0, 3.0), 1.0]
    np.testing.assert_allclose(found.cdf(y, np.zeros(4, int)), expected, atol=1e-9)
    drawn = found.draw(np.random.default_rng(1))
    assert np.mean(drawn == 0.0) == pytest.approx(0.2, abs=0.06)
    assert np.mean(drawn == 1.0) == pytest.approx(0.3, abs=0.06)
