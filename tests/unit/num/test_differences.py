"""Central differences."""

import numpy as np

from ilk.num.differences import jacobian


def test_extrapolated_differences_of_a_vector_function():
    def function(x):
        return np.array([np.sin(x[0]) * x[1], np.exp(x[1])])

    x = np.array([0.3, 1.1])
    expected = [[np.cos(0.3) * 1.1, np.sin(0.3)], [0.0, np.exp(1.1)]]
    np.testing.assert_allclose(jacobian(function, x, 1e-3), expected, atol=1e-11)
    plain = jacobian(function, x, np.array([1e-3, 1e-3]), extrapolate=False)
    np.testing.assert_allclose(plain, expected, atol=1e-5)


def test_gradient_of_a_number():
    np.testing.assert_allclose(jacobian(lambda x: float(x @ x), np.arange(3.0), 1e-3), [0, 2, 4])
