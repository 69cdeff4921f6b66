"""Residuals against fitted values."""

from __future__ import annotations

import numpy as np

import ilk
from ilk.diagnostics.checks.pattern import fitted_bins


def test_bins_are_about_equal_and_ties_stay_together() -> None:
    codes, count = fitted_bins(np.arange(100.0))
    assert count == 10
    np.testing.assert_array_equal(np.bincount(codes), np.full(10, 10))
    codes, count = fitted_bins(np.repeat([1.0, 2.0, 3.0], 20))
    assert count == 3
    np.testing.assert_array_equal(codes, np.repeat([0, 1, 2], 20))


def _data(curve: float = 0.0, spread: float = 0.0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    x = rng.uniform(-1, 2, size=400)
    g = np.repeat(np.arange(40), 10)
    y = x + curve * x**2 + 0.5 * rng.normal(size=40)[g] + np.exp(spread * x) * rng.normal(size=400)
    return {"y": y, "x": x, "g": g}


def test_a_missing_curve_moves_the_center() -> None:
    center, spread = ilk.fit("y ~ x + (1 | g)", _data(curve=0.9)).check("pattern")["pattern"]
    assert center.verdict == "problem"
    assert "curve" in center.advice
    assert spread.verdict != "problem"
    assert ilk.fit("y ~ x + I(x**2) + (1 | g)", _data(curve=0.9)).check("pattern").verdict == "ok"


def test_a_variance_that_grows_shows_in_the_spread() -> None:
    data = _data(spread=0.6)
    center, spread = ilk.fit("y ~ x + (1 | g)", data).check("pattern")["pattern"]
    assert center.verdict == "ok"
    assert spread.verdict == "problem"
    assert "dispersion=" in spread.advice
    right = ilk.fit("y ~ x + (1 | g)", data, dispersion="~ x", reml=False)
    assert right.check("pattern").verdict == "ok"


def test_one_fitted_value_is_skipped() -> None:
    fit = ilk.fit("y ~ 1", {"y": np.arange(30.0)})
    (one,) = fit.check("pattern")["pattern"]
    assert one.verdict == "skipped"


def test_quartiles_and_cloud_for_the_picture() -> None:
    detail = ilk.fit("y ~ x + (1 | g)", _data()).check("pattern")["pattern"][0].detail
    assert detail is not None
    assert detail["quartiles"].shape == detail["low"].shape == (10, 3)
    assert np.all(detail["low"] < detail["high"])
    assert len(detail["fitted"]) == len(detail["residual"]) == 400
