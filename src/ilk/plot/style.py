"""The look of all pictures: colors, lines, letters.

Colors are few. Blue and orange stay apart for color-blind readers and in print, and differ in
marker and dash as well wherever they stand for two answers. The colors are recognized by the
report, which lets them follow the light or dark theme of the page, and exchanged where the user's
paper is dark (`ilk.plot.paper`).

matplotlib is imported when the first picture is drawn, not before.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ilk.errors import ModelError
from ilk.plot.paper import BLUE, FAINT, INK, MUTED, ORANGE, PAPER, follow_paper, user_paper

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ilk.typing import BoolArray, FloatArray

__all__ = [
    "BLUE",
    "ESTIMAND_STYLE",
    "FAINT",
    "INK",
    "MUTED",
    "NAMED_AT_MOST",
    "ORANGE",
    "PAPER",
    "axis_or_new",
    "drawing",
    "follow_paper",
    "hollow_or_filled",
    "house_style",
    "new_figure",
    "new_panels",
    "printable",
    "tidy_axis",
]

NAMED_AT_MOST = 40
"""Levels that have a row with a name each; of more only some are named."""

ESTIMAND_STYLE: dict[str, dict[str, Any]] = {
    "conditional": {"color": MUTED, "linestyle": ":", "marker": "s"},
    "typical": {"color": BLUE, "linestyle": "-", "marker": "o"},
    "population": {"color": ORANGE, "linestyle": (0, (5, 2)), "marker": "D"},
    "typical = population": {"color": BLUE, "linestyle": "-", "marker": "o"},
}
"""Color, dash and marker of each estimand, the same in every picture."""

_SETTINGS: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": FAINT,
    "axes.facecolor": "none",
    "axes.grid": False,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 9.5,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "semibold",
    "figure.dpi": 110,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.5,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "savefig.facecolor": "none",
    "svg.fonttype": "path",
    "svg.hashsalt": "ilk",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": MUTED,
    "xtick.labelsize": 9,
    "xtick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.color": MUTED,
    "ytick.labelsize": 9,
    "ytick.major.size": 0,
    "ytick.minor.size": 0,
}


def _matplotlib(module: str) -> Any:
    """Import a module of matplotlib, or say which extra brings it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ModelError(
            "pictures need matplotlib, which is not installed; run: pip install 'ilk[plot]'.",
            code="missing-package",
        ) from error


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in the style of the house inside a ``with`` block.

    Examples
    --------
    >>> from ilk.plot.style import house_style
    >>> with house_style():
    ...     pass
    """
    with _matplotlib("matplotlib").rc_context(_SETTINGS):
        yield


def new_figure(width: float, height: float) -> tuple[Figure, Axes]:
    """Make a figure with one axis that no window system knows of.

    Parameters
    ----------
    width, height : float
        Size in inches.

    Returns
    -------
    figure : matplotlib.figure.Figure
    axis : matplotlib.axes.Axes
    """
    with house_style():
        figure = _matplotlib("matplotlib.figure").Figure(
            figsize=(width, height), layout="constrained", facecolor="none"
        )
        return figure, figure.subplots()


def axis_or_new(ax: Axes | None, width: float, height: float) -> Axes:
    """Return the axis given, or the axis of a new pyplot figure.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or None
        Axis to draw on.
    width, height : float
        Size in inches of a new figure.

    Returns
    -------
    matplotlib.axes.Axes
    """
    if ax is not None:
        return ax
    axis: Axes = new_panels(1, 1, width, height)[0]
    return axis


@contextmanager
def drawing(
    ax: Axes | None, width: float, height: float, grid: Literal["x", "y"] = "y"
) -> Iterator[Axes]:
    """Prepare an axis, and draw on it in the style of the house inside a ``with`` block.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or None
        Axis to draw on; by default that of a new pyplot figure.
    width, height : float
        Size in inches of a new figure.
    grid : {"x", "y"}
        Direction along which values are read, see `tidy_axis`.

    Yields
    ------
    matplotlib.axes.Axes
        The axis; at the end of the block its colors are made to suit its paper.
    """
    axis = axis_or_new(ax, width, height)
    with house_style():
        tidy_axis(axis, grid)
        yield axis
        follow_paper(axis)


def new_panels(count: int, columns: int, width: float, height: float) -> Any:
    """Make a pyplot figure of equal panels.

    Parameters
    ----------
    count : int
        Number of panels.
    columns : int
        Panels beside each other at most.
    width, height : float
        Size in inches of each.

    Returns
    -------
    (count,) array of matplotlib.axes.Axes
    """
    across = max(1, min(count, columns))
    down = max(1, -(-count // across))
    pyplot = _matplotlib("matplotlib.pyplot")
    options = {"layout": "constrained", "facecolor": user_paper()}
    with house_style():
        size = (across * width, down * height)
        grid = pyplot.subplots(down, across, figsize=size, squeeze=False, **options)[1]
    axes = grid.ravel()
    for spare in axes[count:]:
        spare.set_visible(False)
    return axes[:count]


def tidy_axis(ax: Axes, grid: Literal["x", "y"] = "y") -> None:
    """Leave on an axis only what helps reading.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The axis.
    grid : {"x", "y"}
        Direction along which values are read; it gets faint lines, the other keeps its spine.
    """
    for side in ("top", "right", "left" if grid == "y" else "bottom"):
        ax.spines[side].set_visible(False)
    ax.grid(visible=True, axis="y" if grid == "y" else "x", color=FAINT, linewidth=0.6)
    ax.set_axisbelow(True)


def printable(label: object, width: int = 28) -> str:
    """Text of a label as it may stand in a picture: one line, of bounded length.

    Parameters
    ----------
    label : object
        A level or a column name.
    width : int
        Longest text.

    Returns
    -------
    str
        The text; control characters are replaced, and what is too long ends in an ellipsis.
    """
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(label))
    return text if len(text) <= width else text[: width - 1] + "\N{HORIZONTAL ELLIPSIS}"


def hollow_or_filled(
    ax: Axes, x: FloatArray, y: FloatArray, filled: BoolArray, size: float, label: str | None = None
) -> None:
    """Draw points, those filled whose interval does not contain what they are compared with.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The axis.
    x, y : ndarray (k,)
        The points.
    filled : ndarray (k,) of bool
        Which are filled.
    size : float
        Area of a point in square points.
    label : str, optional
        Entry of the legend.
    """
    first = label if np.any(filled) else None
    ax.scatter(x[filled], y[filled], s=size, color=BLUE, linewidth=0.0, zorder=4, label=first)
    ax.scatter(
        x[~filled], y[~filled], s=size, zorder=3, label=label if first is None else None,
        facecolor=PAPER, edgecolor=BLUE, linewidth=1.1 if size > 8.0 else 0.7,
    )  # fmt: skip


def marker_areas(weight: FloatArray, smallest: float = 9.0, largest: float = 130.0) -> FloatArray:
    """Areas of markers that are proportional to a weight.

    Parameters
    ----------
    weight : ndarray (k,)
        Nonnegative weights.
    smallest, largest : float
        Bounds of the areas, in square points.

    Returns
    -------
    ndarray (k,)
        Areas.
    """
    top = float(np.max(weight, initial=0.0))
    if top <= 0.0:
        return np.full(weight.shape, smallest)
    return np.maximum(smallest, largest * weight / top)
