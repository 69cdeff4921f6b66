"""The field has the covariance that it says."""

from __future__ import annotations

import numpy as np
from numpy.random import RandomState

from ilk.covariance.decay import decay
from ilk.datasets.field import matern_field


def test_correlations_are_those_of_matern() -> None:
    x = np.array([0.0, 0.05, 0.1, 0.2, 0.4])
    rng = RandomState(1)
    draws = np.stack([matern_field(0.1, rng).at(0.6 * x, 0.8 * x) for _ in range(4000)])
    found = draws.T @ draws[:, 0] / len(draws)
    exact, _ = decay("matern", x, np.log(0.1), np.log(1.5))
    np.testing.assert_allclose(found, exact, atol=4.0 / np.sqrt(4000))
    np.testing.assert_allclose(np.var(draws, axis=0), 1.0, atol=0.09)


def test_values_do_not_depend_on_the_company() -> None:
    field = matern_field(0.2, RandomState(2))
    x, y = RandomState(3).random_sample((2, 4500))  # more than a block
    together = field.at(x, y)
    alone = [field.at(x[[i]], y[[i]])[0] for i in (0, 1999, 2000, 4499)]
    np.testing.assert_allclose(together[[0, 1999, 2000, 4499]], alone, rtol=1e-10)
