"""Limits of means and of new observations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad
from tests.fits import data_of, fit_of

import ilk
from ilk.errors import FitError, ModelError
from ilk.families import beta, binomial, gamma, gaussian, negative_binomial_2, poisson
from ilk.family.inflation import ZeroInflated
from ilk.family.link import find_link
from ilk.prediction.intervals import cluster_limits, confidence_limits, observation_quantiles


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


# The mean of a new cluster


def test_cluster_limits_are_quantiles_of_the_cluster_means():
    """Draws of parameters and random effects of new clusters."""
    fit = fit_of("binary")
    fitted, rng = fit.fitted, np.random.default_rng(8)
    rows = data_of("binary").iloc[[0, 7]]
    answer = fit.predict(rows, estimand="population", interval="cluster", level=0.8)
    assert (answer.interval == "cluster").all()
    X = np.column_stack([fitted.design.fixed[0].X[[0, 7]]])
    beta = rng.multivariate_normal(fitted.coef, fitted.vcov, 200_000)
    b = math.sqrt(fitted.estimates.covariances[0][0, 0]) * rng.normal(size=200_000)
    means = 1.0 / (1.0 + np.exp(-(beta @ X.T + b[:, None])))
    low, high = np.quantile(means, [0.1, 0.9], axis=0)
    np.testing.assert_allclose(answer.conf_low, low, atol=4e-3)
    np.testing.assert_allclose(answer.conf_high, high, atol=4e-3)


def test_cluster_limits_by_closed_form():
    fit = fit_of("sleepstudy")
    confidence = fit.predict(estimand="population", interval="confidence")
    cluster = fit.predict(estimand="population", interval="cluster")
    G, days = fit.fitted.estimates.covariances[0], data_of("sleepstudy").Days.to_numpy(float)
    v = G[0, 0] + 2 * days * G[0, 1] + days**2 * G[1, 1]
    half = 1.959964 * np.sqrt(confidence.std_error**2 + v)
    np.testing.assert_allclose(cluster.conf_high - cluster.estimate, half, rtol=1e-6)
    np.testing.assert_allclose(cluster.std_error, confidence.std_error)
    np.testing.assert_allclose(
        fit.predict(estimand="typical", interval="cluster").conf_low, cluster.conf_low
    )
    known = fit.predict(interval="cluster")  # a known cluster's mean is what it is
    np.testing.assert_allclose(known.conf_low, fit.predict(interval="confidence").conf_low)


def test_cluster_limits_on_the_scale_of_the_link():
    for name in ("binary", "gamma", "cbpp"):
        fit = fit_of(name)
        mean = fit.predict(estimand="typical", interval="cluster")
        eta = fit.predict(estimand="typical", interval="cluster", scale="link")
        link = fit.family.link
        np.testing.assert_allclose(link.inverse(eta.conf_low.to_numpy()), mean.conf_low)
        np.testing.assert_allclose(link.inverse(eta.conf_high.to_numpy()), mean.conf_high)


def test_effects_of_single_rows_are_averaged_over():
    """With olre() a cluster's mean is the average over it: a factor exp(v / 2) for a log link."""
    data = data_of("ticks")
    fit = ilk.fit("TICKS ~ YEAR + (1 | BROOD) + olre()", data, family="poisson")
    olre = [t.grouping.name for t in fit.fitted.design.terms].index("olre()")
    v = fit.fitted.estimates.covariances[olre][0, 0]
    G = fit.fitted.estimates.covariances[1 - olre][0, 0]
    typical = fit.predict(estimand="typical", interval="confidence", scale="link")
    half = 1.959964 * np.sqrt(typical.std_error**2 + G)
    found = fit.predict(estimand="population", interval="cluster")
    np.testing.assert_allclose(found.conf_high, np.exp(typical.estimate + half + v / 2), rtol=1e-5)


def test_zero_inflation_without_random_effects_keeps_the_mean_monotone():
    fit = fit_of("salamanders")
    found = fit.predict(estimand="population", interval="cluster")
    counts = fit.predict(estimand="population", interval="cluster", scale="link")
    typical = fit.predict(estimand="typical")
    eta = fit.predict(estimand="typical", scale="link").estimate
    proper = typical.estimate / np.exp(eta)
    np.testing.assert_allclose(found.conf_low, proper * np.exp(counts.conf_low), rtol=1e-10)


def test_cluster_limits_that_are_not_quantiles_of_one_predictor():
    family = ZeroInflated(poisson())
    eta, v = [np.zeros(2), np.zeros(2)], [np.ones(2), np.ones(2)]
    none = [np.zeros(2), np.zeros(2)]
    with pytest.raises(ModelError, match="in the mean and in the zero inflation"):
        cluster_limits(family, eta, np.zeros(2), v, none, 1.96, "response")
    low, _ = cluster_limits(family, eta, np.zeros(2), v, none, 1.96, "link")
    np.testing.assert_allclose(low, -1.96)


def test_cluster_limits_of_links_with_positive_predictors():
    low, high = cluster_limits(
        gamma("inverse"),
        [np.ones(1)],
        np.zeros(1),
        [np.full(1, 4.0)],
        [np.zeros(1)],
        1.96,
        "response",
    )
    assert low[0] == pytest.approx(1.0 / (1.0 + 2 * 1.96))
    assert high[0] == np.inf


def test_predictors_where_there_is_no_mean_are_no_matter_of_the_population():
    eta, disp, v = np.array([0.5]), np.array([-1.0]), np.array([0.5])
    with pytest.raises(FitError, match="limits of a new observation of family 'gamma'"):
        observation_quantiles(gamma("inverse"), [eta, disp], [v, 0.0 * v], None, [0.5])


@pytest.mark.parametrize("eta", [-0.9, 0.02, 0.5, 3.0])
def test_cluster_limits_of_the_square_root_link_count_predictors_of_both_signs(eta):
    family, one = poisson("sqrt"), np.ones(1)
    low, high = cluster_limits(
        family, [eta * one], 0.03 * one, [0.06 * one], [0.0 * one], 1.959963984540054, "response"
    )
    for end, p in ((low, 0.025), (high, 0.975)):
        root = math.sqrt(end[0])
        reached = stats.norm.cdf((root - eta) / 0.3) - stats.norm.cdf((-root - eta) / 0.3)
        assert reached == pytest.approx(p, abs=1e-9)
