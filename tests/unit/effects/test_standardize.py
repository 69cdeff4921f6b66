"""Standardization against brute force, simulation, reference numbers and closed forms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.stats import norm
from tests.fits import data_of, fit_of
from tests.reference.data import case, table

import ilk
from ilk.effects.standardize import standardize


def at(fitted, psi):
    """The fit at other parameters, modes as they were."""
    covariances = fitted.covariances_at(psi)
    return replace(fitted, estimates=replace(fitted.estimates, psi=psi, covariances=covariances))


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


@pytest.fixture(scope="module")
def trial():
    """A two-armed trial in clinics with a covariate, an interaction and a random slope."""
    rng = np.random.default_rng(7)
    group = np.repeat(np.arange(30), 12)
    frame = pd.DataFrame(
        {
            "arm": rng.choice(["control", "new"], size=360),
            "x": rng.normal(size=360),
            "region": np.where(group % 3 == 0, "north", "south"),
            "w": rng.random(360) + 0.5,
            "clinic": group,
        }
    )
    new = (frame.arm == "new").to_numpy()
    b = rng.normal(size=(30, 2))[group]
    eta = -0.5 + 0.9 * new + 0.6 * frame.x - 0.4 * new * frame.x + b[:, 0] + 0.5 * new * b[:, 1]
    frame["y"] = (rng.random(360) < sigmoid(eta)).astype(int)
    fit = ilk.fit("y ~ arm * x + region + (1 + arm | clinic)", frame, family="binomial")
    return frame, fit


def value(answer, measure, level=None, column="estimate", **where):
    frame = answer.frame
    keep = frame.measure == measure
    if level is not None:
        keep &= frame.level == level
    for name, wanted in where.items():
        keep &= frame[name] == wanted
    (found,) = frame[column][keep]
    return found


def test_means_are_those_of_brute_force(trial):
    frame, fit = trial
    answer = fit.standardize("arm", measures=["difference", "ratio", "odds_ratio", "nnt"])
    fitted = fit.fitted
    names = [name for _, name in fitted.names]
    beta = dict(zip(names, fitted.coef, strict=True))
    (G,) = fitted.estimates.covariances
    means = []
    for new in (0.0, 1.0):
        total = 0.0
        for x, region in zip(frame.x, frame.region, strict=True):
            center = (
                beta["Intercept"] + beta["arm[T.new]"] * new + beta["x"] * x
                + beta["arm[T.new]:x"] * new * x + beta["region[T.south]"] * (region == "south")
            )  # fmt: skip
            z = np.array([1.0, new])
            sd = np.sqrt(z @ G @ z)
            total += quad(
                lambda u, c=center, s=sd: norm.pdf(u) * sigmoid(c + s * u),
                -12, 12, epsabs=1e-14, epsrel=1e-13, limit=200,
            )[0]  # fmt: skip
        means.append(total / len(frame))
    a, r = means[1], means[0]
    assert value(answer, "mean", "control") == pytest.approx(r, rel=1e-10)
    assert value(answer, "mean", "new") == pytest.approx(a, rel=1e-10)
    assert value(answer, "difference") == pytest.approx(a - r, rel=1e-9)
    assert value(answer, "ratio") == pytest.approx(a / r, rel=1e-9)
    assert value(answer, "odds_ratio") == pytest.approx(a / (1 - a) / (r / (1 - r)), rel=1e-9)
    assert value(answer, "nnt") == pytest.approx(1 / (a - r), rel=1e-9)


def test_standard_errors_are_those_of_simulated_parameters(trial):
    """Draws from N(psi, V), standardized one by one."""
    _, fit = trial
    fitted = fit.fitted
    rng = np.random.default_rng(0)
    found = standardize(fitted, "arm", measures=["difference", "ratio"])
    draws = rng.multivariate_normal(fitted.estimates.psi, 0.01 * fitted.psi_covariance(), 400)
    values = []
    for psi in draws:
        means = standardize(at(fitted, psi), "arm", measures=["difference", "ratio"]).estimate
        values.append([*means[:3], np.log(means[3])])
    simulated = 10 * np.std(values, axis=0, ddof=1)
    expected = [*found.std_error[:3], found.std_error[3] / found.estimate[3]]
    np.testing.assert_allclose(simulated, expected, rtol=0.12)


@pytest.mark.parametrize("identifier", ["std-bacteria-trt", "std-owls-poisson"])
def test_reference(identifier):
    """lme4's fits, integrated by R; standard errors by its covariance of all parameters."""
    found = case(identifier)
    data = table(found)
    formula = {
        "std-bacteria-trt": "y ~ trt + late + (1 | ID)",
        "std-owls-poisson": "SiblingNegotiation ~ FoodTreatment * SexParent + "
        "offset(logBroodSize) + (1 | Nest)",
    }[identifier]
    fit = ilk.fit(formula, data, family=found["model"]["family"])
    variable = found["model"]["standardise"]["variable"]
    answer = fit.standardize(variable)
    for row in found["results"]["standardised"]:
        mean = value(answer, "mean", row["value"])
        assert mean == pytest.approx(row["population_averaged"], rel=2e-6)
        error = value(answer, "mean", row["value"], "std_error")
        assert error == pytest.approx(row["se_delta_full"], rel=2e-3)
        typical = value(fit.standardize(variable, estimand="typical"), "mean", row["value"])
        assert typical == pytest.approx(row["at_zero_random_effects"], rel=2e-6)
    for row in found["results"]["contrasts"]:
        level = row["contrast"].split(" - ")[0]
        assert value(answer, "difference", level) == pytest.approx(row["difference"], rel=2e-5)
        assert value(answer, "ratio", level) == pytest.approx(row["ratio"], rel=2e-5)
        error = value(answer, "difference", level, "std_error")
        assert error == pytest.approx(row["se_delta_full"], rel=2e-3)


