"""Marginal means by factor, and contrasts or slopes one row each, with their intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.plot.forest import draw_rows
from ilk.plot.style import BLUE, ESTIMAND_STYLE, INK, MUTED, ORANGE, drawing, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ilk.effects.contrasts import Contrasts
    from ilk.effects.means import MarginalMeans
    from ilk.effects.slopes import MarginalSlopes
    from ilk.typing import BoolArray, FloatArray

__all__ = [
    "Forest",
    "MeansPicture",
    "Series",
    "contrasts_picture",
    "draw_forest",
    "draw_means",
    "means_picture",
    "slopes_picture",
]

_LOOKS = (
    (BLUE, "-", "o"),
    (ORANGE, (0, (5, 2)), "D"),
    (INK, (0, (1, 1.5)), "s"),
    (MUTED, "-.", "^"),
)
"""Color, dash and marker of one line after the other; then they start again."""


@dataclass(frozen=True, slots=True)
class Series:
    """Means that one line joins.

    Parameters
    ----------
    label : str
        Name of the line; empty if there is one.
    x, estimate, low, high : (k,) arrays
        Places, means and limits.
    """

    label: str
    x: FloatArray
    estimate: FloatArray
    low: FloatArray
    high: FloatArray


@dataclass(frozen=True, slots=True)
class MeansPicture:
    """What a picture of means shows.

    Parameters
    ----------
    variable : str
        Column along the axis; empty if there is one mean.
    ticks : tuple of str, or None
        Levels at the places 0, 1, ...; None for numbers.
    series : tuple of Series
        One per combination of the other columns.
    joined : bool
        Whether the levels have an order, so that lines join them.
    legend : str
        Columns that the lines stand for.
    unit : str
        What the means are of.
    estimand : str
        The question that they answer.
    """

    variable: str
    ticks: tuple[str, ...] | None
    series: tuple[Series, ...]
    joined: bool
    legend: str
    unit: str
    estimand: str


def means_picture(found: MarginalMeans, unit: str) -> MeansPicture:
    """Arrange means along the first column, with a line for each combination of the others.

    Parameters
    ----------
    found : MarginalMeans
        The means.
    unit : str
        What they are of.

    Returns
    -------
    MeansPicture
    """
    grid = found.grid
    focal = (*found.variables, *found.by)
    cells = grid.subset(focal)
    first = [cell[0] if cell else "" for cell in cells]
    rest = [cell[1:] for cell in cells]
    levels = list(dict.fromkeys(first))
    numeric = bool(focal) and all(
        isinstance(level, (int, float)) and not isinstance(level, bool) for level in levels
    )
    place = {level: float(level) if numeric else float(k) for k, level in enumerate(levels)}  # type: ignore[arg-type]
    series = []
    for label in dict.fromkeys(rest):
        here = np.array([i for i, other in enumerate(rest) if other == label])
        series.append(
            Series(
                label=", ".join(str(part) for part in label),
                x=np.array([place[first[i]] for i in here]),
                estimate=found.estimate[here],
                low=found.conf_low[here],
                high=found.conf_high[here],
            )
        )
    data = grid.fitted.design.data
    ordered = bool(focal) and focal[0] in data and data.column(focal[0]).kind == "category"
    return MeansPicture(
        variable=focal[0] if focal else "",
        ticks=None if numeric else tuple(str(level) for level in levels),
        series=tuple(series),
        joined=numeric or ordered or len(series) > 1,
        legend=", ".join(focal[1:]),
        unit=unit,
        estimand=grid.estimand,
    )


def draw_means(table: MeansPicture, ax: Axes | None = None) -> Axes:
    """Draw means with their intervals.

    Parameters
    ----------
    table : MeansPicture
        What to show.
    ax : matplotlib.axes.Axes, optional
        Axis to draw on; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axis.
    """
    spread = max((float(np.ptp(s.x)) for s in table.series), default=0.0) or 1.0
    places = len(table.ticks) if table.ticks is not None else len(table.series[0].x)
    share = 0.12 if table.ticks is not None else 0.03
    gap = min(share, 0.6 / len(table.series)) * spread / max(1, places - 1)
    with drawing(ax, 6.4, 3.8) as axis:
        for k, series in enumerate(table.series):
            color, dash, marker = _look(table, k)
            x = series.x + gap * (k - 0.5 * (len(table.series) - 1))
            axis.vlines(x, series.low, series.high, color=color, alpha=0.6, zorder=2)
            if table.joined:
                axis.plot(x, series.estimate, color=color, linestyle=dash, linewidth=1.2, zorder=2)
            axis.scatter(
                x,
                series.estimate,
                s=36,
                color=color,
                marker=marker,
                linewidth=0.0,
                zorder=3,
                label=printable(series.label),
            )
        if table.ticks is not None:
            axis.set_xticks(np.arange(len(table.ticks)), [printable(t, 18) for t in table.ticks])
            axis.set_xlim(-0.5, len(table.ticks) - 0.5)
        if len(table.series) > 1:
            axis.legend(title=printable(table.legend))
        axis.set_xlabel(printable(table.variable))
        axis.set_ylabel(printable(f"{table.unit} ({table.estimand})", 60))
    return axis


def _look(table: MeansPicture, k: int) -> tuple[str, object, str]:
    """Color, dash and marker of a line; a single one has those of its estimand."""
    if len(table.series) == 1:
        style = ESTIMAND_STYLE[table.estimand]
        return style["color"], style["linestyle"], style["marker"]
    return _LOOKS[k % len(_LOOKS)]


@dataclass(frozen=True, slots=True)
class Forest:
    """What a picture of contrasts or slopes shows.

    Parameters
    ----------
    labels : tuple of str
        A text per row, top to bottom.
    estimate, low, high : (k,) arrays
        Estimates and limits.
    null : float
        Where there is no effect.
    ratio : bool
        Whether estimates are ratios, on a logarithmic axis.
    unit : str
        What is measured.
    estimand : str
        The question that the numbers answer.
    """

    labels: tuple[str, ...]
    estimate: FloatArray
    low: FloatArray
    high: FloatArray
    null: float
    ratio: bool
    unit: str
    estimand: str

    @property
    def drawn(self) -> BoolArray:
        """(k,) rows that have numbers."""
        return np.isfinite(self.estimate) & np.isfinite(self.low) & np.isfinite(self.high)


def contrasts_picture(found: Contrasts, unit: str) -> Forest:
    """Choose what a picture of contrasts shows.

    Parameters
    ----------
    found : Contrasts
        The contrasts.
    unit : str
        What means are of.

    Returns
    -------
    Forest
    """
    sign = "-" if found.measure == "difference" else "/"
    labels = []
    for name, reference, group in zip(found.names, found.references, found.groups, strict=True):
        text = str(name) if reference is None else f"{name} {sign} {reference}"
        by = ", ".join(f"{n} {v}" for n, v in zip(found.by, group, strict=True))
        labels.append(f"{by}: {text}" if by else text)
    ratio = found.measure != "difference"
    what = unit if found.slope is None else f"slope of the {unit} in {found.slope}"
    return Forest(
        labels=tuple(labels),
        estimate=found.estimate,
        low=found.conf_low,
        high=found.conf_high,
        null=1.0 if ratio else 0.0,
        ratio=ratio,
        unit=f"{found.measure.replace('_', ' ')}, {what}",
        estimand=found.grid.estimand,
    )


def slopes_picture(found: MarginalSlopes, unit: str) -> Forest:
    """Choose what a picture of slopes shows.

    Parameters
    ----------
    found : MarginalSlopes
        The slopes.
    unit : str
        What means are of.

    Returns
    -------
    Forest
    """
    labels = tuple(
        ", ".join(f"{n} {v}" for n, v in zip(found.by, cell, strict=True)) or found.variable
        for cell in found.grid.cells
    )
    return Forest(
        labels=labels,
        estimate=found.estimate,
        low=found.conf_low,
        high=found.conf_high,
        null=0.0,
        ratio=False,
        unit=f"change of the {unit} per unit of {found.variable}",
        estimand=found.grid.estimand,
    )


def draw_forest(table: Forest, ax: Axes | None = None) -> Axes:
    """Draw one row per estimate, with the line of no effect.

    Parameters
    ----------
    table : Forest
        What to show.
    ax : matplotlib.axes.Axes, optional
        Axis to draw on; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axis.
    """
    with drawing(ax, 6.4, 1.2 + 0.36 * len(table.labels), grid="x") as axis:
        if table.ratio:
            axis.set_xscale("log")
            ticks = _ratio_ticks(table)
            axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
            axis.minorticks_off()
        axis.axvline(table.null, color=MUTED, linewidth=0.9, zorder=1)
        draw_rows(
            axis,
            table.labels,
            table.estimate,
            table.low,
            table.high,
            unit=table.unit,
            estimand=table.estimand,
            drawn=table.drawn,
        )
    return axis


def _ratio_ticks(table: Forest) -> FloatArray:
    """Round numbers within the range of ratios, evenly spread on a logarithmic axis."""
    drawn = table.drawn
    ends = np.append(table.low[drawn], [*table.high[drawn], table.null])
    low, high = np.log10(ends[ends > 0.0].min()), np.log10(ends.max())
    decades = 10.0 ** np.arange(np.floor(low), np.ceil(high) + 1)
    steps = [1.0, 2.0, 5.0] if high - low < 3.0 else [1.0]
    ticks = np.outer(decades, steps).ravel()
    inside = (ticks >= 10.0 ** (low - 0.1)) & (ticks <= 10.0 ** (high + 0.1))
    return np.asarray(ticks[inside])
