"""Projections on dummies against dense algebra; direct and iterative solutions."""

from __future__ import annotations

import numpy as np
import pytest

from ilk.errors import FitError
from ilk.fixed_effects import absorb as module
from ilk.fixed_effects.absorb import absorb, part_labels, weigh


def factors(seed: int, sizes: tuple[int, ...], n: int = 300) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [
        np.unique(np.append(np.arange(size), rng.integers(0, size, n - size)))[
            rng.permutation(np.append(np.arange(size), rng.integers(0, size, n - size)))
        ]
        for size in sizes
    ]


def dense(codes: list[np.ndarray], sizes: tuple[int, ...]) -> np.ndarray:
    return np.column_stack([np.eye(size)[code] for code, size in zip(codes, sizes, strict=True)])


@pytest.mark.parametrize("sizes", [(9,), (20, 7), (7, 20), (15, 6, 4)])
@pytest.mark.parametrize("direct", [True, False])
def test_residuals_are_those_of_least_squares(sizes, direct, monkeypatch):
    if not direct:
        monkeypatch.setattr(module, "DENSE_LEVELS", 0)
    codes = factors(3, sizes)
    rng = np.random.default_rng(4)
    V, w = rng.normal(size=(300, 3)), rng.uniform(0.1, 2.0, 300)
    D = dense(codes, sizes)
    root = np.sqrt(w)[:, None]
    fitted = D @ np.linalg.lstsq(root * D, root * V, rcond=None)[0]
    projector = weigh(absorb(codes, sizes), w)
    assert projector.residuals(V) == pytest.approx(V - fitted, abs=1e-9)


@pytest.mark.parametrize("sizes", [(9,), (20, 7), (15, 6, 4)])
def test_rank_and_variance(sizes):
    codes = factors(5, sizes)
    D = dense(codes, sizes)
    dummies = absorb(codes, sizes)
    assert dummies.rank == np.linalg.matrix_rank(D)
    w = np.random.default_rng(6).uniform(0.1, 2.0, 300)
    inverse = np.linalg.pinv(D.T @ (w[:, None] * D))
    expected = np.einsum("ij,jk,ik->i", D, inverse, D)
    assert weigh(dummies, w).variance(codes) == pytest.approx(expected, rel=1e-8)


def test_nested_factors_spend_no_more_than_the_finer_one():
    fine = np.arange(60) // 3
    dummies = absorb([fine // 4, fine], (5, 20))
    assert dummies.rank == 20
    assert dummies.parts == 5
    coarse, finer = part_labels(dummies)
    assert (coarse[fine // 4] == finer[fine]).all()


def test_many_levels_by_iteration(monkeypatch):
    rng = np.random.default_rng(7)
    n, sizes = 4000, (400, 300)
    codes = [np.append(np.arange(s), rng.integers(0, s, n - s)) for s in sizes]
    V = rng.normal(size=(n, 2))
    direct = weigh(absorb(codes, sizes), np.ones(n)).residuals(V)
    monkeypatch.setattr(module, "DENSE_LEVELS", 0)
    projector = weigh(absorb(codes, sizes), np.ones(n))
    assert projector.factor is None
    assert projector.residuals(V) == pytest.approx(direct, abs=1e-10)


def test_a_failure_to_converge_is_an_error(monkeypatch):
    monkeypatch.setattr(module, "DENSE_LEVELS", 0)
    monkeypatch.setattr(module, "_MAX_STEPS", 1)
    codes = factors(8, (30, 20))
    projector = weigh(absorb(codes, (30, 20)), np.ones(300))
    with pytest.raises(FitError, match="could not be absorbed"):
        projector.residuals(np.random.default_rng(1).normal(size=(300, 1)))
