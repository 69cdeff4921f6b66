"""Truncated counts and hurdles: limits, messages, fits."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import ilk
from ilk.errors import IdentificationWarning
from ilk.family import make_family
from ilk.fitted import Status
from ilk.num.jets import variables

COUNTS = ("poisson", "negative_binomial_1", "negative_binomial_2", "generalized_poisson")


@pytest.mark.parametrize("name", [*COUNTS, "conway_maxwell_poisson"])
@pytest.mark.parametrize("log_mean", [-30.0, -12.0, -3.0])
def test_vanishing_means_leave_a_distribution(name, log_mean):
    family = make_family(f"truncated_{name}")
    eta = [np.full(3, log_mean)] + [np.full(3, 0.2)] * (family.predictors - 1)
    y = np.arange(1.0, 60.0)
    eta = [np.full(59, e[0]) for e in eta]
    jet = family.log_density(y, None, variables(eta, 3))
    for part in (jet.value, jet.first, jet.second, jet.third):
        assert np.all(np.isfinite(part))
    mass = np.exp(jet.value + family.constant(y, None))
    np.testing.assert_allclose(mass.sum(), 1.0, atol=1e-8)
    np.testing.assert_allclose(family.cdf(y, None, eta), np.cumsum(mass), rtol=1e-9)
    np.testing.assert_allclose(family.mean(eta)[0], mass @ y, rtol=1e-6)
    np.testing.assert_allclose(family.variance(eta, None)[0], mass @ (y - mass @ y) ** 2, atol=1e-6)
    assert np.all(family.draw(eta, None, np.random.default_rng(0)) >= 1.0)


def test_poisson_without_zeros_is_that_of_the_conditional_probability():
    mu, y = 1.7, np.arange(1.0, 15.0)
    family = make_family("truncated_poisson")
    eta = [np.full(len(y), np.log(mu))]
    expected = stats.poisson.logpmf(y, mu) - np.log(stats.poisson.sf(0, mu))
    found = family.log_density(y, None, eta) + family.constant(y, None)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    none = family.log_density(np.zeros(1), None, [np.array([np.log(mu)])])
    assert none[0] == -np.inf


def test_messages_name_the_family_that_takes_zeros():
    y = np.array([2.0, 0.0, 3.0])
    with pytest.raises(ilk.DataError, match="'hurdle_poisson'") as caught:
        make_family("truncated_poisson").check(y, None, "deaths")
    assert "'deaths' has 0 in row 1" in str(caught.value)
    with pytest.raises(ilk.DataError, match="'hurdle_gamma'"):
        make_family("gamma").check(y, None, "cost")
    make_family("hurdle_gamma").check(y, None, "cost")
    with pytest.raises(ilk.DataError, match="'cost' has -1 in row 7"):
        make_family("hurdle_gamma").check(np.array([0.0, -1.0]), None, "cost", np.array([3, 7]))
    with pytest.raises(ilk.DataError, match="All values of column 'cost' are zero"):
        make_family("hurdle_gamma").check(np.zeros(3), None, "cost")


def test_what_has_no_zeros_cannot_be_truncated():
    for name in ("truncated_gamma", "truncated_binomial", "hurdle_gaussian"):
        with pytest.raises(ilk.ModelError):
            make_family(name)
    with pytest.raises(ilk.ModelError, match="'truncated_negative_binomial_2'"):
        make_family("truncated_nbinom2")


def simulated(seed=5, n=600):
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(30), n // 30)
    x = rng.normal(size=n)
    mu = np.exp(0.5 + 0.4 * x + 0.3 * rng.normal(size=30)[g])
    zero = rng.random(n) < 1.0 / (1.0 + np.exp(0.5 - 0.6 * x))
    count = rng.poisson(mu)
    while np.any(count == 0):
        count = np.where(count == 0, rng.poisson(mu), count)
    return pd.DataFrame(
        {
            "x": x,
            "g": g.astype(str),
            "count": count,
            "with_zeros": np.where(zero, 0, count),
            "cost": np.where(zero, 0.0, rng.gamma(3.0, mu / 3.0)),
        }
    )


def near(fit, name, truth):
    assert abs(fit.params[name] - truth) < 4.0 * fit.std_errors[name]


def test_fits_recover_what_was_simulated():
    data = simulated()
    fit = ilk.fit("count ~ x + (1 | g)", data, family="truncated_poisson")
    near(fit, "Intercept", 0.5)
    near(fit, "x", 0.4)
    hurdle = ilk.fit(
        "with_zeros ~ x + (1 | g)", data, family="hurdle_poisson", zero_inflation="~ x"
    )
    gamma = ilk.fit("cost ~ x + (1 | g)", data, family="gamma", zero_inflation="~ x")
    assert gamma.fitted.family.name == "hurdle_gamma"
    for one in (hurdle, gamma):
        near(one, "x", 0.4)
        near(one, "zero_inflation: x", 0.6)
        assert one.verdict.converged
    # the two parts of a hurdle know nothing of each other
    positive = data[data["with_zeros"] > 0]
    part = ilk.fit("with_zeros ~ x + (1 | g)", positive, family="truncated_poisson")
    zeros = data.assign(zero=(data["with_zeros"] == 0).astype(float))
    logit = ilk.fit("zero ~ x", zeros, family="binomial")
    assert hurdle.loglik == pytest.approx(part.loglik + logit.loglik, abs=1e-6)


def test_zeros_beside_positive_numbers_have_a_probability():
    data = simulated()
    fit = ilk.fit("cost ~ x + (1 | g)", data, family="hurdle_gamma", zero_inflation="~ x")
    residuals = fit.residuals(kind="quantile")
    assert stats.kstest(residuals, "norm").pvalue > 1e-3
    interval = fit.predict(data.head(40), interval="prediction", estimand="population")
    assert np.all(interval["conf_low"] == 0.0)
    assert np.all(interval["conf_high"] > interval["estimate"])
    gaussian = ilk.fit("cost ~ x + (1 | g)", data, reml=False)
    with pytest.raises(ilk.ModelError, match="zeros have a probability"):
        ilk.compare(gaussian, fit)


def test_words_of_a_hurdle_are_those_of_its_zeros():
    data = simulated()
    text = str(ilk.fit("cost ~ x + (1 | g)", data, family="hurdle_gamma").summary())
    assert "Conditional effects on the positive responses" in text
    assert "probability of a zero" in text.casefold()
    assert "excess" not in text
    counts = ilk.fit("with_zeros ~ x + (1 | g)", data, family="hurdle_poisson")
    assert "a Poisson distribution without its zeros" in str(counts.methods())


def test_groups_of_ones_are_separated():
    data = simulated()
    data["arm"] = np.where(data["x"] > 1.0, "few", "many")
    ones = data["arm"] == "few"
    for column, family in (("count", "truncated_poisson"), ("with_zeros", "hurdle_poisson")):
        y = np.where(ones & (data[column] > 0), 1, data[column])
        with pytest.warns(IdentificationWarning, match="separates the response"):
            fit = ilk.fit("y ~ arm + (1 | g)", data.assign(y=y), family=family)
        assert fit.verdict.status is Status.SEPARATED
