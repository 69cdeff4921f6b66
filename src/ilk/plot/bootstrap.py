"""Where bootstrap draws lie: a histogram of each number, with estimate and interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.errors import ModelError, did_you_mean
from ilk.plot.style import (
    BLUE,
    INK,
    ORANGE,
    drawing,
    follow_paper,
    house_style,
    new_panels,
    printable,
    tidy_axis,
)
from ilk.variance.components import RESIDUAL

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ilk.inference.bootstrap.draws import Draws
    from ilk.inference.bootstrap.statistics import Labels
    from ilk.typing import FloatArray

__all__ = ["BootstrapPicture", "bootstrap_picture", "draw_bootstrap"]

_MOST = 12
"""Numbers in one figure at most."""

_BINS = 40
"""Bars of a histogram at most."""


@dataclass(frozen=True, slots=True)
class BootstrapPicture:
    """What the picture shows.

    Parameters
    ----------
    labels : tuple of str
        Name of each number, with its group where that is needed to tell it from others.
    draws : tuple of (B,) arrays
        Draws in which it exists.
    estimate, low, high : (k,) arrays
        Of the fit, and the limits of the interval.
    level : float
        Coverage of the interval.
    """

    labels: tuple[str, ...]
    draws: tuple[FloatArray, ...]
    estimate: FloatArray
    low: FloatArray
    high: FloatArray
    level: float


def bootstrap_picture(
    found: Draws, labels: Labels, low: FloatArray, high: FloatArray, level: float
) -> BootstrapPicture:
    """Collect what the picture shows.

    Parameters
    ----------
    found : Draws
        The draws.
    labels : Labels
        Names of the numbers.
    low, high : (k,) arrays
        Limits of the intervals.
    level : float
        Their coverage.

    Returns
    -------
    BootstrapPicture
    """
    names = []
    several = len({group for group in labels.group if group not in (None, RESIDUAL)}) > 1
    for component, group, term in zip(labels.component, labels.group, labels.term, strict=True):
        prefix = f"{component}: " if component not in (None, "mean") and group is None else ""
        suffix = f", {group}" if several and group not in (None, RESIDUAL) else ""
        names.append(f"{prefix}{term}{suffix}")
    columns = tuple(column[np.isfinite(column)] for column in found.values.T)
    return BootstrapPicture(tuple(names), columns, found.estimate, low, high, level)


def draw_bootstrap(table: BootstrapPicture, term: str | None = None, ax: Axes | None = None) -> Any:
    """Draw histograms of draws.

    Parameters
    ----------
    table : BootstrapPicture
        What to show.
    term : str, optional
        One of the numbers; by default all, at most twelve, in a figure of their own.
    ax : matplotlib.axes.Axes, optional
        Axis to draw one number on; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes or array of them
        The axis, or the axes.
    """
    if term is None and ax is None and len(table.labels) > 1:
        return _all(table)
    if term is not None and term not in table.labels:
        raise ModelError(
            f"term={term!r:.60} is no number of the bootstrap; there are "
            f"{', '.join(table.labels[:20])}." + did_you_mean(term, table.labels),
            code="term",
        )
    k = 0 if term is None else table.labels.index(term)
    if term is None and len(table.labels) > 1:
        raise ModelError(
            "One axis shows one number: name it, term=, or leave out ax= to see all of them.",
            code="term",
        )
    with drawing(ax, 5.6, 3.4) as axis:
        _histogram(axis, table, k)
        axis.set_ylabel("draws")
    return axis


def _all(table: BootstrapPicture) -> Any:
    count = min(len(table.labels), _MOST)
    axes = new_panels(count, 3, 3.1, 2.3)
    with house_style():
        for k, axis in enumerate(axes):
            _histogram(axis, table, k)
            follow_paper(axis)
    return axes


def _histogram(axis: Axes, table: BootstrapPicture, k: int) -> None:
    """Bars of the draws, a line at the estimate, and a bracket for the interval."""
    tidy_axis(axis, grid="y")
    draws, estimate = table.draws[k], table.estimate[k]
    low, high = float(table.low[k]), float(table.high[k])
    if len(draws):
        bins = max(1, min(_BINS, round(1.5 * math.sqrt(len(draws)))))
        axis.hist(draws, bins=bins, color=BLUE, alpha=0.55, linewidth=0.0)
    top = axis.get_ylim()[1]
    if np.isfinite(estimate):
        axis.axvline(float(estimate), color=INK, linewidth=1.2)
    if math.isfinite(low) and math.isfinite(high):
        axis.plot([low, high], [1.07 * top] * 2, color=ORANGE, linewidth=2.4, clip_on=False)
    axis.set_ylim(0.0, 1.12 * top)
    axis.set_title(printable(table.labels[k], 34), fontsize=9.5)
    if k == 0:
        axis.annotate(
            f"{100 * table.level:g}% interval",
            (1.0, 1.0),
            xycoords="axes fraction",
            xytext=(0, 5),
            textcoords="offset points",
            ha="right",
            fontsize=7.5,
            color=ORANGE,
            annotation_clip=False,
        )
