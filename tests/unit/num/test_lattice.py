"""Sums over long ranges of whole numbers."""

import numpy as np
import pytest
from scipy import special, stats

from ilk.num.lattice import lattice


def test_short_sums_have_all_terms():
    row, point, weight = lattice(np.array([3.0, 0.0, 5.0]), np.array([9.0, 15.0, 4.0]), np.ones(3))
    assert set(row) == {0, 1}
    np.testing.assert_array_equal(point[row == 0], np.arange(3.0, 10.0))
    assert np.all(weight == 1.0)


@pytest.mark.parametrize("power", range(6))
def test_polynomials_are_summed_exactly(power):
    _, point, weight = lattice(np.array([7.0]), np.array([5000.0]), np.array([1e9]))
    assert len(point) < 300
    exact = float(sum(j**power for j in range(7, 5001)))
    assert weight @ point**power == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("mean", [3.0, 1e3, 1e7])
def test_probabilities_sum_to_the_distribution_function(mean):
    low = max(np.floor(mean - 9.0 * np.sqrt(mean)), 0.0)
    high = np.floor(mean + np.sqrt(mean))
    _, point, weight = lattice(np.array([low]), np.array([high]), np.array([2.0 * mean**0.5]))
    assert len(point) < 400
    log_mass = point * np.log(mean) - mean - special.gammaln(point + 1.0)
    assert weight @ np.exp(log_mass) == pytest.approx(stats.poisson.cdf(high, mean), rel=1e-7)
