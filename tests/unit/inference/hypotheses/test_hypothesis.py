"""Tests of linear hypotheses: textbook formulas, refits, invariance."""

import math

import numpy as np
import pytest
from scipy import stats
from tests.fits import data_of, fit_of

import ilk
from ilk import ModelError
from ilk.inference.hypotheses.hypothesis import linear_hypothesis
from ilk.inference.wald import CoefficientCovariance


def test_least_squares_f_is_the_comparison_of_residual_sums():
    data = data_of("binary").assign(z=lambda d: np.sin(np.arange(len(d))) + d.x)
    full = ilk.fit("z ~ x * sex", data)
    null = ilk.fit("z ~ x", data)
    found = linear_hypothesis(full.fitted, "sex[T.m] = 0, x:sex[T.m] = 0").joint
    rss = [float(np.sum(fit.residuals() ** 2)) for fit in (null, full)]
    rest = len(data) - 4
    statistic = (rss[0] - rss[1]) / 2 / (rss[1] / rest)
    assert found.test == "F"
    assert (found.df_num, found.df) == (2, rest)
    assert found.statistic == pytest.approx(statistic)
    assert found.p_value == pytest.approx(stats.f.sf(statistic, 2, rest))


def test_one_row_is_the_table_of_coefficients():
    fit = fit_of("sleepstudy")
    row = fit.tidy().set_index("term").loc["Days"]
    found = linear_hypothesis(fit.fitted, "Days = 0")
    (test,) = found.tests
    assert test.statistic == pytest.approx(row.statistic)
    assert test.df == pytest.approx(row.df)
    assert test.p_value == pytest.approx(row.p_value)
    assert found.conf_low[0] == pytest.approx(row.conf_low)
    assert found.joint.test == "F"
    assert found.joint.statistic == pytest.approx(row.statistic**2)
    assert found.joint.p_value == pytest.approx(row.p_value)


def test_generalized_wald_is_the_quadratic_form():
    fitted = fit_of("cbpp").fitted
    found = linear_hypothesis(fitted, "period[T.2] = period[T.3] = period[T.4]").joint
    L = np.array([[0, 1, -1, 0], [0, 0, 1, -1]], float)
    square = (L @ fitted.coef) @ np.linalg.solve(L @ fitted.vcov @ L.T, L @ fitted.coef)
    assert found.test == "chi-square"
    assert found.statistic == pytest.approx(square)
    assert found.p_value == pytest.approx(stats.chi2.sf(square, 2))
    assert math.isinf(found.df)


@pytest.mark.parametrize("name", ["sleepstudy", "cbpp"])
def test_other_rows_for_the_same_space(name):
    fitted = fit_of(name).fitted
    P = len(fitted.coef)
    L = np.eye(P)[1:] if P > 2 else np.eye(2)
    turned = np.random.default_rng(1).normal(size=(len(L), len(L))) @ L
    a, b = (linear_hypothesis(fitted, rows).joint for rows in (L, turned))
    assert a.statistic == pytest.approx(b.statistic)


def test_likelihood_ratio():
    fitted = fit_of("cbpp").fitted
    null = ilk.fit("incidence / size ~ 1 + (1 | herd)", data_of("cbpp"), family="binomial")
    found = linear_hypothesis(
        fitted,
        "period[T.2] = 0, period[T.3] = 0, period[T.4] = 0",
        method="likelihood_ratio",
    )
    assert found.joint.statistic == pytest.approx(2 * (fitted.loglik - null.loglik), abs=1e-5)
    assert found.joint.df_num == 3
    assert [test.df_num for test in found.tests] == [1, 1, 1]


def test_likelihood_ratio_after_reml_is_of_ml():
    found = linear_hypothesis(fit_of("sleepstudy").fitted, "Days = 0", method="likelihood_ratio")
    fits = [
        ilk.fit(f"Reaction ~ {mean} + (1 + Days | Subject)", data_of("sleepstudy"), reml=False)
        for mean in ("Days", "1")
    ]
    expected = 2 * (fits[0].loglik - fits[1].loglik)
    assert found.joint.statistic == pytest.approx(expected, abs=1e-5)
    assert "not REML" in found.notes[0]


def test_redundant_and_contradictory_rows():
    fitted = fit_of("cbpp").fitted
    once = linear_hypothesis(fitted, "period[T.2] = 1")
    twice = linear_hypothesis(fitted, "period[T.2] = 1, 2 * period[T.2] = 2")
    assert twice.joint == once.joint
    assert "'2 * period[T.2] = 2' follows from the other equations" in twice.notes[0]
    with pytest.raises(ModelError, match=r"'period\[T.2\] = 2' contradicts"):
        linear_hypothesis(fitted, "period[T.2] = 1, period[T.2] = 2")


def test_options_that_do_not_go_together():
    fitted = fit_of("sleepstudy").fitted
    for options, words in (
        ({"method": "lr"}, "choose one of 'wald'"),
        ({"method": "likelihood_ratio", "df": "normal"}, "leave df= and cov= out"),
        ({"method": "likelihood_ratio", "cov": "CR2"}, "cannot use cov='CR2'"),
        ({"df": "kr"}, "df='kr' is not known"),
        ({"level": 95}, "0.95"),
    ):
        with pytest.raises(ModelError, match=words):
            linear_hypothesis(fitted, "Days = 0", **options)


def test_penalized_fits_have_no_likelihood_ratio():
    fit = ilk.fit("y ~ x + (1 | g)", data_of("binary"), family="binomial", penalty="log_f")
    with pytest.raises(ModelError, match="penalized"):
        linear_hypothesis(fit.fitted, "x = 0", method="likelihood_ratio")
    assert math.isfinite(linear_hypothesis(fit.fitted, "x = 0").joint.p_value)


def test_a_singular_covariance_matrix_is_refused():
    fitted = fit_of("cbpp").fitted
    few = np.outer(fitted.coef, fitted.coef)  # of rank one, as from two clusters
    covariance = CoefficientCovariance(few, fitted.names, "rank one")
    with pytest.raises(ModelError, match="test fewer at once"):
        linear_hypothesis(fitted, "period[T.2] = 0, period[T.3] = 0", cov=covariance)
