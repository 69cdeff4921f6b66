"""Information criteria by their formulas."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from tests.fits import fit_of

import ilk


def test_formulas():
    fit = fit_of("cbpp")
    k, n, deviance = 5, 56, -2.0 * fit.loglik
    assert (fit.df_model, fit.nobs) == (k, n)
    assert fit.aic == pytest.approx(deviance + 2 * k)
    assert fit.aicc == pytest.approx(deviance + 2 * k * n / (n - k - 1))
    assert fit.bic == pytest.approx(deviance + k * math.log(n))
    assert fit.glance().aicc[0] == fit.aicc


def test_too_few_observations_have_no_corrected_criterion():
    data = pd.DataFrame({"y": [1.0, 2.0, 4.0, 3.0], "x": [1.0, 2.0, 3.0, 5.0]})
    k, n = 3, 4
    fit = ilk.fit("y ~ x", data)
    assert (fit.df_model, fit.nobs) == (k, n)
    assert math.isnan(fit.aicc)
