"""Sizes of clusters: rows, weights, trials."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.diagnostics.cluster_report.clusters import cluster_groupings
from ilk.diagnostics.cluster_report.sizes import cluster_sizes, unit_counts

FRAME = pd.DataFrame(
    {
        "g": [0, 1, 1, 2, 2, 2, 2, 3, 3, 3],
        "y": [1.0, 0, 2, 1, 3, 2, 4, 0, 2, 1],
        "n": [4, 5, 3, 6, 4, 4, 5, 4, 4, 3],
        "w": [1, 2, 1, 1, 1, 3, 1, 1, 2, 2],
    }
)


def test_rows() -> None:
    fit = ilk.fit("y ~ 1 + (1 | g)", FRAME).fitted
    found = cluster_sizes(fit.design, cluster_groupings(fit))
    assert (found.groups, found.unit, found.units) == (("g",), "rows", 10.0)
    assert (found.clusters[0], found.singletons[0]) == (4, 1)
    shape = (found.smallest, found.lower, found.median, found.upper, found.largest)
    assert [float(part[0]) for part in shape] == [1.0, 1.75, 2.5, 3.25, 4.0]
    assert found.mean[0] == 2.5
    assert found.cv[0] == pytest.approx(np.std([1, 2, 4, 3]) / 2.5)


def test_weights_count() -> None:
    fit = ilk.fit("y ~ 1 + (1 | g)", FRAME, frequency_weights="w").fitted
    found = cluster_sizes(fit.design, cluster_groupings(fit))
    assert (found.unit, found.units) == ("rows", 15.0)
    assert found.mean[0] == np.mean([1, 3, 6, 5])


def test_trials_count() -> None:
    fit = ilk.fit("y ~ 1 + (1 | g)", FRAME, family="binomial", trials="n").fitted
    found = cluster_sizes(fit.design, cluster_groupings(fit))
    assert (found.unit, found.units) == ("trials", 42.0)
    assert found.largest[0] == 19.0
    one = ilk.fit("b ~ 1 + (1 | g)", FRAME.assign(b=FRAME.y > 1), family="binomial").fitted
    assert unit_counts(one.design)[0] == "rows"
