"""Newton's step with its correction: what the rest does not determine, and what it cannot."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.diagnostics.influence.newton import NewtonSteps
from ilk.diagnostics.influence.parts import Likelihood


def data() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    g = np.repeat(np.arange(12), 6)
    x = rng.normal(size=72)
    only = (g == 4) * rng.integers(0, 2, 72)
    n = rng.poisson(np.exp(0.5 + 0.4 * x + 0.4 * rng.normal(size=12)[g]))
    return pd.DataFrame({"g": g, "x": x, "only": only, "n": n})


def steps_of(formula: str) -> tuple[Likelihood, NewtonSteps, list[np.ndarray]]:
    fitted = ilk.fit(formula, data(), "poisson").fitted
    likelihood = Likelihood(fitted)
    counted = np.ones(len(fitted.coef), dtype=bool)
    whole = likelihood.part(np.arange(72))
    members = [np.flatnonzero(data().g == level) for level in range(12)]
    return likelihood, NewtonSteps(likelihood, whole, counted), members


def test_correction_brings_the_step_nearer_to_the_optimum() -> None:
    """The gradient of the rest, which a Newton step leaves at second order, becomes smaller."""
    likelihood, steps, members = steps_of("n ~ x + (1 | g)")
    whole = likelihood.part(np.arange(72))
    for level in (0, 7):
        part = likelihood.part(members[level])
        rest = np.setdiff1d(np.arange(72), members[level])
        engine = likelihood.engine(rest)
        plain = np.linalg.solve((whole - part).information, (whole - part).score)
        better = steps.without(part, 6.0).step
        before = np.linalg.norm(likelihood.gradient(engine, likelihood.at + plain))
        after = np.linalg.norm(likelihood.gradient(engine, likelihood.at + better))
        assert after < 0.4 * before


def test_a_coefficient_of_one_cluster_is_lost_without_it() -> None:
    likelihood, steps, members = steps_of("n ~ x + only + (1 | g)")
    found = steps.without(likelihood.part(members[4]), 6.0)
    assert np.isnan(found.step).tolist() == [False, False, True, False]
    assert np.isnan(np.diag(found.covariance)).tolist() == [False, False, True]
    assert np.isnan(found.displacement)
    other = steps.without(likelihood.part(members[5]), 6.0)
    assert np.isfinite(other.step).all()


def test_no_maximum_nearby_is_said() -> None:
    likelihood, steps, members = steps_of("n ~ x + (1 | g)")
    part = likelihood.part(members[0])
    much = part + likelihood.part(np.arange(72))  # more than all rows have
    found = steps.without(much, 6.0)
    assert found.failed
    assert np.isnan(found.step).all()


def test_leverage_of_a_poisson_regression_is_the_hat_matrix() -> None:
    fitted = ilk.fit("n ~ x", data(), "poisson").fitted
    likelihood = Likelihood(fitted)
    parts = likelihood.row_parts(np.arange(72), 72)
    whole = likelihood.part(np.arange(72))
    steps = NewtonSteps(likelihood, whole, np.ones(2, dtype=bool))
    X = np.column_stack([np.ones(72), data().x])
    W = fitted.mean
    hat = np.diag(X @ np.linalg.solve(X.T @ (W[:, None] * X), X.T)) * W
    found = [steps.without(part, 1.0).leverage for part in parts]
    assert found == pytest.approx(hat, rel=1e-6)
