"""Columns that separate change within individuals from who is left."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.errors import DataError

DATA = {
    "id": ["a", "a", "a", "b", "b", "c", None],
    "age": [1.0, 2.0, 4.0, 3.0, 5.0, 2.0, 9.0],
    "alive": [0, 0, 0, 1, 1, 0, 0],
    "y": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0],
}


def test_columns_by_hand():
    made = ilk.within_between(DATA, "age", "id", alive="alive")
    data = made.data
    assert made.columns == ("age_last", "age_within", "age_within_squared", "age_terminal")
    assert data["age_last"][:6].tolist() == [4, 4, 4, 5, 5, 2]
    assert data["age_within"][:6] == pytest.approx([-4 / 3, -1 / 3, 5 / 3, -1, 1, 0])
    assert made.center == pytest.approx(17 / 6, abs=0.005)
    square = (np.array(DATA["age"]) - made.center) ** 2
    assert data["age_within_squared"][:3] == pytest.approx(square[:3] - square[:3].mean())
    assert data["age_terminal"][:6].tolist() == [0, 0, 1, 0, 0, 1]
    assert all(np.isnan(data[name][6]) for name in made.columns)
    assert set(DATA) == {"id", "age", "alive", "y"}  # the caller's own is as it was
    text = repr(made)
    assert "Levels of id that were there at the end: 1 of 3." in text
    assert "1 of 3 levels of id has one record only" in text
    assert "1 row lacks age or individual" in text


def test_formulas():
    made = ilk.within_between(DATA, "age", "id")
    assert made.formula("y", "sex") == (
        "y ~ age_last + age_within + age_within_squared + within(age_terminal, id) + sex + (1 | id)"
    )
    assert made.selection_formula("y") == (
        "y ~ age_last + I(age - 2.83) + I((age - 2.83) ** 2) + within(age_terminal, id) + (1 | id)"
    )
    short = ilk.within_between(DATA, "age", "id", quadratic=False, terminal=False)
    assert short.formula("y") == "y ~ age_last + age_within + (1 | id)"
    assert short.selection_formula("y") == "y ~ age_last + I(age - 2.83) + (1 | id)"
    odd = {"the id": DATA["id"], "age in years": DATA["age"]}
    made = ilk.within_between(odd, "age in years", "the id", quadratic=False)
    assert made.formula("y") == (
        "y ~ `age in years_last` + `age in years_within` + "
        "within(`age in years_terminal`, `the id`) + (1 | `the id`)"
    )


@pytest.mark.parametrize("flavor", ["pandas", "polars", "pyarrow", "dict"])
def test_every_frame_comes_back_as_its_kind(flavor):
    if flavor != "dict":
        pytest.importorskip(flavor)
    data = ilk.datasets.load("gull_mass", flavor)
    made = ilk.within_between(data, "age", "gull", alive="alive")
    assert type(made.data) is type(data)
    reference = ilk.within_between(ilk.datasets.load("gull_mass"), "age", "gull", alive="alive")
    for name in made.columns:
        np.testing.assert_array_equal(np.asarray(made.data[name]), reference.data[name])


def test_index_of_a_pandas_frame_stays():
    data = pd.DataFrame({"id": [1, 1, 2], "age": [1, 2, 1]}, index=[7, 7, 3])
    made = ilk.within_between(data, "age", "id")
    assert made.data.index.tolist() == [7, 7, 3]
    assert made.data.age_last.tolist() == [2, 2, 1]


def test_the_decline_that_survivors_hide():
    data = ilk.datasets.load("gull_mass")
    truth = ilk.datasets.describe("gull_mass").truth
    made = ilk.within_between(data, "age", "gull", alive="alive")
    fit = ilk.fit(made.formula("mass"), made.data)
    slope = truth["age"] + 2.0 * truth["age_squared"] * (made.center - 8.0)
    for name, value in (
        ("age_within", slope),
        ("age_within_squared", truth["age_squared"]),
        ("within(age_terminal, gull)", truth["terminal"]),
    ):
        assert abs(fit.params[name] - value) < 2.0 * fit.std_errors[name]
    naive = ilk.fit(f"mass ~ I(age - {made.center:g}) + I((age - {made.center:g})**2)", data)
    assert np.asarray(naive.params)[1] > 0.5  # the mean of those that are left rises
    selected = ilk.fit(made.selection_formula("mass"), made.data)
    assert selected.params["age_last"] > 5.0 * selected.std_errors["age_last"]


def test_within_coefficients_are_those_of_fixed_effects():
    data = ilk.datasets.load("gull_mass")
    made = ilk.within_between(data, "age", "gull", alive="alive")
    fit = ilk.fit(made.formula("mass"), made.data)
    age = f"age - {made.center:g}"
    fixed = ilk.fixed(f"mass ~ I({age}) + I(({age}) ** 2) + age_terminal", made.data, "gull")
    assert np.asarray(fit.params)[2:] == pytest.approx(np.asarray(fixed.params), abs=1e-6)


@pytest.mark.parametrize(
    ("change", "arguments", "match"),
    [
        ({}, ("years", "id"), "years"),
        ({}, ("age", "bird"), "bird"),
        ({"age": ["young"] * 7}, ("age", "id"), "age"),
        ({"age_within": [0.0] * 7}, ("age", "id"), "'age_within' already"),
        ({"id": list("abcdefg")}, ("age", "id"), "more than one record"),
    ],
)
def test_mistakes(change, arguments, match):
    with pytest.raises(DataError, match=match):
        ilk.within_between({**DATA, **change}, *arguments)


def test_mistakes_about_the_living():
    with pytest.raises(DataError, match="dead"):
        ilk.within_between(DATA, "age", "id", alive="dead")
    with pytest.raises(DataError, match="must hold true/false or 0/1"):
        ilk.within_between({**DATA, "alive": [2] * 7}, "age", "id", alive="alive")
