"""What names say."""

from __future__ import annotations

import pytest

from ilk.lint.words import crossed_name, identifier_name, nested_rank, treatment_name


@pytest.mark.parametrize(
    "name",
    [
        *("id", "ID", "subject", "Subject", "patient_id", "patientID", "PatientNo", "subjid"),
        *("hospital", "schoolid", "site", "clinic_code", "zip_code", "postcode", "farm"),
        *("household", "participant_number", "USUBJID", "ppt", "record_id", "Nest", "gull"),
    ],
)
def test_identifiers(name: str) -> None:
    assert identifier_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *("age", "year", "Days", "count", "patients", "patient_age", "school_size", "n_school"),
        *("beds_in_hospital", "number_of_patients", "x1", "", "class", "grade", "block", "trial"),
        *("mother_age", "distance_to_hospital", "period", "fish", "plant_height", "income"),
        *("valid", "humid", "acid", "grid", "liquid", "raid", "paid", "hybrid", "cost_per_patient"),
    ],
)
def test_no_identifiers(name: str) -> None:
    assert not identifier_name(name)


def test_ranks_of_units() -> None:
    assert nested_rank("pupil") < nested_rank("class") < nested_rank("school_id")
    assert nested_rank("schoolid") == nested_rank("School") < nested_rank("town")
    assert nested_rank("x") is None
    assert nested_rank("") is None


def test_treatments_and_times() -> None:
    assert treatment_name("FoodTreatment")
    assert treatment_name("trt")
    assert not treatment_name("treatment_cost")
    assert not treatment_name("group")
    assert crossed_name("visit_no")
    assert not crossed_name("class")
