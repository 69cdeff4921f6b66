"""The power curve: power by number of clusters, with the interval of the simulation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.plot.style import BLUE, INK, MUTED, ORANGE, drawing, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ilk.inference.power import Power
    from ilk.typing import FloatArray, IntArray

__all__ = ["PowerCurve", "PowerPicture", "draw_power", "power_picture"]

_LOOKS = ((BLUE, "-", "o"), (ORANGE, (0, (5, 2)), "D"), (MUTED, ":", "s"), (INK, "-.", "^"))


@dataclass(frozen=True, slots=True)
class PowerCurve:
    """Power of one effect.

    Parameters
    ----------
    label : str
        The effect.
    clusters : (m,) array of int
        Numbers of clusters, increasing.
    power, low, high : (m,) arrays
        Power and its limits.
    """

    label: str
    clusters: IntArray
    power: FloatArray
    low: FloatArray
    high: FloatArray


@dataclass(frozen=True, slots=True)
class PowerPicture:
    """What the picture shows.

    Parameters
    ----------
    curves : tuple of PowerCurve
        One for each effect.
    unit : str
        What is counted.
    alpha : float
        Level of the test.
    """

    curves: tuple[PowerCurve, ...]
    unit: str
    alpha: float


def power_picture(found: Power) -> PowerPicture:
    """Sort power by effect and number of clusters.

    Parameters
    ----------
    found : Power
        The numbers.

    Returns
    -------
    PowerPicture
    """
    curves = []
    for term in dict.fromkeys(found.terms):
        here = np.array([i for i, name in enumerate(found.terms) if name == term])
        here = here[np.argsort(found.clusters[here], kind="stable")]
        curves.append(
            PowerCurve(
                f"{term} = {found.effect[here[0]]:g}",
                found.clusters[here],
                found.power[here],
                found.conf_low[here],
                found.conf_high[here],
            )
        )
    unit = "rows" if found.unit == "row" else f"levels of {found.unit}"
    return PowerPicture(tuple(curves), unit, found.alpha)


def draw_power(table: PowerPicture, ax: Axes | None = None) -> Axes:
    """Draw power curves.

    Parameters
    ----------
    table : PowerPicture
        What to show.
    ax : matplotlib.axes.Axes, optional
        Axis to draw on; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axis.
    """
    with drawing(ax, 6.0, 3.6) as axis:
        axis.axhline(0.8, color=MUTED, linewidth=0.9, linestyle=(0, (2, 2)), zorder=1)
        for i, curve in enumerate(table.curves):
            color, dash, marker = _LOOKS[i % len(_LOOKS)]
            if len(curve.clusters) > 1:
                axis.fill_between(
                    curve.clusters, curve.low, curve.high, color=color, alpha=0.15, linewidth=0.0
                )
            axis.vlines(curve.clusters, curve.low, curve.high, color=color, alpha=0.6, zorder=2)
            axis.plot(
                curve.clusters,
                curve.power,
                color=color,
                linestyle=dash,
                marker=marker,
                markersize=5,
                label=printable(curve.label, 40),
                zorder=3,
            )
        axis.set_ylim(0.0, 1.02)
        axis.set_yticks(np.arange(0.0, 1.01, 0.2), [f"{v:.0%}" for v in np.arange(0.0, 1.01, 0.2)])
        axis.set_xlabel(printable(f"number of {table.unit}", 60))
        axis.set_ylabel(f"power at level {table.alpha:g}")
        axis.legend(
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            ncols=2,
            borderaxespad=0.2,
            handlelength=2.4,
        )
    return axis
