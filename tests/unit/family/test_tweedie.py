"""Tweedie family: sums of gammas by brute force, limits of its power and dispersion, fits."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import ilk
from ilk.errors import DataError, ModelError
from ilk.families import tweedie
from ilk.family import make_family
from ilk.fitted import Status
from ilk.num.jets import variables

mp = pytest.importorskip("mpmath")

FAMILY = make_family("tweedie")


def row(*numbers):
    return [np.array([float(x)]) for x in numbers]


def complete(y, *eta):
    (y,) = row(y)
    return float((FAMILY.log_density(y, None, row(*eta)) + FAMILY.constant(y, None))[0])


def compound(y, log_mu, log_phi, shape):
    """Probabilities of zero, and of at most y but more than zero, by the sum over numbers."""
    mu, phi, e = (mp.mpf(float(x)) for x in (log_mu, log_phi, shape))
    mu, phi, s = mp.exp(mu), mp.exp(phi), 1 / (1 + mp.exp(-e))
    lam, scale = mu ** (1 - s) / (phi * (1 - s)), phi * s * mu**s
    end = int(lam + 15 * mp.sqrt(lam) + 40)
    start = max(1, int(lam - 15 * mp.sqrt(lam))) if y else end
    return mp.exp(-lam), mp.fsum(
        mp.exp(-lam + j * mp.log(lam) - mp.loggamma(j + 1))
        * mp.gammainc(j * (1 - s) / s, 0, mp.mpf(y) / scale, regularized=True)
        for j in range(start, end)
    )


@pytest.mark.parametrize("shape", [-3.0, -0.5, 3.0])
@pytest.mark.parametrize("log_phi", [-1.5, 0.4, 4.0])
def test_distribution_function_is_a_sum_of_gammas(shape, log_phi):
    with mp.workdps(25):
        for log_mu, y in ((0.0, 0.7), (1.0, 5.0), (-2.0, 0.001), (1.0, 0.0)):
            zero, some = compound(y, log_mu, log_phi, shape)
            found = float(FAMILY.cdf(*row(y), None, row(log_mu, log_phi, shape))[0])
            assert found == pytest.approx(float(zero + some), rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("log_phi", [-8.0, -2.0, 1.0, 8.0])
@pytest.mark.parametrize("shape", [9.0, 16.0, 30.0])
def test_power_two_is_gamma(shape, log_phi):
    y = np.exp(np.array([-1.0, -0.02, 0.0, 0.3]))
    eta = [np.zeros(4), np.full(4, log_phi), np.full(4, shape)]
    gamma = make_family("gamma")
    found = FAMILY.log_density(y, None, variables(eta, 3))
    expected = gamma.log_density(y, None, variables(eta[:2], 3))
    shift = gamma.constant(y, None) - FAMILY.constant(y, None)
    size = 300.0 * np.exp(-shape) * (1.0 + np.exp(-log_phi))
    np.testing.assert_allclose(found.value, expected.value + shift, atol=size + 1e-10)
    np.testing.assert_allclose(found.first[:2], expected.first, atol=10.0 * size + 1e-8)
    np.testing.assert_allclose(found.second[:3], expected.second, atol=30.0 * size + 1e-7)
    np.testing.assert_allclose(found.third[:4], expected.third, atol=1e3 * size + 1e-6)
    np.testing.assert_allclose(found.first[2], 0.0, atol=10.0 * size + 1e-9)
    np.testing.assert_allclose(FAMILY.cdf(y, None, eta), gamma.cdf(y, None, eta[:2]), atol=1e-3)


def test_power_one_is_a_multiple_of_poisson():
    phi, mu = 0.5, 2.0
    count = np.arange(9.0)
    eta = [np.full(9, np.log(mu)), np.full(9, np.log(phi)), np.full(9, -7.0)]
    expected = stats.poisson.cdf(count, mu / phi)
    between = FAMILY.cdf(phi * (count + 0.5), None, eta)
    np.testing.assert_allclose(between, expected, atol=1e-3)
    draws = FAMILY.draw([np.full(2000, e[0]) for e in eta], None, np.random.default_rng(2)) / phi
    assert np.mean(np.abs(draws - np.round(draws))) < 0.06


@pytest.mark.parametrize("shape", [-30.0, -9.0, -2.0, 0.0, 2.0, 7.9, 12.0, 30.0, 60.0])
@pytest.mark.parametrize("log_phi", [-60.0, -20.0, -6.0, 0.0, 9.0, 40.0])
def test_extremes_stay_finite(shape, log_phi):
    for scale in (-40.0, 0.0, 40.0):
        spread = min(np.exp(0.5 * log_phi), 3.0)
        log_y = scale + spread * np.array([-2.0, -0.3, 0.0, 1.0])
        y = np.append(np.exp(log_y), 0.0)
        if (log_phi < -10.0 and scale < 0.0) or shape < -10.0:  # a density of few sharp peaks
            continue
        eta = [np.full(5, scale), np.full(5, log_phi), np.full(5, shape)]
        jet = FAMILY.log_density(y, None, variables(eta, 3))
        for part in (jet.value, jet.first, jet.second, jet.third):
            assert np.all(np.isfinite(part[..., :4])), (scale, part)
        cdf = FAMILY.cdf(np.sort(y), None, eta)
        assert np.all((cdf >= 0.0) & (cdf <= 1.0))
        assert np.all(np.diff(cdf) >= -1e-10)
        assert np.all(np.isfinite(FAMILY.draw(eta, None, np.random.default_rng(1))))


@pytest.mark.parametrize("shape", [-3.0, 0.0, 3.0, 9.0])
def test_small_dispersions_approach_the_normal_density(shape):
    mu, log_phi, z = 3.0, -25.0, np.array([-1.5, 0.0, 0.8])
    power = 1.0 + 1.0 / (1.0 + np.exp(-shape))
    deviation = np.sqrt(np.exp(log_phi) * mu**power)
    eta = [np.full(3, np.log(mu)), np.full(3, log_phi), np.full(3, shape)]
    y = mu + deviation * z
    found = FAMILY.log_density(y, None, eta) + FAMILY.constant(y, None)
    expected = stats.norm.logpdf(z) - np.log(deviation)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_units_change_the_density_as_they_should():
    log_c, shape = np.log(37.0), 0.3
    r = 1.0 / (1.0 + np.exp(shape))
    here = complete(2.5, 0.4, -0.2, shape)
    there = complete(2.5 * 37.0, 0.4 + log_c, -0.2 + r * log_c, shape)
    assert there == pytest.approx(here - log_c, rel=1e-12)


def test_given_power_is_the_density_at_that_power_and_has_a_deviance():
    known, y = tweedie(power=1.6), np.array([0.0, 0.2, 3.0])
    shape = np.log(0.6 / 0.4)
    eta = [np.array([0.1, 0.5, 1.0]), np.full(3, -0.4)]
    three = variables([*eta, np.full(3, shape)], 3)
    two = known.log_density(y, None, variables(eta, 3))
    whole = FAMILY.log_density(y, None, three)
    np.testing.assert_allclose(two.value, whole.value, rtol=1e-12)
    np.testing.assert_allclose(two.third, whole.third[:4], rtol=1e-9)
    mu = np.exp(eta[0])
    found = known.unit_deviance(y, None, mu)
    direct = 2.0 * (y * (y**0.0 * mu**-0.6 * 0.0)) + 2.0 * (
        np.maximum(y, 0.0) ** 0.4 / (-0.6 * 0.4) + y * mu**-0.6 / 0.6 + mu**0.4 / 0.4
    )
    np.testing.assert_allclose(found, direct, rtol=1e-10)
    best = known.log_density(y[1:], None, [np.log(y[1:]), eta[1][1:]])
    gain = 2.0 * np.exp(-0.4) * (best - two.value[1:])
    np.testing.assert_allclose(found[1:], gain, rtol=1e-9)
    with pytest.raises(ModelError, match="given power"):
        FAMILY.unit_deviance(y, None, mu)


def simulated(n_groups=25, size=12, shape=0.3, log_phi=0.2, seed=4):
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(n_groups), size)
    n = len(g)
    x = rng.normal(size=n)
    eta = 0.6 + 0.5 * x + 0.5 * rng.normal(size=n_groups)[g]
    y = FAMILY.draw([eta, np.full(n, log_phi), np.full(n, shape)], None, rng)
    return pd.DataFrame({"y": y, "x": x, "g": g})


def test_what_was_simulated_is_recovered_and_answers_work():
    data = simulated()
    fit = ilk.fit("y ~ x + (1 | g)", data, family="tweedie")
    assert fit.verdict.status is Status.CONVERGED
    truth = {"x": 0.5, "dispersion: Intercept": 0.2, "shape: Intercept": 0.3}
    for term, value in truth.items():
        assert abs(fit.params[term] - value) < 3.5 * fit.std_errors[term]
    text = str(fit.summary())
    assert "Power of the variance p = 1." in text
    known = ilk.fit("y ~ x + (1 | g)", data, family=tweedie(power=1.57))
    assert known.loglik <= fit.loglik + 1e-9
    residuals = fit.residuals("quantile")
    assert stats.kstest(residuals, "norm").pvalue > 1e-3
    assert len(known.residuals("deviance")) == len(data)
    with pytest.raises(ModelError, match="power"):
        fit.residuals("deviance")


def test_without_zeros_the_limit_is_gamma_and_said():
    rng = np.random.default_rng(5)
    y = rng.gamma(40.0, 3.0 / 40.0, 400)
    data = pd.DataFrame({"y": y, "g": np.repeat(np.arange(20), 20)})
    fit = ilk.fit("y ~ 1 + (1 | g)", data, family="tweedie")
    gamma = ilk.fit("y ~ 1 + (1 | g)", data, family="gamma")
    assert fit.loglik >= gamma.loglik - 1e-6


def test_counts_drive_the_power_to_one_which_is_said():
    rng = np.random.default_rng(6)
    data = pd.DataFrame({"y": rng.poisson(2.0, 300) * 1.0, "g": np.repeat(np.arange(20), 15)})
    fit = ilk.fit("y ~ 1 + (1 | g)", data, family="tweedie")
    assert fit.verdict.status is not Status.CONVERGED
    assert "count" in str(fit.verdict)


@pytest.mark.parametrize("power", [1.0, 2.0, 3, "1.5", float("nan")])
def test_powers_outside_are_refused(power):
    with pytest.raises(ModelError, match="between 1 and 2"):
        tweedie(power=power)


def test_what_it_refuses():
    with pytest.raises(DataError, match="row 1, but family 'tweedie'"):
        FAMILY.check(np.array([1.0, -0.5]), None, "catch")
    with pytest.raises(DataError, match="All values of column 'catch' are zero"):
        FAMILY.check(np.zeros(3), None, "catch")
    with pytest.raises(ModelError, match="zeros of its own"):
        make_family("hurdle_tweedie")
    assert make_family("tweedie", zero_inflated=True).name == "zero_inflated_tweedie"
