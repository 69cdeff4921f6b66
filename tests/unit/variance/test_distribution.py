"""Variance of a distribution on the scale of the link, against the published formulas."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import polygamma

import ilk
from ilk.errors import ModelError
from ilk.family import make_family
from ilk.variance.distribution import distribution_variance, mean_level

LAMBDA, PHI = 2.7, 0.6


@pytest.mark.parametrize(
    ("family", "lognormal", "trigamma"),
    [
        ("poisson", np.log(1 + 1 / LAMBDA), polygamma(1, LAMBDA)),
        (
            "negative_binomial_2",
            np.log(1 + 1 / LAMBDA + PHI),
            polygamma(1, 1 / (1 / LAMBDA + PHI)),
        ),
        (
            "negative_binomial_1",
            np.log(1 + (1 + PHI) / LAMBDA),
            polygamma(1, LAMBDA / (1 + PHI)),
        ),
    ],
)
def test_counts_with_log_link(family, lognormal, trigamma):
    level = np.log([LAMBDA, PHI])[: make_family(family).predictors]
    assert distribution_variance(make_family(family), level, "lognormal") == pytest.approx(
        lognormal
    )
    assert distribution_variance(make_family(family), level, "trigamma") == pytest.approx(trigamma)


def test_gamma_takes_its_shape():
    gamma = make_family("gamma", "log")
    level = np.log([LAMBDA, PHI])
    assert distribution_variance(gamma, level, "lognormal") == pytest.approx(np.log(1 + PHI))
    assert distribution_variance(gamma, level, "trigamma") == pytest.approx(polygamma(1, 1 / PHI))
    assert distribution_variance(gamma, level, "delta") == pytest.approx(PHI)


@pytest.mark.parametrize(
    ("link", "value"), [("logit", np.pi**2 / 3), ("probit", 1.0), ("cloglog", np.pi**2 / 6)]
)
def test_latent_variables(link, value):
    assert distribution_variance(make_family("binomial", link), np.zeros(1), "delta") == value


def test_square_root_link_gives_a_quarter():
    found = distribution_variance(make_family("poisson", "sqrt"), np.array([1.3]), "lognormal")
    assert found == pytest.approx(0.25)


def test_excess_zeros_with_logit_have_no_latent_variable():
    with pytest.raises(ModelError, match="scale='response'"):
        distribution_variance(make_family("binomial", zero_inflated=True), np.zeros(2), "lognormal")


def test_mean_level_of_a_log_link_is_the_log_of_the_average_mean():
    eta, v = np.array([0.0, 1.0]), np.array([0.5, 0.5])
    level = mean_level(make_family("poisson"), [eta], v, np.array([1.0, 3.0]))
    assert level[0] == pytest.approx(np.log(np.exp(0.25) * (1 + 3 * np.e) / 4))


def test_null_baseline_is_the_intercept_plus_half_the_variance():
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(30), 6)
    x = rng.normal(size=180)
    y = rng.poisson(np.exp(0.5 + 0.5 * x + 0.6 * rng.normal(size=30)[g])).astype(float)
    data = {"y": y, "x": x, "g": g}
    fit = ilk.fit("y ~ x + (1 | g)", data, "poisson")
    null = ilk.fit("y ~ 1 + (1 | g)", data, "poisson")
    v = null.fitted.estimates.covariances[0][0, 0]
    residual = np.log1p(np.exp(-(null.params["Intercept"] + v / 2)))
    own = fit.fitted.estimates.covariances[0][0, 0]
    found = fit.icc(baseline="null").frame.estimate[0]
    assert found == pytest.approx(own / (own + residual), rel=1e-6)


def test_baselines_count_the_exposure():
    data = ilk.datasets.load("hospital_infections")
    fit = ilk.fit("infections ~ policy + (1 | hospital)", data, "poisson", exposure="patient_days")
    own, null = (fit.icc(baseline=which).frame.estimate[0] for which in ("fit", "null"))
    assert null == pytest.approx(own, rel=0.1)
