"""``offset(log(x))`` and ``exposure="x"`` are one thing; other offsets are offsets."""

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.design.exposure import exposure_argument, logged_column, without_exposure
from ilk.errors import ModelError
from ilk.formula import parse
from ilk.formula.rewrite import formula_text

FORMULA = "n ~ x + (1 | g)"


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(11)
    g = np.repeat(np.arange(15), 12)
    frame = pd.DataFrame({"g": g, "x": rng.normal(size=180), "w": rng.uniform(0.5, 2.0, 180)})
    frame["days"] = rng.lognormal(2.0, 0.6, 180)
    frame["n"] = rng.poisson(
        0.5 * frame.days * np.exp(0.3 * frame.x + 0.5 * rng.normal(size=15)[g])
    )
    return frame


@pytest.fixture(scope="module")
def pair(data):
    return (
        ilk.fit(FORMULA, data, family="poisson", exposure="days"),
        ilk.fit(f"{FORMULA} + offset(log(days))", data, family="poisson"),
    )


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("log(days)", "days"),
        ("log(`patient days`)", "patient days"),
        ("log(days + 1)", None),
        ("log(days / 1000)", None),
        ("log1p(days)", None),
        ("days", None),
        ("2 * log(days)", None),
    ],
)
def test_what_is_the_logarithm_of_a_column(text, column):
    (factor,) = parse(f"n ~ x + offset({text})").predictors[0].offsets
    assert logged_column(factor) == column


def test_only_a_single_logarithm_under_the_link_log_is_an_exposure():
    spec = parse("n ~ x + offset(z) + offset(log(days))")
    assert exposure_argument(spec, None, "log") == "days"
    assert exposure_argument(spec, None, "identity") is None
    assert exposure_argument(parse("n ~ offset(log(a)) + offset(log(b))"), None, "log") is None
    assert exposure_argument(parse("n ~ offset(log(a))"), "b", "log") == "b"


def test_both_ways_at_once_are_refused(data):
    for link in ("log", "identity"):
        with pytest.raises(ModelError, match="say the same"):
            exposure_argument(parse("n ~ x + offset(log(days))"), "days", link)
    with pytest.raises(ModelError, match="square of 'days'"):
        ilk.fit("n ~ x + offset(log(days))", data, family="poisson", exposure="days")


def test_the_offset_is_taken_out_once():
    spec = parse("n ~ x + log(days) + offset(z) + offset(log(days)) + (1 | g)")
    found = without_exposure(spec, {"exposure": "days"})
    assert [factor.text for factor in found.predictors[0].offsets] == ["z"]
    assert "days" in found.columns  # a covariate too
    assert without_exposure(spec, {}) is spec
    assert without_exposure(spec, {"exposure": None}) is spec
    assert without_exposure(found, {"exposure": "days"}) is found
    assert formula_text(spec, "mean", ()).endswith("offset(z) + offset(log(days))")


def test_estimates_are_the_same(pair):
    argument, offset = pair
    assert argument.loglik == offset.loglik
    np.testing.assert_array_equal(argument.params, offset.params)
    np.testing.assert_array_equal(argument.cov, offset.cov)


@pytest.mark.parametrize(
    "ask",
    [
        lambda fit, data: fit.predict().drop(columns=[]),
        lambda fit, data: fit.predict(data.head(9), interval="prediction"),
        lambda fit, data: fit.predict(data[["g", "x"]], per=1000, interval="confidence"),
        lambda fit, data: fit.predict(data[["g", "x"]], exposure=data.w),
        lambda fit, data: fit.means((), at={"x": [0.0, 1.0]}, per=100).frame,
        lambda fit, data: fit.slopes("x").frame,
        lambda fit, data: fit.standardize("x", [0, 1], per=10).frame,
        lambda fit, data: fit.standardize("x", [0, 1], data=data.head(40)).frame,
        lambda fit, data: fit.counterfactuals({"x": [0, 1]}),
        lambda fit, data: fit.random_effects(),
        lambda fit, data: fit.against_fixed("g").frame,
        lambda fit, data: fit.augment(),
        lambda fit, data: fit.league_table("g", per=100).frame,
        lambda fit, data: fit.contrasts("x", at={"x": [0.0, 1.0]}, per=100).frame,
        lambda fit, data: fit.exposure_check().frame,
    ],
)
def test_answers_are_the_same(pair, data, ask):
    argument, offset = (ask(fit, data) for fit in pair)
    pd.testing.assert_frame_equal(argument, offset)


def test_words_are_the_same(pair):
    argument, offset = pair
    rows = [
        [line for line in fit.summary().text.splitlines() if "formula" not in line] for fit in pair
    ]
    assert rows[0] == rows[1]
    assert argument.caveats().frame.equals(offset.caveats().frame)


def test_a_frame_without_the_exposure_needs_none(pair):
    for fit in pair:
        found = fit.predict({"x": [0.0]}, estimand="typical")
        assert found.per.tolist() == [1.0]
        np.testing.assert_allclose(found.estimate, np.exp(fit.params["Intercept"]))


def test_exposure_that_is_not_positive(data):
    bad = data.assign(days=data.days.where(data.index != 7, 0.0))
    with pytest.raises(ilk.DataError, match="must be positive: row 7 has 0"):
        ilk.fit(f"{FORMULA} + offset(log(days))", bad, family="poisson")


def test_rows_without_exposure_are_left_out(data):
    gap = data.assign(days=data.days.where(data.index != 7))
    fits = (
        ilk.fit(FORMULA, gap, family="poisson", exposure="days"),
        ilk.fit(f"{FORMULA} + offset(log(days))", gap, family="poisson"),
    )
    assert [fit.nobs for fit in fits] == [179, 179]
    assert fits[0].loglik == fits[1].loglik


def test_other_models_and_files(data, tmp_path):
    gee = [
        ilk.gee("n ~ x", data, groups="g", family="poisson", exposure="days"),
        ilk.gee("n ~ x + offset(log(days))", data, groups="g", family="poisson"),
    ]
    pd.testing.assert_frame_equal(gee[0].predict(per=10), gee[1].predict(per=10))
    within = [
        ilk.fixed("n ~ x", data, groups="g", family="poisson", exposure="days"),
        ilk.fixed("n ~ x + offset(log(days))", data, groups="g", family="poisson"),
    ]
    pd.testing.assert_frame_equal(within[0].predict(), within[1].predict())
    for fit in within:
        rates = fit.predict(per=10)
        np.testing.assert_allclose(rates.estimate, 10 * fit.predict().estimate / data.days)
        np.testing.assert_allclose(fit.predict(data[["g", "x"]]).estimate, rates.estimate / 10)
        assert set(rates.per) == {10.0}
        assert set(rates.unit) == {"days"}
    with pytest.raises(ModelError, match="give one of them"):
        within[0].predict(per=10, exposure="days")
    fit = ilk.fit(f"{FORMULA} + offset(log(days))", data, family="poisson")
    fit.save(tmp_path / "fit.ilk")
    again = ilk.load(tmp_path / "fit.ilk")
    pd.testing.assert_frame_equal(again.predict(per=10), fit.predict(per=10))
    assert again.refit(data.n).loglik == pytest.approx(fit.loglik)


def test_other_links_have_no_rates(data):
    fit = ilk.fit("n ~ x + offset(log(days)) + (1 | g)", data)
    assert fit.fitted.design.exposure is None
    assert "per" not in fit.predict()
