"""Control limits against closed forms and against simulation of the fitted model."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import ilk
from ilk.ranking.funnel_limits import COVERAGES, curve_limits, tail_probabilities
from ilk.ranking.level_totals import level_totals
from ilk.ranking.total_distribution import kind_of

TAILS = 0.5 * (1.0 - np.array(COVERAGES))


def _one_row(levels=40, seed=0, sd=0.5) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n = np.exp(rng.normal(4.5, 1.2, levels)).round() + 4
    b = sd * rng.normal(size=levels)
    return pd.DataFrame(
        {
            "g": [f"g{i:02d}" for i in range(levels)],
            "n": n,
            "y": rng.poisson(0.1 * n * np.exp(b)),
            "k": rng.binomial(n.astype(int), 1 / (1 + np.exp(1.0 - b))),
        }
    )


def _limits(fit, size, grid):
    totals = level_totals(fit.fitted, "g")
    kind = kind_of(fit.fitted.family)
    return curve_limits(totals, kind, size(totals), grid, totals.typical_mean), totals, kind


def _mean(totals):
    return totals.typical_mean


def _interpolated(frozen, p):
    """Spiegelhalter (2005), appendix A.1; the upper limit is one event further out."""
    r = frozen.ppf(p)
    alpha = (frozen.cdf(r) - p) / (frozen.cdf(r) - frozen.cdf(r - 1))
    return np.maximum(r - alpha, 0.0)


def test_poisson_limits_of_chance_are_those_of_the_paper() -> None:
    fit = ilk.fit("y ~ 1 + (1 | g)", _one_row(), family="poisson", exposure="n")
    grid = np.geomspace(1.0, 60.0, 9)
    limits, *_ = _limits(fit, _mean, grid)
    np.testing.assert_allclose(limits.typical, grid)
    for j, p in enumerate(TAILS):
        frozen = stats.poisson(grid)
        np.testing.assert_allclose(limits.low[0, j], _interpolated(frozen, p), atol=1e-9)
        np.testing.assert_allclose(limits.high[0, j], _interpolated(frozen, 1 - p) + 1, atol=1e-9)


def test_binomial_limits_of_chance_are_those_of_the_paper() -> None:
    fit = ilk.fit("k ~ 1 + (1 | g)", _one_row(), family="binomial", trials="n")
    grid = np.array([6.0, 20.0, 80.0, 300.0])
    limits, *_ = _limits(fit, lambda t: t.trials, grid)
    p0 = 1 / (1 + np.exp(-fit.params["Intercept"]))
    for j, p in enumerate(TAILS):
        frozen = stats.binom(grid.astype(int), p0)
        np.testing.assert_allclose(limits.low[0, j], _interpolated(frozen, p), atol=1e-8)
        upper = np.minimum(_interpolated(frozen, 1 - p) + 1, grid)
        np.testing.assert_allclose(limits.high[0, j], upper, atol=1e-8)


def test_normal_limits_in_closed_form() -> None:
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(30), rng.integers(2, 40, 30))
    data = pd.DataFrame({"g": g.astype(str), "y": rng.normal(size=30)[g] + rng.normal(size=len(g))})
    fit = ilk.fit("y ~ 1 + (1 | g)", data)
    grid = np.array([2.0, 5.0, 30.0])
    limits, *_ = _limits(fit, lambda t: t.rows, grid)
    tau2 = float(fit.fitted.estimates.covariances[0][0, 0])
    sigma2 = fit.fitted.estimates.sigma2
    z = stats.norm.ppf(1 - TAILS)[:, None]
    center = grid * fit.params["Intercept"]
    for j, spread in enumerate((grid * sigma2, grid * sigma2 + grid**2 * tau2)):
        np.testing.assert_allclose(limits.low[j], center - z * np.sqrt(spread), rtol=1e-6)
        np.testing.assert_allclose(limits.high[j], center + z * np.sqrt(spread), rtol=1e-6)


def _brute(mean_of, frozen_of, y, sd):
    """Mixture over a normal effect on a very fine grid."""
    t = np.linspace(-8, 8, 20_001)
    w = stats.norm.pdf(t) / stats.norm.pdf(t).sum()
    return np.array([w @ frozen_of(mean_of(sd * t)).cdf(v) for v in np.atleast_1d(y)])


@pytest.mark.parametrize("size", [0.7, 8.0, 60.0])
def test_predictive_poisson_limits_by_brute_force(size: float) -> None:
    fit = ilk.fit("y ~ 1 + (1 | g)", _one_row(), family="poisson", exposure="n")
    limits, *_ = _limits(fit, _mean, np.array([size, 2 * size]))
    sd = float(np.sqrt(fit.fitted.estimates.covariances[0][0, 0]))
    for j, p in enumerate(TAILS):
        for found, tail, shift in ((limits.low[1, j, 0], p, 0.0), (limits.high[1, j, 0], 1 - p, 1)):
            y = found - shift
            if y <= 0.0:
                continue
            r = np.ceil(y)
            below, at = _brute(lambda b: size * np.exp(b), stats.poisson, [r - 1, r], sd)
            assert below + (at - below) * (y - r + 1) == pytest.approx(tail, abs=2e-7)


def test_predictive_tails_of_random_slopes_by_simulation() -> None:
    rng = np.random.default_rng(5)
    levels, rows = 25, 8
    g, x = np.repeat(np.arange(levels), rows), np.tile(np.arange(rows) - 3.5, levels)
    b = rng.normal(size=(levels, 2)) * [0.5, 0.15]
    days = rng.uniform(1, 6, levels * rows)
    mean = days * np.exp(b[g, 0] + b[g, 1] * x)
    y = rng.poisson(mean * rng.gamma(4.0, 0.25, len(g)))
    data = pd.DataFrame({"g": g.astype(str), "x": x, "y": y, "days": days})
    fit = ilk.fit("y ~ x + (1 + x | g)", data, family="negative_binomial_2", exposure="days")
    fitted = fit.fitted
    codes = fitted.design.terms[0].grouping.codes
    observed = np.bincount(codes, weights=fitted.design.response.y)
    totals = level_totals(fitted, "g")
    below, above = tail_probabilities(totals, "count", observed)
    draws = np.asarray(fit.simulate(3000, seed=1))
    sums = np.zeros((levels, draws.shape[1]))
    np.add.at(sums, codes, draws)
    error = 4.0 * np.sqrt(0.25 / draws.shape[1])
    assert np.max(np.abs(below[1] - np.mean(sums <= observed[:, None], axis=1))) < error
    assert np.max(np.abs(above[1] - np.mean(sums >= observed[:, None], axis=1))) < error
    draws = np.asarray(fit.simulate(3000, estimand="typical", seed=2))
    sums = np.zeros((levels, draws.shape[1]))
    np.add.at(sums, codes, draws)
    assert np.max(np.abs(below[0] - np.mean(sums <= observed[:, None], axis=1))) < error


def test_levels_outside_of_their_limits_have_small_tails() -> None:
    data = _one_row(60, seed=4)
    fit = ilk.fit("y ~ 1 + (1 | g)", data, family="poisson", exposure="n")
    totals = level_totals(fit.fitted, "g")
    size = totals.typical_mean
    order = np.argsort(size)
    limits = curve_limits(totals, "count", size, size[order], size)
    y = data.y.to_numpy(dtype=float)[order]
    below, above = (v[:, order] for v in tail_probabilities(totals, "count", y[np.argsort(order)]))
    for j, p in enumerate(TAILS):
        for k in range(2):
            np.testing.assert_array_equal(y < limits.low[k, j] - 1e-9, below[k] <= p)
            np.testing.assert_array_equal(y > limits.high[k, j] + 1e-9, above[k] <= p)
