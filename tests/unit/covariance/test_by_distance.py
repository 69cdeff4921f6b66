"""Correlations by distance against SciPy's Bessel functions, closed forms and differences."""

import numpy as np
import pytest
from scipy import special

from ilk.covariance.by_distance import Exponential, GaussianDecay, Matern
from ilk.covariance.decay import DECAYS, decay, practical_range
from ilk.num.differences import jacobian

DISTANCES = np.array([0.0, 1e-8, 1e-3, 0.1, 0.7, 2.0, 9.0, 200.0])
PLACES = tuple(map(tuple, np.random.default_rng(4).uniform(size=(6, 2))))


@pytest.mark.parametrize("nu", [0.2, 0.5, 0.8, 1.5, 2.0, 2.5, 7.3])
def test_matern_is_the_bessel_function(nu):
    found, _ = decay("matern", DISTANCES, np.log(0.4), np.log(nu))
    x = DISTANCES[1:] / 0.4
    expected = 2.0 ** (1.0 - nu) / special.gamma(nu) * x**nu * special.kv(nu, x)
    assert found[0] == 1.0
    np.testing.assert_allclose(found[1:], expected, rtol=1e-9, atol=1e-300)


def test_matern_of_a_half_is_exponential_and_smooth_ones_are_nearly_gaussian():
    half, _ = decay("matern", DISTANCES, 0.3, np.log(0.5))
    np.testing.assert_allclose(half, decay("exp", DISTANCES, 0.3)[0], rtol=1e-12)
    nu = 55.0  # exp(-x^2 / (4 nu)) in the limit
    smooth, _ = decay("matern", DISTANCES, np.log(0.05), np.log(nu))
    x = DISTANCES / 0.05
    np.testing.assert_allclose(smooth, np.exp(-x * x / (4.0 * nu)), atol=0.01)


@pytest.mark.parametrize("kind", DECAYS)
@pytest.mark.parametrize("log_range", [-2.0, 0.0, 3.0])
@pytest.mark.parametrize("log_nu", [-1.2, np.log(0.5), 0.0, 0.6, 2.0])
def test_derivatives_agree_with_differences(kind, log_range, log_nu):
    k = 2 if kind == "matern" else 1
    at = np.array([log_range, log_nu])[:k]

    def value(x):
        return decay(kind, DISTANCES, x[0], x[1] if k == 2 else None)[0]

    _, slope = decay(kind, DISTANCES, *at)
    assert slope.shape == (len(DISTANCES), k)
    np.testing.assert_allclose(slope, jacobian(value, at, 1e-3), atol=2e-8)


@pytest.mark.parametrize("log_range", [-900.0, -20.0, 20.0, 900.0])
@pytest.mark.parametrize("log_nu", [-6.0, 0.0, 3.0, 9.0])
def test_extremes_are_correlations(log_range, log_nu):
    value, slope = decay("matern", DISTANCES, log_range, log_nu)
    assert np.all((value >= 0.0) & (value <= 1.0))
    assert np.all(np.isfinite(slope))


@pytest.mark.parametrize(
    "structure", [Exponential(PLACES), GaussianDecay(PLACES), Matern(PLACES), Matern(PLACES, 1.5)]
)
def test_structures_have_the_correlations_and_derivatives(structure):
    theta = structure.start(6) + 0.1
    factor, slope = structure.factor(theta, 6)
    points = np.array(PLACES)
    distance = np.linalg.norm(points[:, None] - points, axis=2)
    logs = [theta[1], np.log(structure.nu) if getattr(structure, "nu", None) else theta[-1]]
    expected, _ = decay(structure.kind, distance, *logs[: 2 if structure.name == "matern" else 1])
    np.testing.assert_allclose(factor @ factor.T, theta[0] ** 2 * expected, atol=1e-9)
    found = jacobian(lambda x: structure.factor(x, 6)[0], theta, 1e-3)
    np.testing.assert_allclose(slope, found, atol=1e-7)


def test_practical_range_is_where_correlations_are_small():
    assert practical_range("exp", np.log(2.0)) == pytest.approx(2.0 * np.log(20.0), rel=1e-9)
    assert practical_range("gau", 0.0) == pytest.approx(np.sqrt(np.log(20.0)), rel=1e-9)
