"""Averages over normal random parts against dense numerical integration."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import dblquad, quad

from ilk.errors import FitError
from ilk.family.link import find_link
from ilk.prediction.population import CLOSED_FORMS, average, random_variance

ETAS = [-30.0, -4.0, -1.0, 0.0, 2.5]
VARIANCES = [1e-12, 1e-4, 0.3, 1.0, 6.0, 40.0, 400.0, 2500.0]


def brute_force(mean, eta, variance):
    s = math.sqrt(variance)
    end = 40.0 + s
    inner = [p for p in (-eta / s, 0.0, s) if abs(p) < end]
    value, _ = quad(
        lambda x: math.exp(-0.5 * x * x) / math.sqrt(2 * math.pi) * mean(eta + s * x),
        -end,
        end,
        epsabs=0.0,
        epsrel=1e-13,
        limit=3000,
        points=sorted(set(inner)),
    )
    return value


@pytest.mark.parametrize("eta", ETAS)
@pytest.mark.parametrize("variance", VARIANCES)
@pytest.mark.parametrize("name", ["logit", "cloglog"])
def test_means_agree_with_dense_integration(name, eta, variance):
    link = find_link(name)

    def one(x):
        return float(link.inverse(np.array([x]))[0])

    found = average(lambda e: link.inverse(e[0]), [np.array([eta])], [np.array([variance])])
    assert found.value[0] == pytest.approx(brute_force(one, eta, variance), rel=1e-10)


@pytest.mark.parametrize("name", ["identity", "probit", "log", "sqrt"])
@pytest.mark.parametrize("variance", [0.0, 0.2, 3.0])
def test_closed_forms_agree_with_quadrature(name, variance):
    link = find_link(name)
    eta = np.array([-1.3, 0.2, 1.7])
    v = np.full(3, variance)
    closed = CLOSED_FORMS[name](eta, v)
    by_sum = average(lambda e: link.inverse(e[0]), [eta], [v], derivatives=True)
    np.testing.assert_allclose(closed.value, by_sum.value, rtol=1e-10)
    np.testing.assert_allclose(closed.by_eta[0], by_sum.by_eta[0], rtol=1e-8)
    np.testing.assert_allclose(closed.by_variance[0], by_sum.by_variance[0], rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("variance", [1e-6, 0.5, 9.0])
def test_derivatives_agree_with_differences(variance):
    link = find_link("logit")
    eta, v = np.array([-2.0, 0.0, 0.7]), np.full(3, variance)

    def value(e, w):
        return average(lambda a: link.inverse(a[0]), [e], [w]).value

    found = average(lambda a: link.inverse(a[0]), [eta], [v], derivatives=True)
    h = 1e-4
    np.testing.assert_allclose(
        found.by_eta[0], (value(eta + h, v) - value(eta - h, v)) / (2 * h), rtol=1e-7
    )
    k = 1e-3 * variance
    np.testing.assert_allclose(
        found.by_variance[0],
        (value(eta, v + k) - value(eta, v - k)) / (2 * k),
        rtol=1e-5,
        atol=1e-6 if variance < 1e-3 else 1e-10,
    )


def test_a_step_is_not_overlooked():
    """A mean that is flat but for a jump off the center, as distribution functions are."""

    def step(e):
        return 1.0 / (1.0 + np.exp(np.clip(10.0 * (e[0] - 3.7), -700, 700)))

    for variance in (0.01, 1.0, 25.0):
        found = average(step, [np.array([0.2])], [np.array([variance])]).value[0]
        smooth = brute_force(lambda x: float(step([np.array(x)])), 0.2, variance)
        normal = 0.5 * math.erfc(-3.5 / math.sqrt(2.0 * variance))
        assert found == pytest.approx(normal, abs=1e-2)
        assert found == pytest.approx(smooth, rel=1e-8)


def test_two_random_predictors():
    def mean(e):
        return np.exp(e[0]) / (1.0 + np.exp(e[1]))

    eta = [np.array([0.3]), np.array([-0.8])]
    variance = [np.array([0.5]), np.array([2.0])]
    exact, _ = dblquad(
        lambda y, x: (
            math.exp(-0.5 * (x * x + y * y))
            / (2 * math.pi)
            * math.exp(0.3 + math.sqrt(0.5) * x)
            / (1.0 + math.exp(-0.8 + math.sqrt(2.0) * y))
        ),
        -12,
        12,
        -12,
        12,
        epsabs=0,
        epsrel=1e-12,
    )
    assert average(mean, eta, variance).value[0] == pytest.approx(exact, rel=1e-10)


def test_a_predictor_that_the_mean_ignores_costs_nothing():
    calls = []

    def mean(e):
        calls.append(len(e[0]))
        return np.exp(e[0])

    average(mean, [np.zeros(4), np.zeros(4)], [np.zeros(4), np.full(4, 3.0)])
    assert max(calls) == 4


def test_many_rows_of_different_variance_are_chunked():
    rng = np.random.default_rng(1)
    eta, v = rng.normal(size=20_000), rng.choice([0.0, 0.1, 30.0], size=20_000)
    link = find_link("logit")
    found = average(lambda e: link.inverse(e[0]), [eta], [v]).value
    for i in rng.integers(0, 20_000, 20):
        alone = average(lambda e: link.inverse(e[0]), [eta[[i]]], [v[[i]]]).value[0]
        assert found[i] == pytest.approx(alone, rel=1e-10)


def test_no_rows():
    assert len(average(lambda e: np.exp(e[0]), [np.zeros(0)], [np.zeros(0)]).value) == 0


def test_an_integral_that_does_not_exist_is_refused():
    with pytest.raises(FitError, match="does not settle"):
        average(lambda e: 1.0 / e[0], [np.array([0.3])], [np.array([1.0])])


def test_random_variance():
    rng = np.random.default_rng(2)
    columns, root = rng.normal(size=(5, 3)), rng.normal(size=(3, 3))
    G = root @ root.T
    direct = [z @ G @ z for z in columns]
    np.testing.assert_allclose(random_variance(columns, G, 5), direct)
    np.testing.assert_array_equal(random_variance(None, np.array([[2.0]]), 3), [2.0, 2.0, 2.0])


def test_very_wide_effects_are_refused_at_once():
    with pytest.raises(FitError, match="does not settle"):
        average(lambda e: np.tanh(e[0]), [np.zeros(100)], [np.full(100, 1e10)])
