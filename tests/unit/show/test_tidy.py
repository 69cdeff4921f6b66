"""Answers as columns."""

from __future__ import annotations

import numpy as np
import pytest
from tests.fits import data_of, fit_of

import ilk
from ilk.errors import ModelError


def test_tidy():
    table = fit_of("salamanders").tidy()
    assert list(table) == [
        "component",
        "group",
        "term",
        "estimate",
        "std_error",
        "statistic",
        "df",
        "p_value",
        "conf_low",
        "conf_high",
        "estimand",
    ]
    coefficients = table[table.group.isna()]
    assert coefficients.component.tolist() == [
        "mean",
        "mean",
        "dispersion",
        "zero_inflation",
        "zero_inflation",
    ]
    assert set(coefficients.estimand) == {"conditional"}
    assert np.isinf(coefficients.df).all()
    variances = table[table.group.notna()]
    assert variances.term.tolist() == ["sd(Intercept)"]
    assert variances.p_value.isna().all()


def test_tidy_names_correlations():
    table = fit_of("sleepstudy").tidy()
    assert table.term.tolist() == [
        "Intercept",
        "Days",
        "sd(Intercept)",
        "sd(Days)",
        "correlation(Intercept ~ Days)",
        "sd(Residual)",
    ]


def test_glance():
    row = fit_of("sleepstudy").glance().iloc[0]
    fit = fit_of("sleepstudy")
    assert (row.nobs, row.df_model, row.df_resid) == (180, 6, 174)
    assert row.loglik == fit.loglik
    assert row.sigma == fit.sigma
    assert row.converged
    assert row.estimator == "REML"


def test_augment():
    data = data_of("sleepstudy").copy()
    data.loc[[0, 5], "Days"] = np.nan
    fit = ilk.fit("Reaction ~ Days + (1 | Subject)", data)
    table = fit.augment()
    assert list(table) == [
        "row",
        "Reaction",
        "Subject",
        "fitted",
        "residual",
        "pearson",
        "estimand",
    ]
    assert len(table) == 178
    assert table.row.tolist()[:4] == [1, 2, 3, 4]
    np.testing.assert_allclose(table.fitted + table.residual, table.Reaction)
    assert table.Subject.tolist() == data.Subject.drop([0, 5]).tolist()


def test_augment_keeps_its_own_names():
    data = data_of("sleepstudy").rename(columns={"Reaction": "fitted", "Subject": "row"})
    table = ilk.fit("fitted ~ Days + (1 | row)", data).augment()
    assert list(table)[:4] == ["row", "fitted_", "row_", "fitted"]


def test_intervals():
    fit = fit_of("cbpp")
    table, tidy = fit.conf_int(0.9), fit.tidy(0.9)
    np.testing.assert_array_equal(table.conf_low, tidy.conf_low)
    assert set(table.method) == {"wald"}
    assert (fit.conf_int(0.99).conf_low < table.conf_low).all()


@pytest.mark.parametrize(
    ("method", "options"), [("profile", {}), ("bootstrap", {"draws": 50, "seed": 1})]
)
def test_intervals_of_other_methods_have_the_same_rows(method, options):
    fit = fit_of("cbpp")
    table, wald = fit.conf_int(method=method, **options), fit.conf_int()
    for column in ("component", "term", "estimand"):
        assert list(table[column].fillna("")) == list(wald[column].fillna(""))
    np.testing.assert_allclose(table.estimate, wald.estimate, rtol=1e-6)
    assert all(text.startswith(method) for text in table.method)
    with pytest.raises(ModelError, match=f"cov= is not an option of method='{method}'"):
        fit.conf_int(method=method, cov="CR2")


def test_intervals_of_no_kind():
    with pytest.raises(ModelError, match="is not known"):
        fit_of("cbpp").conf_int(method="exact")
