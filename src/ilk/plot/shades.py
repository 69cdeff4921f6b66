"""Colors that stand for numbers: effects around zero, and sizes from zero up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.plot.style import BLUE, FAINT, MUTED, ORANGE, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ilk.typing import FloatArray

__all__ = ["add_scale", "shades"]


def shades(values: FloatArray, *, around_zero: bool) -> Any:
    """Map from numbers to colors.

    Parameters
    ----------
    values : ndarray
        The numbers.
    around_zero : bool
        Blue below zero and orange above, the same distance equally strong; otherwise from faint to
        blue.

    Returns
    -------
    matplotlib.cm.ScalarMappable
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    finite = values[np.isfinite(values)]
    if around_zero:
        top = float(np.abs(finite).max(initial=0.0)) or 1.0
        colors, norm = [BLUE, FAINT, ORANGE], Normalize(-top, top)
    else:
        low, high = float(finite.min(initial=np.inf)), float(finite.max(initial=-np.inf))
        spread = high - low if np.isfinite(high - low) else 0.0
        low, high = (low, high) if spread > 1e-12 else (low - 0.5, low + 0.5)
        colors, norm = [FAINT, BLUE], Normalize(low, high)
    return ScalarMappable(norm, LinearSegmentedColormap.from_list("ilk", colors))


def add_scale(ax: Axes, mapped: Any, label: str) -> None:
    """Add the scale of colors beside an axis.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The axis.
    mapped : matplotlib.cm.ScalarMappable
        From `shades`.
    label : str
        What the colors stand for.
    """
    bar = ax.figure.colorbar(mapped, ax=ax, shrink=0.75, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(size=0, labelsize=8.5, labelcolor=MUTED)
    bar.set_label(printable(label, 60), color=MUTED, size=9)
