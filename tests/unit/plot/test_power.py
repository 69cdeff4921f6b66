"""The power curve."""

from __future__ import annotations

import numpy as np
import pytest

from ilk.inference.power import Power
from ilk.plot.power import draw_power, power_picture

pytest.importorskip("matplotlib")


def _power() -> Power:
    k = 4
    return Power(
        terms=("a", "b") * 2,
        effect=np.array([0.5, -1.0] * 2),
        clusters=np.array([40, 40, 10, 10]),
        rows=np.full(k, 100.0),
        power=np.array([0.9, 0.6, 0.4, 0.2]),
        conf_low=np.array([0.85, 0.5, 0.3, 0.1]),
        conf_high=np.array([0.95, 0.7, 0.5, 0.3]),
        studies=np.full(k, 100),
        failed=np.zeros(k, dtype=np.int64),
        unit="school",
        fixed=(),
        kept=(),
        test="wald",
        tested_by="z test",
        alpha=0.05,
        seed=1,
        reasons=(),
    )


def test_curves_are_sorted_by_number_of_clusters():
    table = power_picture(_power())
    assert [curve.label for curve in table.curves] == ["a = 0.5", "b = -1"]
    assert table.curves[0].clusters.tolist() == [10, 40]
    assert table.curves[0].power.tolist() == [0.4, 0.9]


def test_drawing():
    axis = draw_power(power_picture(_power()))
    assert axis.get_xlabel() == "number of levels of school"
    assert axis.get_ylim()[0] == 0.0
    assert len(axis.get_legend().get_texts()) == 2
