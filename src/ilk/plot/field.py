"""Map of a field: predicted effects at places, or their standard deviations.

Places with data are filled dots, those that are predicted without any are rings.  A field on a
line is drawn as a curve with its intervals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ilk.covariance.levels.space import Space
from ilk.covariance.structured import Structured
from ilk.errors import FitError, ModelError
from ilk.plot.asked import Drawable, column, columns_of, rows_of_effect
from ilk.plot.shades import add_scale, shades
from ilk.plot.style import BLUE, MUTED, drawing, hollow_or_filled, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ilk.design.random import RandomTerm
    from ilk.fitted import Fitted
    from ilk.typing import BoolArray, FloatArray

__all__ = ["Field", "draw_field", "field", "field_table"]

_EARTH_AXES = ("longitude", "latitude")


@dataclass(frozen=True, slots=True)
class Field:
    """Effects at places.

    Attributes
    ----------
    group, term : str
        Grouping factor and random effect.
    axes : tuple of d str
        Names of the coordinates.
    points : ndarray (L, d)
        Coordinates, d 1 or 2.
    estimate, std_error, low, high : ndarray (L,)
        Effects, their conditional standard deviations, bounds of their intervals.
    observed : ndarray (L,) of bool
        Which places have data.
    """

    group: str
    term: str
    axes: tuple[str, ...]
    points: FloatArray
    estimate: FloatArray
    std_error: FloatArray
    low: FloatArray
    high: FloatArray
    observed: BoolArray


def field_table(
    fit: Drawable,
    group: str,
    term: str | None = None,
    *,
    places: Mapping[Any, tuple[float, float]] | None = None,
    level: Any = None,
) -> Field:
    """Collect effects and the places where they are.

    Parameters
    ----------
    fit : Fit
        The fit.
    group : str
        Grouping factor whose levels are places or, for exp(x + y | g) and its like, whose levels
        have a field each.
    term : str, optional
        Random effect at a place; the first by default.
    places : mapping of level to (x, y), optional
        Coordinates of levels that the fit has none of, such as the centers of areas.
    level : label, optional
        Level whose field is drawn where each has one; the first by default.

    Returns
    -------
    Field
        The table.

    Raises
    ------
    FitError
        The levels have no places.
    """
    fitted: Fitted = fit.fitted
    chosen = [t for t in fitted.design.terms if t.grouping.name == group]
    if not chosen:
        raise FitError(f"the fit has no random effects of {group!r}.", code="no-random-effects")
    columns = columns_of(fit.random_effects(group))
    within = next((t for t in chosen if t.positions is not None), None)
    if within is not None and places is None:
        return _of_level(within, columns, level)
    wanted, rows = rows_of_effect(columns, group, term)
    labels = [str(columns["level"][i]) for i in rows]
    if places is None:
        axes, points = _of_space(fitted, group)
    else:
        known = {str(label): place for label, place in places.items()}
        kept = _placed(labels, columns["n"][rows], known)
        rows, axes = rows[kept], ("x", "y")
        points = np.array([known[labels[i]] for i in kept], dtype=np.float64)
    return _table(group, wanted, axes, points, columns, rows)


def _table(
    group: str,
    term: str,
    axes: tuple[str, ...],
    points: FloatArray,
    columns: Mapping[str, Any],
    rows: Any,
) -> Field:
    if points.shape[1] > 2:
        raise FitError(
            f"the places of {group!r} have {points.shape[1]} coordinates; a map has two.",
            code="no-map",
        )
    values = {n: column(dict(columns), n)[rows] for n in ("estimate", "std_error", "n")}
    return Field(
        group=group,
        term=term,
        axes=axes,
        points=points,
        estimate=values["estimate"],
        std_error=values["std_error"],
        low=column(dict(columns), "conf_low")[rows],
        high=column(dict(columns), "conf_high")[rows],
        observed=values["n"] > 0.0,
    )


def _of_level(term: RandomTerm, columns: Mapping[str, Any], level: Any) -> Field:
    """Effects of one level at its positions."""
    assert term.positions is not None
    labels = list(term.grouping.levels)
    chosen = labels[0] if level is None else level
    if chosen not in labels:
        raise FitError(f"{term.grouping.name!r} has no level {chosen!r}.", code="unknown-level")
    place = {name: k for k, name in enumerate(term.column_names)}
    found = zip(columns["level"], columns["term"], strict=True)
    rows = [i for i, (a, b) in enumerate(found) if str(a) == str(chosen) and str(b) in place]
    order = [place[str(columns["term"][i])] for i in rows]
    points = term.positions.points[order]
    here = term.grouping.codes == labels.index(chosen)
    used = np.zeros(len(place), dtype=bool)
    if term.columns is not None:
        used = np.any(term.columns[here] != 0.0, axis=0)
    counted = {**columns, "n": np.asarray(columns["n"], dtype=float).copy()}
    counted["n"][rows] = used[order]
    name = f"{term.label}, {chosen}"
    return _table(term.grouping.name, name, term.positions.columns, points, counted, rows)


def _placed(labels: list[str], counts: Any, places: Mapping[str, tuple[float, float]]) -> list[int]:
    """Levels that have a place; those with data have to have one."""
    missing = [a for a, n in zip(labels, counts, strict=True) if n > 0 and a not in places]
    if missing:
        raise ModelError(
            f"places= lacks {len(missing)} of the levels with data, such as {missing[0]!r}.",
            code="places",
        )
    return [i for i, label in enumerate(labels) if label in places]


def _of_space(fitted: Fitted, group: str) -> tuple[tuple[str, ...], FloatArray]:
    for term, covariance in zip(fitted.design.terms, fitted.model.covariances, strict=True):
        known = isinstance(covariance, Structured) and isinstance(covariance.levels, Space)
        if term.grouping.name == group and known:
            assert isinstance(covariance, Structured)
            assert isinstance(covariance.levels, Space)
            points = covariance.levels.points
            if points.shape[1] == 3 and np.ptp(np.linalg.norm(points, axis=1)) < 1e-6:
                return _EARTH_AXES, _degrees(points)
            named = term.grouping.places or ("x", "y", "z")
            axes = named if len(named) == points.shape[1] else ("",) * points.shape[1]
            return tuple(axes), points
    raise FitError(
        f"the levels of {group!r} have no places; pass places={{level: (x, y)}}, such as the "
        "centers of areas.",
        code="no-places",
    )


def _degrees(points: FloatArray) -> FloatArray:
    """Longitude and latitude (L, 2) of points on a globe."""
    x, y, z = points.T
    longitude = np.arctan2(y, x)
    latitude = np.arcsin(z / np.linalg.norm(points, axis=1))
    return np.asarray(np.degrees(np.stack([longitude, latitude], axis=1)))


def draw_field(
    table: Field, ax: Axes | None = None, *, what: Literal["effect", "sd"] = "effect"
) -> Axes:
    """Draw a field.

    Parameters
    ----------
    table : Field
        The table.
    ax : matplotlib.axes.Axes, optional
        Axis to draw on; a new figure by default.
    what : {"effect", "sd"}
        Predicted effects, or their conditional standard deviations.

    Returns
    -------
    matplotlib.axes.Axes
        The axis.
    """
    if what not in ("effect", "sd"):
        raise ModelError(f"what={what!r}: choose 'effect' or 'sd'.", code="choice")
    if table.points.shape[1] == 1:
        return _draw_line(table, ax, what)
    values = table.estimate if what == "effect" else table.std_error
    mapped = shades(values, around_zero=what == "effect")
    with drawing(ax, 6.0, 4.8) as axis:
        x, y = table.points.T
        size = float(np.clip(9000.0 / len(x), 4.0, 60.0))
        seen, color = np.asarray(table.observed), mapped.to_rgba(values)
        axis.scatter(x[seen], y[seen], s=size, color=color[seen], linewidth=0.0, zorder=3)
        axis.scatter(
            x[~seen], y[~seen], s=size, zorder=2,
            facecolor="none", edgecolor=color[~seen], linewidth=1.4,
        )  # fmt: skip
        axis.grid(visible=False)
        axis.set_xlabel(printable(table.axes[0]))
        axis.set_ylabel(printable(table.axes[1]))
        if tuple(table.axes) == _EARTH_AXES:
            middle = float(np.radians(np.mean(y)))
            axis.set_aspect(1.0 / max(float(np.cos(middle)), 0.1))
        else:
            axis.set_aspect("equal", adjustable="datalim")
        words = "effect" if what == "effect" else "standard deviation of the effect"
        add_scale(axis, mapped, f"{words}: {table.term} of {table.group}")
    return axis


def _draw_line(table: Field, ax: Axes | None, what: str) -> Axes:
    order = np.argsort(table.points[:, 0])
    x = table.points[order, 0]
    with drawing(ax, 6.4, 3.6) as axis:
        if what == "sd":
            axis.plot(x, table.std_error[order], color=BLUE)
            axis.set_ylim(bottom=0.0)
            axis.set_ylabel("standard deviation of the effect")
        else:
            axis.axhline(0.0, color=MUTED, linewidth=0.9, zorder=1)
            low, high = table.low[order], table.high[order]
            axis.fill_between(x, low, high, color=BLUE, alpha=0.18, linewidth=0.0, zorder=2)
            axis.plot(x, table.estimate[order], color=BLUE, zorder=3)
            seen = np.asarray(table.observed)[order]
            hollow_or_filled(axis, x, table.estimate[order], seen, 14.0)
            axis.set_ylabel(f"effect: {printable(table.term, 48)}")
        axis.set_xlabel(printable(table.axes[0]))
    return axis


def field(
    fit: Drawable,
    group: str,
    term: str | None = None,
    *,
    what: Literal["effect", "sd"] = "effect",
    places: Mapping[Any, tuple[float, float]] | None = None,
    level: Any = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the predicted effects at places, or their standard deviations.

    Parameters
    ----------
    fit : Fit
        The fit.
    group : str
        Grouping factor whose levels are places, or have a field each.
    term : str, optional
        Random effect at a place; the first by default.
    what : {"effect", "sd"}
        Predicted effects, or their conditional standard deviations.
    places : mapping of level to (x, y), optional
        Coordinates of levels that the fit has none of, such as the centers of areas.
    level : label, optional
        Level whose field is drawn where each has one; the first by default.
    ax : matplotlib.axes.Axes, optional
        Axis to draw on; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axis.
    """
    return draw_field(field_table(fit, group, term, places=places, level=level), ax, what=what)