def test_conditional_is_population_in_a_linear_model():
    data = data_of("sleepstudy").assign(late=lambda d: (d.Days > 4).astype(int))
    fit = ilk.fit("Reaction ~ late + (1 | Subject)", data)
    answers = [
        fit.standardize("late", estimand=e).frame for e in ("conditional", "population", "typical")
    ]
    for other in answers[1:]:
        np.testing.assert_allclose(answers[0].estimate[2], other.estimate[2], rtol=1e-12)
        np.testing.assert_allclose(answers[0].std_error[2], other.std_error[2], rtol=1e-8)
    assert answers[0].estimate[2] == pytest.approx(fit.params["late"], rel=1e-12)
    assert answers[0].std_error[2] == pytest.approx(fit.std_errors["late"], rel=1e-6)


def test_ratios_collapse_with_a_log_link():
    data = data_of("gamma").assign(t=lambda d: (d.x > 0).astype(int))
    fit = ilk.fit("y ~ t + (1 | g)", data, family="gamma", link="log")
    for estimand in ("population", "typical"):
        answer = fit.standardize("t", estimand=estimand)
        assert value(answer, "ratio") == pytest.approx(np.exp(fit.params["t"]), rel=1e-12)
        relative = value(answer, "ratio", column="std_error") / value(answer, "ratio")
        assert relative == pytest.approx(fit.std_errors["t"], rel=1e-8)


def test_effects_are_attenuated_with_a_logit_link(trial):
    _, fit = trial
    population = value(fit.standardize("arm", measures="odds_ratio"), "odds_ratio")
    typical = value(fit.standardize("arm", measures="odds_ratio", estimand="typical"), "odds_ratio")
    assert 1.0 < population < typical


def test_means_that_a_taylor_correction_reverses():
    """Conditional risks of 0.278 and 0.462, a random intercept with standard deviation 2.379.

    A second-order correction says 0.530 and 0.515; the averages are 0.373 and 0.479.  The data
    set is large and its estimates are put where they belong, so that standardize answers.
    """
    eta, sd = np.log(np.array([0.278, 0.462]) / (1 - np.array([0.278, 0.462]))), 2.379
    p = sigmoid(eta)
    taylor = p + 0.5 * sd**2 * p * (1 - p) * (1 - 2 * p)
    np.testing.assert_allclose(taylor, [0.530, 0.515], atol=6e-4)
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(50), 8)
    data = pd.DataFrame({"t": np.tile([0, 1], 200), "g": group})
    data["y"] = (rng.random(400) < sigmoid(eta[data.t] + sd * rng.normal(size=50)[group])) * 1
    fitted = ilk.fit("y ~ t + (1 | g)", data, family="binomial").fitted
    psi = np.array([eta[0], eta[1] - eta[0], sd])
    placed = at(fitted, psi)
    assert np.sqrt(placed.estimates.covariances[0][0, 0]) == pytest.approx(sd)
    means = standardize(placed, "t").estimate[:2]
    np.testing.assert_allclose(means, [0.373, 0.479], atol=5e-4)


