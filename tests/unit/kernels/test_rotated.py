"""Profiled likelihood after a rotation: against dense algebra, derivatives against differences."""

from __future__ import annotations

import numpy as np
import pytest

from ilk.kernels.rotated import Rotated, profile
from ilk.num.differences import jacobian


def data(*, within: bool, seed: int = 1) -> tuple[Rotated, np.ndarray]:
    rng = np.random.default_rng(seed)
    o, p = 11, 2
    n = 7 if within else 1
    X, y = rng.normal(size=(o, p)), rng.normal(size=o)
    near_X, near_y = rng.normal(size=(n, p)) * within, rng.normal(size=n) * within
    values = np.append(rng.uniform(0.1, 3.0, o - 1), 0.0)
    out = Rotated(values, X, y, near_X, near_y, near_X.T @ near_X, near_X.T @ near_y)
    return out, values


def dense(found: Rotated, relative: float, nu: float, *, reml: bool) -> float:
    """The same by a normal density with the deviations as observations of variance one."""
    X, y = np.vstack([found.X, found.within_X]), np.append(found.y, found.within_y)
    v = np.append(1.0 + relative**2 * found.values, np.ones(len(found.within_y)))
    A = X.T @ (X / v[:, None])
    e = y - X @ np.linalg.solve(A, X.T @ (y / v))
    rss = float(e @ (e / v))
    deviance = np.log(v).sum() + nu * (1.0 + np.log(2.0 * np.pi * rss / nu))
    return -0.5 * float(deviance + (np.linalg.slogdet(A)[1] if reml else 0.0))


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("within", [True, False])
@pytest.mark.parametrize("relative", [0.0, 0.4, 2.5])
def test_value_and_derivatives(relative: float, within: bool, reml: bool) -> None:
    found, _ = data(within=within)
    nu = 16.0 if within else 9.0
    at = profile(found, relative, nu, reml=reml)
    assert at.value == pytest.approx(dense(found, relative, nu, reml=reml), abs=1e-11)

    def quantities(x: np.ndarray) -> np.ndarray:
        near = profile(found, float(x[0]), nu, reml=reml)
        return np.array([near.value, near.gradient, np.log(near.sigma2)])

    slopes = jacobian(quantities, np.array([relative]), 1e-3)[:, 0]
    expected = [at.gradient, -at.information, at.log_sigma2_slope]
    np.testing.assert_allclose(slopes, expected, atol=1e-8)


def test_without_full_rank() -> None:
    found, _ = data(within=False)
    found.X[:, 1] = 0.0
    with pytest.raises(np.linalg.LinAlgError, match="not of full rank"):
        profile(found, 1.0, 9.0, reml=True)
