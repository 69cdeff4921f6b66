"""What a standardization refuses, and how it says so."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.errors import DataError, FitError, IlkError, ModelError

RNG = np.random.default_rng(6)
DATA = pd.DataFrame(
    {
        "y": (RNG.random(120) < 0.5).astype(int),
        "t": np.tile([0, 1, 0, 1], 30),
        "x": RNG.normal(size=120),
        "z": RNG.normal(size=120),
        "site": np.repeat(list("abcd"), 30),
        "arm": RNG.choice(["old", "new"], size=120),
        "g": np.repeat(np.arange(20), 6),
        "h": np.tile(np.arange(10), 12),
        "one": 1.0,
        "e": np.tile([1.0, 2.0, 3.0], 40),
        "count": RNG.negative_binomial(2, 0.4, size=120),
    }
)


@pytest.fixture(scope="module")
def fit():
    return ilk.fit("y ~ t * x + arm + site + (1 | g)", DATA, family="binomial")


@pytest.fixture(scope="module")
def linear():
    return ilk.fit("x ~ t + z + between(z, g) + (1 | g)", DATA)


def refused(kind, words, ask):
    with pytest.raises(kind) as raised:
        ask()
    for word in words:
        assert word in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("variable", "kind", "words"),
    [
        ("z", DataError, ["'z' is not in the model", "'t', 'x', 'arm', 'site'"]),
        ("arms", DataError, ["Did you mean 'arm'?"]),
        ("y", ModelError, ["is the response"]),
        ("g", ModelError, ["is a grouping factor", "sampled units"]),
        (3, ModelError, ["give the name of a column"]),
    ],
)
def test_columns_that_cannot_be_set(fit, variable, kind, words):
    refused(kind, words, lambda: fit.standardize(variable))
    refused(kind, words, lambda: fit.counterfactuals({variable: [0, 1]}))


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"levels": ["old", "newer"]}, DataError, ["never is 'newer'", "Did you mean 'new'?"]),
        ({"levels": []}, ModelError, ["levels= is empty"]),
        ({"levels": "new"}, ModelError, ["give a list of values"]),
        ({"levels": [np.arange(2)]}, DataError, ["never is array"]),
        ({"levels": [pd.NA]}, DataError, ["never is <NA>"]),
        ({"reference": np.array(["old", "new"])}, ModelError, ["not one of the levels"]),
        ({"measures": 5}, ModelError, ["measures=5"]),
        ({"levels": ["new"], "measures": "ratio"}, ModelError, ["nothing to compare"]),
        ({"reference": "other"}, ModelError, ["reference='other'", "'new', 'old'"]),
        ({"measures": "diff"}, ModelError, ["measures='diff'", "'difference'"]),
        ({"measures": []}, ModelError, ["measures= is empty"]),
        ({"measures": "slope"}, ModelError, ["holds levels"]),
        ({"estimand": "marginal"}, ModelError, ["estimand='marginal'"]),
        ({"covariates": "random"}, ModelError, ["covariates='random'"]),
        ({"uncertainty": "jackknife"}, ModelError, ["uncertainty='jackknife'"]),
        ({"level": 95}, ModelError, ["level"]),
        ({"per": 1000}, ModelError, ["no exposure"]),
        ({"by": "x2"}, DataError, ["'x2'", "give the data again"]),
        ({"by": 3}, ModelError, ["by= takes names"]),
        ({"weights": "w"}, DataError, ["'w'", "give the data again"]),
        ({"weights": np.ones(7)}, DataError, ["7 values"]),
        ({"weights": -np.ones(120)}, DataError, ["must not be negative"]),
        ({"weights": np.zeros(120)}, DataError, ["no weight is positive"]),
        ({"exposure": "e"}, ModelError, ["is for new data"]),
        ({"data": DATA.drop(columns="x")}, DataError, ["'x'"]),
        ({"data": DATA, "by": "sites"}, DataError, ["Did you mean 'site'?"]),
        ({"data": DATA.assign(site="q")}, DataError, ["'q'", "not in the data of the fit"]),
        ({"data": DATA.assign(x=np.nan)}, DataError, ["None of the rows"]),
        ({"data": 3}, DataError, ["give a data frame"]),
        (
            {"data": DATA.assign(g=99), "estimand": "conditional"},
            DataError,
            ["99", "new_levels='population'"],
        ),
        (
            {"data": DATA.drop(columns="g"), "covariates": "sample"},
            DataError,
            ["'g'", "covariates='fixed'"],
        ),
        (
            {"estimand": "conditional", "covariates": "sample"},
            ModelError,
            ["these very clusters"],
        ),
        (
            {"estimand": "conditional", "uncertainty": "bootstrap"},
            ModelError,
            ["these very clusters"],
        ),
        (
            {"uncertainty": "bootstrap", "covariates": "sample", "data": DATA},
            ModelError,
            ["target population"],
        ),
        ({"uncertainty": "bootstrap", "draws": 1}, ModelError, ["draws=1"]),
        ({"uncertainty": "bootstrap", "seed": -1}, ModelError, ["seed=-1"]),
        ({"uncertainty": "bootstrap", "seed": "a"}, ModelError, ["seed='a'"]),
        ({"uncertainty": "bootstrap", "n_jobs": 0}, ModelError, ["n_jobs=0"]),
        ({"uncertainty": "bootstrap", "cluster": "farm"}, ModelError, ["cluster='farm'"]),
        ({"uncertainty": "bootstrap", "cluster": "arm"}, ModelError, ["break them up"]),
    ],
)
def test_options_that_make_no_sense(fit, options, kind, words):
    refused(kind, words, lambda: fit.standardize("arm", **options))


def test_numbers_that_are_none(fit):
    refused(DataError, ["cannot be set to 'high'"], lambda: fit.standardize("x", ["high", 1]))
    refused(DataError, ["cannot be set to nan"], lambda: fit.standardize("x", [np.nan, 1]))
    refused(DataError, ["cannot be set to 1000"], lambda: fit.standardize("x", [10**400, 1]))
    refused(ModelError, ["step=0"], lambda: fit.standardize("x", step=0))
    refused(ModelError, ["step='a'"], lambda: fit.standardize("x", step="a"))
    refused(
        DataError,
        ["no column 'x'", "levels="],
        lambda: fit.standardize("x", data=DATA.drop(columns="x")),
    )


def test_a_variable_without_variation():
    fit = ilk.fit("y ~ t + one + (1 | g)", DATA, family="binomial")
    refused(DataError, ["'one' is 1.0 in all 120 rows"], lambda: fit.standardize("one"))


def test_measures_of_other_families(linear):
    refused(ModelError, ["probabilities"], lambda: linear.standardize("t", measures="nnt"))
    refused(ModelError, ["positive"], lambda: linear.standardize("t", measures="ratio"))
    assert list(linear.standardize("t").frame.measure) == ["mean", "mean", "difference"]


def test_cluster_means_are_no_settings(linear):
    note = linear.standardize("z", [0.0, 1.0]).text.replace("\n  ", " ")
    assert "Means of z by cluster stay what they were" in note
    only = ilk.fit("x ~ t + between(z, g) + (1 | g)", DATA)
    refused(ModelError, ["between(z, ...)"], lambda: only.standardize("z"))
    refused(ModelError, ["grouping factor"], lambda: only.standardize("g"))


def test_part_of_a_grouping_factor():
    fit = ilk.fit("x ~ t + (1 | g) + (1 | g:t)", DATA)
    refused(ModelError, ["another cluster"], lambda: fit.standardize("t", estimand="conditional"))
    assert len(fit.standardize("t").frame) == 3


def test_earlier_rows_need_the_data():
    fit = ilk.fit("x ~ lag(z) + t + (1 | g)", DATA)
    refused(ModelError, ["lag", "data="], lambda: fit.standardize("t"))
    answer = fit.standardize("z", [0, 1], data=DATA)
    assert answer.frame.estimate[2] == pytest.approx(fit.params["lag(z)"], rel=1e-9)
    assert "held at all times" in answer.text.replace("\n  ", " ")


def test_roles_of_other_columns():
    fit = ilk.fit(
        "count ~ t + (1 | g)", DATA, family="negative_binomial_2", exposure="e", dispersion="~ x"
    )
    refused(ModelError, ["'e' is the exposure"], lambda: fit.standardize("e"))
    refused(ModelError, ["enters the dispersion only"], lambda: fit.standardize("x"))
    refused(ModelError, ["per=-1"], lambda: fit.standardize("t", per=-1))


def test_crossed_factors_cannot_be_resampled_as_one():
    fit = ilk.fit("x ~ t + (1 | g) + (1 | h)", DATA)
    refused(
        ModelError,
        ["'g' and 'h' cross", "uncertainty='delta'"],
        lambda: fit.standardize("t", uncertainty="bootstrap"),
    )


def test_joblib_is_asked_for(fit, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "joblib", None)
    refused(
        ModelError,
        ["ilk[parallel]"],
        lambda: fit.standardize("arm", uncertainty="bootstrap", draws=40, n_jobs=2),
    )


def test_scenarios_that_are_none(fit):
    refused(ModelError, ["a dictionary of columns"], lambda: fit.counterfactuals([("t", 0)]))
    refused(ModelError, ["a dictionary of columns"], lambda: fit.counterfactuals({}))
    refused(ModelError, ["No value"], lambda: fit.counterfactuals({"t": []}))
    refused(DataError, ["never is 5"], lambda: fit.counterfactuals({"arm": ["old", 5]}))
    with pytest.raises(IlkError):
        fit.counterfactuals({"t": [0, 1]}, estimand="mean")


def test_numbers_of_any_type_are_numbers(fit):
    plain = fit.standardize("x", step=2).frame
    for step in (np.int64(2), np.float32(2.0)):
        assert fit.standardize("x", step=step).frame.equals(plain)
    assert list(fit.standardize("x", [np.float32(0.5), np.array(1)]).frame.level[:2]) == [0.5, 1]


def test_text_in_place_of_a_truth_value():
    data = DATA.assign(flag=DATA.arm == "new")
    fit = ilk.fit("y ~ flag + x + (1 | g)", data, family="binomial")
    with pytest.raises(DataError, match="Write True, not 'True'"):
        fit.standardize("flag", ["True", "False"])


def test_settings_beyond_all_means():
    rng = np.random.default_rng(2)
    data = pd.DataFrame({"x": rng.normal(size=300), "g": np.repeat(np.arange(30), 10)})
    slope = 3.0 * rng.normal(size=30)[data.g]
    data["y"] = (rng.random(300) < 1.0 / (1.0 + np.exp(-slope * data.x))).astype(int)
    fit = ilk.fit("y ~ x + (0 + x | g)", data, family="binomial")
    with pytest.raises(FitError, match="could not be computed for 300 of 300 rows"):
        fit.standardize("x", [0.0, 1e200])
