"""Lognormal, exponential and Weibull families against the models that they equal, and limits."""

import numpy as np
import pandas as pd
import pytest
from scipy import special

import ilk
from ilk.errors import DataError
from ilk.family import make_family
from ilk.num.jets import variables
from ilk.num.stable import lgamma1p_ratio_derivatives

mp = pytest.importorskip("mpmath")
NAMES = ["lognormal", "exponential", "weibull"]


def table(name, seed=1):
    """20 groups of 15 rows: log mean 0.5 + 0.4 x + a normal effect, log dispersion -0.7."""
    rng = np.random.default_rng(seed)
    g, x = np.repeat(np.arange(20), 15), rng.normal(size=300)
    eta = 0.5 + 0.4 * x + rng.normal(0.0, 0.5, 20)[g]
    family = make_family(name)
    others = [np.full(300, -0.7)] * (family.predictors - 1)
    y = family.draw([eta, *others], None, rng)
    return pd.DataFrame({"y": y, "x": x, "g": g, "log_y": np.log(y)})


@pytest.mark.parametrize("name", NAMES)
def test_what_was_simulated_is_recovered(name):
    fit = ilk.fit("y ~ x + (1 | g)", table(name), family=name)
    truth = {"lognormal": (0.5, 0.4, -0.7), "exponential": (0.5, 0.4), "weibull": (0.5, 0.4, -0.7)}
    fixed = fit.tidy().dropna(subset=["std_error"])
    found, error = fixed["estimate"].to_numpy(), fixed["std_error"].to_numpy()
    for k, value in enumerate(truth[name]):
        assert abs(found[k] - value) < 3.5 * error[k]
    assert fit.simulate(2).shape[0] > 0
    assert np.all(np.isfinite(fit.residuals("quantile")))


def test_lognormal_is_the_linear_model_of_the_logarithm():
    data = table("lognormal")
    fit = ilk.fit("y ~ x + (1 | g)", data, family="lognormal")
    linear = ilk.fit("log_y ~ x + (1 | g)", data, reml=False)
    assert fit.loglik == pytest.approx(linear.loglik - data["log_y"].sum(), rel=1e-9)
    found = fit.tidy()["estimate"].to_numpy()
    expected = linear.tidy()["estimate"].to_numpy()
    variance = expected[3] ** 2
    np.testing.assert_allclose(found[0], expected[0] + 0.5 * variance, atol=1e-5)
    np.testing.assert_allclose(found[1], expected[1], atol=1e-5)
    np.testing.assert_allclose(found[2], np.log(variance), atol=1e-4)
    np.testing.assert_allclose(found[3], expected[2], rtol=1e-4)


def test_exponential_is_gamma_and_weibull_of_dispersion_one():
    eta = np.array([-2.0, 0.3, 1.5])
    y = np.array([0.01, 1.0, 12.0])
    one = make_family("exponential")
    (jet,) = variables([eta], 3)
    expected = one.log_density(y, None, jet if isinstance(jet, list) else [jet])
    for name in ("gamma", "weibull"):
        family = make_family(name)
        found = family.log_density(y, None, variables([eta, np.zeros(3)], 3))
        shift = family.constant(y, None) - one.constant(y, None)
        np.testing.assert_allclose(found.value + shift, expected.value, rtol=1e-12)
        np.testing.assert_allclose(found.third[0], expected.third[0], rtol=1e-12)


@pytest.mark.parametrize("x", [-700.0, -40.0, -8.0, -2.31, -2.29, -0.3, 0.0, 1.7, 6.0])
def test_logarithm_of_a_gamma_function_near_one(x):
    with mp.workdps(60):
        exact = [float(mp.diff(lambda t: mp.loggamma(1 + mp.exp(t)) / mp.exp(t), x, k))
                 for k in range(4)] if x > -100 else [-float(mp.euler), 0.0, 0.0, 0.0]  # fmt: skip
    found = [float(v[0]) for v in lgamma1p_ratio_derivatives(np.array([x]), 3)]
    np.testing.assert_allclose(found, exact, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("log_phi", [-40.0, -20.0, 3.0, 4.0])
def test_weibull_at_the_ends_of_its_dispersion(log_phi):
    family, n = make_family("weibull"), 5
    eta = [np.full(n, 2.0), np.full(n, log_phi)]
    phi = np.exp(log_phi)
    log_scale = 2.0 - special.gammaln(1.0 + phi)
    z = np.array([-2.0, -0.5, 0.0, 0.5, 1.0])
    y = np.exp(log_scale + phi * z)
    jet = family.log_density(y, None, variables(eta, 3))
    for part in (jet.value, jet.first, jet.second, jet.third):
        assert np.all(np.isfinite(part))
    if log_phi > -10.0:  # else y and its mean agree to all digits
        np.testing.assert_allclose(jet.value, z - np.exp(z) - log_phi, rtol=1e-9, atol=1e-9)
    assert np.all(np.diff(family.cdf(y, None, eta)) >= 0.0)


@pytest.mark.parametrize("name", NAMES)
def test_zeros_name_the_families_that_take_them(name):
    with pytest.raises(DataError, match=f"row 1, but .*'hurdle_{name}'"):
        make_family(name).check(np.array([1.0, 0.0]), None, "y")
