"""Dispersion against other programs, brute force, and models that are wrong on purpose."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.fits import fit_of
from tests.reference import data as reference

import ilk
from ilk.diagnostics.checks.dispersion import squared

CASES = json.loads((Path(reference.__file__).parent / "checks.json").read_text())["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_pearson_ratio_of_performance(case: dict) -> None:
    data = pd.read_csv(Path(reference.__file__).parent / "data" / case["data"])
    for name in ("YEAR", "BROOD", "LOCATION", "period", "herd"):
        if name in data:
            data[name] = data[name].astype(str)
    fit = ilk.fit(case["formula"], data, family=case["family"])
    (found,) = fit.check("pearson")["pearson"]
    assert found.statistic == pytest.approx(case["ratio"], rel=2e-4)
    assert found.detail is not None
    assert float(found.detail["chi_square"]) == pytest.approx(case["chi_square"], rel=2e-4)
    assert float(found.detail["df"]) == case["df"]
    assert found.verdict == ("note" if case["p"] < 0.05 else "ok")
    if "expected_zeros" in case:
        zeros = fit.check("zeros")["zeros"]
        assert zeros[0].statistic == case["observed_zeros"]
        # simulated around draws of the effects, not around modes: near, not equal
        assert zeros[0].expected == pytest.approx(case["expected_zeros"], rel=0.1)


def test_statistic_by_brute_force() -> None:
    rng = np.random.default_rng(3)
    Y = rng.poisson(2.0, size=(30, 11)).astype(float)
    z = (Y - Y.mean(axis=1, keepdims=True)) / Y.std(axis=1, keepdims=True)
    np.testing.assert_allclose(squared(Y), (z**2).mean(axis=0))


def _counts(seed: int, shape: float) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(30), 10)
    x = rng.normal(size=300)
    mu = np.exp(1.0 + 0.3 * x + 0.4 * rng.normal(size=30)[g])
    return {"y": rng.negative_binomial(shape, shape / (shape + mu)), "x": x, "g": g}


def test_poisson_fitted_to_negative_binomial_counts() -> None:
    data = _counts(1, 2.0)
    conditional, population = ilk.fit("y ~ x + (1 | g)", data, family="poisson").check(
        "dispersion"
    )["dispersion"]
    assert (conditional.estimand, population.estimand) == ("conditional", "population")
    assert conditional.verdict == "problem"
    assert conditional.statistic > 1.5
    assert "negative_binomial_2" in conditional.advice
    right = ilk.fit("y ~ x + (1 | g)", data, family="negative_binomial_2")
    assert right.check("dispersion").verdict == "ok"


def test_power_over_data_sets() -> None:
    found = [
        ilk.fit("y ~ x + (1 | g)", _counts(seed, 3.0), family="poisson")
        .check("dispersion", draws=99)["dispersion"][0]
        .p_value
        for seed in range(10)
    ]
    assert np.mean(np.array(found) < 0.05) >= 0.9


def test_less_variance_than_the_model_says() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=400)
    y = rng.binomial(20, np.exp(1.5 + 0.2 * x) / 20)  # variance 0.8 times that of Poisson or less
    y = np.minimum(y, 8)
    (one,) = ilk.fit("y ~ x", {"y": y, "x": x}, family="poisson").check("dispersion")["dispersion"]
    assert one.verdict == "problem"
    assert one.statistic < 0.83
    assert "too large" in one.advice


def test_binomial_counts_with_more_variance() -> None:
    rng = np.random.default_rng(6)
    n = rng.integers(5, 15, size=200)
    y = rng.binomial(n, rng.beta(2.0, 3.0, size=200))
    data = {"y": y, "n": n}
    (one,) = ilk.fit("y ~ 1", data, family="binomial", trials="n").check("dispersion")["dispersion"]
    assert one.verdict == "problem"
    assert "beta_binomial" in one.advice
    right = ilk.fit("y ~ 1", data, family="beta_binomial", trials="n")
    assert right.check("dispersion").verdict == "ok"


def test_single_outcomes_are_put_into_groups() -> None:
    first, second = fit_of("binary").check("dispersion")["dispersion"]
    assert first.verdict == "skipped"
    assert "0/1" in first.sentence
    assert (second.verdict, second.where) == ("ok", "groups of fitted values")
    (pearson,) = fit_of("binary").check("pearson")["pearson"]
    assert pearson.verdict == "skipped"
    few = ilk.fit("y ~ 1", {"y": [0, 1, 1, 0, 1, 0, 0, 1, 1, 1]}, family="binomial")
    assert [one.verdict for one in few.check("dispersion")["dispersion"]] == ["skipped"]


def test_families_that_estimate_their_variance_have_no_pearson_ratio() -> None:
    (one,) = fit_of("gamma").check("pearson")["pearson"]
    assert one.verdict == "skipped"


def test_mean_and_variance_by_group_of_fitted_values() -> None:
    fit = ilk.fit("y ~ x + (1 | g)", _counts(1, 2.0), family="poisson")
    detail = fit.check("dispersion")["dispersion"][0].detail
    assert detail is not None
    assert np.all(np.diff(detail["mean"]) > 0)
    # Poisson: variance is mean, up to the spread of means within a group
    np.testing.assert_allclose(detail["variance_expected"], detail["mean"], rtol=0.12)
    assert detail["variance"][-1] > detail["variance_high"][-1]


def test_proportions_of_trials_in_the_picture() -> None:
    detail = fit_of("cbpp").check("dispersion")["dispersion"][0].detail
    assert detail is not None
    assert np.all((detail["mean"] > 0) & (detail["mean"] < 1))
