import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from ilk.errors import DataError
from ilk.frame import columns


@pytest.mark.parametrize(
    ("make", "flavor"),
    [(pd.DataFrame, "pandas"), (pl.DataFrame, "polars"), (pa.table, "pyarrow"), (dict, "dict")],
)
def test_frames_are_opened(make, flavor):
    opened = columns(make({"x": [1, 2], "odd name": ["a", "b"]}))
    assert opened.flavor == flavor
    assert opened.rows == 2
    assert opened.names == ("x", "odd name")
    assert "x" in opened
    assert "y" not in opened
    assert opened.column("odd name").kind == "text"


def test_an_unknown_column_is_named_with_its_neighbor():
    frame = columns({"weight": [1], "height": [2]})
    with pytest.raises(DataError, match=r"no column 'wieght'\. Did you mean 'weight'\?") as caught:
        frame.column("wieght")
    assert caught.value.code == "unknown-column"
    with pytest.raises(
        DataError, match=r"\(grouping factor\)\. The columns are 'weight', 'height'"
    ):
        frame.column("zzz", "grouping factor")


def test_many_columns_are_not_all_listed():
    frame = columns({f"column{k}": [1] for k in range(30)})
    with pytest.raises(DataError, match="and 18 more"):
        frame.column("zzz")


@pytest.mark.parametrize("data", [None, [1, 2], np.zeros((2, 2)), "data.csv", object()])
def test_what_is_not_a_frame_is_refused(data):
    with pytest.raises(DataError, match="give a data frame"):
        columns(data)


def test_lazy_frames_must_be_collected():
    with pytest.raises(DataError, match=r"lazy.*collect"):
        columns(pl.LazyFrame({"x": [1]}))


def test_columns_of_different_lengths():
    with pytest.raises(DataError, match=r"'x' has 2 rows and 'y' has 3"):
        columns({"x": [1, 2], "y": [1, 2, 3]})


@pytest.mark.parametrize("value", [3, "text", None])
def test_a_single_value_is_no_column(value):
    with pytest.raises(DataError, match="'x' is a single value"):
        columns({"x": value})


def test_a_name_must_be_unique():
    twice = pd.DataFrame([[1, 2]], columns=["x", "x"])
    with pytest.raises(DataError, match="two columns named 'x'"):
        columns(twice)


def test_names_that_are_not_text():
    frame = columns(pd.DataFrame({0: [1.0], "x": [2.0]}))
    assert frame.column("0").values.tolist() == [1.0]


def test_no_rows():
    assert columns(pd.DataFrame({"x": []})).rows == 0
    assert columns({}).rows == 0
