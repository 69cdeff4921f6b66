"""Bias of coefficients against the correlation of random intercepts and cluster means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ilk.plot.style import BLUE, INK, MUTED, ORANGE, drawing, printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from ilk.diagnostics.exogeneity.bias import BiasCurve

__all__ = ["draw_bias"]

_LINES = [(BLUE, "-"), (ORANGE, (0, (5, 2))), (INK, ":"), (MUTED, "-."), (BLUE, ":"), (ORANGE, "-")]


def draw_bias(
    curves: Sequence[BiasCurve],
    errors: Mapping[tuple[str, str], float],
    ax: Axes | None = None,
) -> Axes:
    """Draw the bias of the coefficient of each covariate; dots mark the implied correlations.

    A single curve is in the units of its coefficient, several are in standard errors.

    Parameters
    ----------
    curves : sequence of BiasCurve
        One or more.
    errors : mapping
        Standard error by ``(component, name)``.
    ax : matplotlib.axes.Axes, optional
        Axis to draw on; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axis.
    """
    several = len(curves) > 1
    with drawing(ax, 6.4, 4.0) as axis:
        axis.axhline(0.0, color=MUTED, linewidth=0.9, zorder=1)
        axis.axvline(0.0, color=MUTED, linewidth=0.9, zorder=1)
        for i, curve in enumerate(curves):
            unit = errors["mean", curve.term] if several else 1.0
            color, dash = _LINES[i % len(_LINES)]
            label = printable(f"{curve.term}, {curve.group}", 40)
            axis.plot(
                curve.correlations,
                curve.bias[:, curve.own] / unit,
                color=color,
                linestyle=dash,
                label=label,
            )
            axis.plot(
                [curve.implied],
                [curve.at(curve.implied)[curve.own] / unit],
                "o",
                color=color,
                markersize=6,
            )
        axis.set_xlabel("correlation of random intercept and cluster mean (dots: implied)")
        what = "bias / standard error" if several else f"bias of {printable(curves[0].term, 40)}"
        axis.set_ylabel(what)
        if several:
            axis.legend()
    return axis
