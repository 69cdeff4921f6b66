"""Levels compared by the probability of a category or a higher one."""

import numpy as np
import pandas as pd
import pytest

import ilk

LEVELS = ["poor", "fair", "good"]


@pytest.fixture(scope="module")
def fit():
    rng = np.random.default_rng(8)
    ward = np.repeat(np.arange(12), rng.integers(10, 40, 12))
    latent = rng.normal(0, 1.0, 12)[ward] + rng.logistic(size=len(ward))
    y = np.array(LEVELS)[np.digitize(latent, [-0.7, 0.9])]
    return ilk.fit(
        "y ~ 1 + (1 | ward)",
        pd.DataFrame({"ward": ward, "y": y}),
        ilk.families.cumulative(levels=LEVELS),
    )


def test_numbers_are_of_the_event(fit):
    table = fit.league_table("ward", category="good", order="high", draws=500)
    frame = table.frame.sort_values("level")
    good = fit.augment().assign(event=lambda d: d.y == "good").groupby("ward").event
    assert frame.observed.tolist() == good.sum().tolist()
    np.testing.assert_allclose(frame.raw_rate, good.mean())
    means = fit.predict(estimand="population")
    expected = means[means.category == "good"].estimate.to_numpy()
    np.testing.assert_allclose(frame.expected.sum(), expected.sum(), rtol=1e-6)
    assert "probability of y = 'good' or higher" in table.text
    assert "all categories" in table.text.replace("\n  ", " ")


def test_rates_are_probabilities_at_the_effects(fit):
    table = fit.league_table("ward", category="fair", draws=500).table
    cut = fit.fitted.coef[0]
    middle = 1.0 / (1.0 + np.exp(cut - table.effect))
    assert np.max(np.abs(table.rate - middle)) < 0.03
    shares = fit.augment().groupby("ward").y.apply(lambda y: float(np.mean(y != "poor")))
    assert np.corrcoef(shares, table.rate)[0, 1] > 0.85


def test_the_default_is_the_most_even_cut(fit):
    y = fit.augment().y
    even = min(("fair", (y != "poor").mean()), ("good", (y == "good").mean()), key=_from_half)[0]
    assert f"'{even}' or higher" in fit.league_table("ward", draws=200).text
    with pytest.raises(ilk.ModelError, match="one of 'fair', 'good'"):
        fit.league_table("ward", category="poor")
    scores = ilk.fit("score ~ 1 + (1 | school)", ilk.datasets.load("classroom_scores"))
    with pytest.raises(ilk.ModelError, match="leave it out"):
        scores.league_table("school", category="good")


def _from_half(pair):
    return abs(pair[1] - 0.5)
