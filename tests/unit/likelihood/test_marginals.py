"""Marginal likelihoods: their derivatives, covariances and bookkeeping."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.fitted import Fitted


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    rng = np.random.default_rng(11)
    n = 180
    g = np.repeat(np.arange(18), 10)
    x = 2000.0 + rng.integers(0, 12, n)
    b = rng.normal(0, [0.5, 0.05], (18, 2))
    eta = 0.4 + 0.05 * (x - 2005) + b[g, 0] + b[g, 1] * (x - 2005)
    return pd.DataFrame(
        {
            "g": g,
            "h": rng.integers(0, 7, n),
            "x": x,
            "count": rng.poisson(np.exp(eta)),
            "y": 50.0 + 3.0 * eta + rng.normal(0, 1.5, n),
        }
    )


MODELS = {
    "linear": ("y ~ x + (x | g) + (1 | h)", {}),
    "linear ML": ("y ~ x + (1 | g)", {"reml": False}),
    "Poisson": ("count ~ x + (x | g) + (1 | h)", {"family": "poisson"}),
    "NB2": ("count ~ x + (1 | g)", {"family": "negative_binomial_2"}),
    "quadrature": ("count ~ x + (x | g)", {"family": "poisson", "quadrature": 5}),
    "nested quadrature": (
        "count ~ x + (x | g) + (1 | g:h)",
        {"family": "poisson", "quadrature": 3},
    ),
    "crossed quadrature": ("count ~ x + (x | g) + (1 | h)", {"family": "poisson", "quadrature": 3}),
    "Gaussian with a dispersion model": ("y ~ x + (1 | g)", {"dispersion": "~ x"}),
}


@pytest.fixture(scope="module", params=list(MODELS))
def fitted(request: pytest.FixtureRequest, data: pd.DataFrame) -> Fitted:
    formula, keywords = MODELS[request.param]
    return ilk.fit(formula, data, **keywords).fitted


def loglik_at(fitted: Fitted, psi: np.ndarray) -> float:
    return fitted.marginal.at(psi).value + fitted.marginal.scaled.value_shift


def test_at_reproduces_the_optimum(fitted: Fitted) -> None:
    assert loglik_at(fitted, fitted.estimates.psi) == pytest.approx(fitted.loglik, rel=1e-10)


def test_estimates_are_a_maximum(fitted: Fitted) -> None:
    """Steps of a hundredth of a standard error in any direction never gain."""
    errors = np.sqrt(np.diag(fitted.psi_covariance()))
    rng = np.random.default_rng(3)
    for _ in range(10):
        step = 0.05 * errors * rng.normal(size=len(errors))
        assert loglik_at(fitted, fitted.estimates.psi + step) <= fitted.loglik + 1e-9


def test_covariance_is_the_inverse_of_the_curvature(fitted: Fitted) -> None:
    """Second differences of the value itself, not of the gradient that the engine uses."""
    if fitted.model.linear:
        pytest.skip("beta and sigma are profiled: compared with dense algebra below")
    psi, covariance = fitted.estimates.psi, fitted.psi_covariance()
    root = np.linalg.cholesky(covariance)
    h = 0.05
    m = len(psi)
    curvature = np.empty((m, m))

    def value(step: np.ndarray) -> float:
        return loglik_at(fitted, psi + root @ step)

    for i in range(m):
        for j in range(i + 1):
            e, f = h * np.eye(m)[i], h * np.eye(m)[j]
            curvature[i, j] = curvature[j, i] = -(
                value(e + f) - value(e - f) - value(f - e) + value(-e - f)
            ) / (4.0 * h * h)
    np.testing.assert_allclose(curvature, np.eye(m), atol=5e-3)


def test_linear_covariance_against_dense_algebra(data: pd.DataFrame) -> None:
    """Coefficients: (X'V^-1X)^-1; theta and log sigma2: curvature of the dense likelihood."""
    fitted = ilk.fit("y ~ x + (1 | g)", data, reml=False).fitted
    X = np.column_stack([np.ones(len(data)), data["x"] - 2005.0])
    Z = (data["g"].to_numpy()[:, None] == np.arange(18)).astype(float)
    y = data["y"].to_numpy()

    def dense(theta: float, log_sigma2: float) -> float:
        V = np.exp(log_sigma2) * (np.eye(len(y)) + theta**2 * Z @ Z.T)
        W = np.linalg.inv(V)
        beta = np.linalg.solve(X.T @ W @ X, X.T @ W @ y)
        r = y - X @ beta
        return -0.5 * (np.linalg.slogdet(2 * np.pi * V)[1] + r @ W @ r)

    theta, log_sigma2 = fitted.estimates.psi[-2:]
    assert dense(theta, log_sigma2) == pytest.approx(fitted.loglik, rel=1e-10)
    h = 1e-3
    point = np.array([theta, log_sigma2])
    hessian = np.empty((2, 2))
    for i in range(2):
        for j in range(2):
            e, f = h * np.eye(2)[i], h * np.eye(2)[j]
            hessian[i, j] = (
                dense(*(point + e + f))
                - dense(*(point + e - f))
                - dense(*(point - e + f))
                + dense(*(point - e - f))
            ) / (4 * h * h)
    np.testing.assert_allclose(
        fitted.psi_covariance()[-2:, -2:], np.linalg.inv(-hessian), rtol=1e-3
    )
    W = np.linalg.inv(np.exp(log_sigma2) * (np.eye(len(y)) + theta**2 * Z @ Z.T))
    slope = np.linalg.inv(X.T @ W @ X)[1, 1]
    assert fitted.vcov[1, 1] == pytest.approx(slope, rel=1e-6)


def test_mode_sensitivity_against_refound_modes(fitted: Fitted) -> None:
    """d b-hat / d psi by moving each parameter and finding the modes again."""
    if fitted.model.linear:
        pytest.skip("beta is profiled: it cannot be moved alone")
    sensitivity = fitted.mode_sensitivity()
    errors = np.sqrt(np.diag(fitted.psi_covariance()))
    marginal = fitted.marginal
    for j, error in enumerate(errors):
        ends = []
        for side in (1e-4, -1e-4):
            psi = fitted.estimates.psi.copy()
            psi[j] += side * error
            modes = marginal.estimates(marginal.at(psi)).modes
            ends.append(np.concatenate([part.ravel() for part in modes]))
        slope = (ends[0] - ends[1]) / (2e-4 * error)
        np.testing.assert_allclose(sensitivity[:, j] * error, slope * error, rtol=3e-4, atol=1e-5)


def test_conditional_solve_has_the_blocks_of_mode_covariance(fitted: Fitted) -> None:
    blocks = fitted.mode_covariance()
    U = sum(block.shape[0] * block.shape[1] for block in blocks)
    q = blocks[0].shape[1]
    rhs = np.zeros((U, q))
    rhs[q : 2 * q] = np.eye(q)  # the second level of the first term
    solved = fitted.conditional_solve(rhs)
    np.testing.assert_allclose(solved[q : 2 * q], blocks[0][1], rtol=1e-7, atol=1e-12)


def test_questions_in_any_order_see_the_same_numbers(data: pd.DataFrame) -> None:
    """The engine moves; the answers do not."""
    fit = ilk.fit("count ~ x + (x | g)", data, family="poisson").fitted
    first = fit.mode_covariance()[0].copy()
    fit.psi_covariance()
    fit.mode_sensitivity()
    again = fit.marginal.mode_covariance(fit.point)[0]
    np.testing.assert_allclose(first, again, rtol=1e-9)


def test_refit_leaves_the_first_fit_alone(data: pd.DataFrame) -> None:
    """Two fits share an engine; each answers for its own response."""
    fit = ilk.fit("count ~ x + (1 | g)", data, family="poisson")
    before = fit.fitted.marginal.mode_covariance(fit.fitted.point)[0].copy()
    other = fit.refit(np.roll(data["count"].to_numpy(), 3))
    assert other.loglik != fit.loglik
    alone = ilk.fit(
        "count ~ x + (1 | g)",
        data.assign(count=np.roll(data["count"].to_numpy(), 3)),
        family="poisson",
    )
    assert other.loglik == pytest.approx(alone.loglik, abs=1e-7)
    np.testing.assert_allclose(other.fitted.coef, alone.fitted.coef, rtol=1e-4)
    after = fit.fitted.marginal.mode_covariance(fit.fitted.point)[0]
    np.testing.assert_allclose(before, after, rtol=1e-9)
