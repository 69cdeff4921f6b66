"""The table beneath a funnel plot."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.errors import ModelError
from ilk.ranking import league_table
from ilk.ranking.funnel import funnel
from ilk.ranking.funnel_limits import tail_probabilities
from ilk.ranking.level_totals import level_totals

RNG = np.random.default_rng(0)
LEVELS, ROWS = 24, 5
G = np.repeat(np.arange(LEVELS), ROWS)
B = 0.4 * RNG.normal(size=LEVELS)[G]
X = RNG.normal(size=len(G))
N = RNG.integers(4, 30, len(G))
MEAN = np.exp(0.5 + 0.3 * X + B)
SHARE = 1 / (1 + np.exp(0.5 - 0.3 * X - B))
DATA = pd.DataFrame(
    {
        "g": [f"g{i:02d}" for i in G],
        "x": X,
        "n": N,
        "days": N / 10.0,
        "count": RNG.poisson(RNG.gamma(3.0, MEAN / 3.0)),
        "zeros": np.where(RNG.random(len(G)) < 0.3, 0, RNG.poisson(MEAN)),
        "k": RNG.binomial(N, RNG.beta(4 * SHARE, 4 * (1 - SHARE))),
        "yes": RNG.binomial(1, SHARE),
        "size": RNG.gamma(3.0, MEAN / 3.0),
        "part": np.clip(RNG.beta(6 * SHARE, 6 * (1 - SHARE)), 0.001, 0.999),
        "score": 3 * X + 2 * B + RNG.normal(size=len(G)),
    }
)
MODELS = {
    "gaussian": ("score", {}),
    "poisson": ("count", {"family": "poisson", "exposure": "days"}),
    "nb1": ("count", {"family": "negative_binomial_1"}),
    "nb2": ("count", {"family": "negative_binomial_2", "exposure": "days"}),
    "zip": ("zeros", {"family": "poisson", "zero_inflation": "~ 1"}),
    "binomial": ("k", {"family": "binomial", "trials": "n"}),
    "binary": ("yes", {"family": "binomial"}),
    "beta_binomial": ("k", {"family": "beta_binomial", "trials": "n"}),
    "gamma": ("size", {"family": "gamma", "link": "log"}),
    "inverse_gaussian": ("size", {"family": "inverse_gaussian", "link": "log"}),
    "beta": ("part", {"family": "beta"}),
    "weights": ("score", {"precision_weights": "n"}),
    "frequencies": ("count", {"family": "poisson", "frequency_weights": "n"}),
    "dispersion": ("count", {"family": "negative_binomial_2", "dispersion": "~ x"}),
}


FAST = {"gaussian", "poisson", "nb2", "binomial", "frequencies"}
NAMES = [
    name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in sorted(MODELS)
]


@pytest.mark.parametrize("name", NAMES)
def test_every_family_has_limits(name: str) -> None:
    response, options = MODELS[name]
    fit = ilk.fit(f"{response} ~ x + (1 | g)", DATA, **options)
    league = league_table(fit.fitted, "g", draws=100)
    found = funnel(fit.fitted, league)
    np.testing.assert_array_equal(found.value, league.ratio)
    for values in (found.low, found.high, found.typical, found.below, found.above):
        assert np.all(np.isfinite(values))
    assert np.all(found.low <= found.typical + 1e-9)
    assert np.all(found.typical <= found.high + 1e-9)
    # wider with the coverage, and with the differences between levels
    assert np.all(found.low[:, 1] <= found.low[:, 0] + 1e-9)
    assert np.all(found.high[:, 1] >= found.high[:, 0] - 1e-9)
    assert np.all(found.low[1] <= found.low[0] + 1e-6)
    assert np.all(found.high[1, 1] >= found.high[0, 1] - 1e-6)
    # most levels are inside of what the model predicts, each on one side of the middle at most
    assert np.sum(found.outside(0.95) != 0) <= 6
    assert np.sum(found.outside(0.998) != 0) <= 1
    assert np.all(found.below + found.above >= 1.0 - 1e-9)


def test_simulated_levels_are_outside_as_often_as_they_should() -> None:
    fit = ilk.fit("count ~ x + (1 | g)", DATA, family="negative_binomial_2", exposure="days")
    codes, totals = fit.fitted.design.terms[0].grouping.codes, level_totals(fit.fitted, "g")
    outside = []
    for y in np.asarray(fit.simulate(100, seed=3)).T:
        sums = np.bincount(codes, weights=y)
        below, above = tail_probabilities(totals, "count", sums)
        outside.append(np.mean((below[1] <= 0.05) | (above[1] <= 0.05)))
    assert 0.06 < np.mean(outside) < 0.105  # conservative: counts are discrete


def test_outside_says_on_which_side() -> None:
    data = DATA.assign(count=np.where(DATA.g == "g05", 40, DATA["count"]))
    fit = ilk.fit("count ~ x + (1 | g)", data, family="poisson", exposure="days")
    found = funnel(fit.fitted, league_table(fit.fitted, "g", draws=100))
    i = found.levels.index("g05")
    assert found.outside(0.998, "sampling")[i] == 1
    assert found.size_name == "expected"
    assert found.response == "count"
    for within, below, above in zip(
        ("sampling", "predictive"), found.below, found.above, strict=True
    ):
        out = found.outside(0.95, within)
        np.testing.assert_array_equal(out == 1, above <= 0.025)
        np.testing.assert_array_equal(out == -1, below <= 0.025)


def test_expectations_of_typical_levels_center_the_funnel() -> None:
    fit = ilk.fit("count ~ x + (1 | g)", DATA, family="poisson", exposure="days")
    typical = funnel(fit.fitted, league_table(fit.fitted, "g", draws=100, expected="typical"))
    np.testing.assert_allclose(typical.typical, 1.0)
    average = funnel(fit.fitted, league_table(fit.fitted, "g", draws=100))
    variance = float(fit.fitted.estimates.covariances[0][0, 0])
    np.testing.assert_allclose(average.typical, np.exp(-0.5 * variance))


def test_the_same_case_mix_as_the_table() -> None:
    data = DATA.assign(beds=0.2 * np.arange(LEVELS)[G] % 3)
    fit = ilk.fit("count ~ x + beds + (1 | g)", data, family="poisson", exposure="days")
    for adjust in ("case_mix", "within"):
        league = league_table(fit.fitted, "g", draws=100, adjust=adjust, expected="typical")
        np.testing.assert_allclose(funnel(fit.fitted, league).typical, 1.0)


def test_trials_and_rows_as_sizes() -> None:
    trials = ilk.fit("k ~ x + (1 | g)", DATA, family="binomial", trials="n").fitted
    found = funnel(trials, league_table(trials, "g", draws=100))
    assert found.size_name == "trials"
    np.testing.assert_allclose(found.size, DATA.groupby("g").n.sum())
    rows = ilk.fit("score ~ x + (1 | g)", DATA).fitted
    found = funnel(rows, league_table(rows, "g", draws=100))
    assert found.size_name == "observations"
    assert found.comparison == "difference"
    np.testing.assert_allclose(found.size, ROWS)


def test_slopes_have_no_funnel() -> None:
    fit = ilk.fit("count ~ x + (1 + x | g)", DATA, family="poisson", exposure="days")
    league = league_table(fit.fitted, "g", term="x", draws=100)
    with pytest.raises(ModelError, match="ranks slopes"):
        funnel(fit.fitted, league)
    levels = funnel(fit.fitted, league_table(fit.fitted, "g", draws=100))
    assert np.all(np.isfinite(levels.high))


def test_bad_coverage() -> None:
    fit = ilk.fit("score ~ x + (1 | g)", DATA)
    with pytest.raises(ModelError, match="between 0 and 1"):
        funnel(fit.fitted, league_table(fit.fitted, "g", draws=100), coverages=(95.0,))
