"""Curves that are missing, and those that are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.diagnostics.checks.covariates import covariates_of, curve_basis


def data(seed: int, curve: float = 0.0, slope: float = 0.0, family: str = "gaussian") -> Any:
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(30), 10)
    x, z = rng.normal(size=300), rng.normal(size=30)[g]
    b = rng.normal(size=(30, 2)) * [0.7, slope]
    eta = 0.3 + 0.5 * x + curve * (x**2 - 1.0) + b[g, 0] + b[g, 1] * x + 0.3 * z
    y = eta + rng.normal(size=300) if family == "gaussian" else rng.poisson(np.exp(eta))
    return pd.DataFrame({"g": g, "x": x, "z": z, "y": y, "arm": np.tile(["a", "b"], 150)})


def verdicts(fit: ilk.Fit, code: str) -> dict[str, str]:
    return {one.where: one.verdict for one in fit.check(code, draws=150)[code]}


@pytest.mark.parametrize("family", ["gaussian", "poisson"])
def test_what_is_missing_is_found(family: str) -> None:
    curved = ilk.fit("y ~ x + z + (1 | g)", data(1, curve=0.4, family=family), family)
    assert verdicts(curved, "covariates") == {"x": "problem", "z": "ok"}


@pytest.mark.parametrize("family", ["gaussian", "poisson"])
def test_what_is_there_is_not_missed(family: str) -> None:
    frame = data(2, curve=0.4, slope=0.6, family=family)
    fit = ilk.fit("y ~ x + I(x**2) + z + (1 + x | g)", frame, family)
    assert set(verdicts(fit, "covariates").values()) <= {"ok", "note"}


@pytest.mark.slow
def test_sizes() -> None:
    """Shares of small p-values of right models; with 60 data sets three errors are 8 %."""
    p = []
    for seed in range(60):
        fit = ilk.fit("y ~ x + z + (1 | g)", data(seed + 100))
        found = fit.check("covariates", draws=100, seed=seed).checks.checks
        p.append([one.p_value for one in found])
    small = np.mean(np.array(p) < 0.05, axis=0)
    assert small.max() < 0.05 + 0.085


def test_basis_leaves_out_what_is_in_the_model() -> None:
    x = np.linspace(0.0, 1.0, 50)
    X = np.column_stack([np.ones(50), x])
    B = curve_basis(x, X)
    assert B.shape == (50, 3)
    np.testing.assert_allclose(B.T @ B, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(X.T @ B, 0.0, atol=1e-12)
    assert curve_basis(np.repeat([0.0, 1.0, 2.0], 9), np.eye(27)[:, :0]).shape[1] == 2


def test_covariates_are_numeric_columns_that_are_not_groups() -> None:
    frame = data(1).assign(f=lambda d: d.x.round())
    fitted = ilk.fit("y ~ log(x + 9) + arm + (1 + z | g)", frame).fitted
    assert list(covariates_of(fitted)) == ["x", "z"]
    fit = ilk.fit("y ~ arm + (1 | g)", frame)
    assert fit.check("covariates")["covariates"][0].verdict == "skipped"


def test_columns_that_are_not_in_the_model() -> None:
    frame = data(3)
    rng = np.random.default_rng(33)
    frame["u"], frame["c"] = rng.normal(size=300), rng.choice(["p", "q"], 300)
    frame["y"] += 0.6 * frame.u + np.where(frame.c == "q", 0.8, 0.0)
    fit = ilk.fit("y ~ x + (1 | g)", frame)
    more = {"u": frame["u"], "c": frame["c"], "arm": frame["arm"]}
    found = {one.where: one for one in fit.check("covariates", covariates=more)["covariates"]}
    assert {name: one.verdict for name, one in found.items()} == {
        "x": "ok",
        "u": "problem",
        "c": "problem",
        "arm": "ok",
    }
    assert found["u"].advice == "Take u into the formula."
    assert "highest above the model where it is 'q'" in found["c"].sentence
    with pytest.raises(ilk.ModelError, match="covariates= takes names and columns"):
        fit.check("covariates", covariates="u")
    with pytest.raises(ilk.DataError, match="300 rows"):
        fit.check("covariates", covariates={"u": [1.0]})


@pytest.mark.filterwarnings("ignore::ilk.errors.IdentificationWarning")
def test_residuals_that_do_not_vary() -> None:
    frame = data(1)
    fit = ilk.fit("s ~ x", frame.assign(s=(frame.x > 0).astype(int)), "binomial")
    found = fit.check(["covariates", "slopes", "spread"]).checks.checks
    assert {one.verdict for one in found} == {"skipped"}
