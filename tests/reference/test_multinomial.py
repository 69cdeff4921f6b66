"""Multinomial logits against multinom of nnet and vglm of VGAM."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import ilk

from .data import HERE

pytestmark = pytest.mark.reference

CASES = json.loads((HERE / "multinomial.json").read_text(encoding="utf-8"))


def frame(case):
    data = pd.read_csv(HERE / "data" / case["data"])
    if case["response"] == "grade":
        rating = pd.factorize(data["rating"], sort=True)[0] + 1
        data["grade"] = np.array(["low", "middle", "high"])[np.digitize(rating, [3, 4])]
    return data


def plain(name):
    """Name of a coefficient as both programs could write it."""
    return name.replace("(Intercept)", "Intercept").replace("[T.", "").replace("]", "")


@pytest.mark.parametrize("name", CASES)
def test_fits_agree(name):
    case = CASES[name]
    data = frame(case)
    family = ilk.families.multinomial(baseline=case["baseline"])
    fit = ilk.fit(f"{case['response']} ~ {case['formula']}", data, family)
    assert fit.verdict.converged
    assert fit.loglik == pytest.approx(case["loglik"], rel=1e-9)
    names = [(component, plain(term)) for component, term in fit.fitted.names]
    errors = dict(zip(names, np.sqrt(np.diag(fit.fitted.vcov)), strict=True))
    estimates = dict(zip(names, fit.fitted.coef, strict=True))
    rows = zip(case["components"], case["terms"], case["estimate"], case["se"], strict=True)
    wanted = {(component, plain(term)): (b, se) for component, term, b, se in rows}
    assert set(wanted) == set(names)
    for key, (b, se) in wanted.items():
        assert abs(estimates[key] - b) < 1e-5 * max(1.0, abs(b)) + 1e-4 * se, key
        assert errors[key] == pytest.approx(se, rel=1e-3), key
    found = fit.predict(data.head(1)).sort_values("category").estimate
    np.testing.assert_allclose(found, case["first_row"], atol=1e-5)
