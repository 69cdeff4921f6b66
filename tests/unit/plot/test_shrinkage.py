"""The shrinkage plot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.leagues import league

from ilk.errors import ModelError
from ilk.plot import draw_shrinkage, shrinkage_table
from ilk.plot.shrinkage import same_case_mix


def test_order_and_case_mix() -> None:
    found = league(30)
    table = shrinkage_table(found, "rate per 1000 days")
    assert np.all(np.diff(table.shrunken) >= 0)
    # all rows have 1000 * sum(expected) / sum(exposure) = 10 expected per 1000 days
    order = np.argsort(found.rate, kind="stable")
    np.testing.assert_allclose(table.raw, 10.0 * (found.observed / found.expected)[order])
    np.testing.assert_allclose(table.weight, found.exposure[order])
    assert table.center == 8.0


def test_differences_are_added_to_the_overall_mean() -> None:
    found = replace(
        league(5), comparison="difference", ratio=np.array([-2.0, -1.0, 0.0, 1.0, 2.0]), per=1.0
    )
    overall = found.expected.sum() / found.exposure.sum()
    np.testing.assert_allclose(same_case_mix(found), overall + found.ratio)


@pytest.mark.parametrize("count", [1, 8, 60, 500, 2000])
def test_draws_any_number_of_levels(count: int) -> None:
    axis = draw_shrinkage(shrinkage_table(league(count)))
    axis.figure.canvas.draw()
    assert len(axis.texts) >= 1
    low, high = axis.get_ylim()
    table = shrinkage_table(league(count))
    assert low <= table.raw.min()
    assert table.high.max() <= high


def test_endless_intervals_end_at_the_frame() -> None:
    found = league(12)
    endless = replace(found, rate_high=np.where(np.arange(12) == 3, np.inf, found.rate_high))
    axis = draw_shrinkage(shrinkage_table(endless))
    axis.figure.canvas.draw()
    assert axis.get_ylim()[1] < 10 * np.max(found.rate_high)


def test_every_cluster_has_an_arrow() -> None:
    table = shrinkage_table(league(12))
    axis = draw_shrinkage(table)
    (arrows,) = [one for one in axis.collections if hasattr(one, "UVC") or hasattr(one, "V")]
    np.testing.assert_allclose(arrows.V, table.shrunken - table.raw)


def test_slopes_have_no_raw_values() -> None:
    with pytest.raises(ModelError, match="no raw slopes of 'month'"):
        shrinkage_table(league(5, "slope"))
