"""Nested quadrature against brute force, tensor products, differences and the compiled twin."""

from __future__ import annotations

import numpy as np
import pytest

from ilk.family import make_family
from ilk.kernels import compiled_densities, laplace_engine
from ilk.kernels.contract import EngineData, PredictorData, TermData
from ilk.kernels.reference import LaplaceEngine
from ilk.likelihood.brute_force import dense_effects, grid_loglik
from ilk.num.differences import jacobian
from ilk.num.quadrature import product_rule

SHAPES = {
    "two scalars": ((1, 1), (2, 3)),
    "slope outside": ((2, 1), (2, 2)),
    "slopes inside": ((1, 2), (3, 2)),
    "three deep": ((1, 1, 1), (2, 2, 2)),
}
EXACT = 1e-18


def problem(family, shape, seed=0, rows=4, weighted=False):
    """Data of nested factors with ``shape`` = (widths, levels within the level above)."""
    widths, counts = shape
    rng = np.random.default_rng(seed)
    leaves = int(np.prod(counts))
    n = leaves * rows
    shuffled = rng.permutation(n)
    leaf = np.repeat(rng.permutation(leaves), rows)[shuffled]
    terms = []
    for d, q in enumerate(widths):
        codes = leaf // int(np.prod(counts[d + 1 :]))
        columns = None if q == 1 else np.column_stack([np.ones(n), rng.normal(size=(n, q - 1))])
        levels = int(np.prod(counts[: d + 1]))
        terms.append(TermData.single(0, codes.astype(np.int32), levels, columns))
    X = np.asfortranarray(np.column_stack([np.ones(n), rng.uniform(-1.0, 1.0, n)]))
    y = rng.poisson(1.5, n).astype(float)
    if family.takes_trials:
        y = (rng.random(n) < 0.5).astype(float)
    predictors = [PredictorData(X, 0.1 * rng.normal(size=n))]
    beta = [0.2, 0.5]
    for name in family.parameters[1:]:
        predictors.append(PredictorData(np.ones((n, 1), order="F"), None))
        beta.append({"dispersion": -0.7, "zero_inflation": -1.0}[name])
    weights = rng.integers(1, 4, n).astype(float) if weighted else None
    data = EngineData(y, None, weights, tuple(predictors), tuple(terms))
    lam = [np.eye(q) + 0.3 * np.tril(rng.normal(size=(q, q))) for q in widths]
    return data, np.array(beta), np.concatenate([x.ravel(order="F") for x in lam])


def lower(data):
    return np.concatenate([np.tril(np.ones((t.width,) * 2)).ravel(order="F") for t in data.terms])


def node_counts(data):
    return tuple([3, 4, 2][: len(data.terms)])


@pytest.mark.parametrize("shape", ["two scalars", "slope outside"])
@pytest.mark.parametrize("name", ["binomial", "poisson"])
def test_many_nodes_match_a_fine_grid(name, shape):
    family = make_family(name)
    widths = SHAPES[shape][0]
    data, beta, lam = problem(family, (widths, (2, 3 - widths[0])), rows=3)
    engine = LaplaceEngine(data, family)
    exact = grid_loglik(data, family, beta, lam, spacing=0.12, extent=6.0)
    errors = [
        abs(engine.evaluate(beta, lam, nodes=k, gradient=False).value - exact) for k in (1, 3, 17)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 1e-3
    assert errors[-1] < 2e-6


@pytest.mark.parametrize("shape", SHAPES)
def test_the_recursion_is_the_full_product_of_all_nodes(shape):
    """u^ + L^-T x over every combination of nodes of every effect of a cluster."""
    family = make_family("binomial")
    widths, counts = SHAPES[shape]
    data, beta, lam = problem(family, (widths, (1, *counts[1:])), rows=3)
    engine = LaplaceEngine(data, family)
    found = engine.evaluate(beta, lam, nodes=3, gradient=False, tolerance=EXACT)
    z = dense_effects(data, lam)[0]
    size = z.shape[1]
    ends = np.cumsum([t.levels * t.width for t in data.terms])
    order = np.concatenate(np.split(np.arange(size), ends[:-1])[::-1])  # leaves first
    H = np.linalg.inv(engine.solve(np.eye(size)))[np.ix_(order, order)]
    L = np.linalg.cholesky(H)
    points, log_weights = product_rule(3, size)
    u = engine.modes()[order, None] + np.linalg.solve(L.T, points.T)
    fixed = data.predictors[0].X @ beta + data.predictors[0].offset
    eta = fixed[:, None] + z[:, order] @ u
    y = data.response[:, None]
    logs = np.sum(y * eta - np.logaddexp(0.0, eta), axis=0) - 0.5 * np.sum(u * u, axis=0)
    logs += log_weights + 0.5 * np.sum(points**2, axis=1)
    expected = np.logaddexp.reduce(logs) - np.sum(np.log(np.diag(L)))
    assert found.value == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["binomial", "negative_binomial_2"])
