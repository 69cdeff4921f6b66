"""Maps of areas against dense algebra."""

import numpy as np
import pytest

import ilk
from ilk.covariance.levels.neighbors import Neighbors
from ilk.covariance.levels.sparse_factor import SparseFactor
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


def _covariance(field, theta):
    """Covariance of the areas, without that of sums and parts in space."""
    count = len(field.names)
    return np.linalg.inv(field.precision(theta).dense())[:count, :count]


def _intrinsic():
    K = np.linalg.pinv(_laplacian()[0])
    return K / np.exp(np.log(np.diagonal(K)).mean())


def test_the_intrinsic_field_is_scaled_and_sums_to_zero():
    field = Neighbors(NAMES, FIRST, SECOND, WEIGHTS, "icar")
    K = _covariance(field, np.zeros(0))
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
        field = Neighbors(NAMES, FIRST, SECOND, WEIGHTS, model)
        np.testing.assert_allclose(_covariance(field, theta), np.linalg.inv(Q), atol=1e-6)
        found = field.precision(theta)
        assert found.log_det == pytest.approx(np.linalg.slogdet(found.dense())[1], abs=1e-6)


@pytest.mark.parametrize("model", ["car", "leroux", "bym2"])
def test_slopes_agree_with_differences(model):
    field = Neighbors(NAMES, FIRST, SECOND, WEIGHTS, model)
    theta = field.start() + 0.2
    found = field.precision(theta)
    expected = jacobian(lambda x: field.precision(x).values, theta, 1e-4)
    np.testing.assert_allclose(found.slope, expected, atol=1e-6)
    expected = jacobian(lambda x: field.precision(x).log_det, theta, 1e-4)
    np.testing.assert_allclose(found.log_det_slope, expected, atol=1e-6)


@pytest.mark.parametrize("model", ["icar", "car", "leroux", "bym2"])
def test_unconnected_parts_are_scaled_each_and_areas_alone_have_variance_one(model):
    # a path of 12 areas, a star of 11, and one alone
    first = np.concatenate([np.arange(11), np.full(10, 12)])
    second = np.concatenate([np.arange(1, 12), np.arange(13, 23)])
    names = tuple(range(24))
    field = Neighbors(names, first, second, np.ones(21), model)
    assert (field.parts, field.alone) == (3, 1)
    assert "3 unconnected parts, 1 of them areas without neighbors" in field.describe()
    theta = np.arcsin(np.sqrt(np.full(len(field.parameters), 0.6)))
    W = np.zeros((24, 24))
    W[first, second] = W[second, first] = 1.0
    D = np.diag(W.sum(axis=1))
    K = np.zeros((24, 24))
    for part in (slice(0, 12), slice(12, 23)):
        inverse = np.linalg.pinv((D - W)[part, part])
        K[part, part] = inverse / np.exp(np.log(np.diagonal(inverse)).mean())
    K[23, 23] = 1.0
    D[23, 23] = 1.0
    R = np.linalg.pinv(K)
    expected = {
        "icar": K,
        "car": np.linalg.inv(D - 0.6 * W),
        "leroux": np.linalg.inv(0.6 * R + 0.4 * np.eye(24)),
        "bym2": 0.6 * K + 0.4 * np.eye(24),
    }[model]
    np.testing.assert_allclose(_covariance(field, theta), expected, atol=1e-6)


@pytest.mark.parametrize("model", ["icar", "car", "leroux", "bym2"])
def test_a_large_map_stays_sparse(model):
    side = 60
    number = np.arange(side * side).reshape(side, side)
    first = np.concatenate([number[:, 1:].ravel(), number[:-1].ravel()])
    second = np.concatenate([number[:, :-1].ravel(), number[1:].ravel()])
    field = Neighbors(tuple(range(side**2)), first, second, np.ones(len(first)), model)
    theta = field.start() + 0.3 * len(field.parameters)
    found = field.precision(theta)
    assert len(found.values) < 12 * side**2
    assert found.log_det == pytest.approx(SparseFactor(found.sparse()).log_det, abs=1e-4)
    if len(theta):
        change = jacobian(lambda x: field.precision(x).log_det, theta, 1e-3)
        np.testing.assert_allclose(found.log_det_slope, change, rtol=1e-6)
    draws = field.draw(theta, np.random.default_rng(1), 200)[:, : side**2]
    if model == "icar":
        assert np.abs(draws.mean(axis=1)).max() < 5e-4  # its sd is 1.2e-4
        assert np.exp(np.log(draws.var(axis=0)).mean()) == pytest.approx(1.0, rel=0.05)


@pytest.mark.parametrize("model", ["icar", "bym2"])
def test_counts_of_a_large_map_are_fitted(model):
    side = 60
    number = np.arange(side * side).reshape(side, side)
    first = np.concatenate([number[:, 1:].ravel(), number[:-1].ravel()])
    second = np.concatenate([number[:, :-1].ravel(), number[1:].ravel()])
    field = Neighbors(tuple(range(side**2)), first, second, np.ones(len(first)), model)
    rng = np.random.default_rng(1)
    effects = field.draw(field.start(), rng, 1)[0][: side**2]
    data = {"area": np.arange(side**2), "y": rng.poisson(np.exp(2.0 + 0.5 * effects))}
    fit = ilk.fit("y ~ 1 + (1 | area)", data, "poisson", covariance={"area": field})
    assert fit.verdict.converged
    found = fit.variance_components().set_index("kind").estimate
    assert found["sd"] == pytest.approx(0.5, rel=0.1)
    if model == "bym2":
        assert found["phi"] == pytest.approx(0.5, abs=0.15)


def test_bad_maps_are_named():
    with pytest.raises(DataError, match="No area of the map has a neighbor"):
        Neighbors(("a", "b"), np.zeros(0, int), np.zeros(0, int), np.ones(0))
    with pytest.raises(DataError, match="more than once in the map: 'a'"):
        Neighbors(("a", "a"), np.array([0]), np.array([1]), np.ones(1))
    with pytest.raises(DataError, match="'a' is its own neighbor"):
        Neighbors(("a", "b"), np.array([0, 0]), np.array([0, 1]), np.ones(2))
    with pytest.raises(DataError, match="neighbors 'a' and 'b' is -1"):
        Neighbors(("a", "b"), np.array([0]), np.array([1]), -np.ones(1))
    with pytest.raises(ModelError, match="Did you mean 'leroux'"):
        Neighbors(NAMES, FIRST, SECOND, WEIGHTS, "lerou")
