"""Linear programs of separation."""

from __future__ import annotations

import numpy as np

from ilk.model.programs import find_direction, kernel, largest, sparsest, split_within


def test_largest_and_sparsest_find_admissible_directions() -> None:
    rng = np.random.default_rng(1)
    X = np.column_stack([np.ones(60), rng.normal(size=(60, 3))])
    sign = np.sign(X[:, 1] + 0.1)
    for program in (largest(4), sparsest(np.array([0.01, 1.0, 1.0, 1.0]))):
        direction = find_direction(sign, X, program)
        assert direction is not None
        assert np.min(sign * (X @ direction)) > -1e-7
    few = find_direction(sign, X, sparsest(np.array([0.01, 1.0, 1.0, 1.0])))
    assert few is not None
    assert np.flatnonzero(few).tolist() == [0, 1]


def test_rows_are_added_until_no_row_objects() -> None:
    """One row of 20,000 decides; it is not among those that are asked first."""
    rng = np.random.default_rng(2)
    x = rng.uniform(-1.0, 1.0, 20_000)
    X = np.column_stack([np.ones_like(x), x])
    sign = np.where(x > 0.0, 1.0, -1.0)
    assert find_direction(sign, X, largest(2)) is not None
    sign[12_345] *= -1.0
    assert find_direction(sign, X, largest(2)) is None


def test_rows_that_hold_still() -> None:
    X = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]])
    assert find_direction(np.array([0.0, 1.0, 1.0]), X, largest(2)) is not None
    assert find_direction(np.array([0.0, 1.0, 0.0]), X, largest(2)) is None
    assert find_direction(np.zeros(3), X, largest(2)) is None


def test_kernel_moves_no_row() -> None:
    X = np.array([[1.0, 1.0, 0.0], [2.0, 2.0, 1.0]])
    free = kernel(X)
    assert free.shape == (3, 1)
    np.testing.assert_allclose(X @ free, 0.0, atol=1e-12)


def test_separation_within_levels() -> None:
    """Thresholds that differ from level to level; no single one would do."""
    x = np.tile(np.arange(6.0), 3)
    codes = np.repeat([0, 1, 2], 6)
    sign = np.where(x > np.array([0.5, 2.5, 4.5])[codes], 1.0, -1.0)
    direction = split_within(sign, x[:, None], codes)
    assert direction is not None
    assert direction[0] > 0.0
    sign[8] = 1.0
    sign[9] = -1.0
    assert split_within(sign, x[:, None], codes) is None
    assert split_within(np.ones(18), x[:, None], codes) is None
