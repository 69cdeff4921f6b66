"""Rows arranged by cluster: positions, steps, ties, copies."""

from __future__ import annotations

import numpy as np
import pytest

from ilk.errors import DataError, ModelError
from ilk.gee.clusters import arrange, places


def test_rows_stand_by_cluster_and_time() -> None:
    codes = np.array([1, 0, 1, 0, 1])
    times = np.array([3.0, 2.0, 1.0, 1.0, 2.0])
    found = arrange(codes, ["a", "b"], times, order="t", distinct=True)
    assert found.rows.tolist() == [3, 1, 2, 4, 0]
    assert found.sizes.tolist() == [2, 3]
    assert found.labels == ("a", "b")
    assert found.positions.tolist() == [0, 1, 0, 1, 2]
    assert found.sums(np.array([1.0, 2, 3, 4, 5])).tolist() == [3, 12]


def test_gaps_stay_and_the_step_is_the_shortest_distance() -> None:
    codes = np.array([0, 0, 0, 1, 1])
    times = np.array([0.0, 20.0, 60.0, 5.0, 45.0])
    found = arrange(codes, [0, 1], times, order="t", distinct=True)
    assert found.step == 20.0
    assert found.whole
    assert found.positions.tolist() == [0, 1, 3, 0, 2]


def test_odd_times_are_in_units_of_the_median_distance() -> None:
    times = np.array([0.0, 1.0, 2.5, 0.0, 1.3])
    found = arrange(np.array([0, 0, 0, 1, 1]), [0, 1], times, order="t", distinct=True)
    assert not found.whole
    assert found.step == 1.3


def test_singletons_are_clusters() -> None:
    found = arrange(np.arange(3), [7, 8, 9], np.zeros(3), order="t", distinct=True)
    assert found.sizes.tolist() == [1, 1, 1]
    assert found.step == 1.0


def test_places_count_within_clusters() -> None:
    assert places(np.array([2, 2, 0, 2, 0])).tolist() == [1, 2, 1, 3, 2]


def test_ties_name_the_cluster() -> None:
    with pytest.raises(DataError, match="Cluster 'b' has two rows with t = 4: give order="):
        arrange(
            np.array([0, 1, 1]), ["a", "b"], np.array([1.0, 4.0, 4.0]), order="t", distinct=True
        )


def test_a_single_cluster_is_refused() -> None:
    with pytest.raises(DataError, match="single cluster"):
        arrange(np.zeros(3, int), ["a"], np.arange(3.0), order="t", distinct=False)


def test_copies_have_no_positions() -> None:
    with pytest.raises(ModelError, match="frequency_weights="):
        arrange(
            np.array([0, 1]),
            [0, 1],
            np.zeros(2),
            order="t",
            distinct=True,
            weights=np.array([2.0, 1]),
        )
    with pytest.raises(DataError, match="whole numbers here"):
        arrange(
            np.array([0, 1]),
            [0, 1],
            np.zeros(2),
            order="t",
            distinct=False,
            weights=np.array([1.5, 1]),
        )
