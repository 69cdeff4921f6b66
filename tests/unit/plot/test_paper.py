"""Pictures on light and on dark paper."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgba

from ilk.plot import paper
from ilk.plot.style import BLUE, INK, ORANGE, drawing, new_figure


def _draw(ax=None):
    with drawing(ax, 3.0, 2.0) as axis:
        axis.plot([0, 1], [0, 1], "o", color=BLUE, alpha=0.5)
        axis.scatter([0, 1], [1, 0], facecolor="white", edgecolor=ORANGE)
        axis.hlines([0.2, 0.4], 0, 1, colors=[BLUE, INK])
        axis.text(0.5, 0.5, "name", color=INK)
        axis.scatter([0.1], [0.1], c=[0.3], cmap="viridis")
    return axis


def _contrast(color, behind) -> float:
    light = sorted(paper._luminance(np.asarray(to_rgba(c))) for c in (color, behind))
    return (light[1] + 0.05) / (light[0] + 0.05)


@pytest.mark.parametrize("style", ["default", "dark_background"])
def test_new_figures_stand_on_the_paper_of_the_user(style: str) -> None:
    with plt.style.context(style):
        axis = _draw()
    behind = axis.figure.get_facecolor()
    assert to_rgba(behind) == to_rgba("white" if style == "default" else "black")
    (text,) = axis.texts
    assert _contrast(text.get_color(), behind) > 7
    for color in (axis.lines[0].get_color(), axis.collections[0].get_edgecolor()[0]):
        assert _contrast(color, behind) > 3
    assert _contrast(axis.collections[0].get_facecolor()[0], behind) == 1.0
    assert axis.lines[0].get_alpha() == 0.5
    first, second = axis.collections[1].get_edgecolor()
    assert not np.allclose(first, second)


def test_transparent_paper_is_white_for_users_and_kept_for_reports() -> None:
    with plt.rc_context({"figure.facecolor": "none"}):
        assert to_rgba(_draw().figure.get_facecolor()) == to_rgba("white")
    figure, axis = new_figure(3.0, 2.0)
    _draw(axis)
    assert figure.get_facecolor()[3] == 0.0
    assert axis.lines[0].get_color() == BLUE


def test_a_given_axis_stands_on_its_own_paper() -> None:
    figure, axis = plt.subplots(facecolor="#101418")
    axis.set_facecolor("none")
    _draw(axis)
    assert not np.allclose(to_rgba(axis.texts[0].get_color()), to_rgba(INK))
    figure.canvas.draw()
