"""Distributions of sums: exact where sums of a family stay in it, close where rows differ."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ilk.family import registry
from ilk.ranking.total_distribution import is_discrete, kind_of, total_cdf

Y = np.arange(-1.0, 25.0)


def _cdf(kind, frozen, size=1.0, y=Y, log_zero=None):
    mean, variance = frozen.stats("mv")
    return total_cdf(kind, y, np.array(mean), np.array(variance), np.array(size), log_zero)


@pytest.mark.parametrize(
    ("kind", "frozen", "size"),
    [
        ("count", stats.poisson(4.2), 1.0),
        ("count", stats.nbinom(2.5, 0.3), 1.0),
        ("count", stats.nbinom(0.2, 0.02), 1.0),
        ("trials", stats.binom(20, 0.3), 20.0),
        ("trials", stats.binom(1, 0.3), 1.0),
        ("trials", stats.betabinom(20, 0.8, 2.1), 20.0),
        ("trials", stats.betabinom(300, 80.0, 900.0), 300.0),
        ("positive", stats.gamma(2.5, scale=3.0), 1.0),
        ("inverse_gaussian", stats.invgauss(0.7, scale=8.0), 1.0),
        ("fraction", stats.beta(2.0, 5.0, scale=6.0), 6.0),
        ("real", stats.norm(3.0, 4.0), 1.0),
    ],
)
def test_exact_for_the_families_own_sums(kind, frozen, size) -> None:
    tolerance = 2e-6 if getattr(frozen.dist, "name", "") == "betabinom" else 1e-9
    np.testing.assert_allclose(_cdf(kind, frozen, size), frozen.cdf(Y), atol=tolerance)


def test_one_zero_inflated_row_is_exact() -> None:
    pi, mu = 0.3, 2.0
    mean, variance = (1 - pi) * mu, (1 - pi) * (mu + pi * mu**2)
    found = total_cdf("count", Y, *map(np.array, (mean, variance, 1.0)), np.log(np.array(pi)))
    np.testing.assert_allclose(found, np.where(Y < 0, 0, pi + (1 - pi) * stats.poisson(mu).cdf(Y)))


def test_no_excess_zeros_change_nothing() -> None:
    plain = total_cdf("count", Y, np.array(3.0), np.array(5.0), np.array(1.0))
    none = total_cdf("count", Y, np.array(3.0), np.array(5.0), np.array(1.0), np.array(-1e3))
    np.testing.assert_allclose(none, plain, atol=1e-10)


def _convolved(masses):
    total = np.ones(1)
    for mass in masses:
        total = np.convolve(total, mass)
    return np.cumsum(total)


def test_trials_with_unequal_probabilities_against_convolution() -> None:
    p = np.random.default_rng(0).uniform(0.02, 0.6, 30)
    exact = _convolved([[1 - q, q] for q in p])
    moments = (np.sum(p), np.sum(p * (1 - p)), 30.0)
    found = total_cdf("trials", np.arange(31.0), *map(np.array, moments))
    np.testing.assert_allclose(found, exact, atol=2e-3)


def test_unequal_negative_binomials_against_convolution() -> None:
    mu, phi = np.array([0.5, 1.0, 3.0, 6.0]), 0.8
    masses = [stats.nbinom(1 / phi, 1 / (1 + phi * m)).pmf(np.arange(400)) for m in mu]
    exact = _convolved(masses)
    found = total_cdf(
        "count", np.arange(60.0), np.array(mu.sum()), np.sum(mu + phi * mu**2), np.array(1.0)
    )
    np.testing.assert_allclose(found, exact[:60], atol=0.02)


def test_every_family_has_a_kind() -> None:
    kinds = {}
    for name in registry.FAMILIES:
        kinds[name] = kind_of(registry.make_family(name))
    assert kinds["poisson"] == kinds["negative_binomial_2"] == "count"
    assert kinds["binomial"] == kinds["beta_binomial"] == "trials"
    assert kinds["gamma"] == "positive"
    assert kinds["inverse_gaussian"] == "inverse_gaussian"
    assert kinds["beta"] == "fraction"
    assert kinds["gaussian"] == "real"
    assert [name for name, kind in kinds.items() if is_discrete(kind)]
