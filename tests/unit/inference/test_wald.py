"""Wald tables: against the formulas, and where coefficients are not estimable."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from tests.fits import data_of, fit_of

import ilk
from ilk.errors import ModelError
from ilk.inference import aic, bic, df_model, df_resid
from ilk.inference.wald import (
    coefficient_covariance,
    coefficient_table,
    covariance_kind,
    p_values,
    two_sided,
)


def test_the_table_is_the_textbook():
    fitted = fit_of("cbpp").fitted
    table = coefficient_table(fitted, 0.9)
    error = np.sqrt(np.diag(fitted.vcov))
    z = stats.norm.ppf(0.95)
    np.testing.assert_allclose(table.std_error, error)
    np.testing.assert_allclose(table.statistic, fitted.coef / error)
    np.testing.assert_allclose(table.conf_low, fitted.coef - z * error)
    np.testing.assert_allclose(table.conf_high, fitted.coef + z * error)
    np.testing.assert_allclose(table.p_value, 2 * stats.norm.sf(np.abs(fitted.coef / error)))


def test_p_values_far_out():
    np.testing.assert_allclose(p_values(np.array([30.0])), 2 * stats.norm.sf(30.0))
    assert np.isnan(p_values(np.array([np.nan]))[0])


@pytest.mark.parametrize("level", [0.0, 1.0, 95, -1, "x", None, float("nan")])
def test_levels_out_of_range(level):
    with pytest.raises(ModelError, match="between 0 and 1"):
        two_sided(level)


def test_a_percentage_gets_a_hint():
    with pytest.raises(ModelError, match=r"Write 0\.95"):
        two_sided(95)


def test_collinear_columns_are_nan_and_named():
    data = data_of("gamma").assign(x2=lambda d: 2 * d.x + 1)
    fit = ilk.fit("y ~ x + x2 + (1 | g)", data, family="gamma", link="log")
    assert np.isnan(fit.params["x2"])
    assert np.isnan(fit.std_errors["x2"])
    assert "x2" in str(fit.summary())
    assert fit.cov.matrix.shape == (3, 3)  # Intercept, x, log dispersion
    assert ("mean", "x2") not in fit.cov.names
    full = ilk.fit("y ~ x + (1 | g)", data, family="gamma", link="log")
    assert fit.params["x"] == pytest.approx(full.params["x"])


def test_the_covariance_says_what_made_it():
    linear, other = fit_of("sleepstudy").fitted, fit_of("cbpp").fitted
    assert "least squares" in covariance_kind(linear)
    assert "observed information" in covariance_kind(other)
    cov = coefficient_covariance(other)
    np.testing.assert_array_equal(np.asarray(cov), other.vcov)
    assert cov.names == other.names


def test_criteria():
    fitted = fit_of("sleepstudy").fitted
    assert df_model(fitted) == 6
    assert df_resid(fitted) == 174
    assert aic(fitted) == pytest.approx(-2 * fitted.loglik + 12)
    assert bic(fitted) == pytest.approx(-2 * fitted.loglik + 6 * np.log(180))


def test_covariance_matrices_are_written_with_names():
    data = ilk.datasets.load("classroom_scores")
    fit = ilk.fit("score ~ prior + (1 | classroom)", data)
    text = repr(fit.cov_with("CR2"))
    assert text.startswith("Covariance matrix of coefficients: CR2")
    assert "Degrees of freedom: Satterthwaite" in text
    assert f"{np.asarray(fit.cov_with('CR2'))[0, 1]:.4g}" in text
    many = repr(fit.joint_covariance())
    assert "Covariance matrix of the errors of" in many
    assert "more)" in many
