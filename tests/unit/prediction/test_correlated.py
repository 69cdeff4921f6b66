"""Averages over correlated effects, against closed forms, grids and differences."""

import numpy as np
import pytest

from ilk.errors import FitError
from ilk.num import jets
from ilk.num.differences import jacobian
from ilk.prediction.correlated import average_correlated

ETA = [np.array([0.3, -0.5, 1.0]), np.array([-1.0, 0.2, 0.6])]
V = np.array([[[0.5, 0.3], [0.3, 0.8]], [[1.2, -0.9], [-0.9, 1.0]], [[0.4, 0.0], [0.0, 0.0]]])


def product(eta):
    return jets.exp(eta[0]) * jets.sigmoid(-eta[1])


def plain(eta):
    """The same for arrays only."""
    return np.exp(np.asarray(eta[0], float)) / (1.0 + np.exp(np.asarray(eta[1], float)))


def by_tilting(eta, covariance):
    """E exp(a) s(-b) = exp(eta + v/2) E s(-b - cov), by a fine sum in one dimension."""
    x = np.linspace(-12.0, 12.0, 4001)
    weights = np.exp(-0.5 * x**2)
    weights /= weights.sum()
    center = eta[1] + covariance[:, 0, 1]
    b = center[:, None] + np.sqrt(covariance[:, 1, 1])[:, None] * x
    return np.exp(eta[0] + 0.5 * covariance[:, 0, 0]) * (weights / (1.0 + np.exp(b))).sum(axis=1)


def test_means_of_inflated_counts():
    found = average_correlated(product, ETA, V)
    np.testing.assert_allclose(found.value, by_tilting(ETA, V), rtol=1e-8)
    independent = average_correlated(product, ETA, V * np.eye(2)).value
    assert np.all(np.abs(independent[:2] / found.value[:2] - 1.0) > 0.05)


@pytest.mark.parametrize(("mean", "tolerance"), [(product, 1e-6), (plain, 1e-5)])
def test_derivatives_are_those_of_differences(mean, tolerance):
    found = average_correlated(mean, ETA, V, derivatives=True)
    for k in range(2):

        def moved(h, k=k):
            return by_tilting([e + h[0] * (j == k) for j, e in enumerate(ETA)], V)

        np.testing.assert_allclose(
            found.by_eta[k], jacobian(moved, np.zeros(1), 1e-3)[:, 0], rtol=tolerance
        )
    inner, eta = V[:2], [e[:2] for e in ETA]
    for (k, j), slope in (
        ((0, 0), found.by_variance[0]),
        ((1, 1), found.by_variance[1]),
        ((0, 1), found.by_covariance[0, 1]),
    ):
        unit = np.zeros((2, 2))
        unit[k, j] = unit[j, k] = 1.0
        expected = jacobian(lambda h, u=unit: by_tilting(eta, inner + h[0] * u), np.zeros(1), 1e-3)
        np.testing.assert_allclose(slope[:2], expected[:, 0], rtol=tolerance)


@pytest.mark.parametrize("K", [1, 3, 4, 5])
def test_sums_of_many_effects(K):
    rng = np.random.default_rng(0)
    root = 0.3 * rng.normal(size=(2, K, K))
    covariance = root @ root.transpose(0, 2, 1)
    eta = [rng.normal(size=2) for _ in range(K)]
    found = average_correlated(lambda e: jets.exp(sum(e[1:], e[0])), eta, covariance)
    total = covariance.sum(axis=(1, 2))
    np.testing.assert_allclose(found.value, np.exp(sum(eta) + 0.5 * total), rtol=1e-5)


def test_what_does_not_settle_is_refused():
    wide = np.array([[[900.0, 10.0], [10.0, 900.0]]])
    with pytest.raises(FitError, match="does not settle"):
        average_correlated(lambda e: jets.exp(e[0]) * jets.exp(e[1]), [np.zeros(1)] * 2, wide)
    with pytest.raises(FitError, match="typical"):
        average_correlated(product, [np.zeros(1)] * 2, np.full((1, 2, 2), np.inf))
