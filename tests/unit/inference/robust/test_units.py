"""Clusters that are taken as independent."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.errors import DataError, ModelError
from ilk.inference.robust.units import independent_units, levels_within, meet


def data():
    rng = np.random.default_rng(1)
    ward = np.repeat(np.arange(12), 5)
    frame = pd.DataFrame({"x": rng.normal(size=60), "ward": ward, "hospital": ward // 3})
    frame["doctor"] = rng.permutation(60) % 7
    frame["y"] = rng.normal(size=60) + rng.normal(size=12)[ward] + rng.normal(size=7)[frame.doctor]
    return frame


def design(formula, frame=None):
    return ilk.fit(formula, data() if frame is None else frame).fitted.design


def test_the_outermost_factor():
    (unit,) = independent_units(design("y ~ x + (1 | hospital / ward)"))
    assert (unit.name, unit.count) == ("hospital", 4)
    np.testing.assert_array_equal(unit.codes, data().hospital)
    assert unit.labels == (0, 1, 2, 3)


def test_rows_without_random_terms():
    frame = data()
    frame.loc[3, "x"] = np.nan
    found = design("y ~ x", frame)
    (unit,) = independent_units(found)
    assert (unit.name, unit.count) == ("row", 59)
    assert unit.labels[3] == 4


def test_factors_that_cross():
    units = independent_units(design("y ~ x + (1 | ward) + (1 | doctor)"))
    assert [unit.name for unit in units] == ["ward", "doctor"]
    pairs = meet(units)
    assert pairs.max() + 1 == len(data().groupby(["ward", "doctor"]))


def test_named_columns_and_labels():
    inner = design("y ~ x + hospital + (1 | ward)")
    (by_name,) = independent_units(inner, "hospital")
    (by_labels,) = independent_units(inner, data().hospital)
    (by_list,) = independent_units(inner, [f"h{h}" for h in data().hospital])
    assert by_name.labels == by_labels.labels == (0, 1, 2, 3)
    assert by_list.labels == ("h0", "h1", "h2", "h3")
    np.testing.assert_array_equal(by_name.codes, by_list.codes)
    assert (by_labels.name, by_list.name) == ("hospital", "cluster")


def test_labels_follow_the_rows_in_use():
    frame = data()
    frame.loc[:9, "x"] = np.nan
    found = design("y ~ x + (1 | ward)", frame)
    (unit,) = independent_units(found, frame.hospital)
    np.testing.assert_array_equal(unit.codes, frame.hospital[10:])
    (short,) = independent_units(found, frame.hospital[10:])
    np.testing.assert_array_equal(unit.codes, short.codes)


def test_nested_factors_are_one():
    found = design("y ~ x + hospital + (1 | ward)")
    (unit,) = independent_units(found, ["ward", "hospital"])
    assert unit.name == "hospital"


def test_several_may_contain_the_factors_together():
    found = design("y ~ x + (1 | ward) + (1 | doctor)")
    units = independent_units(found, [data().hospital, "doctor"])
    assert [unit.name for unit in units] == ["hospital", "doctor"]


@pytest.mark.parametrize(
    ("cluster", "error", "words"),
    [
        ("hospitl", ModelError, "cluster='hospitl' is no grouping factor.*cluster=data"),
        ("x", ModelError, "the level 0 of 'ward' lies in several clusters"),
        ([], ModelError, "names no clusters"),
        (3, DataError, "a label for each of the 60 rows of the data, not 3"),
        (np.arange(7), DataError, "not 7 labels"),
        (np.ones((60, 1)), DataError, "a label for each of the 60 rows of the data, not array"),
        (["a"] * 59 + [None], DataError, "has no label in row 59"),
    ],
)
def test_refusals(cluster, error, words):
    with pytest.raises(error, match=words):
        independent_units(design("y ~ x + (1 | ward)"), cluster)


def test_clusters_must_contain_every_factor():
    found = design("y ~ x + (1 | ward) + (1 | doctor)")
    with pytest.raises(ModelError, match=r"of 'doctor' lies in several clusters") as caught:
        independent_units(found, "ward")
    assert caught.value.code == "not-nested"


def test_levels_within():
    place, counts = levels_within(np.array([5, 5, 2, 9, 0, 9]), np.array([0, 0, 1, 0, 1, 0]))
    np.testing.assert_array_equal(place, [0, 0, 1, 1, 0, 1])
    np.testing.assert_array_equal(counts, [2, 2])