def test_subgroups_are_the_same_question_asked_of_each(trial):
    frame, fit = trial
    answer = fit.standardize("arm", by="region")
    for region in ("north", "south"):
        one = fit.standardize("arm", data=frame[frame.region == region])
        for measure in ("difference", "ratio"):
            for column in ("estimate", "std_error", "conf_low", "conf_high", "n"):
                assert value(answer, measure, column=column, region=region) == pytest.approx(
                    value(one, measure, column=column), rel=1e-9
                )
    both = fit.standardize("arm", data=frame, by=["region", "arm"])
    assert len(both.frame) == 4 * 4
    assert "arm (subgroup)" not in both.frame


def test_data_of_the_fit_given_again_change_nothing(trial):
    frame, fit = trial
    for estimand in ("population", "conditional", "typical"):
        a = fit.standardize("arm", estimand=estimand).frame
        b = fit.standardize("arm", estimand=estimand, data=frame).frame
        pd.testing.assert_frame_equal(a, b, rtol=1e-10)
    a = fit.standardize("arm", covariates="sample").frame
    b = fit.standardize("arm", covariates="sample", data=frame).frame
    pd.testing.assert_frame_equal(a, b, rtol=1e-10)


def test_weights_stand_for_rows(trial):
    frame, fit = trial
    times = np.random.default_rng(3).integers(0, 4, len(frame))
    long = frame.loc[np.repeat(frame.index, times)]
    a = fit.standardize("arm", weights=times)
    b = fit.standardize("arm", data=long)
    np.testing.assert_allclose(a.frame.estimate, b.frame.estimate, rtol=1e-10)
    np.testing.assert_allclose(a.frame.std_error, b.frame.std_error, rtol=1e-8)
    assert a.frame.weight[0] == b.frame.n[0] == times.sum()
    named = fit.standardize("arm", data=frame.assign(times=times), weights="times")
    np.testing.assert_allclose(a.frame.estimate, named.frame.estimate, rtol=1e-12)
    assert "weighed by times" in named.text.replace("\n  ", " ")
    assert "Rows are weighed by the weights given." in a.notes


def test_notes_speak_of_the_intervals_that_there_are(trial):
    frame, fit = trial
    both = "Intervals of means are made on the scale of the link, of ratios on the log scale."
    assert fit.standardize("arm").notes[-1].endswith(both)
    means = fit.standardize("arm", measures="difference").notes[-1]
    assert means.endswith("Intervals of means are made on the scale of the link.")
    assert "Intervals" not in fit.standardize("x", measures="slope").notes[-1]
    linear = ilk.fit("x ~ arm + (1 | clinic)", frame)
    assert "Intervals" not in linear.standardize("arm").notes[-1]


def test_frequency_weights_and_trials_count_by_default():
    """Grouped binomial data and the same data one by one have the same answer."""
    rng = np.random.default_rng(8)
    group = np.repeat(np.arange(15), 4)
    grouped = pd.DataFrame({"t": np.tile([0, 1], 30), "g": group, "size": rng.integers(2, 9, 60)})
    p = sigmoid(-0.3 + 0.8 * grouped.t + rng.normal(size=15)[group])
    grouped["events"] = rng.binomial(grouped["size"], p)
    single = grouped.loc[np.repeat(grouped.index, grouped["size"])].copy()
    single["y"] = np.concatenate(
        [[1] * e + [0] * (s - e) for e, s in zip(grouped.events, grouped["size"], strict=True)]
    )
    weighted = single.groupby(["t", "g", "y"], as_index=False).size().rename(columns={"size": "f"})
    fits = [
        ilk.fit("events / size ~ t + (1 | g)", grouped, family="binomial"),
        ilk.fit("y ~ t + (1 | g)", single, family="binomial"),
        ilk.fit("y ~ t + (1 | g)", weighted, family="binomial", frequency_weights="f"),
    ]
    for covariates in ("fixed", "sample"):
        tables = [fit.standardize("t", covariates=covariates).frame for fit in fits]
        for other in tables[1:]:
            np.testing.assert_allclose(tables[0].estimate, other.estimate, rtol=1e-6)
            np.testing.assert_allclose(tables[0].std_error, other.std_error, rtol=1e-5)


