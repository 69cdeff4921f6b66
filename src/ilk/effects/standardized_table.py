"""From averages to a table: means, measures that compare them, slopes, and their limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ilk.effects.average import variance
from ilk.effects.degrees import spread_of
from ilk.effects.measures import MEASURES, Values, straddles
from ilk.effects.request import SLOPE
from ilk.inference.bootstrap.intervals import draw_moments, percentile_limits
from ilk.inference.wald import coefficient_covariance, quantiles
from ilk.prediction.intervals import confidence_limits

if TYPE_CHECKING:
    from ilk.effects.request import Request
    from ilk.effects.standardized_means import Standardized
    from ilk.fitted import Fitted
    from ilk.frame import Label
    from ilk.inference.bootstrap.draws import Draws
    from ilk.typing import FloatArray, IntArray

__all__ = ["MEAN", "Numbers", "Row", "delta_numbers", "percentile_numbers", "table_rows"]

MEAN = "mean"
"""Name of rows that compare nothing."""

_CHUNK = 256
"""Rows of the table whose variances are made together."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers of the rows of a table.

    Parameters
    ----------
    estimate, std_error, conf_low, conf_high : (k,) arrays
        Estimates, standard errors and limits.
    notes : tuple of str
        What no number can say.
    """

    estimate: FloatArray
    std_error: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table: which averages it is made of.

    Parameters
    ----------
    measure : str
        Name.
    group : int
        Subgroup.
    label, reference : Label or None
        Setting, and the one it is compared with.
    place, other : int
        Positions of their averages; -1 for none.
    """

    measure: str
    group: int
    label: Label | None
    reference: Label | None
    place: int
    other: int = -1


def table_rows(request: Request) -> list[Row]:
    """Rows of the table in their order: means, measures, slopes, each by subgroup.

    Parameters
    ----------
    request : Request
        What was asked.

    Returns
    -------
    list of Row
    """
    count, rows = request.target.count, []
    for g in range(count):
        for i, setting in enumerate(request.settings):
            rows.append(Row(MEAN, g, setting.label, None, i * count + g))
    base = request.reference
    for measure in request.measures:
        for g in range(count):
            for i, setting in enumerate(request.settings):
                if i != base:
                    label = request.settings[base].label
                    place, other = i * count + g, base * count + g
                    rows.append(Row(measure, g, setting.label, label, place, other))
    for g in range(count):
        for i, setting in enumerate(request.slopes):
            place = (len(request.settings) + i) * count + g
            rows.append(Row(SLOPE, g, setting.label, None, place))
    return rows


def _evaluate(rows: Sequence[Row], means: FloatArray) -> Values:
    """Values of the rows on the scale of their limits, and derivatives in their two averages."""
    place, other = _places(rows)
    value, first, second = means[place], np.ones(len(rows)), np.zeros(len(rows))
    names = np.array([row.measure for row in rows])
    for name, measure in MEASURES.items():
        here = names == name
        if here.any():
            found = measure.function(means[place[here]], means[other[here]])
            value[here], first[here], second[here] = found
    first, second = (np.where(np.isfinite(slope), slope, 0.0) for slope in (first, second))
    return value, first, second


def _places(rows: Sequence[Row]) -> tuple[IntArray, IntArray]:
    """Positions of the averages of each row; those that compare nothing have the same twice."""
    place = np.array([row.place for row in rows], dtype=np.intp)
    other = np.array([row.other for row in rows], dtype=np.intp)
    return place, np.where(other < 0, place, other)


