"""Neighbors in space and levels at known distances."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist
from tests.reference import data as reference

import ilk
from ilk.diagnostics.checks.space import moran, neighbor_weights
from ilk.errors import DataError, ModelError


def test_moran_by_brute_force() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(12, 3))
    w = rng.random((12, 12))
    np.fill_diagonal(w, 0.0)
    expected = []
    for column in z.T:
        d = column - column.mean()
        top = sum(w[i, j] * d[i] * d[j] for i in range(12) for j in range(12))
        expected.append(12 / w.sum() * top / np.sum(d**2))
    np.testing.assert_allclose(moran(z, w), expected)


def test_moran_of_ape() -> None:
    case = json.loads((Path(reference.__file__).parent / "checks.json").read_text())["moran"]
    places = np.column_stack([case["x"], case["y"]])
    with np.errstate(divide="ignore"):
        weights = 1.0 / cdist(places, places)
    np.fill_diagonal(weights, 0.0)
    weights /= weights.sum(axis=1, keepdims=True)  # as ape does
    found = moran(np.array(case["z"])[:, None], weights)
    np.testing.assert_allclose(found, case["observed"], rtol=1e-12)


def test_nearest_neighbors_by_brute_force() -> None:
    places = np.random.default_rng(1).normal(size=(20, 2))
    found = neighbor_weights(places, 3).toarray()
    distance = cdist(places, places) + np.diag(np.full(20, np.inf))
    for i in range(20):
        assert set(np.flatnonzero(found[i])) == set(np.argsort(distance[i])[:3])


def _field(seed: int, strength: float) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    place = rng.uniform(size=(60, 2))
    K = np.exp(-cdist(place, place) / 0.2) + 1e-9 * np.eye(60)
    smooth = strength * np.linalg.cholesky(K) @ rng.normal(size=60)
    site = np.repeat(np.arange(60), 5)
    y = rng.poisson(np.exp(1.0 + smooth[site] + 0.2 * rng.normal(size=60)[site]))
    return pd.DataFrame({"y": y, "site": site, "lon": place[site, 0], "lat": place[site, 1]})


def test_spatial_effects_between_sites() -> None:
    data = _field(1, 0.8)
    fit = ilk.fit("y ~ 1 + (1 | site)", data, family="poisson")
    (one,) = fit.check("space", coordinates=(data["lon"], data["lat"]))["space"]
    assert (one.estimand, one.verdict, one.where) == ("population", "problem", "lon, lat")
    assert "60 units" in one.sentence
    none = _field(2, 0.0)
    fit = ilk.fit("y ~ 1 + (1 | site)", none, family="poisson")
    assert fit.check("space", coordinates=(none["lon"], none["lat"])).verdict == "ok"


def test_places_within_clusters_are_looked_at_both_ways() -> None:
    data = _field(3, 0.8)
    data["region"] = data["site"] % 6
    fit = ilk.fit("y ~ lon + lat + (1 | region)", data, family="poisson")
    found = fit.check("space", coordinates=("lon", "lat"))["space"]
    assert [one.estimand for one in found] == ["conditional", "population"]
    assert found[0].verdict == "problem"


def test_levels_at_known_distances() -> None:
    rng = np.random.default_rng(5)
    names = [f"s{i:02d}" for i in range(40)]
    distance = np.abs(np.subtract.outer(np.arange(40.0), np.arange(40.0)))
    K = np.exp(-distance / 6)
    b = np.linalg.cholesky(K + 1e-9 * np.eye(40)) @ rng.normal(size=40)
    species = np.repeat(np.arange(40), 6)
    data = pd.DataFrame(
        {"y": b[species] + 0.5 * rng.normal(size=240), "s": np.array(names)[species]}
    )
    fit = ilk.fit("y ~ 1 + (1 | s)", data)
    mixed = rng.permutation(40)
    labelled = pd.DataFrame(
        distance[np.ix_(mixed, mixed)],
        index=np.array(names)[mixed],
        columns=np.array(names)[mixed],
    )
    (one,) = fit.check("related", distances={"s": labelled})["related"]
    assert (one.verdict, one.estimand, one.where) == ("problem", "population", "s")
    (same,) = fit.check("related", distances={"s": distance})["related"]
    assert same.statistic == pytest.approx(one.statistic)
    (third,) = fit.check("related", relatedness={"s": (names, K)})["related"]
    assert third.verdict == "problem"
    shuffled = data.assign(y=rng.permutation(b)[species] + 0.5 * rng.normal(size=240))
    right = ilk.fit("y ~ 1 + (1 | s)", shuffled)
    assert right.check("related", relatedness={"s": K}).verdict == "ok"


def test_bad_places_and_matrices() -> None:
    data = _field(1, 0.0)
    fit = ilk.fit("y ~ lon + (1 | site)", data, family="poisson")
    with pytest.raises(ModelError, match="two columns"):
        fit.check("space", coordinates="lon")
    with pytest.raises(ModelError, match="neighbors=0"):
        fit.check("space", coordinates=("lon", data["lat"]), neighbors=0)
    with pytest.raises(ModelError, match="only 1 different places"):
        fit.check("space", coordinates=(np.zeros(300), np.zeros(300)))
    with pytest.raises(ModelError, match="takes one factor"):
        fit.check("related", distances=np.eye(3))
    with pytest.raises(DataError, match="needs a row for each of its 60 levels"):
        fit.check("related", distances={"site": np.eye(3)})
    with pytest.raises(DataError, match="no row for the level 3 and 56 more"):
        fit.check("related", distances={"site": ([0, 1, 2, 99], np.ones((4, 4)))})
    with pytest.raises(DataError, match="symmetric"):
        fit.check("related", distances={"site": np.triu(np.ones((60, 60)))})
    with pytest.raises(ModelError, match="above zero"):
        fit.check("related", distances={"site": np.zeros((60, 60))})
    gone = np.ones((60, 60))
    gone[0, 1] = gone[1, 0] = np.nan
    with pytest.raises(DataError, match="missing numbers"):
        fit.check("related", relatedness={"site": gone})
