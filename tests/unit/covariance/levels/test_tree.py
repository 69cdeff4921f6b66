"""Trees: covariances of nodes against path lengths, models of evolution, bad trees."""

import numpy as np
import pytest

from ilk.covariance.levels.tree import Tree
from ilk.errors import DataError, ModelError
from ilk.num.differences import jacobian

# ((a:1, b:2)n:1.5, (c:0.5, d:0, e:3)m:0.7)r
NAMES = ("r", "n", "m", "a", "b", "c", "d", "e")
PARENTS = np.array([-1, 0, 0, 1, 1, 2, 2, 2])
LENGTHS = np.array([np.nan, 1.5, 0.7, 1.0, 2.0, 0.5, 0.0, 3.0])
TIPS = ("a", "b", "c", "d", "e")


def _paths():
    """Lengths of shared paths from the root, of all pairs of nodes."""
    above = []
    for i in range(len(NAMES)):
        path = set()
        while i > 0:
            path.add(i)
            i = PARENTS[i]
        above.append(path)
    return np.array([[sum(LENGTHS[k] for k in p & q) for q in above] for p in above])


def _covariance(tree, theta, names):
    found = np.linalg.inv(tree.precision(np.asarray(theta, float)).dense())
    at = tree.codes(names, "g")
    return found[np.ix_(at, at)]


def test_brownian_covariances_are_shared_paths():
    tree = Tree(NAMES, PARENTS, LENGTHS)
    shared = _paths()
    depth = np.diagonal(shared)[3:].mean()
    assert tree.scale == pytest.approx(depth)
    found = _covariance(tree, [], NAMES[1:])
    np.testing.assert_allclose(found, shared[1:, 1:] / depth, atol=1e-12)
    assert tree.precision(np.zeros(0)).log_det == pytest.approx(
        np.linalg.slogdet(tree.precision(np.zeros(0)).dense())[1]
    )


def test_ends_of_a_branch_of_length_zero_are_one_level():
    tree = Tree(NAMES, PARENTS, LENGTHS)
    assert "d" not in tree.levels
    assert tree.places()["d"] == tree.places()["m"]
    assert "d" in Tree(NAMES, PARENTS, LENGTHS, "pagel").levels


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_lambda_multiplies_covariances_between_tips(share):
    tree = Tree(NAMES, PARENTS, LENGTHS, "pagel")
    theta = [np.arcsin(np.sqrt(max(share, 1e-9)))]
    shared = _paths()[3:, 3:] / tree.scale
    expected = np.where(np.eye(5, dtype=bool), shared, share * shared)
    np.testing.assert_allclose(_covariance(tree, theta, TIPS), expected, atol=1e-6)
    assert tree.natural(np.array(theta))[0] == pytest.approx(share, abs=1e-8)


def test_ou_correlations_fall_with_path_length():
    tree = Tree(NAMES, PARENTS, LENGTHS, "ou")
    theta = np.array([-0.4])
    shared = _paths()
    depth = np.diagonal(shared)
    distance = depth[:, None] + depth - 2.0 * shared
    expected = np.exp(-distance / tree.natural(theta)[0])
    np.testing.assert_allclose(_covariance(tree, theta, NAMES), expected, atol=1e-10)


@pytest.mark.parametrize("model", ["brownian", "pagel", "ou"])
def test_slopes_agree_with_differences(model):
    tree = Tree(NAMES, PARENTS, LENGTHS, model)
    theta = tree.start()
    assert len(theta) == len(tree.parameters)
    found = tree.precision(theta)
    if not len(theta):
        assert found.slope.shape == (len(found.values), 0)
        return
    expected = jacobian(lambda x: tree.precision(x).values, theta, 1e-3)
    np.testing.assert_allclose(found.slope, expected, atol=1e-7)
    expected = jacobian(lambda x: tree.precision(x).log_det, theta, 1e-3)
    np.testing.assert_allclose(found.log_det_slope, expected, atol=1e-7)


def test_large_trees_take_no_time_worth_mentioning():
    rng = np.random.default_rng(1)
    n = 50_000
    parents = np.concatenate([[-1], (rng.random(n - 1) * np.arange(1, n)).astype(int)])
    tree = Tree(tuple(range(n)), parents, rng.exponential(size=n))
    found = tree.precision(np.zeros(0))
    assert len(found.values) < 2 * n
    assert np.isfinite(found.log_det)


def test_bad_trees_are_named():
    with pytest.raises(DataError, match="more than once in the tree: 'a'"):
        Tree(("r", "a", "a"), np.array([-1, 0, 0]), np.ones(3))
    with pytest.raises(DataError, match="cycle: 'a' is among its own ancestors"):
        Tree(("r", "a", "b"), np.array([-1, 2, 1]), np.ones(3))
    with pytest.raises(DataError, match=r"one root.* there are 2: 'r', 's'"):
        Tree(("r", "s", "b"), np.array([-1, -1, 1]), np.ones(3))
    with pytest.raises(DataError, match="above 'a' has the length -1"):
        Tree(("r", "a", "b"), np.array([-1, 0, 0]), np.array([0.0, -1.0, 1.0]))
    with pytest.raises(DataError, match=r"without a branch.*'a'"):
        Tree(("r", "a", "b"), np.array([-1, 0, 0]), np.array([0.0, 0.0, 1.0]))
    with pytest.raises(ModelError, match="Did you mean 'brownian'"):
        Tree(NAMES, PARENTS, LENGTHS, "brownain")


def test_levels_that_the_tree_lacks_are_listed():
    tree = Tree(NAMES, PARENTS, LENGTHS)
    with pytest.raises(DataError, match="tree of 'cell' lacks 2 of its 3 levels: 'x', 'y'"):
        tree.codes(["a", "x", "y"], "cell")
    numbers = Tree((0, 1, 2), np.array([-1, 0, 0]), np.ones(3))
    with pytest.raises(DataError, match="has 1 of type int, the data '1' of type str"):
        numbers.codes(["1"], "cell")
