"""One row per part of the random terms, each against a fit without it."""

from __future__ import annotations

import math

import pytest
from tests.fits import data_of, fit_of

import ilk
from ilk.inference.comparison.random_effects import random_effect_tests


def test_rows_of_a_correlated_term():
    fit = fit_of("sleepstudy").fitted
    slope, correlation, whole = random_effect_tests(fit)
    assert [row.term for row in (slope, correlation, whole)] == ["Days", "correlations", "(all)"]
    data = data_of("sleepstudy")
    assert slope.loglik_without == pytest.approx(
        ilk.fit("Reaction ~ Days + (1 | Subject)", data).loglik
    )
    apart = ilk.fit("Reaction ~ Days + (1 + Days || Subject)", data)
    assert correlation.loglik_without == pytest.approx(apart.loglik, abs=1e-6)
    assert correlation.ratio.statistic == pytest.approx(2 * (fit.loglik - apart.loglik), abs=1e-6)
    assert correlation.aic_without == pytest.approx(apart.aic, abs=1e-6)
    assert slope.sd == pytest.approx(5.922, abs=1e-3)
    assert math.isnan(whole.sd)
    assert [row.ratio.df for row in (slope, correlation, whole)] == [2, 1, 3]
    assert {row.bar for row in (slope, correlation, whole)} == {"1 + Days | Subject"}


def test_one_row_per_single_term_and_the_exact_distribution():
    rows = random_effect_tests(fit_of("penicillin").fitted)
    assert [(row.group, row.term) for row in rows] == [
        ("plate", "Intercept"),
        ("sample", "Intercept"),
    ]
    assert all(row.ratio.null.startswith("exact restricted LR") for row in rows)
    assert all(row.ratio.p_value == pytest.approx(1 / 10_001) for row in rows)
    by_mixture = random_effect_tests(fit_of("penicillin").fitted, "chi_bar")
    assert all(row.ratio.null == "0.5 chi2(0) + 0.5 chi2(1)" for row in by_mixture)


def test_independent_effects_each_have_a_row():
    fit = ilk.fit("Reaction ~ Days + (1 + Days || Subject)", data_of("sleepstudy")).fitted
    rows = random_effect_tests(fit)
    assert [row.term for row in rows] == ["Intercept", "Days", "(all)"]
    assert [row.ratio.df for row in rows] == [1, 1, 2]


def test_generalized_models():
    (row,) = random_effect_tests(fit_of("salamanders").fitted)
    assert row.ratio.null == "0.5 chi2(0) + 0.5 chi2(1)"
    with pytest.raises(ilk.ModelError, match="linear mixed models only"):
        random_effect_tests(fit_of("cbpp").fitted, "simulated")


def test_penalized_fits_are_refused_as_such():
    held = ilk.fit(
        "incidence ~ period + (1 | herd)", data_of("cbpp"), "binomial", trials="size",
        penalty="firth",
    )  # fmt: skip
    with pytest.raises(ilk.ModelError, match="maximizes a penalized one"):
        random_effect_tests(held.fitted)


def test_bad_input():
    fit = fit_of("penicillin").fitted
    with pytest.raises(ilk.ModelError, match="method='exact'"):
        random_effect_tests(fit, "exact")
    with pytest.raises(ilk.ModelError, match="draws=3"):
        random_effect_tests(fit, draws=3)
    with pytest.raises(ilk.ModelError, match="no random terms"):
        random_effect_tests(ilk.fit("diameter ~ 1", data_of("penicillin")).fitted)
