"""Draws from a fitted model."""

from __future__ import annotations

import numpy as np
import pytest
from tests.fits import data_of, fit_of

import ilk
from ilk.errors import ModelError
from ilk.num.triangular import covariance_root
from ilk.simulate import draw_effects, generator_of, response_drawer, simulate


def test_population_draws_have_the_marginal_covariance():
    fit = fit_of("sleepstudy")
    draws = fit.simulate(4000, seed=1)
    design = fit.fitted.design
    Z = design.terms[0].columns[:10]
    V = Z @ fit.fitted.estimates.covariances[0] @ Z.T + fit.sigma**2 * np.eye(10)
    within = np.cov(draws[:10])
    np.testing.assert_allclose(within, V, atol=0.1 * V.max())
    np.testing.assert_allclose(
        draws.mean(axis=1), fit.predict(estimand="typical").estimate, atol=5.0
    )
    assert abs(np.corrcoef(draws[0], draws[20])[0, 1]) < 0.06  # another subject


def test_conditional_draws_scatter_around_the_fitted_values():
    fit = fit_of("salamanders")
    draws = fit.simulate(4000, estimand="conditional", seed=2)
    error = draws.std(axis=1) / np.sqrt(4000)
    assert np.all(np.abs(draws.mean(axis=1) - fit.fitted_values) < 5 * error + 1e-3)


def test_typical_draws():
    fit = fit_of("cbpp")
    draws = fit.simulate(3000, estimand="typical", seed=3)
    share = draws.mean(axis=1) / data_of("cbpp")["size"]
    np.testing.assert_allclose(share, fit.predict(estimand="typical").estimate, atol=0.03)


def test_draws_depend_on_the_seed_and_their_number_only():
    fit = fit_of("cbpp")
    np.testing.assert_array_equal(fit.simulate(5, seed=7)[:, :2], fit.simulate(2, seed=7))
    assert not np.array_equal(fit.simulate(1, seed=7), fit.simulate(1, seed=8))
    sequence = np.random.SeedSequence(7)
    np.testing.assert_array_equal(fit.simulate(2, seed=sequence), fit.simulate(2, seed=sequence))


def test_precision_weights_shrink_the_noise():
    fit = fit_of("weighted")
    draws = fit.simulate(3000, estimand="conditional", seed=1)
    spread = draws.std(axis=1) * np.sqrt(data_of("weighted").w)
    np.testing.assert_allclose(spread, fit.sigma, rtol=0.1)


def test_a_singular_covariance_can_be_drawn_from():
    fit = fit_of("dyestuff2")
    (effects,) = draw_effects(fit.fitted, np.random.default_rng(0))
    assert np.all(effects == 0.0)
    root = covariance_root(np.array([[1.0, 1.0], [1.0, 1.0]]))
    np.testing.assert_allclose(root @ root.T, 1.0)


@pytest.mark.parametrize("n", [0, -1, 1.5, True, "2"])
def test_counts_that_cannot_be(n):
    with pytest.raises(ModelError, match="whole number"):
        fit_of("cbpp").simulate(n)


@pytest.mark.parametrize("seed", [-1, 1.5, "x", True])
def test_seeds_that_cannot_be(seed):
    with pytest.raises(ModelError, match="seed"):
        fit_of("cbpp").simulate(1, seed=seed)


def test_drawers_give_the_columns_of_simulate():
    fitted = fit_of("sleepstudy").fitted
    root = np.random.SeedSequence(4)
    for estimand in ("population", "conditional", "typical"):
        draw = response_drawer(fitted, estimand)
        Y = simulate(fitted, 3, estimand=estimand, seed=4)
        np.testing.assert_array_equal(draw(generator_of(root, 2)), Y[:, 2])


def test_effects_that_make_impossible_means_are_said_in_one_sentence():
    rng = np.random.default_rng(0)
    g = np.repeat(np.arange(20), 10)
    y = rng.poisson(np.maximum(0.3, 2.0 + 0.9 * rng.normal(size=20))[g])
    fit = ilk.fit("y ~ 1 + (1 | g)", {"y": y, "g": g}, family="poisson", link="identity")
    with pytest.raises(ModelError, match="means that it cannot have"):
        fit.simulate(50, seed=1)
