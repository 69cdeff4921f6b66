"""Hat values by dense matrices and by differences."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.diagnostics.influence.leverage import mean_weights, row_leverage


def data() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    g, h = np.repeat(np.arange(8), 6), np.tile(np.arange(6), 8)
    x = rng.normal(size=48)
    eta = 0.5 * x + 0.7 * rng.normal(size=8)[g] + 0.4 * rng.normal(size=6)[h]
    return pd.DataFrame(
        {
            "g": g,
            "h": h,
            "x": x,
            "y": eta + rng.normal(size=48),
            "n": rng.poisson(np.exp(eta)),
            "m": np.full(48, 7),
            "p": rng.binomial(7, 1.0 / (1.0 + np.exp(-eta))),
            "w": rng.uniform(0.5, 2.0, 48),
        }
    )


def test_the_hat_matrix_is_how_fitted_values_follow_the_responses() -> None:
    """Linear model at held variances: derivative of fitted values by dense matrices."""
    frame = data()
    fitted = ilk.fit("y ~ x + (x | g) + (1 | h)", frame, precision_weights="w").fitted
    X = np.column_stack([np.ones(48), frame.x])
    g, h = frame.g.to_numpy(), frame.h.to_numpy()
    G, H = fitted.estimates.covariances
    B = (g[:, None] == g) * (X @ G @ X.T) + (h[:, None] == h) * H[0, 0]
    V = B + fitted.estimates.sigma2 * np.diag(1.0 / frame.w)
    inverse = np.linalg.inv(V)
    first = X @ np.linalg.solve(X.T @ inverse @ X, X.T @ inverse)
    whole = first + B @ inverse @ (np.eye(48) - first)
    found = row_leverage(fitted)
    np.testing.assert_allclose(found.fixed, np.diag(first), atol=1e-6)
    np.testing.assert_allclose(found.whole, np.diag(whole), atol=1e-6)
    assert found.fixed.sum() == pytest.approx(2.0, abs=1e-6)


def test_weights_are_the_expected_information() -> None:
    frame = data()
    binomial = ilk.fit("p ~ x + (1 | g)", frame, "binomial", trials="m").fitted
    p = binomial.mean
    np.testing.assert_allclose(mean_weights(binomial), 7.0 * p * (1.0 - p), rtol=1e-6)
    poisson = ilk.fit("n ~ x + (1 | g)", frame, "poisson").fitted
    np.testing.assert_allclose(mean_weights(poisson), poisson.mean, rtol=1e-6)
    shares = row_leverage(poisson)
    assert shares.fixed.sum() == pytest.approx(2.0, abs=0.05)
    assert np.all(shares.whole > shares.fixed)


def test_shares_of_other_families_and_parts() -> None:
    frame = data()
    for formula, options in (
        ("n ~ x + (1 | g)", {"family": "negative_binomial_2"}),
        ("n ~ x + (1 | g)", {"family": "poisson", "zero_inflation": "~ 1"}),
        ("y ~ x + (1 | g)", {"dispersion": "~ x"}),
        ("n ~ x", {"family": "poisson"}),
    ):
        found = row_leverage(ilk.fit(formula, frame, **options).fitted)
        assert found.coefficients == 2
        assert np.isfinite(found.fixed).all()
