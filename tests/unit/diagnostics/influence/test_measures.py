"""Distances and ratios by hand, with numbers that are missing."""

from __future__ import annotations

import numpy as np
import pytest

from ilk.diagnostics.influence.measures import cook_distances, determinant_ratios

V = np.array([[4.0, 1.0], [1.0, 2.0]])


def test_distances_are_of_what_is_known() -> None:
    moved = np.array([[1.0, -1.0], [2.0, np.nan], [np.nan, np.nan]])
    found = cook_distances(moved, V)
    assert found[0] == pytest.approx(moved[0] @ np.linalg.solve(V, moved[0]) / 2)
    assert found[1] == pytest.approx(4.0 / 4.0)
    assert np.isnan(found[2])


def test_ratios_of_determinants() -> None:
    some = np.stack([2.0 * V, np.full((2, 2), np.nan)])
    found = determinant_ratios(some, V)
    assert found[0] == pytest.approx(4.0)
    assert np.isnan(found[1])
    lost = V.copy()
    lost[1] = lost[:, 1] = np.nan
    assert determinant_ratios(np.stack([3.0 * V]), lost) == pytest.approx([3.0])
