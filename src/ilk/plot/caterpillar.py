"""Caterpillar plot: the random effects of a grouping factor, in order, with their intervals.

The estimates are conditional modes, or the posterior means of a league table: each level's own
data, shrunk toward the middle of all levels the more the less they say.  Filled points are levels
whose interval does not contain zero; hollow ones cannot be told from the middle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.errors import FitError, did_you_mean
from ilk.plot.asked import Drawable, column, columns_of
from ilk.plot.style import (
    BLUE,
    INK,
    MUTED,
    NAMED_AT_MOST,
    drawing,
    hollow_or_filled,
    printable,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ilk.ranking.record import League
    from ilk.typing import BoolArray, FloatArray

__all__ = [
    "Caterpillar",
    "caterpillar",
    "caterpillar_of_league",
    "caterpillar_table",
    "draw_caterpillar",
]

_MANY, _VERY_MANY = 200, 1000
"""Levels beyond which estimates become a line, and intervals a band."""


@dataclass(frozen=True, slots=True)
class Caterpillar:
    """Random effects of one term, ordered by their estimate.

    Attributes
    ----------
    group : str
        Grouping factor.
    term : str
        Random effect, e.g. ``"Intercept"``.
    levels : tuple of str
        Levels, smallest estimate first.
    estimate, low, high : ndarray (k,)
        Estimates and bounds of their intervals.
    """

    group: str
    term: str
    levels: tuple[str, ...]
    estimate: FloatArray
    low: FloatArray
    high: FloatArray


def caterpillar_table(fit: Drawable, group: str, term: str | None = None) -> Caterpillar:
    """Collect and order the random effects of a grouping factor.

    Parameters
    ----------
    fit : Fit
        The fit.
    group : str
        Grouping factor.
    term : str, optional
        Random effect; the first one of the factor by default.

    Returns
    -------
    Caterpillar
        The table.
    """
    columns = columns_of(fit.random_effects(group))
    terms = [str(name) for name in columns["term"]]
    if not terms:
        raise FitError(f"the fit has no random effects of {group!r}.", code="no-random-effects")
    chosen = terms[0] if term is None else term
    if chosen not in terms:
        raise FitError(
            f"{group!r} has no random effect {chosen!r}; it has {', '.join(dict.fromkeys(terms))}."
            + did_you_mean(chosen, terms),
            code="unknown-term",
        )
    rows = np.flatnonzero([name == chosen for name in terms])
    rows = rows[np.argsort(column(columns, "estimate")[rows], kind="stable")]
    return Caterpillar(
        group=group,
        term=chosen,
        levels=tuple(str(columns["level"][i]) for i in rows),
        estimate=column(columns, "estimate")[rows],
        low=column(columns, "conf_low")[rows],
        high=column(columns, "conf_high")[rows],
    )


def caterpillar_of_league(league: League) -> Caterpillar:
    """Order the effects that a league table ranks.

    Parameters
    ----------
    league : League
        The league table.

    Returns
    -------
    Caterpillar
        The table.
    """
    order = np.argsort(league.effect, kind="stable")
    names = {"mean": "all effects, mean columns"}
    if league.quantity == "slope":
        names[league.term] = f"slope of {league.term}, fixed part included"
    return Caterpillar(
        group=league.group,
        term=names.get(league.term, league.term),
        levels=tuple(str(league.levels[i]) for i in order),
        estimate=league.effect[order],
        low=league.effect_low[order],
        high=league.effect_high[order],
    )


def draw_caterpillar(table: Caterpillar, ax: Axes | None = None) -> Axes:
    """Draw a caterpillar plot.

    Parameters
    ----------
    table : Caterpillar
        The table.
    ax : matplotlib.axes.Axes, optional
        Axis to draw on; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axis.
    """
    few = len(table.levels) <= NAMED_AT_MOST
    height = 1.1 + 0.17 * len(table.levels) if few else 4.2
    with drawing(ax, 6.4 if few else 7.6, height, grid="x" if few else "y") as axis:
        (_draw_rows if few else _draw_columns)(table, axis)
    return axis


def caterpillar(
    fit: Drawable, group: str, term: str | None = None, *, ax: Axes | None = None
) -> Axes:
    """Draw the random effects of a grouping factor, in order, with their intervals.

    Parameters
    ----------
    fit : Fit
        The fit.
    group : str
        Grouping factor.
    term : str, optional
        Random effect; the first one of the factor by default.
    ax : matplotlib.axes.Axes, optional
        Axis to draw on; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axis.
    """
    return draw_caterpillar(caterpillar_table(fit, group, term), ax)


def _apart(table: Caterpillar) -> BoolArray:
    return (table.low > 0) | (table.high < 0)


def _draw_rows(table: Caterpillar, ax: Axes) -> None:
    place = np.arange(len(table.levels), dtype=float)
    ax.axvline(0.0, color=MUTED, linewidth=0.9, zorder=1)
    ax.hlines(place, table.low, table.high, color=BLUE, linewidth=1.3, alpha=0.55, zorder=2)
    hollow_or_filled(ax, table.estimate, place, _apart(table), 22.0)
    ax.set_yticks(place, [printable(level) for level in table.levels], fontsize=8)
    ax.set_ylim(-0.8, len(place) - 0.2)
    ax.set_xlabel(f"effect of the level: {printable(table.term, 48)}")


def _draw_columns(table: Caterpillar, ax: Axes) -> None:
    count, apart = len(table.levels), _apart(table)
    place = np.arange(count, dtype=float)
    ax.axhline(0.0, color=MUTED, linewidth=0.9, zorder=1)
    if count > _MANY:
        _draw_band(table, place, ax)
        ax.plot(place, table.estimate, color=BLUE, linewidth=2.0, zorder=4)
    else:
        ax.vlines(place, table.low, table.high, color=BLUE, linewidth=1.1, alpha=0.5, zorder=2)
        hollow_or_filled(ax, place, table.estimate, apart, 14.0)
    for index, end, shift, side in ((0, table.low, 7, "left"), (-1, table.high, -7, "right")):
        ax.annotate(
            printable(table.levels[index]),
            (place[index], end[index]),
            xytext=(shift, 0),
            textcoords="offset points",
            ha=side,
            va="center",
            fontsize=8.5,
            color=INK,
        )
    ax.set_xticks([])
    ax.set_xlim(-1.0 - 0.01 * count, 1.01 * count)
    ax.set_xlabel(
        f"{count:,} levels of {printable(table.group)}, in order; {int(apart.sum()):,} with an "
        "interval without zero"
    )
    ax.set_ylabel(f"effect of the level: {printable(table.term, 48)}")


def _draw_band(table: Caterpillar, place: FloatArray, ax: Axes) -> None:
    """Intervals of many levels: stronger where they do not contain zero; one band of very many."""
    if len(place) > _VERY_MANY:
        ax.fill_between(
            place, table.low, table.high, step="mid", color=BLUE, alpha=0.3, linewidth=0.0, zorder=2
        )
        return
    apart = _apart(table)
    for some, opacity in ((~apart, 0.28), (apart, 0.6)):
        ax.vlines(
            place[some], table.low[some], table.high[some],
            color=BLUE, linewidth=min(1.0, 480.0 / len(place)), alpha=opacity, zorder=2,
        )  # fmt: skip
