"""Simpler random parts: those that users would fit, and what they move."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.diagnostics.simpler import simpler_models


def grouped(levels: int, rows: int, seed: int = 1, noise: float = 1.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(levels), rows)
    x = rng.normal(size=levels * rows)
    b = rng.normal(size=(levels, 2)) * [1.0, 0.5]
    y = 1.0 + b[g, 0] + (0.5 + b[g, 1]) * x + noise * rng.normal(size=levels * rows)
    return pd.DataFrame({"g": g, "x": x, "y": y})


def test_simpler_models_are_those_that_users_would_fit() -> None:
    data = grouped(30, 8)
    fit = ilk.fit("y ~ x + (x | g)", data)
    found = {row.change: row for row in simpler_models(fit.fitted)}
    formulas = {
        "no correlations in (1 + x | g)": "y ~ x + (x || g)",
        "no effect of x in (1 + x | g)": "y ~ x + (1 | g)",
        "no (1 + x | g)": "y ~ x",
    }
    assert set(found) == set(formulas)
    errors = np.asarray(ilk.fit("y ~ x + (x | g)", data).fitted.vcov.diagonal()) ** 0.5
    for change, formula in formulas.items():
        less = ilk.fit(formula, data, reml=True)
        row = found[change]
        assert row.loglik == pytest.approx(less.loglik, abs=1e-5)
        assert row.aic_difference == pytest.approx(less.aic - fit.aic, abs=1e-5)
        shift = np.abs(np.asarray(less.params) - np.asarray(fit.params)) / errors
        assert row.shift == pytest.approx(shift.max(), abs=1e-3)
        assert row.coefficient == fit.fitted.names[int(np.argmax(shift))][1]


def test_a_slope_that_matters_is_not_dropped_lightly() -> None:
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(20), 12)
    b = rng.normal(size=20)[g]
    x = b + rng.normal(size=240)  # the random effects go with x, so that leaving them out shifts it
    y = 2.0 * x + 8.0 * b + rng.normal(size=240)
    fit = ilk.fit("y ~ x + (1 | g)", pd.DataFrame({"g": g, "x": x, "y": y}))
    (row,) = simpler_models(fit.fitted)
    assert row.shift > 1.0
    assert row.judgment.startswith("Not without care: x moves by")


def test_formulas_of_other_predictors_are_arguments() -> None:
    data = grouped(20, 10)
    fit = ilk.fit("y ~ x + (1 | g)", data, dispersion="~ x + (1 | g)")
    last = simpler_models(fit.fitted)[-1]
    assert last.formula.startswith("dispersion='~ ")
    assert "|" not in last.formula
