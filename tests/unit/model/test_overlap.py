"""Cheap proofs of overlap: never wrong, mostly found."""

from __future__ import annotations

import numpy as np
import pytest

from ilk.model.overlap import overlap, some_overlap


def draw(seed: int, n: int, strength: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(n), rng.normal(size=(n, 3))])
    y = rng.random(n) < 1.0 / (1.0 + np.exp(-strength * X[:, 1]))
    return np.where(y, 1.0, -1.0), X


@pytest.mark.parametrize("strength", [0.0, 1.0, 4.0])
def test_ordinary_data_are_proved_to_overlap(strength: float) -> None:
    proved = [overlap(*draw(seed, 200, strength)) for seed in range(20)]
    assert all(proved)


def test_separated_data_are_never_proved_to_overlap() -> None:
    for seed in range(50):
        sign, X = draw(seed, 40, 0.0)
        direction = np.random.default_rng(seed).normal(size=4)
        assert not overlap(np.sign(X @ direction), X)
        quasi = np.where(X[:, 2] > 0.0, sign, -1.0)
        X[:, 3] = X[:, 2] > 0.0
        assert not overlap(quasi, X)


def test_rows_between_the_limits_are_proof_enough() -> None:
    sign, X = draw(1, 30, 0.0)
    sign[:6] = 0.0
    sign[6:] = 1.0
    assert overlap(sign, X)


def test_no_proof_without_full_rank() -> None:
    sign, X = draw(2, 30, 0.0)
    assert not overlap(sign, X[:, [0, 1, 1]])
    assert not overlap(sign, np.zeros((30, 2)))


def test_some_rows_of_many() -> None:
    sign, X = draw(3, 5000, 1.0)
    assert some_overlap(sign, X)
    assert not some_overlap(np.sign(X[:, 1] - 0.2), X)
    assert not some_overlap(sign[:100], X[:100])  # too few to be worth it
    rare = np.zeros(5000)
    rare[[17, 1234, 2345, 3456]] = 1.0  # a level that a plain sample would miss
    sign[[17, 1234]], sign[[2345, 3456]] = 1.0, -1.0
    assert some_overlap(sign, np.column_stack([X, rare]))
