"""Joint draws: against numerical integration of the whole posterior, and exact covariances."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import ilk
from ilk.ranking import league_table
from ilk.ranking.draws import even_normals, posterior
from ilk.ranking.standards import make_standard
from ilk.ranking.target import choose_target

from ...answers import counts
from ...fits import fit_of


def _target(fit, group, term=None):
    standard = make_standard(fit.fitted, group, "case_mix")
    return choose_target(fit.fitted, group, term, standard.weights, standard.fixed), standard


def _draws(fit, group, term=None, count=4000):
    target, standard = _target(fit, group, term)
    source = posterior(fit.fitted, target, standard.common())
    chunks = list(source.chunks(count, np.random.default_rng(1)))
    return np.concatenate([c.effect for c in chunks]), np.concatenate([c.shift for c in chunks])


def _posterior_by_grid(y, e):
    """Median and limits of each level's rate, flat priors of intercept and sd, all integrated."""
    beta, sigma, b = np.linspace(-3, 2.5, 81), np.linspace(0.02, 3.0, 60), np.linspace(-8, 8, 801)
    rates = np.exp(np.add.outer(beta, b))
    grid = np.linspace(-6, 4, 401)  # log rate
    logs = np.empty((len(beta), len(sigma)))
    inside = np.empty((len(y), len(beta), len(sigma)))
    likelihood = [stats.poisson.pmf(k, x * rates) for k, x in zip(y, e, strict=True)]
    prior = np.array([stats.norm.pdf(b, 0.0, s) for s in sigma])
    for i in range(len(y)):
        inside[i] = likelihood[i] @ prior.T
    logs = np.log(inside).sum(axis=0)
    weight = np.exp(logs - logs.max())
    out = []
    for i in range(len(y)):
        ratio = weight / inside[i]
        mixed = (ratio @ prior) * likelihood[i]  # (beta, b)
        total = np.add.outer(beta, b).ravel()
        density = np.histogram(total, bins=grid, weights=mixed.ravel())[0]
        below = np.cumsum(density) / density.sum()
        out.append(np.exp(np.interp([0.025, 0.5, 0.975], below, grid[1:])))
    return np.array(out)


def test_rates_are_those_of_the_posterior_by_numerical_integration() -> None:
    """With few small levels conditional densities are skewed and the sd is hardly known."""
    y = np.array([0, 1, 9, 2, 14, 0, 5, 3, 1, 6])
    e = np.array([2.0, 1.5, 4.0, 3.0, 5.0, 6.0, 2.0, 4.0, 3.0, 3.0])
    data = pd.DataFrame({"y": y, "e": e, "g": np.arange(10)})
    fit = ilk.fit("y ~ (1 | g)", data, family="poisson", exposure="e", quadrature=25)
    table = league_table(fit.fitted, "g", draws=20_000)
    exact = _posterior_by_grid(y, e)
    found = np.column_stack([table.rate_low, table.rate, table.rate_high])
    assert np.log(found / exact) == pytest.approx(0.0, abs=0.15)
    naive = np.abs(np.log(np.maximum(table.raw_rate, 1e-3) / exact[:, 1])).max()
    assert naive > 0.5


def test_levels_of_a_linear_model_with_one_factor() -> None:
    """At many levels the parameters are nearly normal: means and covariances are known."""
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(80), 4)
    y = rng.normal(size=80)[g] + rng.normal(size=320)
    fit = ilk.fit("y ~ (1 | g)", pd.DataFrame({"y": y, "g": g}))
    effect, shift = _draws(fit, "g")
    joint = fit.joint_covariance("g")
    assert effect.mean(axis=0) == pytest.approx(joint.estimate, abs=0.05)
    assert np.cov(effect.T) == pytest.approx(joint.matrix, abs=0.035)
    total = (effect + shift[:, None]).var(axis=0)
    assert total == pytest.approx(np.full(80, 0.2), rel=0.25)  # less than that of the effects
    assert np.all(total < effect.var(axis=0))


