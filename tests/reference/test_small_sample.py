"""Degrees of freedom, F tests and tests of terms against lmerTest, pbkrtest, car and glmmTMB."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.inference.chosen import chosen_covariance

from .data import HERE, table
from .translate import python_formula

pytestmark = pytest.mark.reference

STORED = json.loads((HERE / "small_sample.json").read_text(encoding="utf-8"))
CASES = {found["id"]: found for found in STORED["cases"]}
PUBLISHED = {
    found["id"]: found
    for found in json.loads((HERE / "degrees_of_freedom.json").read_text(encoding="utf-8"))
}
METHODS = {"Satterthwaite": "satterthwaite", "Kenward-Roger": "kenward_roger"}
PAIRS = [
    (name, method)
    for name, found in CASES.items()
    for method in METHODS
    if method in found and (name, method) != ("weighted", "Kenward-Roger")
]
"""pbkrtest leaves precision weights out of its covariance matrix; ours has dense checks."""

CLOSE = 1e-3
"""Relative: what two searches for an optimum leave of standard errors and degrees of freedom."""


@cache
def _fit(name: str) -> Any:
    found = CASES[name]
    return ilk.fit(
        found["formula"], _frame(found), reml=found["REML"], precision_weights=found["weights"]
    )


def _frame(found: dict[str, Any]) -> pd.DataFrame:
    data = pd.DataFrame(found["columns"])
    for column, levels in (found.get("levels") or {}).items():
        data[column] = pd.Categorical(data[column], np.atleast_1d(levels).tolist())
    return data


def _same(ours: Any, theirs: Any, what: str) -> None:
    np.testing.assert_allclose(
        np.asarray(ours, float), np.asarray(theirs, float), rtol=CLOSE, err_msg=what
    )


@pytest.mark.parametrize(("name", "method"), PAIRS)
def test_coefficients(name: str, method: str) -> None:
    theirs = pd.DataFrame(CASES[name][method]["coefficients"])
    ours = _fit(name).tidy(df=METHODS[method]).iloc[: len(theirs)]
    _same(ours.std_error, theirs.se, "standard errors")
    _same(ours.df, theirs.df, "df")
    np.testing.assert_allclose(ours.p_value, theirs.p, rtol=2e-3, atol=1e-5)


@pytest.mark.parametrize("name", [name for name, method in PAIRS if method == "Kenward-Roger"])
def test_adjusted_covariance(name: str) -> None:
    found = chosen_covariance(_fit(name).fitted, df="kenward_roger")
    theirs = np.atleast_2d(CASES[name]["Kenward-Roger"]["vcov_adjusted"])
    _same(found.matrix, theirs, "covariance")


@pytest.mark.parametrize(("name", "method"), PAIRS)
def test_joint(name: str, method: str) -> None:
    theirs = CASES[name][method].get("joint")
    if theirs is None:
        pytest.skip("one coefficient")
    ours = _fit(name).test(theirs["L"], df=METHODS[method]).frame.iloc[-1]
    assert ours.df_num == theirs["num_df"]
    _same([ours.df, ours.statistic], [theirs["den_df"], theirs["F"]], "joint test")
    if method == "Kenward-Roger":
        pbkrtest = CASES[name][method]["KRmodcomp"]
        _same([ours.df, ours.statistic], [pbkrtest["ddf"], pbkrtest["stat"]], "KRmodcomp")


@pytest.mark.parametrize("type", [2, 3])
@pytest.mark.parametrize(("name", "method"), PAIRS)
def test_anova(name: str, method: str, type: int) -> None:
    theirs = pd.DataFrame(CASES[name][method][f"anova{type}"])
    if theirs.empty:
        pytest.skip("no terms")
    ours = _fit(name).anova(type, df=METHODS[method]).frame
    assert list(ours.term) == list(theirs.term)
    assert list(ours.df_num) == list(theirs.num_df)
    _same(ours.df, theirs.den_df, "df")
    _same(ours.statistic, theirs.F, "F")


@pytest.mark.parametrize(("name", "method"), PAIRS)
def test_drop_one(name: str, method: str) -> None:
    theirs = pd.DataFrame(CASES[name][method].get("drop1"))
    if theirs.empty:
        pytest.skip("no terms")
    ours = _fit(name).drop_one(df=METHODS[method]).frame
    assert list(ours.term) == list(theirs.term)
    _same(ours.df, theirs.den_df, "df")
    _same(ours.statistic, theirs.F, "F")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_data(name: str, method: str) -> None:
    found = PUBLISHED[name]
    fit = ilk.fit(python_formula(found["model"]["formula"]), table(found))
    theirs = found["results"][method.lower().replace("-", "_")]
    coefficients = pd.DataFrame(theirs["coefficients"])
    ours = fit.tidy(df=METHODS[method]).iloc[: len(coefficients)]
    _same(ours.std_error, coefficients.se, "standard errors")
    _same(ours.df, coefficients.df, "df")
    if theirs["anova_type3"]:
        terms = pd.DataFrame(theirs["anova_type3"])
        answer = fit.anova(3, df=METHODS[method]).frame
        _same(answer.df, terms.den_df, "df of terms")
        _same(answer.statistic, terms.F, "F of terms")


@cache
def _generalized(family: str) -> Any:
    found = STORED["glmm"]["cases"][family]
    data = pd.DataFrame(STORED["glmm"]["columns"])
    return ilk.fit(found["formula"].replace("   ", ""), data, family=family), found


@pytest.mark.parametrize("type", [2, 3])
@pytest.mark.parametrize("family", ["binomial", "poisson"])
def test_anova_of_generalized_models(family: str, type: int) -> None:
    fit, found = _generalized(family)
    theirs = pd.DataFrame(found[f"anova{type}"]).query("term != '(Intercept)'")
    ours = fit.anova(type).frame
    assert list(ours.term) == list(theirs.term)
    assert list(ours.df_num) == list(theirs.df)
    np.testing.assert_allclose(ours.statistic, theirs.chisq, rtol=2e-3, atol=1e-3)


@pytest.mark.parametrize("family", ["binomial", "poisson"])
def test_drop_one_of_generalized_models(family: str) -> None:
    fit, found = _generalized(family)
    theirs = pd.DataFrame(found["drop1"]).query("term != '<none>'")
    ours = fit.drop_one().frame
    assert list(ours.term) == list(theirs.term)
    np.testing.assert_allclose(ours.statistic, theirs.LRT.astype(float), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(ours.aic, theirs.AIC.astype(float), rtol=1e-6)
    second = fit.anova(2, test="likelihood_ratio").frame.set_index("term").loc["A"]
    assert second.df_num == found["lrt_A"]["df"]
    assert second.statistic == pytest.approx(found["lrt_A"]["stat"], rel=1e-4)


@pytest.mark.parametrize(
    ("name", "method"), [pair for pair in PAIRS if "emmeans" in CASES[pair[0]][pair[1]]]
)
def test_means_and_pairs(name: str, method: str) -> None:
    stored = CASES[name][method]["emmeans"]
    factor, theirs = stored["by"], pd.DataFrame(stored["means"])
    means = _fit(name).means(factor, df=METHODS[method]).frame
    assert list(means[factor]) == list(theirs[factor])
    ends = ["lower.CL", "upper.CL"]
    _same(means[["estimate", "std_error", "df"]], theirs[["emmean", "SE", "df"]], "means")
    _same(means[["conf_low", "conf_high"]], theirs[ends], "limits of means")
    theirs = pd.DataFrame(stored["pairs"])
    pairs = _fit(name).contrasts(factor, adjust="none", df=METHODS[method]).frame
    _same(pairs[["std_error", "df"]], theirs[["SE", "df"]], "pairs")
    np.testing.assert_allclose(pairs.estimate.abs(), theirs.estimate.abs(), rtol=CLOSE)
    np.testing.assert_allclose(pairs.p_value, theirs["p.value"], rtol=2e-3)
