"""Growth from one cell: times, names, territories, Newick."""

from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.random import RandomState

from ilk.datasets.lineage import grow


@pytest.mark.parametrize("n", [2, 3, 50])
def test_every_cell_has_a_mother_and_divides_in_two(n: int) -> None:
    lineage = grow(n, RandomState(1))
    assert len(lineage.names) == len(set(lineage.names)) == 2 * n - 1
    assert lineage.tips.sum() == n
    daughters = np.bincount(lineage.parents[1:], minlength=2 * n - 1)
    assert set(daughters) == {0, 2}
    for name, mother in zip(lineage.names[1:], lineage.parents[1:], strict=True):
        assert name[:-1] == lineage.names[mother]
    assert np.all(lineage.lengths > 0.0)


def test_living_cells_are_of_one_age() -> None:
    lineage = grow(300, RandomState(2))
    age = lineage.lengths.copy()
    for i in range(1, len(age)):
        age[i] += age[lineage.parents[i]]
    np.testing.assert_allclose(age[lineage.tips], age[lineage.tips].max(), rtol=1e-12)
    # 300 cells after log2(300) = 8.2 cycles of length one, more or less
    assert 7.0 < age.max() < 10.0


def test_cells_share_the_tissue() -> None:
    lineage = grow(256, RandomState(3))
    homes = lineage.birthplaces[lineage.tips]
    counts, *_ = np.histogram2d(homes[:, 0], homes[:, 1], bins=2, range=[[0, 1], [0, 1]])
    assert np.all(np.abs(counts - 64) < 12)
    mother = lineage.birthplaces[lineage.parents[1:]]
    gap = np.abs(mother - lineage.birthplaces[1:]).max(axis=1)
    assert gap[:2].max() > 0.1 > gap[-50:].max()


def test_newick_is_the_tree() -> None:
    Phylo = pytest.importorskip("Bio.Phylo")
    lineage = grow(20, RandomState(4))
    tree = Phylo.read(io.StringIO(lineage.newick()), "newick")
    assert {tip.name for tip in tree.get_terminals()} == {
        name for name, tip in zip(lineage.names, lineage.tips, strict=True) if tip
    }
    for mother in tree.get_nonterminals():
        assert [child.name for child in mother.clades] == [mother.name + "a", mother.name + "p"]
    lengths = {node.name: node.branch_length for node in tree.find_clades()}
    np.testing.assert_allclose([lengths[name] for name in lineage.names], lineage.lengths, 1e-8)
