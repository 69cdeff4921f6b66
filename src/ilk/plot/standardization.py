"""Standardized means and their comparisons with intervals, one row each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ilk.plot.forest import draw_rows
from ilk.plot.style import MUTED, drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ilk.effects.standardize import Standardization
    from ilk.typing import FloatArray

__all__ = ["StandardizedPicture", "draw_standardized", "standardized_picture"]


@dataclass(frozen=True, slots=True)
class StandardizedPicture:
    """What the picture shows.

    Parameters
    ----------
    labels : tuple of str
        A text per row, top to bottom.
    estimate, low, high : (k,) arrays
        Estimates and limits.
    estimand : str
        The question that they answer.
    unit : str
        What is measured.
    zero : bool
        Whether zero means no effect (differences, slopes).
    """

    labels: tuple[str, ...]
    estimate: FloatArray
    low: FloatArray
    high: FloatArray
    estimand: str
    unit: str
    zero: bool


def standardized_picture(found: Standardization, unit: str) -> StandardizedPicture:
    """Choose what to show: the means; of a standardization without means, its slopes.

    Parameters
    ----------
    found : Standardization
        The numbers.
    unit : str
        What the means are of.

    Returns
    -------
    StandardizedPicture
    """
    slopes = "mean" not in found.measures
    rows = [i for i, m in enumerate(found.measures) if m == ("slope" if slopes else "mean")]
    labels = []
    for i in rows:
        groups = ", ".join(f"{name} {values[i]}" for name, values in found.subgroups.items())
        level = "" if found.levels[i] is None else f"{found.variable} {found.levels[i]}"
        labels.append("; ".join(part for part in (groups, level) if part) or found.variable)
    return StandardizedPicture(
        labels=tuple(labels),
        estimate=found.estimate[rows],
        low=found.conf_low[rows],
        high=found.conf_high[rows],
        estimand=found.estimand,
        unit=f"change of the {unit} per unit" if slopes else unit,
        zero=slopes,
    )


def draw_standardized(table: StandardizedPicture, ax: Axes | None = None) -> Axes:
    """Draw standardized means with their intervals.

    Parameters
    ----------
    table : StandardizedPicture
        What to show.
    ax : matplotlib.axes.Axes, optional
        Axis to draw on; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axis.
    """
    with drawing(ax, 6.4, 1.2 + 0.42 * len(table.labels), grid="x") as axis:
        if table.zero:
            axis.axvline(0.0, color=MUTED, linewidth=0.9, zorder=1)
        draw_rows(
            axis,
            table.labels,
            table.estimate,
            table.low,
            table.high,
            unit=table.unit,
            estimand=table.estimand,
        )
    return axis
