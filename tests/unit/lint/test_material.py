"""What rules look at: owned columns, and those of the caller."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from tests.findings import clustered

import ilk
from ilk.formula import parse
from ilk.lint.material import inner_column, plain_column

DATA = clustered()[["y", "x", "school", "school_id"]]

FLAVORS = {
    "pandas": lambda frame: frame,
    "polars": lambda frame: pl.from_pandas(frame),
    "pyarrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "dict": lambda frame: {name: frame[name].to_numpy() for name in frame},
}


@pytest.mark.parametrize("flavor", FLAVORS)
def test_data_of_any_kind(flavor: str) -> None:
    data = FLAVORS[flavor](DATA)
    answer = ilk.lint("y ~ x + school_id", data)
    assert answer.codes == ("identifier-as-number", "ignored-clusters")
    frame = answer.frame
    assert type(frame) is (pd.DataFrame if flavor == "dict" else type(data))
    assert ilk.fit("y ~ x + school_id", data).lint().codes == answer.codes


def test_rows_that_are_left_out_do_not_count() -> None:
    few = DATA.assign(x=DATA["x"].where(~DATA["school"].duplicated()))
    assert ilk.lint("y ~ x", few).codes == ()  # one row of each school


def test_columns_that_nobody_can_read_are_passed_by() -> None:
    data = {name: DATA[name].to_numpy() for name in ("y", "x")}
    data["hospital"] = [[1, 2]] * len(DATA)
    data["patient_id"] = np.full((len(DATA), 2), 1.0)
    data["subject"] = pd.to_datetime(np.arange(len(DATA)) // 8, unit="D")
    assert ilk.lint("y ~ x", data).codes == ()


def test_changes_after_the_fit() -> None:
    data = {name: DATA[name].to_numpy() for name in DATA}
    fit = ilk.fit("y ~ x", data)
    data["person_id"] = np.arange(len(DATA)) // 2  # not of the data that were fitted
    data["school"] = data["school"][:5]  # no more of their length
    assert fit.lint()[0].terms == ("school_id",)
    data["school_id"] = np.zeros(len(DATA))
    assert fit.lint()[0].terms == ("school_id",)  # found once, and kept


def test_the_column_of_an_expression() -> None:
    spec = parse("y ~ x + log(x) + scale(log(x)) + center(x) + I(x**2) + exp(x)")
    factors = {f.text: f.expression for f in spec.predictors[0].fixed.factors}
    plain = {text for text, found in factors.items() if plain_column(found) == "x"}
    inner = {text for text, found in factors.items() if inner_column(found) == "x"}
    assert plain == {"x", "center(x)"}
    assert inner == {"x", "log(x)", "scale(log(x))", "center(x)"}
