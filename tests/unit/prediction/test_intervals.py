"""Limits of means and of new observations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad
from tests.fits import data_of, fit_of

from ilk.errors import FitError
from ilk.families import beta, binomial, gamma, gaussian, negative_binomial_2, poisson
from ilk.family.link import find_link
from ilk.prediction.intervals import confidence_limits, observation_quantiles


def mixed(cdf, center, variance):
    """E cdf(eta) for a normal eta, densely."""
    s = math.sqrt(variance)
    return quad(
        lambda x: math.exp(-0.5 * x * x) / math.sqrt(2 * math.pi) * cdf(center + s * x),
        -9,
        9,
        epsabs=1e-13,
        limit=400,
    )[0]


@pytest.mark.parametrize("p", [0.025, 0.5, 0.975])
def test_poisson_quantiles_are_the_smallest_count_that_reaches_p(p):
    eta, v = np.array([-2.0, 0.5, 4.0]), np.array([0.3, 0.0, 1.0])
    (found,) = observation_quantiles(poisson(), [eta], [v], None, [p])
    for y, e, w in zip(found, eta, v, strict=True):
        reached = mixed(lambda x, y=y: stats.poisson.cdf(y, math.exp(x)), e, w)
        before = mixed(lambda x, y=y: stats.poisson.cdf(y - 1, math.exp(x)), e, w)
        assert before < p <= reached + 1e-9


def test_binomial_quantiles():
    eta, trials = np.array([-1.0, 2.0]), np.array([12.0, 40.0])
    low, high = observation_quantiles(
        binomial(), [eta], [np.array([0.5, 0.0])], trials, [0.025, 0.975]
    )
    assert low[1] == stats.binom.ppf(0.025, 40, 1 / (1 + math.exp(-2)))
    assert high[1] == stats.binom.ppf(0.975, 40, 1 / (1 + math.exp(-2)))
    assert 0 <= low[0] < high[0] <= 12


@pytest.mark.parametrize(
    ("family", "cdf"),
    [
        (gamma("log"), lambda y, e: stats.gamma.cdf(y, 1 / 0.4, scale=0.4 * math.exp(e))),
        (gaussian("log"), lambda y, e: stats.norm.cdf(y, math.exp(e), math.sqrt(0.4))),
        (
            beta(),
            lambda y, e: stats.beta.cdf(
                y, 1 / (1 + math.exp(-e)) / 0.4, 1 / (1 + math.exp(e)) / 0.4
            ),
        ),
    ],
)
@pytest.mark.parametrize("p", [0.025, 0.9])
def test_continuous_quantiles_solve_the_mixed_distribution(family, cdf, p):
    eta, v = np.array([-0.5, 1.0]), np.array([0.6, 0.1])
    phi = np.full(2, math.log(0.4))
    (found,) = observation_quantiles(family, [eta, phi], [v, np.zeros(2)], None, [p])
    for y, e, w in zip(found, eta, v, strict=True):
        assert mixed(lambda x, y=y: cdf(y, x), e, w) == pytest.approx(p, abs=1e-6)


def test_a_distribution_without_end_is_refused():
    with pytest.raises(FitError, match="too wide"):
        observation_quantiles(
            negative_binomial_2(),
            [np.array([0.0]), np.array([0.0])],
            [np.array([900.0]), np.array([0.0])],
            None,
            [0.975],
        )


def test_confidence_limits_on_the_scale_of_the_link():
    mean, error = np.array([0.2, 0.9]), np.array([0.05, 0.04])
    low, high = confidence_limits(find_link("logit"), mean, error, 1.96)
    eta, spread = np.log(mean / (1 - mean)), 1.96 * error / (mean * (1 - mean))
    np.testing.assert_allclose(low, 1 / (1 + np.exp(-(eta - spread))))
    np.testing.assert_allclose(high, 1 / (1 + np.exp(-(eta + spread))))


def test_decreasing_links_and_ends_of_their_range():
    low, high = confidence_limits(
        find_link("inverse"), np.array([2.0, 2.0]), np.array([0.1, 5.0]), 1.96
    )
    assert low[0] < 2.0 < high[0]
    assert high[1] == np.inf
    low, high = confidence_limits(find_link("sqrt"), np.array([0.01]), np.array([1.0]), 1.96)
    assert low[0] == 0.0


def test_gaussian_observations_are_exact():
    fit = fit_of("sleepstudy")
    mean = fit.predict(interval="confidence")
    new = fit.predict(interval="prediction")
    half = 1.959964 * np.sqrt(mean.std_error**2 + fit.sigma**2)
    np.testing.assert_allclose(new.conf_high - new.estimate, half, rtol=1e-6)
    np.testing.assert_allclose(new.std_error, mean.std_error)
    population = fit.predict(estimand="population", interval="prediction")
    G, days = fit.fitted.estimates.covariances[0], data_of("sleepstudy").Days.to_numpy(float)
    v = G[0, 0] + 2 * days * G[0, 1] + days**2 * G[1, 1]
    se = fit.predict(estimand="population", interval="confidence").std_error
    np.testing.assert_allclose(
        population.conf_high - population.estimate,
        1.959964 * np.sqrt(se**2 + v + fit.sigma**2),
        rtol=1e-6,
    )


def test_precision_weights_narrow_the_observation():
    fit = fit_of("weighted")
    width = fit.predict(estimand="typical", interval="prediction").eval("conf_high - conf_low")
    assert width.iloc[0] > 1.5 * width.iloc[-1]


def test_observations_of_a_new_cluster_are_wider():
    for name in ("cbpp", "gamma", "salamanders"):
        fit = fit_of(name)
        typical = fit.predict(estimand="typical", interval="prediction")
        population = fit.predict(estimand="population", interval="prediction")
        assert (population.conf_high >= typical.conf_high).all()
        assert (population.conf_high > typical.conf_high).any()


def test_coverage_of_new_observations():
    """Draws from the fitted model fall into the interval about as often as it says."""
    fit = fit_of("cbpp")
    draws = fit.simulate(400, estimand="population", seed=3)
    answer = fit.predict(estimand="population", interval="prediction", level=0.9)
    share = draws / data_of("cbpp")["size"].to_numpy(float)[:, None]
    inside = (share >= answer.conf_low.to_numpy()[:, None]) & (
        share <= answer.conf_high.to_numpy()[:, None]
    )
    assert 0.9 <= inside.mean() < 0.99
