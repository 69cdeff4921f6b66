"""Rows that came after the fit, with their response: new levels, outcomes read as in the fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ilk.design.arguments import check_weights, read_argument
from ilk.design.build import Design, find_missing
from ilk.design.grouping import Grouping, extend_levels
from ilk.design.levels import match_levels
from ilk.design.response import Response, make_response
from ilk.design.scope import Scope
from ilk.errors import DataError
from ilk.formula.language import Name, column_names
from ilk.frame import Label, columns, factor, quote
from ilk.typing import FloatArray

__all__ = ["extended", "later_frequencies", "later_response"]


def extended(design: Design, data: Any) -> Design:
    """Extend a design by the levels of later rows, so that new rows are found among them.

    Parameters
    ----------
    design : Design
        Of the fit.
    data : data frame or dict of columns
        Later rows; they must have all grouping columns.

    Returns
    -------
    Design
        The same rows; groupings with more levels.

    Raises
    ------
    DataError
        A grouping column does not exist or lacks a value.
    """
    scope = _scope(design, data)
    for grouping in (term.grouping for term in design.terms):
        for name in grouping.columns:
            missing = scope.column(name, "grouping factor of observed=").missing
            _refuse_missing(name, missing)
    made: dict[str, Grouping] = {}
    terms = []
    for term in design.terms:
        name = term.grouping.name
        if name not in made:
            _ = term.grouping.codes  # refuses rows of several levels
            made[name] = extend_levels(term.grouping, scope)
        terms.append(replace(term, grouping=made[name]))
    return replace(design, terms=tuple(terms))


def later_response(design: Design, data: Any, trials: FloatArray | None) -> Response:
    """Response of later rows, read as the fit's was.

    Parameters
    ----------
    design : Design
        Of the fit.
    data : data frame or dict of columns
        Later rows.
    trials : (m,) array or None
        Their binomial sizes where these are not part of the response.

    Returns
    -------
    Response

    Raises
    ------
    DataError
        A column does not exist, lacks a value, or cannot be used as in the fit.
    """
    scope = _scope(design, data)
    spec, old = design.spec.response, design.response
    for name in dict.fromkeys(n for part in spec.parts for n in column_names(part.expression)):
        scope.column(name, "response of observed=")
    for name, missing in find_missing(spec.parts, (), scope, {}).items():
        _refuse_missing(name, missing)
    expression = spec.parts[0].expression
    if spec.kind == "value" and isinstance(expression, Name):
        column = scope.column(expression.column)
        if not column.numeric and column.kind != "time":
            return replace(old, y=_events(design, scope, expression.column), trials=trials)
    if old.trials is not None and spec.kind == "value" and trials is None:
        given = ", ".join(f"{k}={v!r}" for k, v in design.arguments.items() if v is not None)
        raise DataError(
            f"observed= lacks the numbers of trials; the fit has them from {given}.",
            code="trials",
        )
    proportions = spec.kind == "value" and "precision_weights" in design.arguments
    return make_response(
        spec,
        scope,
        binomial=design.binomial,
        trials=None if proportions or spec.kind != "value" else trials,
        proportions_of=trials if proportions and design.binomial else None,
        notes=[],
        censored=spec.kind == "censored",
    )


def later_frequencies(design: Design, data: Any) -> FloatArray | None:
    """(m,) frequency weights of later rows, if the fit has them by a column that is there."""
    name = design.arguments.get("frequency_weights")
    frame = columns(data)
    if name is None or name not in frame:
        return None
    argument = read_argument("frequency_weights", name, frame)
    assert argument is not None
    _refuse_missing(name, argument.missing)
    check_weights(argument)
    return argument.values


def _scope(design: Design, data: Any) -> Scope:
    memory, functions = dict(design.memory), design.spec.functions
    return Scope(columns(data), functions=functions, memory=memory, learning=False)


def _events(design: Design, scope: Scope, name: str) -> FloatArray:
    """Truth values of a two-level response, whose event is the fit's."""
    found, event = scope.factor(name), design.response.event
    known = factor(design.data.column(name)).levels
    place = match_levels(known, found.levels)
    for label, position in zip(found.levels, place.tolist(), strict=True):
        if position < 0:
            raise _strange(name, label, known)
    assert event is not None
    happened = (match_levels((event,), found.levels) == 0).astype(np.float64)
    return np.asarray(happened[found.codes])


def _strange(name: str, label: Label, known: Sequence[Label]) -> DataError:
    shown = " and ".join(quote(level) for level in known)
    return DataError(
        f"The response {name!r} of observed= has the level {quote(label)}, "
        f"which the fit does not know; it has {shown}.",
        code="response-levels",
    )


def _refuse_missing(name: str, missing: Any) -> None:
    if missing is not None and missing.any():
        count = int(missing.sum())
        raise DataError(
            f"observed= has no value of {name!r} in {count} row{'s' if count > 1 else ''}, first "
            f"in row {int(np.argmax(missing))}; leave out such rows.",
            code="missing",
        )
