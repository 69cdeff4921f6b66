"""The two answers: what a variable does in a typical cluster, and what to the population."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ilk.effects import Comparison, compare_means
from ilk.formula.language import column_names
from ilk.plot.asked import coded_columns, columns_of, with_whole_trials
from ilk.plot.effects import distinct, is_number, reference_row
from ilk.prediction.new_data import new_cases
from ilk.report.asked import Reportable
from ilk.report.numbers import number, rounded
from ilk.report.unit import Unit

__all__ = ["answers", "population_exists", "variables"]


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
    groups = {term.grouping.name for term in fit.fitted.design.terms}  # of between(x, group)
    return [name for name in dict.fromkeys(found) if name in names and name not in groups]


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
    terms = [term for term in fit.fitted.design.random_parts if term.predictor == "mean"]
    coded = coded_columns(fit.formula)
    ends = _ends(columns_of(data)[variable], variable in coded)
    if not terms or ends is None or not population_exists(fit):
        return None
    frame = {
        name: np.full(2, value, dtype=object if isinstance(value, str) else None)
        for name, value in {**with_whole_trials(fit, reference_row(data, coded)), **at}.items()
    }
    frame[variable] = np.array(ends, dtype=object if isinstance(ends[0], str) else None)
    cases = new_cases(fit.fitted, frame, "typical").cases
    group = " and ".join(dict.fromkeys(term.grouping.name for term in terms))
    change = f"when {variable} goes from {_value(ends[0])} to {_value(ends[1])}"
    typical = compare_means(fit.fitted, cases, estimand="typical")
    population = compare_means(fit.fitted, cases, estimand="population")
    questions = {
        "typical": f"In one {group}, in the middle of the distribution: what changes {change}?",
        "population": f"Averaged over every {group}, seen or not: what changes {change}?",
    }
    return [_answer(both, questions[both.estimand], unit) for both in (typical, population)]


def population_exists(fit: Reportable) -> bool:
    """Say whether the mean over the population exists.

    Parameters
    ----------
    fit : Fit
        The fit.

    Returns
    -------
    bool
        False for links under which normal random effects reach infinite means.
    """
    random = any(term.predictor == "mean" for term in fit.fitted.design.terms)
    return not random or fit.fitted.family.link.averages


def _ends(values: Any, coded: bool) -> tuple[Any, Any] | None:
    """Values between which a variable moves."""
    unique = distinct(values)
    if len(unique) == 2:
        return unique[0], unique[1]
    if is_number(values) and not coded:
        low, high = np.nanquantile(np.asarray(values, dtype=np.float64), [0.25, 0.75])
        return (float(low), float(high)) if low < high else None
    return None


def _answer(both: Comparison, question: str, unit: Unit) -> dict[str, Any]:
    difference, low, high = (
        unit.per * value for value in (both.difference, both.difference_low, both.difference_high)
    )
    before, after = unit.per * both.before, unit.per * both.after
    detail = [unit.label, f"difference {_interval(difference, low, high, before)}"]
    if math.isfinite(both.ratio):
        detail.append(f"ratio {_interval(both.ratio, both.ratio_low, both.ratio_high, 1.0)}")
    return {
        "estimand": both.estimand,
        "question": question,
        "figure": f"{number(before)} \N{RIGHTWARDS ARROW} {number(after)}",
        "detail": detail,
        "before": before,
        "after": after,
        "difference": [difference, low, high],
        "ratio": [both.ratio, both.ratio_low, both.ratio_high],
    }


def _interval(value: float, low: float, high: float, size: float) -> str:
    return f"{rounded(value, size)} (95%: {rounded(low, size)} to {rounded(high, size)})"


def _value(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
