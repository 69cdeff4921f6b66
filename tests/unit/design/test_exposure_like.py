"""Columns that look like an exposure, and columns that must not."""

import numpy as np
import pytest

import ilk
from ilk.design.exposure_like import exposure_like, exposure_name, log_coefficient

CLEAR = (
    *("exposure", "Exposure", "person_time", "PersonTime", "personYears", "person.years"),
    *("time_at_risk", "at risk", "follow-up", "followUpDays", "FU", "patient_days", "bed_days"),
    *("opportunities", "n_opportunities", "effort", "sampling_effort", "trap_nights"),
)
POSSIBLE = ("days", "hours", "minutes", "n", "N", "trials", "population", "pop", "area", "births")
OTHER = (
    *("age", "age_days", "year", "month", "day", "income", "id", "patient_id", "score"),
    *("population_density", "days_since_admission", "years_of_education", "log_exposure"),
)


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.mark.parametrize("name", CLEAR)
def test_clear_names(name):
    assert exposure_name(name) == "clear"


@pytest.mark.parametrize("name", POSSIBLE)
def test_names_that_could_be_one(name):
    assert exposure_name(name) == "possible"


@pytest.mark.parametrize("name", OTHER)
def test_names_of_other_things(name):
    assert exposure_name(name) == "other"


@pytest.mark.parametrize("name", OTHER)
def test_other_things_are_none_even_if_counts_follow_them(name, rng):
    x = rng.uniform(10.0, 300.0, 400)
    assert exposure_like(name, x, rng.poisson(0.1 * x)) is None


def test_a_possible_name_is_contradicted_by_the_data(rng):
    hours = rng.uniform(1.0, 50.0, 500)
    unrelated = rng.poisson(4.0, 500)
    assert exposure_like("hours", hours).by_name
    assert exposure_like("hours", hours, unrelated) is None
    found = exposure_like("hours", hours, rng.poisson(0.4 * hours))
    assert found.by_name
    assert found.by_behavior
    assert "in proportion" in found.words


def test_a_clear_name_is_enough(rng):
    found = exposure_like("patient_days", rng.uniform(1.0, 50.0, 500), rng.poisson(4.0, 500))
    assert found.by_name
    assert not found.by_behavior


def test_behavior_without_a_name(rng):
    x = rng.lognormal(3.0, 0.7, 600)
    y = rng.negative_binomial(3.0, 3.0 / (3.0 + 0.2 * x))
    found = exposure_like("v17", x, y)
    assert found.by_behavior
    assert not found.by_name
    assert abs(found.coefficient - 1.0) < 3.0 * found.std_error
    assert exposure_like("v17", x, rng.poisson(0.5 * np.sqrt(x))) is None
    assert exposure_like("v17", x, rng.poisson(3.0, 600)) is None
    assert exposure_like("v17", -x, y) is None


def test_an_index_of_rows_is_no_exposure(rng):
    x = np.arange(1.0, 201.0)
    assert exposure_like("v17", x, rng.poisson(0.1 * x)) is None


@pytest.mark.parametrize("name", ["exposure", "v17"])
def test_zeros_and_constants_are_no_exposure(name):
    assert exposure_like(name, np.zeros(30), np.ones(30)) is None
    assert exposure_like(name, np.full(30, 12.0), np.ones(30)) is None


def test_columns_of_the_data_sets():
    found = {}
    for data, count in (("hospital_infections", "infections"), ("pond_newts", "newts")):
        frame = ilk.datasets.load(data)
        numeric = [c for c in frame if c != count and frame[c].dtype.kind in "fi"]
        found[data] = {
            c for c in numeric if exposure_like(c, frame[c].to_numpy(), frame[count].to_numpy())
        }
    # the beds are filled alike everywhere: they stand for the patient days
    assert found == {"hospital_infections": {"beds", "patient_days"}, "pond_newts": {"minutes"}}


def test_log_coefficient_is_that_of_a_fit(rng):
    x = rng.lognormal(2.0, 0.6, 80)
    y = rng.poisson(0.5 * x**1.2)
    b, error = log_coefficient(x, y)
    fit = ilk.fit("y ~ log(x)", {"x": x, "y": y}, family="poisson")
    pearson = np.sum(fit.residuals("pearson") ** 2) / 78.0
    assert b == pytest.approx(fit.params["log(x)"], abs=1e-7)
    assert error == pytest.approx(fit.std_errors["log(x)"] * np.sqrt(pearson), rel=1e-6)


def test_too_little_says_nothing(rng):
    assert np.isnan(log_coefficient(np.arange(1.0, 6.0), np.arange(5.0))).all()
    assert np.isnan(log_coefficient(rng.uniform(10, 10.5, 100), rng.poisson(3, 100))).all()
    assert np.isnan(log_coefficient(rng.uniform(1, 9, 100), np.zeros(100))).all()
