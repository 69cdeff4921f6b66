"""Exposures as covariates, unused, and not logged."""

from __future__ import annotations

import numpy as np
import pytest
from tests.findings import clustered, codes, found

DATA = clustered()


@pytest.mark.parametrize("term", ["person_days", "log(person_days)"])
@pytest.mark.parametrize("family", ["poisson", "negative_binomial_2"])
def test_an_exposure_with_a_coefficient_of_its_own(term: str, family: str) -> None:
    finding = found("exposure-as-covariate", f"events ~ x + {term} + (1 | school)", DATA, family)
    assert finding.severity == "warning"
    assert finding.terms[0] == term
    assert "exposure='person_days'" in finding.fix
    assert "fit.exposure_check()" in finding.fix


@pytest.mark.parametrize("term", ["age", "log(age)", "treatment", "scale(x)"])
def test_other_covariates_are_no_exposures(term: str) -> None:
    data = DATA.drop(columns="person_days")
    assert codes(f"events ~ x + {term} + (1 | school)", data, "poisson") in (
        (),
        ("within-treatment-without-slope",),
    )


def test_a_name_that_says_nothing_is_an_exposure_if_counts_are_in_proportion_to_it() -> None:
    data = DATA.rename(columns={"person_days": "v"})
    assert "exposure-as-covariate" in codes("events ~ log(v) + (1 | school)", data, "poisson")
    data["v"] = np.random.default_rng(3).permutation(data["v"])
    assert codes("events ~ log(v) + (1 | school)", data, "poisson") == ()


@pytest.mark.parametrize("name", ["area", "visits", "population"])
def test_a_name_that_may_be_an_exposure_needs_the_counts_to_agree(name: str) -> None:
    data = DATA.rename(columns={"person_days": name})
    for formula, code in (
        (f"events ~ log({name}) + (1 | school)", "exposure-as-covariate"),
        ("events ~ x + (1 | school)", "unused-exposure"),
    ):
        assert codes(formula, data, "poisson") == (code,)
        other = data.assign(**{name: np.random.default_rng(4).permutation(data[name])})
        assert codes(formula, other, "poisson") == ()
        assert codes(formula, other.iloc[:16], "poisson", silence=("few-levels",)) == ()


@pytest.mark.parametrize("name", ["log_person_days", "logDays", "ln_days", "logHerdSize"])
def test_a_column_that_is_a_logarithm(name: str) -> None:
    data = DATA.assign(**{name: np.log(DATA["person_days"])}).drop(columns="person_days")
    finding = found("exposure-as-covariate", f"events ~ x + {name} + (1 | school)", data, "poisson")
    assert f"offset({name})" in finding.fix
    assert codes(f"events ~ x + offset({name}) + (1 | school)", data, "poisson") == ()
    other = data.assign(log_age=np.log(data["age"]), logistics=data["x"])
    formula = "events ~ log_age + logistics + (1 | school)"
    assert codes(formula, other, "poisson") == ()


def test_an_exposure_that_enters_twice_is_a_note() -> None:
    finding = found(
        "exposure-as-covariate",
        "events ~ log(person_days) + (1 | school)",
        DATA,
        "poisson",
        exposure="person_days",
    )
    assert finding.severity == "note"
    assert "twice" in finding.sentence


def test_exposures_are_of_counts_only() -> None:
    assert codes("y ~ log(person_days) + (1 | school)", DATA) == ()


def test_counts_without_their_exposure_are_a_question() -> None:
    finding = found("unused-exposure", "events ~ x + (1 | school)", DATA, "poisson")
    assert finding.severity == "note"
    assert finding.terms == ("person_days",)
    assert "?" in finding.fix


def test_the_clear_one_of_several_is_named() -> None:
    data = DATA.assign(visits=DATA["person_days"] // 7 + 1)
    finding = found("unused-exposure", "events ~ x + (1 | school)", data, "poisson")
    assert finding.terms == ("person_days",)


@pytest.mark.parametrize(
    ("formula", "keywords"),
    [
        ("events ~ x + (1 | school)", {"exposure": "person_days"}),
        ("events ~ x + offset(log(person_days)) + (1 | school)", {}),
        ("events ~ x + (1 | school)", {"exposure": DATA["person_days"].to_numpy()}),
    ],
)
def test_counts_with_their_exposure_are_fine(formula: str, keywords: dict) -> None:
    assert codes(formula, DATA, "poisson", **keywords) == ()


def test_a_column_that_does_not_vary_is_not_missed() -> None:
    assert codes("events ~ x + (1 | school)", DATA.assign(person_days=30), "poisson") == ()


def test_an_offset_that_is_not_logged() -> None:
    data = clustered()
    data["events"] = np.minimum(data["events"], 5)
    for formula, keywords in (
        ("events ~ x + offset(person_days) + (1 | school)", {}),
        ("events ~ x + (1 | school)", {"offset": "person_days"}),
    ):
        finding = found("offset-not-logged", formula, data, "poisson", **keywords)
        assert "offset(log(person_days))" in finding.fix
    data["person_days"] = np.log(data["person_days"])
    assert codes("events ~ x + offset(person_days) + (1 | school)", data, "poisson") == ()
