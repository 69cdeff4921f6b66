"""Null models and models of one marker with a kinship, against GEMMA.

GEMMA 0.98.5 (Debian 0.98.5+dfsg), ``python -m validation.kinship reference``.  It prints six or
seven digits.  Where individuals have no measurement it centers the kinship over the others, which
moves the intercept, and nothing else of a restricted likelihood.
"""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from validation.kinship import kinship_of

import ilk

from .data import HERE

pytestmark = pytest.mark.reference

RECORD = json.loads((HERE / "kinship.json").read_text(encoding="utf-8"))


def materials():
    data = pd.DataFrame(RECORD["data"])
    data[["y1", "y2"]] = data[["y1", "y2"]].astype(float)
    counts = np.array([[int(c) for c in row] for row in RECORD["genotypes"]])
    for j in range(3):
        data[f"m{j}"] = counts[:, j]
    return data, ilk.covariance.kinship(kinship_of(counts), data["id"].tolist())


@pytest.mark.parametrize("case", RECORD["cases"], ids=lambda case: case["response"])
def test_agrees(case):
    (data, kinship), wanted = materials(), case["results"]
    fit = ilk.fit(f"{case['response']} ~ x + (1 | id)", data, covariance={"id": kinship})
    assert fit.fitted.search.engine == "spectral"
    variance = fit.fitted.estimates.covariances[0][0, 0]
    assert variance == pytest.approx(wanted["vg"], rel=5e-6)
    assert fit.fitted.estimates.sigma2 == pytest.approx(wanted["ve"], rel=5e-6)
    same = slice(None) if case["response"] == "y1" else slice(1, None)
    np.testing.assert_allclose(fit.fitted.coef[same], wanted["beta"][same], rtol=5e-6)
    errors = np.sqrt(np.diag(fit.fitted.vcov)[:2])
    np.testing.assert_allclose(errors[same], wanted["se"][same], rtol=5e-6)
    for marker in wanted["markers"]:
        formula = f"{case['response']} ~ x + {marker['rs']} + (1 | id)"
        fit = ilk.fit(formula, data, covariance={"id": kinship})
        found = fit.fitted.estimates
        ratio = found.covariances[0][0, 0] / found.sigma2
        assert ratio == pytest.approx(marker["l_remle"], rel=2e-5)
        assert fit.params[marker["rs"]] == pytest.approx(marker["beta"], rel=1e-5)
        assert fit.std_errors[marker["rs"]] == pytest.approx(marker["se"], rel=1e-5)
