"""Observations outside of all simulated ones."""

from __future__ import annotations

import numpy as np
import pandas as pd

import ilk


def _data() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(30), 10)
    x = rng.normal(size=300)
    y = x + 0.5 * rng.normal(size=30)[g] + rng.normal(size=300)
    return pd.DataFrame({"y": y, "x": x, "g": g})


def test_expected_number() -> None:
    fit = ilk.fit("y ~ x + (1 | g)", _data())
    (one,) = fit.check("outliers")["outliers"]
    assert one.verdict == "ok"
    assert one.expected == 2 * 300 / 251
    (other,) = fit.check("outliers", draws=59)["outliers"]
    assert other.expected == 10.0
    assert 2 < other.statistic < 20


def test_long_tails_and_their_rows() -> None:
    data = _data()
    rng = np.random.default_rng(3)
    data["y"] = data["y"] - data["x"] + data["x"]
    data.loc[7, "y"] = np.nan
    bad = np.array([11, 50, 90, 130, 200, 260, 270, 280, 290, 299])
    data.loc[bad, "y"] += np.where(rng.random(10) < 0.5, -1.0, 1.0) * 9.0
    fit = ilk.fit("y ~ x + (1 | g)", data)
    (one,) = fit.check("outliers")["outliers"]
    assert one.verdict == "problem"
    assert one.detail is not None
    assert set(one.detail["row"].tolist()) <= set(bad.tolist())  # rows of the data, not of the fit
    assert len(one.detail["row"]) >= 8
    assert np.all(np.diff(np.abs(one.detail["score"])) <= 0)
    assert str(one.detail["row"][0]) in one.advice
