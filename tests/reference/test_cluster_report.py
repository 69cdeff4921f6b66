"""Standard errors by four methods, correlations and sizes against lme4, geepack, clubSandwich."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import pytest

import ilk

from .data import HERE, table

pytestmark = pytest.mark.reference

CASES = {
    found["id"]: found
    for found in json.loads((HERE / "cluster_report.json").read_text(encoding="utf-8"))
}


@cache
def _report(name: str) -> Any:
    model = CASES[name]["model"]
    fit = ilk.fit(
        f"{model['fixed']} + {model['random']}", table(CASES[name]), family=model["family"]
    )
    return fit.cluster_report(cov=model["robust"])


def _side(name: str, method: str, estimand: str) -> Any:
    side = _report(name).report.side(method, estimand)
    assert side is not None
    return side


@pytest.mark.parametrize("name", CASES)
def test_ignoring_clusters_and_robust(name: str) -> None:
    expected = CASES[name]["results"]
    plain = _side(name, "ignoring clusters", "population")
    np.testing.assert_allclose(plain.estimate, expected["plain"]["estimate"], rtol=1e-6)
    # R's glm gives the expected information, ilk the observed one: equal for canonical links
    np.testing.assert_allclose(plain.std_error, expected["plain"]["std_error"], rtol=1e-6)
    robust = _side(name, "cluster-robust", "population")
    np.testing.assert_allclose(robust.std_error, expected["robust"]["std_error"], rtol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_gee(name: str) -> None:
    expected = CASES[name]["results"]["gee"]
    gee = _side(name, "GEE", "population")
    np.testing.assert_allclose(gee.estimate, expected["estimate"], rtol=1e-5)
    np.testing.assert_allclose(gee.std_error, expected["std_error"], rtol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_mixed_model(name: str) -> None:
    """lme4 where the model is linear, glmmTMB elsewhere; lme4's coarser errors there."""
    results = CASES[name]["results"]
    mixed = _side(name, "mixed model", "conditional")
    for program, tolerance in (("mixed", 1e-4), ("lme4", 6e-3)):
        errors = np.array(results[program]["std_error"])
        moves = np.abs(mixed.estimate - results[program]["estimate"]) / errors
        assert moves.max() < tolerance
        np.testing.assert_allclose(mixed.std_error, errors, rtol=tolerance)


@pytest.mark.parametrize("name", CASES)
def test_ratios_of_the_frame(name: str) -> None:
    """The ratios that users see are those of the standard errors of the other programs."""
    results = CASES[name]["results"]
    frame = _report(name).frame
    ignored = frame[frame.method == "ignoring clusters"]
    robust = frame[frame.method == "cluster-robust"]
    plain = np.array(results["plain"]["std_error"])
    np.testing.assert_allclose(ignored.design_effect, 1.0)
    expected = (np.array(results["robust"]["std_error"]) / plain) ** 2
    np.testing.assert_allclose(robust.design_effect, expected, rtol=1e-5)
    if CASES[name]["model"]["family"] == "gaussian":
        np.testing.assert_allclose(ignored.ratio, plain / results["mixed"]["std_error"], rtol=1e-5)


@pytest.mark.parametrize("name", ["hsb82", "pastes", "bacteria"])
def test_correlation(name: str) -> None:
    """performance::icc, on the latent scale for binary responses."""
    results = CASES[name]["results"]
    frame = _report(name).correlations.frame
    assert frame.estimate[0] == pytest.approx(
        results["icc"]["adjusted"], rel=1e-5 if name != "bacteria" else 2e-3
    )


@pytest.mark.parametrize("name", CASES)
def test_sizes_and_design_effect(name: str) -> None:
    sizes = CASES[name]["results"]["sizes"]
    report = _report(name)
    row = report.sizes.frame.iloc[0]
    assert row.clusters == sizes["clusters"]
    assert row.singletons == sizes["singletons"]
    columns = ["smallest", "lower_quartile", "median", "upper_quartile", "largest"]
    np.testing.assert_allclose(row[columns].astype(float), sizes["quantiles"])
    assert row["mean"] == pytest.approx(sizes["mean"])
    assert row.cv == pytest.approx(sizes["cv"], abs=1e-12)
    effect = report.design_effects.frame.iloc[0]
    kish = (sizes["cv"] ** 2 + 1.0) * sizes["mean"]
    assert kish == pytest.approx(sizes["self_weighted"])
    assert effect.design_effect == pytest.approx(1.0 + (kish - 1.0) * effect.correlation)
    if CASES[name]["model"]["family"] == "gaussian":
        rho = CASES[name]["results"]["icc"]["adjusted"]
        assert effect.correlation == pytest.approx(rho, rel=1e-5)
