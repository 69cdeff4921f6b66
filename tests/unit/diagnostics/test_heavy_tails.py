"""Random effects from a t distribution, against other quadrature, dense formulas, brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import t as student
from tests.fits import FITS, data_of, fit_of

import ilk
from ilk.diagnostics.heavy_tails import _Problem, fit_tails, why_not


@pytest.mark.parametrize("name", ["binary", "cbpp"])
def test_normal_effects_are_those_of_adaptive_quadrature(name):
    formula, options = FITS[name]
    exact = ilk.fit(formula, data_of(name), quadrature=41, **options).fitted
    found = fit_tails(fit_of(name).fitted, math.inf)
    assert found.converged
    assert found.loglik == pytest.approx(exact.loglik, abs=1e-5)
    errors = np.sqrt(np.diag(exact.vcov))
    np.testing.assert_allclose(found.coef, exact.coef, atol=1e-4 * errors.min())
    np.testing.assert_allclose(found.std_error, errors, rtol=1e-4)
    assert found.scale == pytest.approx(np.sqrt(exact.estimates.covariances[0][0, 0]), rel=1e-4)


def test_normal_effects_of_a_linear_model_by_maximum_likelihood():
    formula, options = FITS["weighted"]
    exact = ilk.fit(formula, data_of("weighted"), reml=False, **options).fitted
    found = fit_tails(fit_of("weighted").fitted, math.inf)
    assert found.loglik == pytest.approx(exact.loglik, abs=1e-5)
    np.testing.assert_allclose(found.coef, exact.coef, atol=1e-5)


def test_the_likelihood_of_t_effects_against_an_integrator():
    fitted = fit_of("binary").fitted
    problem = _Problem(fitted, 4.0)
    at = problem.start()
    value, gradient = problem.evaluate(at)
    eta = fitted.model.linear_predictors(fitted.coef, None)[0]
    codes, y = fitted.design.terms[0].grouping.codes, fitted.design.response.y
    scale = math.exp(at[-1])

    # b = tan(angle): the whole line on a finite range
    angle = (np.arange(20_000) + 0.5) / 20_000 * np.pi - 0.5 * np.pi
    b, measure = np.tan(angle), np.pi / 20_000 / np.cos(angle) ** 2
    exact = 0.0
    for j in range(problem.levels):
        here = codes == j
        e = eta[here, None] + b
        logs = np.sum(y[here, None] * e - np.logaddexp(0.0, e), axis=0)
        exact += math.log(np.sum(np.exp(logs) * student.pdf(b / scale, 4) / scale * measure))
    assert value == pytest.approx(exact, abs=1e-6)
    steps = 1e-5 * np.eye(len(at))
    slopes = [(problem.evaluate(at + e)[0] - problem.evaluate(at - e)[0]) / 2e-5 for e in steps]
    np.testing.assert_allclose(gradient, slopes, rtol=1e-6, atol=1e-6)


def test_outlying_clusters_are_better_explained_by_t():
    rng = np.random.default_rng(5)
    g, x = np.repeat(np.arange(80), 8), rng.normal(size=640)
    b = 0.5 * rng.standard_t(2.2, size=80)
    y = rng.poisson(np.exp(np.clip(0.5 + 0.3 * x + b[g], -5, 6))).astype(float)
    fitted = ilk.fit("y ~ x + (1 | g)", {"y": y, "x": x, "g": g}, "poisson").fitted
    normal, heavy = fit_tails(fitted, math.inf), fit_tails(fitted, 4.0)
    assert heavy.converged
    assert heavy.loglik > normal.loglik + 2.0
    assert abs(heavy.coef[1] - 0.3) < 3.0 * heavy.std_error[1]


def test_where_there_are_none():
    assert "one random term" in why_not(fit_of("penicillin").fitted)
    assert "one random effect per level" in why_not(fit_of("gamma").fitted)
    assert "singular" in why_not(fit_of("dyestuff2").fitted)
    assert why_not(fit_of("salamanders").fitted) is None
    assert why_not(fit_of("sleepstudy").fitted) is None
    cs = ilk.fit("Reaction ~ Days + cs(1 + Days | Subject)", data_of("sleepstudy"))
    assert "correlated or independent" in why_not(cs.fitted)
