"""Sums over clusters and Satterthwaite's degrees of freedom."""

from __future__ import annotations

import numpy as np
import pytest

from ilk.errors import FitError
from ilk.inference.robust.df import ClusterSums, satterthwaite
from ilk.inference.robust.leverage import corrected, uncorrected


def balanced(m, k=2, copies=None):
    """Clusters that share the information equally."""
    scores = np.random.default_rng(0).normal(size=(m, k))
    K = np.broadcast_to(np.eye(k) / m, (m, k, k))
    return ClusterSums(np.eye(k), scores, lambda: K, np.ones(m) if copies is None else copies)


@pytest.mark.parametrize("power", [-0.5, -1.0])
def test_balanced_clusters(power):
    """m equal clusters: m - 1 degrees of freedom, and the factor (1 - 1 / m) to the power."""
    sums = balanced(8)
    plain, better = uncorrected(sums), corrected(sums, power, range(8), "g", "CR")
    for contributions in (plain, better):
        assert satterthwaite(contributions, np.array([1.0, -2.0])) == pytest.approx(7.0)
    np.testing.assert_allclose(
        better.covariance(), plain.covariance() * (7 / 8) ** (2 * power), rtol=1e-12
    )


def test_moments_by_simulation():
    """Mean and variance of a variance estimate under the model have the ratio of the formula."""
    rng = np.random.default_rng(1)
    shares = rng.dirichlet(np.ones(6))
    K = shares[:, None, None] * np.eye(1)
    draws = rng.normal(size=(40_000, 6)) * np.sqrt(shares)
    draws -= shares * draws.sum(axis=1, keepdims=True)  # the estimate takes its part
    sums = ClusterSums(np.eye(1), draws[0][:, None], lambda: K, np.ones(6))
    found = corrected(sums, -0.5, range(6), "g", "CR2")
    estimates = np.sum(draws**2 / (1.0 - shares), axis=1)
    assert estimates.mean() == pytest.approx(1.0, abs=0.02)
    df = satterthwaite(found, np.ones(1))
    assert df == pytest.approx(2.0 * estimates.mean() ** 2 / estimates.var(), rel=0.04)


def test_copies_are_clusters():
    twice = balanced(3, copies=np.array([2.0, 2.0, 2.0]))
    K = np.broadcast_to(np.eye(2) / 6, (3, 2, 2))
    twice = ClusterSums(twice.root, twice.scores, lambda: K, twice.copies)
    written = ClusterSums(
        np.eye(2), np.repeat(twice.scores, 2, axis=0), lambda: np.repeat(K, 2, axis=0), np.ones(6)
    )
    a = corrected(twice, -0.5, range(3), "g", "CR2")
    b = corrected(written, -0.5, range(6), "g", "CR2")
    np.testing.assert_allclose(a.covariance(), b.covariance())
    contrast = np.array([1.0, 0.3])
    assert satterthwaite(a, contrast) == pytest.approx(satterthwaite(b, contrast))
    assert twice.count == 6.0


def test_a_cluster_with_all_of_the_information():
    """Nothing can be said along its direction, and the others are as without it."""
    K = np.array([np.diag([1.0, 0.5]), np.diag([0.0, 0.5])])
    sums = ClusterSums(np.eye(2), np.array([[0.0, 2.0], [0.0, -2.0]]), lambda: K, np.ones(2))
    found = corrected(sums, -1.0, ("b", "c"), "ward", "CR3")
    np.testing.assert_allclose(found.covariance(), np.diag([0.0, 32.0]))


def test_a_cluster_with_more_than_all_of_the_information():
    K = np.array([np.diag([1.2, 0.5]), np.diag([-0.2, 0.5])])
    sums = ClusterSums(np.eye(2), np.ones((2, 2)), lambda: K, np.ones(2))
    with pytest.raises(FitError, match="cluster 'b' of 'ward' has more information") as caught:
        corrected(sums, -1.0, ("b", "c"), "ward", "CR3")
    assert caught.value.code == "leverage"


def test_none_where_there_is_no_variance():
    sums = ClusterSums(np.eye(1), np.zeros((2, 1)), lambda: np.zeros((2, 1, 1)), np.ones(2))
    assert np.isnan(satterthwaite(uncorrected(sums), np.ones(1)))
