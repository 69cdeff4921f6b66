"""Special functions where naive formulas fail."""

import numpy as np
import pytest

from ilk.num import stable

mp = pytest.importorskip("mpmath")


@pytest.mark.parametrize("k", [1e-6, 0.3, 9.99, 10.0, 77.0, 1e4, 1e9, 1e15, 1e40])
@pytest.mark.parametrize("y", [0.0, 1.0, 3.0, 250.0])
def test_gamma_ratio_has_full_relative_precision_in_all_derivatives(k, y):
    found = stable.lgamma_ratio_derivatives(np.array([k]), np.array([y]), 3)
    with mp.workdps(120):
        z, w = mp.mpf(k), mp.mpf(k) + mp.mpf(y)
        exact = [mp.loggamma(w) - mp.loggamma(z)]
        exact += [mp.polygamma(m, w) - mp.polygamma(m, z) for m in range(3)]
        for f, e in zip(found, exact, strict=True):
            assert float(f[0]) == pytest.approx(float(e), rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("x", [1e-4, 0.7, 9.99, 10.0, 1e3, 1e9, 1e15])
def test_stirling_remainder_is_small_and_exact(x):
    found = stable.stirling_derivatives(np.array([x]), 3)
    with mp.workdps(120):
        z = mp.mpf(x)
        exact = [
            mp.loggamma(z) - (z - 0.5) * mp.log(z) + z - 0.5 * mp.log(2 * mp.pi),
            mp.polygamma(0, z) - mp.log(z) + 1 / (2 * z),
            mp.polygamma(1, z) - 1 / z - 1 / (2 * z**2),
            mp.polygamma(2, z) + 1 / z**2 + 1 / z**3,
        ]
        # below ten, cancellation costs a few digits of a quantity of order one
        tolerance = 1e-13 if x >= 10.0 else 1e-11
        for f, e in zip(found, exact, strict=True):
            assert float(f[0]) == pytest.approx(float(e), rel=tolerance)


def test_log_probabilities_in_the_tails():
    x = np.array([-700.0, -50.0, 0.0, 50.0, 700.0])
    assert np.all(stable.sigmoid(x) > 0.0)
    np.testing.assert_allclose(stable.softplus(x), np.logaddexp(0.0, x), rtol=1e-15)
    found = stable.log1mexp(np.array([1e-20, 50.0]))
    np.testing.assert_allclose(found, [np.log(1e-20), -np.exp(-50.0)])
    value, slope, bend, third = stable.log_cloglog_derivatives(np.array([-300.0, 6.9, 800.0]), 3)
    np.testing.assert_allclose(value, [-300.0, 0.0, 0.0], atol=1e-300)
    np.testing.assert_allclose(slope, [1.0, 0.0, 0.0], atol=1e-300)
    assert np.all(np.isfinite([bend, third]))


@pytest.mark.parametrize("x", [-1e8, -300.0, -30.0, -8.0, -4.51, -4.49, 0.0, 3.0])
def test_log_normal_probabilities_far_in_the_tail(x):
    found = [float(f[0]) for f in stable.log_ndtr_derivatives(np.array([x]), 3)]
    with mp.workdps(120):
        z = mp.mpf(x)
        m = mp.npdf(z) / mp.ncdf(z)
        slope = -m * (z + m)
        exact = [mp.log(mp.ncdf(z)), m, slope, -slope * (z + m) - m * (1 + slope)]
    np.testing.assert_allclose(found, [float(e) for e in exact], rtol=1e-12)


def test_logsumexp_and_xlogy_at_the_edges():
    x = np.array([[1000.0, 1000.0], [-np.inf, 0.0]])
    np.testing.assert_allclose(stable.logsumexp(x, axis=1), [1000.0 + np.log(2.0), 0.0])
    np.testing.assert_array_equal(stable.xlogy(np.array([0.0, 2.0]), np.array([0.0, 1.0])), [0, 0])
