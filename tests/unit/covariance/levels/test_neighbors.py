"""Maps of areas against dense algebra."""

import numpy as np
import pytest

from ilk.covariance.levels.neighbors import Neighbors
from ilk.errors import DataError, ModelError
from ilk.num.differences import jacobian

SIDE = 4
_number = np.arange(SIDE * SIDE).reshape(SIDE, SIDE)
FIRST = np.concatenate([_number[:, 1:].ravel(), _number[:-1].ravel()])
SECOND = np.concatenate([_number[:, :-1].ravel(), _number[1:].ravel()])
NAMES = tuple(f"area{i}" for i in range(SIDE * SIDE))
WEIGHTS = np.random.default_rng(1).uniform(0.5, 2.0, len(FIRST))


def _laplacian():
    W = np.zeros((16, 16))
    W[FIRST, SECOND] = W[SECOND, FIRST] = WEIGHTS
    return np.diag(W.sum(axis=1)) - W, W


def _intrinsic():
    K = np.linalg.pinv(_laplacian()[0])
    return K / np.exp(np.log(np.diagonal(K)).mean())


def test_the_intrinsic_field_is_scaled_and_sums_to_zero():
    field = Neighbors(NAMES, FIRST, SECOND, WEIGHTS, "icar")
    K = np.linalg.inv(field.precision(np.zeros(0)).dense())
    np.testing.assert_allclose(K, _intrinsic(), atol=1e-6)
    assert np.exp(np.log(np.diagonal(K)).mean()) == pytest.approx(1.0, rel=1e-6)


@pytest.mark.parametrize("rho", [0.05, 0.5, 0.98])
def test_models_have_their_matrices(rho):
    theta = np.array([np.arcsin(np.sqrt(rho))])
    (_, W), K = _laplacian(), _intrinsic()
    expected = {
        "car": np.diag(W.sum(axis=1)) - rho * W,
        "leroux": rho * np.linalg.pinv(K) + (1.0 - rho) * np.eye(16),
        "bym2": np.linalg.inv(rho * K + (1.0 - rho) * np.eye(16)),
    }
    for model, Q in expected.items():
        found = Neighbors(NAMES, FIRST, SECOND, WEIGHTS, model).precision(theta)
        np.testing.assert_allclose(found.dense(), Q, rtol=1e-5, atol=1e-7)
        assert found.log_det == pytest.approx(np.linalg.slogdet(Q)[1], abs=1e-5)


@pytest.mark.parametrize("model", ["car", "leroux", "bym2"])
def test_slopes_agree_with_differences(model):
    field = Neighbors(NAMES, FIRST, SECOND, WEIGHTS, model)
    theta = field.start() + 0.2
    found = field.precision(theta)
    expected = jacobian(lambda x: field.precision(x).values, theta, 1e-4)
    np.testing.assert_allclose(found.slope, expected, atol=1e-6)
    expected = jacobian(lambda x: field.precision(x).log_det, theta, 1e-4)
    np.testing.assert_allclose(found.log_det_slope, expected, atol=1e-6)


def test_bad_maps_are_named():
    with pytest.raises(DataError, match="Areas without neighbors: 'c'"):
        Neighbors(("a", "b", "c"), np.array([0]), np.array([1]), np.ones(1))
    with pytest.raises(DataError, match="'a' is its own neighbor"):
        Neighbors(("a", "b"), np.array([0, 0]), np.array([0, 1]), np.ones(2))
    with pytest.raises(DataError, match="neighbors 'a' and 'b' is -1"):
        Neighbors(("a", "b"), np.array([0]), np.array([1]), -np.ones(1))
    with pytest.raises(ModelError, match="Did you mean 'leroux'"):
        Neighbors(NAMES, FIRST, SECOND, WEIGHTS, "lerou")