def test_rates_are_events_over_exposure():
    data = ilk.datasets.load("hospital_infections")
    fit = ilk.fit(
        "infections ~ policy + severity + (1 | hospital)",
        data,
        family="poisson",
        exposure="patient_days",
    )
    answer = fit.standardize("policy", per=1000)
    expected = []
    for policy in (0, 1):
        mean = fit.predict(data.assign(policy=policy), estimand="population").estimate
        expected.append(1000 * mean.sum() / data.patient_days.sum())
    np.testing.assert_allclose(answer.frame.estimate[:2], expected, rtol=1e-12)
    assert value(answer, "ratio") == pytest.approx(np.exp(fit.params["policy"]))
    assert "rate of infections per 1000 patient_days" in answer.question.replace(",", "")
    own = ilk.fit(
        "infections ~ policy + severity + (1 | hospital)",
        data,
        family="poisson",
        exposure=data.patient_days.to_numpy(),
    )
    np.testing.assert_allclose(
        own.standardize("policy", per=1000).frame.estimate, answer.frame.estimate
    )
    again = own.standardize("policy", per=1000, data=data, exposure="patient_days")
    np.testing.assert_allclose(again.frame.estimate, answer.frame.estimate)


def test_a_step_and_levels_of_a_number(trial):
    frame, fit = trial
    step = fit.standardize("x", step=0.5)
    moved = fit.predict(frame.assign(x=frame.x + 0.5), estimand="population").estimate.mean()
    assert value(step, "mean", "observed + 0.5") == pytest.approx(moved, rel=1e-10)
    assert "lies outside the observed range" in step.text.replace("\n  ", " ")
    levels = fit.standardize("x", [-1, 0, 1], reference=0)
    at = fit.predict(frame.assign(x=-1.0), estimand="population").estimate.mean()
    assert value(levels, "mean", -1) == pytest.approx(at, rel=1e-10)
    assert sorted(levels.frame.level[levels.frame.measure == "difference"]) == [-1, 1]


def test_average_slopes_are_derivatives(trial):
    frame, fit = trial
    for estimand in ("population", "conditional", "typical"):
        answer = fit.standardize("x", measures="slope", estimand=estimand)
        h = 1e-4
        up, down = (
            fit.predict(frame.assign(x=frame.x + s), estimand=estimand).estimate.mean()
            for s in (h, -h)
        )
        assert value(answer, "slope") == pytest.approx((up - down) / (2 * h), rel=1e-6)
    both = fit.standardize("x", [-1.0, 1.0], measures=["slope", "difference"])
    assert list(both.frame.measure) == ["mean", "mean", "difference", "slope", "slope"]


def test_slopes_of_splines_within_and_random_slopes():
    data = data_of("gamma")
    data["within_x"] = data.x
    linear = ilk.fit("y ~ x + (1 + x | g)", data)
    answer = linear.standardize("x", measures="slope")
    assert value(answer, "slope") == pytest.approx(linear.params["x"], rel=1e-8)
    assert value(answer, "slope", column="std_error") == pytest.approx(
        linear.std_errors["x"], rel=1e-6
    )
    parts = ilk.fit("y ~ within(x, g) + between(x, g) + (1 | g)", data)
    answer = parts.standardize("x", measures="slope")
    assert value(answer, "slope") == pytest.approx(parts.params["within(x, g)"], rel=1e-8)
    assert "Means of x by cluster stay" in answer.text
    spline = ilk.fit("y ~ bs(x, df=4) + (1 | g)", data, family="gamma", link="log")
    slope = value(spline.standardize("x", measures="slope"), "slope")
    inside = data[(data.x > data.x.min() + 0.01) & (data.x < data.x.max() - 0.01)]
    assert len(inside) >= len(data) - 4
    h = 1e-4
    up, down = (
        spline.predict(inside.assign(x=inside.x + s), estimand="population").estimate.mean()
        for s in (h, -h)
    )
    there = value(spline.standardize("x", measures="slope", data=inside), "slope")
    assert there == pytest.approx((up - down) / (2 * h), rel=1e-5)
    assert np.isfinite(slope)


