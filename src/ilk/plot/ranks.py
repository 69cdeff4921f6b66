"""Rank-interval plot: the median rank of each level with its interval, beside its raw rank.

Filled points are levels whose interval does not contain the middle rank: these, and only these, can
be told to be on one side of the table.  Small crosses are the ranks of the raw rates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.plot.style import (
    BLUE,
    INK,
    MUTED,
    NAMED_AT_MOST,
    ORANGE,
    drawing,
    hollow_or_filled,
    printable,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ilk.ranking.record import League
    from ilk.typing import BoolArray, FloatArray

__all__ = ["Ranks", "draw_ranks", "ranks_table"]


@dataclass(frozen=True, slots=True)
class Ranks:
    """Ranks of the levels of a factor, ordered by their median.

    Attributes
    ----------
    group : str
        Grouping factor.
    first : str
        What the first rank is, ``"lowest"`` or ``"highest"``.
    quantity : str
        What is ranked.
    coverage : float
        Of the intervals.
    levels : tuple of str
        Levels, first rank first.
    median, low, high : ndarray (k,)
        Median ranks, and limits of their intervals.
    raw : ndarray (k,)
        Ranks of the raw rates; nan where there are none.
    """

    group: str
    first: str
    quantity: str
    coverage: float
    levels: tuple[str, ...]
    median: FloatArray
    low: FloatArray
    high: FloatArray
    raw: FloatArray


def ranks_table(league: League, quantity: str = "rate") -> Ranks:
    """Order the levels of a league table by their median rank.

    Parameters
    ----------
    league : League
        The league table.
    quantity : str
        What is ranked, in words.

    Returns
    -------
    Ranks
        The table.
    """
    order = np.lexsort((league.expected_rank, league.median_rank))
    return Ranks(
        group=league.group,
        first="lowest" if league.low_is_first else "highest",
        quantity=quantity,
        coverage=league.level,
        levels=tuple(str(league.levels[i]) for i in order),
        median=league.median_rank[order],
        low=league.rank_low[order],
        high=league.rank_high[order],
        raw=league.raw_rank[order],
    )


def draw_ranks(table: Ranks, ax: Axes | None = None) -> Axes:
    """Draw ranks with their intervals.

    Parameters
    ----------
    table : Ranks
        The table.
    ax : matplotlib.axes.Axes, optional
        Axis to draw on; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axis.
    """
    count = len(table.levels)
    few = count <= NAMED_AT_MOST
    height = 1.5 + 0.19 * count if few else 4.4
    with drawing(ax, 6.4 if few else 7.6, height, grid="x" if few else "y") as axis:
        (_draw_rows if few else _draw_columns)(table, axis)
        handles, labels = axis.get_legend_handles_labels()
        axis.legend(
            handles,
            labels,
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            ncols=3,
            borderaxespad=0.2,
            handletextpad=0.3,
            columnspacing=1.2,
            fontsize=8.5,
        )
    return axis


def _draw_rows(table: Ranks, axis: Axes) -> None:
    count = len(table.levels)
    place = np.arange(count, dtype=float)
    middle = 0.5 * (count + 1)
    axis.axvline(middle, color=MUTED, linewidth=0.9, zorder=1)
    axis.hlines(place, table.low, table.high, color=BLUE, linewidth=1.6, alpha=0.55, zorder=2)
    hollow_or_filled(axis, table.median, place, _apart(table, middle), 24.0, _label(table))
    _mark_raw(axis, table.raw, place, 22.0)
    axis.set_yticks(place, [printable(level) for level in table.levels], fontsize=8)
    axis.set_ylim(count - 0.3, -0.7)
    axis.set_xlim(0.5, count + 0.5)
    axis.set_xticks(_rank_ticks(count))
    axis.set_xlabel(_rank_label(table))


def _draw_columns(table: Ranks, axis: Axes) -> None:
    count = len(table.levels)
    place = np.arange(1.0, count + 1.0)
    middle, many = 0.5 * (count + 1), count > 200
    axis.axhline(middle, color=MUTED, linewidth=0.9, zorder=1)
    if many:
        axis.fill_between(
            place,
            table.low,
            table.high,
            step="mid",
            color=BLUE,
            alpha=0.22,
            linewidth=0.0,
            zorder=2,
        )
        axis.plot(place, table.median, color=BLUE, linewidth=1.8, label=_label(table), zorder=4)
    else:
        axis.vlines(place, table.low, table.high, color=BLUE, linewidth=1.2, alpha=0.5, zorder=2)
        hollow_or_filled(axis, place, table.median, _apart(table, middle), 14.0, _label(table))
    _mark_raw(axis, place, table.raw, float(np.clip(3000.0 / count, 1.5, 6.0)) if many else 14.0)
    for index, end, shift, side, rise in (
        (0, table.low, 6, "left", "bottom"),
        (-1, table.high, -6, "right", "top"),
    ):
        axis.annotate(
            printable(table.levels[index], 18),
            (place[index], end[index]),
            xytext=(0, shift),
            textcoords="offset points",
            ha=side,
            va=rise,
            fontsize=8.5,
            color=INK,
        )
    axis.set_xticks([])
    axis.set_xlim(1 - 0.02 * count, 1.02 * count)
    axis.set_ylim(1.07 * count, 1 - 0.07 * count)
    axis.set_yticks(_rank_ticks(count))
    axis.set_xlabel(f"{count:,} levels of {printable(table.group)}, by median rank")
    axis.set_ylabel(_rank_label(table))


def _mark_raw(axis: Axes, x: FloatArray, y: FloatArray, size: float) -> None:
    """Mark the raw ranks by crosses, or by dots if they are too many; slopes have none."""
    if np.all(np.isnan(x + y)):
        return
    if size > 8.0:
        axis.scatter(x, y, s=size, marker="x", color=ORANGE, linewidth=1.2, zorder=4,
                     label="raw rank")  # fmt: skip
    else:
        axis.scatter(x, y, s=size, color=ORANGE, linewidth=0.0, alpha=0.7, zorder=3)
        axis.scatter([], [], s=14.0, color=ORANGE, linewidth=0.0, label="raw rank")


def _apart(table: Ranks, middle: float) -> BoolArray:
    """Which intervals do not contain the middle rank."""
    return (table.low > middle) | (table.high < middle)


def _label(table: Ranks) -> str:
    return f"median rank, {100 * table.coverage:g}% interval"


def _rank_label(table: Ranks) -> str:
    return f"rank (1 = {table.first} {printable(table.quantity, 40)})"


def _rank_ticks(count: int) -> list[int]:
    """Round ranks, the first and the last among them."""
    if count <= 10:
        return list(range(1, count + 1))
    steps = (unit * 10**power for power in range(1, 9) for unit in (0.5, 1, 2))
    step = int(next(step for step in steps if count / step <= 7))
    inner = [rank for rank in range(step, count, step) if count - rank > 0.4 * step]
    return [1, *inner, count]
