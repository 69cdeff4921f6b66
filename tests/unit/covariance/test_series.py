"""Correlations along a line: autoregression, Ornstein-Uhlenbeck, Toeplitz."""

import numpy as np
import pytest

from ilk.covariance.autoregressive import Autoregressive, OrnsteinUhlenbeck
from ilk.covariance.toeplitz import Toeplitz
from ilk.num.differences import jacobian


@pytest.mark.parametrize("rho", [-0.99, -0.4, 0.0, 0.3, 0.95])
def test_autoregression_is_powers_of_one_number(rho):
    times = np.array([0, 1, 3, 7])
    structure = Autoregressive(tuple(times))
    factor, slope = structure.factor(np.array([2.0, np.arcsin(rho)]), 4)
    expected = 4.0 * np.where(True, float(rho) ** np.abs(times[:, None] - times), 0.0)
    np.testing.assert_allclose(factor @ factor.T, expected, atol=1e-13)
    found = jacobian(lambda x: structure.factor(x, 4)[0], np.array([2.0, np.arcsin(rho)]), 1e-3)
    np.testing.assert_allclose(slope, found, atol=1e-9)


def test_autoregression_is_smooth_where_correlations_are_one():
    structure = Autoregressive()
    for angle in (0.5 * np.pi, -0.5 * np.pi):
        factor, slope = structure.factor(np.array([1.0, angle]), 4)
        np.testing.assert_allclose(np.abs(factor @ factor.T), 1.0, atol=1e-12)
        assert np.all(np.isfinite(slope))


def test_distances_in_time_need_not_be_equal():
    times = (0.0, 0.2, 1.0, 5.0)
    structure = OrnsteinUhlenbeck(times)
    theta = np.array([1.5, np.log(0.8)])
    factor, _ = structure.factor(theta, 4)
    distance = np.abs(np.subtract.outer(times, times))
    np.testing.assert_allclose(factor @ factor.T, 2.25 * np.exp(-distance / 0.8), atol=1e-13)


@pytest.mark.parametrize("log_range", [-800.0, -5.0, 30.0, 800.0])
def test_long_and_short_ranges_are_numbers(log_range):
    factor, slope = OrnsteinUhlenbeck((0.0, 1.0, 2.5)).factor(np.array([1.0, log_range]), 3)
    assert np.all(np.isfinite(factor))
    assert np.all(np.isfinite(slope))
    corner = (factor @ factor.T)[2, 0]
    assert corner == pytest.approx(0.0 if log_range < 0.0 else 1.0, abs=1e-12)


def test_toeplitz_depends_on_the_lag_alone():
    structure, q = Toeplitz(), 5
    theta = np.concatenate([np.zeros(q), [0.9, -0.4, 0.3, 0.2]])
    factor, _ = structure.factor(theta, q)
    correlation = factor @ factor.T
    for lag in range(q):
        band = np.diagonal(correlation, lag)
        np.testing.assert_allclose(band, band[0], atol=1e-9)
    assert correlation[0, 1] == pytest.approx(np.sin(0.9), abs=1e-8)


def test_toeplitz_with_an_autoregression_is_one():
    theta = np.concatenate([np.zeros(4), [np.arcsin(0.6), 0.0, 0.0]])
    factor, _ = Toeplitz().factor(theta, 4)
    lags = np.abs(np.subtract.outer(range(4), range(4)))
    np.testing.assert_allclose(factor @ factor.T, 0.6**lags, atol=1e-8)


def test_toeplitz_with_steps_left_out():
    structure = Toeplitz((0, 1, 3))
    assert structure.size(3) == 6
    theta = np.concatenate([np.log([1.0, 2.0, 3.0]), [0.5, 0.2, -0.3]])
    factor, slope = structure.factor(theta, 3)
    whole, _ = Toeplitz().factor(np.concatenate([np.zeros(4), theta[3:]]), 4)
    keep = np.array([0, 1, 3])
    deviations = np.array([1.0, 2.0, 3.0])
    expected = (whole @ whole.T)[np.ix_(keep, keep)] * np.outer(deviations, deviations)
    np.testing.assert_allclose(factor @ factor.T, expected, atol=1e-8)
    found = jacobian(lambda x: structure.factor(x, 3)[0], theta, 1e-3)
    np.testing.assert_allclose(slope, found, atol=1e-8)
