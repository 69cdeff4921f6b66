"""Two means compared."""

from __future__ import annotations

import numpy as np
import pytest

import ilk
from ilk.effects import compare_means
from ilk.prediction.new_data import new_cases

ROWS = {
    "policy": [0, 1], "severity": [0.2, 0.2], "month": [12, 12], "patient_days": [1000, 1000],
    "hospital": ["H01", "H01"],
}  # fmt: skip


@pytest.fixture(scope="module")
def poisson() -> ilk.Fit:
    return ilk.fit(
        "infections ~ policy + severity + month + (1 + month | hospital)",
        ilk.datasets.load("hospital_infections"),
        family="poisson",
        exposure="patient_days",
    )


@pytest.mark.parametrize("estimand", ["typical", "population"])
def test_ratio_of_a_log_link_is_the_exponential_of_the_coefficient(poisson, estimand) -> None:
    both = compare_means(poisson.fitted, new_cases(poisson.fitted, ROWS).cases, estimand=estimand)
    b, se = poisson.params["policy"], poisson.std_errors["policy"]
    assert both.ratio == pytest.approx(np.exp(b), rel=1e-10)
    assert both.ratio_low == pytest.approx(np.exp(b - 1.959964 * se), rel=1e-6)
    assert both.ratio_high == pytest.approx(np.exp(b + 1.959964 * se), rel=1e-6)
    assert both.difference == pytest.approx(both.after - both.before)
    assert both.difference_low < both.difference < both.difference_high < 0


def test_means_are_those_of_predict_with_their_errors(poisson) -> None:
    answer = poisson.predict(ROWS, estimand="population", interval="confidence")
    both = compare_means(
        poisson.fitted, new_cases(poisson.fitted, ROWS).cases, estimand="population"
    )
    np.testing.assert_allclose([both.before, both.after], answer.estimate)
    half = (both.difference_high - both.difference_low) / (2 * 1.959964)
    apart = np.hypot(*answer.std_error)
    assert abs(answer.std_error[0] - answer.std_error[1]) < half < apart  # they vary together


def test_attenuation_with_a_logit_link() -> None:
    fit = ilk.fit(
        "clear ~ week + week:treatment + severity + (1 | patient)",
        ilk.datasets.load("eczema_trial"),
        family="binomial",
    )
    rows = {
        "week": [12, 12], "treatment": ["placebo", "active"], "severity": [0.0, 0.0],
        "patient": [1, 1],
    }  # fmt: skip
    cases = new_cases(fit.fitted, rows).cases
    typical = compare_means(fit.fitted, cases, estimand="typical")
    population = compare_means(fit.fitted, cases, estimand="population")
    assert 0 < population.difference < typical.difference


def test_linear_model_answers_both_alike() -> None:
    fit = ilk.fit("score ~ method + prior + (1 | school)", ilk.datasets.load("classroom_scores"))
    rows = {"method": ["usual", "new"], "prior": [50.0, 50.0], "school": ["S01", "S01"]}
    cases = new_cases(fit.fitted, rows).cases
    typical = compare_means(fit.fitted, cases, estimand="typical")
    population = compare_means(fit.fitted, cases, estimand="population")
    assert typical.difference == pytest.approx(population.difference)
    (name,) = [name for name in fit.params if name.startswith("method")]
    assert abs(typical.difference) == pytest.approx(abs(fit.params[name]))
    half = 0.5 * (typical.difference_high - typical.difference_low)
    assert half == pytest.approx(1.959964 * fit.std_errors[name], rel=1e-5)
