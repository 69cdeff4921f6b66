"""The long table of all rows under all scenarios."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.fits import data_of, fit_of

import ilk


@pytest.mark.parametrize("estimand", ["population", "typical", "conditional"])
def test_rows_are_those_of_predict(estimand):
    fit, data = fit_of("binary"), data_of("binary")
    table = fit.counterfactuals(
        {"sex": ["f", "m"], "x": [0.0, 1.5]}, estimand=estimand, interval="confidence"
    )
    assert len(table) == 4 * len(data)
    assert list(table)[:3] == ["row", "sex", "x"]
    here = table[(table.sex == "m") & (table.x == 1.5)]
    one = fit.predict(data.assign(sex="m", x=1.5), estimand=estimand, interval="confidence")
    for column in ("estimate", "std_error", "conf_low", "conf_high"):
        np.testing.assert_allclose(here[column], one[column], rtol=1e-8)
    np.testing.assert_array_equal(here.row, np.arange(len(data)))
    assert set(table.estimand) == {estimand}


def test_one_value_may_come_as_an_array_of_no_dimension():
    fit = fit_of("binary")
    plain = fit.counterfactuals({"sex": "f", "x": 1.0})
    pd.testing.assert_frame_equal(
        fit.counterfactuals({"sex": np.array("f"), "x": np.array(1.0)}), plain
    )


def test_clusters_that_were_not_in_the_data_are_called_so():
    fit, data = fit_of("binary"), data_of("binary").head(12)
    data.loc[data.index[:3], "g"] = 999
    options = {"estimand": "conditional", "new_levels": "population"}
    table = fit.counterfactuals({"sex": ["f", "m"]}, data, **options)
    assert table.estimand.tolist() == 2 * (3 * ["population"] + 9 * ["conditional"])
    answer = fit.standardize("sex", data=data, **options)
    assert "3 of 12 rows have levels that were not in the data of the fit" in answer.text
    np.testing.assert_allclose(answer.frame.estimate[0], table.estimate[:12].mean(), rtol=1e-12)


def test_columns_that_are_set_hide_none_of_the_table():
    data = data_of("binary").rename(columns={"x": "estimate", "sex": "row"})
    fit = ilk.fit("y ~ estimate + row + (1 | g)", data, family="binomial")
    table = fit.counterfactuals({"estimate": [0.0, 1.0], "row": "f"})
    assert list(table) == ["row", "estimate (set)", "row (set)", "estimate", "estimand"]
    np.testing.assert_array_equal(table.row, np.tile(np.arange(len(data)), 2))


def test_they_average_to_the_standardized_means():
    fit = fit_of("binary")
    table = fit.counterfactuals({"sex": ["f", "m"]})
    means = fit.standardize("sex").frame.estimate[:2]
    np.testing.assert_allclose(table.groupby("sex").estimate.mean(), means, rtol=1e-12)


def test_rows_of_a_fit_with_gaps_and_of_other_data():
    data = data_of("binary")
    data.loc[data.index[::5], "x"] = np.nan
    fit = ilk.fit("y ~ x * sex + (1 | g)", data, family="binomial")
    own = fit.counterfactuals({"sex": "f"})
    np.testing.assert_array_equal(own.row, np.flatnonzero(data.x.notna()))
    other = fit.counterfactuals({"sex": "f"}, data)
    pd.testing.assert_frame_equal(own, other, rtol=1e-10)


def test_rates():
    data = ilk.datasets.load("hospital_infections")
    fit = ilk.fit(
        "infections ~ policy + (1 | hospital)", data, family="poisson", exposure="patient_days"
    )
    rate = fit.counterfactuals({"policy": [0, 1]}, per=1000)
    assert set(rate.per) == {1000}
    one = fit.predict(data.assign(policy=0), estimand="population", per=1000)
    np.testing.assert_allclose(rate.estimate[: len(data)], one.estimate, rtol=1e-12)
