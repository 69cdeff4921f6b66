"""Influence: Cook's distance of each cluster or row, and the moves of each coefficient.

The index plot names the units that stick out.  Below it the moves (DFBETAS) are drawn as a strip
for each coefficient: a unit beyond one standard error to the right raises the estimate by so much.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.diagnostics.influence.units import ROWS
from ilk.errors import ModelError
from ilk.inference.labelled import label
from ilk.plot.style import BLUE, FAINT, INK, MUTED, ORANGE, drawing, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from ilk.diagnostics.checks.record import Check
    from ilk.diagnostics.influence.record import Influence
    from ilk.typing import FloatArray, IntArray

__all__ = [
    "DfbetasPicture",
    "InfluencePicture",
    "dfbetas_picture",
    "draw_dfbetas",
    "draw_influence",
    "draw_influence_check",
    "influence_picture",
]

_NAMED = 6
"""Units that are named at most."""

_STRIP = 3
"""Units that are named on the strip of a coefficient at most."""

_ROOM, _PANEL = 100, 40
"""Letters that there is room for below a figure of its own, and below a panel."""

_ALL_NAMED = 30
"""Units up to which each has its name below the axis."""


@dataclass(frozen=True, slots=True)
class InfluencePicture:
    """Cook's distances in the order of the levels.

    Parameters
    ----------
    group : str
        What was left out.
    levels : tuple of str
        Its levels.
    cook : (G,) array
        Cook's distances; nan where there is none.
    named : tuple of int
        Levels that stick out.
    usual : float
        The customary line, 4 / G.
    """

    group: str
    levels: tuple[str, ...]
    cook: FloatArray
    named: tuple[int, ...]
    usual: float


@dataclass(frozen=True, slots=True)
class DfbetasPicture:
    """Moves of the coefficients.

    Parameters
    ----------
    group : str
        What was left out.
    levels : tuple of str
        Its levels.
    terms : tuple of str
        Coefficients, top to bottom.
    moved : (G, P) array
        DFBETAS.
    """

    group: str
    levels: tuple[str, ...]
    terms: tuple[str, ...]
    moved: FloatArray


def influence_picture(found: Influence) -> InfluencePicture:
    """Choose which levels are named: those above the customary line, the largest first.

    Parameters
    ----------
    found : Influence
        The numbers.
    """
    if not np.isfinite(found.cook).any():
        raise ModelError("There are no Cook's distances to draw.", code="picture")
    return _picture(found.group, found.levels, found.cook)


def _picture(group: str, levels: Sequence[object], cook: FloatArray) -> InfluencePicture:
    usual = 4.0 / len(levels)
    order = [int(i) for i in np.argsort(-np.nan_to_num(cook, nan=-1.0))]
    named = [i for i in order[:_NAMED] if cook[i] > usual] or order[:1]
    return InfluencePicture(
        group=group,
        levels=tuple(printable(level, 20) for level in levels),
        cook=cook,
        named=tuple(named),
        usual=usual,
    )


def draw_influence_check(check: Check, ax: Axes) -> None:
    """Draw Cook's distances that a check of a fit has found.

    Parameters
    ----------
    check : Check
        Of the influence of clusters.
    ax : matplotlib.axes.Axes
        Where to draw.
    """
    found = check.detail or {}
    draw_influence(_picture(found["group"][0], found["level"], found["cook"]), ax, room=_PANEL)


def dfbetas_picture(found: Influence) -> DfbetasPicture:
    """Collect the moves of the coefficients.

    Parameters
    ----------
    found : Influence
        The numbers.
    """
    if not found.names:
        raise ModelError(
            "The model has no coefficients whose moves could be drawn.", code="picture"
        )
    return DfbetasPicture(
        group=found.group,
        levels=tuple(printable(level, 20) for level in found.levels),
        terms=tuple(printable(label(*name), 30) for name in found.names),
        moved=found.dfbetas,
    )


def draw_influence(table: InfluencePicture, ax: Axes | None = None, *, room: int = _ROOM) -> Axes:
    """Draw Cook's distances as an index plot.

    Parameters
    ----------
    table : InfluencePicture
        What to show.
    ax : matplotlib.axes.Axes, optional
        Axis to draw on; a new figure by default.
    room : int
        Letters that there is room for below the axis.

    Returns
    -------
    matplotlib.axes.Axes
        The axis.
    """
    count = len(table.levels)
    letters = sum(map(len, table.levels)) + 2 * count
    few = count <= _ALL_NAMED and (letters <= room or room == _ROOM)
    with drawing(ax, 7.2, 3.6) as axis:
        place = np.arange(count)
        out = np.zeros(count, dtype=bool)
        out[list(table.named)] = True
        axis.axhline(table.usual, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
        width = 1.6 if count <= 200 else 0.8
        for some, color in ((~out, BLUE), (out, ORANGE)):
            axis.vlines(place[some], 0.0, table.cook[some], color=color, linewidth=width, zorder=2)
            size = 22 if count <= 100 else 8
            axis.scatter(place[some], table.cook[some], s=size, color=color, linewidth=0, zorder=3)
        top = float(np.nanmax(table.cook))
        axis.set_ylim(0.0, 1.16 * max(top, table.usual))
        if few:
            axis.set_xticks(place, table.levels, rotation=0 if letters <= room else 90)
        else:
            _name(axis, table)
            axis.set_xticks([])
        words = "rows" if table.group == ROWS else printable(table.group, 40)
        axis.set_xlabel(words if few else f"{words}, {count:,} in their order")
        axis.set_ylabel("Cook's distance")
        axis.annotate(
            "4 / G",
            (1.0, table.usual),
            xycoords=("axes fraction", "data"),
            xytext=(3, 0),
            textcoords="offset points",
            ha="left",
            va="center",
            fontsize=8,
            color=MUTED,
            annotation_clip=False,
        )
    return axis


def _name(axis: Axes, table: InfluencePicture) -> None:
    """Names above the levels that stick out; of two that would overlap the larger has its name."""
    taken: list[float] = []
    for i in table.named:
        if any(abs(i - other) < 0.06 * len(table.levels) for other in taken):
            continue
        taken.append(i)
        axis.annotate(
            table.levels[i],
            (i, table.cook[i]),
            xytext=(0, 4),
            textcoords="offset points",
            ha="center",
            fontsize=8.5,
            color=INK,
        )


def draw_dfbetas(table: DfbetasPicture, ax: Axes | None = None) -> Axes:
    """Draw the moves of the coefficients, a strip for each.

    Parameters
    ----------
    table : DfbetasPicture
        What to show.
    ax : matplotlib.axes.Axes, optional
        Axis to draw on; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axis.
    """
    count = len(table.terms)
    with drawing(ax, 7.2, 1.3 + 0.55 * count, grid="x") as axis:
        axis.axvspan(-1.0, 1.0, color=FAINT, alpha=0.4, linewidth=0.0, zorder=0)
        axis.axvline(0.0, color=MUTED, linewidth=0.9, zorder=1)
        largest = 0.0
        for j in range(count):
            y, moved = count - 1.0 - j, table.moved[:, j]
            known = np.flatnonzero(np.isfinite(moved))
            if not len(known):
                continue
            order = known[np.argsort(-np.abs(moved[known]))]
            largest = max(largest, float(np.abs(moved[order[0]])))
            far = np.abs(moved[known]) > 1.0
            for some, color in ((known[~far], BLUE), (known[far], ORANGE)):
                axis.scatter(
                    moved[some],
                    np.full(len(some), y),
                    s=20,
                    color=color,
                    alpha=0.65,
                    linewidth=0,
                    zorder=3,
                )
            _name_strip(axis, table, order, j, y)
        half = max(1.1, 1.15 * largest)
        axis.set_xlim(-half, half)
        axis.set_ylim(-0.6, count - 0.25)
        axis.set_yticks(np.arange(count)[::-1], table.terms)
        what = "row" if table.group == ROWS else printable(table.group, 30)
        axis.set_xlabel(f"how far each {what} raises the estimate, in standard errors")
    return axis


def _name_strip(axis: Axes, table: DfbetasPicture, order: IntArray, j: int, y: float) -> None:
    """Names of the units that move a coefficient most, none on top of another."""
    moved = table.moved[:, j]
    span = max(1.1, float(np.nanmax(np.abs(table.moved))))
    taken: list[float] = []
    for i in order[:_STRIP]:
        if any(abs(moved[i] - x) < 0.16 * span for x in taken):
            continue
        taken.append(float(moved[i]))
        axis.annotate(
            table.levels[i],
            (moved[i], y),
            xytext=(0, 6),
            textcoords="offset points",
            ha="center",
            fontsize=8,
            color=INK,
        )
