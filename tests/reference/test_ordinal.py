"""Ordered categories against clmm and clm of ordinal, acat and sratio of VGAM."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import ilk

from .data import HERE, as_kind

pytestmark = pytest.mark.reference

MIXED = json.loads((HERE / "ordinal_mixed.json").read_text(encoding="utf-8"))
FIXED = json.loads((HERE / "ordinal.json").read_text(encoding="utf-8"))
ORDERED = [name for name in FIXED if not name.startswith("multinomial")]

LAPLACE_ERRORS = {"ord-wine-logit"}
"""Standard errors of clmm's Laplace approximation are 1 to 2.5 percent below those of the second
derivatives of its criterion, which test_laplace_errors_are_of_the_criterion takes by brute force.
"""


def frame(case):
    text = pd.read_csv(HERE / case["data"], dtype=str)
    return pd.DataFrame({name: as_kind(text[name], kind) for name, kind in case["columns"].items()})


def fit_of(case):
    model = case["model"]
    return ilk.fit(
        model["formula"], frame(case), "cumulative", model["link"], quadrature=model["nAGQ"]
    )


def by_name(fit, values):
    """Thresholds first, then the mean, as clm and clmm order them."""
    cuts = [v for v, (c, _) in zip(values, fit.fitted.names, strict=True) if c not in PLAIN]
    rest = [v for v, (c, _) in zip(values, fit.fitted.names, strict=True) if c in PLAIN]
    return np.array([*cuts, *rest])


PLAIN = ("mean", "dispersion")


@pytest.mark.parametrize("case", MIXED, ids=lambda case: case["id"])
def test_mixed_models_agree_with_clmm(case):
    fit, results = fit_of(case), case["results"]
    assert fit.verdict.converged
    assert fit.loglik == pytest.approx(results["logLik"], rel=1e-8)
    se = np.array([one["se"] for one in results["fixed"]])
    estimates = np.array([one["estimate"] for one in results["fixed"]])
    assert np.max(np.abs(by_name(fit, fit.fitted.coef) - estimates) / se) < 1e-3
    error = 0.03 if case["id"] in LAPLACE_ERRORS else 1e-3
    errors = np.sqrt(np.diag(fit.fitted.vcov))
    np.testing.assert_allclose(by_name(fit, errors), se, rtol=error)
    sd = np.sqrt(fit.fitted.estimates.covariances[0][0, 0])
    assert sd == pytest.approx(results["varcorr"][0]["sd"][0], rel=1e-4)
    found = fit.predict().estimate.to_numpy().reshape(-1, results["n_categories"])
    observed = fit.fitted.design.response.y[:10].astype(int)
    np.testing.assert_allclose(
        found[np.arange(10), observed], results["fitted_first10"], rtol=1e-3, atol=1e-6
    )


@pytest.mark.parametrize("case", MIXED, ids=lambda case: case["id"])
def test_predicted_probabilities_agree(case):
    fit, wanted = fit_of(case), case["results"]["predict"]
    for row, kind, probabilities in zip(
        wanted["rows"], wanted["kind"], wanted["probabilities"], strict=True
    ):
        question = "conditional" if kind == "known" else "typical"
        given = {name: [value] for name, value in row.items() if value is not None}
        found = fit.predict(pd.DataFrame(given), estimand=question)
        assert found.category.tolist() == list(fit.family.levels)
        np.testing.assert_allclose(found.estimate, probabilities, rtol=1e-3, atol=1e-6)


def test_laplace_errors_are_of_the_criterion():
    from ilk.likelihood.brute_force import laplace_loglik

    (case,) = (case for case in MIXED if case["id"] in LAPLACE_ERRORS)
    fit = fit_of(case).fitted
    marginal, at = fit.marginal, fit.point
    center = np.concatenate([at.beta, at.theta])
    P, h = len(at.beta), 2e-3

    def value(x):
        return laplace_loglik(marginal.scaled.data, fit.family, x[:P], marginal.lam(x[P:]))

    steps, n = h * np.eye(len(center)), len(center)
    information = np.empty((n, n))
    for i in range(n):
        for j in range(i + 1):
            a, b = steps[i], steps[j]
            cross = value(center + a + b) - value(center + a - b)
            cross -= value(center - a + b) - value(center - a - b)
            information[i, j] = information[j, i] = -cross / (4.0 * h * h)
    found = np.sqrt(np.diag(np.linalg.inv(information)))[:P] * np.diag(marginal.scaled.coef_map)
    np.testing.assert_allclose(np.sqrt(np.diag(fit.vcov)), found, rtol=1e-5)


def arguments(name):
    """Formula and arguments of a fit of the script."""
    kind, *rest = name.split("-")
    both = "rating ~ temp + contact"
    match kind:
        case "cumulative":
            return both, ilk.families.cumulative(rest[0], thresholds=rest[1]), {}
        case "scale":
            return both, ilk.families.cumulative(), {"dispersion": "~ temp"}
        case "nominal":
            effects = {"parameters": {"thresholds": "~ contact"}}
            return "rating ~ temp", ilk.families.cumulative(), effects
        case "adjacent":
            return both, ilk.families.adjacent_category(), {}
        case "continuation":
            return both, ilk.families.continuation_ratio(rest[0]), {}
    raise AssertionError(name)


@pytest.mark.parametrize("name", ORDERED)
def test_models_without_random_effects_agree(name):
    wanted = FIXED[name]
    data = pd.read_csv(HERE / "data/wine.csv")
    formula, family, others = arguments(name)
    fit = ilk.fit(formula, data, family, **others)
    if "cauchit" in name:  # clm stops some 3e-4 below the maximum there
        assert 0.0 < fit.loglik - wanted["loglik"] < 1e-3
        assert fit.verdict.converged
        return
    assert fit.loglik == pytest.approx(wanted["loglik"], rel=1e-9)
    estimate, se = (by_name(fit, x) for x in (fit.fitted.coef, np.sqrt(np.diag(fit.fitted.vcov))))
    expected, errors = np.array(wanted["estimate"]), np.array(wanted["se"])
    place = np.arange(len(estimate))
    if name == "nominal":  # by column there, by threshold here
        place = np.array([0, 4, 1, 5, 2, 6, 3, 7, 8])
    if name == "adjacent":  # as the logit of the upper category there, without thresholds
        expected[:4] *= -1.0
    if name.startswith("continuation"):  # as the predictor of stopping
        expected[4:] *= -1.0
    np.testing.assert_allclose(estimate, expected[place], rtol=1e-5, atol=2e-5)
    observed = name.startswith(("continuation", "adjacent"))  # expected information there
    np.testing.assert_allclose(se, errors[place], rtol=0.05 if observed else 1e-3)
