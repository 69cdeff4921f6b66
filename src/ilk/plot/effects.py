"""Effect plot: one variable moves, and the two answers are drawn side by side.

*Typical* is the mean in a cluster in the middle of the distribution, random effects at zero.
*Population* is the mean over all clusters. With a link that is not the identity they differ, and
so do the effects that one reads from them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.errors import DataError, did_you_mean
from ilk.plot.asked import Drawable, coded_columns, column, columns_of, with_whole_trials
from ilk.plot.style import ESTIMAND_STYLE, drawing, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ilk.typing import FloatArray

__all__ = [
    "Effect",
    "distinct",
    "draw_effect",
    "effect",
    "effect_table",
    "is_number",
    "merge_alike",
    "reference_row",
]

BOTH = ("typical", "population")


@dataclass(frozen=True, slots=True)
class Effect:
    """Predicted means along one variable, by estimand.

    Attributes
    ----------
    variable : str
        The variable that moves.
    values : tuple
        Its values, numbers or levels.
    estimands : tuple of str
        Names of the rows below.
    mean, low, high : ndarray (e, k)
        Predicted means and bounds of their intervals.
    held : mapping of str to object
        The values at which all other columns are held.
    continuous : bool
        Whether the values are points along a number, to be joined by a line.
    """

    variable: str
    values: tuple[Any, ...]
    estimands: tuple[str, ...]
    mean: FloatArray
    low: FloatArray
    high: FloatArray
    held: Mapping[str, Any]

    continuous: bool


def reference_row(data: Any, labels: Collection[str] = ()) -> dict[str, Any]:
    """Values at which columns are held: the mean of a number, the most frequent value of all else.

    Parameters
    ----------
    data : data frame
        Data of the fit.
    labels : collection of str
        Columns whose numbers are names of levels.

    Returns
    -------
    dict of str to object
        One value per column. A number with two values or less counts as a label.
    """
    row: dict[str, Any] = {}
    for name, values in columns_of(data).items():
        unique = distinct(values)
        if not unique:
            continue
        if is_number(values) and len(unique) > 2 and name not in labels:
            row[name] = float(np.nanmean(np.asarray(values, dtype=np.float64)))
        else:
            counts = Counter(np.asarray(values).tolist())
            row[name] = max(unique, key=counts.__getitem__)
    return row


def effect_table(
    fit: Drawable,
    data: Any,
    variable: str,
    *,
    at: Mapping[str, Any] | None = None,
    points: int = 50,
    estimands: Sequence[str] = BOTH,
    level: float = 0.95,
) -> Effect:
    """Predict along one variable, all others held.

    Parameters
    ----------
    fit : Fit
        The fit.
    data : data frame
        Data of the fit, which give the range of the variable and the values of all others.
    variable : str
        The variable that moves.
    at : mapping of str to object, optional
        Other values at which to hold columns. An exposure is best held at its unit.
    points : int
        Number of points along a number.
    estimands : sequence of str
        Which means to predict.
    level : float
        Coverage of the intervals.

    Returns
    -------
    Effect
        The table.
    """
    columns = columns_of(data)
    for name in (variable, *(at or {})):
        if name not in columns:
            raise DataError(
                f"column {name!r} is not in the data." + did_you_mean(name, columns),
                code="unknown-column",
            )
    labels = coded_columns(fit.formula)
    held = with_whole_trials(fit, reference_row(data, labels))
    held.update(at or {})
    del held[variable]
    values = distinct(columns[variable]) if variable in labels else _grid(columns[variable], points)
    frame: dict[str, Any] = {name: _repeat(value, len(values)) for name, value in held.items()}
    frame[variable] = np.array(values, dtype=None if is_number(columns[variable]) else object)
    rows = []
    for estimand in estimands:
        new = "error" if estimand == "conditional" else estimand
        answer = columns_of(
            fit.predict(
                frame, estimand=estimand, interval="confidence", level=level, new_levels=new
            )
        )
        rows.append([column(answer, name) for name in ("estimate", "conf_low", "conf_high")])
    stacked = np.array(rows)
    return Effect(
        variable=variable,
        values=tuple(values),
        estimands=tuple(estimands),
        mean=stacked[:, 0],
        low=stacked[:, 1],
        high=stacked[:, 2],
        held=held,
        continuous=variable not in labels and len(values) > 6 and is_number(columns[variable]),
    )


def draw_effect(
    table: Effect, ax: Axes | None = None, *, ylabel: str = "mean", per: float = 1.0
) -> Axes:
    """Draw predicted means along one variable, each estimand in its color.

    Parameters
    ----------
    table : Effect
        The table.
    ax : matplotlib.axes.Axes, optional
        Axis to draw on; a new figure by default.
    ylabel : str
        What the means are, with unit.
    per : float
        Unit in which they are shown, e.g. 1000 for rates per 1000 days.

    Returns
    -------
    matplotlib.axes.Axes
        The axis.
    """
    with drawing(ax, 5.6, 3.8) as axis:
        draw = _draw_lines if table.continuous else _draw_points
        draw(table, axis, per)
        axis.set_xlabel(printable(table.variable, 60))
        axis.set_ylabel(printable(ylabel, 60))
        axis.legend(loc="best", handlelength=2.4)
    return axis


def effect(
    fit: Drawable,
    data: Any,
    variable: str,
    *,
    at: Mapping[str, Any] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the typical and the population mean along one variable.

    Parameters
    ----------
    fit : Fit
        The fit.
    data : data frame
        Data of the fit.
    variable : str
        The variable that moves.
    at : mapping of str to object, optional
        Values at which to hold other columns.
    ax : matplotlib.axes.Axes, optional
        Axis to draw on; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axis.
    """
    return draw_effect(merge_alike(effect_table(fit, data, variable, at=at)), ax)


