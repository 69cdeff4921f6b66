import datetime
import decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ilk.errors import DataError
from ilk.frame import columns, factor, numbers


def read(values):
    return columns({"g": values}).column("g")


def test_one_the_text_one_and_true_are_three_levels():
    column = read([1, "1", True, 1, None])
    found = factor(column)
    assert column.kind == "mixed"
    assert len(found.levels) == 3
    assert [type(level) for level in found.levels] == [int, bool, str]
    assert found.codes[0] == found.codes[3]
    assert found.codes[4] == -1


def test_lists_of_numbers_are_numbers():
    assert read([1, 2, 3]).kind == "integer"
    assert read([1, 2.5, None]).kind == "float"
    assert read([True, None]).kind == "boolean"
    assert numbers(read([decimal.Decimal("1.5"), 2])).tolist() == [1.5, 2.0]


def test_integers_beside_nan_stay_exact():
    column = read([10**18 + 1, float("nan"), 10**18 + 2])
    assert factor(column).levels == (10**18 + 1, 10**18 + 2)
    assert column.missing.tolist() == [False, True, False]


def test_integers_beyond_64_bits_are_levels():
    assert factor(read([10**30, 10**30 + 1])).levels == (10**30, 10**30 + 1)
    assert factor(read([2**63, 2**63 + 1])).levels == (2**63, 2**63 + 1)


def test_numpy_scalars_are_unwrapped():
    found = factor(read([np.int64(3), np.int64(4), None]))
    assert found.levels == (3, 4)
    assert {type(level) for level in found.levels} == {int}


@pytest.mark.parametrize("nothing", [None, float("nan"), pd.NA, pd.NaT])
def test_every_kind_of_missing(nothing):
    text = pd.Series(["a", nothing, "b"], dtype=object)
    column = columns(pd.DataFrame({"g": text})).column("g")
    assert column.missing.tolist() == [False, True, False]
    assert factor(column).levels == ("a", "b")


def test_nothing_but_missing():
    column = read([None, None])
    assert column.missing.all()
    assert factor(column).levels == ()


def test_objects_without_a_meaning_are_refused():
    with pytest.raises(DataError, match="'g' holds values of type list"):
        read([[1], "a"])


def test_dates_of_python():
    column = read([datetime.date(2024, 1, 2), datetime.date(2024, 1, 1), None])
    assert factor(column).levels == ("2024-01-01", "2024-01-02")
    with pytest.raises(DataError, match="dates or times"):
        numbers(column)


labels = st.one_of(
    st.integers(-3, 3), st.booleans(), st.text("ab1", max_size=2), st.just(None), st.just(1.0)
)


@given(st.lists(labels, min_size=1, max_size=25))
def test_levels_tell_types_and_values_apart(values):
    present = {type(value) for value in values if value is not None}
    if present and present <= {int, float}:
        present = {float} if float in present else present
    column = read(list(values))
    found = factor(column)
    for row, value in enumerate(values):
        if value is None:
            assert found.codes[row] == -1
        else:
            assert found.levels[found.codes[row]] == value
            if len({type(v) for v in values if v is not None} | {int, float}) > 2:
                assert type(found.levels[found.codes[row]]) is type(value)
    assert len({(type(level), level) for level in found.levels}) == len(found.levels)
