"""Rows that belong to several levels of one term: engines, dense algebra, differences, grids."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ilk.family import make_family
from ilk.kernels import engine_name, laplace_engine, linear_engine, reference
from ilk.kernels.contract import (
    EngineData,
    LinearFactor,
    PrecisionPattern,
    PredictorData,
    TermData,
)
from ilk.likelihood.brute_force import grid_loglik
from ilk.num.differences import jacobian

EXACT = 1e-20
LEVELS = 7


def compiled():
    return pytest.importorskip("ilk.kernels.compiled", exc_type=ImportError)


def tree(levels: int = LEVELS) -> tuple[PrecisionPattern, np.ndarray]:
    """A precision matrix whose levels are joined to the one before."""
    Q = np.diag(np.linspace(1.2, 2.0, levels))
    step = np.arange(1, levels)
    Q[step, step - 1] = Q[step - 1, step] = -0.4
    columns, rows = np.nonzero(np.triu(Q))
    pattern = PrecisionPattern(rows.astype(np.int32), columns.astype(np.int32), varies=True)
    return pattern, Q


def memberships(n: int, s: int, levels: int, rng: np.random.Generator):
    """Codes and weights; some weights are zero, some levels come twice, some rows have none."""
    codes = rng.integers(0, levels, (n, s)).astype(np.int32)
    weights = rng.uniform(0.2, 1.5, (n, s)) * (rng.random((n, s)) < 0.85)
    codes[:4, -1] = codes[:4, 0]
    weights[4] = 0.0
    return codes, weights


def data_of(
    family: str = "gaussian",
    *,
    width: int = 1,
    s: int = 3,
    structured: bool = False,
    others: bool = True,
    n: int = 60,
    levels: int = LEVELS,
    seed: int = 1,
) -> EngineData:
    rng = np.random.default_rng(seed)
    codes, weights = memberships(n, s, levels, rng)
    columns = np.column_stack([np.ones(n), rng.normal(size=n)]) if width == 2 else None
    pattern = tree(levels)[0] if structured else None
    terms = [TermData.single(0, codes, levels, columns, pattern, weights)]
    if others:
        more = rng.integers(0, 9, n).astype(np.int32)
        terms.insert(0, TermData.single(0, more, 9, rng.normal(size=(n, 1))))
        again, share = memberships(n, 2, 5, rng)
        terms.append(TermData.single(0, again, 5, None, None, share))
    X = np.asfortranarray(np.column_stack([np.ones(n), rng.normal(size=n)]))
    y = rng.normal(size=n) if family == "gaussian" else rng.poisson(2.0, n).astype(float)
    weight = rng.uniform(0.5, 2.0, n)
    return EngineData(y, None, weight, (PredictorData(X, None),), tuple(terms))


def lam_of(data: EngineData) -> np.ndarray:
    wide = np.array([[0.8, 0.0], [0.3, 0.5]])
    parts = [wide[: t.width, : t.width].ravel(order="F") * (1 + 0.1 * i)
             for i, t in enumerate(data.terms)]  # fmt: skip
    for term in data.terms:
        if term.precision is not None:
            Q = tree(term.levels)[1]
            parts += [Q[term.precision.rows, term.precision.columns], [np.linalg.slogdet(Q)[1]]]
    return np.concatenate(parts)


def lower(data: EngineData) -> np.ndarray:
    parts = [np.tril(np.ones((t.width, t.width), bool)).ravel(order="F") for t in data.terms]
    parts += [np.ones(len(t.precision.rows) + 1, bool) for t in data.terms if t.precision]
    return np.concatenate(parts)


def design(data: EngineData) -> tuple[np.ndarray, np.ndarray]:
    """Z (n, U) and the covariance of b, written out."""
    n, lam, position = len(data.response), lam_of(data), 0
    blocks, variances = [], []
    for term in data.terms:
        q = term.width
        factor = lam[position : position + q * q].reshape(q, q, order="F")
        position += q * q
        Z = np.zeros((n, term.levels, q))
        z = np.ones((n, 1)) if term.columns is None else term.columns
        for i in range(n):
            if term.weights is None:
                Z[i, term.codes[i]] += z[i]
            else:
                for code, weight in zip(term.codes[i], term.weights[i], strict=True):
                    Z[i, code] += weight * z[i]
        K = np.eye(term.levels)
        if term.precision is not None:
            K = np.linalg.inv(tree(term.levels)[1])
        blocks.append(Z.reshape(n, -1))
        variances.append(np.kron(K, factor @ factor.T))
    size = sum(len(v) for v in variances)
    G, at = np.zeros((size, size)), 0
    for v in variances:
        G[at : at + len(v), at : at + len(v)] = v
        at += len(v)
    return np.hstack(blocks), G


CASES = [
    pytest.param({"width": w, "s": s, "structured": q, "others": o}, id=f"{w}-{s}-{q}-{o}")
    for w in (1, 2)
    for s in (1, 2, 4)
    for q in (False, True)
    for o in (False, True)
]


@pytest.mark.parametrize("reml", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_linear_likelihood_is_that_of_the_marginal_covariance(case, reml):
    data = data_of(**case)
    found = reference.LinearEngine(data).evaluate(lam_of(data), reml=reml)
    Z, G = design(data)
    V = Z @ G @ Z.T + np.diag(1.0 / data.weights)
    X, y, n = data.predictors[0].X, data.response, len(data.response)
    nu, inner = n - 2 * reml, np.linalg.solve(V, X)
    beta = np.linalg.solve(X.T @ inner, inner.T @ y)
    e = y - X @ beta
    sigma2 = e @ np.linalg.solve(V, e) / nu
    value = -0.5 * (nu * (1.0 + np.log(2.0 * np.pi * sigma2)) + np.linalg.slogdet(V)[1])
    value -= 0.5 * reml * np.linalg.slogdet(X.T @ inner)[1]
    value -= 0.5 * np.sum(np.log(data.weights))  # the engine leaves weights' constant out
    assert found.value == pytest.approx(value, rel=1e-10)
    np.testing.assert_allclose(found.beta, beta, rtol=1e-8)
    assert found.sigma2 == pytest.approx(sigma2, rel=1e-10)


@pytest.mark.parametrize("reml", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_linear_engines_agree(case, reml):
    data = data_of(**case)
    lam, keep = lam_of(data), lower(data)
    made, expected = compiled().LinearEngine(data), reference.LinearEngine(data)
    found, wanted = made.evaluate(lam, reml=reml), expected.evaluate(lam, reml=reml)
    assert found.value == pytest.approx(wanted.value, rel=1e-11)
    np.testing.assert_allclose(found.beta, wanted.beta, rtol=1e-8)
    np.testing.assert_allclose(found.grad_lam[keep], wanted.grad_lam[keep], atol=1e-9)
    np.testing.assert_allclose(made.modes(), expected.modes(), atol=1e-9)
    np.testing.assert_allclose(made.cross_information(), expected.cross_information(), atol=1e-9)
    for a, b in zip(made.conditional_covariance(), expected.conditional_covariance(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-10)
    rhs = np.random.default_rng(2).normal(size=(len(made.modes()), 3))
    np.testing.assert_allclose(made.solve(rhs), expected.solve(rhs), atol=1e-9)


@pytest.mark.parametrize("reml", [False, True])
@pytest.mark.parametrize("structured", [False, True])
def test_linear_gradient_agrees_with_differences(structured, reml):
    data = data_of(width=2, structured=structured)
    lam, keep = lam_of(data), lower(data)
    engine = reference.LinearEngine(data)
    found = engine.evaluate(lam, reml=reml).grad_lam
    expected = jacobian(lambda x: engine.evaluate(x, reml=reml, gradient=False).value, lam, 1e-3)
    np.testing.assert_allclose(found[keep], expected[keep], atol=1e-7)


def test_nearly_exact_responses_keep_their_likelihood():
    """Where the residual sum of squares is recomputed from the rows."""
    data = data_of(width=2)
    data = replace(data, response=1e4 + 1e3 * data.predictors[0].X[:, 1] + 1e-3 * data.response)
    lam, keep = lam_of(data), lower(data)
    found = compiled().LinearEngine(data).evaluate(lam, reml=True)
    wanted = reference.LinearEngine(data).evaluate(lam, reml=True)
    assert found.sigma2 == pytest.approx(wanted.sigma2, rel=1e-6)
    np.testing.assert_allclose(found.grad_lam[keep], wanted.grad_lam[keep], atol=1e-5)


@pytest.mark.parametrize("case", CASES)
def test_laplace_engines_agree(case):
    data, family = data_of("poisson", **case), make_family("poisson")
    lam, keep, beta = lam_of(data), lower(data), np.array([0.5, 0.2])
    made, expected = compiled().LaplaceEngine(data, family), reference.LaplaceEngine(data, family)
    found = made.evaluate(beta, lam, tolerance=EXACT)
    wanted = expected.evaluate(beta, lam, tolerance=EXACT)
    assert found.value == pytest.approx(wanted.value, rel=1e-9)
    np.testing.assert_allclose(found.grad_beta, wanted.grad_beta, atol=1e-7)
    np.testing.assert_allclose(found.grad_lam[keep], wanted.grad_lam[keep], atol=1e-7)
    np.testing.assert_allclose(made.modes(), expected.modes(), atol=1e-8)
    np.testing.assert_allclose(made.cross_information(), expected.cross_information(), atol=1e-7)
    for a, b in zip(made.conditional_covariance(), expected.conditional_covariance(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-8)


@pytest.mark.parametrize("structured", [False, True])
def test_laplace_gradient_agrees_with_differences(structured):
    data, family = data_of("poisson", width=2, structured=structured), make_family("poisson")
    lam, keep, beta = lam_of(data), lower(data), np.array([0.5, 0.2])
    engine = reference.LaplaceEngine(data, family)

    def value(x):
        return engine.evaluate(x[:2], x[2:], gradient=False, tolerance=EXACT).value

    found = engine.evaluate(beta, lam, tolerance=EXACT)
    expected = jacobian(value, np.concatenate([beta, lam]), 1e-3)
    np.testing.assert_allclose(found.grad_beta, expected[:2], atol=1e-6)
    np.testing.assert_allclose(found.grad_lam[keep], expected[2:][keep], atol=1e-6)


def test_terms_of_several_predictors_have_memberships():
    data, family = data_of("poisson", width=2, others=False), make_family("negative_binomial_2")
    rng = np.random.default_rng(4)
    term = replace(data.terms[0], predictors=(0, 1))
    parts = (*data.predictors, PredictorData(np.ones((60, 1), order="F"), None))
    data = replace(data, predictors=parts, terms=(term,), weights=rng.uniform(0.5, 1.5, 60))
    engine, lam = laplace_engine(data, family), lam_of(data)
    point = np.concatenate([[0.5, 0.2, 1.0], lam])
    found = engine.evaluate(point[:3], lam, tolerance=EXACT)

    def value(x):
        return engine.evaluate(x[:3], x[3:], gradient=False, tolerance=EXACT).value

    expected = jacobian(value, point, 1e-3)
    keep = lower(data)
    np.testing.assert_allclose(found.grad_beta, expected[:3], atol=1e-6)
    np.testing.assert_allclose(found.grad_lam[keep], expected[3:][keep], atol=1e-6)


def test_laplace_is_close_to_the_integral():
    codes = np.array([[0, 1], [1, 2], [2, 0], [0, 0], [1, 1], [2, 1]], dtype=np.int32)
    weights = np.array([[0.5, 0.5], [0.7, 0.3], [1.0, 0.0], [0.4, 0.6], [1.0, 0.5], [0.2, 0.8]])
    term = TermData.single(0, codes, 3, None, None, weights)
    X = np.ones((6, 1), order="F")
    y = np.array([9.0, 12.0, 15.0, 11.0, 8.0, 14.0])
    data = EngineData(y, None, None, (PredictorData(X, None),), (term,))
    family, beta, lam = make_family("poisson"), np.array([2.3]), np.array([0.4])
    exact = grid_loglik(data, family, beta, lam, spacing=0.25, extent=7.0)
    found = reference.LaplaceEngine(data, family).evaluate(beta, lam).value
    assert found == pytest.approx(exact, abs=2e-3)
    assert found != pytest.approx(exact, abs=1e-9)


def test_one_membership_is_an_ordinary_term():
    data, family = data_of("poisson", others=False, s=1), make_family("poisson")
    term = data.terms[0]
    plain = replace(term, codes=term.codes[:, 0], weights=None, columns=term.weights.copy())
    lam, beta = lam_of(data), np.array([0.5, 0.2])
    a = laplace_engine(data, family).evaluate(beta, lam, tolerance=EXACT)
    b = laplace_engine(replace(data, terms=(plain,)), family).evaluate(beta, lam, tolerance=EXACT)
    assert a.value == pytest.approx(b.value, rel=1e-12)


@pytest.mark.parametrize("family", ["gaussian", "poisson"])
def test_searches_agree(family):
    rng = np.random.default_rng(3)
    data = data_of(family, width=2, others=False, n=500, levels=40)
    term = data.terms[0]
    b = rng.normal(size=(40, 2)) @ np.array([[0.7, 0.2], [0.0, 0.4]])
    drawn = np.einsum("ns,nsq,nq->n", term.weights, b[term.codes], term.columns)
    noise = rng.normal(size=500)
    y = drawn + noise if family == "gaussian" else rng.poisson(np.exp(0.5 + drawn))
    data = replace(data, response=np.asarray(y, float), weights=None)
    index = np.arange(3, dtype=np.int32)
    rows = np.array([0, 1, 3], dtype=np.int32)
    factor = LinearFactor(rows, index, np.ones(3), 3, 4, np.zeros(4))
    if family == "gaussian":
        found = linear_engine(data).fit(factor, reml=True)
        wanted = reference.LinearEngine(data).fit(factor, reml=True)
    else:
        one = make_family(family)
        found = laplace_engine(data, one).fit(factor, beta=np.zeros(2))
        wanted = reference.LaplaceEngine(data, one).fit(factor, beta=np.zeros(2))
    assert found.status == wanted.status == "converged"
    assert found.value == pytest.approx(wanted.value, abs=1e-6)
    assert found.evaluations < 40


def test_cells_keep_levels_that_share_rows_together():
    """Rows enough for several cells: blocks of levels that never meet, and one where all meet."""
    rng = np.random.default_rng(7)
    n, family, beta = 60_000, make_family("poisson"), np.array([0.5])
    block = np.repeat(np.arange(600), 100)
    codes = (3 * block[:, None] + rng.integers(0, 3, (n, 2))).astype(np.int32)
    term = TermData.single(0, codes, 1800, None, None, rng.uniform(0.3, 0.7, (n, 2)))
    more = TermData.single(0, block.astype(np.int32), 600, None)
    X = np.ones((n, 1), order="F")
    y = rng.poisson(2.0, n).astype(float)
    data = EngineData(y, None, None, (PredictorData(X, None),), (term, more))
    lam = np.array([0.5, 0.3])
    several = compiled().LaplaceEngine(data, family, 2).evaluate(beta, lam, tolerance=EXACT)
    total, slope = 0.0, np.zeros(2)
    for start in range(0, 600, 200):  # 20 thousand rows each: one cell
        rows = (block >= start) & (block < start + 200)
        part = replace(
            data,
            response=y[rows],
            predictors=(PredictorData(np.asfortranarray(X[rows]), None),),
            terms=(
                replace(term, codes=codes[rows], weights=term.weights[rows]),
                replace(more, codes=more.codes[rows]),
            ),
        )
        one = compiled().LaplaceEngine(part, family).evaluate(beta, lam, tolerance=EXACT)
        total, slope = total + one.value, slope + one.grad_lam
    assert several.value == pytest.approx(total, rel=1e-10)
    np.testing.assert_allclose(several.grad_lam, slope, rtol=1e-8)


def test_quadrature_needs_rows_of_one_level():
    data, family = data_of("poisson", others=False), make_family("poisson")
    for engine in (compiled().LaplaceEngine(data, family), reference.LaplaceEngine(data, family)):
        with pytest.raises(ValueError, match="quadrature needs"):
            engine.evaluate(np.zeros(2), lam_of(data), nodes=5)
    data = data_of("poisson")
    with pytest.raises(ValueError, match="quadrature needs"):
        laplace_engine(data, family).evaluate(np.zeros(2), lam_of(data), nodes=(5, 1, 1))


def test_the_compiled_engine_is_chosen():
    compiled()
    assert engine_name(data_of("poisson"), make_family("poisson")) == "compiled"


def test_shapes_are_checked():
    data = data_of("poisson", others=False)
    term = replace(data.terms[0], weights=data.terms[0].weights[:, :2])
    with pytest.raises(ValueError, match="memberships"):
        replace(data, terms=(term,))
