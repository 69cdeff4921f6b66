import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ilk.errors import DataError
from ilk.frame import columns, drop_unused, factor, factor_integers, numbers


def read(values):
    return columns({"g": values}).column("g")


@pytest.mark.parametrize(
    "dtype", [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64]
)
def test_integers_of_every_width_reach_both_ends(dtype):
    info = np.iinfo(dtype)
    values = np.array([info.max, info.min, info.max - 1, info.min], dtype=dtype)
    codes, present = factor_integers(values)
    assert present.tolist() == sorted(set(values.tolist()))
    assert present[codes].tolist() == values.tolist()
    assert codes.dtype == np.int32


def test_neighbors_beyond_the_precision_of_float_stay_apart():
    ids = np.array([10**18 + k % 20 for k in range(200)])
    assert len(factor(read(ids)).levels) == 20
    big = np.array([2**64 - 1 - k % 3 for k in range(9)], dtype=np.uint64)
    assert factor(read(big)).levels == (2**64 - 3, 2**64 - 2, 2**64 - 1)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=40))
def test_integers_are_factored_exactly(values):
    codes, present = factor_integers(np.array(values, dtype=np.int64))
    assert present.tolist() == sorted(set(values))
    assert present[codes].tolist() == values


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=60), st.data())
def test_narrow_ranges_go_by_table(values, data):
    missing = np.array(
        data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values)))
    )
    codes, present = factor_integers(np.array(values, dtype=np.int16), missing)
    assert (codes[missing] == -1).all()
    assert present[codes[~missing]].tolist() == np.array(values)[~missing].tolist()


def test_wide_ranges_agree_with_and_without_pandas(monkeypatch):
    import sys

    values = np.random.default_rng(1).integers(-(2**62), 2**62, 500)
    values = np.concatenate([values, values])
    with_pandas = factor_integers(values)
    monkeypatch.setitem(sys.modules, "pandas", None)
    without = factor_integers(values)
    assert with_pandas[0].tolist() == without[0].tolist()
    assert with_pandas[1].tolist() == without[1].tolist()


def test_small_integers_become_float_before_arithmetic():
    values = numbers(read(np.array([100, -100], dtype=np.int8)))
    assert (values**2).tolist() == [10000.0, 10000.0]


def test_text_is_sorted_and_categories_keep_their_order():
    assert factor(read(["b", "a", "b"])).levels == ("a", "b")
    declared = pd.Categorical(["lo", "hi"], categories=["lo", "mid", "hi"], ordered=True)
    found = factor(columns(pd.DataFrame({"g": declared})).column("g"))
    assert found.levels == ("lo", "hi")
    assert found.codes.tolist() == [0, 1]


def test_levels_that_no_selected_row_has_are_dropped():
    column = read(["a", "b", "c", "b"])
    found = factor(column, np.array([1, 3]))
    assert found.levels == ("b",)
    assert found.codes.tolist() == [0, 0]


def test_drop_unused_keeps_missing():
    codes, levels = drop_unused(np.array([2, -1, 0]), ("a", "b", "c"))
    assert codes.tolist() == [1, -1, 0]
    assert levels == ("a", "c")


def test_floats_as_levels():
    found = factor(read(np.array([0.5, np.nan, 0.25, 0.5])))
    assert found.levels == (0.25, 0.5)
    assert found.codes.tolist() == [1, -1, 0, 1]


def test_truth_values_as_levels():
    assert factor(read(np.array([True, False, True]))).levels == (False, True)
    assert factor(read(np.array([True, True]))).levels == (True,)


def test_dates_as_levels_are_written_as_text():
    days = np.array(["2024-05-02", "2024-05-01", "NaT"], dtype="datetime64[D]")
    found = factor(read(days))
    assert found.levels == ("2024-05-01", "2024-05-02")
    assert found.codes.tolist() == [1, 0, -1]
    moments = [datetime.datetime(2024, 5, 1, 12), datetime.datetime(2024, 5, 1)]
    frame = columns(pd.DataFrame({"g": pd.Series(moments)}))
    assert factor(frame.column("g")).levels == ("2024-05-01", "2024-05-01T12:00:00")


def test_dates_are_not_numbers():
    column = columns(pd.DataFrame({"t": pd.date_range("2024-01-01", periods=3)})).column("t")
    with pytest.raises(DataError, match=r"'t' holds dates or times.*total_seconds"):
        numbers(column)


def test_text_is_not_a_number():
    with pytest.raises(DataError, match="'g' holds text values"):
        numbers(read(["a", "b"]))


def test_missing_integers_become_nan():
    column = columns(pd.DataFrame({"g": pd.array([1, None, 3], dtype="Int64")})).column("g")
    values = numbers(column)
    assert values[[0, 2]].tolist() == [1.0, 3.0]
    assert np.isnan(values[1])
    assert factor(column).codes.tolist() == [0, -1, 1]
