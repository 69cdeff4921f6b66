"""Covariance matrices and degrees of freedom by name."""

import math

import numpy as np
import pytest
from tests.fits import data_of, fit_of

import ilk
from ilk import ModelError
from ilk.inference.chosen import chosen_covariance
from ilk.inference.wald import coefficient_covariance


def test_defaults_by_kind_of_model():
    mixed = chosen_covariance(fit_of("sleepstudy").fitted)
    assert mixed.df_kind == "Satterthwaite"
    assert mixed.coefficient_df() == pytest.approx([17.0, 17.0], rel=1e-5)
    plain = ilk.fit("Reaction ~ Days", data_of("sleepstudy"))
    assert chosen_covariance(plain.fitted).coefficient_df().tolist() == [178.0, 178.0]
    counts = chosen_covariance(fit_of("ticks").fitted)
    assert counts.df is None
    assert np.isinf(counts.coefficient_df()).all()


def test_least_squares_divides_by_n_minus_p():
    fit = ilk.fit("Reaction ~ Days", data_of("sleepstudy"))
    X = fit.fitted.design.fixed[0].X
    residual = fit.residuals()
    expected = np.linalg.inv(X.T @ X) * (residual @ residual) / (len(X) - 2)
    np.testing.assert_allclose(fit.cov.matrix, expected)
    np.testing.assert_allclose(fit.std_errors.array**2, np.diag(expected))
    restricted = ilk.fit("Reaction ~ Days", data_of("sleepstudy"), reml=True)
    np.testing.assert_allclose(restricted.cov.matrix, expected)


def test_named_degrees_of_freedom():
    fitted = fit_of("sleepstudy").fitted
    assert chosen_covariance(fitted, df="normal").df is None
    assert chosen_covariance(fitted, df="residual").coefficient_df().tolist() == [178.0] * 2
    adjusted = chosen_covariance(fitted, df="kenward_roger")
    assert adjusted.joint is not None
    assert "Kenward-Roger" in adjusted.kind


def test_robust_matrices_and_one_made_before():
    fit = fit_of("sleepstudy")
    named = chosen_covariance(fit.fitted, "CR2")
    given = chosen_covariance(fit.fitted, fit.cov_with("CR2"))
    np.testing.assert_allclose(named.matrix, given.matrix)
    np.testing.assert_allclose(named.coefficient_df(), given.coefficient_df())
    normal = chosen_covariance(fit.fitted, "CR2", "normal")
    np.testing.assert_allclose(normal.matrix, named.matrix)
    assert normal.df is None
    assert chosen_covariance(fit.fitted, "CR2", "satterthwaite").df is not None


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("sleepstudy", {"df": "kenwardroger"}, "Did you mean 'kenward_roger'"),
        ("sleepstudy", {"df": 12}, "df=12 is not known"),
        ("sleepstudy", {"cov": "cr2"}, "Did you mean 'CR2'"),
        ("sleepstudy", {"cov": "CR2", "df": "kenward_roger"}, "leave cov= out"),
        ("cbpp", {"df": "satterthwaite"}, "is for linear mixed models"),
        ("cbpp", {"df": "kenward_roger"}, "are for linear mixed models"),
        ("cbpp", {"df": "residual"}, "is for linear models"),
        ("dyestuff2", {"df": "kenward_roger"}, "reml=True"),
    ],
)
def test_refusals(name, options, words):
    with pytest.raises(ModelError, match=words):
        chosen_covariance(fit_of(name).fitted, **options)


def test_a_matrix_of_another_fit():
    other = coefficient_covariance(fit_of("cbpp").fitted)
    with pytest.raises(ModelError, match="other coefficients"):
        chosen_covariance(fit_of("sleepstudy").fitted, other)
    with pytest.raises(ModelError, match="no Satterthwaite"):
        chosen_covariance(fit_of("cbpp").fitted, other, "satterthwaite")


def test_intervals_are_t():
    row = fit_of("sleepstudy").tidy(0.9).iloc[0]
    assert (row.conf_high - row.estimate) / row.std_error == pytest.approx(1.739607, rel=1e-4)
    assert math.isclose(row.statistic, row.estimate / row.std_error)


def test_singular_fits_say_what_counts():
    fit = ilk.fit("Yield ~ 1 + (1 | Batch)", data_of("dyestuff2"))
    assert "without variance count as absent" in chosen_covariance(fit.fitted).df_kind
    assert "count as estimates" in chosen_covariance(fit.fitted, df="kenward_roger").df_kind
    assert "without variance count as absent" in fit.summary().text
    assert "absent" not in fit_of("sleepstudy").summary().text
