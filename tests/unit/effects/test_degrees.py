"""Degrees of freedom of means, contrasts and slopes of linear models."""

import numpy as np
import pytest
from tests.fits import data_of, fit_of

import ilk
from ilk import ModelError
from ilk.effects.contrasts import contrasts
from ilk.effects.means import marginal_means
from ilk.effects.slopes import marginal_slopes
from ilk.inference.wald import quantiles


def test_a_slope_is_its_coefficient():
    fit = fit_of("sleepstudy")
    row = fit.tidy(df="kenward_roger").set_index("term").loc["Days"]
    found = marginal_slopes(fit.fitted, "Days", df="kenward_roger")
    for name in ("estimate", "std_error", "df", "conf_low", "conf_high"):
        assert getattr(found, name)[0] == pytest.approx(row[name])
    assert "Degrees of freedom: Kenward-Roger." in found.notes[-1]


def test_a_difference_is_a_hypothesis():
    fit = ilk.fit("z ~ sex + (1 | g)", data_of("binary").assign(z=lambda d: np.sin(5 * d.x) + d.x))
    found = contrasts(fit.fitted, "sex", adjust="none")
    test = fit.test("sex[T.m] = 0").frame.iloc[0]
    assert found.df[0] == pytest.approx(test.df)
    assert found.p_value[0] == pytest.approx(test.p_value)


def test_least_squares():
    fit = ilk.fit("Reaction ~ Days", data_of("sleepstudy"))
    found = marginal_means(fit.fitted)
    reaction = data_of("sleepstudy").Reaction
    assert found.df[0] == 178.0
    assert found.estimate[0] == pytest.approx(reaction.mean())
    assert found.std_error[0] == pytest.approx(fit.residuals().std() * np.sqrt(180 / 178 / 180))


def test_population_means_of_linear_models_are_linear_too():
    fitted = fit_of("sleepstudy").fitted
    typical, population = (
        marginal_means(fitted, estimand=estimand) for estimand in ("typical", "population")
    )
    assert population.df == pytest.approx(typical.df)


def test_conditional_means_and_other_models_are_normal():
    assert np.isinf(marginal_means(fit_of("cbpp").fitted, "period").df).all()
    fitted = fit_of("sleepstudy").fitted
    found = marginal_means(fitted, estimand="conditional")
    assert np.isinf(found.df).all()
    with pytest.raises(ModelError, match="leave it out"):
        marginal_means(fitted, estimand="conditional", df="satterthwaite")
    with pytest.raises(ModelError, match="leave it out"):
        marginal_means(fit_of("cbpp").fitted, "period", df="kenward_roger")


def test_quantiles_of_each():
    found = quantiles(0.9, np.array([np.inf, 5.0, 5.0, np.nan]))
    assert found[:3] == pytest.approx([1.6449, 2.0150, 2.0150], abs=1e-4)
    assert np.isnan(found[3])


def test_answers_show_them_where_there_are_any():
    linear = fit_of("sleepstudy").slopes("Days")
    assert "df" in linear.text.split("\n\n")[1]
    assert "t distribution" in fit_of("sleepstudy").means().text
    assert " df " not in fit_of("cbpp").means("period").text


def test_standardized_differences_are_contrasts():
    data = data_of("binary").assign(z=lambda d: np.sin(5 * d.x) + d.x)
    fit = ilk.fit("z ~ sex + x + (1 | g)", data)
    answer = fit.standardize("sex")
    row = answer.frame[answer.frame.measure == "difference"].iloc[0]
    found = contrasts(fit.fitted, "sex", adjust="none")
    assert [row.conf_low, row.conf_high] == pytest.approx([found.conf_low[0], found.conf_high[0]])
    assert "degrees of freedom: Satterthwaite" in " ".join(answer.text.split())
    sampled = fit.standardize("sex", covariates="sample")
    assert "t distributions" not in sampled.text
