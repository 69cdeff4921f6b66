import numpy as np
import pandas as pd
import polars as pl
import pytest

from ilk.design.build import build
from ilk.errors import DataError
from ilk.formula.parse import parse

N = 6
DATA = pd.DataFrame(
    {
        "y": np.arange(N, dtype=float),
        "x": [1.0, 5.0, 2.0, 0.0, 7.0, 3.0],
        "w": [1.0, 2.0, 0.0, 1.0, 0.0, 3.0],
        "t": list("abcdef"),
    },
    index=[5, 4, 3, 2, 1, 0],
)


def design(data=DATA, formula="y ~ x", **options):
    return build(parse(formula), data, **options)


@pytest.mark.parametrize(
    "values",
    [
        np.arange(1.0, N + 1),
        list(range(1, N + 1)),
        pl.Series(range(1, N + 1)),
        pd.Series(range(1, N + 1), index=DATA.index),
        tuple(range(1, N + 1)),
    ],
    ids=["array", "list", "polars", "pandas", "tuple"],
)
def test_values_are_taken_by_position(values):
    made = design(precision_weights=values)
    assert made.precision_weights.tolist() == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    assert made.arguments == {"precision_weights": None}


def test_a_series_in_another_order_is_refused():
    with pytest.raises(DataError, match=r"precision_weights= is a series \('w'\) whose index") as e:
        design(precision_weights=DATA["w"].sort_index())
    assert e.value.code == "index"
    with pytest.raises(DataError, match="index differs"):
        design({"y": [1.0, 2.0], "x": [1.0, 3.0]}, offset=pd.Series([1, 2], index=[1, 0]))
    assert design(offset=DATA["w"]).fixed[0].offset.tolist() == DATA["w"].tolist()


def test_lengths_must_agree():
    with pytest.raises(DataError, match="frequency_weights= has 3 values; the data have 6 rows"):
        design(frequency_weights=[1, 2, 3])


@pytest.mark.parametrize("value", [3, True, 2.5, object()])
def test_single_values_are_refused(value):
    with pytest.raises(DataError, match="exposure= takes the name of a column or one value"):
        design(exposure=value)


def test_text_is_no_weight():
    with pytest.raises(DataError, match=r"offset= must be numbers; column 't' holds text"):
        design(offset="t")


@pytest.mark.parametrize("name", ["frequency_weights", "precision_weights"])
def test_weights(name):
    made = design(**{name: "w"})
    assert made.rows.dropped == {f"{name} = 0": 2}
    assert made.rows.kept.tolist() == [0, 1, 3, 5]
    assert getattr(made, name).tolist() == [1.0, 2.0, 1.0, 3.0]
    with pytest.raises(DataError, match=f"{name}= must not be negative|{name} must not be neg"):
        design(**{name: -DATA["w"].to_numpy()})
    with pytest.raises(DataError, match=r"infinite: row 1"):
        design(**{name: [1, np.inf, 1, 1, 1, 1]})
    assert design(**{name: [1, np.nan, 1, 1, 1, None]}).rows.dropped == {name: 2}


def test_exposure_must_be_positive():
    with pytest.raises(DataError, match="exposure='w' must be positive: row 2 has 0"):
        design(exposure="w")
    made = design(exposure=[1, 2, 1, 1, 1, 1])
    assert made.fixed[0].offset[1] == np.log(2)
    assert made.exposure_name is None
