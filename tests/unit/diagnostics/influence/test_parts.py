"""Log-likelihood of parts of the rows, against dense normal densities and the whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.diagnostics.influence.parts import Likelihood
from ilk.diagnostics.influence.units import blocks_of


def data(seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(8), 5)
    b = rng.normal(size=(8, 2)) * [0.8, 0.4]
    x = rng.normal(size=40)
    eta = 0.4 + (0.5 + b[g, 1]) * x + b[g, 0]
    return pd.DataFrame(
        {
            "g": g,
            "x": x,
            "y": eta + rng.normal(size=40),
            "n": rng.poisson(np.exp(eta)),
            "w": rng.uniform(0.5, 2.0, 40),
            "f": rng.integers(1, 4, 40),
        }
    )


def dense(frame: pd.DataFrame, fit: ilk.Fit, coef: Any, G: Any, sigma2: float, reml: bool) -> float:
    """Criterion of the linear model by dense matrices."""
    X = np.column_stack([np.ones(len(frame)), frame.x])
    same = (frame.g.to_numpy()[:, None] == frame.g.to_numpy()).astype(float)
    V = sigma2 * np.diag(1.0 / frame.w) + same * (X @ G @ X.T)
    e = frame.y.to_numpy() - X @ coef
    solved = np.linalg.solve(V, X)
    value = -0.5 * (np.linalg.slogdet(V)[1] + e @ np.linalg.solve(V, e))
    return value - (0.5 * np.linalg.slogdet(X.T @ solved)[1] if reml else 0.0)


@pytest.mark.parametrize("reml", [True, False])
def test_value_of_the_linear_criterion(reml: bool) -> None:
    frame = data()
    fit = ilk.fit("y ~ x + (x | g)", frame, precision_weights="w", reml=reml)
    fitted = fit.fitted
    likelihood = Likelihood(fitted)
    engine = likelihood.engine()
    G, sigma2 = fitted.estimates.covariances[0], fitted.estimates.sigma2
    other = np.array([[0.5, 0.1], [0.1, 0.3]])
    expected = dense(frame, fit, fitted.coef, G, sigma2, reml) - dense(
        frame, fit, fitted.coef + [0.1, -0.2], other, 0.8, reml
    )
    scaled = fitted.marginal.scaled
    back = np.linalg.inv(scaled.term_maps[0])
    factor = np.linalg.cholesky(back @ other @ back.T)
    there = likelihood.value(
        engine,
        scaled.beta(fitted.coef + [0.1, -0.2]),
        factor.ravel(order="F"),
        0.8 / scaled.scale**2,
    )
    found = likelihood.value(engine, *likelihood.best) - there
    assert found == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("family", ["gaussian", "poisson"])
def test_parts_sum_to_the_whole(family: str) -> None:
    frame = data()
    response = "y" if family == "gaussian" else "n"
    fit = ilk.fit(f"{response} ~ x + (x | g)", frame, family, frequency_weights="f")
    likelihood = Likelihood(fit.fitted)
    blocks = blocks_of(fit.fitted.design)
    total = likelihood.nothing()
    for block in range(8):
        total = total + likelihood.part(np.flatnonzero(blocks == block))
    whole = likelihood.part(np.arange(40))
    np.testing.assert_allclose(total.score, whole.score, atol=1e-6)
    np.testing.assert_allclose(total.information, whole.information, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(total.cross, whole.cross, rtol=1e-9)
    np.testing.assert_allclose(total.slopes, whole.slopes, rtol=1e-5, atol=1e-5)
    if family == "poisson":
        assert np.abs(whole.score).max() < 1e-3
        information = fit.fitted.marginal.information(fit.fitted.point)
        np.testing.assert_allclose(whole.information, information, rtol=1e-3, atol=1e-3)


def test_rows_without_random_terms() -> None:
    """Analytic derivatives of the rows against differences by an engine without terms."""
    frame = data()
    for formula, family in (("n ~ x", "negative_binomial_2"), ("y ~ x", "gaussian")):
        likelihood = Likelihood(ilk.fit(formula, frame, family).fitted)
        parts = likelihood.row_parts(frame.g.to_numpy(), 8)
        by_engine = likelihood.part(np.flatnonzero(frame.g == 3))
        np.testing.assert_allclose(parts[3].score, by_engine.score, rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(
            parts[3].information, by_engine.information, rtol=1e-5, atol=1e-6
        )
        np.testing.assert_allclose(parts[3].cross, by_engine.cross, rtol=1e-9)
