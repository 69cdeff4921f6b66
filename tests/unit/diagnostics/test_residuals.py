"""Residuals of all kinds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from tests.fits import data_of, fit_of

from ilk.errors import ModelError


def test_gaussian_residuals_coincide():
    fit = fit_of("sleepstudy")
    raw = data_of("sleepstudy").Reaction - fit.fitted_values
    np.testing.assert_allclose(fit.residuals(), raw)
    np.testing.assert_allclose(fit.residuals("deviance"), raw, rtol=1e-10)
    np.testing.assert_allclose(fit.residuals("pearson"), raw / fit.sigma)
    np.testing.assert_allclose(fit.residuals("quantile"), raw / fit.sigma, rtol=1e-7)


def test_precision_weights():
    fit, data = fit_of("weighted"), data_of("weighted")
    raw = data.y - fit.fitted_values
    np.testing.assert_allclose(fit.residuals("pearson"), raw * np.sqrt(data.w) / fit.sigma)
    np.testing.assert_allclose(fit.residuals("deviance"), raw * np.sqrt(data.w))


def test_binomial_residuals_are_of_proportions():
    fit, data = fit_of("cbpp"), data_of("cbpp")
    n, p = data["size"], fit.fitted_values
    raw = data.incidence / n - p
    np.testing.assert_allclose(fit.residuals(), raw)
    np.testing.assert_allclose(fit.residuals("pearson"), raw / np.sqrt(p * (1 - p) / n))
    y = data.incidence.to_numpy(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        a = np.where(y > 0, y * np.log(y / (n * p)), 0.0)
        b = np.where(y < n, (n - y) * np.log((n - y) / (n * (1 - p))), 0.0)
    deviance = np.sign(raw) * np.sqrt(2 * (a + b))
    np.testing.assert_allclose(fit.residuals("deviance"), deviance, atol=1e-10)


def test_quantile_residuals_are_standard_normal_under_the_model():
    fit = fit_of("gamma")
    np.testing.assert_allclose(
        fit.residuals("quantile"),
        stats.norm.ppf(
            stats.gamma.cdf(
                data_of("gamma").y,
                1 / fit.dispersion,
                scale=fit.fitted_values * fit.dispersion,
            )
        ),
        rtol=1e-6,
        atol=1e-8,
    )
    for name in ("cbpp", "binary", "salamanders"):
        assert stats.kstest(fit_of(name).residuals("quantile"), "norm").pvalue > 1e-3


def test_quantile_residuals_are_repeatable():
    fit = fit_of("cbpp")
    np.testing.assert_array_equal(fit.residuals("quantile"), fit.residuals("quantile"))
    assert not np.array_equal(fit.residuals("quantile"), fit.residuals("quantile", seed=1))


def test_an_unknown_kind():
    with pytest.raises(ModelError, match="Did you mean 'pearson'"):
        fit_of("cbpp").residuals("person")


def test_a_family_without_deviance_says_so():
    with pytest.raises(ModelError, match="deviance"):
        fit_of("salamanders").residuals("deviance")
