"""Caterpillar plot: the random effects of a grouping factor, in order, with their intervals.

The estimates are conditional modes: each level's own data, shrunk toward the middle of all levels
the more the less they say. Filled points are levels whose interval does not contain zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.errors import FitError, did_you_mean
from ilk.plot.asked import Drawable, column, columns_of
from ilk.plot.style import BLUE, INK, MUTED, axis_or_new, house_style, printable, tidy_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ilk.typing import FloatArray

__all__ = ["Caterpillar", "caterpillar", "caterpillar_table", "draw_caterpillar"]

NAMED_AT_MOST = 40
"""With more levels than this, only the extreme ones are named."""


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
    axis = axis_or_new(ax, 6.4, height)
    with house_style():
        if few:
            _draw_rows(table, axis)
        else:
            _draw_columns(table, axis)
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


def _points(table: Caterpillar) -> tuple[Any, FloatArray, FloatArray]:
    apart = (table.low > 0) | (table.high < 0)
    place = np.arange(len(table.levels), dtype=float)
    return apart, place, table.estimate


def _draw_rows(table: Caterpillar, ax: Axes) -> None:
    apart, place, estimate = _points(table)
    tidy_axis(ax, grid="x")
    ax.axvline(0.0, color=MUTED, linewidth=0.9, zorder=1)
    ax.hlines(place, table.low, table.high, color=BLUE, linewidth=1.3, alpha=0.55, zorder=2)
    _scatter(ax, estimate, place, apart, size=22.0)
    ax.set_yticks(place, [printable(level) for level in table.levels], fontsize=8)
    ax.set_ylim(-0.8, len(place) - 0.2)
    ax.set_xlabel(f"effect of the level: {printable(table.term)}")


def _draw_columns(table: Caterpillar, ax: Axes) -> None:
    apart, place, estimate = _points(table)
    tidy_axis(ax, grid="y")
    ax.axhline(0.0, color=MUTED, linewidth=0.9, zorder=1)
    width = 1.1 if len(place) < 200 else 0.5
    ax.vlines(place, table.low, table.high, color=BLUE, linewidth=width, alpha=0.5, zorder=2)
    _scatter(ax, place, estimate, apart, size=14.0 if len(place) < 200 else 5.0)
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
    ax.set_xlim(-1.5, len(place) + 0.5)
    ax.set_xlabel(f"{len(place)} levels of {printable(table.group)}, in order")
    ax.set_ylabel(f"effect of the level: {printable(table.term)}")


def _scatter(ax: Axes, x: FloatArray, y: FloatArray, filled: Any, size: float) -> None:
    ax.scatter(x[filled], y[filled], s=size, color=BLUE, linewidth=0.0, zorder=3)
    ax.scatter(
        x[~filled], y[~filled], s=size, facecolor="white", edgecolor=BLUE, linewidth=1.1, zorder=3
    )
