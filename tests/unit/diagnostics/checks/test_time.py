"""Neighbors in time."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.reference import data as reference

import ilk
from ilk.diagnostics.checks.context import make_context
from ilk.diagnostics.checks.time import durbin_watson
from ilk.errors import DataError, ModelError
from ilk.num.stable import special


def _data(rho: float, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    e = rng.normal(size=(20, 15))
    for t in range(1, 15):
        e[:, t] = rho * e[:, t - 1] + np.sqrt(1 - rho**2) * e[:, t]
    day = np.tile(np.arange(15), 20)
    g = np.repeat([f"g{i:02d}" for i in range(20)], 15)
    y = 0.8 * np.repeat(rng.normal(size=20), 15) + e.ravel()
    frame = pd.DataFrame({"y": y, "day": day, "g": g, "date": pd.Timestamp("2026-01-01")})
    frame["date"] += pd.to_timedelta(frame["day"], unit="D")
    return frame.sample(frac=1.0, random_state=3)


def test_autocorrelation_is_found_whatever_the_order_of_rows() -> None:
    data = _data(0.6)
    fit = ilk.fit("y ~ 1 + (1 | g)", data)
    (one,) = fit.check("time", time=data["day"])["time"]
    assert one.verdict == "problem"
    assert one.where == "day within g"
    assert 0.25 < one.statistic < 0.6  # the clusters' effects take some of it
    assert one.detail is not None
    assert float(one.detail["durbin_watson"]) == pytest.approx(2 * (1 - one.statistic), abs=0.1)
    assert one.detail["lag"].tolist() == list(range(1, 13))
    dates = fit.check("time", time=data["date"])["time"][0]
    assert dates.statistic == pytest.approx(one.statistic)
    kept = ilk.fit("y ~ day + (1 | g)", data).check("time", time="day")["time"][0]
    assert kept.verdict == "problem"


def test_independent_errors_are_left_alone() -> None:
    data = _data(0.0, 2)
    fit = ilk.fit("y ~ 1 + (1 | g)", data)
    assert fit.check("time", time=data["day"]).verdict == "ok"
    # clusters that were left out look like autocorrelation within them
    wrong = ilk.fit("y ~ 1", data).check("time", time=data["day"], group=data["g"])
    assert wrong.verdict == "problem"


def test_statistic_by_brute_force() -> None:
    data = _data(0.3).sort_values(["g", "day"])
    fit = ilk.fit("y ~ 1 + (1 | g)", data)
    context = make_context(fit.fitted, draws=50)
    z = special().ndtri(context.conditional().residuals[:, 0].astype(float)).reshape(20, 15)
    expected = (z[:, 1:] * z[:, :-1]).mean() / (z**2).mean()
    (one,) = fit.check("time", time=data["day"], draws=50)["time"]
    assert one.statistic == pytest.approx(expected)


def test_durbin_watson_of_car() -> None:
    case = json.loads((Path(reference.__file__).parent / "checks.json").read_text())
    residuals = np.array(case["durbin_watson"]["residuals"])
    n = len(residuals)
    found = durbin_watson(residuals, np.zeros(n))
    # a mean over neighbors, of which there are n - 1, in the place of a sum
    assert found * (n - 1) / n == pytest.approx(case["durbin_watson"]["ratio"], rel=1e-12)


def test_several_rows_of_one_time_are_summed() -> None:
    data = _data(0.6)
    twice = pd.concat([data, data.assign(y=data["y"] + 0.1)], ignore_index=True)
    fit = ilk.fit("y ~ 1 + (1 | g)", twice)
    assert fit.check("time", time=twice["day"])["time"][0].verdict == "problem"


def test_effects_of_rows_do_not_hide_it() -> None:
    rng = np.random.default_rng(4)
    data = _data(0.8)
    data["n"] = rng.poisson(np.exp(0.5 + 0.7 * data["y"]))
    fit = ilk.fit("n ~ 1 + (1 | g) + olre()", data, family="poisson")
    (one,) = fit.check("time", time=data["day"])["time"]
    assert one.estimand == "conditional"
    assert one.verdict == "problem"


def test_no_time_no_check_and_bad_times() -> None:
    data = _data(0.0)
    fit = ilk.fit("y ~ 1 + (1 | g)", data)
    assert fit.check("time")["time"] == ()
    with pytest.raises(ModelError, match=r"time=data\['day'\]"):
        fit.check("time", time="day")
    with pytest.raises(DataError, match="300 rows"):
        fit.check("time", time=[1, 2])
    with pytest.raises(DataError, match="no value in row"):
        fit.check("time", time=data["day"].where(data["day"] > 0))
    with pytest.raises(ModelError, match="two times"):
        fit.check("time", time=data["day"], group=np.arange(300))
    crossed = ilk.fit("y ~ 1 + (1 | g) + (1 | day)", data)
    with pytest.raises(ModelError, match="cross; name it"):
        crossed.check("time", time="day")
