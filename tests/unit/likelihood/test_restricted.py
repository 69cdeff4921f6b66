"""Restricted likelihoods of families other than the Gaussian."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

import ilk
from ilk.errors import IdentificationWarning
from ilk.estimation.run import marginal_likelihood
from ilk.likelihood.brute_force import grid_loglik
from ilk.likelihood.restricted import RestrictedMarginal
from ilk.num.differences import jacobian


def _data(n=90, groups=9, seed=4):
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(groups), n // groups)
    x = rng.normal(size=n)
    t = np.array(list("abc"))[rng.integers(0, 3, n)]
    eta = 0.8 + 0.4 * x + 0.6 * rng.normal(size=groups)[g]
    return {
        "g": g,
        "x": x,
        "t": t,
        "h": rng.integers(0, 5, n),
        "y": rng.poisson(np.exp(eta)),
        "z": np.exp(eta + 0.5 * rng.normal(size=n)),
        "b": (rng.random(n) < 1.0 / (1.0 + np.exp(-eta))).astype(int),
        "r": 100.0 + 5.0 * eta + rng.normal(size=n),
    }


DATA = MappingProxyType(_data())

CASES = [
    ("y ~ x + (1 | g)", "poisson", {}),
    ("y ~ x + t + (1 | g)", "negative_binomial_2", {}),
    ("z ~ x + (1 + x | g)", "gamma", {}),
    ("b ~ x + (1 | g)", "binomial", {}),
    ("r ~ x + (1 | g)", "gaussian", {"dispersion": "~ x"}),
    ("y ~ x + (1 | g) + (1 | h)", "poisson", {"zero_inflation": "~ 1"}),
    ("z ~ x + cs(1 + t | g)", "gamma", {}),
]


@pytest.mark.parametrize(("formula", "family", "more"), CASES)
def test_the_gradient_is_exact_and_the_width_does_not_matter(formula, family, more):
    fit = ilk.fit(formula, DATA, family, reml=True, **more)
    fitted = fit.fitted
    model, psi = fitted.model, fitted.estimates.psi
    p = model.design.fixed[0].X.shape[1]
    values = []
    for width in (1e5, 1e6, 1e7):
        marginal = RestrictedMarginal.of(model, width=width)
        at = marginal.at(psi)
        values.append(marginal.estimates(at).loglik)
        np.testing.assert_allclose(marginal.scaled.coef(at.beta), fitted.coef, atol=1e-8, rtol=1e-8)
    np.testing.assert_allclose(values, fitted.loglik, atol=1e-8)

    marginal = marginal_likelihood(model)
    point = marginal.at(psi)
    x = np.concatenate([point.beta[p:], point.theta]) + 0.05
    gammas = len(point.beta) - p

    def value(x):
        beta = np.concatenate([point.beta[:p], x[:gammas]])
        return np.array([marginal.at_point(beta, x[gammas:]).value])

    there = marginal.at_point(np.concatenate([point.beta[:p], x[:gammas]]), x[gammas:])
    expected = jacobian(value, x, np.full(len(x), 1e-4))[0]
    np.testing.assert_allclose(marginal.gradient(there)[p:], expected, atol=2e-5)
    assert np.all(marginal.gradient(there)[:p] == 0.0)


def test_the_integral_is_that_over_coefficients_and_effects():
    rng = np.random.default_rng(1)
    data = {"g": np.repeat([0, 1], 6), "y": rng.poisson(60.0, 12)}
    fit = ilk.fit("y ~ 1 + (1 | g)", data, "poisson", reml=True)
    marginal = marginal_likelihood(replace(fit.fitted.model, reml=False))
    theta = np.array([0.3])
    grid = np.linspace(-1.5, 1.5, 241) + np.log(60.0)
    lam = marginal.lam(theta)
    logs = [
        grid_loglik(marginal.scaled.data, marginal.model.family, np.array([b]), lam, spacing=0.1)
        for b in grid
    ]
    brute = np.logaddexp.reduce(logs) + np.log(grid[1] - grid[0]) + marginal.scaled.value_shift
    restricted = marginal_likelihood(fit.fitted.model)
    at = restricted.at_point(np.array([np.log(60.0)]), theta)
    # the Laplace approximation errs by about 1 / (total count)
    assert restricted.estimates(at).loglik == pytest.approx(brute, abs=2e-3)


def test_the_gaussian_model_agrees_with_the_exact_restricted_likelihood():
    exact = ilk.fit("r ~ x + t + (1 | g)", DATA)
    model = replace(exact.fitted.model, reml=True)
    object.__setattr__(model, "linear", False)
    theta = exact.fitted.estimates.psi[4:-1] * np.sqrt(exact.fitted.estimates.sigma2)
    marginal = RestrictedMarginal.of(model)
    scale = marginal.scaled.scale
    beta = np.zeros(5)
    beta[4] = np.log(exact.fitted.estimates.sigma2)
    at = marginal.at_point(beta, theta / scale)
    found = marginal.estimates(at)
    assert found.loglik == pytest.approx(exact.loglik, abs=1e-7)
    np.testing.assert_allclose(found.psi[:4], exact.fitted.coef, rtol=1e-8)


def test_covariances_are_those_of_the_joint_system_and_what_variances_add():
    fit = ilk.fit("y ~ x + (1 | g)", DATA, "negative_binomial_2", reml=True)
    fitted = fit.fitted
    marginal, point = fitted.marginal, fitted.point
    information = marginal.information(point)
    whole = np.linalg.inv(information)
    to_psi = np.eye(len(whole))
    P = len(fitted.coef)
    to_psi[:P, :P] = marginal.scaled.coef_map
    np.testing.assert_allclose(
        fitted.psi_covariance(), to_psi @ whole @ to_psi.T, rtol=1e-6, atol=1e-12
    )
    held = np.linalg.inv(information[:2, :2])
    assert np.all(np.diag(whole)[:2] >= np.diag(held))


def test_variances_are_larger_than_by_maximum_likelihood():
    for formula, family, more in CASES[:2]:
        ml = ilk.fit(formula, DATA, family, **more)
        reml = ilk.fit(formula, DATA, family, reml=True, **more)
        assert reml.fitted.estimates.covariances[0][0, 0] > ml.fitted.estimates.covariances[0][0, 0]


def test_units_of_columns_move_the_log_likelihood_by_their_logarithm():
    small = ilk.fit("y ~ x + (1 | g)", DATA, "poisson", reml=True)
    large = ilk.fit("y ~ x + (1 | g)", {**DATA, "x": 1000.0 * DATA["x"]}, "poisson", reml=True)
    assert large.loglik - small.loglik == pytest.approx(-np.log(1000.0), abs=1e-7)


def test_models_without_effects_or_without_anything_to_search():
    for formula, family in (("y ~ x", "poisson"), ("z ~ x", "gamma")):
        ml, reml = (ilk.fit(formula, DATA, family, reml=flag) for flag in (False, True))
        np.testing.assert_allclose(reml.fitted.coef[:2], ml.fitted.coef[:2], atol=1e-6)
        assert reml.verdict.converged
    poisson = ilk.fit("y ~ x", DATA, "poisson")
    half = 0.5 * np.linalg.slogdet(2.0 * np.pi * poisson.fitted.vcov)[1]
    restricted = ilk.fit("y ~ x", DATA, "poisson", reml=True)
    assert restricted.loglik == pytest.approx(poisson.loglik + half, abs=1e-7)
    bare = ilk.fit("y ~ 0 + (1 | g)", DATA, "poisson", reml=True)
    assert bare.loglik == ilk.fit("y ~ 0 + (1 | g)", DATA, "poisson").loglik


@pytest.mark.parametrize("more", [{"quadrature": 5}, {"quadrature": "auto"}])
def test_quadrature_is_refused(more):
    with pytest.raises(ilk.ModelError, match="reml=True with quadrature="):
        ilk.fit("y ~ x + (1 | g)", DATA, "poisson", reml=True, **more)


def test_penalties_are_refused():
    with pytest.raises(ilk.ModelError, match="penalty= with reml=True"):
        ilk.fit("y ~ x + (1 | g)", DATA, "poisson", reml=True, penalty="firth")


@pytest.fixture(scope="module")
def fit():
    return ilk.fit("y ~ x + t + (1 | g)", DATA, "poisson", reml=True)


def test_words(fit):
    assert "restricted maximum likelihood (REML), Laplace approximation" in str(fit.summary())
    assert "REML by Laplace approximation" in repr(fit)
    assert "the coefficients of the mean by the Laplace approximation" in str(fit.methods())


def test_comparisons(fit):
    other = ilk.fit("y ~ x + (1 | g)", DATA, "poisson", reml=True)
    with pytest.raises(ilk.ModelError, match="different fixed parts"):
        ilk.compare(fit, other)
    full = ilk.fit("y ~ x + t + (1 | g)", DATA, "poisson")
    with pytest.raises(ilk.ModelError, match="one restricted"):
        ilk.compare(fit, full)
    root = ilk.fit("y ~ x + t + (1 | g)", DATA, "poisson", link="sqrt", reml=True)
    with pytest.raises(ilk.ModelError, match="links log and sqrt"):
        ilk.compare(fit, root)
    more = ilk.fit("y ~ x + t + (1 | g)", DATA, "negative_binomial_2", reml=True)
    assert "REML" in str(ilk.compare(fit, more))
    assert fit.drop_one().frame["aic"].notna().all()


def test_profiles_are_of_the_full_likelihood(fit):
    assert "fit is by REML" in str(fit.profile("x"))


def test_steps_and_scores_are_refused(fit):
    with pytest.raises(ilk.ModelError, match="exact=True"):
        fit.influence("g")
    with pytest.raises(ilk.ModelError, match="reml=False"):
        fit.summary(cov="CR0")
    with pytest.raises(ilk.ModelError, match="reml=False"):
        fit.approximation()
    assert fit.check("influence") is not None


def test_a_saved_fit_is_the_same(fit, tmp_path):
    path = tmp_path / "fit.ilk"
    fit.save(path)
    again = ilk.load(path)
    assert again.loglik == fit.loglik
    np.testing.assert_allclose(again.fitted.vcov, fit.fitted.vcov, rtol=1e-8)
    assert again.fitted.model.reml


def test_after_separation_variances_have_no_standard_error():
    rng = np.random.default_rng(0)
    data = {"g": np.repeat(np.arange(20), 10), "x": np.tile([0.0, 1.0], 100)}
    data["b"] = np.where(data["x"] == 1.0, 1, rng.random(200) < 0.4).astype(int)
    with pytest.warns(IdentificationWarning, match="separated"):
        fit = ilk.fit("b ~ x + (1 | g)", data, "binomial", reml=True)
    covariance = fit.fitted.psi_covariance()
    assert np.isnan(covariance[2, 2])
    assert np.isfinite(covariance[0, 0])
