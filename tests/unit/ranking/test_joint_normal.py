"""Joint normal draws where factors cross: dense, perturbed, singular."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.ranking.joint_normal import JointNormal
from ilk.ranking.standards import make_standard
from ilk.ranking.target import choose_target

from ...answers import counts
from ...fits import fit_of


def _normal(fit, group, term=None):
    standard = make_standard(fit.fitted, group, "case_mix")
    target = choose_target(fit.fitted, group, term, standard.weights, standard.fixed)
    return JointNormal(fit.fitted, target)


def _perturbed(normal, count=6000):
    normal.root = None
    return normal.draw(count, np.random.default_rng(1))


def test_covariance_of_the_linear_model() -> None:
    fit = fit_of("penicillin")
    normal = _normal(fit, "sample")
    exact = np.asarray(fit.joint_covariance("sample", uncertainty="conditional"))
    assert normal.covariance() == pytest.approx(exact)
    draws = _perturbed(normal)
    assert np.cov(draws.T) == pytest.approx(exact, abs=0.05 * exact.max())
    assert draws.mean(axis=0) == pytest.approx(fit.fitted.estimates.modes[1][:, 0], abs=0.02)


def test_perturbed_draws_of_counts_with_frequencies() -> None:
    data = counts().assign(f=np.tile([1, 2, 1], 24))
    fit = ilk.fit(
        "y ~ x + (1 + x | person) + (1 | item)", data, family="poisson", frequency_weights="f"
    )
    normal = _normal(fit, "person")
    exact = normal.covariance() * np.outer(normal.stretch, normal.stretch)
    assert np.cov(_perturbed(normal).T) == pytest.approx(exact, abs=0.06 * exact.max())


def test_singular_covariance() -> None:
    """A correlation of one: the slope is a multiple of the intercept in every draw."""
    rng = np.random.default_rng(1)
    g, h = np.repeat(np.arange(20), 6), np.tile(np.arange(6), 20)
    x, b = rng.normal(size=120), rng.normal(size=20)
    y = 2 * b[g] + b[g] * x + rng.normal(size=6)[h] + 0.8 * rng.normal(size=120)
    data = pd.DataFrame({"y": y, "x": x, "g": g, "h": h})
    fit = ilk.fit("y ~ x + (1 + x | g) + (1 | h)", data)
    G = fit.fitted.estimates.covariances[0]
    assert np.linalg.eigvalsh(G)[0] < 1e-8 * G.max()
    first, second = (_perturbed(_normal(fit, "g", term), 50) for term in ("Intercept", "x"))
    ratio = np.sqrt(G[1, 1] / G[0, 0])
    assert second == pytest.approx(ratio * first, abs=1e-6)


def test_stretch_makes_the_deviations_those_of_quadrature() -> None:
    fit = ilk.fit("y ~ (1 | school) + (1 | person)", counts(), family="poisson")
    normal = _normal(fit, "school")
    from ilk.prediction.conditional_means import conditional_means

    moments = conditional_means(fit.fitted, sensitivity=False).moments
    assert normal.center == pytest.approx(moments.means[0][:, 0])
    draws = normal.draw(8000, np.random.default_rng(2))
    assert draws.std(axis=0) == pytest.approx(np.sqrt(moments.covariances[0][:, 0, 0]), rel=0.04)


@pytest.mark.parametrize("weights", [None, "w"])
def test_linear_model_at_other_parameters(weights) -> None:
    """Means and covariance by dense matrices at any coefficients, variances and sigma."""
    rng = np.random.default_rng(4)
    g, h = np.repeat(np.arange(8), 5), np.tile(np.arange(5), 8)
    data = pd.DataFrame({"x": rng.normal(size=40), "g": g, "h": h, "w": rng.uniform(0.5, 2, 40)})
    data["y"] = 1 + data["x"] + rng.normal(size=8)[g] + rng.normal(size=5)[h] + rng.normal(size=40)
    fit = ilk.fit("y ~ x + (1 | g) + (1 | h)", data, precision_weights=weights)
    psi = fit.fitted.estimates.psi + np.array([0.2, -0.3, 0.25, -0.2, 0.3])
    found = _normal(fit, "g").at(psi)
    Z = np.hstack([np.eye(8)[g], np.eye(5)[h]])
    G = [float(block[0, 0]) for block in fit.fitted.covariances_at(psi)]
    prior = np.diag(np.repeat(G, [8, 5]))
    noise = np.exp(psi[-1]) / (np.ones(40) if weights is None else data["w"].to_numpy())
    V = Z @ prior @ Z.T + np.diag(noise)
    b = prior @ Z.T @ np.linalg.solve(V, data["y"] - psi[0] - psi[1] * data["x"])
    C = prior - prior @ Z.T @ np.linalg.solve(V, Z @ prior)
    assert found.center == pytest.approx(b[:8], abs=1e-6)
    assert found.scale**2 * found.covariance() == pytest.approx(C[:8, :8], abs=1e-6)
