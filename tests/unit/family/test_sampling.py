"""Random counts by rejection and by inversion."""

import numpy as np
from scipy import stats

from ilk.family.sampling import draw_by_inversion, draw_log_concave, draw_poisson


def test_log_concave_draws_follow_the_distribution():
    n, mu = 20_000, 4.3
    mode = np.full(n, np.floor(mu))
    y = draw_log_concave(mode, lambda j, _: stats.poisson.logpmf(j, mu), np.random.default_rng(1))
    observed = np.bincount(y.astype(int), minlength=13)[:13]
    expected = n * stats.poisson.pmf(np.arange(13), mu)
    assert np.all(np.abs(observed - expected) < 5.0 * np.sqrt(expected) + 3.0)


def test_inversion_finds_the_quantile():
    u = np.array([1e-9, 0.2, 0.5, 0.999999])
    found = draw_by_inversion(lambda y, _: stats.poisson.cdf(y, 37.0), u)
    np.testing.assert_array_equal(found, stats.poisson.ppf(u, 37.0))


def test_poisson_counts_of_any_mean():
    mean = np.array([0.0, 1e-300, 3.0, 1e9, 1e14, 1e17, 1e100])
    for seed in range(20):
        y = draw_poisson(mean, np.random.default_rng(seed))
        assert np.all(y == np.floor(y))
        assert np.all(np.abs(y - mean) <= 6.0 * np.sqrt(mean) + 1e-12 * mean)
