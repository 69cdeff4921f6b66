"""Mixed and marginal models side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import ilk


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    rng = np.random.default_rng(7)
    g = np.repeat(np.arange(150), 6)
    x = rng.normal(size=len(g))
    arm = g % 2
    eta = -0.5 + 0.8 * x + 0.7 * arm + rng.normal(0, 1.5, 150)[g]
    frame = pd.DataFrame({"g": g, "x": x, "arm": np.where(arm, "b", "a")})
    frame["y"] = (rng.random(len(g)) < 1 / (1 + np.exp(-eta))).astype(int)
    frame["z"] = eta + rng.normal(size=len(g))
    frame["count"] = rng.poisson(np.exp(0.3 * eta))
    return frame


def test_logit_coefficients_are_attenuated_and_gee_agrees(data: pd.DataFrame) -> None:
    fit = ilk.fit("y ~ x + arm + (1 | g)", data, "binomial", quadrature=9)
    gee = ilk.gee("y ~ x + arm", data, "g", "binomial")
    table = ilk.compare_estimands(fit, gee).frame
    assert list(table.estimand) == ["conditional", "population", "population"] * 3
    np.testing.assert_array_equal(table.estimate[0::3], fit.params.array)
    np.testing.assert_array_equal(table.estimate[2::3], gee.params.array)
    np.testing.assert_array_equal(table.std_error[2::3], gee.std_errors.array)
    slope = table[table.term == "x"]
    assert (slope.ratio[1:] < 0.9).all()
    gap = np.diff(slope.estimate[1:])[0]
    assert abs(gap) < 2 * slope.std_error.iloc[2]
    marginal = fit.marginal_coefficients().frame
    np.testing.assert_array_equal(table.estimate[1::3], marginal.estimate)
    assert "robust (sandwich by cluster)" in ilk.compare_estimands(fit, gee).text


def test_identity_link_has_one_answer(data: pd.DataFrame) -> None:
    fit = ilk.fit("z ~ x + arm + (1 | g)", data)
    table = ilk.compare_estimands(fit, ilk.gee("z ~ x + arm", data, "g")).frame
    np.testing.assert_array_equal(table.estimate[0::3], table.estimate[1::3])
    np.testing.assert_allclose(table.ratio, 1.0, atol=0.02)


CASES: list[tuple[str, dict[str, Any], str]] = [
    ("z ~ x + arm", {}, "differ in their response: 'y' in the mixed model, 'z'"),
    ("y ~ x + arm", {"link": "probit"}, "differ in their link: 'logit' in the mixed"),
    ("y ~ x", {}, "different columns of the mean: 'arm"),
    ("y ~ x + arm", {"offset": "x"}, "different offsets"),
    ("y ~ x + arm", {"drop": 3}, "number of rows of the data: 900"),
    ("y ~ x + arm", {"lose": 3}, "different rows: 1 are in one only, first row 3"),
    ("y ~ x + arm", {"flip": 3}, "different values of the response 'y'"),
]


@pytest.mark.parametrize(("formula", "change", "message"), CASES)
def test_what_differs_is_named(
    data: pd.DataFrame, formula: str, change: dict[str, Any], message: str
) -> None:
    fit = ilk.fit("y ~ x + arm + (1 | g)", data, "binomial")
    options, frame = dict(change), data.copy()
    if "drop" in options:
        frame = frame.drop(index=options.pop("drop"))
    if "lose" in options:
        frame.loc[options.pop("lose"), "x"] = np.nan
    if "flip" in options:
        row = options.pop("flip")
        frame.loc[row, "y"] = 1 - frame.loc[row, "y"]
    family = "gaussian" if formula.startswith("z") else "binomial"
    gee = ilk.gee(formula, frame, "g", family, **options)
    with pytest.raises(ilk.ModelError, match=message):
        ilk.compare_estimands(fit, gee)


def test_arguments_must_be_the_two_fits(data: pd.DataFrame) -> None:
    fit = ilk.fit("z ~ x + (1 | g)", data)
    gee = ilk.gee("z ~ x", data, "g")
    with pytest.raises(ilk.ModelError, match="The mixed model comes first"):
        ilk.compare_estimands(gee, fit)  # type: ignore[arg-type]
    with pytest.raises(ilk.ModelError, match=r"second a fit of ilk\.gee, not Fit\."):
        ilk.compare_estimands(fit, fit)  # type: ignore[arg-type]
    zi = ilk.fit("count ~ x + (1 | g)", data, "poisson", zero_inflation="~ 1")
    counts = ilk.gee("count ~ x", data, "g", "poisson")
    with pytest.raises(ilk.ModelError, match="excess zeros included"):
        ilk.compare_estimands(zi, counts)


def test_other_clusters_are_said(data: pd.DataFrame) -> None:
    """Models of different clusters answer the same question with other standard errors."""
    wide = data.assign(k=np.arange(len(data)) % 9)
    fit = ilk.fit("z ~ x + (1 | g)", wide)
    assert "clusters of GEE are" not in ilk.compare_estimands(fit, ilk.gee("z ~ x", wide, "g")).text
    text = ilk.compare_estimands(fit, ilk.gee("z ~ x", wide, "k")).text
    assert "random effects of g, and the clusters of GEE are k" in " ".join(text.split())
