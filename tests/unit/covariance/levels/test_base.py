"""What every structure over levels answers, against dense algebra."""

import numpy as np
import pytest
from scipy import sparse

from ilk.covariance.levels.known import KnownCovariance, KnownPrecision
from ilk.covariance.levels.neighbors import Neighbors
from ilk.covariance.levels.pedigree import Pedigree
from ilk.covariance.levels.space import Space
from ilk.covariance.levels.stored import levels_from_arrays
from ilk.covariance.levels.tree import Tree
from ilk.errors import DataError, ModelError

RNG = np.random.default_rng(4)
B = RNG.normal(size=(6, 8))
RING = sparse.diags([np.full(5, -1.0), np.full(6, 2.5), np.full(5, -1.0)], [-1, 0, 1])
POINTS = RNG.uniform(size=(30, 2))
GRID = np.arange(16).reshape(4, 4)
FIRST = np.concatenate([GRID[:, 1:].ravel(), GRID[:-1].ravel()])
SECOND = np.concatenate([GRID[:, :-1].ravel(), GRID[1:].ravel()])
NODES = ("a", "r", "n", "b", "m", "c", 7, "e")
PARENTS = np.array([2, -1, 1, 2, 1, 4, 4, 4])
LENGTHS = np.array([1.0, np.nan, 1.5, 2.0, 0.7, 0.5, 0.0, 3.0])


def _tree(model):
    return Tree(NODES, PARENTS, LENGTHS, model)


def _pedigree(groups=None):
    sires = np.array([4, -1, 0, 0, -1, -1, 2])
    dams = np.array([1, -1, 1, 1, -1, -1, 3])
    return Pedigree(tuple("abcdefg"), sires, dams, groups, 0.5)


STRUCTURES = {
    "known": KnownCovariance(tuple("abcdef"), B @ B.T),
    "known-singular": KnownCovariance(tuple("abcdef"), B[:, :3] @ B[:, :3].T, True, "kinship"),
    "precision": KnownPrecision(tuple(range(6)), RING),
    "pedigree": _pedigree(),
    "pedigree-groups": _pedigree(np.array([0, 0, 0, 0, 1, 1, 0], dtype=bool)),
    **{f"tree-{model}": _tree(model) for model in ("brownian", "pagel", "ou")},
    **{
        f"map-{model}": Neighbors(tuple(range(16)), FIRST, SECOND, np.ones(24), model)
        for model in ("icar", "car", "leroux", "bym2")
    },
    "field-exp": Space(tuple(range(30)), POINTS, "exp", None),
    "field-matern": Space(tuple(range(30)), POINTS, "matern", None),
    "field-vecchia": Space(tuple(range(30)), POINTS, "exp", None, "vecchia", 29),
}
PARTS = pytest.mark.parametrize("name", STRUCTURES)


def _theta(levels):
    return levels.start() - 0.2


@PARTS
def test_covariances_and_variances_invert_the_precision(name):
    levels = STRUCTURES[name]
    theta = _theta(levels)
    expected = np.linalg.inv(levels.precision(theta).dense())
    size = np.abs(expected).max()
    np.testing.assert_allclose(levels.covariance(theta), expected, atol=1e-6 * size)
    np.testing.assert_allclose(levels.variances(theta), np.diagonal(expected), atol=1e-6 * size)


@PARTS
def test_draws_have_the_covariances(name):
    levels = STRUCTURES[name]
    theta = _theta(levels)
    draws = levels.draw(theta, np.random.default_rng(1), 20_000)
    expected = levels.covariance(theta)
    error = np.sqrt((np.outer(np.diagonal(expected), np.diagonal(expected)) + expected**2) / 20_000)
    assert np.all(np.abs(draws.T @ draws / 20_000 - expected) < 5.0 * error + 1e-9)
    again = levels.draw(theta, np.random.default_rng(1), 20_000)
    np.testing.assert_array_equal(draws, again)


@PARTS
def test_structures_come_back_from_arrays(name, tmp_path):
    levels = STRUCTURES[name]
    np.savez(tmp_path / "it.npz", **levels.to_arrays())
    with np.load(tmp_path / "it.npz", allow_pickle=False) as arrays:
        back = levels_from_arrays(dict(arrays))
    assert type(back) is type(levels)
    assert back.levels == levels.levels
    assert back.describe() == levels.describe()
    theta = _theta(levels)
    here, there = levels.precision(theta), back.precision(theta)
    np.testing.assert_array_equal(here.values, there.values)
    assert here.log_det == there.log_det


@PARTS
def test_levels_of_the_structure_extend_it_by_themselves(name):
    levels = STRUCTURES[name]
    labels = [levels.levels[2], levels.levels[0]]
    found = levels.extend(_theta(levels), labels)
    expected = np.eye(len(levels.levels))[[2, 0]]
    np.testing.assert_array_equal(found.weights.toarray(), expected)
    np.testing.assert_array_equal(found.variances, 0.0)


@PARTS
def test_new_levels_from_nowhere_are_refused(name):
    levels = STRUCTURES[name]
    with pytest.raises(ModelError, match="'nobody'"):
        levels.extend(_theta(levels), ["nobody"])


