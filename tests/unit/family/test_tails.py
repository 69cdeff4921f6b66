"""Distribution functions in their tails and at the limits of the dispersion, against mpmath.

Counts are summed term by term with 60 digits; the others are the textbook formulas with 60 digits
(inverse Gaussian: Chhikara and Folks 1989, section 2.2).
"""

import numpy as np
import pytest

from ilk.family import make_family

mp = pytest.importorskip("mpmath")

MEANS_AND_COUNTS = [(0.5, 0), (3.0, 2), (3.0, 30), (30.0, 4), (30.0, 40), (900.0, 860), (1e-5, 0)]
LOG_PHI = (-700.0, -60.0, -40.0, -28.0, -23.0, -18.0, -9.0, -2.0, 1.0, 6.0)


@pytest.fixture(autouse=True)
def _digits():
    with mp.workdps(60):
        yield


def number(x):
    """One row."""
    return np.array([float(x)])


def found(name, y, trials, *eta, **options):
    family = make_family(name, **options)
    n = None if trials is None else number(trials)
    return float(family.cdf(number(y), n, [number(e) for e in eta])[0])


def negative_binomial(y, mu, k):
    success = k / (k + mu)
    term = total = success**k
    for j in range(1, y + 1):
        term *= (k + j - 1) / j * (1 - success)
        total += term
    return total


@pytest.mark.parametrize("log_phi", LOG_PHI)
@pytest.mark.parametrize("name", ["negative_binomial_1", "negative_binomial_2"])
def test_negative_binomial_down_to_poisson(name, log_phi):
    for mu, y in MEANS_AND_COUNTS:
        mean, phi = mp.exp(mp.mpf(float(np.log(mu)))), mp.exp(mp.mpf(log_phi))
        k = mean / phi if name == "negative_binomial_1" else 1 / phi
        if log_phi < -100.0:  # Poisson, further digits than these 60 being lost
            exact = mp.gammainc(y + 1, mean, regularized=True)
        else:
            exact = negative_binomial(y, mean, k)
        got = found(name, y, None, np.log(mu), log_phi)
        assert got == pytest.approx(float(exact), rel=1e-10, abs=1e-300), (mu, y)


@pytest.mark.parametrize("log_phi", [-30.0, -20.0, -7.0, 0.0, 5.0, 14.0])
@pytest.mark.parametrize("log_mu", [-7.0, 0.0, 7.0])
def test_inverse_gaussian(log_mu, log_phi):
    mu, phi = mp.exp(mp.mpf(log_mu)), mp.exp(mp.mpf(log_phi))
    for z in (-6.0, -3.0, 0.0, 3.0, 8.0):
        y = float(mu * mp.exp(z * min(mp.sqrt(phi * mu), 3)))
        root = 1 / mp.sqrt(phi * y)
        exact = mp.ncdf(root * (y / mu - 1))
        exact += mp.exp(2 / (phi * mu)) * mp.ncdf(-root * (y / mu + 1))
        got = found("inverse_gaussian", y, None, log_mu, log_phi)
        # y and mu agree to 16 digits only: a part in 1e16 of a mean is many digits of a small sd
        slack = 1e-9 + 1e-14 * float((y / mu + 1) ** 2 * root**2 + abs(z) * root)
        assert got == pytest.approx(float(exact), rel=slack, abs=1e-300), (z, y)
        assert got <= 1.0


@pytest.mark.parametrize("log_phi", [-8.0, -3.0, 0.0, 4.0])
def test_gamma_and_beta(log_phi):
    shape = mp.exp(-mp.mpf(log_phi))
    for y in (1e-6, 0.02, 0.5, 0.9, 0.999):
        exact = mp.gammainc(shape, 0, shape * y, regularized=True)
        got = found("gamma", y, None, 0.0, log_phi)
        assert got == pytest.approx(float(exact), rel=1e-9, abs=1e-300)
        for eta in (-3.0, 0.4, 2.0):
            p = 1 / (1 + mp.exp(-mp.mpf(eta)))
            exact = mp.betainc(p * shape, (1 - p) * shape, 0, y, regularized=True)
            got = found("beta", y, None, eta, log_phi)
            assert got == pytest.approx(float(exact), rel=1e-8, abs=1e-300), (eta, y)


@pytest.mark.parametrize("n", [1, 9, 150])
@pytest.mark.parametrize("eta", [-30.0, -4.0, 0.3, 5.0, 30.0])
def test_binomial_and_beta_binomial(eta, n):
    p = 1 / (1 + mp.exp(-mp.mpf(eta)))
    q = 1 / (1 + mp.exp(mp.mpf(eta)))
    for y in (0, n // 3, n - 1):
        exact = mp.fsum(mp.binomial(n, j) * p**j * q ** (n - j) for j in range(y + 1))
        assert found("binomial", y, n, eta) == pytest.approx(float(exact), rel=1e-9, abs=1e-300)
        for log_phi in (-40.0, -3.0, 3.0):
            a, b = p * mp.exp(-log_phi), q * mp.exp(-log_phi)
            exact = mp.fsum(
                mp.binomial(n, j) * mp.beta(a + j, b + n - j) / mp.beta(a, b) for j in range(y + 1)
            )
            got = found("beta_binomial", y, n, eta, log_phi)
            assert got == pytest.approx(float(exact), rel=1e-8, abs=1e-300), (y, log_phi)


@pytest.mark.parametrize("excess", [-40.0, -1.0, 20.0])
def test_poisson_with_and_without_excess_zeros(excess):
    share = 1 / (1 + mp.exp(-mp.mpf(excess)))
    for mu, y in MEANS_AND_COUNTS:
        mean = mp.exp(mp.mpf(float(np.log(mu))))
        counts = mp.exp(-mean) * mp.fsum(mean**j / mp.factorial(j) for j in range(y + 1))
        assert found("poisson", y, None, np.log(mu)) == pytest.approx(float(counts), rel=1e-10)
        exact = share + (1 - share) * counts
        got = found("poisson", y, None, np.log(mu), excess, zero_inflated=True)
        assert got == pytest.approx(float(exact), rel=1e-10)
