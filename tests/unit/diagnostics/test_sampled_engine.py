"""The engine of sums over draws keeps the contract of the others."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.diagnostics.test_approximation import answers

import ilk
from ilk.diagnostics.sampled_engine import SampledEngine, newton_by_draws
from ilk.kernels import laplace_engine


def engine_of(fitted, seed=0):
    data, family = fitted.marginal.scaled.data, fitted.family
    return SampledEngine(data, family, laplace_engine(data, family), 150, seed)


def test_a_search_ends_where_newton_steps_do():
    fitted = ilk.fit("y ~ x + (1 | g) + (1 | item)", answers(items=6), "binomial").fitted
    point, engine = fitted.point, engine_of(fitted)
    end = engine.fit(
        fitted.marginal.factor,
        beta=point.beta,
        theta=point.theta,
        inverse_hessian=point.inverse_hessian,
        tolerance=1e-8,
    )
    assert end.status == "converged"
    assert np.max(np.abs(end.gradient)) < 1e-3
    found = newton_by_draws(fitted, 150, 0)
    psi = np.concatenate([fitted.marginal.scaled.coef(end.beta), end.theta])
    errors = np.sqrt(np.diagonal(found.covariance))
    assert np.max(np.abs(psi - found.psi[0]) / errors) < 0.03
    with pytest.raises(ValueError, match="warm start"):
        engine.fit(fitted.marginal.factor, beta=point.beta)


def test_new_responses_and_what_stands_at_the_modes():
    fitted = ilk.fit("y ~ x + (1 | g)", answers(20), "binomial").fitted
    engine, point = engine_of(fitted), fitted.point
    lam = fitted.marginal.lam(point.theta)
    before = engine.evaluate(point.beta, lam)
    assert engine.conditional_covariance()[0].shape == (20, 1, 1)
    assert engine.cross_information().shape == (20, 2)
    assert engine.fixed_information().shape == (2, 2)
    right = np.ones((20, 1))
    assert np.all(engine.solve(right) < right)
    engine.set_response(1.0 - fitted.marginal.scaled.data.response)
    other = engine.evaluate(point.beta, lam)
    assert other.value < before.value
