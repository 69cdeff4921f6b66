"""Which groupings are nested in which."""

from __future__ import annotations

import numpy as np

from ilk.num.nesting import nested_chain, parents

SCHOOL = np.repeat([0, 1], 6)
CLASS = np.repeat([2, 0, 3, 1], 3)
PUPIL = np.arange(12)
ITEM = np.tile([0, 1, 2], 4)


def test_parents_are_found_or_there_are_none() -> None:
    np.testing.assert_array_equal(parents(CLASS, 4, SCHOOL, 2), [0, 1, 0, 1])
    assert parents(SCHOOL, 2, CLASS, 4) is None
    assert parents(ITEM, 3, SCHOOL, 2) is None


def test_levels_without_rows_have_a_parent_all_the_same() -> None:
    np.testing.assert_array_equal(parents(CLASS, 6, SCHOOL + 1, 4), [1, 2, 1, 2, 0, 0])


def test_chains_run_from_the_outermost_to_the_innermost() -> None:
    codes, levels = [PUPIL, SCHOOL, CLASS, SCHOOL.copy()], [12, 2, 4, 2]
    assert nested_chain(codes, levels) == [[1, 3], [2], [0]]
    assert nested_chain([CLASS, ITEM], [4, 3]) is None
    assert nested_chain([], []) == []


def test_the_same_division_under_other_labels_is_a_depth_of_its_own() -> None:
    assert nested_chain([SCHOOL, 1 - SCHOOL], [2, 2]) == [[0], [1]]
