"""Structures over levels in files: `ilk.io.levels`."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.structured import fit_of

import ilk
from ilk.io.levels import with_levels, written_levels

_A = np.add.outer(np.arange(6), np.arange(6)) % 2 * 0.2 + 0.8 * np.eye(6) + 0.1
_NEAR = {0: [1, 2], 1: [0, 3], 2: [0, 3], 3: [1, 2, 4], 4: [3, 5], 5: [4]}


def _structures():
    names = list(range(6))
    adjacency = np.array([[float(j in _NEAR[i]) for j in names] for i in names])
    pedigree = pd.DataFrame(
        {"individual": [9, 8, 0, 1, 2, 3, 4, 5], "sire": [None, None, 9, 9, 9, 0, 0, 2],
         "dam": [None, None, 8, 8, None, 1, 2, 1]}
    )  # fmt: skip
    return {
        "known": ilk.covariance.known(_A, names=names),
        "kinship": ilk.covariance.kinship(_A, names=names),
        "precision": ilk.covariance.precision(np.linalg.inv(_A), names=names),
        "pedigree": ilk.covariance.pedigree(pedigree, selfing=True),
        "neighbors": ilk.covariance.neighbors(adjacency, names=names, model="leroux"),
        "columns": ilk.covariance.spatial("u", "v", kind="exp"),
        "tree": ilk.covariance.tree("((0:1,1:1)a:1,(2:1.5,(3:1,(4:0.5,5:0.5)b:0.5)c:0.5)d:0.5);"),
    }


def _data(name):
    rng = np.random.default_rng(4)
    g = np.repeat(np.arange(6), 8)
    b = np.linalg.cholesky(_A) @ rng.standard_normal(6)
    data = pd.DataFrame({"g": g, "u": np.cos(g), "v": np.sin(g), "x": rng.standard_normal(48)})
    data["y"] = 1.0 + 0.5 * data.x + 1.5 * b[g] + rng.standard_normal(48)
    return data.assign(g=data.g.astype(str)) if name == "tree" else data


@pytest.mark.parametrize("name", list(_structures()))
def test_every_structure_comes_back(name, tmp_path):
    data = _data(name)
    fit = ilk.fit("y ~ x + (1 | g)", data, covariance={"g": _structures()[name]}, silence=())
    fit.save(tmp_path / "fit.ilk")
    again = ilk.load(tmp_path / "fit.ilk")
    assert again.loglik == fit.loglik
    one, other = (f.predict(data.head(9), interval="confidence") for f in (fit, again))
    pd.testing.assert_frame_equal(one, other, rtol=1e-9)
    pd.testing.assert_frame_equal(fit.random_effects(), again.random_effects(), rtol=1e-9)
    assert again.refit(fit.simulate(1, seed=1)[:, 0]).loglik == pytest.approx(
        fit.refit(fit.simulate(1, seed=1)[:, 0]).loglik
    )


def test_what_is_not_a_structure_is_refused():
    model = fit_of("tree", "gaussian").fitted.model
    written = written_levels(model)
    within = [covariance.within for covariance in model.covariances]
    assert (
        with_levels(model.design, within, written)[0].levels.levels
        == model.design.terms[0].grouping.levels
    )
    fewer = {"tip": {**written["tip"], "labels": written["tip"].get("labels", ())[:-1]}}
    for bad in ({}, [], {"tip": 3}, {"other": written["tip"]}):
        with pytest.raises(ilk.DataError, match="not what ilk writes"):
            with_levels(model.design, within, bad)
    with pytest.raises((ilk.DataError, ValueError, KeyError, IndexError)):
        with_levels(model.design, within, fewer)
