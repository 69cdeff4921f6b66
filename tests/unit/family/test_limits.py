"""Families at the edges of their parameters."""

import numpy as np
import pytest

from ilk.family import make_family
from ilk.num.jets import variables

Y = np.array([0.0, 1.0, 5.0, 40.0])


@pytest.mark.parametrize("name", ["negative_binomial_1", "negative_binomial_2"])
@pytest.mark.parametrize("log_phi", [-12.0, -20.0, -33.0, -60.0])
def test_negative_binomials_approach_poisson_with_all_derivatives(name, log_phi):
    eta = np.full(4, 1.2)
    poisson = make_family("poisson").log_density(Y, None, variables([eta], 3))
    found = make_family(name).log_density(Y, None, variables([eta, np.full(4, log_phi)], 3))
    size = 1e3 * np.exp(log_phi) + 1e-11
    np.testing.assert_allclose(found.value, poisson.value, atol=size)
    np.testing.assert_allclose(found.first[0], poisson.first[0], atol=size)
    np.testing.assert_allclose(found.second[0], poisson.second[0], atol=size)
    np.testing.assert_allclose(found.third[0], poisson.third[0], atol=size)
    np.testing.assert_allclose(found.first[1], 0.0, atol=size)
    np.testing.assert_allclose(found.second[1:], 0.0, atol=size)
    np.testing.assert_allclose(found.third[1:], 0.0, atol=10.0 * size)


def test_beta_binomial_approaches_binomial():
    eta, trials = np.full(4, -0.4), np.array([3.0, 1.0, 9.0, 60.0])
    binomial = make_family("binomial").log_density(Y, trials, variables([eta], 3))
    pair = variables([eta, np.full(4, -25.0)], 3)
    found = make_family("beta_binomial").log_density(Y, trials, pair)
    for a, b in zip(
        (found.value, found.first[0], found.second[0], found.third[0]),
        (binomial.value, binomial.first[0], binomial.second[0], binomial.third[0]),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, atol=1e-7)


@pytest.mark.parametrize(
    ("name", "mu", "variance"),
    [("gamma", 3.0, 9.0), ("inverse_gaussian", 3.0, 27.0), ("beta", 0.3, 0.21)],
)
def test_tiny_dispersions_approach_the_normal_density(name, mu, variance):
    family, log_phi = make_family(name), -23.0
    deviation = np.sqrt(variance * np.exp(log_phi))
    z = np.array([-1.5, 0.0, 0.8])
    y = mu + deviation * z
    eta = [family.link.link(np.full(3, mu)), np.full(3, log_phi)]
    found = family.log_density(y, None, eta) + family.constant(y, None)
    expected = -0.5 * z * z - np.log(deviation) - 0.5 * np.log(2.0 * np.pi)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    jet = family.log_density(y, None, variables(eta, 3))
    np.testing.assert_allclose(jet.first[1], 0.5 * (z * z - 1.0), atol=1e-4)


@pytest.mark.parametrize("name", ["binomial", "beta", "beta_binomial"])
@pytest.mark.parametrize("link", ["logit", "probit", "cloglog"])
def test_probabilities_near_zero_and_one_stay_finite(name, link):
    family = make_family(name, link)
    high = 3.0 if link == "cloglog" else 20.0
    eta = [np.array([-20.0, -8.0, 2.0, high])] + [np.full(4, -1.0)] * (family.predictors - 1)
    y = np.array([0.2, 0.01, 0.9, 0.999]) if name == "beta" else np.array([0.0, 1.0, 0.0, 1.0])
    jet = family.log_density(y, None, variables(eta, 3))
    for part in (jet.value, jet.first, jet.second, jet.third):
        assert np.all(np.isfinite(part))


def test_impossible_means_are_not_finite():
    eta = np.array([-0.5, 2.0])
    for name, link in (("poisson", "identity"), ("gamma", "inverse"), ("binomial", "log")):
        family = make_family(name, link)
        etas = [eta if name != "binomial" else -eta] + [np.zeros(2)] * (family.predictors - 1)
        with np.errstate(all="ignore"):
            value = family.log_density(np.ones(2), np.full(2, 3.0), etas)
        assert not np.isfinite(value[0])
        assert np.isfinite(value[1])


def test_more_zeros_than_counts_explain():
    family = make_family("poisson", zero_inflated=True)
    eta = [np.full(3, 6.0), np.array([-40.0, 0.0, 40.0])]
    jet = family.log_density(np.zeros(3), None, variables(eta, 3))
    for part in (jet.value, jet.first, jet.second, jet.third):
        assert np.all(np.isfinite(part))
    np.testing.assert_allclose(jet.value[2], 0.0, atol=1e-15)
