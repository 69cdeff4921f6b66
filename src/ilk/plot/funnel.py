"""Funnel plot: what each level did against its size, between the control limits of the model.

The shaded funnel counts the differences between levels that the model has found as usual; its edges
are the predictive limits.  Lines are the limits of chance alone.  Hollow levels are no further out
than chance explains, filled ones differ, as levels do; diamonds are outside of the shaded funnel,
filled if of all of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.plot.labels import name_points
from ilk.plot.style import BLUE, INK, MUTED, ORANGE, PAPER, drawing, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ilk.ranking.funnel import Funnel
    from ilk.typing import FloatArray

__all__ = ["FunnelPicture", "draw_funnel", "funnel_table"]

_NAMED = 12
"""Levels outside that are named at most."""

_FEW = 200
"""Of more levels than this only those are named that are outside of all limits."""

_DASHES: tuple[Any, ...] = ((0, (4, 2)), "-", ":", "-.")
_SHADES = (0.20, 0.12, 0.08, 0.06)


@dataclass(frozen=True, slots=True)
class FunnelPicture:
    """What a funnel plot shows.

    Attributes
    ----------
    group : str
        Grouping factor.
    levels : tuple of str
        Its levels.
    size_label, value_label : str
        What the axes are.
    size, value : ndarray (k,)
        Size of each level, and what it did.
    outside : ndarray (k,)
        Number of predictive limits that a level is outside of, from 0.
    apart : ndarray (k,)
        One where the level is outside of the widest-spread limit of sampling alone, else 0.
    surprise : ndarray (k,)
        Predictive tail probability, by which levels are named.
    reference : float
        Value of a level that did what was expected.
    coverages : ndarray (c,)
        Central probabilities of the limits.
    grid, typical : ndarray (g,)
        Sizes along the curves, and values of a typical level.
    sampling_low, sampling_high, predictive_low, predictive_high : ndarray (c, g)
        Limits.
    """

    group: str
    levels: tuple[str, ...]
    size_label: str
    value_label: str
    size: FloatArray
    value: FloatArray
    outside: FloatArray
    apart: FloatArray
    surprise: FloatArray
    reference: float
    coverages: FloatArray
    grid: FloatArray
    typical: FloatArray
    sampling_low: FloatArray
    sampling_high: FloatArray
    predictive_low: FloatArray
    predictive_high: FloatArray


def funnel_table(funnel: Funnel) -> FunnelPicture:
    """Collect what a funnel plot shows.

    Parameters
    ----------
    funnel : Funnel
        Levels and limits.

    Returns
    -------
    FunnelPicture
        The table.
    """
    response = printable(funnel.response, 40)
    sizes = {"expected": f"expected {response}", "observations": "observations"}
    ratio = funnel.comparison == "ratio"
    out = [np.abs(funnel.outside(one, "predictive")) for one in funnel.coverages]
    return FunnelPicture(
        group=funnel.group,
        levels=tuple(str(level) for level in funnel.levels),
        size_label=sizes.get(funnel.size_name, funnel.size_name.replace("_", " ")),
        value_label=(
            f"{response}, observed / expected"
            if ratio
            else f"{response}, observed \N{MINUS SIGN} expected"
        ),
        size=funnel.size,
        value=funnel.value,
        outside=np.sum(out, axis=0).astype(float),
        apart=np.abs(funnel.outside(max(funnel.coverages), "sampling")).astype(float),
        surprise=np.minimum(funnel.below[1], funnel.above[1]),
        reference=1.0 if ratio else 0.0,
        coverages=np.asarray(funnel.coverages, dtype=float),
        grid=funnel.grid,
        typical=funnel.typical,
        sampling_low=funnel.low[0],
        sampling_high=funnel.high[0],
        predictive_low=funnel.low[1],
        predictive_high=funnel.high[1],
    )


def draw_funnel(table: FunnelPicture, ax: Axes | None = None) -> Axes:
    """Draw a funnel plot.

    Parameters
    ----------
    table : FunnelPicture
        The table.
    ax : matplotlib.axes.Axes, optional
        Axis to draw on; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axis.
    """
    with drawing(ax, 7.6, 4.8) as axis:
        axis.grid(visible=False)
        if table.grid[-1] > 12.0 * table.grid[0]:
            axis.set_xscale("log")
            _plain_ticks(table, axis)
        _draw_limits(table, axis)
        _draw_levels(table, axis)
        axis.set_ylim(*_value_range(table))
        axis.set_xlim(*_size_range(table, axis.get_xscale() == "log"))
        axis.set_xlabel(printable(table.size_label, 60))
        axis.set_ylabel(printable(table.value_label, 60))
        axis.legend(
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            ncols=3,
            borderaxespad=0.2,
            columnspacing=1.4,
            handlelength=2.2,
            fontsize=8.5,
        )
        least = 0 if len(table.levels) <= _FEW else len(table.coverages) - 1
        far = np.flatnonzero(table.outside > least)
        far = far[np.lexsort((table.surprise[far], -table.outside[far]))][:_NAMED]
        name_points(axis, table.size, table.value, table.levels, far)
    return axis


def _draw_limits(table: FunnelPicture, axis: Axes) -> None:
    order = np.argsort(-table.coverages)
    for j in order:
        axis.fill_between(
            table.grid, table.predictive_low[j], table.predictive_high[j],
            color=BLUE, alpha=_SHADES[min(int(j), 3)], linewidth=0.0, zorder=1,
        )  # fmt: skip
    names = " and ".join(f"{100 * c:g}%" for c in np.sort(table.coverages))
    axis.fill_between([], [], [], color=BLUE, alpha=0.28, linewidth=0.0,
                      label=f"the model, {names}")  # fmt: skip
    for j in order[::-1]:
        for k, line in enumerate((table.sampling_low[j], table.sampling_high[j])):
            axis.plot(
                table.grid, line, color=INK, linewidth=0.9, zorder=2,
                linestyle=_DASHES[min(int(j), 3)],
                label=f"chance, {100 * table.coverages[j]:g}%" if k == 0 else None,
            )  # fmt: skip
    axis.axhline(table.reference, color=MUTED, linewidth=0.9, zorder=1.5)
    if not np.allclose(table.typical, table.reference, atol=1e-6 * (1.0 + abs(table.reference))):
        axis.plot(table.grid, table.typical, color=MUTED, linewidth=0.9, linestyle=(0, (1, 2)),
                  zorder=1.5, label="typical level")  # fmt: skip


def _draw_levels(table: FunnelPicture, axis: Axes) -> None:
    """Draw levels as expected (hollow), different (filled) and unexpected (diamonds)."""
    size = float(np.clip(2400.0 / len(table.levels), 4.0, 22.0))
    far, apart = table.outside > 0, table.apart > 0
    out = table.outside == len(table.coverages)
    thin = 1.0 if size > 8.0 else 0.6
    widest = 100 * float(np.max(table.coverages))
    some = ~far & ~apart
    axis.scatter(table.size[some], table.value[some], s=size, zorder=3,
                 facecolor=PAPER, edgecolor=BLUE, linewidth=thin)  # fmt: skip
    some = ~far & apart
    axis.scatter(table.size[some], table.value[some], s=size, color=BLUE, linewidth=0.0, zorder=4)
    size = max(1.5 * size, 10.0)
    some = far & ~out
    axis.scatter(table.size[some], table.value[some], s=size, marker="D", zorder=5,
                 facecolor=PAPER, edgecolor=ORANGE, linewidth=max(thin, 0.8))  # fmt: skip
    axis.scatter(table.size[out], table.value[out], s=size, marker="D", zorder=6,
                 color=ORANGE, edgecolor=PAPER, linewidth=0.4)  # fmt: skip
    axis.scatter([], [], s=20.0, color=BLUE, linewidth=0.0,
                 label=f"beyond chance, {widest:g}%")  # fmt: skip
    axis.scatter([], [], s=26.0, marker="D", color=ORANGE, linewidth=0.0,
                 label="beyond the model")  # fmt: skip


def _value_range(table: FunnelPicture) -> tuple[float, float]:
    """Range that shows all levels, and the narrowest predictive limits where they are usual."""
    narrow = int(np.argmin(table.coverages))
    usual = [np.median(table.predictive_low[narrow]), np.median(table.predictive_high[narrow])]
    ends = np.append(table.value, usual)
    low, high = float(ends.min()), float(ends.max())
    margin = 0.06 * (high - low) or 0.5
    positive = table.reference == 1.0
    return (min(low, 0.0) - 0.03 * (high + margin) if positive else low - margin), high + margin


def _size_range(table: FunnelPicture, logarithmic: bool) -> tuple[float, float]:
    low, high = float(table.grid[0]), float(table.grid[-1])
    if logarithmic:
        margin = (high / low) ** 0.03
        return low / margin, high * margin
    margin = 0.03 * (high - low)
    return low - margin, high + margin


def _plain_ticks(table: FunnelPicture, axis: Axes) -> None:
    """Round sizes in plain numbers along a logarithmic axis."""
    low, high = np.log10(table.grid[0]), np.log10(table.grid[-1])
    decades = 10.0 ** np.arange(np.floor(low), np.ceil(high) + 1)
    steps = [1.0, 2.0, 5.0] if high - low < 3.2 else [1.0]
    ticks = np.outer(decades, steps).ravel()
    ticks = ticks[(ticks >= 10.0 ** (low - 0.03)) & (ticks <= 10.0 ** (high + 0.03))]
    axis.set_xticks(ticks, [f"{tick:,.10g}" for tick in ticks])
    axis.set_xticks([], minor=True)
