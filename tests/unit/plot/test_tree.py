"""The picture of a tree."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.plot.structured import lineage, series

import ilk
from ilk.errors import FitError
from ilk.plot import tree, tree_table


def test_layout() -> None:
    fit, _ = lineage()
    table = tree_table(fit, "cell")
    place = {name: i for i, name in enumerate(table.names)}
    depth = {name: table.depth[i] for name, i in place.items()}
    assert depth["root"] == 0.0
    assert depth["abcd"] == 1.0
    assert depth["ab"] == 2.0
    assert all(depth[tip] == 3.0 for tip in "abcdef")
    heights = [table.height[place[tip]] for tip in "abcdef"]
    assert sorted(heights) == list(range(6))
    ab = {table.height[place[tip]] for tip in "ab"}
    assert table.height[place["ab"]] == np.mean(list(ab))


def test_effects_of_nodes() -> None:
    fit, _ = lineage()
    table = tree_table(fit, "cell")
    effects = fit.random_effects("cell").set_index("level")
    for name, effect, seen in zip(table.names, table.effect, table.observed, strict=True):
        if name == "root":
            assert effect == 0.0
            continue
        assert effect == pytest.approx(effects.estimate[name])
        assert seen == (name in list("abcde"))
    # the unseen tip has its parent's effect
    place = {name: i for i, name in enumerate(table.names)}
    assert table.effect[place["f"]] == pytest.approx(table.effect[place["ef"]])


def test_independent_levels_beside_the_tree() -> None:
    fit, data = lineage()
    tree_of_cells = fit.fitted.model.covariances[0].levels
    both = ilk.fit("y ~ 1 + (1 | cell) + iid(1 | cell)", data, covariance={"cell": tree_of_cells})
    assert both.variance_components().group.tolist() == ["cell", "cell (iid)", "Residual"]
    effects = both.random_effects("cell")
    table = tree_table(both, "cell")
    own = effects[effects.group == "cell"].set_index("level")
    place = {name: i for i, name in enumerate(table.names)}
    assert table.effect[place["a"]] == pytest.approx(own.estimate["a"])
    assert len(both.random_effects("cell (iid)")) == 5


def test_drawn() -> None:
    axis = tree(lineage()[0], "cell")
    assert {text.get_text() for text in axis.texts} == set("abcdef")
    assert "6 tips" in axis.get_xlabel()
    assert len(axis.collections[-1].get_offsets()) == 5


def test_refusals() -> None:
    with pytest.raises(FitError, match="'g' has no tree; give one as covariance="):
        tree_table(series(), "g")
    with pytest.raises(FitError, match="no random effect 'x'"):
        tree_table(lineage()[0], "cell", "x")
