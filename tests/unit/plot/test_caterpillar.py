"""The caterpillar plot."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from tests.leagues import league

from ilk.errors import FitError
from ilk.plot import (
    caterpillar,
    caterpillar_of_league,
    caterpillar_table,
    draw_caterpillar,
)
from ilk.plot.caterpillar import Caterpillar


def test_table_is_ordered(fake_fit) -> None:
    table = caterpillar_table(fake_fit, "hospital")
    assert table.term == "Intercept"
    assert len(table.levels) == 60
    assert np.all(np.diff(table.estimate) >= 0)
    assert np.all((table.low < table.estimate) & (table.estimate < table.high))


def test_a_term_can_be_chosen(fake_fit) -> None:
    assert caterpillar_table(fake_fit, "hospital", "month").estimate[-1] == pytest.approx(
        0.05 * fake_fit.b.max()
    )


def test_unknown_term(fake_fit) -> None:
    with pytest.raises(FitError, match="no random effect 'mont'; it has Intercept, month"):
        caterpillar_table(fake_fit, "hospital", "mont")


def _table(count: int) -> Caterpillar:
    x = np.linspace(-1.0, 1.0, count)
    levels = tuple(f"level $x_{i}$ \x07" for i in range(count))
    return Caterpillar("g", "Intercept", levels, x, x - 0.3, x + 0.3)


@pytest.mark.parametrize("count", [1, 10, 60, 300])
def test_draws_any_number_of_levels(count: int) -> None:
    axis = draw_caterpillar(_table(count))
    axis.figure.canvas.draw()
    points = sum(len(c.get_offsets()) for c in axis.collections if hasattr(c, "get_sizes"))
    lines = max(len(line.get_xdata()) for line in axis.lines)
    assert max(points, lines) >= count


def test_filled_where_the_interval_is_without_zero() -> None:
    axis = draw_caterpillar(_table(10))
    filled, hollow = (c for c in axis.collections if hasattr(c, "get_sizes"))
    assert len(filled.get_offsets()) == 8  # of -1, -0.78, ..., 1 with a half width of 0.3
    assert len(hollow.get_offsets()) == 2
    assert to_rgba(hollow.get_facecolor()[0]) == to_rgba("white")


@pytest.mark.parametrize("quantity", ["rate", "slope"])
def test_effects_of_a_league_table(quantity: str) -> None:
    found = league(50, quantity)
    table = caterpillar_of_league(found)
    assert np.all(np.diff(table.estimate) >= 0)
    slope = "slope of month, fixed part included"
    assert table.term == {"rate": found.term, "slope": slope}[quantity]
    draw_caterpillar(table).figure.canvas.draw()


def test_one_call(fake_fit) -> None:
    assert caterpillar(fake_fit, "hospital").get_ylabel().endswith("Intercept")
