"""Observed over expected events by exposure: level if events are proportional to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.plot.style import ESTIMAND_STYLE, MUTED, drawing, marker_areas, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ilk.typing import FloatArray

__all__ = ["draw_exposure"]


def draw_exposure(
    groups: FloatArray,
    coefficient: tuple[float, float, float],
    exposure: str,
    ax: Axes | None = None,
) -> Axes:
    """Draw how far events are from being proportional to an exposure.

    Parameters
    ----------
    groups : (k, 3) array
        Exposure, observed and expected total of groups of rows.
    coefficient : tuple of float
        Free coefficient of the logarithm of the exposure, and the limits of its interval.
    exposure : str
        The exposure.
    ax : matplotlib.axes.Axes, optional
        Axis to draw on; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axis.
    """
    x, observed, expected = groups.T
    style = ESTIMAND_STYLE["conditional"]
    center = float(np.exp(np.average(np.log(x), weights=np.maximum(expected, 1e-12))))
    grid = np.geomspace(x.min(), x.max(), 60)
    free, low, high = ((grid / center) ** (b - 1.0) for b in coefficient)
    with drawing(ax, 6.4, 3.8) as axis:
        axis.axhline(1.0, color=MUTED, linewidth=0.9, zorder=1, label="in proportion (offset)")
        axis.fill_between(grid, low, high, color=style["color"], alpha=0.15, linewidth=0.0)
        axis.plot(grid, free, color=style["color"], label=f"free coefficient {coefficient[0]:.3g}")
        axis.scatter(
            x,
            observed / expected,
            s=marker_areas(expected),
            color=style["color"],
            linewidth=0.0,
            zorder=3,
        )
        axis.set_xscale("log")
        axis.set_ylim(bottom=0.0)
        axis.set_xlabel(f"{printable(exposure, 40)} (log scale)")
        axis.set_ylabel("observed / expected")
        axis.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, borderaxespad=0.2)
    return axis
