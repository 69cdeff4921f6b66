"""Spread of residuals by covariates."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.diagnostics.checks.spread import factors_of


def data(seed: int, by_x: float = 0.0, by_arm: float = 1.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    g, x = np.repeat(np.arange(30), 10), rng.normal(size=300)
    arm = rng.choice(["a", "b"], 300)
    sd = np.exp(by_x * x) * np.where(arm == "b", by_arm, 1.0)
    y = 0.5 * x + 0.7 * rng.normal(size=30)[g] + sd * rng.normal(size=300)
    n = rng.poisson(np.exp(0.5 + 0.3 * x + 0.5 * rng.normal(size=30)[g]))
    return pd.DataFrame({"g": g, "x": x, "arm": arm, "y": y, "n": n})


def found(fit: ilk.Fit) -> dict[str, str]:
    return {one.where: one.verdict for one in fit.check("spread", draws=150)["spread"]}


def test_unequal_variances_are_found_and_named() -> None:
    fit = ilk.fit("y ~ x + arm + (1 | g)", data(1, by_x=0.4))
    assert found(fit)["x"] == "problem"
    fit = ilk.fit("y ~ x + arm + (1 | g)", data(1, by_arm=2.0))
    (numeric, levels) = fit.check("spread", draws=150)["spread"]
    assert numeric.verdict == "ok"
    assert levels.verdict == "problem"
    assert "times as much where arm is 'b' as where it is 'a'" in levels.sentence
    assert levels.advice == "Model the dispersion: dispersion='~ arm'."


def test_a_spread_that_is_smallest_in_the_middle_is_told_as_such() -> None:
    frame = data(1)
    rng = np.random.default_rng(2)
    frame["y"] = frame["x"] + rng.normal(size=30)[frame["g"]] + frame["x"] * rng.normal(size=300)
    (one,) = ilk.fit("y ~ x + (1 | g)", frame).check("spread", draws=150)["spread"]
    assert one.verdict == "problem"
    ratio, most, least = (
        float(word)
        for word in re.match(
            r"Residuals spread (\S+) times as much at x = (\S+) as at x = (\S+)\.$", one.sentence
        ).groups()
    )
    assert ratio > 1.5
    assert abs(most) > 1.5
    assert abs(least) < 0.5


def test_a_model_of_the_dispersion_is_enough() -> None:
    fit = ilk.fit("y ~ x + arm + (1 | g)", data(1, by_arm=2.0), dispersion="~ arm")
    assert set(found(fit).values()) <= {"ok", "note"}


@pytest.mark.slow
def test_sizes() -> None:
    p = []
    for seed in range(60):
        fit = ilk.fit("n ~ x + arm + (1 | g)", data(seed), "poisson")
        p.append([one.p_value for one in fit.check("spread", draws=100, seed=seed)["spread"]])
    assert np.mean(np.array(p) < 0.05, axis=0).max() < 0.05 + 0.085


def test_factors_are_columns_of_the_formulas_that_do_not_group_rows() -> None:
    frame = data(1).assign(k=lambda d: d.g % 3)
    fitted = ilk.fit("y ~ C(k) + arm + x + (1 | g)", frame).fitted
    assert list(factors_of(fitted)) == ["k", "arm"]
    (none,) = ilk.fit("y ~ 1 + (1 | g)", frame).check("spread")["spread"]
    assert none.verdict == "skipped"
