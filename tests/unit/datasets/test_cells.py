"""Simulated tissue: shares, overlap of ancestry and neighborhood, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest

import ilk
from ilk.datasets import simulate_cells
from ilk.errors import DataError


def test_the_outcomes_are_made_of_the_parts() -> None:
    cells = simulate_cells(3000, seed=1)
    data, truth = cells.data, cells.truth
    by_name = dict(zip(cells.table["node"], truth.lineage, strict=True))
    ancestry = np.array([by_name[cell] for cell in data["cell"]])
    np.testing.assert_allclose(truth.neighborhood, truth.field.at(data["x"], data["y"]), rtol=1e-9)
    sd = truth.sd["marker"]
    rest = data["marker"] - 5.0 - sd["lineage"] * ancestry
    rest = rest - sd["neighborhood"] * truth.neighborhood
    assert math.isclose(np.var(rest), 0.3, rel_tol=0.08)
    assert abs(np.corrcoef(rest, ancestry)[0, 1]) < 0.06
    sd = truth.sd["fate"]
    assert math.isclose(sd["noise"], math.pi / math.sqrt(3.0))
    assert math.isclose(sd["lineage"] ** 2 / sum(v**2 for v in sd.values()), 0.4)
    eta = sd["lineage"] * ancestry + sd["neighborhood"] * truth.neighborhood
    expected = 1.0 / (1.0 + np.exp(-eta))
    z = np.sum(data["fate"] - expected) / math.sqrt(np.sum(expected * (1.0 - expected)))
    assert abs(z) < 3.0


def test_ancestry_has_the_covariance_of_the_tree() -> None:
    tree, squares, both = simulate_cells(30, seed=5).tree, [], []
    covariance = np.linalg.inv(tree.precision(np.zeros(0)).dense())
    tips = [tree.places()[cell] for cell in simulate_cells(30, seed=5).data["cell"]]
    np.testing.assert_allclose(np.diag(covariance)[tips], 1.0, rtol=1e-9)
    for seed in range(200):  # every seed grows another tree: relatives by their names
        cells = simulate_cells(8, seed=seed, diffusion=0.0)
        effects = dict(zip(cells.table["node"], cells.truth.lineage, strict=True))
        alive = cells.data["cell"].to_list()
        V = np.linalg.inv(cells.tree.precision(np.zeros(0)).dense())
        place = cells.tree.places()
        a, b = alive[0], alive[1]
        squares.append(effects[a] ** 2)
        both.append(effects[a] * effects[b] - V[place[a], place[b]])
    assert abs(np.mean(squares) - 1.0) < 3.0 * math.sqrt(2.0 / 200)
    assert abs(np.mean(both)) < 3.0 * math.sqrt(2.0 / 200)


def test_diffusion_sets_how_alike_ancestry_and_neighborhood_are() -> None:
    alike = []
    for diffusion in (0.0, 0.1, 1.0):
        cells = simulate_cells(400, diffusion=diffusion, seed=3)
        tree, data = cells.tree, cells.data
        tips = [tree.places()[cell] for cell in data["cell"]]
        related = np.linalg.inv(tree.precision(np.zeros(0)).dense())[np.ix_(tips, tips)]
        gap = np.hypot(*(np.subtract.outer(data[c].to_numpy(), data[c].to_numpy()) for c in "xy"))
        pairs = np.triu_indices(400, 1)
        alike.append(np.corrcoef(related[pairs], np.exp(-gap[pairs] / 0.1))[0, 1])
        assert data[["x", "y"]].min().min() >= 0.0
        assert data[["x", "y"]].max().max() <= 1.0
    assert alike[0] > alike[1] + 0.2 > alike[2] + 0.3
    assert abs(alike[2]) < 0.05


def test_a_seed_is_a_tissue() -> None:
    first, again, other = (simulate_cells(50, seed=seed) for seed in (7, 7, 8))
    assert first.data.equals(again.data)
    assert first.newick == again.newick
    assert not np.allclose(first.data["marker"], other.data["marker"])


def test_text_and_table_are_one_tree() -> None:
    pytest.importorskip("Bio")
    cells = simulate_cells(40, seed=2)
    one, other = cells.tree, ilk.covariance.tree(cells.newick)
    assert set(one.levels) == set(other.levels)
    Q, R = one.precision(np.zeros(0)).dense(), other.precision(np.zeros(0)).dense()
    order = [other.places()[name] for name in one.levels]
    np.testing.assert_allclose(R[np.ix_(order, order)], Q, rtol=1e-6)


@pytest.mark.parametrize("flavor", ["polars", "pyarrow", "dict"])
def test_flavors(flavor: str) -> None:
    if flavor != "dict":
        pytest.importorskip(flavor)
    cells, usual = (simulate_cells(20, seed=4, flavor=f) for f in (flavor, "pandas"))
    np.testing.assert_array_equal(np.asarray(cells.data["marker"]), usual.data["marker"])
    assert list(np.asarray(cells.data["cell"])) == usual.data["cell"].to_list()
    assert cells.tree.levels == usual.tree.levels


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"n": 1}, "at least two cells"),
        ({"diffusion": -0.1}, "not negative"),
        ({"field_range": 0.0}, "range is positive"),
        ({"shares": {"lineage": 0.7, "neighborhood": 0.3}}, "leave some noise"),
        ({"shares": {"lineage": -0.1}}, "not negative"),
        ({"shares": {"lineage": 0.1, "noise": 0.1}}, "add up to one"),
        ({"shares": {"linage": 0.1}}, "Did you mean 'lineage'"),
        ({"flavor": "panda"}, "Did you mean 'pandas'"),
    ],
)
def test_refusals(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(DataError, match=words):
        simulate_cells(**({"n": 10} | arguments))


def test_shares_are_recovered() -> None:
    cells = simulate_cells(400, seed=11, diffusion=0.3)
    fit = ilk.fit(
        "marker ~ 1 + (1 | cell) + (1 | place)",
        cells.data,
        covariance={"cell": cells.tree, "place": ilk.covariance.spatial("x", "y")},
    )
    assert fit.verdict.converged
    cell, place = fit.fitted.estimates.covariances
    found = {"cell": cell[0, 0], "place": place[0, 0]}
    assert abs(found["cell"] - 0.4) < 0.25
    assert abs(found["place"] - 0.3) < 0.25
