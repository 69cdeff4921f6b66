"""Posterior of levels in the linear model, against the engine and dense matrices."""

from __future__ import annotations

import numpy as np
import pytest

import ilk
from ilk.ranking.linear_levels import LinearLevels
from ilk.ranking.standards import make_standard
from ilk.ranking.target import choose_target, conditional_variances

from ...fits import fit_of


def _levels(fit, group, term=None):
    standard = make_standard(fit.fitted, group, "case_mix")
    target = choose_target(fit.fitted, group, term, standard.weights, standard.fixed)
    return LinearLevels(fit.fitted, target), target


@pytest.mark.parametrize("term", [None, "Intercept", "Days"])
def test_at_the_estimates_they_are_those_of_the_engine(term) -> None:
    fit = fit_of("sleepstudy")
    sums, target = _levels(fit, "Subject", term)
    mean, deviation = sums.at(fit.fitted.estimates.psi)
    assert mean == pytest.approx(target.combine(fit.fitted.estimates.modes), abs=1e-6)
    assert deviation**2 == pytest.approx(conditional_variances(fit.fitted, target), rel=1e-6)


def test_elsewhere_they_are_those_of_dense_matrices() -> None:
    """With weights, an offset and two terms of one factor."""
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(9), 6)
    data = {
        "x": rng.normal(size=54),
        "g": g,
        "w": rng.uniform(0.5, 2.0, 54),
        "o": rng.normal(size=54),
    }
    data["y"] = data["o"] + rng.normal(size=9)[g] + (1 + rng.normal(size=9)[g]) * data["x"]
    data["y"] = data["y"] + rng.normal(size=54)
    fit = ilk.fit("y ~ x + offset(o) + (1 | g) + (0 + x | g)", data, precision_weights="w")
    sums, target = _levels(fit, "g")
    psi = fit.fitted.estimates.psi + np.array([0.1, -0.2, 0.1, 0.2, 0.3])
    mean, deviation = sums.at(psi)
    G = [float(block[0, 0]) for block in fit.fitted.covariances_at(psi)]
    Z = np.zeros((54, 18))
    Z[np.arange(54), g], Z[np.arange(54), 9 + g] = 1.0, data["x"]
    R = np.diag(np.exp(psi[-1]) / data["w"])
    prior = np.diag(np.repeat(G, 9))
    V = Z @ prior @ Z.T + R
    rest = data["y"] - data["o"] - psi[0] - psi[1] * data["x"]
    b = prior @ Z.T @ np.linalg.solve(V, rest)
    C = prior - prior @ Z.T @ np.linalg.solve(V, Z @ prior)
    a = np.hstack([np.eye(9), target.weights[1][0] * np.eye(9)])
    assert mean == pytest.approx(a @ b)
    assert deviation**2 == pytest.approx(np.diag(a @ C @ a.T))