def _variances(
    request: Request, found: Standardized, rows: Sequence[Row], evaluated: Values
) -> tuple[FloatArray, FloatArray]:
    """Variances and degrees of freedom (k,) of the values of rows, some rows at a time."""
    value, first, second = evaluated
    place, other = _places(rows)
    spread, df = np.empty(len(rows)), np.full(len(rows), np.inf)
    own = found.sampling is None and _has_degrees(request.fitted)
    judged = spread_of(request.fitted, found.averages) if own else None
    for start in range(0, len(rows), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        used, where = np.unique((place[chunk], other[chunk]), return_inverse=True)
        where = where.reshape(2, -1)
        slopes, k = np.zeros((where.shape[1], len(used))), np.arange(where.shape[1])
        np.add.at(slopes, (k, where[0]), first[chunk])
        np.add.at(slopes, (k, where[1]), second[chunk])
        averages = found.averages.take(used).combined(slopes, value[chunk])
        spread[chunk] = variance(request.fitted, averages)
        if found.sampling is not None:
            inner = found.sampling[np.ix_(used, used)]
            spread[chunk] += np.einsum("ki,ij,kj->k", slopes, inner, slopes, optimize=True)
        if judged is not None:
            df[chunk] = judged.df(averages)
    return spread, df


def _has_degrees(fitted: Fitted) -> bool:
    """Whether averages may have degrees of freedom, as marginal models taken for fits have not."""
    return fitted.model.linear and bool(np.isfinite(fitted.loglik))


def delta_numbers(request: Request, found: Standardized, rows: Sequence[Row]) -> Numbers:
    """Standard errors and limits by the delta method.

    Parameters
    ----------
    request : Request
        What was asked.
    found : Standardized
        The averages.
    rows : sequence of Row
        Rows of the table.

    Returns
    -------
    Numbers
    """
    evaluated = _evaluate(rows, found.averages.value)
    value = evaluated[0]
    spread, df = _variances(request, found, rows, evaluated)
    error, z = np.sqrt(spread), quantiles(request.level, df)
    low, high = value - z * error, value + z * error
    means = np.array([row.measure == MEAN for row in rows])
    low[means], high[means] = confidence_limits(
        request.fitted.family.link, value[means], error[means], z[means]
    )
    made = _on_own_scale(request, rows, value, error, low, high)
    if np.isinf(df).all():
        return made
    words = coefficient_covariance(request.fitted).df_kind
    note = f"Intervals are from t distributions; degrees of freedom: {words}."
    return replace(made, notes=(*made.notes, note))


def percentile_numbers(
    request: Request, found: Standardized, rows: Sequence[Row], draws: Draws
) -> Numbers:
    """Standard errors and percentile limits from bootstrap draws of the averages."""
    value = _evaluate(rows, found.averages.value)[0]
    drawn = np.array([_evaluate(rows, means)[0] for means in draws.values])
    error = draw_moments(drawn)[1]
    low, high = percentile_limits(drawn, request.level)
    return _on_own_scale(request, rows, value, error, low, high)


def _on_own_scale(
    request: Request,
    rows: Sequence[Row],
    value: FloatArray,
    error: FloatArray,
    low: FloatArray,
    high: FloatArray,
) -> Numbers:
    """Take values and limits from the scale on which they were made to that of the measure."""
    estimate, error, low, high = (np.array(x) for x in (value, error, low, high))
    notes: list[str] = []
    for name, measure in MEASURES.items():
        here = np.flatnonzero([row.measure == name for row in rows])
        if len(here) == 0:
            continue
        estimate[here] = measure.inverse(value[here])
        error[here] *= np.abs(measure.slope(estimate[here]))
        ends = measure.inverse(low[here]), measure.inverse(high[here])
        across = straddles(measure, low[here], high[here])
        low[here] = np.where(across, np.nan, np.minimum(*ends))
        high[here] = np.where(across, np.nan, np.maximum(*ends))
        error[here[across]] = np.nan
        for k, bottom, top in zip(here[across], *(end[across] for end in ends), strict=True):
            row = rows[k]
            groups = "".join(
                f", {name} = {labels[row.group]}"
                for name, labels in request.target.subgroups.items()
            )
            notes.append(
                f"nnt of {row.label} against {row.reference}{groups}: the interval of the "
                f"difference contains 0, so that of its reciprocal is two ranges, {top:.4g} and "
                f"more (one event more) and {bottom:.4g} and less (one event fewer)."
            )
    return Numbers(estimate, error, low, high, tuple(notes))
