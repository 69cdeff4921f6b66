"""Structures over levels: the compiled engines against the NumPy ones and differences."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from ilk.family import make_family
from ilk.kernels import engine_name, laplace_engine, reference
from ilk.kernels.contract import (
    EngineData,
    LinearFactor,
    PrecisionPattern,
    PredictorData,
    TermData,
)
from ilk.num.differences import jacobian

compiled = pytest.importorskip("ilk.kernels.compiled", exc_type=ImportError)

EXACT = 1e-20
SHAPES = ("tree", "chain", "grid", "apart")


@dataclass(frozen=True)
class Graph:
    """A precision matrix with its elements."""

    pattern: PrecisionPattern
    values: np.ndarray
    levels: int

    @property
    def log_det(self) -> float:
        return float(np.linalg.slogdet(self.dense())[1])

    def dense(self) -> np.ndarray:
        Q = np.zeros((self.levels, self.levels))
        Q[self.pattern.rows, self.pattern.columns] = self.values
        Q[self.pattern.columns, self.pattern.rows] = self.values
        return Q


def edges_of(shape: str, rng: np.random.Generator) -> tuple[int, list[tuple[int, int]]]:
    if shape == "tree":
        names = rng.permutation(30)
        return 30, [(names[i], names[rng.integers(0, i)]) for i in range(1, 30)]
    if shape == "chain":
        return 25, [(i, i + 1) for i in range(24)]
    if shape == "grid":
        at = np.arange(30).reshape(5, 6)
        down = zip(at[:-1].ravel(), at[1:].ravel(), strict=True)
        right = zip(at[:, :-1].ravel(), at[:, 1:].ravel(), strict=True)
        return 30, [*down, *right]
    return 12, []


def graph(shape: str, seed: int = 0, *, varies: bool = True) -> Graph:
    rng = np.random.default_rng(seed)
    levels, edges = edges_of(shape, rng)
    Q = np.diag(rng.uniform(0.5, 1.5, levels))
    for a, b in edges:
        weight = rng.uniform(0.2, 2.0)
        Q[[a, b], [a, b]] += weight
        Q[a, b] = Q[b, a] = -weight
    columns, rows = np.nonzero(np.triu(Q))
    pattern = PrecisionPattern(rows.astype(np.int32), columns.astype(np.int32), varies)
    return Graph(pattern, Q[rows, columns], levels)


def data_of(
    graphs: list[tuple[Graph, int]], others: bool, family: str, n: int = 90, seed: int = 1
) -> EngineData:
    """Terms of some width over some graphs, whose last fifth of levels has no rows."""
    rng = np.random.default_rng(seed)
    terms = []
    for over, width in graphs:
        codes = rng.integers(0, max(1, over.levels * 4 // 5), n).astype(np.int32)
        columns = np.column_stack([np.ones(n), rng.normal(size=n)]) if width == 2 else None
        terms.append(TermData.single(0, codes, over.levels, columns, over.pattern))
    if others:
        more = rng.integers(0, 8, n).astype(np.int32)
        terms.insert(1, TermData.single(0, more, 8, None))
    X = np.asfortranarray(np.column_stack([np.ones(n), rng.normal(size=n)]))
    y = rng.normal(size=n) if family == "gaussian" else rng.poisson(2.0, n).astype(float)
    weights = rng.uniform(0.5, 2.0, n)
    return EngineData(y, None, weights, (PredictorData(X, None),), tuple(terms))


def lam_of(graphs: list[tuple[Graph, int]], others: bool) -> np.ndarray:
    factors = [np.array([[0.8, 0.0], [0.3, 0.5]])[:w, :w].ravel(order="F") for _, w in graphs]
    if others:
        factors.insert(1, np.array([0.6]))
    tails = [np.append(over.values, over.log_det) for over, _ in graphs]
    return np.concatenate([*factors, *tails])


def lower(graphs: list[tuple[Graph, int]], others: bool) -> np.ndarray:
    """Where lam does not stand for the upper triangle of a factor."""
    sizes = [w for _, w in graphs]
    if others:
        sizes.insert(1, 1)
    factors = [np.tril(np.ones((q, q), bool)).ravel(order="F") for q in sizes]
    rest = sum(len(over.values) + 1 for over, _ in graphs)
    return np.concatenate([*factors, np.ones(rest, bool)])


CASES = [
    pytest.param([(graph(shape), width)], others, id=f"{shape}-{width}-{others}")
    for shape in SHAPES
    for width in (1, 2)
    for others in (False, True)
] + [pytest.param([(graph("tree"), 2), (graph("grid", 3), 1)], True, id="tree-and-grid")]


@pytest.mark.parametrize("reml", [False, True])
@pytest.mark.parametrize(("graphs", "others"), CASES)
def test_linear_engines_agree(graphs, others, reml):
    data, lam = data_of(graphs, others, "gaussian"), lam_of(graphs, others)
    made, expected = compiled.LinearEngine(data), reference.LinearEngine(data)
    found, wanted = made.evaluate(lam, reml=reml), expected.evaluate(lam, reml=reml)
    assert found.value == pytest.approx(wanted.value, rel=1e-11)
    assert found.sigma2 == pytest.approx(wanted.sigma2, rel=1e-10)
    np.testing.assert_allclose(found.beta, wanted.beta, rtol=1e-8)
    keep = lower(graphs, others)
    np.testing.assert_allclose(found.grad_lam[keep], wanted.grad_lam[keep], atol=1e-9)
    np.testing.assert_allclose(made.modes(), expected.modes(), atol=1e-9)
    np.testing.assert_allclose(made.cross_information(), expected.cross_information(), atol=1e-9)
    np.testing.assert_allclose(made.coefficient_covariance(), expected.coefficient_covariance())
    for a, b in zip(made.conditional_covariance(), expected.conditional_covariance(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-10)
    rhs = np.random.default_rng(2).normal(size=(len(made.modes()), 3))
    np.testing.assert_allclose(made.solve(rhs), expected.solve(rhs), atol=1e-9)


@pytest.mark.parametrize("reml", [False, True])
def test_linear_gradient_agrees_with_differences(reml):
    graphs = [(graph("grid"), 2)]
    engine = compiled.LinearEngine(data_of(graphs, True, "gaussian"))
    lam, keep = lam_of(graphs, True), lower(graphs, True)
    found = engine.evaluate(lam, reml=reml).grad_lam
    expected = jacobian(lambda x: engine.evaluate(x, reml=reml, gradient=False).value, lam, 1e-3)
    np.testing.assert_allclose(found[keep], expected[keep], atol=1e-7)


@pytest.mark.parametrize("width", [1, 2])
def test_nearly_exact_responses_keep_their_likelihood(width):
    """Where the residual sum of squares is recomputed from the rows."""
    graphs = [(graph("tree"), width)]
    data = data_of(graphs, False, "gaussian")
    data = replace(data, response=1e4 + 1e3 * data.predictors[0].X[:, 1] + 1e-3 * data.response)
    lam = lam_of(graphs, False)
    found = compiled.LinearEngine(data).evaluate(lam, reml=True)
    wanted = reference.LinearEngine(data).evaluate(lam, reml=True)
    assert found.sigma2 == pytest.approx(wanted.sigma2, rel=1e-6)
    keep = lower(graphs, False)
    np.testing.assert_allclose(found.grad_lam[keep], wanted.grad_lam[keep], atol=1e-5)


def varying(graphs: list[tuple[Graph, int]], others: bool):
    """Factor map whose last parameter shrinks what joins the levels of the first graph."""
    (over, width), *_ = graphs
    base = lam_of(graphs, others)
    free = width * (width + 1) // 2 + others
    places = np.flatnonzero(lower(graphs, others))[:free]
    tail = len(base) - len(over.values) - 1
    apart = over.pattern.rows != over.pattern.columns

    def factor(theta):
        lam, slopes = base.copy(), np.zeros((len(base), free + 1))
        lam[places], slopes[places, np.arange(free)] = theta[:-1], 1.0
        share = 1.0 / (1.0 + np.exp(-theta[-1]))
        values = np.where(apart, share * over.values, over.values)
        now = replace(over, values=values)
        inverse = np.linalg.inv(now.dense())
        slope = np.where(apart, share * (1.0 - share) * over.values, 0.0)
        lam[tail:-1], slopes[tail:-1, -1] = values, slope
        lam[-1] = now.log_det
        slopes[-1, -1] = 2.0 * np.sum(inverse[over.pattern.rows, over.pattern.columns] * slope)
        return lam, slopes

    return factor, np.append(base[places], 0.5)


def simulated(graphs: list[tuple[Graph, int]], family: str, n: int = 600) -> EngineData:
    """Data that the first graph has generated."""
    data = data_of(graphs, True, family, n)
    rng = np.random.default_rng(5)
    (over, width), term = graphs[0], data.terms[0]
    root = np.linalg.cholesky(np.linalg.inv(over.dense()))
    effects = root @ rng.normal(size=(over.levels, width))
    columns = np.ones((n, 1)) if term.columns is None else term.columns
    eta = 0.4 + np.sum(columns * effects[term.codes], axis=1)
    y = eta + 0.7 * rng.normal(size=n) if family == "gaussian" else rng.poisson(np.exp(eta))
    return replace(data, response=np.asarray(y, float))


@pytest.mark.parametrize(("shape", "width"), [("tree", 1), ("grid", 2)])
def test_linear_searches_agree(shape, width):
    graphs = [(graph(shape, 4), width)]
    data = simulated(graphs, "gaussian")
    factor, start = varying(graphs, True)
    found = compiled.LinearEngine(data).fit(factor, theta=start, reml=True)
    wanted = reference.LinearEngine(data).fit(factor, theta=start, reml=True)
    assert found.status == wanted.status == "converged"
    assert found.value == pytest.approx(wanted.value, abs=1e-6)
    assert found.evaluations < 25
    scale = np.ones(len(start))
    now, slope = compiled.LinearEngine(data).information(factor, found.theta, scale, reml=True)
    then, other = reference.LinearEngine(data).information(factor, found.theta, scale, reml=True)
    np.testing.assert_allclose(now, then, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(slope, other, atol=1e-7)


def test_parameters_that_end_at_zero_are_found_fast():
    """Levels that are independent, joined by a share sin(theta)^2: an even function of theta."""
    over = graph("grid", 4)
    alone = replace(over, values=np.where(over.pattern.rows == over.pattern.columns, 1.0, 0.0))
    data = simulated([(alone, 1)], "gaussian")
    apart = over.pattern.rows != over.pattern.columns

    def factor(theta):
        share, slope = np.sin(theta[1]) ** 2, np.sin(2.0 * theta[1])
        now = replace(over, values=share * over.values + (1.0 - share) * ~apart)
        change = slope * (over.values - ~apart)
        inverse = np.linalg.inv(now.dense())[over.pattern.rows, over.pattern.columns]
        lam = np.concatenate([[theta[0], 0.5], now.values, [now.log_det]])
        slopes = np.zeros((len(lam), 2))
        slopes[0, 0], slopes[2:-1, 1] = 1.0, change
        slopes[-1, 1] = np.sum(np.where(apart, 2.0, 1.0) * inverse * change)
        return lam, slopes

    start = np.array([0.7, 0.8])
    found = compiled.LinearEngine(data).fit(factor, theta=start, reml=True)
    wanted = reference.LinearEngine(data).fit(factor, theta=start, reml=True)
    assert found.status == "converged"
    assert found.value > wanted.value - 1e-6
    assert np.sin(found.theta[1]) ** 2 < 0.2
    assert found.evaluations < 20


def test_average_information_is_that_of_the_expectation():
    """A fixed matrix, at its maximum: Newton's method needs few evaluations from moments."""
    graphs = [(graph("tree", 4, varies=False), 1)]
    data = simulated(graphs, "gaussian", 2000)
    base = lam_of(graphs, True)
    base[:2] = 0.0
    both = np.arange(2, dtype=np.int32)
    factor = LinearFactor(both, both, np.ones(2), 2, len(base), base)
    found = compiled.LinearEngine(data).fit(factor, reml=True)
    wanted = reference.LinearEngine(data).fit(factor, reml=True)
    assert found.status == "converged"
    assert found.value == pytest.approx(wanted.value, abs=1e-6)
    assert found.evaluations < 12


