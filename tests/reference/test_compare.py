"""Information criteria and tests of variances against lme4, cAIC4, RLRsim and glmmTMB."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.inference.comparison.conditional_aic import conditional_aic
from ilk.inference.comparison.likelihood_ratio import likelihood_ratio
from ilk.inference.comparison.nesting import columns_of
from ilk.inference.comparison.restricted_lrt import ratio_draws, spectrum

from .data import HERE, Case
from .translate import FAMILIES

pytestmark = pytest.mark.reference

CASES: list[Case] = json.loads((HERE / "compare.json").read_text(encoding="utf-8"))

PENALTY = 0.004
"""Relative; cAIC4's analytic penalty is up to 0.2 % above the derivative of the fit by refits
(tests/unit/inference/comparison/test_conditional_aic.py), which ours equals."""

MONTE_CARLO = 0.006
"""Absolute, of tail probabilities: four standard errors of 50,000 draws, and the grids."""


def of(kind: str) -> list[Any]:
    return [pytest.param(case, id=case["id"]) for case in CASES if case["id"].startswith(kind)]


def table(case: Case) -> pd.DataFrame:
    data = pd.read_csv(HERE / case["data"])
    return data.assign(**{name: data[name].astype(str) for name in case["factors"]})


@pytest.mark.parametrize("case", of("caic"))
def test_conditional_aic(case: Case) -> None:
    for model in case["models"]:
        family = model.get("family", "gaussian")
        fit = ilk.fit(model["formula"], table(case), family, reml=model.get("reml"))
        found = conditional_aic(fit.fitted)
        assert found.loglik == pytest.approx(model["conditional_loglik"], abs=3e-3)
        assert found.df == pytest.approx(model["conditional_df"], rel=PENALTY)
        assert found.value == pytest.approx(model["caic"], abs=0.15)
        if "aic" in model:
            assert (fit.aic, fit.bic) == pytest.approx((model["aic"], model["bic"]), abs=1e-5)


@pytest.mark.parametrize("case", of("null"))
@pytest.mark.parametrize("kind", ["reml", "ml"])
def test_exact_null_distribution(case: Case, kind: str) -> None:
    fit = ilk.fit(case["formula"], table(case)).fitted
    term = fit.design.terms[0]
    found = spectrum(fit, columns_of(term)[:, 0], term.grouping.codes, len(term.grouping.levels))
    assert found is not None
    draws = ratio_draws(found, reml=kind == "reml", draws=50_000, seed=1)
    tails = [float(np.mean(draws >= t)) for t in case["null"][kind]["at"]]
    assert tails == pytest.approx(case["null"][kind]["p_value"], abs=MONTE_CARLO)
    assert np.mean(draws < 1e-8) == pytest.approx(case["null"][kind]["zero"], abs=MONTE_CARLO)


@pytest.mark.parametrize("case", of("rlrt"))
def test_restricted_likelihood_ratio(case: Case) -> None:
    data = table(case)
    large = ilk.fit(case["full"], data).fitted
    without = case["others"] or case["full"].split("+ (")[0]
    small = ilk.fit(without, data, reml=True).fitted
    found = likelihood_ratio(small, large, draws=50_000)
    assert found.statistic == pytest.approx(case["statistic"], abs=1e-4)
    assert found.p_value == pytest.approx(case["p_value"], abs=MONTE_CARLO)


@pytest.mark.parametrize("case", of("table"))
def test_tables_of_counts(case: Case) -> None:
    """All constants are there, so that families can be compared; a part that vanishes is named."""
    data = table(case)
    fits = [
        ilk.fit(
            model["formula"],
            data,
            FAMILIES[model["family"]],
            zero_inflation=model["zero_inflation"],
        )
        for model in case["models"]
    ]
    answer = ilk.compare(*fits, refits=0)
    frame = answer.frame
    for name in ("loglik", "aic", "bic"):
        np.testing.assert_allclose(frame[name], [m[name] for m in case["models"]], atol=2e-5)
    assert frame.df.tolist() == [model["df"] for model in case["models"]]
    last = f"model {len(fits)}: "  # negative binomial with what it does not need
    (note,) = [note for note in answer.notes if note.startswith(last)]
    assert "estimated as zero" in note
    assert frame.verdict.iloc[-1] == "boundary"
    assert frame.delta.iloc[-1] == pytest.approx(2.0, abs=1e-4)
