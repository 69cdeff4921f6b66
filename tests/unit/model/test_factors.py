"""All terms' structures as one map."""

from __future__ import annotations

import numpy as np

from ilk.covariance import covariance_structure
from ilk.kernels.contract import LinearFactor
from ilk.model.factors import factor_map, factor_start, split_factors


def test_linear_structures_stack() -> None:
    """Two terms: positions in lam and theta follow one another."""
    structures = [covariance_structure("us"), covariance_structure("diag")]
    both = factor_map(structures, [2, 3])
    assert isinstance(both, LinearFactor)
    theta = np.arange(1.0, 7.0)
    lam, jacobian = both(theta)
    first, second = split_factors(lam, [2, 3])
    np.testing.assert_array_equal(first, [[1.0, 0.0], [2.0, 3.0]])
    np.testing.assert_array_equal(second, np.diag([4.0, 5.0, 6.0]))
    np.testing.assert_array_equal(jacobian @ theta, lam)


def test_composite_agrees_with_differences() -> None:
    """A structure that is not linear in theta makes the whole map a function."""
    structures = [covariance_structure("cs"), covariance_structure("us")]
    both = factor_map(structures, [3, 2])
    theta = factor_start(structures, [3, 2]) + 0.1
    lam, jacobian = both(theta)
    assert lam.shape == (13,)
    for j in range(len(theta)):
        step = np.zeros_like(theta)
        step[j] = 1e-6
        slope = (both(theta + step)[0] - both(theta - step)[0]) / 2e-6
        np.testing.assert_allclose(jacobian[:, j], slope, atol=1e-8)


def test_no_terms() -> None:
    nothing = factor_map([], [])
    lam, jacobian = nothing(np.zeros(0))
    assert lam.shape == (0,)
    assert jacobian.shape == (0, 0)
