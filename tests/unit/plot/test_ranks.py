"""The rank-interval plot."""

from __future__ import annotations

import numpy as np
import pytest
from tests.leagues import league

from ilk.plot import draw_ranks, ranks_table
from ilk.plot.ranks import _rank_ticks


def test_order_and_columns() -> None:
    found = league(30)
    table = ranks_table(found, "infections per 1000 days")
    np.testing.assert_array_equal(table.median, np.arange(1, 31))
    order = np.argsort(found.median_rank)
    np.testing.assert_array_equal(table.raw, found.raw_rank[order])
    np.testing.assert_array_equal(table.low, found.rank_low[order])
    assert table.first == "lowest"


@pytest.mark.parametrize("count", [1, 8, 60, 500, 3000])
@pytest.mark.parametrize("quantity", ["rate", "slope"])
def test_draws_any_number_of_levels(count: int, quantity: str) -> None:
    axis = draw_ranks(ranks_table(league(count, quantity)))
    axis.figure.canvas.draw()
    labels = [text.get_text() for text in axis.get_legend().get_texts()]
    assert any(label.startswith("median rank, 95%") for label in labels)
    assert ("raw rank" in labels) == (quantity == "rate")


def test_the_first_rank_is_on_top() -> None:
    axis = draw_ranks(ranks_table(league(8)))
    assert axis.get_ylim()[0] > axis.get_ylim()[1]
    axis = draw_ranks(ranks_table(league(100)))
    assert axis.get_ylim()[0] > axis.get_ylim()[1]


@pytest.mark.parametrize("count", [1, 2, 9, 11, 60, 97, 3000, 20000])
def test_ticks_are_ranks(count: int) -> None:
    ticks = _rank_ticks(count)
    assert ticks[0] == 1
    assert ticks[-1] == count
    assert ticks == sorted(set(ticks))
    assert len(ticks) <= 10
