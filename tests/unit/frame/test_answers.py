import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from ilk.frame import answer, row_labels

COLUMNS = {"term": ["x", "z"], "estimate": np.array([0.5, 1.5])}


@pytest.mark.parametrize(
    ("flavor", "kind"),
    [
        ("pandas", pd.DataFrame),
        ("dict", pd.DataFrame),
        ("polars", pl.DataFrame),
        ("pyarrow", pa.Table),
    ],
)
def test_answers_come_in_the_flavor_of_the_data(flavor, kind):
    frame = answer(COLUMNS, flavor)
    assert isinstance(frame, kind)
    assert frame.shape == (2, 2)


@pytest.mark.parametrize("flavor", ["polars", "pyarrow"])
def test_labels_of_several_types_become_text(flavor):
    frame = answer({"level": np.array([1, "a", None], dtype=object)}, flavor)
    column = frame["level"].to_list() if flavor == "polars" else frame["level"].to_pylist()
    assert column == ["1", "a", None]


def test_integer_labels_stay_integers():
    frame = answer({"level": np.array([1, 2], dtype=object)}, "polars")
    assert frame["level"].dtype == pl.Int64


def test_answers_about_rows_keep_the_index_of_a_pandas_frame():
    data = pd.DataFrame({"x": [1.0, 2.0]}, index=["b", "a"])
    assert list(answer(COLUMNS, "pandas", row_labels(data)).index) == ["b", "a"]
    assert row_labels(pl.DataFrame({"x": [1.0]})) is None
    assert row_labels({"x": [1.0]}) is None
