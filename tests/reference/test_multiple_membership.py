"""Rows that belong to several levels, against lme4 with the random effects' design replaced.

lme4 1.1-31, ``Rscript validation/multiple_membership.R``.
"""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import ilk

from .data import HERE

pytestmark = pytest.mark.reference

RECORD = json.loads((HERE / "multiple_membership.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", RECORD["cases"], ids=lambda case: case["name"])
def test_agrees(case):
    data, wanted = pd.DataFrame(RECORD["data"]), case["results"]
    formula = case["formula"].replace("hits / 6", "hits / trials")
    options = {"reml": case["reml"]} if "reml" in case else {"family": case["family"]}
    fit = ilk.fit(formula, data.assign(trials=6), **options)
    found, p = fit.fitted.estimates, len(wanted["beta"])
    assert fit.loglik == pytest.approx(wanted["loglik"], abs=1e-7)
    np.testing.assert_allclose(fit.fitted.coef[:p], wanted["beta"], atol=1e-5)
    errors = np.sqrt(np.diag(fit.fitted.vcov)[:p])
    np.testing.assert_allclose(errors, wanted["std_error"], rtol=2e-5)
    np.testing.assert_allclose(found.covariances[0], wanted["G"], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.modes[0], wanted["effects"], atol=5e-5)
    if wanted.get("sigma"):
        assert np.sqrt(found.sigma2) == pytest.approx(wanted["sigma"], rel=1e-5)
