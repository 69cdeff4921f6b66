"""Random effects against the normal distribution."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.diagnostics.checks.effects_qq import standardized_effects


def data(seed: int, kind: str = "normal", family: str = "gaussian") -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(60), 8)
    x = rng.normal(size=480)
    b: Any = 0.9 * rng.normal(size=60)
    if kind == "two":
        b = np.where(np.arange(60) < 20, 1.9, -0.8)
    if kind == "one":
        b[7] = 6.0
    eta = 0.3 + 0.5 * x + b[g]
    y = eta + rng.normal(size=480) if family == "gaussian" else rng.poisson(np.exp(eta))
    return pd.DataFrame({"g": g, "x": x, "y": y})


def effects(frame: pd.DataFrame, family: str = "gaussian", formula: str = "1") -> Any:
    fit = ilk.fit(f"y ~ x + ({formula} | g)", frame, family)
    return fit.check("effects", draws=100)["effects"]


def test_modes_vary_as_they_are_standardized() -> None:
    """Over many clusters the standardized modes have variance one and no correlation."""
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(1500), 4)
    x = rng.normal(size=6000)
    b = rng.normal(size=(1500, 2)) @ np.linalg.cholesky([[1.0, 0.3], [0.3, 0.5]]).T
    frame = pd.DataFrame({"g": g, "x": x, "y": b[g, 0] + b[g, 1] * x + rng.normal(size=6000)})
    fitted = ilk.fit("y ~ x + (1 + x | g)", frame).fitted
    (one,) = standardized_effects(fitted)
    assert one is not None
    w = one.of(fitted.estimates.modes[0])
    np.testing.assert_allclose(np.cov(w.T), np.eye(2), atol=0.05)


@pytest.mark.parametrize("family", ["gaussian", "poisson"])
def test_two_kinds_of_levels_and_a_level_that_sticks_out(family: str) -> None:
    shape, _ = effects(data(1, "two", family), family)
    assert shape.verdict == "problem"
    _, level = effects(data(1, "one", family), family)
    assert level.verdict == "problem"
    assert "largest for 7" in level.sentence


@pytest.mark.slow
def test_sizes() -> None:
    p = []
    for seed in range(60):
        found = effects(data(seed), formula="1")
        p.append([one.p_value for one in found])
    assert np.mean(np.array(p) < 0.05, axis=0).max() < 0.05 + 0.085


def test_effects_in_a_perfect_relation_are_looked_at_one_by_one() -> None:
    rng = np.random.default_rng(4)
    frame = data(3)
    b = rng.normal(size=60)
    frame["y"] += b[frame.g] * (1.0 + frame.x)
    fit = ilk.fit("y ~ x + (1 + x | g)", frame)
    (one,) = standardized_effects(fit.fitted)
    assert one is not None


def test_what_has_no_distribution() -> None:
    (found,) = ilk.fit("y ~ x", data(1)).check("effects")["effects"]
    assert found.verdict == "skipped"
    few = data(1).assign(g=lambda d: d.g % 4)
    (found,) = ilk.fit("y ~ x + (1 | g)", few).check("effects")["effects"]
    assert "Too few levels of g" in found.sentence
