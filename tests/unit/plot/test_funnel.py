"""The funnel plot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.leagues import funnel_of, league

from ilk.plot import draw_funnel, funnel_table


def test_levels_are_sorted_into_kinds() -> None:
    found = funnel_of(league(300))
    table = funnel_table(found)
    np.testing.assert_array_equal(table.outside >= 1, found.outside(0.95) != 0)
    np.testing.assert_array_equal(table.outside == 2, found.outside(0.998) != 0)
    np.testing.assert_array_equal(table.apart == 1, found.outside(0.998, "sampling") != 0)
    assert 0 < np.sum(table.outside > 0) < 0.1 * 300
    assert table.size_label == "expected infections"
    assert table.value_label.endswith("observed / expected")
    assert table.reference == 1.0


@pytest.mark.parametrize("count", [3, 8, 60, 500, 3000])
def test_draws_any_number_of_levels(count: int) -> None:
    table = funnel_table(funnel_of(league(count)))
    axis = draw_funnel(table)
    axis.figure.canvas.draw()
    low, high = axis.get_ylim()
    assert low <= table.value.min()
    assert table.value.max() <= high
    left, right = axis.get_xlim()
    assert left <= table.size.min()
    assert table.size.max() <= right
    drawn = sum(len(c.get_offsets()) for c in axis.collections if hasattr(c, "get_sizes"))
    assert drawn >= count


def test_differences_and_equal_sizes() -> None:
    found = funnel_of(league(20))
    flat = replace(
        found,
        comparison="difference",
        size_name="observations",
        size=np.full(20, 10.0),
        grid=np.geomspace(9.0, 11.0, 30),
        value=found.value - 1.0,
        typical=np.zeros(30),
        low=found.low - 1.0,
        high=found.high - 1.0,
    )
    axis = draw_funnel(funnel_table(flat))
    axis.figure.canvas.draw()
    assert axis.get_xscale() == "linear"
    assert axis.get_ylim()[0] < 0


def test_one_and_three_limits() -> None:
    found = funnel_of(league(40))
    one = replace(found, coverages=(0.95,), low=found.low[:, :1], high=found.high[:, :1])
    draw_funnel(funnel_table(one)).figure.canvas.draw()
    three = replace(
        found,
        coverages=(0.8, 0.95, 0.998),
        low=found.low[:, [0, 0, 1]],
        high=found.high[:, [0, 0, 1]],
    )
    axis = draw_funnel(funnel_table(three))
    labels = [text.get_text() for text in axis.get_legend().get_texts()]
    assert "chance, 80%" in labels
