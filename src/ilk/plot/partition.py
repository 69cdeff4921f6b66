"""Picture of a partition: one bar of the whole per measure, and shares with intervals below."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.plot.style import BLUE, FAINT, INK, MUTED, ORANGE, drawing, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ilk.variance.partition import Partitioned

__all__ = ["draw_partition"]

_QUIET = ("fixed part", "residual", "distribution", "together, beyond each")
"""Sources that are no random term, drawn in grays."""

_SHADES = (1.0, 0.65, 0.4)


def draw_partition(found: Partitioned, response: str, ax: Axes | None = None) -> Axes:
    """Draw stacked bars, and a dot with its interval for each share.

    Parameters
    ----------
    found : Partitioned
        The shares.
    response : str
        Name of the response.
    ax : matplotlib.axes.Axes, optional
        Where to draw; new axes by default.

    Returns
    -------
    matplotlib.axes.Axes
    """
    blocks = _blocks(found)
    sources = list(dict.fromkeys(found.rows[i].source for _, rows in blocks for i in rows))
    look = _looks(sources)
    height = 0.9 + 0.34 * sum(1.8 + len(rows) for _, rows in blocks)
    with drawing(ax, 6.4, height, grid="x") as axis:
        place, ticks, labels = 0.0, [], []
        for title, rows in blocks:
            left = 0.0
            for i in rows:
                color, shade = look[found.rows[i].source]
                share = max(float(np.nan_to_num(found.shares.estimate[i])), 0.0)
                axis.barh(place, share, 0.8, left, color=color, alpha=shade, linewidth=0.0)
                if share > 0.06:
                    axis.text(
                        left + share / 2.0,
                        place,
                        f"{100.0 * share:.0f}%",
                        ha="center",
                        va="center",
                        color="white" if color != FAINT and shade > 0.5 else INK,
                        fontsize=8.5,
                    )
                left += share
            ticks.append(place)
            labels.append(title)
            place -= 1.0
            for i in rows:
                _dot(axis, found, i, place, look[found.rows[i].source])
                ticks.append(place)
                labels.append(printable(found.rows[i].source, 30))
                place -= 1.0
            place -= 0.8
        axis.set_yticks(ticks, labels)
        axis.set_ylim(place + 1.1, 0.8)
        axis.set_xlim(0.0, 1.0)
        axis.set_xticks(np.linspace(0.0, 1.0, 6), [f"{x}%" for x in range(0, 101, 20)])
        axis.set_xlabel("share of the variance")
        axis.set_title(f"Whose variation is it? {printable(response)}")
    return axis


def _blocks(found: Partitioned) -> list[tuple[str, list[int]]]:
    """Measures whose shares make a whole, with the rows of each."""
    out: dict[str, list[int]] = {}
    single = len({row.scale for row in found.rows}) == 1
    for i, row in enumerate(found.rows):
        if row.measure == "additive":
            continue
        out.setdefault(row.measure if single else f"{row.scale}, {row.measure}", []).append(i)
    return list(out.items())


def _looks(sources: list[str]) -> dict[str, tuple[str, float]]:
    """Color and shade of each source: random terms in colors, all else in grays."""
    quiet = {"fixed part": (MUTED, 0.55), "together, beyond each": (MUTED, 0.3)}
    loud = [source for source in sources if source not in _QUIET]
    out = {
        source: ((BLUE, ORANGE)[k % 2], _SHADES[min(k // 2, 2)]) for k, source in enumerate(loud)
    }
    return {source: out.get(source) or quiet.get(source, (FAINT, 1.0)) for source in sources}


def _dot(axis: Axes, found: Partitioned, i: int, place: float, look: tuple[str, float]) -> None:
    color = MUTED if look[0] == FAINT else look[0]
    low, high = found.shares.conf_low[i], found.shares.conf_high[i]
    if np.isfinite(low) and np.isfinite(high):
        axis.hlines(place, low, high, color=color, alpha=0.6, zorder=2)
    axis.scatter(found.shares.estimate[i], place, s=32, color=color, linewidth=0.0, zorder=3)
