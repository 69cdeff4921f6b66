"""Owned tables: what is kept cannot be changed from outside, and copies can be altered."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from ilk.errors import DataError
from ilk.frame import columns, factor, keep, numbers

TABLE = {
    "dose": [1, 2, 4, 2],
    "weight": [1.5, np.nan, 2.0, 0.5],
    "site": ["a", "b", "b", "c"],
    "new": [True, False, True, True],
}


@pytest.mark.parametrize("make", [dict, pd.DataFrame, pl.DataFrame, pa.table])
def test_it_reads_like_the_frame_it_comes_from(make):
    frame = make(TABLE)
    kept, original = keep(frame), columns(frame)
    assert (kept.rows, kept.names, kept.flavor) == (4, tuple(TABLE), original.flavor)
    assert columns(kept) is kept
    for name in TABLE:
        assert factor(kept.column(name)).levels == factor(original.column(name)).levels
    assert "site" in kept
    assert "sites" not in kept


def test_the_callers_later_changes_do_not_reach_it():
    dose = np.array([1.0, 2.0])
    kept = keep({"dose": dose})
    dose[:] = 9.0
    assert numbers(kept.column("dose")).tolist() == [1.0, 2.0]


def test_its_arrays_cannot_be_written():
    with pytest.raises(ValueError, match="read-only"):
        keep(TABLE).column("dose").values[0] = 3


def test_rows_that_are_taken_lose_what_they_lack():
    kept = keep(TABLE, ["weight", "site"], np.array([0, 2, 2]))
    assert kept.rows == 3
    assert kept.column("weight").missing is None
    assert kept.column("weight").finite
    assert kept.repeat(2).rows == 6
    assert kept.distinct("site") == ("a", "b")


@pytest.mark.parametrize(
    ("name", "value", "kind", "label"),
    [
        ("dose", 3.0, "integer", 3),
        ("dose", 2.5, "float", 2.5),
        ("weight", 2, "float", 2.0),
        ("site", "b", "text", "b"),
        ("site", "unknown", "text", "unknown"),
        ("new", 0, "boolean", False),
        ("new", np.True_, "boolean", True),
    ],
)
def test_a_column_takes_one_value_in_its_own_kind(name, value, kind, label):
    changed = keep(TABLE).with_value(name, value)
    assert changed.column(name).kind == kind
    assert changed.distinct(name) == (label,)
    assert changed.names == tuple(TABLE)


def test_categories_keep_their_declared_order():
    kept = keep({"size": pd.Categorical(["l", "s"], categories=["s", "m", "l"])})
    assert kept.distinct("size") == ("s", "l")
    assert kept.with_value("size", "m").column("size").levels == ("s", "m", "l")


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_no_value_is_refused(value):
    with pytest.raises(DataError, match="'dose' cannot be set"):
        keep(TABLE).with_value("dose", value)


def test_unknown_columns_are_named():
    with pytest.raises(DataError, match=r"no column 'doze'.*'dose'"):
        keep(TABLE).with_value("doze", 1)


def test_columns_must_be_as_long_as_the_table():
    with pytest.raises(ValueError, match="values for"):
        keep(TABLE).with_column(keep({"x": [1.0]}).column("x"))


def test_moments_keep_their_levels():
    days = pd.to_datetime(["2024-02-01", "2024-01-01", "2024-02-01"])
    frame = {"day": days}
    assert keep(frame).distinct("day") == factor(columns(frame).column("day")).levels
