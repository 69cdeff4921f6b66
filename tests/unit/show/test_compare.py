"""What comparisons look like, as frames, text and HTML."""

from __future__ import annotations

import pytest
from tests.fits import data_of, fit_of

import ilk


@pytest.fixture(scope="module")
def answer():
    """Three models of counts, one of them with a part that vanishes."""
    data = data_of("ticks")
    formula = "TICKS ~ YEAR + (1 | LOCATION)"
    fits = [
        ilk.fit(formula, data, "poisson"),
        ilk.fit(formula, data, "negative_binomial_2"),
        ilk.fit(f"{formula} + olre()", data, "negative_binomial_2"),
    ]
    return ilk.compare(*fits, names=["Poisson", "NB", "both"], refits=10)


def test_frames(answer):
    frame, tests = answer.frame, answer.tests
    assert list(frame.model) == ["Poisson", "NB", "both"]
    assert frame.akaike_weight.sum() == pytest.approx(1.0)
    assert frame.delta.min() == 0.0
    assert list(frame.verdict) == ["converged", "converged", "boundary"]
    assert list(tests.smaller) == ["Poisson", "Poisson", "NB"]
    assert list(tests.larger) == ["NB", "both", "both"]
    assert list(tests.df) == [1, 2, 1]
    assert tests.p_value[0] < 1e-10


def test_text_says_what_vanished_and_what_was_assumed(answer):
    text = answer.text
    assert repr(answer) == text
    assert "both: the variance of (1 | olre()) is estimated as zero." in text
    assert "0.5 chi2(0) + 0.5 chi2(1)" in text
    assert "would take" in text  # refits of the conditional AIC
    assert "rows have random effects of their own" in text
    assert max(map(len, text.splitlines())) <= 130
    assert "<table" in answer.html
    assert answer._repr_html_() == answer.html


def test_no_test_has_its_reason_below_the_table():
    data = data_of("penicillin")
    one = ilk.fit("diameter ~ 1 + (1 | plate)", data)
    other = ilk.fit("diameter ~ 1 + (1 | sample)", data)
    both = fit_of("penicillin")
    found = ilk.compare(one, other, both)
    assert "Restricted likelihoods (REML) of the same fixed part." in found.notes
    assert len(found.tests) == 2  # as many parameters: no test of the first two
    slim = ilk.compare(one, ilk.fit("diameter ~ 1 + (1 + 1 | plate)", data))
    assert len(slim.tests) == 0
    assert "Likelihood-ratio tests" not in slim.text


def test_random_effect_tests_as_an_answer():
    answer = fit_of("sleepstudy").random_effect_tests()
    assert list(answer.frame.term) == ["Days", "correlations", "(all)"]
    assert "twice the gain in restricted log-likelihood" in answer.text
    assert "0.5 chi2(1) + 0.5 chi2(2)" in answer.text
    assert answer.frame.aic_difference[1] == pytest.approx(-1.959, abs=1e-3)
