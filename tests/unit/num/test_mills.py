"""Mills' ratio in logarithms: high precision, derivatives, differences over short ways."""

import mpmath as mp
import numpy as np
import pytest

from ilk.num.jets import variables
from ilk.num.mills import log_mills, log_mills_drop

POINTS = [-6.0, -0.3, 0.0, 2.0, 4.4, 4.6, 30.0, 99.0, 101.0, 1e4]


def _exact(t):
    return mp.log(mp.ncdf(-t)) + t * t / 2 + mp.log(2 * mp.pi) / 2


@pytest.mark.parametrize("t", POINTS)
def test_values_and_derivatives(t):
    jet = log_mills(variables([np.array([t])], 3)[0])
    with mp.workdps(60):
        wanted = [float(mp.diff(_exact, mp.mpf(t), m)) for m in range(4)]
    found = [jet.value[0], jet.first[0, 0], jet.second[0, 0], jet.third[0, 0]]
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("t", POINTS)
@pytest.mark.parametrize("length", [1e-9, 0.3, 3.0])
def test_differences_keep_their_digits(t, length):
    point = variables([np.array([t]), np.array([length])], 3)
    jet = log_mills_drop(*point)
    with mp.workdps(80):
        drop = _exact(mp.mpf(t)) - _exact(mp.mpf(t) + mp.mpf(length))
        slope = mp.diff(_exact, mp.mpf(t) + mp.mpf(length), 1)
        curve = mp.diff(_exact, mp.mpf(t), 3) - mp.diff(_exact, mp.mpf(t) + mp.mpf(length), 3)
        wanted = [float(drop), -float(slope), float(curve)]
    np.testing.assert_allclose(jet.value[0], wanted[0], rtol=1e-12)
    np.testing.assert_allclose(jet.first[1, 0], wanted[1], rtol=1e-9)
    np.testing.assert_allclose(jet.third[0, 0], wanted[2], rtol=1e-5, atol=1e-15)
