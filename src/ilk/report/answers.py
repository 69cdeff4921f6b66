"""The two answers: what a variable does in a typical cluster, and what to the population."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ilk.formula.language import column_names
from ilk.plot.effects import Effect, effect_table
from ilk.report.asked import Reportable
from ilk.report.numbers import number
from ilk.report.unit import Unit

__all__ = ["answers", "variables"]


def variables(fit: Reportable, names: Sequence[str]) -> list[str]:
    """Columns of the fixed part of the mean, in the order of the formula.

    Parameters
    ----------
    fit : Fit
        The fit.
    names : sequence of str
        Columns of the data.

    Returns
    -------
    list of str
        Those of them that the mean depends on.
    """
    mean = fit.fitted.formula.predictor("mean")
    factors = () if mean is None else mean.fixed.factors
    found = [name for factor in factors for name in column_names(factor.expression)]
    return [name for name in dict.fromkeys(found) if name in names]


def answers(
    fit: Reportable, data: Any, variable: str, unit: Unit, at: Mapping[str, Any]
) -> list[dict[str, Any]] | None:
    """Answer the same question for a typical cluster and for the population.

    Parameters
    ----------
    fit : Fit
        The fit.
    data : data frame
        Its data.
    variable : str
        The variable that moves: between its two values, or over the middle half of a number.
    unit : Unit
        Unit of the means.
    at : mapping of str to object
        Values at which other columns are held.

    Returns
    -------
    list of dict or None
        An answer for each estimand; None if there is nothing to compare, because the variable has
        more than two levels or the model has no random effects in its mean.
    """
    terms = [term for term in fit.fitted.design.terms if term.predictor == "mean"]
    if not terms:
        return None
    table = effect_table(fit, data, variable, at=at)
    ends = _ends(table)
    if ends is None:
        return None
    group = " and ".join(dict.fromkeys(term.grouping.name for term in terms))
    change = f"when {variable} goes from {_value(ends[0][1])} to {_value(ends[1][1])}"
    questions = {
        "typical": f"In one {group}, in the middle of their distribution: what changes {change}?",
        "population": f"Over the whole population, any {group}: what changes {change}?",
    }
    return [
        {
            "estimand": estimand,
            "question": questions[estimand],
            **_numbers(table, row, [ends[0][0], ends[1][0]], unit),
        }
        for row, estimand in enumerate(table.estimands)
    ]


def _ends(table: Effect) -> tuple[tuple[int, Any], tuple[int, Any]] | None:
    """Positions and values between which a variable moves."""
    count = len(table.values)
    if table.continuous:
        low, high = count // 4, (3 * count) // 4
        return (low, table.values[low]), (high, table.values[high])
    if count != 2:
        return None
    return (0, table.values[0]), (1, table.values[1])


def _numbers(table: Effect, row: int, ends: list[int], unit: Unit) -> dict[str, Any]:
    mean = unit.per * table.mean[row, ends]
    low, high = unit.per * table.low[row, ends], unit.per * table.high[row, ends]
    spans = [f"{number(a)} to {number(b)}" for a, b in zip(low, high, strict=True)]
    difference = mean[1] - mean[0]
    detail = f"{unit.label}; 95% intervals {spans[0]} and {spans[1]}. "
    detail += f"Difference {number(difference)}"
    if np.all(mean > 0):
        detail += f", ratio {number(mean[1] / mean[0])}"
    return {
        "figure": f"{number(mean[0])} \N{RIGHTWARDS ARROW} {number(mean[1])}",
        "detail": detail + ".",
        "mean": [float(m) for m in mean],
        "difference": float(difference),
    }


def _value(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
