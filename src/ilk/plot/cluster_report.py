"""Standard errors relative to the mixed model's: a row per coefficient, a mark per method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.diagnostics.cluster_report.side_by_side import GEE, IGNORED, MIXED, ROBUST, ROBUST_ALL
from ilk.plot.style import (
    BLUE,
    INK,
    MUTED,
    ORANGE,
    drawing,
    printable,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ilk.diagnostics.cluster_report import ClusterReport
    from ilk.typing import FloatArray

__all__ = ["ClusterPicture", "cluster_picture", "draw_cluster_report"]

_STYLES = {
    IGNORED: (ORANGE, "X"),
    ROBUST: (BLUE, "o"),
    ROBUST_ALL: (INK, "s"),
    GEE: (BLUE, "D"),
}
"""Color and marker of each method; GEE is drawn open."""


@dataclass(frozen=True, slots=True)
class ClusterPicture:
    """What the picture shows.

    Parameters
    ----------
    terms : tuple of str
        Coefficients, top to bottom.
    methods : tuple of str
        A mark each.
    ratio : (p, k) array
        Standard error over that of the mixed model.
    estimand : str
        That of the mixed model's standard errors.
    """

    terms: tuple[str, ...]
    methods: tuple[str, ...]
    ratio: FloatArray
    estimand: str


def cluster_picture(found: ClusterReport) -> ClusterPicture:
    """Collect the ratios of standard errors.

    Parameters
    ----------
    found : ClusterReport
        The report.

    Returns
    -------
    ClusterPicture
    """
    like = found.side(MIXED) or found.side(MIXED, "conditional")
    assert like is not None
    sides = [side for side in found.sides if side.method != MIXED]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.column_stack([side.std_error for side in sides]) / like.std_error[:, None]
    return ClusterPicture(
        found.places.terms, tuple(side.method for side in sides), ratio, like.estimand
    )


def draw_cluster_report(table: ClusterPicture, ax: Axes | None = None) -> Axes:
    """Draw standard errors relative to the mixed model's, on a log scale.

    Parameters
    ----------
    table : ClusterPicture
        What to show.
    ax : matplotlib.axes.Axes, optional
        Axis to draw on; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axis.
    """
    count = len(table.terms)
    place = np.arange(count, dtype=float)[::-1]
    known = table.ratio[np.isfinite(table.ratio) & (table.ratio > 0.0)]
    with drawing(ax, 6.4, 1.9 + 0.45 * count, grid="x") as axis:
        axis.set_xscale("log", base=2)
        axis.axvline(1.0, color=MUTED, linewidth=1.2, zorder=1)
        lowest, highest = np.nanmin(table.ratio, axis=1), np.nanmax(table.ratio, axis=1)
        axis.hlines(place, np.fmin(lowest, 1.0), np.fmax(highest, 1.0), color=MUTED, alpha=0.35)
        shifts = np.linspace(0.14, -0.14, len(table.methods)) if len(table.methods) > 1 else [0.0]
        for k, method in enumerate(table.methods):
            color, marker = _STYLES[method]
            axis.scatter(
                table.ratio[:, k],
                place + shifts[k],
                s=42,
                facecolor="none" if method == GEE else color,
                edgecolor=color,
                linewidth=1.3 if method == GEE else 0.0,
                marker=marker,
                label=method,
                zorder=3,
            )
        ends = (min([1.0, *known]) / 1.15, max([1.0, *known]) * 1.15)
        ticks = [t for t in _TICKS if ends[0] <= t <= ends[1]]
        axis.set_xlim(*ends)
        axis.set_xticks(ticks, [f"{t:g}" for t in ticks])
        axis.minorticks_off()
        axis.set_yticks(place, [printable(term, 40) for term in table.terms])
        axis.set_ylim(-0.6, count - 0.4)
        axis.set_xlabel(f"standard error over that of the mixed model ({table.estimand})")
        axis.legend(
            loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(table.methods), borderpad=0.2
        )
    return axis


_TICKS = (
    0.02,
    0.05,
    0.1,
    0.2,
    0.25,
    0.33,
    0.5,
    0.67,
    0.8,
    1.0,
    1.25,
    1.5,
    2.0,
    3.0,
    4.0,
    8.0,
    16.0,
)
