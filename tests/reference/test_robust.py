"""Robust covariance matrices and their degrees of freedom against clubSandwich and sandwich."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import pytest

import ilk

from .data import HERE, table

pytestmark = pytest.mark.reference

CASES = {
    found["id"]: found for found in json.loads((HERE / "robust.json").read_text(encoding="utf-8"))
}
TABLES = [(name, kind) for name, found in CASES.items() for kind in found["results"]]

STANDARD_ERROR = 1e-6
"""Relative: the matrices of two programs at optima that agree to seven digits."""

DF = 1e-6
"""Relative."""


@cache
def _fit(name: str) -> Any:
    model = CASES[name]["model"]
    normal = {"reml": model["REML"]} if "|" in model["formula"] else {}
    return ilk.fit(model["formula"], table(CASES[name]), family=model["family"], **normal)


@pytest.mark.parametrize(("name", "kind"), TABLES)
def test_robust(name: str, kind: str) -> None:
    case, fit = CASES[name], _fit(name)
    data, cluster = table(case), case["model"].get("cluster")
    if isinstance(cluster, list):
        labels = [data[column] for column in cluster]
    else:
        labels = None if cluster is None else data[cluster]
    found = fit.cov_with(kind, labels)
    expected = case["results"][kind]
    matrix = np.array(expected["matrix"])
    errors = np.sqrt(np.diag(matrix))
    np.testing.assert_allclose(
        found.matrix, matrix, rtol=0.0, atol=2 * STANDARD_ERROR * np.outer(errors, errors).max()
    )
    np.testing.assert_allclose(np.sqrt(np.diag(found.matrix)), errors, rtol=STANDARD_ERROR)
    if "df" in expected:
        np.testing.assert_allclose(found.coefficient_df(), expected["df"], rtol=DF)
