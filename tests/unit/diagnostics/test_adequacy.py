"""Adequacy: effective levels, judgments and simpler random parts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.diagnostics.adequacy import adequacy


def grouped(levels: int, rows: int, seed: int = 1, noise: float = 1.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(levels), rows)
    x = rng.normal(size=levels * rows)
    b = rng.normal(size=(levels, 2)) * [1.0, 0.5]
    y = 1.0 + b[g, 0] + (0.5 + b[g, 1]) * x + noise * rng.normal(size=levels * rows)
    return pd.DataFrame({"g": g, "x": x, "y": y})


def test_effects_that_are_all_but_observed_count_in_full() -> None:
    """With hardly any noise the effective levels are the levels, by closed form."""
    fit = ilk.fit("y ~ x + (x | g)", grouped(60, 20, noise=0.01), reml=False)
    rows = adequacy(fit.fitted, refits=False).components
    assert [row.part.kind for row in rows] == ["sd", "sd", "correlation"]
    for row in rows:
        assert row.levels == 60
        assert row.per_parameter == 20.0
        assert row.share == pytest.approx(1.0, abs=0.06)


def test_noise_leaves_fewer_effective_levels() -> None:
    """Balanced one-way layout: the information about log sd is that of the between mean square."""
    levels, rows = 40, 5
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(levels), rows)
    y = 0.7 * rng.normal(size=levels)[g] + rng.normal(size=levels * rows)
    fit = ilk.fit("y ~ 1 + (1 | g)", pd.DataFrame({"g": g, "y": y}), reml=False)
    (row,) = adequacy(fit.fitted, refits=False).components
    G, s2 = fit.fitted.estimates.covariances[0][0, 0], fit.sigma**2
    # var(G) = var((MSB - MSW) / rows) for the ML mean squares
    between, within = s2 + rows * G, s2
    variance = (2 * between**2 / levels + 2 * within**2 / (levels * (rows - 1))) / rows**2
    assert row.effective == pytest.approx(0.5 / (variance / (4 * G**2)), rel=0.02)
    assert row.share < 0.9


def test_judgments() -> None:
    few = adequacy(ilk.fit("y ~ x + (1 | g)", grouped(4, 30)).fitted, refits=False)
    assert "Gelman and Hill" in few.components[0].judgment
    some = adequacy(ilk.fit("y ~ x + (1 | g)", grouped(30, 30)).fitted, refits=False)
    assert "Maas and Hox" in some.components[0].judgment
    many = adequacy(ilk.fit("y ~ x + (1 | g)", grouped(80, 30)).fitted, refits=False)
    assert many.components[0].judgment == "Well determined."
    rough = adequacy(ilk.fit("y ~ x + (1 | g)", grouped(9, 4, noise=0.5)).fitted, refits=False)
    assert "profile" in rough.components[0].judgment
    flat = pd.DataFrame({"g": np.repeat(np.arange(9), 8), "y": np.tile(np.arange(8.0), 9)})
    zero = adequacy(ilk.fit("y ~ 1 + (1 | g)", flat).fitted)
    assert "Bates" in zero.components[0].judgment
    assert zero.singular[0].code == "singular_covariance"
    assert zero.simpler[0].judgment.startswith("Preferred by AIC")


def test_groups_are_counted() -> None:
    data = grouped(12, 6).assign(h=lambda d: np.arange(len(d)) % 3)
    found = adequacy(ilk.fit("y ~ x + (x | g) + (1 | h)", data).fitted, refits=False)
    first, second = found.groups
    assert (first.name, first.levels, first.median, first.parameters) == ("g", 12, 6.0, 3)
    assert (second.name, second.levels, second.smallest, second.parameters) == ("h", 3, 24.0, 1)


def test_models_without_random_terms_are_refused() -> None:
    with pytest.raises(ilk.ModelError, match="this model has none"):
        ilk.fit("y ~ x", grouped(5, 4)).adequacy()


def test_a_series_goes_as_a_whole() -> None:
    """Its column is a time, no effect that could be left out."""
    rng = np.random.default_rng(3)
    steps = np.cumsum(0.6 * rng.normal(size=(25, 6)), axis=1)
    data = pd.DataFrame({"g": np.repeat(np.arange(25), 6), "t": np.tile(np.arange(6), 25)})
    data["y"] = steps.ravel() + 0.5 * rng.normal(size=150)
    found = adequacy(ilk.fit("y ~ 1 + ar1(t | g)", data).fitted)
    assert [row.change for row in found.simpler] == ["no (ar1(t | g))"]
    assert [row.part.kind for row in found.components] == ["sd"]
