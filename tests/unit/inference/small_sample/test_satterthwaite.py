"""Satterthwaite's degrees of freedom against differences of the criterion itself."""

import math

import numpy as np
import pandas as pd
import pytest
from tests.fits import fit_of
from tests.unit.inference.small_sample import dense

import ilk
from ilk.inference.small_sample.satterthwaite import pseudo_inverse, satterthwaite


def _criterion(fitted, theta, log_sigma):
    """Deviance and covariance of coefficients at relative factors and log sigma, with V (n, n)."""
    X, Z, weights = dense.parts_of(fitted)
    scaled = fitted.marginal.scaled
    roots = fitted.marginal.roots(fitted.marginal.lam(theta))
    V = np.diag(1.0 / weights)
    for z, R in zip(Z, roots, strict=True):
        G = (R @ R.T) / scaled.scale**2
        V = V + z @ np.kron(np.eye(z.shape[1] // len(G)), G) @ z.T
    V *= math.exp(2.0 * log_sigma)
    U = np.linalg.inv(V)
    information = X.T @ U @ X
    y = fitted.design.response.y
    beta = np.linalg.solve(information, X.T @ U @ y)
    deviance = np.linalg.slogdet(V)[1] + (y - X @ beta) @ U @ (y - X @ beta)
    if fitted.model.reml:
        deviance += np.linalg.slogdet(information)[1]
    return deviance, np.linalg.inv(information)


def _by_differences(fitted, contrast):
    theta = fitted.point.theta
    at = np.append(theta, 0.5 * math.log(fitted.estimates.sigma2))

    def both(v):
        deviance, phi = _criterion(fitted, v[:-1], v[-1])
        return np.array([deviance, contrast @ phi @ contrast])

    k, h = len(at), 1e-3
    steps = np.eye(k) * h
    hessian, gradient = np.zeros((k, k)), np.zeros(k)
    for i in range(k):
        gradient[i] = (both(at + steps[i]) - both(at - steps[i]))[1] / (2 * h)
        for j in range(k):
            corners = [
                s * t * both(at + s * steps[i] + t * steps[j])[0] for s in (1, -1) for t in (1, -1)
            ]
            hessian[i, j] = sum(corners) / (4 * h * h)
    uncertainty = 2.0 * np.linalg.inv(hessian)
    variance = both(at)[1]
    return 2.0 * variance**2 / (gradient @ uncertainty @ gradient)


@pytest.mark.parametrize("name", ["sleepstudy", "penicillin", "weighted"])
def test_against_differences(name):
    fitted = fit_of(name).fitted
    found = satterthwaite(fitted)
    rng = np.random.default_rng(5)
    for contrast in (np.eye(len(fitted.coef))[0], rng.normal(size=len(fitted.coef))):
        assert found.df(contrast) == pytest.approx(_by_differences(fitted, contrast), rel=1e-3)
    np.testing.assert_allclose(found.covariance, fitted.vcov, rtol=1e-8)


def test_a_variance_of_zero_leaves_the_model_without_it():
    """Dyestuff2, by maximum likelihood: n degrees of freedom."""
    found = satterthwaite(fit_of("dyestuff2").fitted)
    assert found.df(np.ones(1)) == pytest.approx(30.0)


def test_effects_that_vanish_in_a_rotated_direction():
    """First variance zero in an unstructured matrix: rotations of the rest change nothing."""
    rng = np.random.default_rng(8)
    g = np.repeat(np.arange(20), 6)
    x, z = rng.normal(size=(2, 120))
    y = 1.0 + x + 1.5 * rng.normal(size=20)[g] * z + rng.normal(size=120)
    data = pd.DataFrame({"y": y, "x": x, "z": z, "g": g})
    fit = ilk.fit("y ~ x + z + (0 + x + z | g)", data)
    reduced = ilk.fit("y ~ x + z + (0 + z | g)", data)
    table, other = (f.tidy().set_index("term") for f in (fit, reduced))
    assert np.isfinite(table.loc[["Intercept", "x", "z"], "df"]).all()
    assert table.loc["z", "df"] == pytest.approx(other.loc["z", "df"], rel=0.15)


def test_pseudo_inverse_leaves_flat_directions_out():
    direction = np.array([[1.0, 2.0, 0.0]])
    information = direction.T @ direction + np.diag([0.0, 0.0, 4.0])
    found = pseudo_inverse(information)
    assert found[2, 2] == pytest.approx(0.25)
    np.testing.assert_allclose(information @ found @ information, information, atol=1e-12)


def test_a_contrast_of_zero_has_none():
    assert math.isnan(satterthwaite(fit_of("sleepstudy").fitted).df(np.zeros(2)))
