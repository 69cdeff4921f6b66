"""Columns and labels that a caller gives, on the rows of the fit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.diagnostics.checks.columns import read_labels, read_numbers
from ilk.errors import DataError, ModelError


@pytest.fixture(scope="module")
def design():
    data = {"y": [1.0, 2.0, None, 4.0, 3.0, 2.5], "x": [0, 1, 2, 3, 4, 5], "g": list("aabbcc")}
    return ilk.fit("y ~ x + (1 | g)", data).fitted.design


def test_names_of_columns_that_were_kept(design) -> None:
    name, values = read_numbers(design, "x", "time")
    assert name == "x"
    np.testing.assert_array_equal(values, [0, 1, 3, 4, 5])
    levels = read_labels(design, "g", "group")
    assert (levels.name, levels.labels) == ("g", ("a", "b", "c"))
    np.testing.assert_array_equal(levels.codes, [0, 0, 1, 2, 2])


def test_values_for_all_rows_or_for_those_of_the_fit(design) -> None:
    for given in (pd.Series([5, 4, 3, 2, 1, 0], name="t"), np.array([5, 4, 2, 1, 0])):
        np.testing.assert_array_equal(read_numbers(design, given, "time")[1], [5, 4, 2, 1, 0])
    assert read_numbers(design, pd.Series(range(6), name="t"), "time")[0] == "t"
    assert read_numbers(design, list(range(6)), "time")[0] == "time"
    levels = read_labels(design, ["u", "v", None, "u", "v", "v"], "group")
    np.testing.assert_array_equal(levels.codes, [0, 1, 0, 1, 1])


def test_times_are_seconds(design) -> None:
    dates = pd.Series(pd.date_range("2026-01-01", periods=6, freq="D"))
    values = read_numbers(design, dates, "time")[1]
    np.testing.assert_allclose(np.diff(values), np.array([1, 2, 1, 1]) * 86400.0)


def test_what_cannot_be_read(design) -> None:
    with pytest.raises(ModelError, match=r"no column that the fit kept.*Did you mean 'x'"):
        read_numbers(design, "X", "time")
    with pytest.raises(DataError, match="not 3 values"):
        read_numbers(design, [1, 2, 3], "time")
    with pytest.raises(DataError, match="no value in row 1"):
        read_labels(design, ["a", None, "b", "b", "c", "c"], "group")
    with pytest.raises(DataError, match="g"):
        read_numbers(design, "g", "time")
    missing_date = pd.Series(pd.date_range("2026-01-01", periods=6)).where(np.arange(6) != 3)
    with pytest.raises(DataError, match="no value in row 3"):
        read_numbers(design, missing_date, "time")
