r"""Shrinkage plot: from the raw rate or mean of each level to what the model makes of it.

A raw rate is the level's own observed number over what was expected of its rows, times the rate
that was expected of all rows; so it is for the same case mix as the shrunken one, and both differ
by shrinkage alone.  Small levels move far, large ones hardly at all: the picture shows why the best
and the worst raw rate so often belong to the smallest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ilk.errors import ModelError
from ilk.plot.labels import name_points
from ilk.plot.style import BLUE, INK, MUTED, ORANGE, drawing, marker_areas, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ilk.ranking.record import League
    from ilk.typing import FloatArray

__all__ = ["Shrinkage", "draw_shrinkage", "same_case_mix", "shrinkage_table"]

_FEW, _MANY = 80, 300
"""Levels up to which arrows have heads, and beyond which intervals become a band."""


@dataclass(frozen=True, slots=True)
class Shrinkage:
    """Raw and shrunken values of the levels of a factor, ordered by the shrunken one.

    Attributes
    ----------
    group : str
        Grouping factor.
    quantity : str
        What the values are, with unit.
    coverage : float
        Of the intervals.
    levels : tuple of str
        Levels, smallest shrunken value first.
    weight : ndarray (k,)
        How much data a level has: exposure, trials or rows.
    raw : ndarray (k,)
        Value from the level's own data, for the case mix of all rows.
    shrunken, low, high : ndarray (k,)
        Value from the model, and bounds of its interval.
    center : float
        Value of a level with an effect of zero, to which all are drawn.
    """

    group: str
    quantity: str
    coverage: float
    levels: tuple[str, ...]
    weight: FloatArray
    raw: FloatArray
    shrunken: FloatArray
    low: FloatArray
    high: FloatArray
    center: float


def same_case_mix(league: League) -> FloatArray:
    """Raw values (L,) of the levels for the case mix of all rows, in the unit of the table.

    Indirect standardization: the level's observed over its expected number, times what is expected
    per unit of all rows; where responses may be negative, differences take the place of ratios.

    Parameters
    ----------
    league : League
        The league table.
    """
    overall = league.per * float(np.sum(league.expected) / np.sum(league.exposure))
    if league.comparison == "ratio":
        return np.asarray(league.ratio * overall)
    return np.asarray(league.ratio * league.per + overall)


def shrinkage_table(league: League, quantity: str = "rate") -> Shrinkage:
    """Order the levels of a league table by their shrunken value.

    Parameters
    ----------
    league : League
        The league table.
    quantity : str
        What the values are, in words, with unit.

    Returns
    -------
    Shrinkage
        The table.
    """
    if league.quantity == "slope":
        raise ModelError(
            f"There are no raw slopes of {league.term!r} to shrink; use kind='caterpillar' or "
            "'ranks', or a table of the levels.",
            code="picture",
        )
    order = np.argsort(league.rate, kind="stable")
    return Shrinkage(
        group=league.group,
        quantity=quantity,
        coverage=league.level,
        levels=tuple(str(league.levels[i]) for i in order),
        weight=league.exposure[order],
        raw=same_case_mix(league)[order],
        shrunken=league.rate[order],
        low=league.rate_low[order],
        high=league.rate_high[order],
        center=league.center,
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
    count = len(table.levels)
    place = np.arange(count, dtype=float)
    with drawing(ax, 8.2, 4.4) as axis:
        axis.axhline(
            table.center, color=MUTED, linewidth=0.9, zorder=1, label="middle of the population"
        )
        low, high = _limits(table)
        table = _inside(table, low, high)
        axis.set_ylim(low, high)
        axis.set_xlim(-1.0 - 0.01 * count, 1.01 * count)
        _draw_intervals(table, place, axis)
        _draw_arrows(table, place, axis)
        size = float(np.clip(3000.0 / count, 3.0, 20.0))
        area = marker_areas(table.weight, smallest=0.6 * size, largest=min(150.0, 7.0 * size))
        axis.scatter(
            place, table.raw, s=area, facecolor="none", edgecolor=ORANGE, zorder=3,
            linewidth=1.1 if count <= _MANY else 0.6, alpha=1.0 if count <= _MANY else 0.7,
        )  # fmt: skip
        axis.scatter(place, table.shrunken, s=size, color=BLUE, linewidth=0.0, zorder=4)
        axis.scatter([], [], s=40.0, facecolor="none", edgecolor=ORANGE, linewidth=1.1,
                     label="raw, area by size")  # fmt: skip
        axis.scatter([], [], s=18.0, color=BLUE, linewidth=0.0,
                     label=f"shrunken, with {100 * table.coverage:g}% interval")  # fmt: skip
        axis.set_xticks([])
        axis.set_xlabel(f"{count:,} levels of {printable(table.group)}, by shrunken value")
        axis.set_ylabel(printable(table.quantity, 60))
        axis.legend(
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            ncols=3,
            handletextpad=0.5,
            handlelength=1.4,
            borderaxespad=0.2,
        )
        extremes = [int(np.argmax(table.raw)), int(np.argmin(table.raw)), 0, count - 1]
        at = np.where(np.isin(np.arange(count), extremes[:2]), table.raw, table.shrunken)
        name_points(axis, place, at, table.levels, np.array(list(dict.fromkeys(extremes))))
    return axis


def _limits(table: Shrinkage) -> tuple[float, float]:
    """Range of the values, and of intervals that are not much longer; zero where it is near."""
    points = np.concatenate([table.raw, table.shrunken])
    points = np.append(points[np.isfinite(points)], table.center)
    low, high = float(points.min()), float(points.max())
    lengths = table.high - table.low
    usual = float(np.median(lengths[np.isfinite(lengths)])) if np.isfinite(lengths).any() else 0.0
    reach = max(high - low, 1.5 * usual)
    low = max(low - reach, min(low, float(table.low.min())))
    high = min(high + reach, max(high, float(table.high.max())))
    if 0.0 <= low < 0.5 * high:
        low = 0.0
    margin = 0.05 * (high - low) or 0.5
    return low - margin, high + margin


def _inside(table: Shrinkage, low: float, high: float) -> Shrinkage:
    """Let what is infinite, as limits may be with links that are not bounded, end at the frame."""
    names = ("raw", "shrunken", "low", "high")
    return replace(table, **{name: np.clip(getattr(table, name), low, high) for name in names})


def _draw_intervals(table: Shrinkage, place: FloatArray, axis: Axes) -> None:
    if len(place) > _MANY:
        axis.fill_between(
            place, table.low, table.high, step="mid", color=BLUE, alpha=0.2, linewidth=0.0, zorder=2
        )
    else:
        width = 2.2 if len(place) <= _FEW else 1.4
        axis.vlines(place, table.low, table.high, color=BLUE, linewidth=width, alpha=0.3, zorder=2)


def _draw_arrows(table: Shrinkage, place: FloatArray, axis: Axes) -> None:
    """Arrows from raw to shrunken; of many levels without heads."""
    if len(place) > _FEW:
        axis.vlines(
            place, table.raw, table.shrunken, zorder=2.5,
            color=MUTED, linewidth=0.6 if len(place) <= _MANY else 0.35, alpha=0.6,
        )  # fmt: skip
        return
    axis.quiver(
        place, table.raw, np.zeros(len(place)), table.shrunken - table.raw,
        angles="xy", scale_units="xy", scale=1.0, units="dots", width=1.2,
        headwidth=5.0, headlength=6.0, headaxislength=5.0, minlength=0.5,
        color=INK if len(place) <= 20 else MUTED, alpha=0.75, zorder=3.5,
    )  # fmt: skip
