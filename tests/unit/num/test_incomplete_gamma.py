"""Incomplete gamma ratios in logarithms: high precision, both tails, all shapes, derivatives."""

import mpmath as mp
import numpy as np
import pytest
from scipy import stats

from ilk.num.incomplete_gamma import log_lower, log_upper
from ilk.num.jets import variables

D = [-60.0, -10.0, -1.0, -0.49, -0.01, 0.0, 0.01, 0.5, 3.0]


@pytest.mark.parametrize("log_shape", [-18.0, -4.0, -1.0, 0.0, 3.0, 9.0])
def test_values(log_shape):
    for d in D:
        with mp.workdps(60):
            k = mp.exp(log_shape)
            x = k * mp.exp(d)
            if k * (mp.exp(d) - 1 - d) > 100:
                continue
            below = mp.log(mp.gammainc(k, 0, x, regularized=True))
            above = mp.log(mp.gammainc(k, x, mp.inf, regularized=True))
        at = np.array([d]), np.array([log_shape])
        assert log_lower(*at)[0] == pytest.approx(float(below), rel=1e-11)
        assert log_upper(*at)[0] == pytest.approx(float(above), rel=1e-11)


def test_third_derivatives_are_differences_of_second_ones():
    d, log_shape = (x.ravel() for x in np.meshgrid([-2.0, -0.3, 0.0, 0.4, 2.0], [-3.0, 0.2, 2.0]))
    step = 1e-5
    for function in (log_lower, log_upper):
        jet = function(*variables([d, log_shape], 3))
        ends = [function(*variables([d, log_shape + h], 3)) for h in (step, -step)]
        slopes = (ends[0].second - ends[1].second) / (2.0 * step)
        np.testing.assert_allclose(slopes, jet.third[1:], rtol=1e-6, atol=1e-8)


def test_large_shapes_are_normal_and_deep_tails_are_finite():
    k, z = 1e12, np.array([-2.0, 0.0, 2.0])
    found = log_upper(np.log1p(z / np.sqrt(k)), np.full(3, np.log(k)))
    np.testing.assert_allclose(found, stats.norm.logsf(z), rtol=1e-5)
    deep = log_upper(np.array([5.0]), np.array([10.0]))[0]
    assert -3.3e6 < deep < -3.0e6
