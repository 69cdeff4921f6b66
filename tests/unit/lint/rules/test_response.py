"""Responses that do not suit their family."""

from __future__ import annotations

import numpy as np
import pytest
from tests.findings import clustered, codes, found

import ilk
from ilk.errors import DataError

DATA = clustered()


@pytest.mark.parametrize("family", ["gaussian", "poisson", "binomial", "gamma"])
def test_events_coded_by_one_and_two(family: str) -> None:
    data = DATA.assign(sick=DATA["died"] + 1)[["sick", "x", "school"]]
    finding = found("two-valued-response", "sick ~ x + (1 | school)", data, family)
    assert finding.severity == "warning"
    assert "I(sick == 2)" in finding.fix
    assert codes("I(sick == 2) ~ x + (1 | school)", data, "binomial") == ()


def test_what_a_fit_refuses_is_explained_and_said() -> None:
    data = DATA.assign(sick=DATA["died"] + 1)
    answer = ilk.lint("sick ~ x + (1 | school)", data, "binomial")
    with pytest.raises(DataError) as error:
        ilk.fit("sick ~ x + (1 | school)", data, "binomial")
    assert answer.refusal == error.value.message
    assert "I(sick == 2)" in error.value.message
    assert "ilk.fit refuses this model" in answer.text
    assert "ilk.fit refuses this model" in answer.html
    assert ilk.lint("died ~ x + (1 | school)", data, "binomial").refusal is None
    with pytest.raises(DataError):  # for which nobody has an explanation
        ilk.lint("y ~ x + (1 | school)", data.assign(y=-data["y"]), "gamma")
    with pytest.raises(DataError):
        ilk.lint("sick ~ x", data, "binomial", silence=("two-valued-response",))


def test_zero_and_one_under_another_family_may_be_meant() -> None:
    for family in ("gaussian", "poisson"):
        finding = found("two-valued-response", "died ~ x + (1 | school)", DATA, family)
        assert finding.severity == "note"
        assert "CR2" in finding.fix
    assert codes("died ~ x + (1 | school)", DATA, "binomial") == ()


def test_many_values_are_fine() -> None:
    assert codes("y ~ x + (1 | school)", DATA) == ()


def proportions() -> object:
    rng = np.random.default_rng(5)
    n = rng.integers(3, 30, len(DATA))
    return DATA.assign(tested=n, share=rng.binomial(n, 0.3) / n, other=rng.random(len(DATA)))


@pytest.mark.parametrize("family", ["gaussian", "binomial"])
def test_proportions_of_a_column(family: str) -> None:
    finding = found("proportion-without-trials", "share ~ x + (1 | school)", proportions(), family)
    assert finding.terms == ("share", "tested")
    assert "precision_weights='tested'" in finding.fix


def test_proportions_of_no_column() -> None:
    data = proportions()
    assert codes("other ~ x + (1 | school)", data) == ()
    finding = found("proportion-without-trials", "other ~ x + (1 | school)", data, "binomial")
    assert "beta" in finding.fix
    weighted = {"precision_weights": "tested"}
    assert codes("share ~ x + (1 | school)", data, "binomial", **weighted) == ()


@pytest.mark.parametrize("family", ["beta", "binomial"])
def test_percentages(family: str) -> None:
    data = DATA.assign(percent=np.random.default_rng(1).uniform(1.0, 99.0, len(DATA)))
    finding = found("percentage-response", "percent ~ x + (1 | school)", data, family)
    assert "I(percent / 100)" in finding.fix
    assert codes("I(percent / 100) ~ x + (1 | school)", data, "beta") == ()
    assert codes("percent ~ x + (1 | school)", data) == ()


def test_counts_without_trials() -> None:
    finding = found("percentage-response", "events ~ x", DATA[["events", "x"]], "binomial")
    assert "trials=" in finding.fix


@pytest.mark.parametrize("family", ["poisson", "negative_binomial_2"])
def test_rates_are_no_counts(family: str) -> None:
    data = DATA.assign(rate=DATA["events"] / DATA["person_days"])
    finding = found("not-a-count", "rate ~ x + (1 | school)", data, family)
    assert "exposure=" in finding.fix
    assert "not-a-count" not in codes("events ~ x + (1 | school)", data, family)


def test_counts_under_the_gaussian_family() -> None:
    rng = np.random.default_rng(7)
    data = DATA.assign(
        seen=rng.poisson(rng.gamma(1.0, 1.5, len(DATA))), score=rng.integers(0, 11, len(DATA))
    )
    assert found("count-as-continuous", "seen ~ x + (1 | school)", data).severity == "note"
    for left in ("score", "log1p(seen)", "age", "y"):
        assert codes(f"{left} ~ x + (1 | school)", data) == ()
    assert codes("seen ~ x + (1 | school)", data.drop(columns="person_days"), "poisson") == ()


def test_trials_that_a_column_may_hold_are_named() -> None:
    rng = np.random.default_rng(8)
    data = DATA.assign(tested=rng.integers(5, 30, len(DATA)))
    data["hits"] = rng.binomial(data["tested"], 0.4)
    finding = found("percentage-response", "hits ~ x + (1 | school)", data, "binomial")
    assert finding.terms == ("hits", "tested")
    assert "trials='tested'" in finding.fix
    data = data[["hits", "x", "school", "school_id"]]
    finding = found("percentage-response", "hits ~ x + (1 | school)", data, "binomial")
    assert finding.terms == ("hits",)
