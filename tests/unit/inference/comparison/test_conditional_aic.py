"""Conditional AIC: its penalty against derivatives by refits, identities and consistency."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, poisson
from tests.fits import fit_of

import ilk
from ilk.estimation.run import refit
from ilk.inference.comparison.conditional_aic import conditional_aic
from ilk.likelihood.base import Search

EXACT = Search(tolerance=1e-14)


def frame(rows=40, seed=1):
    rng = np.random.default_rng(seed)
    data = pd.DataFrame({"x": rng.normal(size=rows), "g": rng.integers(0, 8, rows)})
    data["h"] = rng.integers(0, 5, rows)
    b = rng.normal(size=(8, 2))[data.g]
    data["y"] = 10.0 + data.x + b[:, 0] + 0.7 * b[:, 1] * data.x + rng.normal(size=rows)
    data["w"] = rng.uniform(0.5, 3.0, rows)
    return data


@pytest.mark.parametrize(
    ("formula", "keywords"),
    [
        ("y ~ x + (1 | g)", {}),
        ("y ~ x + (1 + x | g)", {}),
        ("y ~ x + (1 + x | g)", {"reml": False}),
        ("y ~ x + (1 | g) + (1 | h)", {}),
        ("y ~ x + cs(1 + x | g)", {}),
        ("y ~ x + (1 | g)", {"precision_weights": "w"}),
    ],
)
def test_the_penalty_is_the_derivative_of_the_fit(formula, keywords):
    data = frame()
    fit = ilk.fit(formula, data, search=EXACT, **keywords).fitted
    y, h = fit.design.response.y, 0.003 * data.y.std()
    trace = 0.0
    for i in range(len(y)):
        unit = np.eye(len(y))[i]
        up, down = (refit(fit, y + side * unit, EXACT).mean[i] for side in (h, -h))
        trace += (up - down) / (2.0 * h)
    assert conditional_aic(fit).df == pytest.approx(1.0 + trace, rel=2e-4)


def test_a_variance_of_zero_costs_nothing():
    fit = fit_of("dyestuff2").fitted
    found = conditional_aic(fit)
    assert found.df == pytest.approx(2.0, abs=1e-8)  # mean and sigma
    y = fit.design.response.y
    assert found.loglik == pytest.approx(norm.logpdf(y, y.mean(), y.std()).sum(), abs=1e-8)


def test_without_random_effects_it_is_the_aic():
    fit = ilk.fit("y ~ x", frame(), reml=False)
    assert conditional_aic(fit.fitted).value == pytest.approx(fit.aic, abs=1e-9)


def test_frequency_weights_stand_for_rows():
    data = frame(24)
    data["n"] = np.tile([1, 2, 3], 8)
    long = data.loc[data.index.repeat(data.n)]
    weighted = ilk.fit("y ~ x + (1 | g)", data, frequency_weights="n", search=EXACT).fitted
    single = ilk.fit("y ~ x + (1 | g)", long, search=EXACT).fitted
    assert conditional_aic(weighted).value == pytest.approx(conditional_aic(single).value, abs=1e-5)


def test_counts_by_hand():
    """With one mean for all, log mu-hat(y) - log mu-hat(y - 1) is known."""
    rng = np.random.default_rng(2)
    y = rng.poisson(4.0, 30)
    data = pd.DataFrame({"y": y, "g": np.arange(30) % 6})
    fit = ilk.fit("y ~ 1 + (1 | g)", data, "poisson").fitted
    found = conditional_aic(fit)
    if fit.estimates.covariances[0][0, 0] == 0.0:
        expected = y.sum() * math.log(y.sum() / (y.sum() - 1.0))
        assert found.df == pytest.approx(expected, rel=0.05)
    assert found.loglik == pytest.approx(poisson.logpmf(y, fit.mean).sum(), abs=1e-8)


def test_successes_and_single_trials_agree():
    """A count of successes and its trials one by one are the same data."""
    rng = np.random.default_rng(3)
    counts = pd.DataFrame({"k": rng.binomial(3, 0.4, 16), "n": 3, "g": np.arange(16) % 5})
    rows = [(i, j) for i in range(16) for j in range(3)]
    single = pd.DataFrame(
        {"y": [int(j < counts.k[i]) for i, j in rows], "g": [counts.g[i] for i, _ in rows]}
    )
    together = ilk.fit("k / n ~ 1 + (1 | g)", counts, "binomial", search=EXACT).fitted
    apart = ilk.fit("y ~ 1 + (1 | g)", single, "binomial", search=EXACT).fitted
    assert conditional_aic(together).df == pytest.approx(conditional_aic(apart).df, abs=1e-5)


def test_what_is_not_known_is_not_a_number():
    found = conditional_aic(fit_of("salamanders").fitted)
    assert math.isnan(found.value)
    assert "no unbiased penalty" in found.method
    few = conditional_aic(fit_of("ticks").fitted, refits=10)
    assert math.isnan(few.value)
    assert "refits" in few.method