# ---- Laplace ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("graphs", "others"), CASES)
def test_laplace_engines_agree(graphs, others):
    data, lam = data_of(graphs, others, "poisson"), lam_of(graphs, others)
    family, beta = make_family("poisson"), np.array([0.5, 0.2])
    made, expected = compiled.LaplaceEngine(data, family), reference.LaplaceEngine(data, family)
    found = made.evaluate(beta, lam, tolerance=EXACT)
    wanted = expected.evaluate(beta, lam, tolerance=EXACT)
    assert found.value == pytest.approx(wanted.value, rel=1e-9)
    np.testing.assert_allclose(found.grad_beta, wanted.grad_beta, atol=1e-7)
    keep = lower(graphs, others)
    np.testing.assert_allclose(found.grad_lam[keep], wanted.grad_lam[keep], atol=1e-7)
    np.testing.assert_allclose(made.modes(), expected.modes(), atol=1e-8)
    for a, b in zip(made.conditional_covariance(), expected.conditional_covariance(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-8)


def test_modes_are_predicted_where_the_precision_moves():
    graphs = [(graph("grid"), 2)]
    data, family = data_of(graphs, True, "poisson"), make_family("poisson")
    factor, theta = varying(graphs, True)
    beta, engine = np.array([0.5, 0.2]), compiled.LaplaceEngine(data, family)
    engine.evaluate(beta, factor(theta)[0])
    moved = engine.evaluate(beta + 0.1, factor(theta + 0.2)[0])
    cold = engine.evaluate(beta + 0.1, factor(theta + 0.2)[0], cold=True)
    assert moved.value == pytest.approx(cold.value, abs=1e-8)
    np.testing.assert_allclose(moved.grad_lam, cold.grad_lam, atol=1e-4)


@pytest.mark.parametrize(("shape", "width"), [("tree", 1), ("chain", 2), ("grid", 1)])
def test_laplace_searches_agree(shape, width):
    graphs = [(graph(shape, 4), width)]
    data, family = simulated(graphs, "poisson"), make_family("poisson")
    factor, start = varying(graphs, True)
    beta = np.zeros(2)
    found = compiled.LaplaceEngine(data, family).fit(factor, beta=beta, theta=start)
    wanted = reference.LaplaceEngine(data, family).fit(factor, beta=beta, theta=start)
    assert found.status == wanted.status == "converged"
    assert found.value == pytest.approx(wanted.value, abs=1e-6)
    scale = np.ones(len(found.gradient))
    now = compiled.LaplaceEngine(data, family).information(factor, found.beta, found.theta, scale)
    then = reference.LaplaceEngine(data, family).information(factor, found.beta, found.theta, scale)
    np.testing.assert_allclose(now, then, rtol=1e-4, atol=1e-2)


def test_many_rows_are_one_cell():
    """As many rows as would make several cells of independent levels."""
    over = graph("chain", varies=False)
    data = data_of([(over, 1)], False, "poisson", 40_000)
    lam = lam_of([(over, 1)], False)
    family, beta = make_family("poisson"), np.array([0.5, 0.2])
    found = compiled.LaplaceEngine(data, family).evaluate(beta, lam)
    wanted = reference.LaplaceEngine(data, family).evaluate(beta, lam)
    assert found.value == pytest.approx(wanted.value, rel=1e-10)


def test_quadrature_needs_independent_levels():
    over = graph("tree")
    data = data_of([(over, 1)], False, "poisson")
    engine = compiled.LaplaceEngine(data, make_family("poisson"))
    with pytest.raises(ValueError, match="levels that are independent"):
        engine.evaluate(np.zeros(2), lam_of([(over, 1)], False), nodes=5)
    crossed = laplace_engine(data_of([(over, 1)], True, "poisson"), make_family("poisson"))
    for nodes in ((5, 1), (1, 5), 5):
        with pytest.raises(ValueError, match="levels that are independent"):
            crossed.evaluate(np.zeros(2), lam_of([(over, 1)], True), nodes=nodes)


def test_the_compiled_engine_is_chosen():
    data = data_of([(graph("tree"), 1)], False, "poisson")
    assert engine_name(data, make_family("poisson")) == "compiled"


@pytest.mark.parametrize(
    ("rows", "columns", "message"),
    [
        ([0, 1], [0, 1], "whole diagonal"),
        ([0, 1, 2, 3], [0, 1, 2, 2], "outside"),
        ([0, 0, 1, 2], [0, 1, 1, 2], "outside"),
        ([0, 2, 1, 1, 2], [0, 0, 0, 1, 2], "sorted"),
        ([0, 1, 1, 1, 2], [0, 0, 0, 1, 2], "sorted"),
        ([0, 1, 2], [0, 1], "length"),
    ],
)
def test_patterns_are_checked(rows, columns, message):
    pattern = PrecisionPattern(np.array(rows, np.int32), np.array(columns, np.int32))
    term = TermData.single(0, np.array([0, 1, 2], np.int32), 3, None, pattern)
    part = PredictorData(np.ones((3, 1), order="F"), None)
    data = EngineData(np.arange(3.0), None, None, (part,), (term,))
    with pytest.raises(ValueError, match=message):
        compiled.LinearEngine(data)


def test_very_short_branches_leave_no_noise_in_the_value():
    """Elements of 1e10 between neighbors that are nearly equal."""
    rng = np.random.default_rng(7)
    tips = 400
    levels = 2 * tips
    near, far = np.arange(tips), np.arange(tips, levels)
    Q = np.eye(levels)
    Q[far, far] += 1e10
    Q[near, near] += 1e10 - 1.0 + rng.uniform(0.5, 2.0, tips)
    Q[near, far] = Q[far, near] = -1e10
    columns, rows = np.nonzero(np.triu(Q))
    pattern = PrecisionPattern(rows.astype(np.int32), columns.astype(np.int32))
    codes = np.repeat(far, 3).astype(np.int32)
    y = rng.poisson(np.exp(0.3 + rng.normal(0.0, 0.8, tips)))[codes - tips].astype(float)
    part = PredictorData(np.ones((len(y), 1), order="F"), None)
    data = EngineData(y, None, None, (part,), (TermData.single(0, codes, levels, None, pattern),))
    base = np.concatenate([[0.0], Q[rows, columns], [np.linalg.slogdet(Q)[1]]])
    zero = np.zeros(1, np.int32)
    factor = LinearFactor(zero, zero, np.ones(1), 1, len(base), base)
    engine = compiled.LaplaceEngine(data, make_family("poisson"))
    found = engine.fit(factor, beta=np.zeros(1), theta=np.array([0.3]))
    assert found.status == "converged"
    assert found.evaluations < 20
