"""Groupings against each other."""

from __future__ import annotations

import numpy as np

from ilk.lint.partition import cells, determines, occupied, same_partition

A = np.array([0, 0, 1, 1, 2, 2])


def test_fine_groups_determine_coarse_ones() -> None:
    coarse = np.array([0, 0, 1, 1, 1, 1])
    assert determines(A, 3, coarse)
    assert not determines(coarse, 2, A)
    assert determines(A, 3, np.array([0.5, 0.5, 2.0, 2.0, 0.5, 0.5]))


def test_partitions_are_the_same_whatever_their_levels_are_called() -> None:
    assert same_partition(A, np.array([2, 2, 0, 0, 1, 1]), 3)
    assert not same_partition(A, np.array([2, 2, 0, 1, 1, 1]), 3)


def test_combinations() -> None:
    b = np.array([0, 1, 1, 1, 0, 0])
    assert occupied(A, 3, b, 2).tolist() == [[True, True], [False, True], [True, False]]
    codes, count = cells(A, b, 2)
    assert count == 4
    assert len({(i, j, k) for i, j, k in zip(A, b, codes, strict=True)}) == 4
