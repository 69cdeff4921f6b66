"""The quasi-Newton search."""

import numpy as np
import pytest

from ilk.num.search import maximize, update_inverse


def _rosenbrock(x):
    a, b = 1.0 - x[0], x[1] - x[0] ** 2
    gradient = np.array([2.0 * a + 400.0 * b * x[0], -200.0 * b])
    return -(a**2) - 100.0 * b**2, gradient


def _search(objective, x, **options):
    x = np.asarray(x, dtype=float)
    settings = {"max_steps": 200, "tolerance": 1e-14} | options
    return maximize(objective, x, np.eye(len(x)), np.full(len(x), 1.0), **settings)


def test_finds_the_maximum_of_a_curved_valley():
    end = _search(_rosenbrock, [-1.2, 1.0])
    assert end.status == "converged"
    np.testing.assert_allclose(end.x, [1.0, 1.0], atol=1e-6)
    assert end.decrement < 1e-14


def test_stays_out_of_regions_without_value():
    def objective(x):
        if x[0] <= 0.0:
            return -np.inf, np.full(1, np.nan)
        return float(np.log(x[0]) - x[0]), 1.0 / x - 1.0

    end = _search(objective, [0.01])
    assert end.status == "converged"
    assert end.x[0] == pytest.approx(1.0, abs=1e-6)


def test_says_why_it_ended():
    assert _search(_rosenbrock, [-1.2, 1.0], max_steps=3).status == "max_steps"
    nowhere = _search(lambda x: (-np.inf, np.zeros(1)), [0.0])
    assert nowhere.status == "no_mode"
    wrong = _search(lambda x: (-float(x @ x), 2.0 * x), [1.0])  # gradient of the wrong sign
    assert wrong.status == "line_search"


def test_no_parameters_at_all():
    end = maximize(
        lambda x: (3.0, np.zeros(0)), np.zeros(0), np.zeros((0, 0)), np.zeros(0),
        max_steps=5, tolerance=1e-8,
    )  # fmt: skip
    assert (end.status, end.value, end.steps) == ("converged", 3.0, 0)


def test_update_meets_the_secant_equation():
    rng = np.random.default_rng(0)
    hessian = np.diag([1.0, 4.0, 9.0])
    step = rng.normal(size=3)
    updated = update_inverse(np.eye(3), step, hessian @ step)
    np.testing.assert_allclose(updated @ hessian @ step, step)
    np.testing.assert_allclose(updated, updated.T)
    np.testing.assert_array_equal(update_inverse(np.eye(3), step, -step), np.eye(3))
