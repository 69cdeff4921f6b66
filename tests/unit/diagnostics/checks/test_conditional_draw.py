"""Draws of random effects given the data: moments against the exact conditional distribution."""

from __future__ import annotations

import numpy as np
import pytest
from tests.fits import fit_of

import ilk
from ilk.diagnostics.checks.conditional_draw import conditional_drawer
from ilk.prediction.conditional_means import conditional_means


def _draws(fit, count: int) -> np.ndarray:
    rng = np.random.default_rng(4)
    draw = conditional_drawer(fit.fitted)
    return np.array([np.concatenate([b.ravel() for b in draw(rng)]) for _ in range(count)])


@pytest.mark.parametrize("name", ["sleepstudy", "penicillin", "gamma", "cbpp", "weighted"])
def test_mean_and_covariance_are_those_of_the_effects_given_the_data(name: str) -> None:
    fit = fit_of(name)
    drawn = _draws(fit, 600)
    moments = conditional_means(fit.fitted, sensitivity=False).moments
    center = np.concatenate([mean.ravel() for mean in moments.means])
    C = fit.fitted.conditional_solve(np.eye(len(center)))
    exact = np.concatenate([np.diagonal(V, axis1=1, axis2=2).ravel() for V in moments.covariances])
    scale = np.sqrt(np.diag(C))
    z = (drawn - center) / np.sqrt(exact)
    assert np.abs(z.mean(axis=0)).max() < 4.5 / np.sqrt(600)
    correlation = C / np.outer(scale, scale)
    assert np.abs(z.T @ z / 600 - correlation).max() < 6.0 / np.sqrt(600)


def test_a_variance_of_zero_gives_no_effects() -> None:
    (effects,) = conditional_drawer(fit_of("dyestuff2").fitted)(np.random.default_rng(0))
    np.testing.assert_allclose(effects, 0.0, atol=1e-8)


def test_no_random_terms_no_effects() -> None:
    data = {"y": [0.1, 1.2, 2.3, 2.9], "x": [0.0, 1.0, 2.0, 3.0]}
    fit = ilk.fit("y ~ x", data)
    assert conditional_drawer(fit.fitted)(np.random.default_rng(0)) == ()


def test_effects_of_several_predictors() -> None:
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(30), 12)
    b, d = 0.8 * rng.normal(size=30), 0.5 * rng.normal(size=30)
    y = b[g] + np.exp(0.5 * d[g]) * rng.normal(size=360)
    fit = ilk.fit("y ~ 1 + (1 | g)", {"y": y, "g": g}, dispersion="~ 1 + (1 | g)", reml=False)
    drawn = _draws(fit, 500)
    modes = np.concatenate([mode.ravel() for mode in fit.fitted.estimates.modes])
    C = fit.fitted.conditional_solve(np.eye(len(modes)))
    z = (drawn - modes) / np.sqrt(np.diag(C))
    # rows of a Gaussian with a random dispersion may bend the wrong way, which adds a little
    assert np.all(np.abs(z.var(axis=0) - 1.0) < 0.4)


def test_posterior_of_a_skewed_level_by_brute_force() -> None:
    # 0/1 outcomes in clusters of four: the density of an effect given the data on a grid
    rng = np.random.default_rng(7)
    g = np.repeat(np.arange(60), 4)
    y = (rng.random(240) < 1 / (1 + np.exp(1.0 - 2.0 * rng.normal(size=60)[g]))).astype(float)
    fit = ilk.fit("y ~ 1 + (1 | g)", {"y": y, "g": g}, family="binomial", quadrature=15)
    drawn = _draws(fit, 800)
    sd = np.sqrt(fit.fitted.estimates.covariances[0][0, 0])
    grid = np.linspace(-8 * sd, 8 * sd, 4001)
    p = 1 / (1 + np.exp(-(fit.params["Intercept"] + grid)))
    for level in range(60):
        ones = y[g == level].sum()
        density = p**ones * (1 - p) ** (4 - ones) * np.exp(-0.5 * (grid / sd) ** 2)
        density /= density.sum()
        mean = density @ grid
        spread = np.sqrt(density @ (grid - mean) ** 2)
        assert abs(drawn[:, level].mean() - mean) < 4.5 * spread / np.sqrt(800)
        assert abs(drawn[:, level].std() / spread - 1) < 0.15
