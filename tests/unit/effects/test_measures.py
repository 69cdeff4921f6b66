"""Measures: values, derivatives against differences, and what they refuse to be."""

from __future__ import annotations

import numpy as np
import pytest

from ilk.effects.measures import MEASURES, straddles


@pytest.mark.parametrize("name", MEASURES)
def test_derivatives(name):
    measure = MEASURES[name]
    a, r, h = np.array([0.4, 0.9]), np.array([0.2, 0.95]), 1e-6
    _, first, second = measure.function(a, r)
    up, down = measure.function(a + h, r)[0], measure.function(a - h, r)[0]
    np.testing.assert_allclose(first, (up - down) / (2 * h), rtol=1e-8)
    up, down = measure.function(a, r + h)[0], measure.function(a, r - h)[0]
    np.testing.assert_allclose(second, (up - down) / (2 * h), rtol=1e-8)
    x = measure.function(a, r)[0]
    slope = (measure.inverse(x + h) - measure.inverse(x - h)) / (2 * h)
    np.testing.assert_allclose(np.abs(measure.slope(measure.inverse(x))), np.abs(slope), rtol=1e-5)


def test_values():
    a, r = np.array([0.4]), np.array([0.2])
    found = {name: m.inverse(m.function(a, r)[0])[0] for name, m in MEASURES.items()}
    assert found == pytest.approx(
        {"difference": 0.2, "ratio": 2.0, "odds_ratio": 8.0 / 3.0, "nnt": 5.0}
    )


def test_ratios_of_means_that_are_not_positive_are_nan():
    value, _, _ = MEASURES["ratio"].function(np.array([-1.0, 0.0]), np.array([-2.0, 1.0]))
    assert np.isnan(value).all()


def test_only_reciprocals_fall_apart():
    low, high = np.array([-1.0, 0.1]), np.array([1.0, 0.2])
    assert straddles(MEASURES["nnt"], low, high).tolist() == [True, False]
    assert straddles(MEASURES["difference"], low, high).tolist() == [False, False]
