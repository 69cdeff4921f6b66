"""Values of the response, with binomial counts and two-level factors understood."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ilk.design.categories import category_codes
from ilk.design.censoring import censored_ends, censoring_note, unbounded_rows
from ilk.design.evaluate import evaluate_vector
from ilk.design.scope import Scope
from ilk.errors import DataError, ModelError
from ilk.formula.language import Name
from ilk.formula.spec import ResponseSpec
from ilk.frame import Label, listing, quote
from ilk.typing import BoolArray, FloatArray

_NUMBER = re.compile(r"\s*[-+]?(\d+[.,]?\d*|[.,]\d+)([eE][-+]?\d+)?\s*")

_WHOLE = 1e-6
"""How far from a whole number a count may be, relative to its size."""


@dataclass(frozen=True, slots=True)
class Response:
    """The response on the rows of a design.

    Parameters
    ----------
    name : str
        Left side of the formula.
    y : (n,) array
        Values; counts of successes if there are trials.
    trials : (n,) array or None
        Binomial sizes.
    event : Label or None
        Level that counts as success, of a factor or truth value.
    other : (n,) array or None
        The other end of where a censored value may be, see `ilk.design.censoring`; ``y`` where the
        value is known, None where no value is censored.
    """

    name: str
    y: FloatArray
    trials: FloatArray | None = None
    event: Label | None = None
    other: FloatArray | None = None

    @property
    def second(self) -> FloatArray | None:
        """Second number of each row, that densities take: trials, or the other end."""
        return self.trials if self.other is None else self.other


def make_response(
    spec: ResponseSpec,
    scope: Scope,
    *,
    binomial: bool,
    trials: FloatArray | None,
    proportions_of: FloatArray | None,
    notes: list[str],
    trials_label: str = "trials",
    categories: tuple[Label, ...] | None = None,
    censored: bool = False,
) -> Response:
    """Make the response.

    Parameters
    ----------
    spec : ResponseSpec
        Left side of the formula.
    scope : Scope
        The data.
    binomial : bool
        Whether the family counts successes among trials.
    trials : (n,) array or None
        From the argument.
    proportions_of : (n,) array or None
        Precision weights of a binomial family: the trials of which the response is the proportion.
    notes : list of str
        Filled with what was assumed.
    trials_label : str
        What messages call the argument.
    categories : tuple, optional
        Categories, in order, of a response that is one of several; ``y`` holds their codes.
    censored : bool
        Whether censored values are understood.

    Returns
    -------
    Response
    """
    if categories is not None:
        return Response(spec.text, category_codes(spec, scope, categories))
    if spec.kind == "censored":
        return _make_censored(spec, scope, censored, trials, notes)
    if spec.kind != "value":
        return _make_pair(spec, scope, binomial=binomial, trials=trials, weighted=proportions_of)
    factor = spec.parts[0]
    event: Label | None = None
    if isinstance(factor.expression, Name):
        column = scope.column(factor.expression.column)
        if column.kind == "boolean" and binomial:
            event = True
        if not column.numeric and column.kind != "time":
            y, event = _two_levels(factor.expression.column, scope, binomial)
            notes.append(f"The event of the response {spec.text!r} is {quote(event)}.")
            return _counted(
                spec, y, trials, proportions_of, event, binomial, notes, scope, trials_label
            )
    y = evaluate_vector(factor.expression, f"The response {factor.text}", scope)
    return _counted(spec, y, trials, proportions_of, event, binomial, notes, scope, trials_label)


def _two_levels(name: str, scope: Scope, binomial: bool) -> tuple[FloatArray, Label]:
    """Truth values of a two-level factor; the second level is the event."""
    found = scope.factor(name)
    shown = listing(found.levels, 6)
    if not binomial:
        raise DataError(
            f"The response {name!r} holds {scope.column(name).kind} values ({shown}), where this "
            f"family needs numbers; {_what_takes(found.levels)}",
            code="response-type",
        )
    if len(found.levels) == 1:
        raise DataError(
            f"The response {name!r} has the single level {shown} in the rows used; there is "
            "nothing to explain.",
            code="response-levels",
        )
    if len(found.levels) > 2:
        raise DataError(
            f"The response {name!r} has {len(found.levels)} levels ({shown}); a binomial response "
            f"has two. Choose the event, as in I({name} == {quote(found.levels[-1])}).",
            code="response-levels",
        )
    return (found.codes == 1).astype(np.float64), found.levels[1]


def _what_takes(levels: Sequence[Label]) -> str:
    """Advice for a response of words."""
    if all(isinstance(level, str) and _NUMBER.fullmatch(level) for level in levels):
        return "they look like numbers that were read as text: convert the column first."
    if len(levels) == 2:
        return "two values suit family 'binomial'."
    return "categories suit family 'multinomial', and, with an order, 'cumulative'."


def _counted(
    spec: ResponseSpec,
    y: FloatArray,
    trials: FloatArray | None,
    proportions_of: FloatArray | None,
    event: Label | None,
    binomial: bool,
    notes: list[str],
    scope: Scope,
    trials_label: str,
) -> Response:
    """Response with its trials, from whichever way they were given."""
    if trials is not None and not binomial:
        raise ModelError(
            "trials= is for families that count successes among trials (binomial, beta-binomial).",
            code="trials",
        )
    if not binomial:
        return Response(spec.text, y)
    if proportions_of is not None:
        if trials is not None:
            raise ModelError(
                "With trials=, precision_weights= has no meaning for a binomial family; rows that "
                "stand for several identical ones are frequency_weights=.",
                code="trials",
            )
        _check_trials(spec.text, "precision_weights", proportions_of, scope)
        counts = _whole_counts(spec.text, y, proportions_of, scope)
        notes.append(
            f"The precision weights are the numbers of trials of which {spec.text!r} is the "
            "proportion of successes."
        )
        return Response(spec.text, counts, proportions_of, event)
    if trials is None:
        fractional = (y > 0) & (y < 1)
        if fractional.any():
            position = int(np.argmax(fractional))
            raise DataError(
                f"The response {spec.text!r} holds proportions (row {scope.row(position)}: "
                f"{y[position]:g}) but the numbers of trials are not given; use "
                "precision_weights= for them, or counts with trials=, or family 'beta' for "
                "proportions that are no counts.",
                code="proportion",
            )
        return Response(spec.text, y, None, event)
    _check_trials(spec.text, trials_label, trials, scope)
    if np.all(y <= 1) and np.any((y > 0) & (y < 1)):
        raise DataError(
            f"The response {spec.text!r} holds proportions, but with trials= it must be the number "
            "of successes; give the trials as precision_weights= instead.",
            code="proportion",
        )
    _check_successes(spec.text, trials_label, y, trials, scope)
    return Response(spec.text, y, trials, event)


def _make_censored(
    spec: ResponseSpec,
    scope: Scope,
    understood: bool,
    trials: FloatArray | None,
    notes: list[str],
) -> Response:
    """Response with two ends, ``censored(...)``."""
    if not understood:
        raise ModelError(
            f"The response {spec.text!r} is censored, which ilk.fit alone understands in this "
            "version.",
            code="censoring",
        )
    if trials is not None:
        raise ModelError("trials= is not for censored responses; leave it out.", code="trials")
    y, other = censored_ends(spec, scope)
    notes.append(censoring_note(spec.text, y, other))
    return Response(spec.text, y, other=other)


def _make_pair(
    spec: ResponseSpec,
    scope: Scope,
    *,
    binomial: bool,
    trials: FloatArray | None,
    weighted: FloatArray | None,
) -> Response:
    """``cbind(successes, failures)`` or ``successes / trials``."""
    if not binomial:
        raise ModelError(
            f"The response {spec.text!r} is a binomial count, which this family does not take; use "
            "family='binomial' or 'beta_binomial', or write arithmetic as I(...).",
            code="trials",
        )
    if trials is not None or weighted is not None:
        argument = "trials=" if trials is not None else "precision_weights="
        raise ModelError(
            f"The response {spec.text!r} already says the numbers of trials; leave out {argument}",
            code="trials",
        )
    successes, total = pair_counts(spec, scope)
    _check_trials(spec.text, spec.parts[1].text, total, scope)
    _check_successes(spec.text, spec.parts[1].text, successes, total, scope)
    return Response(spec.text, successes, total)


def pair_counts(spec: ResponseSpec, scope: Scope) -> tuple[FloatArray, FloatArray]:
    """Successes and trials of a response with two parts.

    Parameters
    ----------
    spec : ResponseSpec
        Of kind ``"pair"`` or ``"ratio"``.
    scope : Scope
        The data.

    Returns
    -------
    successes, trials : (n,) arrays
    """
    return scope.once(spec.text, lambda: _pair_counts(spec, scope))


def _pair_counts(spec: ResponseSpec, scope: Scope) -> tuple[FloatArray, FloatArray]:
    first, second = (
        evaluate_vector(part.expression, f"{part.text} on the left side", scope)
        for part in spec.parts
    )
    if spec.kind == "ratio":
        return first, second
    for part, values in zip(spec.parts, (first, second), strict=True):
        _refuse(values < 0, values, f"{part.text} in {spec.text} must not be negative", scope)
    return first, first + second


def no_trials(spec: ResponseSpec, scope: Scope, usable: BoolArray) -> BoolArray | None:
    """Rows whose two-part response has no trials, or no ends, and so no information.

    Parameters
    ----------
    spec : ResponseSpec
        Left side.
    scope : Scope
        The rows that have all values.
    usable : (N,) array of bool
        Those rows among all.

    Returns
    -------
    (N,) array of bool, or None
    """
    if spec.kind == "value":
        return None
    zero = pair_counts(spec, scope)[1] == 0 if spec.counts else unbounded_rows(spec, scope)
    if not zero.any():
        return None
    mask = np.zeros(len(usable), dtype=bool)
    mask[np.flatnonzero(usable)[zero]] = True
    return mask


def _check_trials(response: str, name: str, trials: FloatArray, scope: Scope) -> None:
    _refuse(trials < 0, trials, f"{name} must not be negative", scope)
    if (trials == np.floor(trials)).all():
        return
    fractional = np.abs(trials - np.round(trials)) > _WHOLE * np.maximum(trials, 1.0)
    _refuse(fractional, trials, f"{name}, trials of {response!r}, must be whole numbers", scope)


def _check_successes(
    response: str, name: str, y: FloatArray, trials: FloatArray, scope: Scope
) -> None:
    over = y > trials
    if over.any():
        position, count = int(np.argmax(over)), int(over.sum())
        raise DataError(
            f"The response {response!r} has more successes than trials ({name}) in {count} "
            f"row{'s' if count > 1 else ''}, first in row {scope.row(position)} "
            f"({y[position]:g} of {trials[position]:g}).",
            code="response-range",
        )
    _refuse(y < 0, y, f"The response {response!r} must not be negative", scope)


def _whole_counts(
    response: str, proportions: FloatArray, trials: FloatArray, scope: Scope
) -> FloatArray:
    outside = (proportions < 0) | (proportions > 1)
    _refuse(
        outside,
        proportions,
        f"With precision_weights, the response {response!r} of a binomial family must be a "
        "proportion between 0 and 1",
        scope,
    )
    counts = proportions * trials
    whole = np.round(counts)
    bad = np.abs(counts - whole) > _WHOLE * np.maximum(counts, 1.0)
    if bad.any():
        position = int(np.argmax(bad))
        raise DataError(
            f"The response {response!r} times its precision weight is not a whole number of "
            f"successes in row {scope.row(position)} ({proportions[position]:g} of "
            f"{trials[position]:g}).",
            code="proportion",
        )
    return whole


def _refuse(bad: BoolArray, values: FloatArray, what: str, scope: Scope) -> None:
    if bad.any():
        position = int(np.argmax(bad))
        raise DataError(
            f"{what}; row {scope.row(position)} has {values[position]:g}.", code="response-range"
        )
