"""Profile of two parameters that describe the same variation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.estimation.twofold import twofold_profile
from ilk.plot.style import BLUE, FAINT, ORANGE, drawing, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ilk.estimation.twofold import TwofoldProfile
    from ilk.plot.asked import Drawable
    from ilk.typing import FloatArray

__all__ = ["Twofold", "draw_twofold", "twofold_picture", "twofold_table"]

_CUTOFF = 1.92
"""Loss of log-likelihood that a 95 % interval of one parameter allows."""


@dataclass(frozen=True, slots=True)
class Twofold:
    """Loss of log-likelihood along the dispersion, with the effects of rows that go with it.

    Attributes
    ----------
    family : str
        Family of the dispersion.
    dispersion, deviation, loss : ndarray (k,)
        Dispersions that were held, the best standard deviation of the effects of rows, and the
        log-likelihood below the best.
    """

    family: str
    dispersion: FloatArray
    deviation: FloatArray
    loss: FloatArray


def twofold_table(fit: Drawable) -> Twofold | None:
    """Profile the two parameters; None of fits that do not have both.

    Parameters
    ----------
    fit : Fit
        The fit.
    """
    found = twofold_profile(fit.fitted)
    return None if found is None else twofold_picture(found)


def twofold_picture(profile: TwofoldProfile) -> Twofold:
    """Table of a profile that is there.

    Parameters
    ----------
    profile : TwofoldProfile
        The profile.
    """
    return Twofold(profile.family, profile.dispersion, profile.deviation, profile.loss)


def draw_twofold(table: Twofold, ax: Axes | None = None) -> Any:
    """Draw the loss of log-likelihood against the dispersion.

    Points are labeled with the standard deviation of the effects of rows that goes with them.

    Parameters
    ----------
    table : Twofold
        The table.
    ax : matplotlib axes, optional
        Where to draw; new axes by default.

    Returns
    -------
    matplotlib axes
    """
    with drawing(ax, 6.0, 3.8) as axis:
        axis.axhline(_CUTOFF, color=FAINT, linewidth=1.0)
        axis.plot(table.dispersion, table.loss, "-o", color=BLUE, markersize=4.0)
        best = int(np.argmin(table.loss))
        axis.plot(table.dispersion[best], table.loss[best], "o", color=ORANGE)
        for x, y, deviation in zip(table.dispersion, table.loss, table.deviation, strict=True):
            axis.annotate(
                f"{deviation:.2f}",
                (x, y),
                textcoords="offset points",
                xytext=(0, 6),
                ha="center",
                fontsize="x-small",
            )
        axis.set_xlabel(f"dispersion of {printable(table.family)} (labels: sd of effects of rows)")
        axis.set_ylabel("log-likelihood lost")
        axis.set_ylim(bottom=min(0.0, axis.get_ylim()[0]), top=axis.get_ylim()[1] * 1.1 + 0.2)
        return axis
