"""Moves of the coefficients under other random effects, in standard errors of the fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.errors import ModelError
from ilk.inference.wald import two_sided
from ilk.plot.style import BLUE, FAINT, INK, MUTED, ORANGE, drawing, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ilk.diagnostics.sensitivity import Sensitivity
    from ilk.typing import FloatArray

__all__ = ["SensitivityPicture", "draw_sensitivity", "sensitivity_picture"]

_COLORS = (BLUE, ORANGE, MUTED, INK)
_MARKERS = ("o", "D", "s", "^", "v", "P", "X", "*")


@dataclass(frozen=True, slots=True)
class SensitivityPicture:
    """What the picture shows.

    Parameters
    ----------
    terms : tuple of str
        Coefficients, top to bottom.
    models : tuple of str
        Refits.
    shift, half : (models, terms) arrays
        Moves and half widths of the intervals, in standard errors of the fit.
    own : float
        Half width of the fit's own intervals.
    """

    terms: tuple[str, ...]
    models: tuple[str, ...]
    shift: FloatArray
    half: FloatArray
    own: float


def sensitivity_picture(found: Sensitivity, level: float = 0.95) -> SensitivityPicture:
    """Collect the refits that have numbers.

    Parameters
    ----------
    found : Sensitivity
        The refits.
    level : float
        Coverage of the intervals.

    Returns
    -------
    SensitivityPicture
    """
    z = two_sided(level)
    shown = [refit for refit in found.refits[1:] if np.any(np.isfinite(refit.estimate))]
    if not shown:
        raise ModelError(
            "None of the refits has numbers, so there is nothing to draw.", code="picture"
        )
    several = len({refit.group for refit in shown}) > 1
    return SensitivityPicture(
        terms=found.terms,
        models=tuple(
            f"{refit.model} ({refit.group})" if several else refit.model for refit in shown
        ),
        shift=np.array([found.shift(refit) for refit in shown]),
        half=z * np.array([found.error_ratio(refit) for refit in shown]),
        own=z,
    )


def draw_sensitivity(table: SensitivityPicture, ax: Axes | None = None) -> Axes:
    """Draw moves with their intervals, a row for each coefficient.

    Parameters
    ----------
    table : SensitivityPicture
        What to show.
    ax : matplotlib.axes.Axes, optional
        Axis to draw on; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axis.
    """
    count, models = len(table.terms), len(table.models)
    place = np.arange(count, dtype=float)[::-1]
    offsets = np.linspace(0.3, -0.3, models) if models > 1 else np.zeros(1)
    height = 1.5 + count * (0.25 + 0.16 * models) + 0.2 * ((models + 1) // 2)
    with drawing(ax, 6.8, height, grid="x") as axis:
        axis.axvspan(-1.0, 1.0, color=FAINT, alpha=0.45, linewidth=0.0, zorder=0)
        axis.axvline(0.0, color=MUTED, linewidth=0.9, zorder=1)
        for i, model in enumerate(table.models):
            color, here = _COLORS[i % len(_COLORS)], place + offsets[i]
            low, high = table.shift[i] - table.half[i], table.shift[i] + table.half[i]
            axis.hlines(here, low, high, color=color, alpha=0.6, linewidth=1.4, zorder=2)
            axis.scatter(
                table.shift[i],
                here,
                s=26,
                color=color,
                marker=_MARKERS[i % len(_MARKERS)],
                linewidth=0.0,
                label=printable(model, 40),
                zorder=3,
            )
        for x in (-table.own, table.own):
            axis.axvline(x, color=MUTED, linewidth=0.9, linestyle=(0, (2, 2)), zorder=1)
        axis.set_yticks(place, [printable(term, 40) for term in table.terms])
        axis.set_ylim(-0.6, count - 0.4)
        axis.set_xlabel("shift from the fit, in its standard errors (dashed: its own interval)")
        axis.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, borderaxespad=0.2)
    return axis