def test_gradient_is_exact(name, shape):
    family = make_family(name)
    data, beta, lam = problem(family, SHAPES[shape], weighted=True)
    nodes, count = node_counts(data), len(beta)
    engine = LaplaceEngine(data, family)

    def value(x):
        at = engine.evaluate(x[:count], x[count:], nodes=nodes, gradient=False, tolerance=EXACT)
        return at.value

    at = engine.evaluate(beta, lam, nodes=nodes, tolerance=EXACT)
    keep = np.concatenate([np.ones(count), lower(data)]) > 0.0
    expected = jacobian(value, np.concatenate([beta, lam]), 2e-4)
    found = np.concatenate([at.grad_beta, at.grad_lam])
    np.testing.assert_allclose(found[keep], expected[keep], atol=1e-8)


def test_gradient_where_a_variance_is_zero():
    family = make_family("binomial")
    data, beta, lam = problem(family, SHAPES["two scalars"])
    for zero in (lam * [0.0, 1.0], lam * [1.0, 0.0]):
        engine = LaplaceEngine(data, family)
        at = engine.evaluate(beta, zero, nodes=5, tolerance=EXACT)
        expected = jacobian(
            lambda x, e=engine: e.evaluate(beta, x, nodes=5, gradient=False, tolerance=EXACT).value,
            zero,
            1e-3,
        )
        np.testing.assert_allclose(at.grad_lam, expected, atol=1e-7)


def test_one_node_everywhere_is_laplace_and_an_empty_depth_adds_nothing():
    family = make_family("binomial")
    data, beta, lam = problem(family, SHAPES["two scalars"])
    engine = LaplaceEngine(data, family)
    one = engine.evaluate(beta, lam, nodes=(1, 1))
    assert one.value == pytest.approx(engine.evaluate(beta, lam, nodes=1).value, abs=1e-12)
    alone = EngineData(data.response, None, None, data.predictors, data.terms[:1])
    outer = LaplaceEngine(alone, family).evaluate(beta, lam[:1], nodes=7)
    both = engine.evaluate(beta, lam * [1.0, 0.0], nodes=7)
    assert both.value == pytest.approx(outer.value, abs=1e-10)
    np.testing.assert_allclose(both.grad_beta, outer.grad_beta, atol=1e-9)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["binomial", "negative_binomial_2"])
def test_compiled_twin_agrees(name, shape):
    family = make_family(name)
    if family.key not in compiled_densities():
        pytest.skip("no compiled core")
    data, beta, lam = problem(family, SHAPES[shape], weighted=True)
    keep, nodes = lower(data) > 0.0, node_counts(data)
    turned = EngineData(data.response, None, data.weights, data.predictors, data.terms[::-1])
    widths = [t.width**2 for t in data.terms]
    blocks = np.split(lam, np.cumsum(widths)[:-1])
    cases = [(data, lam, nodes), (turned, np.concatenate(blocks[::-1]), nodes[::-1])]
    twin = LaplaceEngine(data, family).evaluate(beta, lam, nodes=nodes, tolerance=EXACT)
    for there, factor, counts in cases:
        at = laplace_engine(there, family).evaluate(beta, factor, nodes=counts, tolerance=EXACT)
        assert at.value == pytest.approx(twin.value, abs=1e-9)
        np.testing.assert_allclose(at.grad_beta, twin.grad_beta, atol=1e-9)
        if there is data:
            np.testing.assert_allclose(at.grad_lam[keep], twin.grad_lam[keep], atol=1e-9)


def part_of(data, rows):
    """The rows of a data set and the levels that occur in them."""
    terms = []
    for term in data.terms:
        names, codes = np.unique(term.codes[rows], return_inverse=True)
        terms.append(TermData.single(0, codes.astype(np.int32), len(names), None))
    part = data.predictors[0]
    fixed = PredictorData(np.asfortranarray(part.X[rows]), part.offset[rows])
    return EngineData(data.response[rows], None, None, (fixed,), tuple(terms))


def test_many_cells_are_summed():
    """More rows than a cell of the compiled engine takes: independent clusters add up."""
    family = make_family("poisson")
    data, beta, lam = problem(family, ((1, 1), (1200, 6)), rows=6)
    if family.key not in compiled_densities():
        pytest.skip("no compiled core")
    at = laplace_engine(data, family, threads=2).evaluate(beta, lam, nodes=3)
    outer = data.terms[0].codes
    parts = [
        laplace_engine(part_of(data, outer % 10 == k), family).evaluate(beta, lam, nodes=3)
        for k in range(10)
    ]
    assert at.value == pytest.approx(sum(part.value for part in parts), abs=1e-7)
    np.testing.assert_allclose(at.grad_lam, sum(part.grad_lam for part in parts), atol=1e-7)


def test_wide_and_crossed_factors_are_refused():
    family = make_family("binomial")
    data, beta, lam = problem(family, ((1, 4), (2, 2)))
    for engine in (LaplaceEngine(data, family), laplace_engine(data, family)):
        with pytest.raises(ValueError, match=r"at most (three|3)"):
            engine.evaluate(beta, lam, nodes=3)
