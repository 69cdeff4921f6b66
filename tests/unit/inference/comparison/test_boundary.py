"""Null distributions: known quantiles, known weights of cones, brute-force projection."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize, nnls
from scipy.stats import chi2

from ilk.inference.comparison.boundary import bound, chi_bar, chi_square, cone_draws, drawn, svec


def test_tails_of_mixtures():
    assert chi_square(3).p_value(5.0) == pytest.approx(chi2.sf(5.0, 3))
    assert chi_bar(0).p_value(0.0) == 1.0
    assert chi_bar(0).p_value(2.0) == pytest.approx(0.5 * chi2.sf(2.0, 1))
    mixed = 0.5 * chi2.sf(2.0, 2) + 0.5 * chi2.sf(2.0, 3)
    assert chi_bar(2).p_value(2.0) == pytest.approx(mixed)
    assert bound(3).p_value(2.0) == pytest.approx(mixed)
    assert np.isnan(chi_bar(0).p_value(float("nan")))


def test_a_sample_is_counted_and_smoothed_by_a_free_variate():
    sample = np.array([0.0, 0.0, 1.0, 3.0])
    assert drawn("", sample).p_value(1.0) == pytest.approx(3 / 5)
    assert drawn("", sample).p_value(9.0) == pytest.approx(1 / 5)
    mean = np.mean([chi2.sf(2.0, 1), chi2.sf(2.0, 1), chi2.sf(1.0, 1), 1.0])
    assert drawn("", sample, 1).p_value(2.0) == pytest.approx(mean)


def test_two_variances_with_correlated_scores():
    """The weights of a quadrant follow from the angle between its edges."""
    rho = 0.6
    information = np.array([[1.0, rho], [rho, 1.0]])
    sample = cone_draws(information, [1, 1], 40_000, np.random.default_rng(2))
    none = 0.5 - np.arccos(rho) / (2.0 * np.pi)  # both scores are negative
    assert np.mean(sample < 1e-10) == pytest.approx(none, abs=0.01)
    for t in (1.0, 3.0, 6.0):
        tail = 0.5 * chi2.sf(t, 1) + (0.5 - none) * chi2.sf(t, 2)
        assert np.mean(sample >= t) == pytest.approx(tail, abs=0.008)


def test_projection_onto_an_orthant_by_brute_force():
    rng = np.random.default_rng(3)
    A = rng.normal(size=(5, 3))
    J = A.T @ A
    sample = cone_draws(J, [1, 1, 1], 200, np.random.default_rng(7))
    # the same draws: the map of units is diagonal for variances
    scale = np.diag(J) ** -0.5
    K = J * np.outer(scale, scale)
    root = np.linalg.cholesky(K)
    scores = np.random.default_rng(7).standard_normal((200, 3)) @ root.T
    for score, found in zip(scores, sample, strict=True):
        z = np.linalg.solve(K, score)
        _, distance = nnls(root.T, root.T @ z)
        assert found == pytest.approx(z @ K @ z - distance**2, abs=1e-5)


def test_projection_onto_semidefinite_matrices_by_brute_force():
    M = np.array([[1.0, 0.4], [0.4, 0.8]])
    basis = np.array([[[1.0, 0], [0, 0]], [[0, 0.5**0.5], [0.5**0.5, 0]], [[0, 0], [0, 1.0]]])
    J = svec(M @ basis @ M) @ np.eye(3)  # tr(S dG) of scores M dG M: information of that form
    sample = cone_draws(J, [2], 40, np.random.default_rng(8))
    # its standard form is the identity, on which the ratio is the sum of squares that are kept
    scores = np.random.default_rng(8).standard_normal((40, 3))
    for score, found in zip(scores, sample, strict=True):
        S = np.einsum("k,kij->ij", score, basis)

        def loss(a, S=S):
            L = np.array([[a[0], 0.0], [a[1], a[2]]])
            return 0.5 * np.sum((L @ L.T - S) ** 2)

        ends = [minimize(loss, start).fun for start in ([1, 0, 1], [1, 1, 0.1], [0.1, 0, 0.1])]
        best = 2.0 * min(ends)
        assert found == pytest.approx(score @ score - best, abs=1e-4)


def test_weights_of_semidefinite_matrices():
    """The cone of 2 x 2 matrices is circular with half-angle 45 degrees: known mass at zero."""
    sample = cone_draws(np.eye(3), [2], 40_000, np.random.default_rng(9))
    assert np.mean(sample < 1e-10) == pytest.approx((2.0 - np.sqrt(2.0)) / 4.0, abs=0.006)


def test_matrices_of_three_effects_and_variances_side_by_side():
    sample = cone_draws(np.eye(8), [3, 1, 1], 20_000, np.random.default_rng(10))
    alone = cone_draws(np.eye(6), [3], 20_000, np.random.default_rng(11))
    assert sample.mean() == pytest.approx(alone.mean() + 1.0, abs=0.05)
    # eigenvalues of a symmetric Gaussian matrix are symmetric: half of the length is kept
    assert alone.mean() == pytest.approx(3.0, abs=0.05)
