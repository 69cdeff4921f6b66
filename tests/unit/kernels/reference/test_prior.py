"""Structures over levels in the engines, against dense algebra, differences and integration."""

import numpy as np
import pytest

from ilk.family import make_family
from ilk.kernels.contract import EngineData, PrecisionPattern, PredictorData, TermData
from ilk.kernels.reference import LaplaceEngine, LinearEngine
from ilk.num.differences import jacobian

LEVELS, ROWS = 6, 30
PATTERN = PrecisionPattern(
    rows=np.array([0, 1, 4, 1, 2, 2, 3, 3, 4, 4, 5], dtype=np.int32),
    columns=np.array([0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 5], dtype=np.int32),
    varies=True,
)
VALUES = np.array([2.0, -0.7, 0.4, 1.8, -0.5, 1.9, -0.6, 2.2, 0.3, 2.5, 1.3])


def _dense(values):
    Q = np.zeros((LEVELS, LEVELS))
    Q[PATTERN.rows, PATTERN.columns] = values
    Q[PATTERN.columns, PATTERN.rows] = values
    return Q


def _data(family, width=2, *, others=True, seed=0):
    """Levels 0 to 4 have rows, level 5 has none and is not joined to any."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=ROWS)
    codes = rng.integers(0, 5, ROWS).astype(np.int32)
    columns = np.column_stack([np.ones(ROWS), x]) if width == 2 else None
    terms = [TermData.single(0, codes, LEVELS, columns, PATTERN)]
    if others:
        more = rng.integers(0, 8, ROWS).astype(np.int32)
        terms.append(TermData.single(0, more, 8, None))
    X = np.asfortranarray(np.column_stack([np.ones(ROWS), rng.normal(size=ROWS)]))
    y = rng.normal(size=ROWS) if family == "gaussian" else rng.poisson(2.0, ROWS).astype(float)
    return EngineData(y, None, None, (PredictorData(X, None),), tuple(terms))


def _lam(width, others, values=VALUES):
    factor = np.array([[0.8, 0.0], [0.3, 0.5]])[:width, :width]
    rest = [0.6] if others else []
    return np.concatenate(
        [factor.ravel(order="F"), rest, values, [np.linalg.slogdet(_dense(values))[1]]]
    )


def _covariance(data, lam, width, others):
    factor = lam[: width * width].reshape(width, width, order="F")
    K = np.kron(np.linalg.inv(_dense(VALUES)), factor @ factor.T)
    term = data.terms[0]
    columns = np.ones((ROWS, 1)) if term.columns is None else term.columns
    Z = np.zeros((ROWS, LEVELS * width))
    for i in range(ROWS):
        Z[i, term.codes[i] * width : (term.codes[i] + 1) * width] = columns[i]
    V = Z @ K @ Z.T
    if others:
        same = data.terms[1].codes[:, None] == data.terms[1].codes
        V = V + 0.36 * same
    return V


@pytest.mark.parametrize("reml", [False, True])
@pytest.mark.parametrize(("width", "others"), [(1, False), (2, True)])
def test_linear_likelihood_is_that_of_the_marginal_covariance(reml, width, others):
    data = _data("gaussian", width, others=others)
    lam = _lam(width, others)
    found = LinearEngine(data).evaluate(lam, reml=reml)
    V = _covariance(data, lam, width, others) + np.eye(ROWS)
    X, y, nu = data.predictors[0].X, data.response, ROWS - 2 * reml
    inner = np.linalg.solve(V, X)
    beta = np.linalg.solve(X.T @ inner, inner.T @ y)
    e = y - X @ beta
    sigma2 = e @ np.linalg.solve(V, e) / nu
    value = -0.5 * (nu * (1.0 + np.log(2.0 * np.pi * sigma2)) + np.linalg.slogdet(V)[1])
    value -= 0.5 * reml * np.linalg.slogdet(X.T @ inner)[1]
    assert found.value == pytest.approx(value, rel=1e-10)
    np.testing.assert_allclose(found.beta, beta, rtol=1e-9)
    assert found.sigma2 == pytest.approx(sigma2)


@pytest.mark.parametrize("reml", [False, True])
@pytest.mark.parametrize(("width", "others"), [(1, False), (2, True)])
def test_linear_gradient_agrees_with_differences(reml, width, others):
    engine = LinearEngine(_data("gaussian", width, others=others))
    lam = _lam(width, others)
    found = engine.evaluate(lam, reml=reml).grad_lam
    expected = jacobian(lambda x: engine.evaluate(x, reml=reml, gradient=False).value, lam, 1e-3)
    keep = np.ones(len(lam), bool)
    keep[: width * width] = np.tril(np.ones((width, width))).ravel(order="F") > 0.0
    np.testing.assert_allclose(found[keep], expected[keep], atol=1e-7)


@pytest.mark.parametrize(("width", "others"), [(1, False), (2, True)])
def test_laplace_gradient_agrees_with_differences(width, others):
    engine = LaplaceEngine(_data("poisson", width, others=others), make_family("poisson"))
    lam, beta = _lam(width, others), np.array([0.5, 0.2])
    found = engine.evaluate(beta, lam, tolerance=1e-20)
    expected = jacobian(
        lambda x: engine.evaluate(beta, x, gradient=False, tolerance=1e-20).value, lam, 1e-3
    )
    keep = np.ones(len(lam), bool)
    keep[: width * width] = np.tril(np.ones((width, width))).ravel(order="F") > 0.0
    np.testing.assert_allclose(found.grad_lam[keep], expected[keep], atol=1e-7)
    of_beta = jacobian(
        lambda x: engine.evaluate(x, lam, gradient=False, tolerance=1e-20).value, beta, 1e-3
    )
    np.testing.assert_allclose(found.grad_beta, of_beta, atol=1e-7)


def test_laplace_is_that_of_independent_effects_transformed():
    """Effects with precision Q are a square root of Q^-1 times independent ones."""
    data = _data("poisson", 1, others=False)
    lam, beta = _lam(1, others=False), np.array([0.5, 0.2])
    found = LaplaceEngine(data, make_family("poisson")).evaluate(beta, lam)
    root = np.linalg.cholesky(np.linalg.inv(_dense(VALUES)))
    columns = 0.8 * np.ascontiguousarray(root[data.terms[0].codes])
    one = TermData.single(0, np.zeros(ROWS, np.int32), 1, columns)
    plain = EngineData(data.response, None, None, data.predictors, (one,))
    expected = LaplaceEngine(plain, make_family("poisson")).evaluate(beta, np.eye(LEVELS).ravel())
    assert found.value == pytest.approx(expected.value, rel=1e-10)
    np.testing.assert_allclose(found.grad_beta, expected.grad_beta, atol=1e-7)


def test_quadrature_needs_independent_levels():
    engine = LaplaceEngine(_data("poisson", 1, others=False), make_family("poisson"))
    with pytest.raises(ValueError, match="levels that are independent"):
        engine.evaluate(np.zeros(2), _lam(1, others=False), nodes=5)
