"""Krylov spaces, and CR2 of clusters with many random effects through them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.errors import FitError
from ilk.inference.robust import cr2 as robust_cr2
from ilk.inference.robust.covariance import robust_covariance
from ilk.inference.robust.wide import krylov_bases


def test_the_space_closes_with_the_distinct_eigenvalues():
    rng = np.random.default_rng(0)
    values = np.repeat([1.0, 2.0, 7.0], [30, 6, 4])
    turn = np.linalg.qr(rng.normal(size=(40, 40))).Q
    V = (turn * values) @ turn.T
    X = rng.normal(size=(40, 2))
    *_, (basis, projected, closed) = krylov_bases(X, lambda block: V @ block, 100)
    assert closed
    assert basis.shape == (40, 6)
    np.testing.assert_allclose(basis.T @ basis, np.eye(6), atol=1e-12)
    np.testing.assert_allclose(basis @ (basis.T @ X), X, atol=1e-12)
    np.testing.assert_allclose(V @ basis, basis @ projected, atol=1e-8)


def test_dependent_columns():
    """A column that is twice another adds nothing; a space may be closed at once."""
    X = np.outer(np.arange(5.0), [1.0, 2.0])
    ((basis, projected, closed),) = krylov_bases(X, lambda block: 3.0 * block, 1)
    assert closed
    assert basis.shape == (5, 1)
    np.testing.assert_allclose(projected, [[3.0]])


def test_bases_on_the_way():
    V = np.diag(np.arange(1.0, 31.0))
    bases = list(krylov_bases(np.ones((30, 1)), lambda block: V @ block, 4))
    assert [basis.shape[1] for basis, _, _ in bases[:3]] == [4, 8, 12]
    assert [closed for _, _, closed in bases[:2]] == [False, False]


def many_rooms(weights):
    rng = np.random.default_rng(3)
    school = np.repeat(np.arange(6), [40, 60, 80, 80, 90, 110])
    room = school * 40 + rng.integers(0, 25, len(school))
    x = rng.normal(size=len(school))
    y = x * (1 + 0.5 * rng.normal(size=240)[room]) + rng.normal(size=240)[room]
    y += rng.normal(size=6)[school] + rng.normal(size=len(school))
    w = rng.uniform(0.5, 2.0, len(school)) if weights else np.ones(len(school))
    return pd.DataFrame({"y": y, "x": x, "school": school, "room": room, "w": w})


@pytest.mark.parametrize("formula", ["y ~ x + (1 | school / room)", "y ~ x + (x | school / room)"])
@pytest.mark.parametrize("weights", [False, True])
def test_as_with_all_columns(monkeypatch, formula, weights):
    fitted = ilk.fit(formula, many_rooms(weights), precision_weights="w").fitted
    whole = robust_covariance(fitted, "CR2")
    monkeypatch.setattr(robust_cr2, "_WIDE", 5)
    small = robust_covariance(fitted, "CR2")
    np.testing.assert_allclose(small.matrix, whole.matrix, rtol=1e-7)
    np.testing.assert_allclose(small.coefficient_df(), whole.coefficient_df(), rtol=1e-7)


def test_no_end(monkeypatch):
    fitted = ilk.fit("y ~ x + (x | school / room)", many_rooms(weights=False)).fitted
    monkeypatch.setattr(robust_cr2, "_WIDE", 5)
    monkeypatch.setattr(robust_cr2, "_WIDEST", 20)
    with pytest.raises(FitError, match="too large a matrix for the 40 rows of the cluster 0 of"):
        robust_covariance(fitted, "CR2")
