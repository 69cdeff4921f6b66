"""Moments of levels' totals against sums written out, and against simulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.ranking.level_totals import AXIS, level_totals


def _counts(levels=12, rows=6, seed=0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(levels), rows)
    x, days = rng.normal(size=levels * rows), rng.uniform(1.0, 5.0, levels * rows)
    b = 0.5 * rng.normal(size=levels)
    return pd.DataFrame(
        {
            "y": rng.poisson(days * np.exp(0.3 * x + b[g])),
            "x": x,
            "days": days,
            "g": [f"g{i:02d}" for i in g],
            "ward": [f"w{i}" for i in np.arange(levels * rows) // 3],
            "doctor": [f"d{i}" for i in rng.integers(0, 5, levels * rows)],
            "f": rng.integers(1, 4, levels * rows),
        }
    )


def test_poisson_totals_written_out() -> None:
    data = _counts()
    fit = ilk.fit("y ~ x + (1 | g)", data, family="poisson", exposure="days", frequency_weights="f")
    totals = level_totals(fit.fitted, "g")
    typical = data.f * np.asarray(fit.predict(estimand="typical")["estimate"])
    expected = typical.groupby(data.g).sum().to_numpy()
    np.testing.assert_allclose(totals.typical_mean, expected)
    np.testing.assert_allclose(totals.typical_variance, expected)
    sd = float(np.sqrt(fit.fitted.estimates.covariances[0][0, 0]))
    along = np.exp(sd * AXIS) if totals.mean[0, -1, 0] > totals.mean[0, 0, 0] else None
    np.testing.assert_allclose(totals.mean[:, :, 0], expected[:, None] * along)
    np.testing.assert_allclose(totals.variance, totals.mean)
    np.testing.assert_allclose(totals.rows, data.groupby("g").f.sum())
    assert totals.trials is None
    assert totals.log_zero is None


@pytest.mark.parametrize("random", ["(1 + x | g)", "(1 + x || g)", "(1 + x + days + I(x**2) | g)"])
def test_nodes_average_to_the_mean_of_the_population(random: str) -> None:
    fit = ilk.fit(f"y ~ x + {random}", _counts(30), family="poisson")
    totals = level_totals(fit.fitted, "g")
    weight = np.exp(-0.5 * AXIS**2)
    found = np.einsum("lkp,k,p->l", totals.mean, weight / weight.sum(), totals.weight)
    mean = np.asarray(fit.predict(estimand="population")["estimate"])
    expected = np.bincount(fit.fitted.design.terms[0].grouping.codes, weights=mean)
    np.testing.assert_allclose(found, expected, rtol=2e-3)


def test_effects_inside_a_level_are_chance() -> None:
    data = _counts(20, 12)
    rng = np.random.default_rng(7)
    effect = np.repeat(0.6 * rng.normal(size=80), 3)
    data["y"] = rng.poisson(data.days * np.exp(0.3 * data.x + effect))
    fit = ilk.fit("y ~ x + (1 | g) + (1 | ward)", data, family="poisson", exposure="days")
    effects = [t.grouping.name for t in fit.fitted.design.terms]
    totals = level_totals(fit.fitted, "g")
    rng, draws = np.random.default_rng(1), 40_000
    codes = {t.grouping.name: t.grouping.codes for t in fit.fitted.design.terms}
    sd = float(np.sqrt(fit.fitted.estimates.covariances[effects.index("ward")][0, 0]))
    assert sd > 0.4
    typical = np.asarray(fit.predict(estimand="typical")["estimate"])
    rows = codes["g"] == 0
    ward = codes["ward"][rows]
    b = sd * rng.normal(size=(draws, ward.max() + 1))
    total = rng.poisson(typical[rows] * np.exp(b[:, ward])).sum(axis=1)
    assert totals.typical_mean[0] == pytest.approx(total.mean(), rel=0.01)
    assert totals.typical_variance[0] == pytest.approx(total.var(), rel=0.03)


def test_effects_of_crossed_factors_are_held() -> None:
    data = _counts(20, 12)
    fit = ilk.fit("y ~ x + (1 | g) + (1 | doctor)", data, family="poisson", exposure="days")
    terms = fit.fitted.design.terms
    totals = level_totals(fit.fitted, "g")
    doctor = next(i for i, t in enumerate(terms) if t.grouping.name == "doctor")
    shift = fit.fitted.estimates.modes[doctor][terms[doctor].grouping.codes, 0]
    mean = np.asarray(fit.predict(estimand="typical")["estimate"]) * np.exp(shift)
    g = terms[1 - doctor].grouping.codes
    np.testing.assert_allclose(totals.typical_mean, np.bincount(g, weights=mean))


def test_trials_and_excess_zeros() -> None:
    rng = np.random.default_rng(3)
    data = _counts(30)
    data["n"] = rng.integers(3, 9, len(data))
    data["k"] = np.where(rng.random(len(data)) < 0.3, 0, rng.binomial(data.n, 0.4))
    fit = ilk.fit("k ~ x + (1 | g)", data, family="binomial", trials="n", zero_inflation="~ 1")
    totals = level_totals(fit.fitted, "g")
    np.testing.assert_allclose(totals.trials, data.groupby("g").n.sum())
    pi = 1 / (1 + np.exp(-fit.params["zero_inflation", "Intercept"]))
    np.testing.assert_allclose(totals.typical_log_zero, 6 * np.log(pi))
    typical = np.asarray(fit.predict(estimand="typical")["estimate"]) * data.n
    np.testing.assert_allclose(totals.typical_mean, typical.groupby(data.g).sum())
