"""Rates in words, and coefficients as rate ratios."""

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.show.rates import power_of_ten, unit_words


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(12), 10)
    frame = pd.DataFrame({"g": g, "x": rng.normal(size=120), "days": rng.uniform(20, 400, 120)})
    frame["n"] = rng.poisson(
        0.01 * frame.days * np.exp(0.4 * frame.x + 0.3 * rng.normal(size=12)[g])
    )
    return frame


@pytest.fixture(scope="module")
def fit(data):
    return ilk.fit("n ~ x + (1 | g)", data, family="poisson", exposure="days")


@pytest.mark.parametrize(
    ("name", "per", "words"),
    [
        ("patient_days", 1.0, "patient_day"),
        ("opportunities", 1, "opportunity"),
        ("population", 1.0, "unit of population"),
        ("N", 1.0, "unit of N"),
        ("bus", 1.0, "unit of bus"),
        (None, 1.0, "unit of exposure"),
        (None, 1000.0, "1,000 units of exposure"),
        ("exposure", 100, "100 units of exposure"),
        ("patient_days", 1e6, "1,000,000 patient_days"),
        ("days", 30.4, "30.4 days"),
    ],
)
def test_units(name, per, words):
    assert unit_words(name, per) == words


def test_power_of_ten():
    assert [power_of_ten(rate) for rate in (0.0026, 0.1, 0.99, 1.0, 7.0, 0.0)] == [
        *(1000.0, 10.0, 10.0, 1.0, 1.0, 1.0)
    ]


def table_of(summary):
    return next(table for table in summary.tables if table.title.startswith("Rate"))


def test_ratios_are_exponentials_of_the_coefficients(fit):
    table = table_of(fit.summary())
    assert table.title == "Rate ratios (n per day)"
    ((name, *cells),) = table.rows
    row = fit.tidy().set_index("term").loc["x"]
    expected = np.exp(row[["estimate", "conf_low", "conf_high"]].astype(float))
    assert name == "x"
    np.testing.assert_allclose([float(cell) for cell in cells], expected, atol=5e-4)
    assert table.header[2] == "95% interval"
    assert "Conditional: within a cluster" in table.notes[0]


def test_the_intercept_is_a_rate_per_a_power_of_ten(fit):
    (note,) = [n for n in table_of(fit.summary()).notes if n.startswith("Intercept")]
    rate = fit.means((), at={"x": 0.0}, per=1000).frame.iloc[0]
    assert f"{rate.estimate:.3f}"[:4] in note
    assert "per 1,000 days (" in note
    assert f"({rate.conf_low:.3f}"[:5] in note
    assert "random effects zero" in note


def test_level_and_covariance_matrix_are_those_of_the_summary(fit):
    table = table_of(fit.summary(level=0.9, cov="CR2"))
    low = float(table.rows[0][2])
    row = fit.tidy(level=0.9, cov="CR2").set_index("term").loc["x"]
    assert low == pytest.approx(np.exp(row.conf_low), abs=5e-3)
    assert table.header[2] == "90% interval"


def test_no_rates_without_exposure_or_with_another_link(data):
    for options in (
        {"family": "poisson"},
        {"exposure": "days"},
        {"family": "gaussian", "exposure": "days"},
    ):
        fit = ilk.fit("n ~ x + (1 | g)", data, **options)
        assert "Rate" not in fit.summary().text.replace("Rates are", "")
    linear = ilk.fit("n ~ x + (1 | g)", data, exposure="days")
    assert "mean of n where days is 1" in linear.means(()).text.replace("\n  ", " ")


def test_without_covariates_there_is_a_rate_and_no_ratio(data):
    table = table_of(ilk.fit("n ~ 1", data, family="poisson", exposure="days").summary())
    assert table.title.startswith("Rate (")
    ((label, rate, low, high),) = table.rows
    assert label == "per 100 days"
    assert float(rate) == pytest.approx(100 * data.n.sum() / data.days.sum(), abs=1e-3)
    assert float(low) < float(rate) < float(high)


def test_zero_inflated_counts_have_ratios_of_the_counts_proper(data):
    fit = ilk.fit("n ~ x", data, family="poisson", exposure="days", zero_inflation="~ 1")
    assert "of the counts proper" in table_of(fit.summary()).title


def test_marginal_models_have_ratios_of_the_population(data):
    fit = ilk.gee("n ~ x", data, groups="g", family="poisson", exposure="days")
    table = table_of(fit.summary())
    assert "Population" in table.notes[0]
    assert float(table.rows[0][1]) == pytest.approx(np.exp(fit.params["x"]), abs=5e-4)
    assert "random effects" not in table.notes[1]


def test_an_infinite_estimate_has_no_ratio(data):
    empty = data.assign(a=np.where(data.g < 2, "none", "some"), n=np.where(data.g < 2, 0, data.n))
    with pytest.warns(ilk.IlkWarning):
        fit = ilk.fit("n ~ a", empty, family="poisson", exposure="days")
    rows = {row[0]: row[1:] for row in table_of(fit.summary()).rows}
    (cells,) = rows.values()
    assert cells == ("-", "-", "-")


def test_html_has_the_table(fit):
    assert "Rate ratios" in fit.summary().html
