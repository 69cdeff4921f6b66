"""A response that a family cannot have produced: the column, the first such row, what would do.

Every family of the registry, and wrapped ones, get every kind of wrong number and wrong type.
What is wrong follows from what the family takes (tests/families.py); a refusal has to name a
family that takes the number, which is tried.
"""

from __future__ import annotations

import math
import re
import warnings

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.family import FAMILIES, make_family
from tests.families import RESPONSES, row_of

GOOD: dict[str, list[float]] = {
    "real": [-1.0, 0.0, 2.5, 1.0],
    "positive": [0.5, 1.0, 2.0, 3.0],
    "zero or positive": [0.0, 1.0, 2.0, 0.5],
    "count": [0.0, 1.0, 2.0, 5.0],
    "count from one": [1.0, 2.0, 1.0, 5.0],
    "successes": [0.0, 1.0, 1.0, 0.0],
    "share": [0.2, 0.5, 0.7, 0.3],
    "share with ends": [0.0, 1.0, 0.5, 0.7],
    "category": [0.0, 1.0, 2.0, 3.0],
}
NUMBERS = (-1.0, 0.0, 0.5, 1.0, 2.0, 2.5)
WRAPPED = {
    "truncated_poisson": "count from one",
    "truncated_negative_binomial_2": "count from one",
    "hurdle_poisson": "count",
    "hurdle_gamma": "zero or positive",
}
KINDS = {name: row_of(name).response for name in FAMILIES} | WRAPPED
NUMERIC = [name for name, kind in KINDS.items() if kind != "category"]
CATEGORICAL = [name for name in KINDS if name not in NUMERIC]
BAD_ROW = 5


def takes(kind: str, y: float) -> bool:
    """Whether a number may be a response."""
    if kind == "count from one":
        return y != 0.0 and RESPONSES["count"][0](y)
    return RESPONSES[kind][0](y)


def column(kind: str, y: float | None = None) -> np.ndarray:
    """24 possible responses, of which one is replaced."""
    out = np.array(GOOD[kind] * 6)
    if y is not None:
        out[BAD_ROW] = y
    return out


def fit(name: str, y: object) -> ilk.Fit:
    """Fit a model without covariates."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ilk.errors.IlkWarning)
        return ilk.fit("size ~ 1", pd.DataFrame({"size": y}), family=name)


def refusal(name: str, y: object) -> str:
    """Message of the error that a response is refused with."""
    with pytest.raises(ilk.DataError) as caught:
        fit(name, y)
    message = str(caught.value)
    assert caught.value.code
    assert "'size'" in message, message
    assert len(message) < 500
    return message


def takers(message: str) -> list[str]:
    """Families that a message names."""
    names = re.findall(r"'(\w+)'", message) + re.findall(r"families\.(\w+)", message)
    return [name for name in names if name in KINDS or name.startswith("hurdle_")]


@pytest.mark.parametrize("name", NUMERIC)
def test_wrong_numbers_are_refused_with_a_family_that_takes_them(name: str) -> None:
    kind = KINDS[name]
    for y in NUMBERS:
        if takes(kind, y):
            make_family(name).check(column(kind, y), None, "size")
            continue
        message = refusal(name, column(kind, y))
        assert f"row {BAD_ROW}" in message, message
        assert f"{y:g}" in message, message
        named = [other for other in takers(message) if other != name]
        kinds = [KINDS.get(other, "zero or positive") for other in named]
        able = [one for one, kind_ in zip(named, kinds, strict=True) if takes(kind_, y)]
        assert able or "trials=" in message, message
        assert [make_family(one) for one in named], message


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("y", [math.inf, -math.inf])
def test_infinite_responses_are_refused(name: str, y: float) -> None:
    assert f"row {BAD_ROW}" in refusal(name, column(KINDS[name], y))


@pytest.mark.parametrize("name", KINDS)
def test_missing_responses_are_left_out_and_counted(name: str) -> None:
    found = fit(name, column(KINDS[name], math.nan))
    assert found.nobs == 23
    assert "size" in str(found.summary())


WORDS = {
    "text": (["few", "many"] * 12, "'binomial'"),
    "several words": (["few", "some", "many"] * 8, "'cumulative'"),
    "numbers as text": (["1", "2.5"] * 12, "convert"),
    "categories": (pd.Categorical(["a", "b", "c"] * 8), "'multinomial'"),
    "mixed": ([1.0, "x", None, "y"] * 6, "'"),
    "dates": (pd.date_range("2026-01-01", periods=24), "number"),
    "complex": (np.full(24, 1.0 + 2.0j), "numbers"),
}


@pytest.mark.parametrize("name", NUMERIC)
@pytest.mark.parametrize("what", WORDS)
def test_words_are_no_numbers(name: str, what: str) -> None:
    values, advice = WORDS[what]
    if make_family(name).takes_trials and what in ("text", "numbers as text"):
        assert fit(name, values).nobs == 24  # two values: an event or none
        return
    message = refusal(name, values)
    assert advice in message or make_family(name).takes_trials, message


@pytest.mark.parametrize("name", NUMERIC)
def test_a_single_value_has_no_dispersion(name: str) -> None:
    """Continuous responses: their likelihood has no maximum."""
    family, kind = make_family(name), KINDS[name]
    if family.discrete or not family.has_dispersion:
        return
    y = np.full(24, 0.5)
    y[:6] = 0.0 if takes(kind, 0.0) and kind != "real" else 0.5
    y[-6:] = 1.0 if kind == "share with ends" else 0.5
    assert "0.5" in refusal(name, y)


@pytest.mark.parametrize("name", CATEGORICAL)
def test_fractions_are_no_categories(name: str) -> None:
    message = refusal(name, column("category", 2.5))
    assert f"2.5 in row {BAD_ROW}" in message
    assert "'gaussian'" in message
    message = refusal(name, np.arange(24.0))
    assert "24 different numbers" in message


@pytest.mark.parametrize("name", CATEGORICAL)
def test_empty_categories_are_named(name: str) -> None:
    y = pd.Categorical(["a", "c"] * 12, categories=["a", "b", "c"], ordered=True)
    message = refusal(name, y)
    assert "'b'" in message
    assert "merge" in message or "levels" in message


@pytest.mark.parametrize("name", ["binomial", "beta_binomial"])
def test_more_successes_than_trials(name: str) -> None:
    data = pd.DataFrame({"size": column("count"), "beds": np.full(24, 4)})
    with pytest.raises(ilk.DataError, match=r"'size'.*more successes than trials.*row 3 \(5 of 4"):
        ilk.fit("size ~ 1", data, family=name, trials="beds")
    halves = data.assign(size=[0.5, 1.0, 2.0, 3.0] * 6)
    with pytest.raises(ilk.DataError, match=r"'size' has 0.5 in row 0 .*'beta'"):
        ilk.fit("size ~ 1", halves, family=name, trials="beds")
