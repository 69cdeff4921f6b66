"""Rows of a censored response: one end, and the other end of where the value may be.

A value that was observed has two equal ends.  The first end of a row is always a number that was
recorded: the time until which nothing had happened (the other end is infinity), the limit below
which the value lies (minus infinity), or the lower end of an interval.
"""

from __future__ import annotations

import numpy as np

from ilk.design.evaluate import evaluate_vector
from ilk.design.scope import Scope
from ilk.errors import DataError
from ilk.formula.language import Name
from ilk.formula.spec import Factor, ResponseSpec
from ilk.frame import quote
from ilk.typing import BoolArray, FloatArray

__all__ = ["censored_ends", "censoring_note", "unbounded_rows"]

_WORDS = {
    "none": 1.0,
    "exact": 1.0,
    "event": 1.0,
    "left": -1.0,
}
"""Texts that a status may be, as numbers; right-censored is told by infinity."""


def censored_ends(spec: ResponseSpec, scope: Scope) -> tuple[FloatArray, FloatArray]:
    """Two ends of each row.

    Parameters
    ----------
    spec : ResponseSpec
        Left side, of kind ``"censored"``.
    scope : Scope
        The data.

    Returns
    -------
    y, other : (n,) arrays
        The recorded end, finite; and the other, equal where the value is known.

    Raises
    ------
    DataError
        A status is none of those that are known, or the ends of an interval are interchanged.
    """
    first, second = spec.parts
    y = _end(first, scope)
    if spec.censoring != "interval":
        status = _status(spec, scope)
        _refuse_infinite(y, first.text, scope)
        return y, np.where(status == 1.0, y, np.where(status == -1.0, -np.inf, np.inf))
    upper = _end(second, scope)
    crossed = np.flatnonzero((upper < y) | ((upper == y) & ~np.isfinite(y)))
    if len(crossed):
        at = int(crossed[0])
        raise DataError(
            f"The ends of {spec.text!r} are interchanged in row {scope.row(at)}: {first.text} is "
            f"{y[at]:g} and {second.text} is {upper[at]:g}; the lower end comes first.",
            code="censoring",
        )
    left = np.isneginf(y)
    return np.where(left, upper, y), np.where(left, y, upper)


def unbounded_rows(spec: ResponseSpec, scope: Scope) -> BoolArray:
    """(n,) whether the interval of a row is all numbers, so that it says nothing."""
    if spec.kind != "censored" or spec.censoring != "interval":
        return np.zeros(scope.count, dtype=bool)
    lower, upper = (_end(part, scope) for part in spec.parts)
    return np.isneginf(lower) & np.isposinf(upper)


def censoring_note(text: str, y: FloatArray, other: FloatArray) -> str:
    """Sentence that counts the censored rows."""
    counts = {
        "right-censored": int(np.isposinf(other).sum()),
        "left-censored": int(np.isneginf(other).sum()),
        "interval-censored": int((np.isfinite(other) & (other != y)).sum()),
    }
    said = [f"{count} of {len(y)} rows are {kind}" for kind, count in counts.items() if count]
    said = [one.replace(" rows are ", " row is ") if len(y) == 1 else one for one in said]
    if not said:
        return f"None of the {len(y)} rows is censored in {text!r}."
    return f"{', '.join(said)} in {text!r}; means are of the values before censoring."


def _end(part: Factor, scope: Scope) -> FloatArray:
    """(n,) numbers of a column, which may be infinite, or of an expression."""
    if isinstance(part.expression, Name) and scope.column(part.expression.column).numeric:
        return scope.number(part.expression.column)
    return evaluate_vector(part.expression, f"{part.text} on the left side", scope)


def _status(spec: ResponseSpec, scope: Scope) -> FloatArray:
    """(n,) 1 for known values, -1 left-censored, 0 right-censored."""
    part = spec.parts[1]
    default = -1.0 if spec.censoring == "left" else 0.0
    if isinstance(part.expression, Name):
        column = scope.column(part.expression.column)
        if not column.numeric:
            found = scope.factor(part.expression.column)
            known = {**_WORDS, "right": 0.0}
            codes = [known.get(str(level).strip().casefold(), np.nan) for level in found.levels]
            status = np.array(codes)[found.codes]
            bad = np.flatnonzero(np.isnan(status))
            if len(bad):
                label = found.levels[found.codes[bad[0]]]
                raise _strange(spec, scope.row(int(bad[0])), quote(label))
            return status
    status = evaluate_vector(part.expression, f"{part.text} on the left side", scope)
    bad = np.flatnonzero(~np.isin(status, (1.0, 0.0, -1.0)))
    if len(bad):
        raise _strange(spec, scope.row(int(bad[0])), f"{status[bad[0]]:g}")
    return np.where(status == 0.0, default, status)


def _strange(spec: ResponseSpec, row: int, value: str) -> DataError:
    zero = f"{spec.censoring}-censored"
    return DataError(
        f"The status {spec.parts[1].text!r} is {value} in row {row}; it is 1 or True for a value "
        f"that was observed, 0 or False for one that is {zero}, -1 for one that is left-censored "
        "(or the texts 'none', 'right', 'left'); upper ends are for kind='interval'.",
        code="censoring",
    )


def _refuse_infinite(y: FloatArray, name: str, scope: Scope) -> None:
    infinite = np.flatnonzero(~np.isfinite(y))
    if len(infinite):
        raise DataError(
            f"{name!r} is not finite in row {scope.row(int(infinite[0]))}; correct or remove it.",
            code="infinite",
        )
