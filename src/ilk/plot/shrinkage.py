r"""Shrinkage plot: raw rates or means of levels beside what the model makes of them.

A raw rate is the level's own total of events over its own exposure. The shrunken one is the
model's conditional mean for the same level, a compromise between the level's data and the
distribution of all levels. Small levels move far, large ones hardly at all: the picture shows why
the best and the worst raw rate so often belong to the smallest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.plot.style import (
    BLUE,
    INK,
    MUTED,
    ORANGE,
    axis_or_new,
    house_style,
    marker_areas,
    printable,
    tidy_axis,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ilk.typing import FloatArray

__all__ = ["Shrinkage", "draw_shrinkage", "shrinkage_table"]


@dataclass(frozen=True, slots=True)
class Shrinkage:
    """Raw and shrunken values of the levels of a factor, ordered by the shrunken one.

    Attributes
    ----------
    group : str
        Grouping factor.
    quantity : str
        What the values are, with unit.
    levels : tuple of str
        Levels, smallest shrunken value first.
    weight : ndarray (k,)
        How much data a level has: exposure, trials or rows.
    raw : ndarray (k,)
        Value from the level's own data.
    shrunken, low, high : ndarray (k,)
        Value from the model, and bounds of its interval.
    raw_rank, rank : ndarray (k,)
        Ranks of both, 1 for the smallest; ties share their mean rank.
    center : float
        Value of all data together.
    """

    group: str
    quantity: str
    levels: tuple[str, ...]
    weight: FloatArray
    raw: FloatArray
    shrunken: FloatArray
    low: FloatArray
    high: FloatArray
    raw_rank: FloatArray
    rank: FloatArray
    center: float


def shrinkage_table(
    group: str,
    levels: Sequence[object],
    *,
    total: FloatArray,
    weight: FloatArray,
    shrunken: FloatArray,
    low: FloatArray,
    high: FloatArray,
    quantity: str,
    per: float = 1.0,
) -> Shrinkage:
    """Order levels and rank them, raw and shrunken.

    Parameters
    ----------
    group : str
        Grouping factor.
    levels : sequence (k,)
        Levels.
    total, weight : ndarray (k,)
        Sum of the response and of the exposure by level; their quotient is the raw value.
    shrunken, low, high : ndarray (k,)
        Conditional means per unit of exposure, and bounds of their intervals.
    quantity : str
        What the values are, with unit.
    per : float
        Unit in which they are shown, e.g. 1000 for rates per 1000 days.

    Returns
    -------
    Shrinkage
        The table.
    """
    raw = total / weight
    order = np.argsort(shrunken, kind="stable")
    return Shrinkage(
        group=group,
        quantity=quantity,
        levels=tuple(str(levels[i]) for i in order),
        weight=weight[order],
        raw=per * raw[order],
        shrunken=per * shrunken[order],
        low=per * low[order],
        high=per * high[order],
        raw_rank=_ranks(raw)[order],
        rank=_ranks(shrunken)[order],
        center=float(per * total.sum() / weight.sum()),
    )


def draw_shrinkage(table: Shrinkage, ax: Axes | None = None) -> Axes:
    """Draw raw and shrunken values of all levels, in order.

    Parameters
    ----------
    table : Shrinkage
        The table.
    ax : matplotlib.axes.Axes, optional
        Axis to draw on; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axis.
    """
    axis = axis_or_new(ax, 8.2, 4.4)
    place = np.arange(len(table.levels), dtype=float)
    area = marker_areas(table.weight, smallest=12.0, largest=150.0)
    with house_style():
        tidy_axis(axis, grid="y")
        axis.axhline(table.center, color=MUTED, linewidth=0.9, zorder=1)
        axis.vlines(
            place, table.raw, table.shrunken, color=MUTED, linewidth=0.6, alpha=0.6, zorder=1.5
        )
        axis.vlines(place, table.low, table.high, color=BLUE, linewidth=2.2, alpha=0.35, zorder=2)
        axis.scatter(
            place, table.raw, s=area, facecolor="none", edgecolor=ORANGE, linewidth=1.1, zorder=3,
            label="raw, area by size",
        )  # fmt: skip
        axis.scatter(
            place, table.shrunken, s=20, color=BLUE, linewidth=0.0, zorder=4,
            label="shrunken, with 95% interval",
        )  # fmt: skip
        top = max(float(table.high.max()), float(table.raw.max()))
        axis.set_ylim(min(0.0, float(table.low.min())) - 0.035 * top, 1.06 * top)
        axis.set_xlim(-1.5, len(place) + 0.5)
        axis.set_xticks([])
        axis.set_xlabel(f"{len(place)} levels of {printable(table.group)}, by shrunken value")
        axis.set_ylabel(printable(table.quantity, 60))
        _name_extremes(table, axis)
        axis.legend(loc="upper left", handletextpad=0.4, borderaxespad=0.2)
    return axis


def _name_extremes(table: Shrinkage, ax: Axes) -> None:
    """Name the raw winners and losers, which is where eyes go first."""
    chosen = {int(np.argmax(table.raw)), int(np.argmin(table.raw)), 0, len(table.levels) - 1}
    for index in sorted(chosen):
        above = table.raw[index] >= table.shrunken[index]
        edge = max(table.raw[index], table.high[index]) if above else table.raw[index]
        ax.annotate(
            printable(table.levels[index], 12),
            (index, edge if above else min(edge, table.low[index])),
            xytext=(0, 8 if above else -8),
            textcoords="offset points",
            ha="center",
            va="bottom" if above else "top",
            fontsize=8,
            color=INK,
            annotation_clip=False,
        )


def _ranks(values: FloatArray) -> FloatArray:
    """Ranks from 1, ties sharing their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    mean_rank = last - (counts - 1) / 2.0
    return np.asarray(mean_rank[inverse], dtype=np.float64)
