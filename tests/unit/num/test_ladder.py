"""Derivatives by differences against jets, on all scales of the variables."""

import numpy as np
import pytest
from scipy.special import gammaln

from ilk.num import jets
from ilk.num.jets import pair, triple, variables
from ilk.num.ladder import Known, complex_step, difference_jet, pure_derivative

N = 60


def logistic(y):
    """Log density of a logistic distribution by location and log squared scale."""

    def density(x, rows):
        z = (y[rows] - x[0]) * np.exp(-0.5 * x[1])
        return -z - 0.5 * x[1] - 2.0 * np.log1p(np.exp(-z))

    def jet(x):
        z = (y - x[0]) * jets.exp(-0.5 * x[1])
        return -z - 0.5 * x[1] - 2.0 * jets.softplus(-z)

    return density, jet


@pytest.mark.parametrize(
    ("center", "scale"), [(0.0, 1.0), (0.001, 0.001), (0.0, 1e4), (1e5, 1e3), (2000.0, 5.0)]
)
@pytest.mark.parametrize("rule", ["differences", "complex step"])
def test_derivatives_on_the_scale_of_the_variable(center, scale, rule):
    rng = np.random.default_rng(2)
    y = center + scale * rng.normal(size=N)
    x = [center + 0.3 * scale * rng.normal(size=N), np.full(N, 2.0 * np.log(scale))]
    density, jet = logistic(y)
    known = [complex_step(density, k) for k in range(2)] if rule == "complex step" else []
    found, expected = difference_jet(density, x, 3, known), jet(variables(x, 3))
    np.testing.assert_allclose(found.value, expected.value, rtol=1e-12)
    # in units of the scale, where all derivatives are of the order of one
    for k in range(2):
        unit = scale if k == 0 else 1.0
        away = np.abs(found.first[k] - expected.first[k]) * unit
        assert np.max(away) < 1e-8
        for j in range(k + 1):
            both = unit * (scale if j == 0 else 1.0)
            place = pair(k, j)
            assert np.max(np.abs(found.second[place] - expected.second[place])) * both < 1e-5
            for i in range(j + 1):
                place, size = triple(k, j, i), both * (scale if i == 0 else 1.0)
                assert np.max(np.abs(found.third[place] - expected.third[place])) * size < 1e-4


@pytest.mark.parametrize("mean", [1e-6, 1.0, 1e4, 1e9])
def test_counts_of_all_sizes(mean):
    y = np.random.default_rng(3).poisson(mean, N).astype(float)
    x = [np.full(N, np.log(mean))]

    def density(eta, rows):
        return y[rows] * eta[0] - np.exp(eta[0]) - gammaln(y[rows] + 1.0)

    for known in ([], [complex_step(density, 0)]):
        found = difference_jet(density, x, 3, known)
        np.testing.assert_allclose(found.second[0], -mean, rtol=1e-7)
        np.testing.assert_allclose(found.third[0], -mean, rtol=1e-5)


def test_derivatives_that_are_known_are_used():
    x = [np.linspace(-1.0, 1.0, 7)]
    called = []

    def second(eta, rows):
        called.append(len(rows))
        return np.exp(eta[0])

    found = difference_jet(lambda e, _: np.exp(e[0]), x, 2, [Known(0, 2, second)])
    assert called == [7]
    np.testing.assert_array_equal(found.second[0], np.exp(x[0]))


def test_zero_derivatives_and_edges():
    x = [np.array([0.5, 1e-3, 3.0])]
    third, error = pure_derivative(lambda e, _: 3.0 * e[0] ** 2, x, 0, 3)
    assert np.max(np.abs(third)) < 1e-8
    assert np.max(error) < 1e-8
    with np.errstate(all="ignore"):
        first, _ = pure_derivative(lambda e, _: np.log(e[0]), x, 0, 1)  # nan below zero
    np.testing.assert_allclose(first, 1.0 / x[0], rtol=1e-7)


def test_many_rows_are_those_of_few():
    rng = np.random.default_rng(4)
    y, x = rng.normal(size=900), [rng.normal(size=900), rng.normal(size=900)]
    density, jet = logistic(y)
    found, expected = difference_jet(density, x, 3), jet(variables(x, 3))
    np.testing.assert_allclose(found.second, expected.second, atol=1e-5)
    np.testing.assert_allclose(found.third, expected.third, atol=1e-4)
