"""New rows in any frame, and new responses."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from tests.fits import data_of, fit_of

import ilk
from ilk.errors import DataError, IdentificationWarning


def test_answers_come_in_the_flavor_of_the_new_rows():
    fit, data = fit_of("binary"), data_of("binary").head(5)
    answer = fit.predict(data, interval="confidence")
    assert isinstance(answer, pd.DataFrame)
    polars = fit.predict(pl.from_pandas(data), interval="confidence")
    assert isinstance(polars, pl.DataFrame)
    np.testing.assert_allclose(polars["conf_low"], answer.conf_low)
    arrow = fit.predict(pa.Table.from_pandas(data), interval="confidence")
    assert isinstance(arrow, pa.Table)
    assert isinstance(fit.predict(data.to_dict("list")), pd.DataFrame)


def test_predictions_are_aligned_with_the_rows_of_a_pandas_frame():
    data = data_of("binary").copy()
    data.loc[[1, 4], "x"] = np.nan
    fit = ilk.fit("y ~ x + (1 | g)", data, family="binomial")
    own = fit.predict()
    assert list(own.index) == [k for k in range(len(data)) if k not in (1, 4)]
    shuffled = data.sample(frac=1.0, random_state=1)
    again = fit.predict(shuffled)
    assert again.index.equals(shuffled.index)
    np.testing.assert_allclose(again.estimate.loc[own.index], own.estimate)
    fixed = ilk.fixed("y ~ x", data, groups="g", family="binomial")
    gee = ilk.gee("y ~ x", data, groups="g", family="binomial")
    for other in (fixed, gee):
        assert other.predict().index.equals(own.index)
        assert other.predict(shuffled.tail(9)).index.equals(shuffled.tail(9).index)


def test_means_that_the_data_do_not_determine_are_nan():
    data = data_of("binary").assign(twice=lambda d: 2 * d.x + 1)
    fit = ilk.fit("y ~ x + twice + (1 | g)", data, family="binomial")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        own = fit.predict(data, interval="confidence")
    assert own.notna().all(axis=None)
    rows = data.head(3).assign(twice=[9.0, *data.twice[1:3]])
    with pytest.warns(IdentificationWarning, match="1 of 3 means are not estimable .* twice was"):
        broken = fit.predict(rows, interval="confidence")
    assert broken.estimate.isna().tolist() == [True, False, False]
    assert broken.conf_low.isna().tolist() == [True, False, False]
    np.testing.assert_allclose(broken.estimate[1:], own.estimate[1:3])
    with pytest.warns(IdentificationWarning, match="of 480 means"):
        scenarios = fit.counterfactuals({"x": [0.0, 1.0]})
    assert scenarios.estimate.isna().all()
    slope = fit.standardize("x", measures="slope")
    assert np.isnan(slope.frame.estimate[0])
    assert slope.notes[0].startswith("Not estimable: with x (moved)")


def test_tables_come_in_the_flavor_of_the_data():
    fit = ilk.fit("y ~ x + (1 | g)", pl.from_pandas(data_of("binary")), family="binomial")
    for table in (
        fit.tidy(),
        fit.glance(),
        fit.augment(),
        fit.random_effects(),
        fit.variance_components(),
        fit.conf_int(),
        fit.predict(),
    ):
        assert isinstance(table, pl.DataFrame)


def test_exposure_by_column_and_by_argument():
    rng = np.random.default_rng(4)
    days = rng.uniform(5, 50, 120)
    group = np.repeat(np.arange(12), 10)
    data = pd.DataFrame({"days": days, "g": group})
    data["n"] = rng.poisson(days * np.exp(-1 + 0.4 * rng.normal(size=12)[group]))
    fit = ilk.fit("n ~ 1 + (1 | g)", data, family="poisson", exposure="days")
    rows = pd.DataFrame({"g": [0, 0], "days": [1.0, 10.0]})
    means = fit.predict(rows).estimate
    assert means[1] == pytest.approx(10 * means[0])
    again = fit.predict(rows[["g"]], exposure=np.array([1.0, 10.0])).estimate
    np.testing.assert_allclose(again, means)
    one = fit.predict(rows[["g"]])  # does not say: one unit, and the answer says so
    np.testing.assert_allclose(one.estimate, means[0])
    assert one.per.tolist() == [1.0, 1.0]
    assert set(one.unit) == {"days"}
    identity = ilk.fit("n ~ 1 + (1 | g)", data, exposure="days")
    with pytest.raises(DataError, match="days"):  # not proportional: no rate
        identity.predict(rows[["g"]])


def test_precision_of_a_modeled_dispersion():
    data = data_of("weighted")
    fit = ilk.fit("y ~ x + (1 | g)", data, dispersion="~ x", precision_weights="w")
    one = fit.predict(data.assign(w=1.0).head(3), interval="prediction")
    four = fit.predict(data.assign(w=4.0).head(3), interval="prediction")
    assert (four.conf_high < one.conf_high).all()


def test_refit():
    fit = fit_of("gamma")
    y = fit.simulate(1, seed=5)[:, 0]
    other = fit.refit(y)
    direct = ilk.fit(
        "y ~ x + (1 + x | g)", data_of("gamma").assign(y=y), family="gamma", link="log"
    )
    assert other.loglik == pytest.approx(direct.loglik, abs=1e-6)
    np.testing.assert_allclose(other.params, direct.params, rtol=1e-4)
    assert fit.params["x"] != other.params["x"]  # the first fit stands


def test_refit_takes_rows_of_the_data_too():
    data = data_of("gamma").copy()
    data.loc[[3, 7], "x"] = np.nan
    fit = ilk.fit("y ~ x + (1 | g)", data)
    a = fit.refit(data.y.to_numpy() + 1.0)
    b = fit.refit(data.y.dropna().to_numpy()[~data.x.isna()] + 1.0)
    assert a.loglik == b.loglik
    assert a.params["Intercept"] == pytest.approx(fit.params["Intercept"] + 1.0)


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (np.ones(3), "one number for each of the 192 rows"),
        (np.ones((192, 1)), "one number"),
        (["a"] * 192, "must hold numbers"),
        (-np.ones(192), "family 'gamma' takes"),
        (np.full(192, np.nan), "family 'gamma' takes"),
    ],
)
def test_responses_that_cannot_be(response, message):
    with pytest.raises(DataError, match=message):
        fit_of("gamma").refit(response)


def rates():
    rng = np.random.default_rng(4)
    data = pd.DataFrame({"days": rng.uniform(5, 50, 120), "g": np.repeat(np.arange(12), 10)})
    data["n"] = rng.poisson(data.days * np.exp(-1 + 0.4 * rng.normal(size=12)[data.g]))
    return data


@pytest.mark.parametrize("estimand", ["conditional", "typical", "population"])
@pytest.mark.parametrize("by", ["column", "array"])
def test_rates_per_units_of_exposure(estimand, by):
    data = rates()
    exposure = "days" if by == "column" else data.days.to_numpy()
    fit = ilk.fit("n ~ 1 + (1 | g)", data, family="poisson", exposure=exposure)
    own = fit.predict(estimand=estimand, interval="confidence")
    per = fit.predict(estimand=estimand, interval="confidence", per=1000)
    assert list(per.columns) == list(own.columns)
    assert (per.per == 1000).all()
    assert set(per.unit) == {"days" if by == "column" else "exposure"}
    np.testing.assert_allclose(own.per, data.days)
    for name in ("estimate", "std_error", "conf_low", "conf_high"):
        np.testing.assert_allclose(per[name], own[name] / data.days * 1000, rtol=1e-10)
    frame = fit.predict(data[["g"]], estimand=estimand, per=1000)  # needs no exposure
    np.testing.assert_allclose(frame.estimate, per.estimate)
    link = fit.predict(data[["g"]], estimand=estimand, per=1000, scale="link").estimate
    np.testing.assert_allclose(np.exp(link), per.estimate)


def test_rates_that_make_no_sense():
    data = rates()
    fit = ilk.fit("n ~ 1 + (1 | g)", data, family="poisson", exposure="days")
    for per in (0, -5, np.inf, np.nan, "1000", True):
        with pytest.raises(ilk.ModelError, match="give a positive number"):
            fit.predict(data, per=per)
    with pytest.raises(ilk.ModelError, match="give one of them"):
        fit.predict(data, per=1000, exposure="days")
    offset = ilk.fit("n ~ 1 + offset(log(days + 1)) + (1 | g)", data, family="poisson")
    with pytest.raises(ilk.ModelError, match="the fit has no exposure"):
        offset.predict(data, per=1000)


def test_rows_that_all_lack_a_value():
    fit = fit_of("gamma")
    rows = pd.DataFrame({"x": [np.nan, np.nan], "g": ["g0", "g1"]})
    answer = fit.predict(rows, interval="confidence")
    assert len(answer) == 2
    assert answer.estimate.isna().all()


def test_trials_of_new_rows_are_whole_numbers():
    fit = fit_of("cbpp")
    rows = data_of("cbpp").head(2)
    with pytest.raises(DataError, match=r"row 1 has 2\.5"):
        fit.predict(rows, trials=[3, 2.5])
