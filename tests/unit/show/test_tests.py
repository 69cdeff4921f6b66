"""Answers to questions about coefficients and terms."""

import pytest
from tests.fits import data_of, fit_of

import ilk


def test_hypotheses():
    answer = fit_of("binary").test("x = 1, sex[T.m] = 0", level=0.9)
    assert list(answer.frame.columns) == [
        "hypothesis", "estimate", "value", "std_error", "statistic", "df_num", "df", "p_value",
        "conf_low", "conf_high", "test", "estimand",
    ]  # fmt: skip
    assert list(answer.frame.hypothesis) == ["x = 1", "sex[T.m] = 0", "all together"]
    assert list(answer.frame.test) == ["z", "z", "chi-square"]
    assert list(answer.frame.estimand[:2]) == ["conditional"] * 2
    assert "at odds with x = 1 and sex[T.m] = 0?" in answer.text
    assert "90% interval" in answer.text
    assert "joint observed information" in answer.text


def test_one_hypothesis_has_one_row():
    answer = fit_of("sleepstudy").test({"Days": 1}, df="kenward_roger")
    assert len(answer.frame) == 1
    assert "Degrees of freedom: Kenward-Roger" in answer.text
    assert "<table" in answer.html


def test_likelihood_ratio_says_what_is_wald():
    answer = fit_of("cbpp").test("period[T.2] = 0", method="likelihood_ratio")
    assert "intervals are Wald's" in answer.text
    assert answer.frame.test[0] == "likelihood ratio"


@pytest.mark.parametrize(("type", "word"), [(2, "type II"), (3, "type III")])
def test_terms(type, word):
    answer = fit_of("binary").anova(type)
    assert list(answer.frame.columns) == [
        "component", "term", "df_num", "df", "statistic", "p_value", "test",
    ]  # fmt: skip
    assert list(answer.frame.term) == ["x", "sex", "x:sex"]
    assert word in answer.title
    assert "component" not in answer.text


def test_terms_of_several_predictors_name_them():
    answer = fit_of("salamanders").anova(2)
    assert list(answer.frame.component) == ["mean", "zero_inflation"]
    assert "zero_inflation" in answer.text


def test_dropped_terms():
    answer = fit_of("binary").drop_one()
    assert list(answer.frame.columns)[-3:] == ["loglik", "aic", "aic_difference"]
    assert list(answer.frame.term) == ["x:sex"]
    assert "The model itself: log-likelihood" in answer.text


def test_frames_are_of_the_kind_of_the_data():
    polars = pytest.importorskip("polars")
    data = polars.from_pandas(data_of("binary"))
    fit = ilk.fit("y ~ x * sex + (1 | g)", data, family="binomial")
    for answer in (fit.test("x = 0, sex[T.m] = 0"), fit.anova(), fit.drop_one()):
        assert isinstance(answer.frame, polars.DataFrame)


def test_fits_that_are_no_optimum_are_said():
    data = data_of("binary").assign(z=lambda d: (d.y == "yes").astype(float))
    with pytest.warns(ilk.IlkWarning, match="separated"):
        fit = ilk.fit("y ~ z + sex + (1 | g)", data, family="binomial")
    for answer in (fit.test("z = 0"), fit.anova(), fit.drop_one()):
        assert "see verdict before these numbers are used" in " ".join(answer.text.split())


def test_terms_that_others_say_are_named_so():
    data = data_of("binary").assign(twice=lambda d: 2 * d.x)
    answer = ilk.fit("y ~ x + twice + sex + (1 | g)", data, family="binomial").anova(2)
    assert list(answer.frame.df_num) == [0, 0, 1]
    assert "other terms say the same" in answer.text
