"""Variances on the scale of the response: closed forms, brute force, simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import dblquad
from scipy.stats import norm

from ilk.errors import FitError
from ilk.family import make_family
from ilk.variance.observed import response_variances


def test_the_log_link_has_a_closed_form():
    eta, v, part = np.array([0.3, -1.0]), np.array([0.8, 0.2]), np.array([0.5, 0.2])
    found = response_variances(make_family("poisson"), [eta], v, [part, v])
    mean = np.exp(eta + v / 2)
    np.testing.assert_allclose(found.mean, mean, rtol=1e-12)
    np.testing.assert_allclose(found.shared[0], mean**2 * np.expm1(part), rtol=1e-8)
    np.testing.assert_allclose(found.shared[1], mean**2 * np.expm1(v), rtol=1e-8)
    np.testing.assert_allclose(found.total, mean + mean**2 * np.expm1(v), rtol=1e-8)


def test_a_binary_response_against_brute_force():
    eta, v, part = 0.7, 2.5, 1.0
    family = make_family("binomial")
    found = response_variances(
        family, [np.array([eta])], np.array([v]), [np.array([part]), np.array([v])]
    )

    def mean(x: float) -> float:
        grid = np.linspace(-9.0, 9.0, 721)
        p = 1.0 / (1.0 + np.exp(-(eta + np.sqrt(part) * x + np.sqrt(v - part) * grid)))
        return float(np.sum(norm.pdf(grid) * p) * (grid[1] - grid[0]))

    x = np.linspace(-9.0, 9.0, 361)
    means = np.array([mean(value) for value in x])
    weight = norm.pdf(x) * (x[1] - x[0])
    center = float(weight @ means)
    assert found.mean[0] == pytest.approx(center, rel=1e-9)
    assert found.shared[0][0] == pytest.approx(float(weight @ means**2) - center**2, rel=1e-7)
    assert found.total[0] == pytest.approx(center * (1.0 - center), rel=1e-9)


def test_two_probit_responses_have_the_orthant_probability():
    eta, v = 0.4, 1.3
    found = response_variances(
        make_family("binomial", "probit"), [np.array([eta])], np.array([v]), [np.array([v])]
    )
    rho, h = v / (1.0 + v), eta / np.sqrt(1.0 + v)

    def density(y: float, x: float) -> float:
        scale = 1.0 - rho**2
        return float(
            np.exp(-(x * x - 2 * rho * x * y + y * y) / (2 * scale)) / (2 * np.pi * scale**0.5)
        )

    both, _ = dblquad(density, -8.0, h, -8.0, h, epsabs=1e-10)
    assert found.shared[0][0] == pytest.approx(both - norm.cdf(h) ** 2, rel=1e-6)


def test_zero_inflated_counts_against_simulation():
    rng = np.random.default_rng(4)
    family = make_family("negative_binomial_2", zero_inflated=True)
    eta = [np.array([0.5]), np.array([-0.7]), np.array([-1.0])]
    found = response_variances(family, eta, np.array([0.4]), [np.array([0.4])])
    b = np.sqrt(0.4) * rng.standard_normal(400_000)
    predictors = [eta[0] + b, np.full(b.shape, -0.7), np.full(b.shape, -1.0)]
    first, second = (family.draw(predictors, None, rng) for _ in range(2))
    assert found.total[0] == pytest.approx(first.var(), rel=0.02)
    assert found.shared[0][0] == pytest.approx(np.cov(first, second)[0, 1], rel=0.03)


def test_without_random_part_nothing_is_shared():
    zero = np.zeros(2)
    found = response_variances(make_family("poisson"), [np.array([0.0, 1.0])], zero, [zero])
    np.testing.assert_allclose(found.shared[0], 0.0, atol=1e-12)
    np.testing.assert_allclose(found.total, found.mean)


def test_integrals_that_do_not_settle():
    v = np.array([2000.0])
    with pytest.raises(FitError, match="scale='latent'"):
        response_variances(make_family("binomial"), [np.array([1.0])], v, [v / 2])
