"""Generalized and Conway-Maxwell-Poisson families, and the Poisson limit of negative binomials."""

import mpmath
import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.family import make_family
from ilk.fitted import Status
from ilk.num.jets import variables


def conway_maxwell(y, mu, phi):
    """Log probability by sums in 40 digits."""
    with mpmath.workdps(40):
        nu = 1 / mpmath.mpf(phi)
        logs = [
            mpmath.loggamma(j + 1) for j in range(int(mu + 60 * np.sqrt(mu * max(phi, 1)) + 90))
        ]

        def moments(a):
            weights = [mpmath.e ** (j * a - nu * g) for j, g in enumerate(logs)]
            total = mpmath.fsum(weights)
            return mpmath.fsum(j * w for j, w in enumerate(weights)) / total, total

        first = float(nu) * np.log(mu + 0.5)
        a = mpmath.findroot(
            lambda a: mpmath.log(moments(a)[0] / mu), (first, first + 0.1), tol=1e-30
        )
        return float(y * a - nu * mpmath.loggamma(y + 1) - mpmath.log(moments(a)[1]))


@pytest.mark.parametrize(("mu", "phi"), [(3.0, 0.3), (0.2, 2.0), (20.0, 0.1), (5.5, 1.5)])
def test_conway_maxwell_poisson_in_high_precision(mu, phi):
    family, y = make_family("conway_maxwell_poisson"), np.array([0.0, 4.0, 9.0])
    eta = [np.full(3, np.log(mu)), np.full(3, np.log(phi))]
    expected = [conway_maxwell(k, mu, phi) for k in y]
    np.testing.assert_allclose(family.log_density(y, None, eta), expected, rtol=1e-12)


@pytest.mark.parametrize("name", ["conway_maxwell_poisson", "generalized_poisson"])
def test_unit_dispersion_is_poisson(name):
    mu = np.array([1e-6, 0.3, 12.0, 1e5, 1e9])
    y = np.floor(mu)
    poisson = make_family("poisson")
    family = make_family(name)
    eta = [np.log(mu), np.zeros(5)]
    expected = poisson.log_density(y, None, eta[:1]) + poisson.constant(y, None)
    found = family.log_density(y, None, eta) + family.constant(y, None)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(family.cdf(y, None, eta), poisson.cdf(y, None, eta[:1]), rtol=1e-6)
    np.testing.assert_allclose(family.variance(eta, None), mu, rtol=1e-7)


@pytest.mark.parametrize("name", ["conway_maxwell_poisson", "generalized_poisson"])
@pytest.mark.parametrize(("mu", "log_phi"), [(1e9, 3.0), (1e9, 0.0), (1e-9, 2.0), (4.0, 15.0)])
def test_extremes_stay_finite(name, mu, log_phi):
    family = make_family(name)
    spread = np.sqrt(mu * np.exp(log_phi))
    y = np.floor(np.array([mu, mu + spread, max(mu - spread, 0.0)]))
    jet = family.log_density(y, None, variables([np.full(3, np.log(mu)), np.full(3, log_phi)], 3))
    for part in (jet.value, jet.first, jet.second, jet.third):
        assert np.all(np.isfinite(part))


def test_large_dispersion_of_conway_maxwell_poisson_is_geometric():
    y, mu = np.arange(6.0), 3.0
    eta = [np.full(6, np.log(mu)), np.full(6, 25.0)]
    expected = y * np.log(mu / (1.0 + mu)) - np.log1p(mu)
    found = make_family("conway_maxwell_poisson").log_density(y, None, eta)
    np.testing.assert_allclose(found, expected, rtol=1e-8)


def test_underdispersed_generalized_poisson_says_that_it_is_no_distribution():
    family = make_family("generalized_poisson")
    mild = [np.full(2, np.log(12.0)), np.full(2, -0.3)]
    assert family.caveat(None, mild) is None
    strong = [np.full(2, np.log(0.8)), np.full(2, -2.0)]
    assert "'conway_maxwell_poisson'" in family.caveat(None, strong)
    bound = 0.8 / (1.0 - np.exp(-1.0))
    beyond = family.log_density(np.full(2, np.ceil(bound)), None, strong)
    assert np.all(beyond == -np.inf)
    rng = np.random.default_rng(2)
    assert family.draw([np.full(500, e[0]) for e in strong], None, rng).max() < bound


def test_dispersed_counts_recover_what_was_simulated():
    rng = np.random.default_rng(8)
    g = np.repeat(np.arange(25), 12)
    x = rng.normal(size=300)
    eta = 1.0 + 0.3 * x + 0.3 * rng.normal(size=25)[g]
    for name, log_phi in (("conway_maxwell_poisson", -1.0), ("generalized_poisson", 0.8)):
        y = make_family(name).draw([eta, np.full(300, log_phi)], None, rng)
        fit = ilk.fit("y ~ x + (1 | g)", {"y": y, "x": x, "g": g}, family=name)
        for term, truth in (("x", 0.3), ("dispersion: Intercept", log_phi)):
            assert abs(fit.params[term] - truth) < 4.0 * fit.std_errors[term]
        poisson = ilk.fit("y ~ x + (1 | g)", {"y": y, "x": x, "g": g}, family="poisson")
        text = str(ilk.compare(poisson, fit))
        assert "chi2(1)" in text  # within the parameter space
        assert "0.5 chi2(0)" not in text


def test_the_limit_of_a_hurdle_is_spelled_as_poisson_was():
    rng = np.random.default_rng(3)
    data = {"x": rng.normal(size=300), "y": rng.binomial(6, 0.3, 300)}
    fit = ilk.fit("y ~ x", data, family="hurdle_negative_binomial_2")
    (reason,) = [one for one in fit.verdict.reasons if one.code == "no_dispersion"]
    assert reason.message.startswith("Hurdle Poisson limit reached")


@pytest.mark.parametrize("name", ["negative_binomial_1", "negative_binomial_2"])
def test_poisson_limit_is_reached_and_said(name):
    """Trap T3: on such data other programs stop at theta = 235 or so, or do not converge."""
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(20), 15)
    x = rng.normal(size=300)
    y = rng.poisson(np.exp(0.5 + 0.3 * x + 0.4 * rng.normal(size=20)[g]))
    data = pd.DataFrame({"y": y, "x": x, "g": g})
    poisson = ilk.fit("y ~ x + (1 | g)", data, family="poisson")
    fit = ilk.fit("y ~ x + (1 | g)", data, family=name)
    assert fit.loglik == pytest.approx(poisson.loglik, abs=1e-8)
    assert fit.verdict.status is Status.BOUNDARY
    (reason,) = [one for one in fit.verdict.reasons if one.code == "no_dispersion"]
    assert reason.message.startswith("Poisson limit reached")
    assert np.isnan(fit.std_errors["dispersion: Intercept"])
    for term in ("Intercept", "x"):
        assert fit.params[term] == pytest.approx(poisson.params[term], abs=1e-6)
        assert fit.std_errors[term] == pytest.approx(poisson.std_errors[term], rel=1e-5)
    text = str(ilk.compare(poisson, fit))
    assert "0.5 chi2(0) + 0.5 chi2(1)" in text