def test_conditional_rows_keep_their_own_levels():
    """One effect per row, and nested levels, have their own estimates."""
    data = data_of("ticks")
    fit = ilk.fit("TICKS ~ YEAR + (1 | LOCATION / BROOD) + olre()", data, family="poisson")
    answer = fit.standardize("YEAR", estimand="conditional")
    first = answer.frame.level[0]
    assert np.isfinite(answer.frame.std_error).all()
    rows = (data.YEAR.astype(str) == str(first)).to_numpy()
    fitted = fit.fitted_values[rows].mean()
    one = fit.standardize("YEAR", estimand="conditional", by="YEAR")
    mine = one.frame[(one.frame.measure == "mean") & (one.frame.level == first)]
    mine = mine[mine.YEAR.astype(str) == str(first)]
    assert mine.estimate.iloc[0] == pytest.approx(fitted, rel=1e-10)


def test_covariates_as_a_sample_of_clusters(trial):
    """The variance of the mean of the rows' own means, cluster by cluster."""
    frame, fit = trial
    fixed, sample = (fit.standardize("arm", covariates=c).frame for c in ("fixed", "sample"))
    means = fit.predict(frame.assign(arm="new"), estimand="population").estimate.to_numpy()
    sums = np.bincount(frame.clinic, means - means.mean()) / len(frame)
    extra = 30 / 29 * (sums**2).sum()
    assert sample.std_error[1] ** 2 - fixed.std_error[1] ** 2 == pytest.approx(extra, rel=1e-8)
    assert (sample.std_error >= fixed.std_error).all()


def test_sampled_rows_and_crossed_factors():
    data = data_of("penicillin").assign(t=lambda d: np.arange(len(d)) % 2)
    rows = ilk.fit("diameter ~ t", data)
    assert np.isfinite(rows.standardize("t", covariates="sample").frame.std_error).all()
    crossed = ilk.fit("diameter ~ t + (1 | plate) + (1 | sample)", data)
    fixed, sample = (
        crossed.standardize("t", covariates=c).frame.std_error for c in ("fixed", "sample")
    )
    assert (sample >= fixed - 1e-12).all()


@pytest.mark.parametrize("covariates", ["fixed", "sample"])
def test_bootstrap_agrees_with_the_delta_method(trial, covariates):
    _, fit = trial
    delta = fit.standardize("arm", covariates=covariates).frame
    answer = fit.standardize(
        "arm", covariates=covariates, uncertainty="bootstrap", draws=60, seed=4
    )
    np.testing.assert_array_equal(answer.frame.estimate, delta.estimate)
    np.testing.assert_allclose(answer.frame.std_error, delta.std_error, rtol=0.35)
    again = fit.standardize(
        "arm", covariates=covariates, uncertainty="bootstrap", draws=60, seed=4, n_jobs=2
    )
    pd.testing.assert_frame_equal(again.frame, answer.frame)
    assert "60 refits to resampled levels of clinic" in answer.text.replace("\n  ", " ")


def test_a_loaded_fit_answers_as_the_original_does(trial, tmp_path):
    _, fit = trial
    fit.save(tmp_path / "fit.ilk")
    again = ilk.load(tmp_path / "fit.ilk")
    for options in ({}, {"estimand": "conditional"}, {"covariates": "sample"}):
        pd.testing.assert_frame_equal(
            fit.standardize("arm", **options).frame,
            again.standardize("arm", **options).frame,
            rtol=1e-7,
        )


@pytest.mark.parametrize("flavor", ["polars", "pyarrow", "dict"])
def test_other_frames(trial, flavor):
    frame, fit = trial
    if flavor == "polars":
        pl = pytest.importorskip("polars")
        other = pl.DataFrame({name: frame[name].to_list() for name in frame})
    elif flavor == "pyarrow":
        pa = pytest.importorskip("pyarrow")
        other = pa.table({name: frame[name].to_list() for name in frame})
    else:
        other = {name: frame[name].to_list() for name in frame}
    again = ilk.fit("y ~ arm * x + region + (1 + arm | clinic)", other, family="binomial")
    mine = again.standardize("arm", by="region").columns
    expected = fit.standardize("arm", by="region").columns
    np.testing.assert_allclose(mine["estimate"], expected["estimate"], rtol=1e-6)
    assert mine["region"] == expected["region"]
    assert again.standardize("arm").frame is not None


