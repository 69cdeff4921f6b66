"""Quadrature over one factor beside Laplace over others: brute force, differences, algebra."""

from __future__ import annotations

import numpy as np
import pytest

from ilk.covariance import covariance_structure
from ilk.family import make_family
from ilk.kernels import LaplaceEngine, laplace_engine
from ilk.kernels.contract import EngineData, PredictorData, TermData
from ilk.kernels.reference import CrossedEngine
from ilk.kernels.reference import LaplaceEngine as ReferenceEngine
from ilk.kernels.reference.conditional import Conditional
from ilk.kernels.reference.moments import find_moments, spread_sums
from ilk.kernels.reference.rows import row_design
from ilk.likelihood.brute_force import dense_effects
from ilk.model.factors import factor_map
from ilk.num.differences import jacobian
from ilk.num.quadrature import product_rule


def problem(family, widths=(1, 1), levels=(4, 2), n=24, seed=0, scale=1.2):
    """Persons (blocks of rows) crossed with items (rows in turn)."""
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(levels[0]), -(-n // levels[0]))[:n], np.arange(n) % levels[1]
    terms = []
    for q, count, code in zip(widths, levels, codes, strict=True):
        columns = None if q == 1 else np.column_stack([np.ones(n), rng.normal(size=(n, q - 1))])
        terms.append(TermData.single(0, code.astype(np.int32), count, columns))
    X = np.asfortranarray(np.column_stack([np.ones(n), rng.uniform(-1.0, 1.0, n)]))
    y = (rng.random(n) < 0.5) if family.takes_trials else rng.poisson(2.0, n)
    predictors, beta = [PredictorData(X, 0.1 * rng.normal(size=n))], [0.2, 0.5]
    for name in family.parameters[1:]:
        predictors.append(PredictorData(np.ones((n, 1), order="F"), None))
        beta.append({"dispersion": -0.7, "zero_inflation": -1.0}[name])
    data = EngineData(y.astype(float), None, None, tuple(predictors), tuple(terms))
    lam = [np.tril(0.3 * rng.normal(size=(q, q))) + scale * np.eye(q) for q in widths]
    return data, np.array(beta), np.concatenate([x.ravel(order="F") for x in lam])


def lower(data):
    masks = [np.tril(np.ones((t.width,) * 2)).ravel(order="F") for t in data.terms]
    return np.concatenate(masks) > 0.0


def tensor(data, family, beta, lam, nodes):
    """Log-likelihood with a product rule over all effects."""
    engine = laplace_engine(data, family)
    engine.evaluate(beta, lam, gradient=False, tolerance=1e-18)
    z = dense_effects(data, lam)[0]
    size = z.shape[1]
    L = np.linalg.cholesky(np.linalg.inv(engine.solve(np.eye(size))))
    points, log_weights = product_rule(nodes, size)
    u = engine.modes()[:, None] + np.linalg.solve(L.T, points.T)
    fixed = data.predictors[0].X @ beta + data.predictors[0].offset
    eta = fixed[:, None] + z @ u
    logs = np.sum(data.response[:, None] * eta - np.logaddexp(0.0, eta), axis=0)
    logs += log_weights + 0.5 * np.sum(points**2, axis=1) - 0.5 * np.sum(u * u, axis=0)
    return float(np.logaddexp.reduce(logs)) - float(np.sum(np.log(np.diag(L))))


@pytest.mark.parametrize("widths", [(1, 1), (2, 1), (1, 2)])
@pytest.mark.parametrize("name", ["binomial", "poisson", "negative_binomial_2"])
def test_gradient_is_exact(name, widths):
    family = make_family(name)
    data, beta, lam = problem(family, widths)
    engine, count = laplace_engine(data, family), len(beta)

    def value(x):
        return engine.evaluate(x[:count], x[count:], nodes=(4, 1), gradient=False).value

    at = engine.evaluate(beta, lam, nodes=(4, 1))
    keep = np.concatenate([np.ones(count, bool), lower(data)])
    expected = jacobian(value, np.concatenate([beta, lam]), 1e-3)
    found = np.concatenate([at.grad_beta, at.grad_lam])
    np.testing.assert_allclose(found[keep], expected[keep], atol=2e-7)


def test_gradient_with_excess_zeros_and_three_predictors():
    family = make_family("negative_binomial_2", zero_inflated=True)
    data, beta, lam = problem(family, n=48, scale=0.6)
    data = EngineData(
        np.where(np.arange(48) % 5 == 0, 0.0, data.response),
        None,
        None,
        data.predictors,
        data.terms,
    )
    engine, count = laplace_engine(data, family), len(beta)

    def value(x):
        return engine.evaluate(x[:count], x[count:], nodes=(5, 1), gradient=False).value

    at = engine.evaluate(beta, lam, nodes=(5, 1))
    expected = jacobian(value, np.concatenate([beta, lam]), 1e-3)
    np.testing.assert_allclose(np.concatenate([at.grad_beta, at.grad_lam]), expected, atol=2e-7)


def test_value_is_nearer_the_integral_than_laplace():
    family = make_family("binomial")
    data, beta, lam = problem(family, levels=(3, 2))
    engine = laplace_engine(data, family)
    exact = tensor(data, family, beta, lam, 9)
    laplace = engine.evaluate(beta, lam, gradient=False).value
    crossed = engine.evaluate(beta, lam, nodes=(15, 1), gradient=False).value
    assert abs(crossed - exact) < 0.15 * abs(laplace - exact)


def test_where_the_others_have_no_variance_it_is_plain_quadrature():
    family = make_family("binomial")
    data, beta, lam = problem(family)
    zero = lam * [1.0, 0.0]
    alone = EngineData(data.response, None, None, data.predictors, data.terms[:1])
    plain = ReferenceEngine(alone, family).evaluate(beta, lam[:1], nodes=9)
    at = laplace_engine(data, family).evaluate(beta, zero, nodes=(9, 1))
    assert at.value == pytest.approx(plain.value, abs=1e-9)
    np.testing.assert_allclose(at.grad_beta, plain.grad_beta, atol=1e-7)
    assert at.grad_lam[0] == pytest.approx(plain.grad_lam[0], abs=1e-7)
    assert at.grad_lam[1] == pytest.approx(0.0, abs=1e-7)


def test_a_factor_that_contains_the_integrated_one_may_be_left_to_laplace():
    """(1 | h / g), nodes for g only: nearer the full recursion than Laplace."""
    family = make_family("binomial")
    data, beta, lam = problem(family, levels=(6, 2), n=18)
    outer = TermData.single(0, (data.terms[0].codes // 3).astype(np.int32), 2, None)
    data = EngineData(data.response, None, None, data.predictors, (data.terms[0], outer))
    engine = laplace_engine(data, family)
    values = [
        engine.evaluate(beta, lam, nodes=k, gradient=False).value for k in (1, (15, 1), (15, 15))
    ]
    assert abs(values[1] - values[2]) < 0.2 * abs(values[0] - values[2])


def test_curvature_by_the_nodes_is_the_curvature_of_the_integral():
    """M against differences of F in v, with many nodes; and the derivative of its trace."""
    family = make_family("binomial")
    data, beta, lam = problem(family, levels=(3, 2))
    own = EngineData(data.response, None, None, data.predictors, data.terms[:1])
    across = row_design(EngineData(data.response, None, None, data.predictors, data.terms[1:]))
    rows = row_design(own)
    fixed = data.predictors[0].X @ beta + data.predictors[0].offset
    plain = ReferenceEngine(own, family)

    def conditional(b):
        eta = fixed + b[across.index[:, 0]]
        return Conditional(own, family, rows, rows.loadings(rows.factor(lam[:1])), (eta,))

    def integral(b):
        moved = PredictorData(
            data.predictors[0].X, data.predictors[0].offset + b[across.index[:, 0]]
        )
        there = EngineData(data.response, None, None, (moved,), data.terms[:1])
        return (
            ReferenceEngine(there, family).evaluate(beta, lam[:1], nodes=31, gradient=False).value
        )

    b = np.array([0.4, -0.7])
    moments = find_moments(conditional(b), np.zeros(3), across, 31, 3)
    slopes = [
        jacobian(integral, b + step, 1e-3)
        for step in ([1e-3, 0], [-1e-3, 0], [0, 1e-3], [0, -1e-3])
    ]
    hessian = np.array([slopes[0] - slopes[1], slopes[2] - slopes[3]]) / 2e-3
    np.testing.assert_allclose(moments.information, hessian, atol=1e-5)

    matrix = np.array([[1.0, 0.3], [0.3, 0.7]])

    def half_trace(b):
        there = find_moments(conditional(b), np.zeros(3), across, 5, 2)
        return 0.5 * float(np.sum(matrix * there.information))

    from ilk.kernels.reference.laplace import row_gradient

    few = find_moments(conditional(b), np.zeros(3), across, 5, 3)
    sums = spread_sums(few, across, matrix)
    assert sums.value == pytest.approx(half_trace(b), abs=1e-10)
    r, _ = row_gradient(few.conditional, few.mode, sums)
    found = across.total(across.columns * r[0][:, None])
    np.testing.assert_allclose(found, jacobian(half_trace, b, 1e-3), atol=1e-7)
    assert plain.evaluate(beta, lam[:1]).converged


# ---- search and what is left behind ------------------------------------------------------------


def factor_of(data):
    widths = [term.width for term in data.terms]
    return factor_map([covariance_structure("us") for _ in widths], widths)


def test_search_ends_at_a_maximum_and_repeats():
    family = make_family("binomial")
    data, _, _ = problem(family, levels=(40, 4), n=160, seed=3)
    engine, factor = laplace_engine(data, family), factor_of(data)
    end = engine.fit(factor, beta=np.zeros(2), nodes=(9, 1))
    assert end.status == "converged"
    x = np.concatenate([end.beta, end.theta])

    def value(x):
        lam, _ = factor(x[2:])
        return engine.evaluate(x[:2], lam, nodes=(9, 1), gradient=False).value

    slope = jacobian(value, x, 1e-3)
    information = engine.information(factor, end.beta, end.theta, np.ones(4), nodes=(9, 1))
    assert abs(slope @ np.linalg.solve(information, slope)) < 1e-7
    warm = engine.fit(
        factor, beta=end.beta, theta=end.theta, inverse_hessian=end.inverse_hessian, nodes=(9, 1)
    )
    assert warm.value == pytest.approx(end.value, abs=1e-9)
    swapped = EngineData(data.response, None, None, data.predictors, data.terms[::-1])
    other = laplace_engine(swapped, family).fit(factor, beta=np.zeros(2), nodes=(1, 9))
    assert other.value == pytest.approx(end.value, abs=1e-8)
    np.testing.assert_allclose(other.theta[::-1], end.theta, atol=1e-4)


def test_questions_are_answered_at_the_joint_mode_of_the_same_point():
    family = make_family("binomial")
    data, beta, lam = problem(family)
    engine: LaplaceEngine = laplace_engine(data, family)
    joint: LaplaceEngine = ReferenceEngine(data, family)
    joint.evaluate(beta, lam, tolerance=1e-16)
    engine.evaluate(beta, lam + 0.3, nodes=(5, 1))
    engine.evaluate(beta, lam, nodes=(5, 1))
    np.testing.assert_allclose(engine.modes(), joint.modes(), atol=1e-8)
    rhs = np.random.default_rng(0).normal(size=(6, 2))
    np.testing.assert_allclose(engine.solve(rhs), joint.solve(rhs), atol=1e-8)
    np.testing.assert_allclose(engine.cross_information(), joint.cross_information(), atol=1e-8)
    np.testing.assert_allclose(engine.fixed_information(), joint.fixed_information(), atol=1e-8)
    for mine, theirs in zip(
        engine.conditional_covariance(), joint.conditional_covariance(), strict=True
    ):
        np.testing.assert_allclose(mine, theirs, atol=1e-8)


def test_a_new_response_reaches_all_engines():
    family = make_family("binomial")
    data, beta, lam = problem(family)
    engine = laplace_engine(data, family)
    engine.evaluate(beta, lam, nodes=(5, 1))
    y = 1.0 - data.response
    engine.set_response(y)
    fresh = EngineData(y, None, None, data.predictors, data.terms)
    expected = laplace_engine(fresh, family).evaluate(beta, lam, nodes=(5, 1))
    found = engine.evaluate(beta, lam, nodes=(5, 1))
    assert found.value == pytest.approx(expected.value, abs=1e-9)
    np.testing.assert_allclose(found.grad_lam, expected.grad_lam, atol=1e-7)
    late = laplace_engine(data, family)
    late.set_response(y)
    assert late.evaluate(beta, lam, nodes=(5, 1)).value == pytest.approx(expected.value, abs=1e-9)


def test_impossible_points_have_no_likelihood():
    family = make_family("poisson", "identity")
    data, beta, lam = problem(family)
    engine = laplace_engine(data, family)
    at = engine.evaluate(beta - 100.0, lam, nodes=(5, 1))
    assert (at.value, at.converged, at.grad_beta) == (-np.inf, False, None)


def test_what_cannot_be_had_is_refused():
    family = make_family("binomial")
    data, beta, lam = problem(family)
    engine = CrossedEngine(data, family, (0,), laplace_engine, laplace_engine(data, family))
    with pytest.raises(ValueError, match="one node"):
        engine.evaluate(beta, lam, nodes=(3, 3))
    three = (*data.terms, TermData.single(0, (np.arange(24) // 2).astype(np.int32), 12, None))
    nested = EngineData(data.response, None, None, data.predictors, three)
    with pytest.raises(ValueError, match="one grouping factor"):
        CrossedEngine(nested, family, (0, 2), laplace_engine, engine)
    items = TermData.single(0, np.zeros(24, np.int32), 5000, None)
    wide = EngineData(data.response, None, None, data.predictors, (data.terms[0], items))
    with pytest.raises(ValueError, match="5000 effects"):
        CrossedEngine(wide, family, (0,), laplace_engine, engine)
