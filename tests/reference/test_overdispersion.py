"""Answers to overdispersion against glmmTMB, and rows' effects against numerical integration."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

import ilk

from .data import HERE

pytestmark = pytest.mark.reference

STORED = json.loads((HERE / "overdispersion.json").read_text(encoding="utf-8"))
FORMULAS = {
    "Owls": "SiblingNegotiation ~ FoodTreatment * SexParent + (1 | Nest)",
    "Salamanders": "count ~ spp + mined + (1 | site)",
    "grouseticks": "TICKS ~ C(YEAR) + cHEIGHT + (1 | BROOD) + (1 | LOCATION)",
    "epil": "y ~ trt + (1 | subject)",
}
MODELS = {
    "Poisson": ("", "poisson", {}),
    "negative binomial 1": ("", "negative_binomial_1", {}),
    "negative binomial 2": ("", "negative_binomial_2", {}),
    "Poisson + olre()": (" + olre()", "poisson", {}),
    "zero-inflated Poisson": ("", "poisson", {"zero_inflation": "~ 1"}),
    "zero-inflated negative binomial 1": ("", "negative_binomial_1", {"zero_inflation": "~ 1"}),
    "zero-inflated negative binomial 2": ("", "negative_binomial_2", {"zero_inflation": "~ 1"}),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_models_by_laplace_and_the_pearson_ratio(name):
    data, stored = pd.read_csv(HERE / "data" / f"{name}.csv"), STORED[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no excess zeros in some
        for model, (more, family, options) in MODELS.items():
            fit = ilk.fit(FORMULAS[name] + more, data, family, **options)
            expected = stored["loglik"][model]
            assert fit.loglik == pytest.approx(expected, rel=1e-6), model
        base = ilk.fit(FORMULAS[name], data, "poisson")
        answer = base.overdispersion(draws=20)
    frame = answer.frame.set_index("model")
    assert list(frame.index) == list(MODELS)
    (pearson,) = (c for c in answer.found.checks if c.code == "pearson")
    assert pearson.statistic == pytest.approx(stored["pearson"], rel=1e-5)
    # by quadrature: near to Laplace but for the effects of rows, where it errs most
    moved = {model: frame.loglik[model] - stored["loglik"][model] for model in MODELS}
    assert all(0.0 < moved[model] < 6.0 for model in MODELS)
    assert all(0.0 < change < 0.8 for model, change in moved.items() if "olre" not in model)
    assert answer.found.alike


def test_effects_of_rows_against_integration_row_by_row():
    data = pd.read_csv(HERE / "data" / "Salamanders.csv")
    base = ilk.fit("count ~ mined", data, "poisson").overdispersion(draws=20)
    (fitted,) = (a.fitted for a in base.found.alternatives if a.name == "Poisson + olre()")
    sigma = float(np.sqrt(fitted.estimates.covariances[0][0, 0]))
    eta = fitted.coef[0] + fitted.coef[1] * (data.mined == "yes").to_numpy()
    total, known = 0.0, {}
    for y, mean in zip(data["count"], eta, strict=True):
        if (y, mean) not in known:
            area = integrate.quad(
                lambda b, y=y, mean=mean: stats.poisson.pmf(y, np.exp(mean + b))
                * stats.norm.pdf(b, 0.0, sigma),
                -9.0 * sigma, 9.0 * sigma, limit=400, points=[0.0, np.log(y + 0.5) - mean],
            )[0]  # fmt: skip
            known[y, mean] = np.log(area)
        total += known[y, mean]
    assert fitted.loglik == pytest.approx(total, rel=2e-6)
