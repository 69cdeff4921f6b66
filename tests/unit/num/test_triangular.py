"""Triangles, factors, inverses of information."""

import numpy as np

from ilk.num.triangular import (
    cholesky,
    floor_eigenvalues,
    inverse,
    invert_information,
    log_det,
    lower_indices,
    solve,
)


def _definite(m, seed=0):
    a = np.random.default_rng(seed).normal(size=(m + 2, m))
    return a.T @ a


def test_lower_triangle_runs_down_the_columns():
    rows, columns = lower_indices(3)
    assert list(zip(rows, columns, strict=True)) == [
        (0, 0), (1, 0), (2, 0), (1, 1), (2, 1), (2, 2),
    ]  # fmt: skip


def test_factors_of_one_matrix_and_of_a_stack():
    matrices = np.stack([_definite(3, 1), _definite(3, 2)])
    factors = cholesky(matrices)
    expected = np.linalg.slogdet(matrices)[1].sum()
    assert np.isclose(log_det(factors), expected)
    assert cholesky(-matrices) is None
    assert cholesky(np.array([[np.nan]])) is None
    assert np.isclose(log_det(np.zeros((1, 0, 0))), 0.0)
    np.testing.assert_allclose(inverse(matrices) @ matrices, np.stack([np.eye(3)] * 2), atol=1e-9)
    np.testing.assert_allclose(solve(matrices[0], matrices[0][:, 1]), [0, 1, 0], atol=1e-10)


def test_information_is_inverted_whatever_the_scales():
    scale = np.array([1e-8, 1.0, 1e8])
    information = _definite(3) * np.outer(scale, scale)
    covariance = invert_information(information)
    expected = np.linalg.inv(_definite(3)) / np.outer(scale, scale)
    np.testing.assert_allclose(covariance, expected, rtol=1e-10)


def test_directions_without_information_are_not_numbers():
    information = np.zeros((4, 4))
    information[:2, :2] = _definite(2)
    information[2:, 2:] = [[1.0, -1.0], [-1.0, 1.0]]  # only a difference is determined
    covariance = invert_information(information)
    np.testing.assert_allclose(covariance[:2, :2], np.linalg.inv(information[:2, :2]))
    assert np.all(np.isnan(covariance[2:, :]))
    assert np.all(np.isnan(covariance[:, 2:]))
    information[2:, 2:] = [[3.0, 0.0], [0.0, -1.0]]  # negative curvature
    covariance = invert_information(information)
    assert np.isclose(covariance[2, 2], 1.0 / 3.0)
    assert np.isnan(covariance[3, 3])
    assert np.all(np.isnan(invert_information(np.full((2, 2), np.nan))))
    assert invert_information(np.zeros((0, 0))).shape == (0, 0)


def test_floor_makes_definite_and_leaves_definite_matrices_alone():
    good = _definite(3)
    assert floor_eigenvalues(good, 1e-6) is good
    for bad in (np.diag([1.0, -2.0]), np.zeros((2, 2)), np.array([[1.0, 5.0], [5.0, 1.0]])):
        assert np.linalg.eigvalsh(floor_eigenvalues(bad, 1e-3))[0] > 0.0


def test_a_parameter_at_its_limit_does_not_spoil_the_others() -> None:
    """Information of 1e-37 with cross terms of 1e-13: rounding, not curvature."""
    information = np.array([[11.0, 0.7, -8e-13], [0.7, 18.0, -3e-13], [-8e-13, -3e-13, 3e-37]])
    covariance = invert_information(information)
    np.testing.assert_allclose(covariance[:2, :2], np.linalg.inv(information[:2, :2]), rtol=1e-9)
    assert np.all(np.isnan(covariance[2]))
