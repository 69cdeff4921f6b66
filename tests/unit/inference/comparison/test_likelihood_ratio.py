"""Which null distribution a pair of nested models gets."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.fits import data_of, fit_of

import ilk
from ilk.inference.comparison.likelihood_ratio import likelihood_ratio
from ilk.inference.comparison.reduced import uncorrelated, without_term


def test_null_distributions_by_case():
    slope = fit_of("sleepstudy").fitted
    apart = uncorrelated(slope, 0)
    assert likelihood_ratio(apart, slope).null == "chi2(1)"
    data = data_of("sleepstudy")
    one = ilk.fit("Reaction ~ Days + (1 | Subject)", data).fitted
    assert likelihood_ratio(one, slope).null == "0.5 chi2(1) + 0.5 chi2(2)"
    assert likelihood_ratio(one, apart, "chi_bar").null == "0.5 chi2(0) + 0.5 chi2(1)"
    exact = likelihood_ratio(one, apart).null
    assert exact == "exact restricted LR, simulated, other effects as known"
    all_at_once = likelihood_ratio(without_term(slope, 0), slope)
    assert all_at_once.null == "chi2(0) to chi2(3), simulated mixture"
    assert all_at_once.df == 3
    cbpp = fit_of("cbpp").fitted
    assert likelihood_ratio(without_term(cbpp, 0), cbpp).null == "0.5 chi2(0) + 0.5 chi2(1)"


def test_the_statistic_is_twice_the_gain_and_never_negative():
    fit = fit_of("dyestuff2").fitted
    found = likelihood_ratio(without_term(fit, 0), fit)
    assert found.statistic == pytest.approx(0.0, abs=1e-8)
    assert found.p_value == pytest.approx(1.0)


def test_no_test_without_nesting():
    data = data_of("penicillin")
    plate = ilk.fit("diameter ~ 1 + (1 | plate)", data).fitted
    other = ilk.fit("diameter ~ 1 + (1 + 1 | sample)", data).fitted
    found = likelihood_ratio(plate, other)
    assert math.isnan(found.p_value)
    assert not found.tested
    assert found.null.startswith("not nested")


def test_draws_are_repeatable():
    data = data_of("penicillin")
    fit = ilk.fit("diameter ~ 1 + (1 | plate)", data.iloc[:40]).fitted
    bare = without_term(fit, 0)
    values = {likelihood_ratio(bare, fit, seed=3).p_value for _ in range(2)}
    assert len(values) == 1
    assert 0.0 < values.pop() <= 1.0
    assert np.isfinite(likelihood_ratio(bare, fit, seed=4).p_value)
