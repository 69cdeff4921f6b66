"""Separation in the verdict: its words, the coefficients concerned, and those that stand."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.errors import FitError
from ilk.estimation.separated import without_modes
from ilk.fitted import Status


def fitted(*arguments: Any, **options: Any) -> ilk.Fit:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ilk.IlkWarning)
        return ilk.fit(*arguments, **options)


def codes(fit: ilk.Fit) -> set[str]:
    return {reason.code for reason in fit.verdict.reasons}


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    n = 240
    x = rng.normal(size=n)
    g = np.repeat(np.arange(24), 10)
    arm = np.tile(list("abc"), 80)
    y = (rng.random(n) < 1 / (1 + np.exp(-x - rng.normal(size=24)[g]))).astype(int)
    y[arm == "c"] = 0
    return pd.DataFrame({"x": x, "g": g, "arm": arm, "y": y})


def test_coefficients_that_stand_are_those_of_the_other_rows(data: pd.DataFrame) -> None:
    """In the limit the separated rows say nothing: estimates and errors are those without them."""
    fit = fitted("y ~ x + arm + (1 | g)", data, family="binomial")
    rest = ilk.fit("y ~ x + arm + (1 | g)", data[data["arm"] != "c"], family="binomial")
    for name in ("Intercept", "x", "arm[T.b]"):
        assert fit.params[name] == pytest.approx(rest.params[name], abs=1e-3)
        assert fit.std_errors[name] == pytest.approx(rest.std_errors[name], rel=1e-3)
    assert np.isnan(fit.std_errors["arm[T.c]"])
    (row,) = (r for r in fit.tidy().itertuples() if r.term == "arm[T.c]")
    assert np.isnan(row.p_value)
    assert np.isnan(row.std_error)
    (reason,) = (r for r in fit.verdict.reasons if r.code == "separation")
    assert reason.terms == ("arm[T.c]",)
    assert "80 rows" in reason.message
    assert "the other coefficients stand" in reason.message
    assert "firth" in reason.advice


def test_it_is_found_however_far_the_search_went(data: pd.DataFrame) -> None:
    """A search that stops after one step says so, and that the data are separated."""
    fit = fitted("y ~ x + arm + (1 | g)", data, family="binomial", search=ilk.Search(max_steps=1))
    assert {"separation", "not_converged"} <= codes(fit)
    assert fit.verdict.status is Status.SEPARATED


def test_nothing_stands_after_complete_separation(data: pd.DataFrame) -> None:
    data = data.assign(y=(data["x"] > 0.3).astype(int))
    with pytest.warns(ilk.IlkWarning, match="no coefficient has a finite estimate"):
        fit = ilk.fit("y ~ x + arm + (1 | g)", data, family="binomial")
    assert np.all(np.isnan(np.asarray(fit.std_errors)))


def test_predictions_of_rows_that_stand_have_intervals(data: pd.DataFrame) -> None:
    fit = fitted("y ~ x + arm + (1 | g)", data, family="binomial")
    rest = ilk.fit("y ~ x + arm + (1 | g)", data[data["arm"] != "c"], family="binomial")
    new = pd.DataFrame({"x": [0.5, 0.5], "arm": ["a", "c"], "g": [1, 1]})
    said = fit.predict(new, estimand="typical", interval="confidence")
    wanted = rest.predict(new.head(1), estimand="typical", interval="confidence")
    assert said["conf_low"][0] == pytest.approx(wanted["conf_low"][0], abs=1e-3)
    assert said["conf_high"][1] - said["conf_low"][1] > 0.99  # nothing is known


def test_zeros_that_a_column_predicts(data: pd.DataFrame) -> None:
    """The inflation's coefficients are separated, those of the counts are not."""
    rng = np.random.default_rng(4)
    counts = np.where(data["x"] > 0.5, 0, rng.poisson(1.5, len(data)) + 1)
    fit = fitted("k ~ 1 + (1 | g)", data.assign(k=counts), family="poisson", zero_inflation="~ x")
    assert "separated_inflation" in codes(fit)
    assert np.isnan(fit.std_errors["zero_inflation", "x"])
    assert np.isfinite(fit.std_errors["mean", "Intercept"])


def test_levels_without_zeros_are_a_limit_of_the_inflation(data: pd.DataFrame) -> None:
    """An inflation that vanishes for some rows is on the boundary, not separated."""
    rng = np.random.default_rng(5)
    counts = np.where(rng.random(len(data)) < 0.4, 0, rng.poisson(3.0, len(data)))
    counts = np.where(data["arm"] == "c", np.maximum(counts, 1), counts)
    fit = fitted("k ~ 1 + (1 | g)", data.assign(k=counts), family="poisson", zero_inflation="~ arm")
    assert not codes(fit) & {"separation", "separated_inflation"}


