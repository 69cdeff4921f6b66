"""The correlation function: how alike effects are by the time, distance or path between them.

The band is that of the parameters: quantiles, at each distance, of the functions of draws from
their normal approximation, on the scales of their intervals.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.covariance.autoregressive import Autoregressive
from ilk.covariance.levels.reported import correlation_over_levels, distances_of
from ilk.covariance.levels.tree import Tree
from ilk.covariance.structured import Structured, within_levels
from ilk.covariance.toeplitz import Toeplitz
from ilk.errors import FitError, ModelError
from ilk.plot.asked import Drawable
from ilk.plot.style import BLUE, MUTED, drawing, printable
from ilk.variance.components import CORRELATION, variance_components

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ilk.covariance.base import AbstractCovariance
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["Correlation", "correlation", "correlation_table", "draw_correlation"]

_DRAWS = 1000
_POINTS = 120
_FEW = 50
"""Steps up to which a series of whole steps is drawn step by step."""


@dataclass(frozen=True, slots=True)
class Correlation:
    """A correlation function.

    Attributes
    ----------
    group : str
        Grouping factor.
    label : str
        The random term.
    unit : str
        What is on the axis of distances.
    distance : ndarray (m,)
        Distances, ascending from 0.
    estimate, low, high : ndarray (m,)
        Correlation there, and its band; nan without a band.
    steps : bool
        Whether distances are whole steps.
    longest : float
        Largest distance in the data.
    """

    group: str
    label: str
    unit: str
    distance: FloatArray
    estimate: FloatArray
    low: FloatArray
    high: FloatArray
    steps: bool
    longest: float


@dataclass(frozen=True, slots=True)
class _Function:
    """A correlation function of a term, of its covariance parameters from ``first`` on."""

    index: int
    at: Callable[[FloatArray, FloatArray], FloatArray]
    unit: str
    longest: float
    steps: bool
    first: int


def correlation_table(
    fit: Drawable, group: str, term: str | None = None, *, level: float = 0.95, seed: int = 0
) -> Correlation:
    """Compute the correlation function of a series, a field, or a tree with a range.

    Parameters
    ----------
    fit : Fit
        The fit.
    group : str
        Grouping factor.
    term : str, optional
        The random term, such as ``"ar1(week | g)"``; the first with a correlation function by
        default.
    level : float
        Coverage of the band at each distance.
    seed : int
        Seed of its draws.

    Returns
    -------
    Correlation
        The table.

    Raises
    ------
    FitError
        No term of the factor has a correlation function.
    """
    if not 0.0 < level < 1.0:
        raise ModelError(f"level={level}: coverage is between 0 and 1.", code="level")
    fitted: Fitted = fit.fitted
    found = _function_of(fitted, group, term)
    here = fitted.model.theta_slices[found.index]
    theta = fitted.point.theta[here]
    if found.steps:
        distance = np.arange(min(int(found.longest), _FEW) + 1.0)
    else:
        distance = np.linspace(0.0, found.longest, _POINTS)
    low, high = _band(fitted, found, theta, here, distance, level, seed)
    return Correlation(
        group=group,
        label=fitted.design.terms[found.index].label,
        unit=found.unit,
        distance=distance,
        estimate=found.at(theta, distance),
        low=low,
        high=high,
        steps=found.steps,
        longest=found.longest,
    )


def _band(
    fitted: Fitted,
    found: _Function,
    theta: FloatArray,
    here: slice,
    distance: FloatArray,
    level: float,
    seed: int,
) -> tuple[FloatArray, FloatArray]:
    """Ends (m,), (m,) of the band; nan where there is none."""
    first = len(fitted.coef)
    spread = fitted.psi_covariance()[first:, first:][here, here]
    nothing = np.full(len(distance), np.nan)
    inner = within_levels(fitted.model.covariances[found.index])
    if not np.all(np.isfinite(spread)):
        return nothing, nothing
    if isinstance(inner, Toeplitz):  # each lag has its own interval
        parts = [
            part
            for part in variance_components(fitted, level)
            if part.place[:1] == (found.index,) and part.kind == CORRELATION
        ]
        low, high = nothing.copy(), nothing.copy()
        low[0] = high[0] = 1.0
        for part in parts:
            lag = int(part.term.rpartition(" ")[2])
            if lag < len(distance):
                low[lag], high[lag] = part.conf_low, part.conf_high
        return low, high
    own = spread[found.first :, found.first :]  # standard deviations have no part in it
    values, vectors = np.linalg.eigh(0.5 * (own + own.T))
    normal = np.random.default_rng(seed).normal(size=(_DRAWS, len(own)))
    moves = np.zeros((_DRAWS, len(theta)))
    moves[:, found.first :] = (normal * np.sqrt(np.clip(values, 0.0, 25.0))) @ vectors.T
    draws = theta + moves
    if isinstance(inner, Autoregressive):  # Fisher's z, d atanh(sin a) = da / cos a
        cosine = max(math.cos(theta[1]), 1e-6)
        z = np.arctanh(np.clip(math.sin(theta[1]), -1.0 + 1e-12, 1.0 - 1e-12))
        draws[:, 1] = np.arcsin(np.tanh(z + moves[:, 1] / cosine))
    curves = np.array([found.at(draw, distance) for draw in draws])
    ends = np.quantile(curves, [0.5 - 0.5 * level, 0.5 + 0.5 * level], axis=0)
    return ends[0], ends[1]


def _function_of(fitted: Fitted, group: str, label: str | None) -> _Function:
    terms, covariances = fitted.design.terms, fitted.model.covariances
    groups = list(dict.fromkeys(term.grouping.name for term in terms))
    if group not in groups:
        raise FitError(
            f"the fit has no random effects of {group!r}; it has those of {', '.join(groups)}.",
            code="no-random-effects",
        )
    for index, (term, covariance) in enumerate(zip(terms, covariances, strict=True)):
        if term.grouping.name != group or label not in (None, term.label):
            continue
        inner = within_levels(covariance)
        if hasattr(inner, "correlation_at") and len(term.column_names) > 1:
            assert term.positions is not None
            return _of_series(index, inner, term.positions.points, term.positions.columns)
        if isinstance(covariance, Structured):
            over = _over_levels(index, covariance, len(term.column_names))
            if over is not None:
                return over
    raise FitError(
        f"no term of {group!r} has correlations that fall with a distance; series (ar1, ou, toep), "
        "fields (exp, gau, matern, spatial) and trees with model='ou' have.",
        code="no-correlation-function",
    )


def _of_series(
    index: int, inner: AbstractCovariance, points: FloatArray, columns: tuple[str, ...]
) -> _Function:
    steps = inner.name in ("ar1", "toep")
    times = getattr(inner, "times", ())
    if steps:
        longest = float(times[-1] - times[0]) if times else float(len(points) - 1)
    else:
        extent = np.ptp(points, axis=0)
        longest = float(np.sqrt(extent @ extent))
    what = f"{'steps of' if steps else 'distance in'} {', '.join(map(printable, columns))}"
    at: Callable[[FloatArray, FloatArray], FloatArray] = inner.correlation_at  # type: ignore[attr-defined]
    if isinstance(inner, Toeplitz) and not times:
        at = Toeplitz(tuple(range(len(points)))).correlation_at
    return _Function(index, at, what, longest, steps, 1)


def _over_levels(index: int, covariance: Structured, q: int) -> _Function | None:
    levels, size = covariance.levels, covariance.within.size(q)
    if correlation_over_levels(levels, levels.start(), np.zeros(1)) is None:
        return None

    def at(theta: FloatArray, distance: FloatArray) -> FloatArray:
        found = correlation_over_levels(levels, theta[size:], distance)
        assert found is not None
        return found

    what = "path length along the tree" if isinstance(levels, Tree) else "distance"
    longest = distances_of(levels)[1]
    return _Function(index, at, what, longest if math.isfinite(longest) else 1.0, False, size)


def draw_correlation(table: Correlation, ax: Axes | None = None) -> Axes:
    """Draw a correlation function with its band.

    Parameters
    ----------
    table : Correlation
        The table.
    ax : matplotlib.axes.Axes, optional
        Axis to draw on; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axis.
    """
    with drawing(ax, 5.8, 3.6) as axis:
        axis.axhline(0.0, color=MUTED, linewidth=0.9, zorder=1)
        known = np.isfinite(table.estimate)
        x, y = table.distance[known], table.estimate[known]
        low, high = table.low[known], table.high[known]
        if table.steps:
            axis.vlines(x, low, high, color=BLUE, linewidth=1.3, alpha=0.55, zorder=2)
            axis.plot(x, y, color=BLUE, linewidth=0.8, alpha=0.5, zorder=3)
            axis.scatter(x, y, s=20.0, color=BLUE, linewidth=0.0, zorder=4)
        else:
            axis.fill_between(x, low, high, color=BLUE, alpha=0.18, linewidth=0.0, zorder=2)
            axis.plot(x, y, color=BLUE, zorder=4)
        axis.set_xlim(left=-0.015 * float(table.distance[-1]))
        bottom = min(0.0, float(np.nanmin([*low.tolist(), *y.tolist()])))
        axis.set_ylim(bottom - 0.04 * (1.0 - bottom), 1.04)
        axis.set_xlabel(printable(table.unit, 60))
        axis.set_ylabel(f"correlation of effects of {printable(table.group)}")
    return axis


def correlation(
    fit: Drawable,
    group: str,
    term: str | None = None,
    *,
    level: float = 0.95,
    seed: int = 0,
    ax: Axes | None = None,
) -> Axes:
    """Draw how alike effects are by the time, distance or path between them.

    Parameters
    ----------
    fit : Fit
        The fit.
    group : str
        Grouping factor.
    term : str, optional
        The random term, such as ``"ar1(week | g)"``; the first with a correlation function by
        default.
    level : float
        Coverage of the band at each distance.
    seed : int
        Seed of its draws.
    ax : matplotlib.axes.Axes, optional
        Axis to draw on; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axis.
    """
    return draw_correlation(correlation_table(fit, group, term, level=level, seed=seed), ax)