def test_levels_of_crossed_factors_are_correlated() -> None:
    """What all levels share is known badly, their differences are known well."""
    fit = fit_of("penicillin")
    effect, shift = _draws(fit, "sample", count=20_000)
    joint = fit.joint_covariance("sample")
    scale = np.sqrt(np.diag(joint.matrix))
    assert effect.std(axis=0) == pytest.approx(scale, rel=0.2)
    correlation = joint.matrix / np.outer(scale, scale)
    assert correlation[0, 1] > 0.7
    assert np.corrcoef(effect.T) == pytest.approx(correlation, abs=0.1)
    weights = np.eye(6) - 1 / 6
    estimate, error = joint.combine(weights)
    apart = effect @ weights
    assert apart.mean(axis=0) == pytest.approx(estimate, abs=0.02)
    assert apart.std(axis=0) == pytest.approx(error, rel=0.1)
    assert (effect.mean(axis=1) + shift).std() < 0.3 * shift.std()


def test_shift_is_that_of_the_rate() -> None:
    """With the log link the shared shift is that of the mean log rate, exactly."""
    data = counts()
    fit = ilk.fit("y ~ x + (1 | person)", data, family="poisson")
    _, standard = _target(fit, "person")
    rate = standard.rate()
    moved = np.array([0.02, -0.03])
    eta = fit.fitted.model.fitted_parts[0].X @ (fit.fitted.coef + moved)
    assert np.log(np.exp(eta).mean() / rate) == pytest.approx(
        float(moved @ standard.common()[:2]), abs=1e-3
    )


def test_slopes_carry_the_fixed_slope() -> None:
    fit = fit_of("sleepstudy")
    effect, shift = _draws(fit, "Subject", "Days")
    joint = fit.joint_covariance("Subject", coefficients=True)
    names = list(joint.names)
    weights = np.zeros((18, len(names)))
    levels = fit.fitted.design.terms[0].grouping.levels
    for row, level in enumerate(levels):
        weights[row, names.index(("mean", "Days"))] = 1.0
        weights[row, names.index(("mean", "Subject", level, "Days"))] = 1.0
    estimate, error = joint.combine(weights)
    assert effect.mean(axis=0) == pytest.approx(estimate, abs=0.4)
    assert effect.std(axis=0) == pytest.approx(error, rel=0.12)
    assert shift.std() > 0.0


def test_points_are_even() -> None:
    points = even_normals(np.random.default_rng(2), 64, 5)
    assert points.shape == (64, 5)
    assert points.mean(axis=0) == pytest.approx(0.0, abs=1e-12)
    assert points.std(axis=0) == pytest.approx(1.0, abs=0.15)


def test_levels_with_many_effects() -> None:
    """Four effects per level: normal around the mode, said so."""
    rng = np.random.default_rng(4)
    g = np.repeat(np.arange(40), 12)
    x = rng.normal(size=(480, 3))
    eta = 0.5 + rng.normal(size=40)[g] * 0.6 + 0.4 * rng.normal(size=(40, 3))[g] @ np.zeros(3)
    data = pd.DataFrame({"y": rng.poisson(np.exp(eta)), "g": g})
    data[["a", "b", "c"]] = x
    fit = ilk.fit("y ~ (1 | g) + (0 + a | g) + (0 + b | g) + (0 + c | g)", data, family="poisson")
    table = fit.league_table("g").table
    assert "normal around the conditional mode" in table.method
    assert np.corrcoef(table.expected_rank, table.raw_rank)[0, 1] > 0.9


def test_a_dispersion_that_is_zero_stays_there() -> None:
    g = np.repeat(np.arange(12), 8)
    y = 1.0 + np.random.default_rng(2).binomial(3, 0.4, len(g)) * (g % 3 + 1) // 2
    data = {"y": y, "g": g}
    found = {
        family: ilk.fit("y ~ 1 + (1 | g)", data, f"truncated_{family}")
        for family in ("poisson", "negative_binomial_2")
    }
    assert "no_dispersion" in [r.code for r in found["negative_binomial_2"].verdict.reasons]
    target, standard = _target(found["negative_binomial_2"], "g")
    source = posterior(found["negative_binomial_2"].fitted, target, standard.common())
    (chunk, *_) = source.chunks(500, np.random.default_rng(1))
    assert np.all(np.isfinite(chunk.effect))
    sizes = {name: np.std(_draws(one, "g", count=2000)[0], axis=0) for name, one in found.items()}
    np.testing.assert_allclose(sizes["negative_binomial_2"], sizes["poisson"], rtol=0.15)
