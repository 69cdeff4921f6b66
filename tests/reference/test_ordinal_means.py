"""Probabilities of categories and mean categories on a grid, against emmeans on clm and clmm."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pandas as pd
import pytest

import ilk

from .data import HERE

pytestmark = pytest.mark.reference

CASES = json.loads((HERE / "ordinal_means.json").read_text(encoding="utf-8"))

MODES = {
    "prob": {"of": "category"},
    "cum.prob": {"of": "at_most"},
    "exc.prob": {"of": "at_least"},
    "mean.class": {"of": "score"},
    "latent": {"scale": "link"},
}
"""What emmeans calls them, and what ilk does."""

MODELS = {
    "clm-logit": ("rating ~ temp * contact", {}),
    "clm-cloglog": ("rating ~ temp + contact", {"link": "cloglog"}),
    "clm-scale": ("rating ~ temp + contact", {"dispersion": "~ temp"}),
    "clmm-probit": ("rating ~ temp + contact + (1 | judge)", {"link": "probit", "quadrature": 9}),
}


@cache
def fit_of(model):
    formula, options = MODELS[model]
    return ilk.fit(formula, pd.read_csv(HERE / "data/wine.csv"), "cumulative", **options)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_grids_agree_with_emmeans(case):
    fit, options = fit_of(case["model"]), MODES[case["mode"]]
    if "contrast" in case:
        found = fit.contrasts("temp", adjust="none", **options).frame
    else:
        found = fit.means("temp", **options).frame
    error = 2e-3 if case["model"] == "clmm-probit" else 1e-5  # clmm's Hessian is by differences
    np.testing.assert_allclose(found.estimate, case["estimate"], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.std_error, case["se"], rtol=error, atol=1e-7)
    if "category" in found:  # a cut is named by both of its sides
        side = {"at_most": 0, "at_least": 1}.get(options["of"])
        cuts = case["rating"] if side is None else [c.split("|")[side] for c in case["cut"]]
        assert [str(k) for k in found.category] == cuts
