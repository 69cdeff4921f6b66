"""Estimates with their intervals, one row each: what forests of every kind have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ilk.plot.style import ESTIMAND_STYLE, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ilk.typing import BoolArray, FloatArray

__all__ = ["draw_rows"]


def draw_rows(
    axis: Axes,
    labels: Sequence[str],
    estimate: FloatArray,
    low: FloatArray,
    high: FloatArray,
    *,
    unit: str,
    estimand: str,
    drawn: BoolArray | None = None,
) -> None:
    """Draw a point and an interval in each row, and label rows and axis.

    Parameters
    ----------
    axis : matplotlib.axes.Axes
        Axis to draw on, within the house style.
    labels : sequence of k str
        A text per row, top to bottom.
    estimate, low, high : (k,) arrays
        Estimates and limits.
    unit : str
        What is measured.
    estimand : str
        The question that the estimates answer; it chooses color and marker.
    drawn : (k,) array of bool, optional
        Rows that have something to draw; all by default.
    """
    place = np.arange(len(labels), dtype=float)[::-1]
    here = np.ones(len(labels), dtype=bool) if drawn is None else drawn
    style = ESTIMAND_STYLE[estimand]
    axis.hlines(place[here], low[here], high[here], color=style["color"], alpha=0.6, zorder=2)
    axis.scatter(
        estimate[here],
        place[here],
        s=36,
        color=style["color"],
        marker=style["marker"],
        linewidth=0.0,
        zorder=3,
    )
    axis.set_yticks(place, [printable(label, 40) for label in labels])
    axis.set_ylim(-0.7, len(place) - 0.3)
    axis.set_xlabel(printable(f"{unit} ({estimand})", 70))
