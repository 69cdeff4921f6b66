"""Names beside points of a scatter, placed so that they do not cover each other.

Each name tries eight places around its point, in turn, and takes the one that covers least: no
other name at all, and as few points as possible.  A name that finds no place is left out, the last
ones first; the table has all of them.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ilk.plot.style import INK, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ilk.typing import FloatArray, IntArray

__all__ = ["name_points"]

_SIZE = 8.0
_GAP = 7.0
"""Points between a mark and its name."""

_APART = 3.0
"""Points between two names side by side."""

_PLACES = [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1)]
_ALIGN = {1: "left", 0: "center", -1: "right"}
_RAISE = {1: "bottom", 0: "center", -1: "top"}


class _Box(NamedTuple):
    left: float
    bottom: float
    right: float
    top: float

    def covers(self, other: _Box) -> bool:
        """Whether two boxes share an area."""
        return (
            self.left < other.right + _APART
            and other.left < self.right + _APART
            and self.bottom < other.top
            and other.bottom < self.top
        )


def name_points(
    axis: Axes, x: FloatArray, y: FloatArray, names: Sequence[object], chosen: IntArray
) -> None:
    """Write the names of some points of a scatter.

    Call it when the limits of the axis are final.

    Parameters
    ----------
    axis : matplotlib.axes.Axes
        Where the points are.
    x, y : (k,) arrays
        All points.
    names : sequence of k labels
        Their names.
    chosen : (m,) array of int
        Points to name, the most important first.
    """
    if not len(chosen):
        return
    figure: Any = axis.figure.figure
    figure.draw_without_rendering()  # the layout decides where points are
    scale = figure.dpi / 72.0
    points = axis.transData.transform(np.column_stack([x, y])) / scale
    frame = _Box(*(np.asarray(axis.get_window_extent().extents) / scale).tolist())
    taken: list[_Box] = []
    for i in chosen:
        text = printable(names[i], 22)
        if not text.strip():
            continue
        width, height = _extent(text)
        best = None
        for place in _PLACES:
            box = _box(points[i], place, width, height)
            if not _within(box, frame) or any(box.covers(other) for other in taken):
                continue
            covered = _count(box, points)
            if best is None or covered < best[0]:
                best = (covered, place, box)
            if covered == 0:
                break
        if best is None:
            continue
        across, up = best[1]
        taken.append(best[2])
        axis.annotate(
            text,
            (float(x[i]), float(y[i])),
            xytext=(_shift(across, up) * across, _shift(up, across) * up),
            textcoords="offset points",
            ha=_ALIGN[across],
            va=_RAISE[up],
            fontsize=_SIZE,
            color=INK,
            zorder=6,
        )


def _extent(text: str) -> tuple[float, float]:
    """Width and height of a text in points."""
    path = importlib.import_module("matplotlib.textpath").TextPath
    font = importlib.import_module("matplotlib.font_manager").FontProperties
    shape = path((0.0, 0.0), text, size=_SIZE, prop=font(family="DejaVu Sans"))
    return float(shape.get_extents().width) + 1.0, 1.15 * _SIZE


def _shift(along: int, other: int) -> float:
    """Distance in one direction; less of it towards a corner."""
    return 0.7 * _GAP if along and other else _GAP


def _box(point: FloatArray, place: tuple[int, int], width: float, height: float) -> _Box:
    across, up = place
    left = point[0] + _shift(across, up) * across + 0.5 * width * (across - 1)
    bottom = point[1] + _shift(up, across) * up + 0.5 * height * (up - 1)
    return _Box(left, bottom, left + width, bottom + height)


def _within(box: _Box, frame: _Box) -> bool:
    return (
        box.left >= frame.left
        and box.right <= frame.right
        and box.bottom >= frame.bottom
        and box.top <= frame.top + 0.5 * _SIZE
    )


def _count(box: _Box, points: FloatArray) -> int:
    """Points that lie under a box."""
    x, y = points.T
    inside = (x > box.left - 2) & (x < box.right + 2) & (y > box.bottom - 2) & (y < box.top + 2)
    return int(np.sum(inside))
