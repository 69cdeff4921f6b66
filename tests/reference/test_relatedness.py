"""Effects with a known relationship matrix, against lme4 on rotated designs."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import ilk

from .data import HERE, Case, new_rows, table

pytestmark = pytest.mark.reference

CASES = {c["id"]: c for c in json.loads((HERE / "relatedness.json").read_text(encoding="utf-8"))}


@pytest.fixture(scope="module", params=sorted(CASES))
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = CASES[request.param]
    return found


@pytest.fixture(scope="module")
def fit(case: Case) -> ilk.Fit:
    model = case["model"]
    file = HERE / model["known_covariance"]["animal"]["file"]
    A = pd.read_csv(file, index_col="id")
    options = {"reml": model["REML"]} if model["family"] == "gaussian" else {}
    return ilk.fit(
        model["formula"],
        table(case),
        model["family"],
        covariance={"animal": ilk.covariance.known(A)},
        **options,
    )


def test_estimates_agree(case: Case, fit: ilk.Fit) -> None:
    expected, near = case["results"], case["tolerance"]
    assert fit.loglik == pytest.approx(expected["logLik"], abs=near["logLik"]["abs"])
    errors = np.array([row["se"] for row in expected["fixed"]])
    gap = np.array([*fit.params.values()]) - [row["estimate"] for row in expected["fixed"]]
    assert np.all(np.abs(gap) < near["fixed.estimate"]["se_mult"] * errors)
    # lme4 leaves the variance out of the errors of Poisson models
    rel = 1e-4 if fit.family.name == "gaussian" else 0.02
    np.testing.assert_allclose([*fit.std_errors.values()], errors, rtol=rel)
    sd = fit.variance_components().query("kind == 'sd'").estimate.iloc[0]
    assert sd == pytest.approx(expected["varcorr"][0]["sd"][0], rel=near["varcorr.sd"]["rel"])


def test_effects_agree(case: Case, fit: ilk.Fit) -> None:
    (expected,) = case["results"]["ranef"]
    found = fit.random_effects().set_index("level")
    levels = expected["levels"]
    modes = np.array(expected["mode"])[:, 0]
    np.testing.assert_allclose(found.loc[levels, "estimate"], modes, atol=1e-3 * modes.std())


def test_predictions_agree(case: Case, fit: ilk.Fit) -> None:
    expected = case["results"]["predict"]
    known = [k for k, kind in enumerate(expected["kind"]) if kind == "known"]
    rows = new_rows(case, [expected["rows"][k] for k in known])
    found = fit.predict(rows, scale="link")
    np.testing.assert_allclose(
        found.estimate, np.array(expected["link"])[known], rtol=1e-3, atol=1e-4
    )
