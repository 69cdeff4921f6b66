"""Restricted likelihoods against glmmTMB (and mgcv, whose standard errors use other information).

Cases of the kind "reml_glmm" of the shared results: glmmTMB 1.1.5 and mgcv 1.8.41, R 4.2.2.
"""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import ilk

from .data import HERE, as_kind

pytestmark = pytest.mark.reference

CASES = json.loads((HERE / "reml.json").read_text(encoding="utf-8"))

FAMILIES = {
    "binomial": "binomial",
    "Gamma": "gamma",
    "inverse.gaussian": "inverse_gaussian",
    "nbinom2": "negative_binomial_2",
}


def _errors(case):
    """Standard errors of glmmTMB, where it fits the model."""
    of_case = [case["results"]["fixed"], *(c["fixed"] for c in case.get("cross_checks") or [])]
    made_by = [case["engine"]["package"], *(c["package"] for c in case.get("cross_checks") or [])]
    if "glmmTMB" not in made_by:
        return None
    return np.array([row["se"] for row in of_case[made_by.index("glmmTMB")]])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_agrees(case):
    model, wanted = case["model"], case["results"]
    text = pd.read_csv(HERE / case["data"], dtype=str, keep_default_na=False, na_values=["NA"])
    data = pd.DataFrame({name: as_kind(text[name], kind) for name, kind in case["columns"].items()})
    formula = model["formula"].replace("cbind(incidence, size - incidence)", "incidence")
    family = FAMILIES[model["family"]]
    fit = ilk.fit(formula, data, family, model["link"], trials=model["trials"], reml=True)
    assert fit.loglik == pytest.approx(wanted["logLik"], abs=1e-7)
    p = len(wanted["fixed"])
    errors = np.sqrt(np.diag(fit.fitted.vcov))[:p]
    found = (fit.fitted.coef[:p] - [row["estimate"] for row in wanted["fixed"]]) / errors
    assert np.max(np.abs(found)) < 1e-6
    (variance,) = fit.fitted.estimates.covariances
    assert np.sqrt(variance[0, 0]) == pytest.approx(wanted["varcorr"][0]["sd"][0], rel=1e-5)
    reference = _errors(case)
    if reference is not None:
        np.testing.assert_allclose(errors, reference, rtol=1e-6)
