"""Transforms that learn from the data of the fit: scales, polynomials, splines, codings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, cast

import numpy as np

from ilk.design.scope import Scope
from ilk.errors import DataError, FormulaError
from ilk.formula.functions import call_options
from ilk.formula.language import Call, Expression, Literal
from ilk.frame import Factor, quote
from ilk.typing import FloatArray

MAX_DEGREE = 25
"""Highest degree of a polynomial."""

MAX_DF = 200
"""Largest number of columns of a spline."""

STATEFUL = frozenset(("center", "scale", "standardize", "poly", "bs", "cr", "cc"))
"""Functions that learn from the data of the fit."""


@dataclass(frozen=True, slots=True)
class Coded:
    """A factor with a coding of its own, from ``C(...)``.

    Parameters
    ----------
    factor : Factor
        Levels of each row.
    contrast : str
        Name of the coding.
    option : object
        Reference level of treatment coding, or None for the first.
    """

    factor: Factor
    contrast: str = "Treatment"
    option: Any = None


def literal(expression: Expression) -> Any:
    """Plain value of an option.

    Parameters
    ----------
    expression : Expression
        A literal; the gate lets nothing else through as an option.

    Returns
    -------
    object
    """
    value = cast(Literal, expression).value
    return list(value) if isinstance(value, tuple) else value


def complain(call: Call, error: BaseException) -> NoReturn:
    """Raise the complaint of a library function as ours.

    Parameters
    ----------
    call : Call
        The call that failed.
    error : BaseException
        What it raised.
    """
    reason = str(error).strip().splitlines() or [type(error).__name__]
    raise FormulaError(f"{call.text} cannot be computed: {reason[0]}", code="transform") from error


def relevel(found: Factor, levels: Any, call: Call) -> Factor:
    """Give a factor the levels that ``C(x, levels=[...])`` lists.

    Parameters
    ----------
    found : Factor
        The column.
    levels : object
        The list.
    call : Call
        The call, for messages.

    Returns
    -------
    Factor
    """
    if not isinstance(levels, list) or len(set(levels)) < len(levels) or not levels:
        raise FormulaError(f"{call.text}: levels= takes a list of labels.", code="arguments")
    position = {level: code for code, level in enumerate(levels)}
    for level in found.levels:
        if level not in position:
            raise DataError(
                f"{call.text}: the data hold the level {quote(level)}, which levels= does not "
                "list.",
                code="unknown-level",
            )
    lookup = np.array([position[level] for level in found.levels] + [-1], dtype=np.int32)
    return Factor(lookup[found.codes], tuple(levels))


def transform(call: Call, values: FloatArray, scope: Scope) -> Any:
    """Apply a transform of formulaic's that learns from the data of the fit.

    Parameters
    ----------
    call : Call
        A call of one of `STATEFUL`.
    values : (n,) array
        Its argument.
    scope : Scope
        Where it keeps what it has learned.

    Returns
    -------
    (n,) or (n, k) array, or mapping of columns
        As formulaic gives it.
    """
    from formulaic.transforms import TRANSFORMS

    options = {key: literal(value) for key, value in call_options(call).items()}
    _check_transform(call, options)
    if np.ndim(values) == 0:
        raise FormulaError(f"{call.text} holds no column.", code="arguments")
    known = scope.memory.get(call.text)
    if known is None and not scope.learning:
        raise FormulaError(f"{call.text} was not part of the fit.", code="transform")
    if known is None and call.function == "poly":
        distinct = len(np.unique(values))
        degree = options.get("degree", 1)
        if degree >= distinct:
            raise DataError(
                f"{call.text}: a polynomial of degree {degree} needs {degree + 1} different "
                f"values; there are {distinct}.",
                code="transform",
            )
    memory: dict[str, Any] = dict(known or {})
    try:
        result = TRANSFORMS[call.function](values, **options, _state=memory)
    except (ValueError, TypeError, ArithmeticError, IndexError, KeyError, MemoryError) as error:
        if known is not None and "lower_bound" in known:
            _beyond(call, values, known, scope)
        complain(call, error)
    if scope.learning:
        scope.memory[call.text] = memory
    return result


def _check_transform(call: Call, options: Mapping[str, Any]) -> None:
    for option, limit in (("degree", MAX_DEGREE), ("df", MAX_DF)):
        value = options.get(option)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= limit:
            raise FormulaError(
                f"{call.text}: {option} must be a whole number from 1 to {limit}.",
                code="arguments",
            )
    constraints = options.get("constraints")
    if constraints not in (None, "center"):
        raise FormulaError(f"{call.text}: constraints can only be 'center'.", code="arguments")
    knots = options.get("knots")
    if knots is not None and (not isinstance(knots, list) or not all(map(_is_number, knots))):
        raise FormulaError(f"{call.text}: knots takes a list of numbers.", code="arguments")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _beyond(call: Call, values: FloatArray, memory: Mapping[str, Any], scope: Scope) -> None:
    """Say which value lies outside the range on which a spline was built."""
    low, high = float(memory["lower_bound"]), float(memory["upper_bound"])
    outside = (values < low) | (values > high)
    if outside.any():
        position = int(np.argmax(outside))
        raise DataError(
            f"{call.text}: row {scope.row(position)} has {values[position]:g}, outside the range "
            f"{low:g} to {high:g} of the data of the fit; fit with extrapolation='extend' or "
            "'clip' to predict there.",
            code="extrapolation",
        )
