"""Uniformity of residuals and of totals of clusters."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import ilk
from ilk.diagnostics.checks.uniformity import kolmogorov


def test_kolmogorov_distance_is_scipys() -> None:
    u = np.random.default_rng(0).beta(1.3, 1.0, size=(50, 4))
    found = kolmogorov(np.sort(u, axis=0))
    expected = [stats.kstest(column, "uniform").statistic for column in u.T]
    np.testing.assert_allclose(found, expected)


def _counts(seed: int, shape: float | None = None) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(40), 10)
    x = rng.normal(size=400)
    mu = np.exp(1.0 + 0.3 * x + 0.4 * rng.normal(size=40)[g])
    y = rng.poisson(mu) if shape is None else rng.negative_binomial(shape, shape / (shape + mu))
    return {"y": y, "x": x, "g": g}


def test_a_poisson_fit_of_overdispersed_counts_is_not_uniform() -> None:
    wrong = ilk.fit("y ~ x + (1 | g)", _counts(1, 1.5), family="poisson").check("uniformity")
    one = wrong["uniformity"][0]
    assert one.verdict == "problem"
    assert "too many are at the ends" in one.sentence
    right = ilk.fit("y ~ x + (1 | g)", _counts(1, 1.5), family="negative_binomial_2")
    assert right.check("uniformity").verdict == "ok"
    assert one.detail is not None
    outside = (one.detail["observed"] < one.detail["low"]) | (
        one.detail["observed"] > one.detail["high"]
    )
    assert outside.mean() > 0.5


def test_clusters_that_were_left_out_show_in_their_totals() -> None:
    data = pd.DataFrame(_counts(2))
    fit = ilk.fit("y ~ x", data, family="poisson")
    shape, spread = fit.check("groups", group=data["g"])["groups"]
    assert (shape.where, shape.estimand) == ("g", "conditional")
    assert spread.verdict == "problem"
    assert spread.statistic > 1.4
    assert "give it a random term" in spread.advice
    right = ilk.fit("y ~ x + (1 | g)", data, family="poisson").check("groups")
    assert right.verdict == "ok"
    assert [one.estimand for one in right["groups"]] == ["population", "population"]


def test_totals_of_rows_and_of_few_levels_are_not_looked_at() -> None:
    data = _counts(3)
    data["few"] = data["g"] % 4
    fit = ilk.fit("y ~ x + (1 | few) + olre()", data, family="poisson")
    assert fit.check("groups")["groups"] == ()


@pytest.mark.slow
def test_size_under_the_true_model() -> None:
    found = []
    for seed in range(150):
        fit = ilk.fit("y ~ x + (1 | g)", _counts(100 + seed), family="poisson")
        checks = fit.check(("uniformity", "groups"), draws=99).checks.checks
        found.append([one.p_value for one in checks])
    assert np.all(np.mean(np.array(found) <= 0.05, axis=0) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 150))
