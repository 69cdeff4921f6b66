"""Identifiers as numbers, and clusters that are left out."""

from __future__ import annotations

import numpy as np
import pytest
from tests.findings import clustered, codes, found

DATA = clustered()


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ x + school_id + (1 | school)",
        "y ~ x + scale(school_id) + (1 | school)",
        "y ~ x * school_id + (1 | school)",
    ],
)
def test_an_identifier_as_a_number(formula: str) -> None:
    finding = found("identifier-as-number", formula, DATA)
    assert finding.severity == "warning"
    assert finding.terms == ("school_id",)
    assert "C(school_id)" in finding.fix
    grouped = found("identifier-as-number", formula.replace("| school", "| school_id"), DATA)
    assert "grouping factor already" in grouped.fix


def test_an_identifier_as_a_slope() -> None:
    data = DATA.assign(patient=np.arange(len(DATA)) % 7)
    assert "identifier-as-number" in codes("y ~ x + (1 + patient | school)", data)


@pytest.mark.parametrize("term", ["age", "year", "person_days", "events", "C(school_id)"])
def test_amounts_and_factors_are_none(term: str) -> None:
    assert "identifier-as-number" not in codes(f"y ~ x + {term}", DATA)


def test_names_of_amounts_are_none() -> None:
    for name in ("school_size", "patients", "n_school", "age_at_school", "score"):
        data = DATA.rename(columns={"school_id": name})
        assert "identifier-as-number" not in codes(f"y ~ x + {name} + (1 | school)", data)


def test_a_real_number_under_the_name_of_a_unit_is_none() -> None:
    data = DATA.assign(school_id=DATA["school_id"] + 0.5)
    assert "identifier-as-number" not in codes("y ~ x + school_id + (1 | school)", data)


def test_clusters_that_are_left_out() -> None:
    finding = found("ignored-clusters", "y ~ x", DATA[["y", "x", "school"]])
    assert finding.severity == "warning"
    assert "240 rows come from 30 levels of 'school'" in finding.sentence
    assert "(1 | school)" in finding.fix
    assert "fit.cluster_report(group=data['school'])" in finding.fix


def test_all_of_them_are_named_the_finest_first() -> None:
    data = DATA.assign(district=np.repeat(np.arange(6), 40))
    finding = found(
        "ignored-clusters", "died ~ x", data[["died", "x", "district", "school"]], "binomial"
    )
    assert finding.terms == ("school", "district")
    assert "(1 | school) + (1 | district)" in finding.fix


def test_a_second_name_of_the_same_clusters_is_not_named() -> None:
    finding = found("ignored-clusters", "y ~ x", DATA[["y", "x", "school", "school_id"]])
    assert finding.terms == ("school",)


def test_a_few_clusters_are_a_note() -> None:
    data = DATA[["y", "x"]].assign(region=np.repeat([f"r{i}" for i in range(6)], 40))
    assert found("ignored-clusters", "y ~ x", data).severity == "note"
    assert codes("y ~ x", data[data["region"] < "r4"]) == ()


def test_integers_are_identifiers_too() -> None:
    assert codes("y ~ x", DATA[["y", "x", "school_id"]]) == ("ignored-clusters",)


@pytest.mark.parametrize("formula", ["y ~ x + (1 | school)", "y ~ x + school", "y ~ x + C(school)"])
def test_clusters_in_the_model_are_not_left_out(formula: str) -> None:
    assert "ignored-clusters" not in codes(formula, DATA[["y", "x", "school"]])


def test_a_fixed_factor_that_tells_them_apart_is_enough() -> None:
    assert codes("y ~ x + C(school_id)", DATA[["y", "x", "school", "school_id"]]) == ()


def test_an_identifier_of_rows_is_no_cluster() -> None:
    data = DATA[["y", "x"]].assign(id=np.arange(len(DATA)))
    assert codes("y ~ x", data) == ()


def test_a_column_of_another_name_is_no_cluster() -> None:
    assert codes("y ~ x", DATA[["y", "x", "kind", "age", "year"]]) == ()
