"""Coefficients in one cluster and over the population, with intervals, one pair a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ilk.plot.style import ESTIMAND_STYLE, MUTED, drawing, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ilk.typing import FloatArray

__all__ = ["draw_marginal"]

_APART = 0.16
"""Half the distance of the two of a pair."""


def draw_marginal(
    terms: Sequence[str],
    conditional: FloatArray,
    marginal: FloatArray,
    ax: Axes | None = None,
) -> Axes:
    """Draw pairs of coefficients with their intervals.

    Parameters
    ----------
    terms : sequence of p str
        Their names.
    conditional, marginal : (p, 3) arrays
        Estimate, lower and upper limit of each.
    ax : matplotlib.axes.Axes, optional
        Axis to draw on; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axis.
    """
    place = np.arange(len(terms), dtype=float)[::-1]
    both = (("conditional", conditional, _APART), ("population", marginal, -_APART))
    with drawing(ax, 6.4, 1.3 + 0.42 * len(terms), grid="x") as axis:
        axis.axvline(0.0, color=MUTED, linewidth=0.9, zorder=1)
        for name, values, shift in both:
            style = ESTIMAND_STYLE[name]
            at = place + shift
            axis.hlines(at, values[:, 1], values[:, 2], color=style["color"], alpha=0.6, zorder=2)
            axis.scatter(
                values[:, 0],
                at,
                s=34,
                color=style["color"],
                marker=style["marker"],
                linewidth=0.0,
                zorder=3,
                label=name,
            )
        axis.set_yticks(place, [printable(term, 40) for term in terms])
        axis.set_ylim(-0.7, len(place) - 0.3)
        axis.set_xlabel("coefficient")
        axis.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, borderaxespad=0.2)
    return axis
