"""Gaussian fields: exact against dense algebra, Vecchia against exact."""

import numpy as np
import pytest

from ilk.covariance.decay import decay
from ilk.covariance.levels.points import nearest_before, on_the_globe, spread_out
from ilk.covariance.levels.space import Space
from ilk.errors import DataError
from ilk.num.differences import jacobian

POINTS = np.random.default_rng(3).uniform(size=(80, 2))
NAMES = tuple(range(80))
KINDS = [("exp", None), ("gau", None), ("matern", 1.5), ("matern", None)]


def _theta(space):
    return np.array([np.log(0.2), 0.3])[: len(space.parameters)]


def _correlations(space, theta):
    distance = np.linalg.norm(POINTS[:, None] - POINTS, axis=2)
    nu = theta[-1] if space.nu is None else np.log(space.nu)
    return decay(space.kind_of_decay, distance, theta[0], nu)[0]


@pytest.mark.parametrize(("kind", "nu"), [k for k in KINDS if k[0] != "gau"])
@pytest.mark.parametrize("method", ["exact", "vecchia"])
def test_precision_inverts_the_correlations(kind, nu, method):
    space = Space(NAMES, POINTS, kind, nu, method, neighbors=79)  # all before: exact
    theta = _theta(space)
    R = _correlations(space, theta)
    found = space.precision(theta)
    np.testing.assert_allclose(found.dense() @ R, np.eye(80), atol=1e-4)
    assert found.log_det == pytest.approx(-np.linalg.slogdet(R)[1], abs=1e-4)


@pytest.mark.parametrize(("kind", "nu"), KINDS)
@pytest.mark.parametrize("method", ["exact", "vecchia"])
def test_slopes_agree_with_differences(kind, nu, method):
    keep = slice(0, 25)
    space = Space(NAMES[keep], POINTS[keep], kind, nu, method, neighbors=5)
    theta = _theta(space) - (1.0 if kind == "gau" else 0.0)
    found = space.precision(theta)
    expected = jacobian(lambda x: space.precision(x).values, theta, 1e-4)
    np.testing.assert_allclose(found.slope, expected, rtol=1e-4, atol=1e-4)
    expected = jacobian(lambda x: space.precision(x).log_det, theta, 1e-4)
    np.testing.assert_allclose(found.log_det_slope, expected, rtol=1e-5, atol=1e-5)


def test_few_neighbors_are_nearly_exact():
    exact = Space(NAMES, POINTS, "exp", None, "exact")
    theta = _theta(exact)
    R = _correlations(exact, theta)
    near = Space(NAMES, POINTS, "exp", None, "vecchia", neighbors=15)
    found = np.linalg.inv(near.precision(theta).dense())
    np.testing.assert_allclose(found, R, atol=0.02)


def test_neighbors_are_the_nearest_of_those_before():
    order = spread_out(POINTS)
    assert sorted(order.tolist()) == list(range(80))
    near = nearest_before(POINTS, order, 4)
    rank = np.argsort(order)
    for i in order[5:]:
        before = order[: rank[i]]
        distance = np.linalg.norm(POINTS[before] - POINTS[i], axis=1)
        expected = np.sort(distance)[:4]
        found = np.linalg.norm(POINTS[near[i][near[i] >= 0]] - POINTS[i], axis=1)
        np.testing.assert_allclose(np.sort(found), expected, atol=1e-12)


def test_early_places_are_spread():
    first = POINTS[spread_out(POINTS)[:10]]
    apart = np.linalg.norm(first[:, None] - first, axis=2)
    assert apart[~np.eye(10, dtype=bool)].min() > 0.06


def test_globe_distances_are_chords():
    points = on_the_globe(np.array([0.0, 0.0, 90.0]), np.array([0.0, 180.0, 0.0]))
    assert np.linalg.norm(points[0] - points[1]) == pytest.approx(2.0 * 6371.0088)
    assert np.linalg.norm(points[0] - points[2]) == pytest.approx(np.sqrt(2.0) * 6371.0088)


def test_bad_places_are_named():
    with pytest.raises(DataError, match=r"places 'a' and 'c' have the same coordinates.*groupby"):
        Space(("a", "b", "c"), np.array([[0.0, 1.0], [1.0, 1.0], [0.0, 1.0]]))
    with pytest.raises(DataError, match=r"two places at least"):
        Space(("a",), np.array([[0.0, 1.0]]))
    with pytest.raises(DataError, match="place 'b' has a coordinate that is not a number"):
        Space(("a", "b"), np.array([[0.0, 1.0], [np.nan, 1.0]]))


def test_what_is_lost_is_the_divergence_from_the_exact_field(monkeypatch):
    exact = Space(NAMES, POINTS, "exp", None)
    theta = exact.start()
    assert exact.lost(theta) == 0.0
    found = [Space(NAMES, POINTS, "exp", None, "vecchia", m) for m in (2, 5, 10, 79)]
    lost = [space.lost(theta) for space in found]
    assert lost[0] > lost[1] > lost[2] > lost[3]
    assert abs(lost[3]) < 1e-6
    R, Q = exact.covariance(theta), found[0].precision(theta)
    expected = 0.5 * (np.sum(Q.dense() * R) - 80 - Q.log_det - np.linalg.slogdet(R)[1])
    assert lost[0] == pytest.approx(expected, abs=1e-5)
    points = np.random.default_rng(1).uniform(size=(2300, 2))
    many = Space(tuple(range(2300)), points, "exp", None, "vecchia", 5)
    sampled = many.lost(many.start())
    monkeypatch.setattr("ilk.covariance.levels.space._COMPARED", 3000)
    assert 0.5 * many.lost(many.start()) < sampled < 1.1 * many.lost(many.start())


def test_starts_are_of_several_ranges():
    space = Space(NAMES, POINTS, "matern", None)
    starts = space.starts(3)
    assert starts.shape == (3, 2)
    np.testing.assert_array_equal(starts[0], space.start())
    ranges = np.exp(starts[:, 0])
    assert ranges.max() < 1.0
    assert ranges.max() / ranges.min() > 5.0
