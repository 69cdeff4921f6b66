"""The check of influence: verdicts by what hangs on one cluster."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk


def data(pull: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    g = np.repeat(list("abcdefghijkl"), 6)
    code = np.repeat(np.arange(12), 6)
    x = rng.normal(size=72)
    y = 0.5 * rng.normal(size=12)[code] + rng.normal(size=72) + np.where(code == 2, pull * x, 0.0)
    return pd.DataFrame({"g": g, "x": x, "y": y, "b": (y > 0).astype(int)})


def test_a_slope_that_one_cluster_makes() -> None:
    (found,) = ilk.fit("y ~ x + (1 | g)", data(4.0)).check("influence")["influence"]
    assert found.verdict == "problem"
    assert "Without g 'c' x is" in found.sentence
    assert found.advice.endswith("fit.influence('g', exact=['c']).")
    assert found.detail is not None
    assert found.statistic == np.nanmax(found.detail["cook"])


def test_clusters_like_each_other() -> None:
    (found,) = ilk.fit("y ~ x + (1 | g)", data()).check("influence")["influence"]
    assert found.verdict in ("ok", "note")
    assert "The largest Cook's distance is that of g" in found.sentence


def test_rows_without_random_terms() -> None:
    frame = data()
    frame.loc[5, ["x", "y"]] = [9.0, 20.0]
    (found,) = ilk.fit("y ~ x", frame).check("influence")["influence"]
    assert (found.where, found.verdict) == ("rows", "problem")
    assert "row 5" in found.sentence


def test_a_coefficient_of_one_cluster() -> None:
    frame = data().assign(arm=lambda d: np.where(d.g == "f", "new", "old"))
    (found,) = ilk.fit("y ~ x + arm + (1 | g)", frame).check("influence")["influence"]
    assert "arm[T.old] is known from g 'f' alone" in found.sentence
    assert found.detail is not None
    largest = found.detail["level"][int(np.nanargmax(found.detail["cook"]))]
    named = list(dict.fromkeys(["f", largest]))
    assert found.advice.endswith(f"exact={named!r}).")


def test_what_is_left_to_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    (found,) = ilk.fit("b ~ x + (1 | g)", data(), "binomial", penalty="firth").check("influence")[
        "influence"
    ]
    assert found.verdict == "skipped"
    monkeypatch.setattr("ilk.diagnostics.checks.influence._VISITS", 10.0)
    (found,) = ilk.fit("y ~ x + (1 | g)", data()).check("influence")["influence"]
    assert "fit.influence('g')" in found.sentence
