"""What is reported of structures over levels."""

from __future__ import annotations

import math

import numpy as np
import pytest

import ilk
from ilk.covariance.levels.reported import (
    correlation_over_levels,
    distances_of,
    level_parameters,
)

NEWICK = "((a:1,b:1):1,(c:1,d:1):1);"


def kinds(levels) -> list[str]:
    return [one.kind for one in level_parameters(levels)]


def test_names_and_limits() -> None:
    table = {"a": ["b"], "b": ["a", "c"], "c": ["b"]}
    assert kinds(ilk.covariance.tree(NEWICK)) == []
    assert kinds(ilk.covariance.tree(NEWICK, model="pagel")) == ["lambda"]
    assert kinds(ilk.covariance.tree(NEWICK, model="ou")) == ["range"]
    assert kinds(ilk.covariance.neighbors(table, model="icar")) == []
    for model in ("car", "leroux", "bym2"):
        (one,) = level_parameters(ilk.covariance.neighbors(table, model=model))
        assert (one.low, one.high) == (0.0, 1.0)
    field = ilk.covariance.spatial([0.0, 1.0, 4.0], names=list("abc"), nu="estimate")
    assert kinds(field) == ["range", "smoothness"]


def test_distances() -> None:
    field = ilk.covariance.spatial([0.0, 3.0, 3.0], [0.0, 4.0, 3.0], names=list("abc"), kind="exp")
    assert distances_of(field) == (1.0, 5.0)
    assert distances_of(ilk.covariance.tree(NEWICK, model="ou")) == (1.0, 4.0)
    assert all(map(math.isnan, distances_of(ilk.covariance.known(np.eye(2), ["a", "b"]))))


def test_correlations_at_distances_are_those_of_the_levels() -> None:
    field = ilk.covariance.spatial([0.0, 1.0, 3.0], names=list("abc"))
    theta = np.array([0.3])
    found = correlation_over_levels(field, theta, np.array([0.0, 1.0, 2.0, 3.0]))
    V = field.covariance(theta)
    np.testing.assert_allclose(found, [1.0, V[0, 1], V[1, 2], V[0, 2]], atol=1e-8)
    tree = ilk.covariance.tree(NEWICK, model="ou")
    theta = np.array([-0.4])
    V, place = tree.covariance(theta), tree.places()
    found = correlation_over_levels(tree, theta, np.array([2.0, 4.0]))
    np.testing.assert_allclose(found, [V[place["a"], place["b"]], V[place["a"], place["c"]]])
    assert correlation_over_levels(ilk.covariance.tree(NEWICK), np.zeros(0), found) is None


@pytest.mark.parametrize("model", ["pagel", "ou"])
def test_values_in_a_fit(model: str) -> None:
    tree = ilk.covariance.tree(NEWICK, model=model)
    theta = tree.start()
    (one,), (value,) = level_parameters(tree), tree.natural(theta)
    assert one.low < value < one.high
