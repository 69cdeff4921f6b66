"""t distributed effects of linear models, against the grid of effects and an integrator."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import gamma, multivariate_normal, multivariate_t
from tests.fits import data_of, fit_of

import ilk
from ilk.diagnostics.heavy_tails import fit_tails
from ilk.diagnostics.heavy_tails_linear import _Problem, fit_linear_tails
from ilk.inference.hypotheses.restricted import restricted


def _ml(fitted):
    return restricted(fitted, np.zeros((0, len(fitted.coef))), reml=False)


def test_one_effect_as_by_the_other_integral():
    fitted = _ml(fit_of("weighted").fitted)
    grid, mixture = fit_tails(fitted, 4.0), fit_linear_tails(fitted, 4.0)
    assert mixture.converged
    assert mixture.loglik == pytest.approx(grid.loglik, abs=1e-5)
    np.testing.assert_allclose(mixture.coef, grid.coef, atol=1e-5)
    np.testing.assert_allclose(mixture.std_error, grid.std_error, rtol=1e-4)
    assert mixture.scale == pytest.approx(grid.scale, rel=1e-4)


def test_two_effects_against_an_integrator():
    fitted = fit_of("sleepstudy").fitted
    problem = _Problem(fitted, 4.0)
    at = problem.start()
    term, X = fitted.design.terms[0], fitted.design.fixed[0].X
    sigma = math.exp(at[2])
    M = np.array([[math.exp(at[3]), 0.0], [at[4], math.exp(at[5])]])
    shape = sigma**2 * M @ M.T
    y = fitted.design.response.y
    exact = 0.0
    chosen = np.arange(0, 18, 6)
    for level in chosen:
        here = term.grouping.codes == level
        Z, r = term.columns[here], y[here] - X[here] @ fitted.coef

        def density(log_w, Z=Z, r=r):
            w = math.exp(log_w)
            V = sigma**2 * np.eye(len(r)) + Z @ shape @ Z.T / w
            return multivariate_normal.pdf(r, cov=V) * gamma.pdf(w, 2.0, scale=0.5) * w

        exact += math.log(quad(density, -18.0, 3.4, epsabs=0.0, epsrel=1e-9, limit=200)[0])
    assert problem.each(at)[chosen].sum() == pytest.approx(exact, abs=1e-6)
    assert problem.loglik(at) == pytest.approx(problem.each(at).sum())


def test_the_mixture_is_a_t_distribution():
    rng = np.random.default_rng(1)
    data = {"y": rng.normal(size=6), "x": np.arange(6.0), "g": [0, 0, 0, 1, 1, 1]}
    fitted = ilk.fit("y ~ 1 + (1 + x | g)", data, reml=False).fitted
    problem = _Problem(fitted, 5.0)
    at = np.array([0.0, 0.0, 0.2, -0.1, -0.5])
    M = np.array([[math.exp(0.2), 0.0], [-0.1, math.exp(-0.5)]])
    prior = multivariate_t(np.zeros(2), M @ M.T, df=5.0)
    axis = np.linspace(-15.0, 15.0, 601)
    b = np.array(np.meshgrid(axis, axis)).reshape(2, -1).T
    exact = 0.0
    for rows in (slice(0, 3), slice(3, 6)):
        r = data["y"][rows] - fitted.coef[0]
        x = data["x"][rows]

        e = r - b[:, :1] - b[:, 1:] * x
        logs = -0.5 * np.sum(e**2, axis=1) - 1.5 * math.log(2.0 * math.pi)
        exact += math.log(np.sum(np.exp(logs) * prior.pdf(b)) * (axis[1] - axis[0]) ** 2)
    assert problem.loglik(at) == pytest.approx(exact, abs=1e-4)


def test_independent_effects_stay_so():
    fit = ilk.fit("Reaction ~ Days + (1 + Days || Subject)", data_of("sleepstudy"), reml=False)
    problem = _Problem(fit.fitted, 4.0)
    assert len(problem.start()) == 2 + 1 + 2
    found = fit_linear_tails(fit.fitted, 4.0)
    assert found.converged
    assert abs(found.loglik - fit.loglik) < 3.0


def test_outlying_clusters():
    rng = np.random.default_rng(8)
    g, x = np.repeat(np.arange(60), 6), rng.normal(size=360)
    b = 0.5 * rng.standard_t(2.5, size=(60, 2))
    y = 1.0 + 0.5 * x + b[g, 0] + b[g, 1] * x + rng.normal(size=360)
    fitted = ilk.fit("y ~ x + (1 + x | g)", {"y": y, "x": x, "g": g}, reml=False).fitted
    found = fit_linear_tails(fitted, 4.0)
    assert found.loglik > fitted.loglik
    assert abs(found.coef[1] - 0.5) < 3.0 * found.std_error[1]


def test_frequency_weights():
    data = data_of("weighted").assign(f=2.0)
    doubled = ilk.fit("y ~ x + (1 | g)", data, frequency_weights="f", reml=False).fitted
    rows = data.loc[data.index.repeat(2)].reset_index(drop=True)
    both = ilk.fit("y ~ x + (1 | g)", rows, reml=False).fitted
    a, b = fit_linear_tails(doubled, 4.0), fit_linear_tails(both, 4.0)
    assert a.loglik == pytest.approx(b.loglik, abs=1e-6)
    np.testing.assert_allclose(a.coef, b.coef, atol=1e-6)
