"""Conditional means of random effects against brute force."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from tests.fits import fit_of
from tests.structured import Dense

import ilk
from ilk.fitted import Lazy
from ilk.prediction.conditional_means import _expanded, conditional_means
from ilk.prediction.level_quadrature import level_moments, shares_levels
from ilk.prediction.nested_quadrature import nested_moments, nested_terms


def _grid_moments(log_density, deviations, spacing=0.2, extent=8.0):
    """Mean and covariance of a density in standard normal u over a grid; b = deviations * u."""
    axis = np.arange(-extent, extent + spacing / 2, spacing)
    u = np.array(list(itertools.product(axis, repeat=len(deviations))))
    height = log_density(u * deviations) - 0.5 * np.sum(u * u, axis=1)
    weight = np.exp(height - height.max())
    weight /= weight.sum()
    b = u * deviations
    mean = weight @ b
    return mean, (b - mean).T @ (weight[:, None] * (b - mean))


def _logistic(y, eta):
    return np.sum(y * eta - np.logaddexp(0.0, eta), axis=1)


def test_one_effect_per_level():
    fitted = fit_of("binary").fitted
    assert shares_levels(fitted)
    found = conditional_means(fitted)
    assert found.method == "quadrature"
    deviation = np.sqrt(fitted.estimates.covariances[0][0])
    eta = fitted.model.linear_predictors(fitted.coef, None)[0]
    codes, y = fitted.design.terms[0].grouping.codes, fitted.design.response.y
    for level in (0, 7, 39):
        here = codes == level
        mean, covariance = _grid_moments(
            lambda b, here=here: _logistic(y[here], eta[here] + b), deviation, 0.05
        )
        assert found.moments.means[0][level, 0] == pytest.approx(mean[0], abs=1e-7)
        assert found.moments.covariances[0][level, 0, 0] == pytest.approx(
            covariance[0, 0], rel=1e-6
        )


def test_two_effects_in_two_terms_of_one_factor():
    rng = np.random.default_rng(3)
    g, x = np.repeat(np.arange(25), 8), rng.normal(size=200)
    b = rng.normal(size=(25, 2)) * [1.0, 0.7]
    y = (rng.random(200) < 1 / (1 + np.exp(-(b[g, 0] + (0.5 + b[g, 1]) * x)))).astype(float)
    fitted = ilk.fit("y ~ x + (1 + x || g)", {"y": y, "x": x, "g": g}, "binomial").fitted
    found = conditional_means(fitted).moments
    deviation = np.sqrt(np.concatenate([np.diag(G) for G in fitted.estimates.covariances]))
    eta = fitted.model.linear_predictors(fitted.coef, None)[0]
    for level in (0, 11):
        here = g == level
        mean, covariance = _grid_moments(
            lambda b, here=here: _logistic(y[here], eta[here] + b[:, :1] + b[:, 1:] * x[here]),
            deviation,
            0.1,
        )
        mine = np.concatenate([m[level] for m in found.means])
        np.testing.assert_allclose(mine, mean, atol=1e-6)
        sds = np.concatenate([np.diag(c[level]) for c in found.covariances])
        np.testing.assert_allclose(sds, np.diag(covariance), rtol=1e-4)


def test_crossed_effects_by_expansion():
    rng = np.random.default_rng(9)
    a, b = (part.ravel() for part in np.indices((2, 2)))
    a, b = np.repeat(a, 6), np.repeat(b, 6)
    y = (rng.random(24) < 0.3).astype(float)
    fitted = ilk.fit("y ~ 1 + (1 | a) + (1 | b)", {"y": y, "a": a, "b": b}, "binomial").fitted
    # variances of one's own choice, for those of six observations may vanish
    psi = np.array([-0.5, 0.9, 0.6])
    moved = _at(fitted, psi)
    found = conditional_means(moved)
    assert found.method == "expansion"
    deviation = np.sqrt(
        [*[moved.estimates.covariances[0][0, 0]] * 2, *[moved.estimates.covariances[1][0, 0]] * 2]
    )

    def log_density(u):
        return _logistic(y, psi[0] + u[:, a] + u[:, 2 + b])

    exact, _ = _grid_moments(log_density, deviation, 0.5, 6.0)
    mine = np.concatenate([m.ravel() for m in found.moments.means])
    modes = np.concatenate([m.ravel() for m in moved.estimates.modes])
    assert np.abs(modes - exact).max() > 0.01
    assert np.abs(mine - exact).max() < 0.15 * np.abs(modes - exact).max()


def test_nested_effects_against_a_grid():
    rng = np.random.default_rng(2)
    a, b = np.repeat(np.arange(12), 6), np.repeat(np.arange(36), 2)
    x = rng.normal(size=72)
    y = (rng.random(72) < 0.35).astype(float)
    fitted = ilk.fit("y ~ x + (1 | a/b)", {"y": y, "x": x, "a": a, "b": b}, "binomial").fitted
    psi = np.array([-0.6, 0.4, 0.9, 1.3])
    moved = _at(fitted, psi)
    found = nested_moments(moved, psi)
    deviation = np.sqrt([G[0, 0] for G in moved.estimates.covariances])[[0, 1, 1, 1]]
    for level in (0, 5):
        here, inner = a == level, np.arange(3 * level, 3 * level + 3)
        eta, place = psi[0] + psi[1] * x[here], b[here] - 3 * level
        mean, covariance = _grid_moments(
            lambda u, y=y[here], eta=eta, place=place: _logistic(
                y, eta + u[:, :1] + u[:, 1 + place]
            ),
            deviation,
            0.5,
            6.5,
        )
        mine = [found.means[0][level, 0], *found.means[1][inner, 0]]
        np.testing.assert_allclose(mine, mean, atol=1e-5)
        variances = [found.covariances[0][level, 0, 0], *found.covariances[1][inner, 0, 0]]
        np.testing.assert_allclose(variances, np.diag(covariance), rtol=1e-5)


def test_which_factors_are_nested():
    data = ilk.datasets.load("classroom_scores")
    assert nested_terms(ilk.fit("score ~ prior + (1 | school/classroom)", data).fitted) == (
        [0],
        [1],
    )
    assert nested_terms(fit_of("penicillin").fitted) is None
    assert nested_terms(fit_of("cbpp").fitted) is None
    wide = ilk.fit("score ~ prior + (1 + prior | school) + (1 | school:classroom)", data)
    assert nested_terms(wide.fitted) is None


def test_effects_in_two_predictors():
    rng = np.random.default_rng(0)
    g, x = np.repeat(np.arange(30), 12), rng.normal(size=360)
    phi = np.exp(-1.0 + 0.6 * rng.normal(size=30)[g])
    mu = np.exp(0.5 + 0.3 * x + 0.6 * rng.normal(size=30)[g])
    data = {"y": rng.gamma(1.0 / phi, phi * mu), "x": x, "g": g}
    fitted = ilk.fit("y ~ x + (1 | g)", data, "gamma", "log", dispersion="~ 1 + (1 | g)").fitted
    found = conditional_means(fitted, sensitivity=False)
    assert found.method == "quadrature"
    for mean, expanded, mode in zip(
        found.moments.means, _expanded(fitted), fitted.estimates.modes, strict=True
    ):
        assert np.abs(expanded - mean).max() < 0.15 * np.abs(mode - mean).max()


def _at(fitted, psi):
    """The fit as if its estimates were psi."""
    marginal = fitted.marginal
    point = marginal.at(psi)
    return replace(
        fitted,
        estimates=marginal.estimates(point),
        point=point,
        mode_covariance=Lazy(lambda: marginal.mode_covariance(point)),
        mode_sensitivity=Lazy(lambda: marginal.mode_sensitivity(point)),
    )


def test_expansion_and_quadrature_agree():
    for name in ("cbpp", "gamma", "salamanders"):
        fitted = fit_of(name).fitted
        exact = level_moments(fitted, fitted.estimates.psi).means[0]
        error = np.abs(_expanded(fitted)[0] - exact).max()
        assert error < 0.05 * np.abs(fitted.estimates.modes[0] - exact).max()


def test_means_move_with_the_parameters():
    fitted = fit_of("cbpp").fitted
    found = conditional_means(fitted)
    psi = fitted.estimates.psi
    for j in (0, len(psi) - 1):
        step = np.zeros(len(psi))
        step[j] = 1e-3
        ends = [level_moments(fitted, psi + s * step).means[0].ravel() for s in (1, -1)]
        np.testing.assert_allclose(
            found.sensitivity[:, j], (ends[0] - ends[1]) / 2e-3, rtol=1e-4, atol=1e-6
        )


def test_of_a_linear_model_they_are_the_modes():
    fit = fit_of("penicillin")
    assert conditional_means(fit.fitted).method == "exact"
    modes, means = fit.random_effects(), fit.random_effects(estimate="mean")
    np.testing.assert_array_equal(modes.estimate, means.estimate)


def test_a_vanished_variance_has_no_effects():
    rng = np.random.default_rng(1)
    data = {"y": rng.poisson(3.0, 60).astype(float), "g": np.repeat(np.arange(20), 3)}
    fit = ilk.fit("y ~ 1 + (1 | g)", data, "poisson")
    if fit.variance_components().sd[0] > 1e-6:
        pytest.skip("not on the boundary")
    assert np.abs(fit.random_effects(estimate="mean").estimate).max() < 1e-6


def test_levels_that_depend_on_each_other():
    """The expansion is nearer to the means over all effects than modes are, of latent nodes too."""
    tree = ilk.covariance.tree("((a:1,b:1)m:1,c:1.3)r;")
    rows = {"tip": np.repeat(list("abc"), 6)}
    rows["y"] = (np.random.default_rng(1).random(18) < np.repeat([0.9, 0.7, 0.15], 6)).astype(float)
    fit = ilk.fit("y ~ 1 + (1 | tip)", rows, "binomial", covariance={"tip": tree})
    assert not shares_levels(fit.fitted)
    found = conditional_means(fit.fitted)
    assert found.method == "expansion"
    dense = Dense(fit)
    root = np.linalg.cholesky(dense.prior(dense.psi))
    x, w = np.polynomial.hermite_e.hermegauss(16)
    points = np.array(list(itertools.product(x, repeat=len(root)))) @ root.T
    weights = np.prod(list(itertools.product(w, repeat=len(root))), axis=1)
    eta = dense.psi[0] + points @ dense.Z.T
    posterior = weights * np.exp(_logistic(dense.y, eta))
    mean = posterior @ points / posterior.sum()
    ours = found.moments.means[0][:, 0]
    modes = fit.fitted.estimates.modes[0][:, 0]
    assert ours == pytest.approx(mean, abs=1e-3)
    assert np.all(np.abs(ours - mean) < 0.2 * np.abs(modes - mean))
    table = fit.random_effects(estimate="mean")
    assert table.estimate.to_numpy() == pytest.approx(ours)
