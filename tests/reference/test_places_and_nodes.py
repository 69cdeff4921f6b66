"""Ancestral states against ape, kriging of new places against gstat."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

import ilk
from ilk.fit import Fit
from ilk.fitted import Lazy

from .data import HERE

pytestmark = pytest.mark.reference

FOUND = json.loads((HERE / "places_and_nodes.json").read_text(encoding="utf-8"))


def _evolved(**options):
    data = pd.DataFrame({"tip": FOUND["tips"], "x": FOUND["x"], "tiny": 1e-7})
    tree = ilk.covariance.tree(FOUND["newick"])
    covariance = {"tip": tree}
    none = "~ 0 + offset(log(tiny))"  # as good as no residual
    fit = ilk.fit("x ~ 1 + (1 | tip)", data, covariance=covariance, dispersion=none, **options)
    nodes = pd.DataFrame({"tip": FOUND["ancestors"]["node"], "tiny": 1e-7})
    return fit, tree, fit.predict(nodes, interval="confidence")


def test_ancestral_states():
    """Of all nodes, the root too; ape's rate has no correction for the mean, its limits are t."""
    theirs = FOUND["ancestors"]
    fit, tree, ours = _evolved(reml=False)
    assert ours.estimate.to_numpy() == pytest.approx(theirs["estimate"], abs=1e-5)
    rate = fit.fitted.estimates.covariances[0][0, 0] / tree.scale
    assert rate == pytest.approx(theirs["sigma2"], rel=5e-5)
    half = 0.5 * (np.array(theirs["high"]) - np.array(theirs["low"]))
    tips = len(FOUND["x"])
    assert ours.std_error.to_numpy() == pytest.approx(half / t.ppf(0.975, tips - 1), rel=5e-5)


def test_restricted_rate():
    """By REML the rate is that of n - 1 independent contrasts, with the same states."""
    fit, tree, ours = _evolved(reml=True)
    n = len(FOUND["x"])
    rate = fit.fitted.estimates.covariances[0][0, 0] / tree.scale
    assert rate == pytest.approx(FOUND["ancestors"]["sigma2"] * n / (n - 1), rel=5e-5)
    assert ours.estimate.to_numpy() == pytest.approx(FOUND["ancestors"]["estimate"], abs=1e-5)


@pytest.mark.parametrize("k", range(len(FOUND["kriging"])))
def test_kriging(k):
    """Universal kriging of new places, variances and range held at gstat's."""
    theirs, places = FOUND["kriging"][k], pd.DataFrame(FOUND["places"])
    places["site"] = np.arange(len(places))
    field = ilk.covariance.spatial("u", "v", kind="exp")
    fit = ilk.fit("y ~ slope + (1 | site)", places, covariance={"site": field})
    sd = np.sqrt(theirs["sill"] / theirs["error"])
    held = _at(fit, [sd, np.log(theirs["range"])], theirs["error"])
    new = pd.DataFrame(FOUND["new"]).assign(site=[f"new {i}" for i in range(4)])
    ours = held.predict(new, interval="confidence")
    assert ours.estimate.to_numpy() == pytest.approx(theirs["estimate"], abs=1e-9)
    assert ours.std_error.to_numpy() ** 2 == pytest.approx(theirs["variance"], rel=1e-8)


def _at(fit: Fit, theta: list[float], sigma2: float) -> Fit:
    """The fit at other covariance parameters, which count as known."""
    fitted = fit.fitted
    marginal = fitted.marginal
    point = replace(marginal.at_point(fitted.point.beta, np.array(theta)))
    scale = marginal.scaled.scale
    point = replace(point, sigma2=sigma2 / scale**2)
    known = np.zeros_like(fitted.psi_covariance())
    P = len(fitted.coef)
    known[:P, :P] = marginal.coef_covariance(point)
    return Fit(
        replace(
            fitted,
            point=point,
            estimates=marginal.estimates(point),
            psi_covariance=Lazy(lambda: known),
            mode_covariance=Lazy(lambda: marginal.mode_covariance(point)),
            mode_sensitivity=Lazy(lambda: marginal.mode_sensitivity(point)),
        )
    )