@PARTS
def test_canonical_parameters_make_the_same_structure(name):
    levels = STRUCTURES[name]
    theta = levels.start() + (5.0 if name in ("tree-pagel", "map-car", "map-bym2") else 0.1)
    other = levels.canonical(theta)
    np.testing.assert_allclose(levels.natural(other), levels.natural(theta), atol=1e-12)
    np.testing.assert_allclose(
        levels.precision(other).values, levels.precision(theta).values, rtol=1e-9, atol=1e-9
    )
    if name in ("tree-pagel", "map-car", "map-bym2"):
        assert np.all((other >= 0.0) & (other <= 0.5 * np.pi))
        np.testing.assert_allclose(levels.canonical(other), other)


def _against_larger(found, larger, old, new):
    """Conditional means and variances from the covariance matrix of old and new levels."""
    weights = np.linalg.solve(larger[np.ix_(old, old)], larger[np.ix_(old, new)]).T
    left = np.diagonal(larger[np.ix_(new, new)] - weights @ larger[np.ix_(old, new)])
    np.testing.assert_allclose(found.weights.toarray(), weights, atol=1e-5)
    np.testing.assert_allclose(found.variances, left, atol=1e-7)


@pytest.mark.parametrize("kind", ["exp", "matern"])
@pytest.mark.parametrize("method", ["exact", "vecchia"])
def test_new_places_are_conditioned_on_all(kind, method):
    nu = None if kind == "exp" else 1.5
    part = Space(tuple(range(25)), POINTS[:25], kind, nu, method, 24)
    theta = np.array([np.log(0.2)])
    found = part.extend(theta, list("vwxyz"), POINTS[25:])
    whole = Space(tuple(range(30)), POINTS, kind, nu).covariance(theta)
    _against_larger(found, whole, np.arange(25), np.arange(25, 30))
    same = part.extend(theta, ["again"], POINTS[3:4])
    assert same.weights.toarray()[0, 3] == pytest.approx(1.0, abs=1e-6)
    with pytest.raises(DataError, match="have 2 coordinates, the new ones 1"):
        part.extend(theta, ["x"], [[0.1]])
    with pytest.raises(DataError, match="'x' has a coordinate that is not a number"):
        part.extend(theta, ["x"], [[0.1, np.nan]])


@pytest.mark.parametrize("model", ["brownian", "pagel", "ou"])
def test_new_tips_grow_from_nodes(model):
    tree = _tree(model)
    theta = tree.start()
    found = tree.extend(theta, ["new", "b"], [("n", 0.8), None])
    names, parents = (*NODES, "new"), np.append(PARENTS, 2)
    larger = Tree(names, parents, np.append(LENGTHS, 0.8), model)
    # the unit of length is the mean depth of the tips, which the new one changes
    factor = larger.scale / tree.scale
    shift = theta - np.log(factor) if model == "ou" else theta
    covariance = larger.covariance(shift) * (1.0 if model == "ou" else factor)
    at = larger.codes(["new"], "g")
    old = larger.codes(tree.levels, "g")
    _against_larger(type(found)(found.weights[:1], found.variances[:1]), covariance, old, at)
    assert found.weights.toarray()[1, tree.places()["b"]] == 1.0
    with pytest.raises(DataError, match="'new' is to grow from 'q', which is no node"):
        tree.extend(theta, ["new"], [("q", 1.0)])
    with pytest.raises(DataError, match="branch of 'new' has the length -1"):
        tree.extend(theta, ["new"], [("n", -1.0)])


@pytest.mark.parametrize("groups", [None, np.array([0, 0, 0, 0, 1, 1, 0], dtype=bool)])
def test_new_individuals_have_parents(groups):
    pedigree = _pedigree(groups)
    found = pedigree.extend(np.zeros(0), ["x", "y"], [("g", "c"), ("a", "f")])
    sires, dams = np.append(pedigree.sires, [6, 0]), np.append(pedigree.dams, [2, 5])
    more = None if groups is None else np.append(groups, [False, False])
    larger = Pedigree(tuple("abcdefgxy"), sires, dams, more, 0.5).covariance(np.zeros(0))
    _against_larger(found, larger, np.arange(7), np.arange(7, 9))
    half = pedigree.extend(np.zeros(0), ["z"], [(None, "g")])
    assert half.variances[0] == pytest.approx(1.0 - 0.25 * (1.0 + pedigree.F[6]))
    with pytest.raises(DataError, match="Parents of 'x' are not in the pedigree: 'q'"):
        pedigree.extend(np.zeros(0), ["x"], [("q", None)])


def test_large_matrices_are_not_made():
    many = Tree(tuple(range(6000)), np.arange(-1, 5999), np.ones(6000))
    with pytest.raises(ModelError, match="covariance matrix of the 5999 levels of the tree"):
        many.covariance(np.zeros(0))
    np.testing.assert_allclose(many.variances(np.zeros(0)) * many.scale, np.arange(1, 6000))