def merge_alike(table: Effect) -> Effect:
    """Merge the typical and the population mean where they are the same.

    Parameters
    ----------
    table : Effect
        Table with both estimands.

    Returns
    -------
    Effect
        The table, with one row if both agree: with the identity link they always do.
    """
    if table.estimands != BOTH or not np.allclose(table.mean[0], table.mean[1], rtol=1e-9):
        return table
    return replace(
        table,
        estimands=("typical = population",),
        mean=table.mean[1:],
        low=table.low[1:],
        high=table.high[1:],
    )


def _draw_lines(table: Effect, ax: Axes, per: float) -> None:
    x = np.asarray(table.values, dtype=np.float64)
    for row, estimand in enumerate(table.estimands):
        style = ESTIMAND_STYLE[estimand]
        ax.fill_between(
            x, per * table.low[row], per * table.high[row], color=style["color"], alpha=0.14,
            linewidth=0.0,
        )  # fmt: skip
        ax.plot(
            x, per * table.mean[row], color=style["color"], linestyle=style["linestyle"],
            label=estimand,
        )  # fmt: skip


def _draw_points(table: Effect, ax: Axes, per: float) -> None:
    scaled = len(table.values) > 2 and all(isinstance(v, (int, float)) for v in table.values)
    place = np.array(table.values if scaled else range(len(table.values)), dtype=float)
    unit = float(np.min(np.diff(place))) if scaled else 1.0
    count = len(table.estimands)
    spread = 0.09 * unit * np.linspace(-1.0, 1.0, count) if count > 1 else np.zeros(1)
    for row, (estimand, shift) in enumerate(zip(table.estimands, spread, strict=True)):
        style = ESTIMAND_STYLE[estimand]
        x, mean = place + shift, per * table.mean[row]
        ax.plot(
            x, mean, color=style["color"], linestyle=style["linestyle"], linewidth=1.0, alpha=0.5
        )
        ax.vlines(
            x, per * table.low[row], per * table.high[row], color=style["color"], linewidth=2.4,
            alpha=0.45,
        )  # fmt: skip
        ax.scatter(
            x, mean, color=style["color"], marker=style["marker"], s=36, zorder=3, label=estimand
        )
        if len(place) <= 3:
            _write_means(ax, x, mean, "left" if shift > 0 else "right", style["color"])
    ax.set_xticks(place, [printable(_plain(value), 18) for value in table.values])
    ax.tick_params(axis="x", labelrotation=0 if len(place) <= 6 else 60)
    ax.set_xlim(place[0] - 0.5 * unit, place[-1] + 0.5 * unit)


def _write_means(ax: Axes, x: FloatArray, mean: FloatArray, side: str, color: str) -> None:
    for place, value in zip(x, mean, strict=True):
        ax.annotate(
            _three_digits(value),
            (place, value),
            xytext=(8 if side == "left" else -8, 0),
            textcoords="offset points",
            ha=side,
            va="center",
            fontsize=9,
            color=color,
        )


def _three_digits(value: float) -> str:
    size = abs(value)
    places = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 3
    return f"{value:.{places}f}"


def _grid(values: Any, points: int) -> list[Any]:
    unique = distinct(values)
    if not is_number(values) or len(unique) <= 6:
        return unique
    numbers = np.asarray(values, dtype=np.float64)
    return [float(x) for x in np.linspace(np.nanmin(numbers), np.nanmax(numbers), points)]


def distinct(values: Any) -> list[Any]:
    """List the different values of a column in order, without missing ones.

    Parameters
    ----------
    values : ndarray (n,)
        The column.

    Returns
    -------
    list
        Python values.
    """
    present = [
        value for value in np.asarray(values).tolist() if value is not None and value == value
    ]
    return sorted(set(present), key=lambda value: (str(type(value)), value))


def is_number(values: Any) -> bool:
    """Say whether a column holds numbers.

    Parameters
    ----------
    values : ndarray (n,)
        The column.

    Returns
    -------
    bool
        False for truth values, text and labels.
    """
    return np.asarray(values).dtype.kind in "iuf"


def _repeat(value: Any, count: int) -> Any:
    return np.full(count, value, dtype=object if isinstance(value, str) else None)


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
