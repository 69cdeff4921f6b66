"""`ilk.compare` as users call it."""

from __future__ import annotations

import pytest
from tests.fits import fit_of

import ilk


def test_fits_of_every_kind_reach_the_same_refusals():
    fit = fit_of("cbpp")
    with pytest.raises(ilk.ModelError, match="model 2 is of type int, not a fit"):
        ilk.compare(fit, 3)
    with pytest.raises(ilk.ModelError, match="two or more fits"):
        ilk.compare(fit)


def test_options_are_passed_on():
    data = ilk.datasets.load("classroom_scores")
    one = ilk.fit("score ~ prior + (1 | school)", data)
    two = ilk.fit("score ~ prior + (1 | school/classroom)", data)
    exact = ilk.compare(one, two, draws=500).tests
    mixed = ilk.compare(one, two, method="chi_bar").tests
    assert exact.p_value[0] == pytest.approx(1 / 501)
    assert mixed.null[0] == "0.5 chi2(0) + 0.5 chi2(1)"
