import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ilk.design.grouping import find_levels, make_grouping
from ilk.design.scope import Scope
from ilk.errors import DataError
from ilk.formula.spec import OLRE
from ilk.frame import columns


def scope(data, rows=None):
    return Scope(columns(data), rows if rows is None else np.asarray(rows))


def test_one_column():
    grouping = make_grouping(("g",), scope({"g": [7, 3, 7]}))
    assert grouping.name == "g"
    assert grouping.levels == (3, 7)
    assert grouping.codes.tolist() == [1, 0, 1]
    assert grouping.codes.dtype == np.int32


def test_combinations_are_those_that_occur():
    data = {"a": ["x", "x", "y", "x"], "b": [2, 1, 1, 2], "c": [1, 1, 1, 1]}
    grouping = make_grouping(("a", "b"), scope(data))
    assert grouping.name == "a:b"
    assert grouping.levels == ("x:1", "x:2", "y:1")
    assert grouping.keys == (("x", 1), ("x", 2), ("y", 1))
    assert grouping.codes.tolist() == [1, 0, 2, 1]
    assert make_grouping(("a", "b", "c"), scope(data)).levels == ("x:1:1", "x:2:1", "y:1:1")


def test_labels_with_a_colon_stay_apart():
    data = {"a": ["x:y", "x"], "b": ["z", "y:z"]}
    grouping = make_grouping(("a", "b"), scope(data))
    assert len(grouping.keys) == 2
    codes, unseen = find_levels(grouping, scope({"a": ["x"], "b": ["y:z"]}))
    assert grouping.keys[codes[0]] == ("x", "y:z")
    assert unseen == ()


def test_every_row_is_a_level():
    grouping = make_grouping((OLRE,), scope({"y": [1, 2, 3]}, [0, 2]))
    assert grouping.levels == (0, 2)
    assert grouping.codes.tolist() == [0, 1]
    codes, unseen = find_levels(grouping, scope({"y": [1, 2]}))
    assert codes.tolist() == [-1, -1]
    assert unseen == (0, 1)


def test_a_single_level_is_refused():
    with pytest.raises(DataError, match=r"'g' has a single level \(3\)"):
        make_grouping(("g",), scope({"g": [3, 3]}))
    with pytest.raises(DataError, match=r"'a:b' has a single level \('1:x'\)"):
        make_grouping(("a", "b"), scope({"a": [1, 1], "b": ["x", "x"]}))


def test_levels_of_new_rows():
    grouping = make_grouping(("g",), scope({"g": ["b", "a", "c"]}))
    codes, unseen = find_levels(grouping, scope({"g": ["c", "z", None, "a"]}))
    assert codes.tolist() == [2, -1, -1, 0]
    assert unseen == ("z",)


def test_numbers_match_numbers_and_nothing_else():
    grouping = make_grouping(("g",), scope({"g": [1, 2, 3]}))
    assert find_levels(grouping, scope({"g": [3.0, np.nan, 2.5]}))[0].tolist() == [2, -1, -1]
    assert find_levels(grouping, scope({"g": ["3", "1"]}))[0].tolist() == [-1, -1]
    assert find_levels(grouping, scope({"g": [True, False]}))[0].tolist() == [-1, -1]
    frame = pd.DataFrame({"g": pd.Categorical([2, 3])})
    assert find_levels(grouping, scope(frame))[0].tolist() == [1, 2]


def test_combinations_of_new_rows():
    data = {"a": [1, 1, 2], "b": ["x", "y", "x"]}
    grouping = make_grouping(("a", "b"), scope(data))
    new = {"a": [2.0, 2.0, 1.0, np.nan, 9.0], "b": ["x", "y", "y", "x", "x"]}
    codes, unseen = find_levels(grouping, scope(new))
    assert codes.tolist() == [2, -1, 1, -1, -1]
    assert unseen == ("2.0:y", "9.0:x")
    codes, unseen = find_levels(grouping, scope({"a": [None], "b": [None]}))
    assert (codes.tolist(), unseen) == ([-1], ())
    codes, unseen = find_levels(grouping, scope({"a": [], "b": []}))
    assert (len(codes), unseen) == (0, ())


values = st.lists(
    st.one_of(st.integers(-3, 3), st.sampled_from(["a", "b", "1"]), st.booleans()),
    min_size=2,
    max_size=20,
)


@given(values, values)
@settings(max_examples=100, deadline=None)
def test_rows_find_their_own_level(first, second):
    rows = min(len(first), len(second))
    data = {
        "a": np.array([*first[:rows], "x", 99], dtype=object),
        "b": np.array([*second[:rows], "x", 99], dtype=object),
    }
    for names in (("a",), ("a", "b")):
        grouping = make_grouping(names, scope(data))
        codes, unseen = find_levels(grouping, scope(data))
        assert codes.tolist() == grouping.codes.tolist()
        assert unseen == ()
        for row, code in enumerate(grouping.codes):
            key = tuple(data[name][row] for name in names)
            label = grouping.levels[code] if len(names) == 1 else grouping.keys[code]
            found = (label,) if len(names) == 1 else label
            assert found == key
            assert [type(x) for x in found] == [type(x) for x in key]
