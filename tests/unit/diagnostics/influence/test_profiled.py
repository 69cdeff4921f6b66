"""The step of the linear model: exact for least squares and at held variances."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.diagnostics.influence.influence import influence
from ilk.diagnostics.influence.parts import Likelihood
from ilk.diagnostics.influence.profiled import ProfiledSteps


def data() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    g = np.repeat(np.arange(10), rng.integers(3, 8, 10))
    x = rng.normal(size=len(g))
    y = 1.0 + 0.5 * x + rng.normal(size=10)[g] + rng.normal(size=len(g))
    return pd.DataFrame({"g": g, "x": x, "y": y, "only": (g == 3) * x**2})


@pytest.mark.parametrize("reml", [True, False])
def test_least_squares_without_a_row_is_exact(reml: bool) -> None:
    frame = data()
    fit = ilk.fit("y ~ x", frame, reml=reml)
    found = influence(fit.fitted)
    n, p = len(frame), 2
    X, y = np.column_stack([np.ones(n), frame.x]), frame.y.to_numpy()
    for i in (0, 7, 20):
        keep = np.arange(n) != i
        coef, squares = np.linalg.lstsq(X[keep], y[keep], rcond=None)[:2]
        divisor = n - 1 - (p if reml else 0)
        assert found.coef[i] == pytest.approx(coef, rel=1e-9)
        assert found.spread[i] == pytest.approx(np.sqrt(squares / divisor), rel=1e-8)
        hat = X[i] @ np.linalg.solve(X.T @ X, X[i])
        residual = y[i] - X[i] @ fit.fitted.coef
        s2 = np.sum((y - X @ fit.fitted.coef) ** 2) / (n - p)
        cook = residual**2 * hat / (p * s2 * (1.0 - hat) ** 2)
        assert found.cook[i] == pytest.approx(cook, rel=1e-8)
        assert found.leverage[i] == pytest.approx(hat, rel=1e-8)


def test_coefficients_are_exact_at_held_variances() -> None:
    """Generalized least squares of the other clusters, by dense matrices."""
    frame = data()
    fitted = ilk.fit("y ~ x + (1 | g)", frame).fitted
    likelihood = Likelihood(fitted)
    G, sigma2 = fitted.estimates.covariances[0][0, 0], fitted.estimates.sigma2
    X, y, g = (
        np.column_stack([np.ones(len(frame)), frame.x]),
        frame.y.to_numpy(),
        frame.g.to_numpy(),
    )
    V = sigma2 * np.eye(len(y)) + G * (g[:, None] == g)
    whole = likelihood.part(np.arange(len(y)))
    steps = ProfiledSteps(likelihood, whole, np.ones(2, dtype=bool))
    part = likelihood.part(np.flatnonzero(g == 2))
    keep = g != 2
    inverse = np.linalg.inv(V[np.ix_(keep, keep)])
    coef = np.linalg.solve(X[keep].T @ inverse @ X[keep], X[keep].T @ inverse @ y[keep])
    rest = whole - part
    beta = likelihood.at[:2] + float(np.exp(likelihood.at[-1])) * np.linalg.solve(
        rest.cross, rest.score[:2]
    )
    assert fitted.marginal.scaled.coef(beta) == pytest.approx(coef, rel=1e-8)
    moved = steps.without(part, float((~keep).sum())).step
    assert np.isfinite(moved).all()


def test_a_coefficient_of_one_cluster_is_lost_without_it() -> None:
    found = influence(ilk.fit("y ~ x + only + (1 | g)", data()).fitted, "g")
    lost = np.isnan(found.coef)
    assert lost[3].tolist() == [False, False, True]
    assert lost.sum() == 1
    assert found.undetermined[3].tolist() == [False, False, True]
    assert np.isfinite(found.cook[3])  # of the others
