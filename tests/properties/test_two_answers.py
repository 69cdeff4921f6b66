"""Conditional and population effects on every data set of the reference cases."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from ilk.effects import marginal_coefficients
from ilk.effects.collapsibility import collapsibility
from ilk.effects.marginal_coefficients import population_rows
from ilk.errors import ModelError
from ilk.family.inflation import ZeroInflated
from ilk.family.link import Cloglog, Identity, Log, Logit, Probit
from ilk.prediction.means import is_inverse_link
from tests.reference.data import cases
from tests.reference.observe import fit_case

MIXED = [case for case in cases() if "corstr" not in case["model"]]


@pytest.mark.parametrize("case", MIXED, ids=lambda case: case["id"])
def test_in_the_right_direction(case: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = fit_case(case)
    fitted, link = fit.fitted, fit.family.link
    if np.any(~np.isfinite(fitted.coef)):
        pytest.skip("no estimates")
    if collapsibility(fitted).kind == "no_population_mean":
        with pytest.raises(ModelError, match="does not exist"):
            marginal_coefficients(fitted)
        return
    inner = fitted.family.base if isinstance(fitted.family, ZeroInflated) else fitted.family
    random = any(np.any(G) for G in fitted.estimates.covariances)
    if random and not is_inverse_link(inner):
        with pytest.raises(ModelError, match="no population-averaged counterparts"):
            marginal_coefficients(fitted)
        return
    averaged, eta = population_rows(fitted)
    found = marginal_coefficients(fitted)
    if isinstance(link, Identity):
        np.testing.assert_array_equal(found.estimate, fitted.coef[: len(found.estimate)])
        assert collapsibility(fitted).kind == "collapsible"
    elif isinstance(link, Log):
        assert np.all(averaged.value >= eta)
        np.testing.assert_allclose(averaged.by_eta[0], 1.0)
    elif isinstance(link, (Logit, Probit, Cloglog)):
        slope = averaged.by_eta[0]
        assert np.all((slope > 0.0) & (slope <= 1.0 + 1e-9))
        if random and not isinstance(link, Cloglog):  # the odds are drawn to even ones
            assert np.all(np.abs(averaged.value) <= np.abs(eta) * (1.0 + 1e-9))
    if fit.verdict.converged:
        known = np.isfinite(found.conditional_error)
        assert np.all(np.isfinite(found.std_error[known]))
    assert fit.caveats().codes[0] == "association"
    assert fit.methods().text.endswith(".")