def test_number_needed_to_treat_across_zero(trial):
    frame, _ = trial
    rng = np.random.default_rng(1)
    none = frame.assign(arm=rng.choice(["control", "new"], size=len(frame)))
    fit = ilk.fit("y ~ arm + x + (1 | clinic)", none, family="binomial")
    answer = fit.standardize("arm", measures=["difference", "nnt"])
    low, high = (value(answer, "difference", column=c) for c in ("conf_low", "conf_high"))
    assert low < 0 < high
    assert np.isnan(value(answer, "nnt", column="conf_low"))
    text = answer.text.replace("\n  ", " ")
    assert f"{1 / high:.4g} and more" in text
    assert f"{1 / low:.4g} and less" in text


def test_zero_inflation_is_in_the_means():
    fit = fit_of("salamanders")
    data = data_of("salamanders")
    answer = fit.standardize("mined")
    for level in answer.frame.level[:2]:
        column = pd.Categorical([level] * len(data), data.mined.cat.categories)
        mean = fit.predict(data.assign(mined=column), estimand="population").estimate.mean()
        assert value(answer, "mean", level) == pytest.approx(mean, rel=1e-10)


def test_missing_rows_of_a_target(trial):
    frame, fit = trial
    holes = frame.copy()
    holes.loc[holes.index[:20], "x"] = np.nan
    answer = fit.standardize("arm", data=holes)
    assert answer.frame.n[0] == len(frame) - 20
    pd.testing.assert_frame_equal(answer.frame, fit.standardize("arm", data=frame.iloc[20:]).frame)
    without = fit.standardize("arm", data=frame.drop(columns="arm"))  # it is set anyway
    np.testing.assert_allclose(without.frame.estimate, fit.standardize("arm").frame.estimate)


def test_what_the_data_hold_no_example_of(trial):
    frame, _ = trial
    gap = frame[(frame.region == "south") | (frame.arm == "control")]
    fit = ilk.fit("y ~ arm + x + region + (1 | clinic)", gap, family="binomial")
    text = fit.standardize("arm").text.replace("\n  ", " ")
    assert "arm = 'new' never occurs where region = 'north'" in text
    full = ilk.fit("y ~ arm * region + x + (1 | clinic)", gap, family="binomial")
    lost = full.standardize("arm", by="region")
    assert "Not estimable" in lost.text
    assert np.isnan(value(lost, "mean", "new", region="north"))
    assert np.isfinite(value(lost, "mean", "new", region="south"))
    assert "never occurs" not in fit.standardize("arm", data=frame[frame.region == "south"]).text


def test_the_picture_and_the_words(trial):
    pytest.importorskip("matplotlib").use("Agg")
    _, fit = trial
    answer = fit.standardize("arm", by="region")
    labels = [text.get_text() for text in answer.plot().get_yticklabels()]
    assert labels[0] == "region north; arm control"
    assert "population of levels of clinic" in answer.question
    assert answer.html.count("<table") == 1
    assert set(answer.frame.estimand) == {"population"}
    slopes = fit.standardize("x", measures="slope").plot()
    assert "per unit" in slopes.get_xlabel()


def test_many_subgroups_and_one_without_weight(trial):
    frame, fit = trial
    clinics = fit.standardize("arm", by="clinic", estimand="conditional")
    assert len(clinics.frame) == 30 * 4
    one = fit.standardize("arm", estimand="conditional", data=frame[frame.clinic == 7])
    mine = clinics.frame[clinics.frame.clinic == 7]
    np.testing.assert_allclose(mine.estimate, one.frame.estimate, rtol=1e-10)
    np.testing.assert_allclose(mine.std_error, one.frame.std_error, rtol=1e-9)
    weights = (frame.region == "south").to_numpy().astype(float)
    empty = fit.standardize("arm", by="region", weights=weights, data=frame)
    assert np.isnan(value(empty, "difference", region="north"))
    south = fit.standardize("arm", by="region")
    for column in ("estimate", "std_error"):
        assert value(empty, "ratio", region="south", column=column) == pytest.approx(
            value(south, "ratio", region="south", column=column), rel=1e-10
        )


def test_a_fit_that_is_not_to_be_trusted_says_so():
    data = pd.DataFrame({"t": np.repeat([0, 1], 40), "g": np.tile(np.arange(10), 8)})
    data["y"] = np.where(data.t == 1, 1, np.arange(80) % 2)
    with pytest.warns(ilk.errors.IdentificationWarning):
        fit = ilk.fit("y ~ t + (1 | g)", data, family="binomial")
    assert "The fit is separated" in fit.standardize("t").text
