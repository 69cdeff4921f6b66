"""Residuals against a covariate, with the curve that the model lacks and its envelope."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.num.stable import special
from ilk.plot.style import BLUE, FAINT, MUTED, ORANGE, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ilk.diagnostics.checks.record import Check

__all__ = ["draw_covariate"]

_POINTS = 5000
"""Points of the cloud at most."""


def draw_covariate(check: Check, ax: Axes) -> None:
    """Draw residuals (as normal scores) against a covariate.

    Parameters
    ----------
    check : Check
        Of a covariate.
    ax : matplotlib.axes.Axes
        Where to draw.
    """
    found = check.detail or {}
    x, score = found["x"], special().ndtri(found["residual"])
    if len(x) > _POINTS:
        chosen = np.random.default_rng(0).choice(len(x), _POINTS, replace=False)
        x, score = x[chosen], score[chosen]
    ax.scatter(x, score, s=6, color=MUTED, alpha=0.35, linewidth=0.0, zorder=2)
    at = found["at"]
    ax.fill_between(at, found["low"], found["high"], color=FAINT, linewidth=0.0, zorder=1)
    ax.axhline(0.0, color=MUTED, linewidth=0.9, zorder=2)
    color = ORANGE if check.verdict in ("note", "problem") else BLUE
    ax.plot(at, found["curve"], color=color, linewidth=1.8, zorder=3)
    ax.set_ylim(-3.3, 3.3)
    ax.set_xlabel(printable(check.where, 40))
    ax.set_ylabel("residual (normal score)")