def test_one_outcome_per_group(data: pd.DataFrame) -> None:
    fit = fitted("y ~ x + (1 | g)", data.assign(y=data["g"] % 2), family="binomial")
    assert "homogeneous_groups" in codes(fit)
    assert fit.verdict.status is Status.SEPARATED


def test_thresholds_that_differ_between_groups() -> None:
    """Within groups x predicts every outcome; the slope runs away with the groups' variance."""
    rng = np.random.default_rng(6)
    g = np.repeat(np.arange(30), 8)
    x = rng.normal(size=240)
    y = (x > 3.0 * rng.normal(size=30)[g] * 0.2).astype(int)
    fit = fitted("y ~ x + (1 | g)", pd.DataFrame({"g": g, "x": x, "y": y}), family="binomial")
    assert fit.verdict.status is Status.SEPARATED
    (reason,) = (r for r in fit.verdict.reasons if r.code == "separated_within")
    assert reason.terms == ("g", "x")
    assert np.isnan(fit.std_errors["x"])


def test_a_likelihood_that_cannot_be_evaluated_is_explained(data: pd.DataFrame) -> None:
    """If a search has nothing to show for it, separation is said in place of starting values."""
    from ilk.estimation.run import _refuse

    fit = fitted("y ~ x + arm + (1 | g)", data, family="binomial")
    with pytest.raises(ilk.FitError, match=r"arm\[T.c\] predict") as caught:
        _refuse(fit.fitted.marginal)
    assert caught.value.code == "separated"


def test_one_outcome_in_all_rows(data: pd.DataFrame) -> None:
    for value in (0, 1):
        fit = fitted("y ~ x + (1 | g)", data.assign(y=value), family="binomial")
        (reason,) = (r for r in fit.verdict.reasons if r.code == "separation")
        assert "the same in all rows" in reason.message
        assert reason.terms == ("Intercept", "x")


def test_a_constant_outcome_is_not_said_of_every_level_again() -> None:
    data = pd.DataFrame({"y": 0, "g": np.repeat(range(10), 4), "x": np.arange(40.0)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ilk.IlkWarning)
        verdict = ilk.fit("y ~ x + (1 | g)", data, "binomial").verdict
    errors = [reason for reason in verdict.reasons if reason.severity == "error"]
    assert [reason.code for reason in errors] == ["separation"]
    assert "the same in all rows" in errors[0].message
    assert "standard errors, infinite ones aside." in str(verdict)


def test_a_search_that_ends_without_modes_names_the_separation():
    x = np.linspace(-1.0, 1.0, 40)
    fit = fitted("y ~ x", {"y": x > 0.0, "x": x}, family="binomial")
    error = without_modes(fit.fitted.marginal, FitError("No modes.", code="no-mode"))
    assert error.code == "separation"
    assert "x separates the response" in error.message


def test_only_missing_modes_are_explained():
    fit = ilk.fit("y ~ x", {"y": [0, 1, 0, 1, 1, 0], "x": [1, 2, 3, 4, 5, 6]}, family="binomial")
    for code in ("no-mode", "fit"):
        error = FitError("It failed.", code=code)
        assert without_modes(fit.fitted.marginal, error) is error


@pytest.mark.parametrize(
    ("family", "options", "advice"),
    [
        ("poisson", {}, "penalty='firth'."),
        ("poisson", {"reml": True}, "penalty='firth' and reml=False."),
        ("negative_binomial_2", {}, "penalty='log_f'."),
    ],
)
def test_the_penalty_that_is_advised_can_be_had(family, options, advice):
    rng = np.random.default_rng(0)
    g, z = np.repeat(np.arange(8), 10), np.tile(np.arange(10) < 3, 8).astype(float)
    y = np.where(z == 1.0, 0, rng.negative_binomial(2, 0.4, 80))
    data = {"y": y, "z": z, "g": g}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = ilk.fit("y ~ z + (1 | g)", data, family, **options)
        (reason,) = [r for r in fit.verdict.reasons if r.code == "separation"]
        assert reason.advice.endswith(advice)
        penalty = "firth" if "firth" in advice else "log_f"
        assert np.isfinite(ilk.fit("y ~ z + (1 | g)", data, family, penalty=penalty).params["z"])
