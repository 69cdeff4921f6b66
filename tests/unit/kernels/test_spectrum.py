"""Eigenvectors of weighted covariance matrices, kept from fit to fit."""

from __future__ import annotations

import numpy as np
import pytest

from ilk.kernels.spectrum import Spectrum


def spectrum(L: int = 9, seed: int = 1) -> tuple[Spectrum, np.ndarray]:
    root = np.random.default_rng(seed).normal(size=(L, L + 3))
    K = root @ root.T / L
    return Spectrum(*np.linalg.eigh(K)), K


def test_products() -> None:
    found, K = spectrum()
    x = np.random.default_rng(2).normal(size=(9, 2))
    np.testing.assert_allclose(found.times(x), K @ x, rtol=1e-12)
    np.testing.assert_allclose(found.times(x[:, 0]), K @ x[:, 0], rtol=1e-12)
    np.testing.assert_allclose(found.solve(x), np.linalg.solve(K, x), rtol=1e-8)
    np.testing.assert_allclose(found.diagonal(), np.diag(K), rtol=1e-12)


@pytest.mark.parametrize("kind", ["equal", "unequal", "some"])
def test_rotation_makes_the_weighted_matrix_diagonal(kind: str) -> None:
    found, K = spectrum()
    rng = np.random.default_rng(3)
    weights = np.full(9, 3.0) if kind == "equal" else rng.uniform(0.5, 4.0, 9)
    if kind == "some":
        weights[[1, 5, 6]] = 0.0
    rotation = found.rotation(weights)
    seen = np.flatnonzero(weights)
    np.testing.assert_array_equal(rotation.seen, seen)
    half = np.sqrt(weights[seen])
    whole = half[:, None] * K[np.ix_(seen, seen)] * half
    U = rotation.vectors
    np.testing.assert_allclose(U.T @ whole @ U, np.diag(rotation.values), atol=1e-12)
    np.testing.assert_allclose(U.T @ U, np.eye(len(seen)), atol=1e-12)
    B = K[:, seen] @ (half[:, None] * U)
    np.testing.assert_allclose(found.carry(rotation), B, atol=1e-12)
    x, z = rng.normal(size=(len(seen), 2)), rng.normal(size=(9, 2))
    np.testing.assert_allclose(found.carried(rotation, x), B @ x, atol=1e-12)
    np.testing.assert_allclose(found.carried_back(rotation, z), B.T @ z, atol=1e-12)


def test_the_last_rotation_is_kept() -> None:
    found, _ = spectrum()
    weights = np.arange(1.0, 10.0)
    first = found.rotation(weights)
    assert found.rotation(weights.copy()) is first
    assert found.rotation(weights + 1.0) is not first
    assert found.rotation(np.full(9, 2.0)).vectors is found.vectors  # nothing to compute
