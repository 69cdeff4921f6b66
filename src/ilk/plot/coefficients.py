"""Coefficients with their intervals, one row each; as ratios for links whose exponential is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.plot.asked import Drawable, column, columns_of
from ilk.plot.style import BLUE, MUTED, drawing, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ilk.typing import FloatArray

__all__ = ["Coefficients", "coefficients", "coefficients_table", "draw_coefficients"]


@dataclass(frozen=True, slots=True)
class Coefficients:
    """Coefficients of the mean, without the intercept.

    Attributes
    ----------
    terms : tuple of str
        Names.
    estimate, low, high : ndarray (k,)
        Estimates and bounds of their intervals.
    ratio : bool
        Whether the numbers are exponentials of coefficients.
    """

    terms: tuple[str, ...]
    estimate: FloatArray
    low: FloatArray
    high: FloatArray
    ratio: bool


def coefficients_table(fit: Drawable, *, ratio: bool = False, **options: Any) -> Coefficients:
    """Collect the coefficients of the mean.

    Parameters
    ----------
    fit : Fit
        The fit.
    ratio : bool
        Take exponentials: rate ratios with a log link, odds ratios with a logit link.
    **options
        Of `Fit.tidy`, such as ``cov`` and ``df``.

    Returns
    -------
    Coefficients
        The table; what could not be estimated is left out.
    """
    columns = columns_of(fit.tidy(**options))
    estimate, low, high = (column(columns, name) for name in ("estimate", "conf_low", "conf_high"))
    wanted = np.array(
        [
            component == "mean" and _absent(group) and str(term) != "Intercept"
            for component, group, term in zip(
                columns["component"],
                columns.get("group", np.full(len(estimate), None)),
                columns["term"],
                strict=True,
            )
        ],
        dtype=bool,
    )
    rows = np.flatnonzero(wanted & np.isfinite(estimate) & np.isfinite(low + high))
    change = np.exp if ratio else np.asarray
    return Coefficients(
        terms=tuple(str(columns["term"][i]) for i in rows),
        estimate=change(estimate[rows]),
        low=change(low[rows]),
        high=change(high[rows]),
        ratio=ratio,
    )


def draw_coefficients(table: Coefficients, ax: Axes | None = None) -> Axes:
    """Draw coefficients with their intervals.

    Parameters
    ----------
    table : Coefficients
        The table.
    ax : matplotlib.axes.Axes, optional
        Axis to draw on; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axis.
    """
    place = np.arange(len(table.terms), dtype=float)[::-1]
    with drawing(ax, 6.4, 1.0 + 0.32 * len(table.terms), grid="x") as axis:
        if table.ratio:
            axis.set_xscale("log")
            ticks = _ratio_ticks(table)
            axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
            axis.set_xticks([], minor=True)
        axis.axvline(1.0 if table.ratio else 0.0, color=MUTED, linewidth=0.9, zorder=1)
        axis.hlines(place, table.low, table.high, color=BLUE, linewidth=2.0, alpha=0.6, zorder=2)
        axis.scatter(table.estimate, place, s=34, color=BLUE, linewidth=0.0, zorder=3)
        axis.set_yticks(place, [printable(term, 40) for term in table.terms])
        axis.set_ylim(-0.7, len(place) - 0.3)
        axis.set_xlabel("ratio" if table.ratio else "coefficient")
    return axis


def coefficients(fit: Drawable, *, ratio: bool = False, ax: Axes | None = None) -> Axes:
    """Draw the coefficients of the mean with their intervals.

    Parameters
    ----------
    fit : Fit
        The fit.
    ratio : bool
        Show exponentials: rate ratios with a log link, odds ratios with a logit link.
    ax : matplotlib.axes.Axes, optional
        Axis to draw on; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axis.
    """
    return draw_coefficients(coefficients_table(fit, ratio=ratio), ax)


def _ratio_ticks(table: Coefficients) -> list[float]:
    """Round ratios that span the intervals, 1 among them."""
    low, high = float(np.min(table.low, initial=1.0)), float(np.max(table.high, initial=1.0))
    if high / low > 20.0:
        exponents = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
        return [10.0**k for k in exponents]
    if high / low < 2.0:
        steps = [0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0]
    elif high / low < 6.0:
        steps = [0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0]
    else:
        steps = [0.05, 0.1, 0.2, 0.33, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0]
    return [step for step in steps if 0.93 * low <= step <= 1.07 * high]


def _absent(value: object) -> bool:
    return value is None or value == "" or value != value
