"""Quantile plot of standardized random effects, with the envelope of the fitted model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.plot.style import BLUE, FAINT, INK, MUTED, ORANGE, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ilk.diagnostics.checks.record import Check

__all__ = ["draw_effects_qq"]

_NAMED = 3
"""Levels that are named at each end at most."""

_COLORS = (BLUE, ORANGE, INK, MUTED)
_MARKERS = ("o", "D", "s", "^")


def draw_effects_qq(check: Check, ax: Axes) -> None:
    """Draw the effects of a term against normal quantiles.

    Parameters
    ----------
    check : Check
        Of the random effects of a term.
    ax : matplotlib.axes.Axes
        Where to draw.
    """
    found = check.detail or {}
    x, observed = found["quantile"], found["observed"]
    low, high, levels = found["low"].min(axis=1), found["high"].max(axis=1), found["level"]
    ax.fill_between(x, low, high, color=FAINT, alpha=0.7, linewidth=0.0, zorder=1)
    ends = np.array([x[0], x[-1]])
    ax.plot(ends, ends, color=MUTED, linewidth=0.9, zorder=2)
    width = observed.shape[1]
    for j in range(width):
        marker, color = _MARKERS[j % len(_MARKERS)], _COLORS[j % len(_COLORS)]
        label = printable(found["name"][j], 24) if width > 1 else None
        ax.scatter(
            x,
            observed[:, j],
            s=16,
            color=color,
            marker=marker,
            alpha=0.8,
            linewidth=0.0,
            zorder=3,
            label=label,
        )
    if width == 1:
        outside = np.flatnonzero((observed[:, 0] < low) | (observed[:, 0] > high))
        far = outside[np.argsort(-np.abs(observed[outside, 0]))][: 2 * _NAMED]
        taken: list[float] = []
        reach = float(np.ptp(observed)) or 1.0
        for i in far:
            y = float(observed[i, 0])
            if any(abs(y - other) < 0.05 * reach for other in taken):
                continue
            taken.append(y)
            right = x[i] < 0.0
            ax.annotate(
                printable(levels[i], 18),
                (x[i], y),
                xytext=(6 if right else -6, 0),
                textcoords="offset points",
                ha="left" if right else "right",
                va="center",
                fontsize=8,
                color=INK,
            )
    else:
        ax.legend(loc="upper left")
    ax.set_xlabel("normal quantile")
    ax.set_ylabel("random effect, standardized")
