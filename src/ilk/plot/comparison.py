"""How far each model is from the best one, by information criterion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.plot.style import BLUE, INK, MUTED, ORANGE, drawing, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ilk.inference.comparison.compare import Comparison

__all__ = ["draw_comparison"]

_STYLES = {
    "AIC": (BLUE, "o"),
    "BIC": (INK, "s"),
    "conditional AIC": (ORANGE, "D"),
}


def draw_comparison(found: Comparison, ax: Axes | None = None) -> Axes:
    """Draw the distance of each model from the best one, a row per model.

    Parameters
    ----------
    found : Comparison
        The comparison.
    ax : matplotlib.axes.Axes, optional
        Axis to draw on; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axis.
    """
    count = len(found.names)
    conditional = np.array([one.value for one in found.conditional])
    values = {"AIC": found.aic, "BIC": found.bic, "conditional AIC": conditional}
    place = np.arange(count, dtype=float)[::-1]
    with drawing(ax, 6.4, 1.4 + 0.45 * count, grid="x") as axis:
        axis.axvline(0.0, color=MUTED, linewidth=0.9, zorder=1)
        for k, (name, criterion) in enumerate(values.items()):
            here = np.isfinite(criterion)
            if here.sum() < 2:
                continue
            color, marker = _STYLES[name]
            away = criterion[here] - criterion[here].min()
            rows = place[here] + 0.18 * (1 - k)
            axis.hlines(rows, 0.0, away, color=color, alpha=0.4, zorder=2)
            axis.scatter(
                away, rows, s=32, color=color, marker=marker, linewidth=0.0, label=name, zorder=3
            )
        axis.set_yticks(place, [printable(name, 40) for name in found.names])
        axis.set_ylim(-0.6, count - 0.4)
        axis.set_xlabel("difference from the best model")
        axis.legend(loc="best")
    return axis
