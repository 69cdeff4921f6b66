"""`ilk.gee` and its fit as users meet them: tables, words, files, all frames, bad input."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import ilk


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    rng = np.random.default_rng(11)
    K, m = 50, 4
    g = np.repeat(np.arange(K), m)
    frame = pd.DataFrame(
        {
            "clinic": [f"c{k:02d}" for k in g],
            "visit": np.tile([0, 3, 6, 12], K),
            "arm": np.where(g % 2, "new", "old"),
            "x": rng.normal(size=K * m),
            "days": rng.uniform(5, 20, K * m),
            "ward": [f"w{w}" for w in np.tile([0, 0, 1, 1], K)],
        }
    )
    level = rng.normal(0, 0.8, K)[g]
    eta = -0.4 + 0.5 * frame.x + 0.6 * (frame.arm == "new") + level
    frame["cured"] = (rng.random(K * m) < 1 / (1 + np.exp(-eta))).astype(int)
    frame["events"] = rng.poisson(np.exp(0.4 * eta - 1) * frame.days)
    frame["score"] = eta + rng.normal(size=K * m)
    return frame


@pytest.fixture(scope="module")
def fit(data: pd.DataFrame) -> ilk.GeeFit:
    return ilk.gee("cured ~ x + arm", data, "clinic", "binomial")


def test_tables_say_population_and_the_kind_of_errors(fit: ilk.GeeFit) -> None:
    table = fit.tidy()
    assert set(table.estimand) == {"population"}
    assert set(table.std_error_kind) == {"robust"}
    assert np.isinf(table.df).all()
    other = fit.tidy(std_errors="mancl_derouen")
    assert set(other.df) == {47.0}
    assert (other.std_error > table.std_error).all()
    assert list(fit.conf_int(std_errors="model").method) == ["wald, model"] * 3
    assert set(fit.predict(interval="confidence").estimand) == {"population"}
    assert set(fit.augment().estimand) == {"population"}
    text = fit.summary().text
    assert "population (means over all clusters)" in text
    assert "robust (sandwich by cluster)" in text
    assert "clinic: 50, of 4 rows" in text
    assert "<table" in fit.summary().html
    assert repr(fit).startswith("<ilk.GeeFit: cured ~ x + arm; binomial, logit; exchangeable; 50")


def test_few_clusters_mean_t_and_advice(data: pd.DataFrame) -> None:
    few = ilk.gee("score ~ x", data[:60], "clinic")
    assert few.clusters == 15
    assert [r.code for r in few.verdict.reasons] == ["few_clusters"]
    assert set(few.tidy().df) == {13.0}
    corrected = ilk.gee("score ~ x", data[:60], "clinic", std_errors="kauermann_carroll")
    assert corrected.verdict.reasons == ()
    assert (corrected.tidy().std_error > few.tidy().std_error).all()


def test_fewer_clusters_than_coefficients_are_an_error_in_the_verdict(data: pd.DataFrame) -> None:
    fit = ilk.gee("score ~ x + days + visit", data[:12], "clinic", covariance="independence")
    (reason,) = fit.verdict.reasons
    assert reason.code == "fewer_clusters_than_coefficients"
    assert np.isnan(fit.tidy().p_value).all()


def test_prediction_is_the_mean_of_the_model(fit: ilk.GeeFit, data: pd.DataFrame) -> None:
    new = {"x": [0.0, 1.0, np.nan], "arm": ["old", "new", "new"]}
    table = fit.predict(new, interval="confidence")
    b, V = fit.params.array, fit.cov.matrix
    rows = np.array([[1.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
    names = fit.params.labels
    rows = rows[:, [("Intercept", "x").index(n) if n in ("Intercept", "x") else 2 for n in names]]
    if "old" in "".join(names):
        rows[:, 2] = 1 - rows[:, 2]
    eta = rows @ b
    mean = 1 / (1 + np.exp(-eta))
    error = np.sqrt(np.einsum("ij,jk,ik->i", rows, V, rows))
    np.testing.assert_allclose(table.estimate[:2], mean, rtol=1e-10)
    np.testing.assert_allclose(table.std_error[:2], error * mean * (1 - mean), rtol=1e-8)
    low = 1 / (1 + np.exp(-(eta - 1.959963984540054 * error)))
    np.testing.assert_allclose(table.conf_low[:2], low, rtol=1e-8)
    assert np.isnan(table.estimate[2])
    np.testing.assert_allclose(fit.predict().estimate, fit.fitted_values)
    np.testing.assert_allclose(fit.predict(data).estimate, fit.fitted_values)
    link = fit.predict(new, scale="link", interval="confidence")
    np.testing.assert_allclose(link.estimate[:2], eta)


def test_exposure_is_remembered(data: pd.DataFrame) -> None:
    fit = ilk.gee("events ~ x + arm", data, "clinic", "poisson", exposure="days")
    doubled = fit.predict(data.assign(days=2 * data.days))
    np.testing.assert_allclose(doubled.estimate, 2 * fit.fitted_values)


@pytest.mark.parametrize(
    "options",
    [
        {"covariance": "ar1"},
        {"covariance": "ar1", "order": "visit"},
        {"covariance": "unstructured", "order": "visit", "std_errors": "morel"},
        {"covariance": "m_dependent", "lags": 2},
        {"covariance": "nested", "subgroups": "ward"},
        {"covariance": 0.5 * np.eye(4) + 0.5, "order": "visit"},
        {"frequency_weights": "n", "covariance": "exchangeable"},
        {"family": "binomial"},
    ],
)
def test_a_loaded_fit_answers_as_the_original(
    data: pd.DataFrame, tmp_path: Path, options: dict[str, Any]
) -> None:
    frame = data.assign(n=1 + (np.arange(len(data)) % 2))
    frame.loc[[5, 17], "x"] = np.nan
    left = "cured" if options.get("family") else "score"
    fit = ilk.gee(f"{left} ~ x * arm", frame, "clinic", **options)
    fit.save(tmp_path / "fit.ilk")
    again = ilk.load(tmp_path / "fit.ilk")
    assert isinstance(again, ilk.GeeFit)
    for other in (again, pickle.loads(pickle.dumps(fit))):
        assert other.summary().text == fit.summary().text
        pd.testing.assert_frame_equal(other.tidy(), fit.tidy())
        pd.testing.assert_frame_equal(other.predict(data), fit.predict(data))
        assert other.working_correlation().text == fit.working_correlation().text
        for kind in ("model", "mancl_derouen", "fay_graubard"):
            assert np.array_equal(other.cov_with(kind).matrix, fit.cov_with(kind).matrix)


def test_a_changed_file_is_refused(fit: ilk.GeeFit) -> None:
    from dataclasses import replace

    from ilk.io.gee import gee_bytes, gee_from_bytes

    solution = replace(fit.fitted.solution, beta=fit.fitted.solution.beta + 0.1)
    with pytest.raises(ilk.DataError, match="are not those that the file states"):
        gee_from_bytes(gee_bytes(replace(fit.fitted, solution=solution)))
    settings = replace(fit.fitted.settings, covariance="ar1")
    model = replace(fit.fitted.model, settings=settings)
    with pytest.raises(ilk.DataError, match="damaged"):
        gee_from_bytes(gee_bytes(replace(fit.fitted, model=model)))


@pytest.mark.parametrize(
    "make", [pl.from_pandas, pa.Table.from_pandas, lambda d: d.to_dict("list")]
)
def test_every_make_of_frame(fit: ilk.GeeFit, data: pd.DataFrame, make: Any) -> None:
    other = ilk.gee("cured ~ x + arm", make(data), "clinic", "binomial")
    np.testing.assert_array_equal(other.params.array, fit.params.array)
    kind = type(other.tidy())
    assert kind is (pd.DataFrame if isinstance(make(data), dict) else type(make(data)))


def test_missing_rows_keep_their_place(data: pd.DataFrame) -> None:
    lost = data.copy()
    lost.loc[lost.visit == 3, "x"] = np.nan
    by_row = ilk.gee("score ~ x", lost, "clinic", covariance="ar1")
    wave = lost.assign(wave=np.tile(np.arange(4), 50))
    by_wave = ilk.gee("score ~ x", wave, "clinic", covariance="ar1", order="wave")
    np.testing.assert_allclose(by_row.params.array, by_wave.params.array, rtol=1e-12)
    assert "rows left out keep their place" in " ".join(by_row.summary().text.split())
    packed = ilk.gee("score ~ x", lost.dropna(), "clinic", covariance="ar1")
    assert abs(packed.params["x"] - by_row.params["x"]) > 1e-6


def test_columns_that_say_the_same_are_left_out(data: pd.DataFrame) -> None:
    fit = ilk.gee("score ~ x + twice", data.assign(twice=2 * data.x), "clinic")
    assert np.isnan(fit.params["twice"])
    assert np.isnan(fit.tidy().estimate).sum() == 1
    assert "Not estimable" in fit.summary().text
    assert fit.predict(data.assign(twice=0.0)).estimate.notna().all()


def test_criteria_compare_structures(data: pd.DataFrame) -> None:
    found = {
        name: float(
            ilk.gee("score ~ x + arm", data, "clinic", covariance=name).qic().frame.cic.iloc[0]
        )
        for name in ("independence", "exchangeable")
    }
    assert len(set(found.values())) == 2
    fit = ilk.gee("score ~ x + arm", data, "clinic")
    one, two = (fit.qic(s).columns["quasi_loglik"][0] for s in (1.0, 2.0))
    assert one == pytest.approx(2 * two)
    with pytest.raises(ilk.ModelError, match="positive number"):
        fit.qic(0.0)


def test_separation_and_no_convergence_warn(data: pd.DataFrame) -> None:
    frame = data.assign(sure=data.cured)
    with pytest.warns(ilk.errors.IdentificationWarning, match="separated by sure"):
        fit = ilk.gee("cured ~ sure", frame, "clinic", "binomial")
    assert not fit.verdict.converged
    assert "separated" in fit.summary().text


def test_an_indefinite_correlation_is_shrunk_and_said() -> None:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"g": np.repeat(np.arange(12), 6), "t": np.tile(np.arange(6), 12)})
    frame["y"] = rng.normal(size=72) + np.repeat(rng.normal(0, 2, 12), 6)
    frame = frame[rng.random(72) < 0.75]
    fit = ilk.gee("y ~ t", frame, "g", covariance="unstructured", order="t")
    codes = [reason.code for reason in fit.verdict.reasons]
    assert fit.verdict.converged
    assert "working_not_positive_definite" in codes
    R = fit.fitted.working.matrix(fit.fitted.alpha)[1]
    assert np.linalg.eigvalsh(R)[0] > 0


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("score ~ x", {"groups": None}, "groups= is missing: name the column"),
    ("score ~ x", {"groups": "clinc"}, r"no column 'clinc' \(groups=\). Did you mean 'clinic'"),
    ("score ~ x", {"groups": 3}, "groups=3: give the name of a column"),
    ("score ~ x", {"groups": "one"}, "single level .* there must be several"),
    ("score ~ x + (1 | clinic)", {}, r"random term \(1 \| clinic\), but generalized estimating"),
    ("score ~ x", {"covariance": "exch"}, "Here it is called 'exchangeable'"),
    ("score ~ x", {"covariance": "exchangable"}, "Did you mean 'exchangeable'"),
    ("score ~ x", {"covariance": np.zeros(3)}, "or a square correlation matrix"),
    ("score ~ x", {"covariance": "ar1", "order": "arm"}, "order= must be numbers; column 'arm'"),
    ("score ~ x", {"covariance": "ar1", "order": "vist"}, "no column 'vist'"),
    ("score ~ x", {"covariance": "ar1", "order": "two"}, "Cluster 'c00' has two rows with two = 1"),
    ("score ~ x", {"covariance": "unstructured", "order": "row"}, "200 values of row, too many"),
    ("score ~ x", {"covariance": "nested"}, "needs subgroups="),
    ("score ~ x", {"covariance": "nested", "subgroups": "wrd"}, r"no column 'wrd' \(subgroups=\)"),
    ("score ~ x", {"covariance": "nested", "subgroups": "row"}, "has a single row"),
    ("score ~ x", {"subgroups": "ward"}, "subgroups= is for covariance='nested'"),
    ("score ~ x", {"lags": 2}, "lags= is for covariance='m_dependent'"),
    ("score ~ x", {"covariance": "m_dependent", "lags": 0}, "whole number of steps from 1"),
    ("score ~ x", {"covariance": "m_dependent", "lags": 4}, "no two rows of a cluster are 4 steps"),
    ("score ~ x", {"std_errors": "mancl_deroven"}, "Did you mean 'mancl_derouen'"),
    ("score ~ x", {"family": "gamma"}, "family 'gamma' takes"),
    ("events ~ x", {"family": "poisson", "trials": "days"}, "trials= is for counts of successes"),
    ("score ~ x", {"frequency_weights": "half"}, "whole numbers here"),
    ("score ~ x", {"covariance": "ar1", "frequency_weights": "three"}, "frequency_weights= repeat"),
    ("score ~ 0", {}, "no columns to estimate"),
    ("exact ~ x", {}, "without residual"),
    ("score ~ x", {"family": "gaussan"}, "Unknown family"),
]


@pytest.mark.parametrize(("formula", "options", "message"), BAD, ids=[case[2] for case in BAD])
def test_bad_input_is_named(
    data: pd.DataFrame, formula: str, options: dict[str, Any], message: str
) -> None:
    frame = data.assign(
        one=1, two=1, row=np.arange(len(data)), half=0.5, three=3, exact=2 * data.x + 1
    )
    with pytest.raises(ilk.IlkError, match=message) as raised:
        ilk.gee(formula, frame, **{"groups": "clinic", **options})
    assert len(str(raised.value)) < 400


def test_zero_inflation_is_refused(data: pd.DataFrame) -> None:
    family = ilk.families.zero_inflated(ilk.families.poisson())
    with pytest.raises(ilk.ModelError, match="model the overall mean"):
        ilk.gee("events ~ x", data, "clinic", family)


def test_questions_without_an_answer_say_why(fit: ilk.GeeFit, data: pd.DataFrame) -> None:
    with pytest.raises(ilk.ModelError, match="no distribution"):
        fit.predict(interval="prediction")
    with pytest.raises(ilk.ModelError, match="std_errors='sandwich'"):
        fit.cov_with("sandwich")  # type: ignore[arg-type]
    frame = data.assign(only=(data.clinic == "c03").astype(float))
    lone = ilk.gee("score ~ x + only", frame, "clinic")
    with pytest.raises(ilk.FitError, match="Cluster 'c03' alone determines a coefficient"):
        lone.cov_with("mancl_derouen")
    assert np.isfinite(lone.cov_with("fay_graubard").matrix).all()


def test_standardized_means_are_averages_of_predictions(data: pd.DataFrame) -> None:
    fit = ilk.gee("events ~ x * arm", data, "clinic", "poisson", exposure="days")
    found = fit.standardize("arm", measures=["difference", "ratio"], per=10.0)
    table = found.frame.set_index(["measure", "level"])
    rates = {}
    gradients = {}
    for arm in ("new", "old"):
        mean = fit.predict(data.assign(arm=arm)).estimate.to_numpy()
        rates[arm] = 10 * mean.sum() / data.days.sum()
        X = np.column_stack(
            [
                {"Intercept": 1.0, "x": data.x}.get(
                    name, (arm in name) * (data.x if "x" in name else 1.0)
                )
                * np.ones(len(data))
                for name in fit.params.labels
            ]
        )
        gradients[arm] = 10 * X.T @ mean / data.days.sum()
        assert table.estimate["mean", arm] == pytest.approx(rates[arm], rel=1e-9)
        error = float(np.sqrt(gradients[arm] @ fit.cov.matrix @ gradients[arm]))
        assert table.std_error["mean", arm] == pytest.approx(error, rel=1e-7)
    difference = found.frame[found.frame.measure == "difference"].iloc[0]
    gap = gradients[difference.level] - gradients[difference.reference]
    assert difference.estimate == pytest.approx(
        rates[difference.level] - rates[difference.reference]
    )
    error = float(np.sqrt(gap @ fit.cov.matrix @ gap))
    assert difference.std_error == pytest.approx(error, rel=1e-7)
    assert set(found.frame.estimand) == {"population"}
    assert "random effects" not in found.text
    assert "robust (sandwich by cluster)" in " ".join(found.text.split())


def test_standardization_of_few_clusters_uses_t(data: pd.DataFrame) -> None:
    fit = ilk.gee("score ~ arm", data[:60], "clinic", std_errors="mancl_derouen")
    found = fit.standardize("arm", level=0.9)
    row = found.frame[found.frame.measure == "difference"].iloc[0]
    own = fit.conf_int(0.9).iloc[1]
    low, high = sorted((row.conf_low, row.conf_high))
    expected = sorted(
        np.sign(row.estimate * own.estimate) * np.array([own.conf_low, own.conf_high])
    )
    np.testing.assert_allclose([low, high], expected, rtol=1e-8)
    assert "90% interval" in found.text
    assert "t with 13 degrees of freedom" in " ".join(found.text.split())


def test_counterfactuals_and_rates(data: pd.DataFrame) -> None:
    fit = ilk.gee("events ~ x + arm", data, "clinic", "poisson", exposure="days")
    table = fit.counterfactuals({"arm": ["old", "new"]}, interval="confidence")
    assert len(table) == 2 * len(data)
    old = fit.predict(data.assign(arm="old"), interval="confidence")
    np.testing.assert_allclose(table.estimate[: len(data)], old.estimate)
    np.testing.assert_allclose(table.conf_low[: len(data)], old.conf_low, rtol=1e-7)
    rates = fit.predict({"x": [0.0], "arm": ["old"]}, per=100)
    assert rates.estimate[0] == pytest.approx(
        100
        * np.exp(
            fit.predict({"x": [0.0], "arm": ["old"]}, scale="link", exposure=[1.0]).estimate[0]
        )
    )
    np.testing.assert_allclose(
        fit.predict(per=1.0).estimate, fit.fitted_values / data.days.to_numpy()
    )
    with pytest.raises(ilk.ModelError, match="no distribution"):
        fit.counterfactuals({"arm": ["old"]}, interval="prediction")
    with pytest.raises(ilk.ModelError, match="the fit has no exposure"):
        ilk.gee("score ~ x", data, "clinic").predict(per=10)


def test_weights_of_proportions_are_their_trials(data: pd.DataFrame) -> None:
    """Precision weights of a proportion are its trials, and the summary says so."""
    frame = data.assign(n=3, share=data.cured * 2 / 3, both=data.cured * 2)
    weighted = ilk.gee("share ~ x", frame, "clinic", "binomial", precision_weights="n")
    trials = ilk.gee("both ~ x", frame, "clinic", "binomial", trials="n")
    np.testing.assert_allclose(weighted.params.array, trials.params.array, rtol=1e-9)
    assert "trials      n" in weighted.summary().text
