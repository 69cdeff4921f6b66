"""The shrinkage plot."""

from __future__ import annotations

import numpy as np

from ilk.plot import draw_shrinkage, shrinkage_table

TOTAL = np.array([0.0, 9.0, 100.0, 0.0])
WEIGHT = np.array([10.0, 10.0, 500.0, 20.0])
SHRUNKEN = np.array([0.17, 0.3, 0.2, 0.15])


def _table():
    return shrinkage_table(
        "hospital", ["a", "b", "c", "d"], total=TOTAL, weight=WEIGHT, shrunken=SHRUNKEN,
        low=0.5 * SHRUNKEN, high=1.5 * SHRUNKEN, quantity="rate per 1000", per=1000.0,
    )  # fmt: skip


def test_order_ranks_and_unit() -> None:
    table = _table()
    assert table.levels == ("d", "a", "c", "b")
    np.testing.assert_array_equal(table.rank, [1, 2, 3, 4])
    np.testing.assert_array_equal(table.raw_rank, [1.5, 1.5, 3, 4])
    np.testing.assert_allclose(table.raw, [0, 0, 200, 900])
    assert table.center == 1000.0 * 109 / 540


def test_draws() -> None:
    axis = draw_shrinkage(_table())
    axis.figure.canvas.draw()
    assert len(axis.texts) >= 2
