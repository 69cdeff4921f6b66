"""Partial sums of maps."""

import numpy as np
import pytest
from scipy import sparse

from ilk.covariance.levels.sums import SLACK, sums_of


def _grid(side):
    number = np.arange(side * side).reshape(side, side)
    first = np.concatenate([number[:, 1:].ravel(), number[:-1].ravel()])
    second = np.concatenate([number[:, :-1].ravel(), number[1:].ravel()])
    return first, second, side * side


def _star(leaves):
    return np.zeros(leaves, int), np.arange(1, leaves + 1), leaves + 1


@pytest.mark.parametrize(
    "graph", [_grid(2), _grid(9), _star(200), (np.array([0]), np.array([2]), 4)]
)
def test_equations_are_small_and_add_up_to_the_sum_of_each_part(graph):
    sums = sums_of(*graph)
    G = sums.equations.toarray()
    assert np.abs(G).sum(axis=1).max() <= 9
    areas = graph[2]
    for part, count in enumerate(np.bincount(sums.owner, minlength=len(sums.sizes))):
        inside = np.flatnonzero(sums.parts == part)
        if len(inside) == 1:
            assert count == 0
            continue
        rows = np.flatnonzero(np.abs(G[:, inside]).sum(axis=1))
        total = np.zeros(G.shape[1])
        for _ in range(20):  # adding the equations cancels the means
            more = np.flatnonzero(np.abs(G[:, np.abs(G[rows]).sum(axis=0) > 0]).sum(axis=1))
            rows = np.union1d(rows, more)
        assert len(rows) == count
        total = sums.below[rows] @ G[rows]
        np.testing.assert_allclose(total[:areas], sums.parts == part, atol=1e-12)
        np.testing.assert_allclose(total[areas:], 0.0, atol=1e-12)


def test_variances_and_determinants_are_those_of_dense_algebra():
    first, second, areas = _grid(7)
    W = np.zeros((areas, areas))
    W[first, second] = W[second, first] = 100.0 * np.random.default_rng(1).uniform(1, 2, len(first))
    R = sparse.csr_matrix(np.diag(W.sum(axis=1)) - W)
    sums = sums_of(first, second, areas)
    inverse = np.linalg.pinv(R.toarray())
    np.testing.assert_allclose(sums.variances(R), np.diagonal(inverse), rtol=1e-9)
    Q = sums.precision(R).toarray()
    assert sums.log_det(R) == pytest.approx(np.linalg.slogdet(Q)[1], abs=1e-6)
    (excess,) = sums.excess()
    assert 0.0 < excess < 10.0 * SLACK / areas
    assert sums.below.max() == areas
    np.testing.assert_allclose(np.linalg.inv(Q)[:areas, :areas], inverse + excess, atol=1e-9)
