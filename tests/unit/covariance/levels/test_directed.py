"""Precision matrices of regressions on values before, against dense algebra."""

import numpy as np
import pytest

from ilk.covariance.levels.directed import DirectedGraph
from ilk.num.differences import jacobian


def _random(n, seed, twice=False):
    rng = np.random.default_rng(seed)
    pairs = [(i, p) for i in range(1, n) for p in rng.choice(i, min(i, 2), replace=twice)]
    children, parents = np.array(pairs).T
    return DirectedGraph(children, parents, n), rng.normal(size=len(pairs)), rng.uniform(1, 2, n)


@pytest.mark.parametrize("twice", [False, True])
def test_precision_is_that_of_the_regressions(twice):
    graph, weights, variances = _random(12, 3, twice)
    found = graph.precision(weights, variances)
    W = np.zeros((12, 12))
    np.add.at(W, (graph.children, graph.parents), weights)
    A = np.eye(12) - W
    expected = A.T @ np.diag(1.0 / variances) @ A
    np.testing.assert_allclose(found.dense(), expected, atol=1e-12)
    assert found.log_det == pytest.approx(np.linalg.slogdet(expected)[1])
    keys = found.columns.astype(int) * 12 + found.rows
    assert np.all(np.diff(keys) > 0)
    assert np.all(found.rows >= found.columns)


def test_slopes_agree_with_differences():
    graph, weights, variances = _random(9, 5)
    rng = np.random.default_rng(0)
    dw, dv = rng.normal(size=(len(weights), 2)), 0.1 * rng.normal(size=(9, 2))
    found = graph.precision(weights, variances, dw, dv)

    def at(t):
        return graph.precision(weights + dw @ t, variances + dv @ t)

    zero = np.zeros(2)
    np.testing.assert_allclose(found.slope, jacobian(lambda t: at(t).values, zero, 1e-3), atol=1e-7)
    np.testing.assert_allclose(
        found.log_det_slope, jacobian(lambda t: at(t).log_det, zero, 1e-3), atol=1e-7
    )
