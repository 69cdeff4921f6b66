"""Treatments of whole clusters, and treatments within clusters."""

from __future__ import annotations

import pytest
from tests.findings import clustered, codes, found

DATA = clustered()


def test_a_treatment_of_few_clusters() -> None:
    finding = found("cluster-level-treatment", "y ~ arm + x + (1 | school)", DATA)
    assert finding.severity == "note"
    assert "15 and 15 levels, not on 240 rows" in finding.sentence
    assert "CR2" in finding.fix


def test_a_treatment_of_many_clusters_is_fine() -> None:
    assert codes("y ~ arm + x + (1 | school)", clustered(groups=60)) == ()


def test_other_properties_of_clusters_are_fine() -> None:
    data = DATA.rename(columns={"arm": "urban"})
    assert codes("y ~ urban + x + (1 | school)", data) == ()


def test_the_largest_clusters_that_it_is_constant_in_count() -> None:
    data = DATA.assign(room=DATA["school"] + DATA["died"].astype(str))
    finding = found("cluster-level-treatment", "y ~ arm + (1 | school/room)", data)
    assert finding.terms == ("arm", "school")


@pytest.mark.parametrize("term", ["treatment", "C(treatment)", "treatment * x"])
def test_a_treatment_within_clusters_without_a_slope(term: str) -> None:
    finding = found("within-treatment-without-slope", f"y ~ {term} + (1 | school)", DATA)
    assert finding.severity == "note"
    assert finding.fix == "Compare with (1 + treatment | school)."


def test_the_slope_is_put_beside_those_that_are_there() -> None:
    formula = "y ~ treatment + x + (1 + x | school)"
    finding = found("within-treatment-without-slope", formula, DATA)
    assert finding.fix == "Compare with (1 + x + treatment | school)."


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ treatment + (1 + treatment | school)",
        "y ~ treatment + (1 | school) + (0 + treatment | school)",
        "y ~ treatment + (1 | school/treatment)",
        "y ~ died + (1 | school)",
        "y ~ x + (1 | school)",
    ],
)
def test_with_a_slope_it_is_fine(formula: str) -> None:
    assert codes(formula, DATA) == ()


def test_an_amount_under_the_name_of_a_treatment_is_none() -> None:
    data = DATA.assign(condition=DATA["kind"].map({"a": 1, "b": 2, "c": 3, "d": 4}))
    assert codes("y ~ condition + (1 | school)", data) == ()
    assert codes("y ~ C(condition) + (1 | school)", data) == ("within-treatment-without-slope",)


def test_one_row_per_arm_shows_no_slope() -> None:
    assert (
        codes(
            "y ~ treatment + (1 | school)",
            clustered(groups=60, size=2)[["y", "treatment", "school"]],
        )
        == ()
    )
