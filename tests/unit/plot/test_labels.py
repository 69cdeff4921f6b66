"""Names beside points."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from ilk.plot.labels import name_points
from ilk.plot.style import new_panels


def _boxes(axis):
    axis.figure.canvas.draw()
    return [text.get_window_extent() for text in axis.texts]


@pytest.mark.parametrize("count", [2, 12, 60])
def test_names_do_not_cover_each_other(count: int) -> None:
    rng = np.random.default_rng(count)
    x, y = rng.normal(size=(2, count)) * 0.05  # a dense cloud
    (axis,) = new_panels(1, 1, 6.0, 4.0)
    axis.scatter(x, y)
    axis.set_xlim(-0.3, 0.3)
    axis.set_ylim(-0.3, 0.3)
    names = [f"hospital {i}" for i in range(count)]
    name_points(axis, x, y, names, np.arange(count))
    boxes = _boxes(axis)
    assert 2 <= len(boxes) <= count
    for a, b in itertools.combinations(boxes, 2):
        assert not a.overlaps(b)
    frame = axis.get_window_extent()
    for box in boxes:
        assert box.x0 >= frame.x0 - 2
        assert box.x1 <= frame.x1 + 2


def test_the_first_names_are_kept() -> None:
    (axis,) = new_panels(1, 1, 3.0, 2.0)
    x = np.zeros(40)
    axis.scatter(x, x)
    name_points(axis, x, x, [f"level {i}" for i in range(40)], np.arange(39, -1, -1))
    shown = {text.get_text() for text in axis.texts}
    assert "level 39" in shown
    assert "level 0" not in shown


def test_nothing_to_name_and_hostile_names() -> None:
    (axis,) = new_panels(1, 1, 3.0, 2.0)
    x = np.arange(2.0)
    axis.scatter(x, x)
    name_points(axis, x, x, ["a", "b"], np.array([], dtype=int))
    assert not axis.texts
    name_points(axis, x, x, ["", "$\\frac{\x07" + "w" * 80], np.array([0, 1]))
    axis.figure.canvas.draw()
