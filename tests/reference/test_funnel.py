"""Control limits of funnel plots against adaptive integration and search in R."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ilk.ranking.funnel_limits import curve_limits
from ilk.ranking.level_totals import AXIS, LevelTotals

from .data import HERE

pytestmark = pytest.mark.reference

CASES = json.loads((HERE / "funnel.json").read_text(encoding="utf-8"))["cases"]


def _moments(case, b):
    """Mean and variance of a total at an effect b."""
    if case["kind"] == "binomial":
        p = 1.0 / (1.0 + np.exp(-case["center"] - b))
        return case["size"] * p, case["size"] * p * (1.0 - p)
    mean = case["size"] * np.exp(b)
    return mean, mean + (mean**2 / case["k"] if "k" in case else 0.0)


@pytest.mark.parametrize("case", CASES, ids=[f"{c['kind']}-{c['size']}" for c in CASES])
def test_limits(case):
    along, typical = _moments(case, case["sd"] * AXIS), _moments(case, 0.0)
    trials = np.array([float(case["size"])]) if case["kind"] == "binomial" else None
    totals = LevelTotals(
        mean=along[0][None, :, None],
        variance=along[1][None, :, None],
        log_zero=None,
        weight=np.ones(1),
        typical_mean=np.array([typical[0]]),
        typical_variance=np.array([typical[1]]),
        typical_log_zero=None,
        trials=trials,
        rows=np.ones(1),
    )
    size = np.array([float(case["size"])])
    kind = "count" if trials is None else "trials"
    found = curve_limits(totals, kind, size, size, totals.typical_mean)
    for j, within in enumerate(("sampling", "predictive")):
        for k, coverage in enumerate(("0.95", "0.998")):
            low, high = case["limits"][within][coverage]
            assert found.low[j, k, 0] == pytest.approx(low, rel=2e-5, abs=1e-6)
            assert found.high[j, k, 0] == pytest.approx(high, rel=2e-5, abs=1e-6)
