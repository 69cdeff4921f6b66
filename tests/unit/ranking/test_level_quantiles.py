"""Quantiles of the conditional posterior of levels, against integration on dense grids."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import ilk
from ilk.ranking.level_quantiles import SCORES, level_quantiles, standardized_modes
from ilk.ranking.standards import make_standard
from ilk.ranking.target import choose_target

CENTRAL = slice(10, 27)
"""Scores from -2 to 2."""


def _quantiles(fit, group, term=None):
    standard = make_standard(fit.fitted, group, "case_mix")
    target = choose_target(fit.fitted, group, term, standard.weights, standard.fixed)
    start = standardized_modes(fit.fitted)
    return level_quantiles(fit.fitted, fit.fitted.estimates.psi, target, start)


def _of_density(x, density):
    below = np.cumsum(density) / density.sum()
    return np.interp(stats.norm.cdf(SCORES[CENTRAL]), below - 0.5 * density / density.sum(), x)


def test_counts_with_and_without_events() -> None:
    y = np.array([0, 0, 1, 7, 30, 3, 12, 0])
    e = np.array([0.5, 6.0, 2.0, 3.0, 20.0, 1.0, 9.0, 2.0])
    data = pd.DataFrame({"y": y, "e": e, "g": np.arange(8)})
    fit = ilk.fit("y ~ (1 | g)", data, family="poisson", exposure="e")
    table = _quantiles(fit, "g")
    sigma = np.sqrt(fit.fitted.estimates.covariances[0][0, 0])
    x = np.linspace(-7 * sigma, 7 * sigma, 20_001)
    for level in range(8):
        mu = e[level] * np.exp(fit.params["Intercept"] + x)
        exact = _of_density(x, stats.poisson.pmf(y[level], mu) * stats.norm.pdf(x, 0.0, sigma))
        assert table[level, CENTRAL] == pytest.approx(exact, abs=2e-3 * sigma)
    skewed = table[1, 27] - table[1, 18] < 0.9 * (table[1, 18] - table[1, 9])
    assert skewed


def test_slopes_with_frequencies_and_trials() -> None:
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(12), 12)
    x, trials, times = rng.normal(size=144), rng.integers(1, 6, 144), rng.integers(1, 3, 144)
    b = rng.normal(size=(12, 2)) @ np.array([[1.0, 0.3], [0.0, 0.9]])
    p = 1 / (1 + np.exp(-(b[g, 0] + b[g, 1] * x)))
    data = pd.DataFrame({"y": rng.binomial(trials, p), "n": trials, "x": x, "g": g, "f": times})
    fit = ilk.fit("y / n ~ x + (1 + x | g)", data, family="binomial", frequency_weights="f")
    table = _quantiles(fit, "g", "x")
    G = fit.fitted.estimates.covariances[0]
    reach = np.sqrt(np.diag(G))
    first, second = np.linspace(-6, 6, 241) * reach[0], np.linspace(-6, 6, 401) * reach[1]
    A, B = np.meshgrid(first, second, indexing="ij")
    prior = stats.multivariate_normal(np.zeros(2), G, allow_singular=True).logpdf(np.dstack([A, B]))
    for level in (0, 5, 11):
        logs = prior.copy()
        for i in np.flatnonzero(g == level):
            eta = fit.params["Intercept"] + fit.params["x"] * x[i] + A + B * x[i]
            row = data["y"][i] * eta - trials[i] * np.logaddexp(0.0, eta)
            logs += times[i] * row
        density = np.exp(logs - logs.max()).sum(axis=0)
        exact = _of_density(second, density)
        assert table[level, CENTRAL] == pytest.approx(exact, abs=0.005 * reach[1])


def test_no_variance_no_effects() -> None:
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"y": rng.poisson(4.0, 60), "g": np.repeat(np.arange(12), 5)})
    data["y"] = [3, 4, 5, 4, 4] * 12
    fit = ilk.fit("y ~ (1 | g)", data, family="poisson")
    assert fit.fitted.estimates.covariances[0][0, 0] == 0.0
    assert np.all(_quantiles(fit, "g") == 0.0)
