"""Numbers of zeros."""

from __future__ import annotations

import numpy as np
from scipy import stats
from tests.fits import fit_of

import ilk


def _counts(share: float) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(30), 10)
    x = rng.normal(size=300)
    y = rng.poisson(np.exp(1.0 + 0.3 * x + 0.3 * rng.normal(size=30)[g]))
    return {"y": y * (rng.random(300) >= share), "x": x, "g": g}


def test_missing_zero_inflation() -> None:
    wrong = ilk.fit("y ~ x + (1 | g)", _counts(0.3), family="poisson").check("zeros")
    one = wrong["zeros"][0]
    assert one.verdict == "problem"
    assert one.statistic > 2 * one.expected
    right = ilk.fit("y ~ x + (1 | g)", _counts(0.3), family="poisson", zero_inflation="~ 1")
    assert right.check("zeros").verdict == "ok"
    assert ilk.fit("y ~ x + (1 | g)", _counts(0.0), family="poisson").check("zeros").verdict == "ok"


def test_expected_zeros_are_those_of_the_family() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=500)
    y = rng.poisson(np.exp(0.3 * x))
    fit = ilk.fit("y ~ x", {"y": y, "x": x}, family="poisson")
    (one,) = fit.check("zeros", draws=400)["zeros"]
    assert one.statistic == np.sum(y == 0)
    assert one.expected == np.mean(one.detail["simulated"])
    exact = stats.poisson.pmf(0, fit.fitted_values)
    assert abs(one.expected - exact.sum()) < 4 * np.sqrt(np.sum(exact * (1 - exact)) / 400)


def test_too_few_zeros() -> None:
    rng = np.random.default_rng(3)
    y = rng.poisson(1.5, size=900)
    (one,) = ilk.fit("y ~ 1", {"y": y[y > 0]}, family="poisson").check("zeros")["zeros"]
    assert one.verdict == "problem"
    assert "rarer" in one.advice


def test_an_inflated_model_is_told_about_its_inflation() -> None:
    rng = np.random.default_rng(5)
    x = np.repeat([0.0, 1.0], 300)
    y = rng.poisson(3.0, size=600) * (rng.random(600) >= 0.6 * x)
    fit = ilk.fit("y ~ 1", {"y": y, "x": x}, family="poisson", zero_inflation="~ 1")
    assert fit.check("zeros").verdict == "ok"  # in all there are as many as they should be


def test_where_zeros_say_nothing() -> None:
    assert fit_of("gamma").check("zeros")["zeros"][0].verdict == "skipped"
    assert fit_of("binary").check("zeros")["zeros"][0].verdict == "skipped"
