"""Terms whose columns belong to several predictors, against sums over grids and dense matrices."""

import numpy as np
import pytest

from ilk.family.inflation import ZeroInflated
from ilk.family.registry import make_family
from ilk.kernels.contract import EngineData, PredictorData, TermData
from ilk.kernels.reference import LaplaceEngine
from ilk.kernels.reference.loadings import Loadings
from ilk.likelihood.brute_force import dense_effects, grid_loglik, laplace_loglik
from ilk.num.differences import jacobian

EXACT = 1e-18


def problem(name, terms, n=18, seed=0):
    """Data with terms (predictors of the columns, levels)."""
    inflated = name.startswith("inflated_")
    family = make_family(name.removeprefix("inflated_"))
    family = ZeroInflated(family) if inflated else family
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1.0, 1.0, n)
    predictors = [PredictorData(np.asfortranarray(np.column_stack([np.ones(n), x])), None)]
    beta = [0.7, 0.4]
    for _ in range(1, len(family.parameters)):
        predictors.append(PredictorData(np.ones((n, 1), order="F"), None))
        beta.append(-0.5)
    placed, lam = [], []
    for of, levels in terms:
        q = len(of)
        codes = (np.arange(n) // 2 % levels).astype(np.int32)
        columns = np.column_stack([np.ones((n, 1)), rng.normal(size=(n, q - 1))])
        placed.append(TermData(of, codes, levels, columns))
        lam.append((0.5 * np.eye(q) + 0.3 * np.tril(rng.normal(size=(q, q)))).ravel(order="F"))
    y = rng.normal(0.7, 0.8, n) if name == "gaussian" else rng.poisson(2.0, n).astype(float)
    weights = rng.uniform(0.5, 2.0, n)
    data = EngineData(y, None, weights, tuple(predictors), tuple(placed))
    return data, family, np.array(beta), np.concatenate(lam)


MIXED = {
    "two parts": ("gaussian", (((0, 1), 3),)),
    "parts in turn": ("negative_binomial_2", (((0, 1, 0), 2),)),
    "three parts": ("inflated_negative_binomial_2", (((0, 1, 2), 2),)),
    "with another term": ("gaussian", (((0, 1), 3), ((0,), 2))),
    "same grouping": ("gaussian", (((1, 0), 3), ((0,), 3))),
    "two mixed": ("inflated_poisson", (((0, 1), 3), ((1, 0), 2))),
}


@pytest.fixture(params=MIXED, ids=lambda name: name.replace(" ", "-"))
def mixed(request):
    return problem(*MIXED[request.param])


def test_value_is_that_of_dense_matrices(mixed):
    data, family, beta, lam = mixed
    value = LaplaceEngine(data, family).evaluate(beta, lam, tolerance=EXACT).value
    assert value == pytest.approx(laplace_loglik(data, family, beta, lam), rel=1e-10)


def check_gradient(engine, beta, lam, keep, nodes):
    at = engine.evaluate(beta, lam, nodes=nodes, tolerance=EXACT)

    def value(x):
        lam_x = lam.copy()
        lam_x[keep] = x[len(beta) :]
        found = engine.evaluate(x[: len(beta)], lam_x, nodes=nodes, gradient=False, tolerance=EXACT)
        return np.array([found.value])

    differences = jacobian(value, np.concatenate([beta, lam[keep]]), 1e-3)[0]
    np.testing.assert_allclose(
        np.concatenate([at.grad_beta, at.grad_lam[keep]]), differences, rtol=1e-6, atol=1e-6
    )


def lower(data):
    parts = [np.tril(np.ones((t.width, t.width), bool)).ravel(order="F") for t in data.terms]
    return np.concatenate(parts)


def test_gradient_is_that_of_differences(mixed):
    data, family, beta, lam = mixed
    check_gradient(LaplaceEngine(data, family), beta, lam, lower(data), 1)


def test_gradient_at_a_factor_of_zero():
    data, family, beta, lam = problem(*MIXED["parts in turn"])
    check_gradient(LaplaceEngine(data, family), beta, 0.0 * lam, lower(data), 1)


@pytest.mark.parametrize("which", ["two parts", "parts in turn", "same grouping"])
def test_many_nodes_give_the_integral(which):
    data, family, beta, lam = problem(*MIXED[which])
    exact = grid_loglik(data, family, beta, lam, spacing=0.4, extent=6.0)
    engine = LaplaceEngine(data, family)
    laplace = engine.evaluate(beta, lam, tolerance=EXACT).value
    found = engine.evaluate(beta, lam, nodes=15, tolerance=EXACT).value
    assert found == pytest.approx(exact, rel=1e-6)
    assert abs(laplace - exact) > 20.0 * abs(found - exact)
    check_gradient(engine, beta, lam, lower(data), 3)


def test_nested_quadrature_of_a_mixed_term():
    data, family, beta, lam = problem("gaussian", (((0, 1), 2), ((0,), 4)), n=16)
    outer = (np.arange(16) // 8).astype(np.int32)
    inner = (np.arange(16) // 4).astype(np.int32)
    terms = (
        TermData((0, 1), outer, 2, data.terms[0].columns),
        TermData((0,), inner, 4, None),
    )
    data = EngineData(data.response, None, None, data.predictors, terms)
    engine = LaplaceEngine(data, family)
    values = [engine.evaluate(beta, lam, nodes=k, tolerance=EXACT).value for k in (9, 13)]
    exact = grid_loglik(data, family, beta, lam, spacing=0.6, extent=5.4)
    assert values[1] == pytest.approx(exact, abs=1e-4)
    assert values[1] == pytest.approx(values[0], abs=1e-4)
    check_gradient(engine, beta, lam, lower(data), 2)


def test_conditional_covariance_and_information_are_dense_ones(mixed):
    data, family, beta, lam = mixed
    engine = LaplaceEngine(data, family)
    engine.evaluate(beta, lam, tolerance=EXACT)
    z = dense_effects(data, lam)
    u = engine.modes()
    start = np.cumsum([0, *(part.X.shape[1] for part in data.predictors)])

    def value(beta_u):
        at, effects = beta_u[: len(beta)], beta_u[len(beta) :]
        eta = [
            part.X @ at[start[k] : start[k + 1]] + z[k] @ effects
            for k, part in enumerate(data.predictors)
        ]
        jet = family.log_density(data.response, None, eta)
        return np.array([float(data.weights @ jet) - 0.5 * float(effects @ effects)])

    def slope(x):
        return jacobian(value, x, 1e-3)[0]

    hessian = -jacobian(slope, np.concatenate([beta, u]), 1e-3)
    p = len(beta)
    np.testing.assert_allclose(engine.cross_information(), hessian[p:, :p], atol=2e-4)
    np.testing.assert_allclose(engine.fixed_information(), hessian[:p, :p], atol=2e-4)
    inverse = np.linalg.inv(hessian[p:, p:])
    np.testing.assert_allclose(engine.solve(np.eye(len(u))), inverse, atol=2e-4)
    blocks = engine.conditional_covariance()
    q = data.terms[0].width
    factor = lam[: q * q].reshape(q, q, order="F")
    np.testing.assert_allclose(
        blocks[0][1], factor @ inverse[q : 2 * q, q : 2 * q] @ factor.T, atol=2e-4
    )


def test_loadings_of_part_of_the_effects():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(5, 5))
    whole = Loadings(values, np.array([0, 0, 1, 2, 2]), np.array([0, 1, 0, 0, 2]), 3)
    effects, slopes = rng.normal(size=(5, 3)), rng.normal(size=(3, 5))
    for k in range(3):
        direct = np.sum(whole.of_predictor(k) * effects, axis=1)
        np.testing.assert_allclose(whole.reach(effects, k), direct)
        parts = whole.part(0, 1).reach(effects[:, :1], k) + whole.part(1, 3).reach(
            effects[:, 1:], k
        )
        np.testing.assert_allclose(parts, direct)
    pulled = sum(whole.of_predictor(k) * slopes[k][:, None] for k in range(3))
    np.testing.assert_allclose(whole.pull(slopes), pulled)
    assert not whole.single
    assert whole.part(1, 2).single
