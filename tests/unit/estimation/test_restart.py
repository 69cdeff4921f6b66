"""Second looks: rotated factors, several optima, parameters at a limit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.estimation.restart import elsewhere, turn_columns
from ilk.fitted import Status


def test_turning_keeps_the_matrix() -> None:
    """A column whose diagonal has vanished takes up a later one; the covariance is the same."""
    L = np.array([[0.0, 0.0, 0.0], [0.3, 0.5, 0.0], [0.2, -0.4, 0.6]])
    for sign in (1.0, -1.0):
        turned = turn_columns(L, sign)
        assert turned is not None
        np.testing.assert_array_equal(turned, np.tril(turned))
        np.testing.assert_allclose(turned @ turned.T, L @ L.T, atol=2e-3)
        assert turned[0, 0] != 0.0


def test_sound_factors_are_left_alone() -> None:
    assert turn_columns(np.array([[1.0, 0.0], [0.3, 0.5]]), 1.0) is None
    assert turn_columns(np.zeros((2, 2)), 1.0) is None


def test_elsewhere_is_finite() -> None:
    for theta in elsewhere(np.array([np.nan, 10.0, -0.2])):
        assert np.all(np.isfinite(theta))
        assert np.all(np.abs(theta) <= 4.1)


def counts(seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(25), 12)
    mu = np.exp(1.0 + rng.normal(0, 0.4, 25)[g])
    return pd.DataFrame({"g": g, "y": rng.poisson(mu)})


def test_no_dispersion_is_said() -> None:
    """Poisson counts: the negative binomial's dispersion runs to zero."""
    rng = np.random.default_rng(3)
    data = counts()
    data["y"] = np.clip(data["y"].groupby(data["g"]).transform("mean").round(), 0, None)
    data["y"] += rng.integers(0, 2, len(data))  # less than Poisson variation
    fit = ilk.fit("y ~ 1 + (1 | g)", data.astype({"y": int}), "negative_binomial_2")
    assert fit.verdict.status is Status.BOUNDARY
    assert "no_dispersion" in {reason.code for reason in fit.verdict.reasons}
    poisson = ilk.fit("y ~ 1 + (1 | g)", data.astype({"y": int}), "poisson")
    assert fit.loglik == pytest.approx(poisson.loglik, abs=1e-4)


def test_no_zero_inflation_is_said() -> None:
    """One zero is fewer than the Poisson distribution expects; none at all says nothing."""
    data = counts()
    data["y"] = np.maximum(data["y"], 1)
    data.loc[data.index[0], "y"] = 0
    fit = ilk.fit("y ~ 1 + (1 | g)", data, "poisson", zero_inflation="~ 1")
    assert "no_zero_inflation" in {reason.code for reason in fit.verdict.reasons}
    assert fit.verdict.converged
    data.loc[data.index[0], "y"] = 1
    with pytest.warns(ilk.IlkWarning, match="no value of 'y' is zero"):
        fit = ilk.fit("y ~ 1 + (1 | g)", data, "poisson", zero_inflation="~ 1")
    assert fit.verdict.status is Status.NOT_IDENTIFIED


def test_square_root_beyond_zero_is_said() -> None:
    """The mean eta^2 rises again where eta is negative."""
    rng = np.random.default_rng(5)
    g = np.repeat(np.arange(20), 8)
    eta = 0.2 + rng.normal(0, 0.8, 20)[g] + rng.normal(0, 0.05, 160)
    data = pd.DataFrame({"g": g, "x": eta, "y": rng.poisson(eta**2)})
    fit = ilk.fit("y ~ x + (1 | g)", data, "poisson", "sqrt")
    eta_hat = fit.fitted.predictors[0]
    folded = "folded_link" in {reason.code for reason in fit.verdict.reasons}
    assert folded == bool(np.any(eta_hat <= 0.0))
