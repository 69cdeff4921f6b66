"""Gauss-Hermite rules: exact moments, symmetry."""

import math

import numpy as np
import pytest

from ilk.num.quadrature import gauss_hermite, product_rule


@pytest.mark.parametrize("count", [1, 2, 3, 5, 10, 11, 25, 61, 101])
def test_rules_are_symmetric_and_integrate_polynomials_exactly(count):
    nodes, weights = gauss_hermite(count)
    np.testing.assert_array_equal(nodes, -nodes[::-1])
    np.testing.assert_array_equal(weights, weights[::-1])
    assert np.all(np.diff(nodes) > 0.0)
    for degree in range(0, min(2 * count, 20), 2):
        moment = math.prod(range(degree - 1, 0, -2))
        assert float(weights @ nodes**degree) == pytest.approx(moment, rel=1e-12)


def test_rules_match_numpy():
    for count in (4, 9, 40):
        nodes, weights = np.polynomial.hermite_e.hermegauss(count)
        np.testing.assert_allclose(gauss_hermite(count)[0], nodes, atol=1e-13)
        np.testing.assert_allclose(gauss_hermite(count)[1], weights / weights.sum(), rtol=1e-12)


def test_rules_are_remembered_and_cannot_be_changed():
    assert gauss_hermite(7)[0] is gauss_hermite(7)[0]
    with pytest.raises(ValueError, match="read-only"):
        gauss_hermite(7)[0][0] = 1.0
    with pytest.raises(ValueError, match="0 nodes"):
        gauss_hermite(0)


def test_product_rule_integrates_a_bivariate_moment():
    points, log_weights = product_rule(5, 2)
    assert points.shape == (25, 2)
    weights = np.exp(log_weights)
    assert float(weights @ (points[:, 0] ** 2 * points[:, 1] ** 4)) == pytest.approx(3.0)
