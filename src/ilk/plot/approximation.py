"""Moves of all parameters under a better approximation of the likelihood, in standard errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ilk.errors import ModelError
from ilk.plot.style import BLUE, FAINT, MUTED, ORANGE, drawing, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ilk.diagnostics.approximation import ParameterShift

__all__ = ["draw_approximation"]

_SMALL = 0.1
"""Half width of the band of moves that change no conclusion."""


def draw_approximation(rows: Sequence[ParameterShift], ax: Axes | None = None) -> Axes:
    """Draw moves with twice their Monte Carlo errors, a row for each parameter.

    Parameters
    ----------
    rows : sequence of ParameterShift
        The parameters.
    ax : matplotlib.axes.Axes, optional
        Axis to draw on; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axis.
    """
    shown = [row for row in rows if np.isfinite(row.shift)]
    if not shown:
        raise ModelError("No parameter has a standard error to measure moves by.", code="picture")
    place = np.arange(len(shown), dtype=float)[::-1]
    moves = np.array([row.shift for row in shown])
    half = 2.0 * np.nan_to_num(np.array([row.sampling for row in shown]))
    far = np.abs(moves) > _SMALL
    several = len({row.group for row in shown if row.group is not None}) > 1
    with drawing(ax, 6.4, 1.3 + 0.32 * len(shown), grid="x") as axis:
        axis.axvspan(-_SMALL, _SMALL, color=FAINT, alpha=0.45, linewidth=0.0, zorder=0)
        axis.axvline(0.0, color=MUTED, linewidth=0.9, zorder=1)
        colors = [ORANGE if one else BLUE for one in far]
        axis.hlines(place, moves - half, moves + half, colors=colors, linewidth=1.6, zorder=2)
        axis.scatter(moves, place, c=colors, s=26, zorder=3)
        axis.set_yticks(
            place,
            [
                printable(f"{row.term} | {row.group}" if several and row.group else row.term)
                for row in shown
            ],
        )
        reach = max(1.3 * float(np.max(np.abs(moves) + half)), 1.6 * _SMALL)
        axis.set_xlim(-reach, reach)
        axis.set_ylim(-0.7, len(shown) - 0.3)
        axis.set_xlabel("move under the better approximation, in standard errors")
    return axis
