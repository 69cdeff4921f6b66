"""Random slopes that are missing, and those that are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import ilk


def data(seed: int, slope: float = 0.0, family: str = "gaussian") -> Any:
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(30), 10)
    x, z = rng.normal(size=300), rng.normal(size=30)[g]
    b = rng.normal(size=(30, 2)) * [0.7, slope]
    eta = 0.3 + 0.5 * x + b[g, 0] + b[g, 1] * x + 0.3 * z
    y = eta + rng.normal(size=300) if family == "gaussian" else rng.poisson(np.exp(eta))
    return pd.DataFrame({"g": g, "x": x, "z": z, "y": y, "arm": np.tile(["a", "b"], 150)})


@pytest.mark.parametrize("family", ["gaussian", "poisson"])
def test_a_slope_that_is_missing_is_found(family: str) -> None:
    frame = data(1, 0.6, family)
    fit = ilk.fit("y ~ x + z + (1 | g)", frame, family)
    (found,) = fit.check("slopes", draws=150)["slopes"]
    assert (found.verdict, found.where) == ("problem", "x | g")
    assert found.advice == "Give x a random slope: (1 + x | g)."
    fit = ilk.fit("y ~ x + I(x**2) + z + (1 + x | g)", frame, family)
    (found,) = fit.check("slopes", draws=150)["slopes"]
    assert found.verdict == "skipped"  # z is constant in clusters, x has its slope


def test_one_term_stands_for_a_covariate() -> None:
    fit = ilk.fit("y ~ x + I(x**2) + arm:x + (1 | g)", data(1, 0.6))
    (found,) = fit.check("slopes", draws=150)["slopes"]
    assert found.where == "x | g"


@pytest.mark.slow
def test_sizes() -> None:
    """Share of small p-values of right models; with 60 data sets three errors are 8 %."""
    p = []
    for seed in range(60):
        fit = ilk.fit("y ~ x + z + (1 | g)", data(seed + 100))
        p.append(fit.check("slopes", draws=100, seed=seed)["slopes"][0].p_value)
    assert np.mean(np.array(p) < 0.05) < 0.05 + 0.085


def test_factors_have_slopes_too() -> None:
    rng = np.random.default_rng(7)
    frame = data(7)
    frame["y"] += np.where(frame.arm == "b", 1.2 * rng.normal(size=30)[frame.g], 0.0)
    fit = ilk.fit("y ~ arm + (1 | g)", frame)
    (found,) = fit.check("slopes")["slopes"]
    assert found.where == "arm | g"
    assert found.verdict == "problem"


def test_names_that_are_no_plain_names_are_between_backticks() -> None:
    frame = data(1, 0.6).rename(columns={"x": "the x", "g": "my group"})
    fit = ilk.fit("y ~ `the x` + (1 | `my group`)", frame)
    (found,) = fit.check("slopes", draws=150)["slopes"]
    assert found.advice == "Give the x a random slope: (1 + `the x` | `my group`)."
    nested = data(1, 0.6).assign(s=lambda d: d.g % 6)
    (_, found) = ilk.fit("y ~ x + (1 | s/g)", nested).check("slopes", draws=150)["slopes"]
    assert found.advice == "Give x a random slope: (1 + x | s:g)."
