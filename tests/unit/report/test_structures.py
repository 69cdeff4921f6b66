"""Sections of reports on covariance structures."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
from tests.unit.plot.structured import line, lineage, places, series

import ilk
from ilk.report import collect, render


def sections(fit, data) -> dict:
    report = collect(fit, data)
    json.dumps(report)  # plain data
    page = render(report)
    found = {part["id"]: part for part in report["sections"]}
    for name, part in found.items():
        assert f'id="{name}' in page
        if part["picture"] is not None:
            assert page.count("<svg") >= 1
    return found


def rows_of(fit, group: str, labels) -> pd.DataFrame:
    return pd.DataFrame({group: labels, "y": fit.fitted.design.response.y})


def test_a_tree() -> None:
    fit, data = lineage()
    found = sections(fit, data)
    part = found["structure-0"]
    assert part["picture"]["kind"] == "tree"
    assert "Brownian motion along a tree" in part["text"][0]
    assert "its branch lengths are taken as known" in " ".join(part["text"])
    assert not any(name.startswith("correlation-") for name in found)


def test_a_field_and_its_correlations() -> None:
    fit, _ = places()
    found = sections(fit, rows_of(fit, "site", np.repeat(np.arange(30), 2)))
    assert found["structure-0"]["picture"]["kind"] == "field"
    assert found["correlation-0"]["picture"]["kind"] == "correlation"
    assert found["correlation-parameters"]["table"]["rows"][0][1] == "range"
    fit, _ = line()
    found = sections(fit, rows_of(fit, "site", np.repeat(np.arange(25), 2)))
    assert found["structure-0"]["picture"]["kind"] == "field"


def test_a_series() -> None:
    fit = series()
    data = rows_of(fit, "g", np.repeat(np.arange(20), 10)).assign(week=np.tile(np.arange(10), 20))
    found = sections(fit, data)
    assert "structure-0" not in found
    assert found["correlation-0"]["picture"]["kind"] == "correlation"


def test_relatives() -> None:
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"id": np.repeat(list("abcd"), 8)})
    data["y"] = np.repeat([1.0, 0.6, -0.8, -0.5], 8) + 0.4 * rng.normal(size=32)
    V = np.kron(np.eye(2), np.array([[1.0, 0.5], [0.5, 1.0]]))
    kin = ilk.covariance.known(V, list("abcd"))
    found = sections(ilk.fit("y ~ 1 + (1 | id)", data, covariance={"id": kin}), data)
    assert found["structure-0"]["picture"]["kind"] == "relatedness"


def test_nothing_without_structures() -> None:
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"g": np.repeat(np.arange(8), 5), "y": rng.normal(size=40)})
    data["y"] += data.g
    found = sections(ilk.fit("y ~ 1 + (1 | g)", data), data)
    assert not any(name.startswith(("structure-", "correlation-")) for name in found)
