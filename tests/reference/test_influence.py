"""Deletion of clusters, hat values and variance inflation against lme4, stats and car.

Script: ``validation/influence.R``.  lme4's Cook's distance is (G - p) / G times that of
Nieuwenhuis, te Grotenhuis and Pelzer (2012), which ilk has, for p coefficients and G clusters; its
dfbeta is without minus with, and its dfbetas divide by the standard error without the cluster.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.diagnostics.checks.collinearity import inflation
from ilk.diagnostics.influence.influence import influence
from ilk.diagnostics.influence.leverage import row_leverage
from ilk.diagnostics.influence.record import Influence
from tests.reference.data import HERE

CASES = {
    case["id"]: case
    for case in json.loads((HERE / "influence.json").read_text(encoding="utf-8"))["cases"]
}


def fit_of(case: dict[str, Any]) -> ilk.Fit:
    frame = pd.read_csv(HERE / case["data"])
    for name, column in case.get("columns", {}).items():
        if column["kind"] == "factor":
            frame[name] = pd.Categorical(frame[name].astype(str), categories=column["levels"])
    model = case["model"]
    options: dict[str, Any] = {}
    if isinstance(model.get("trials"), str):
        options["trials"] = model["trials"]
    if "REML" in model:
        options["reml"] = model["REML"]
    return ilk.fit(model["formula"], frame, model["family"], **options)


def named(case: dict[str, Any], found: Influence) -> list[dict[str, Any]]:
    by_level = {refit["level"]: refit for refit in case["refits"]}
    return [by_level[str(level)] for level in found.levels]


DELETIONS = [case["id"] for case in CASES.values() if case["kind"] == "deletion"]


@pytest.mark.parametrize("name", DELETIONS)
def test_refits_without_each_level(name: str) -> None:
    case = CASES[name]
    fit = fit_of(case)
    found = influence(fit.fitted, case["group"], exact=True)
    refits = named(case, found)
    linear = case["model"]["family"] == "gaussian"
    tolerance = 1e-6 if linear else 0.02  # glmer's optimizer
    for i, refit in enumerate(refits):
        theirs = np.array(list(refit["fixef"].values()))
        assert np.abs(found.coef[i] - theirs).max() < tolerance * found.std_error.min()
        assert found.size[i] == refit["rows"]
        if name != "grouseticks":  # lme4's finite differences fail there, with warnings
            np.testing.assert_allclose(found.error[i], np.atleast_1d(refit["se"]), rtol=1e-4)
        sd = np.sort(np.atleast_1d(refit["varcorr"]["sdcor"]).astype(float))
        np.testing.assert_allclose(np.sort(found.spread[i]), sd, rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize("name", DELETIONS)
def test_steps_follow_the_refits(name: str) -> None:
    case = CASES[name]
    found = influence(fit_of(case).fitted, case["group"])
    theirs = np.array([list(refit["fixef"].values()) for refit in named(case, found)])
    moved = (found.estimate - theirs) / found.std_error
    error = np.abs(found.dfbetas - moved).max()
    assert error < 0.05
    for j in range(moved.shape[1]):
        assert np.corrcoef(found.dfbetas[:, j], moved[:, j])[0, 1] > 0.999


@pytest.mark.parametrize("name", ["sleepstudy-reml", "penicillin-plate", "penicillin-sample"])
def test_influence_of_lme4(name: str) -> None:
    case = CASES[name]
    theirs = case["influence"]
    found = influence(fit_of(case).fitted, case["group"], exact=True)
    order = [theirs["names"].index(str(level)) for level in found.levels]
    G, p = found.count, len(found.names)
    np.testing.assert_allclose(np.array(theirs["cook"])[order], found.cook * (G - p) / G, rtol=1e-4)
    dfbeta = np.array(theirs["dfbeta"]).reshape(G, p)[order]
    np.testing.assert_allclose(found.coef - found.estimate, dfbeta, atol=1e-6)
    if theirs["dfbetas"]:
        dfbetas = np.array(theirs["dfbetas"]).reshape(G, p)[order]
        ours = (found.coef - found.estimate) / found.error
        np.testing.assert_allclose(ours, dfbetas, rtol=1e-3)


@pytest.mark.parametrize("name", ["sleepstudy-lm", "grouseticks-glm-rows"])
def test_rows_of_regressions(name: str) -> None:
    """R's own Cook's distance of GLMs is of one step of least squares: only hat values agree."""
    case = CASES[name]
    fitted = fit_of(case).fitted
    found = influence(fitted)
    np.testing.assert_allclose(found.leverage, case["hat"], atol=1e-7)
    np.testing.assert_allclose(row_leverage(fitted).whole, case["hat"], atol=1e-7)
    if case["model"]["family"] == "gaussian":
        exact = influence(fitted, exact=True)
        np.testing.assert_allclose(found.cook, case["cook"], rtol=1e-7)
        np.testing.assert_allclose(found.estimate - found.coef, case["dfbeta"], atol=1e-9)
        np.testing.assert_allclose(exact.covratio, case["covratio"], rtol=1e-8)


@pytest.mark.parametrize(
    "name", [n for n in DELETIONS if CASES[n]["model"]["family"] == "gaussian"]
)
def test_hat_values_of_linear_mixed_models(name: str) -> None:
    case = CASES[name]
    np.testing.assert_allclose(row_leverage(fit_of(case).fitted).whole, case["hat"], atol=1e-6)


@pytest.mark.parametrize("name", [case["id"] for case in CASES.values() if case["kind"] == "vif"])
def test_variance_inflation(name: str) -> None:
    case = CASES[name]
    (found,) = inflation(fit_of(case).fitted)
    assert found.df.tolist() == case["df"]
    np.testing.assert_allclose(found.gvif, case["gvif"], rtol=1e-5)
    np.testing.assert_allclose(found.longer, case["scaled"], rtol=1e-5)
