"""What an expression of a formula means on data.

The expressions of `ilk.formula.language` are interpreted here; nothing is ever passed to Python's
own evaluation. Numbers are double precision before the first operation. What a function has learned
from the data of the fit (the mean of `center`, the knots of `bs`) is kept in `Scope.memory` under
the text of its call, as plain numbers, and used again for new data.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, cast

import numpy as np

from ilk.design.grouping import combine
from ilk.design.scope import Scope, check_finite
from ilk.design.transforms import STATEFUL, Coded, complain, literal, relevel, transform
from ilk.design.within_between import cluster_means, product_columns, product_parts
from ilk.errors import DataError, FormulaError, did_you_mean
from ilk.formula.functions import CONTRASTS, call_options
from ilk.formula.language import Call, Expression, Literal, Name, Operation, walk
from ilk.frame import Factor, listing, numbers, quote
from ilk.typing import FloatArray

Value: TypeAlias = Any
"""A vector (n,), several columns (n, k) or formulaic's values of a transform, or a `Factor`."""

_ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "log": np.log,
    "log1p": np.log1p,
    "log2": np.log2,
    "log10": np.log10,
    "exp": np.exp,
    "expm1": np.expm1,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "sign": np.sign,
    "floor": np.floor,
    "ceil": np.ceil,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "tanh": np.tanh,
    "minimum": np.minimum,
    "maximum": np.maximum,
    "round": np.round,
    "I": lambda x: x,
}
_OPERATIONS: dict[str, Callable[..., Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "//": np.floor_divide,
    "%": np.mod,
    "**": np.power,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
    "neg": np.negative,
    "pos": np.positive,
}
_LOGICAL: dict[str, Callable[..., Any]] = {
    "&": np.logical_and,
    "|": np.logical_or,
    "not": np.logical_not,
}


def evaluate(expression: Expression, scope: Scope) -> Value:
    """Value of an expression in the rows in use.

    Parameters
    ----------
    expression : Expression
        What passed the gate.
    scope : Scope
        The data.

    Returns
    -------
    Value
        A column as a vector or `Factor`; a call of ``C`` as `Coded`; a basis of several columns as
        formulaic's values.
    """
    if isinstance(expression, Name):
        if scope.column(expression.column).numeric:
            return scope.number(expression.column)
        if scope.column(expression.column).kind == "time":
            numbers(scope.column(expression.column))
        return scope.factor(expression.column)
    with np.errstate(all="ignore"):
        return _evaluate(expression, scope)


def evaluate_vector(expression: Expression, text: str, scope: Scope) -> FloatArray:
    """(n,) finite numbers of an expression.

    Parameters
    ----------
    expression : Expression
        What passed the gate.
    text : str
        Its text, for messages.
    scope : Scope
        The data.

    Returns
    -------
    (n,) array

    Raises
    ------
    DataError
        The values are not numbers, or some are infinite or undefined.
    """
    if isinstance(expression, Name):
        column = scope.column(expression.column)
        if column.numeric and column.finite:
            values = scope.number(expression.column)
            return values if scope.owned else np.array(values)
    with np.errstate(all="ignore"):
        values = _vector(expression, scope)
    if np.ndim(values) == 0:
        values = np.full(scope.count, float(values))
    check_finite(values, expression, text, scope)
    return np.array(values, dtype=np.float64)


def _evaluate(expression: Expression, scope: Scope) -> Value:
    if isinstance(expression, Name):
        return evaluate(expression, scope)
    if isinstance(expression, Literal):
        return _constant(expression)
    if isinstance(expression, Operation):
        return _operate(expression, scope)
    return _call(expression, scope)


def _constant(expression: Literal) -> Value:
    if isinstance(expression.value, (bool, int, float)):
        return np.float64(expression.value)
    raise FormulaError(
        f"{expression.value!r} cannot take part in arithmetic; text can be compared with a column "
        "only, as in I(g == 'a').",
        code="arguments",
    )


def _vector(expression: Expression, scope: Scope) -> FloatArray:
    """Numbers of one column, as float64; a scalar if no column takes part."""
    value = _evaluate(expression, scope)
    if isinstance(value, Factor) and isinstance(expression, Name):
        numbers(scope.column(expression.column))  # says why it is not a number
    if isinstance(value, (Factor, Coded)) or np.ndim(value) > 1 or hasattr(value, "keys"):
        raise FormulaError(
            f"{_text(expression)} has several columns or levels and cannot take part in "
            "arithmetic; use it as a term of its own.",
            code="arguments",
        )
    return cast(FloatArray, np.asarray(value, dtype=np.float64))


def _text(expression: Expression) -> str:
    if isinstance(expression, Name):
        return repr(expression.column)
    if isinstance(expression, Call):
        return expression.text
    return "A part of the formula"


def _operate(expression: Operation, scope: Scope) -> FloatArray:
    sign = expression.operator
    if sign in ("==", "!="):
        compared = _compare_levels(expression, scope)
        if compared is not None:
            return compared
    operands = [_vector(operand, scope) for operand in expression.operands]
    if sign in _LOGICAL:
        for operand in operands:
            if not np.isin(operand, (0.0, 1.0)).all():
                raise FormulaError(
                    f"'{sign}' joins conditions, as in I((x > 1) & (z < 2)); one side here is not "
                    "a condition.",
                    code="arguments",
                )
        return cast(FloatArray, _LOGICAL[sign](*operands).astype(np.float64))
    return np.asarray(_OPERATIONS[sign](*operands), dtype=np.float64)


def _compare_levels(expression: Operation, scope: Scope) -> FloatArray | None:
    """Comparison of a factor with one of its labels; None if that is not what it is."""
    left, right = expression.operands
    if isinstance(left, Literal):
        left, right = right, left
    if not isinstance(left, Name) or not isinstance(right, Literal):
        return None
    column = scope.column(left.column)
    if column.numeric:
        if isinstance(right.value, str):
            raise DataError(
                f"Column {left.column!r} holds numbers and is compared with the text "
                f"{right.value!r}.",
                code="unknown-level",
            )
        return None
    found = scope.factor(left.column)
    if right.value in found.levels:
        matches = found.codes == found.levels.index(right.value)
    elif scope.learning:
        hint = did_you_mean(str(right.value)[:80], [str(level)[:80] for level in found.levels[:99]])
        raise DataError(
            f"Column {left.column!r} has no level {quote(right.value)}.{hint}", code="unknown-level"
        )
    else:
        matches = np.zeros(scope.count, dtype=bool)
    return np.asarray(matches == (expression.operator == "=="), dtype=np.float64)


def _call(call: Call, scope: Scope) -> Value:
    name = call.function
    if name in scope.functions:
        return _call_user(call, scope)
    if name == "C":
        return _code(call, scope)
    if name == "lag":
        return _lagged(call, scope)
    if name in ("within", "between"):
        return _cluster(call, scope)
    if name in STATEFUL:
        return transform(call, _vector(call.arguments[0], scope), scope)
    if name == "clip":
        limits = {key: literal(value) for key, value in call_options(call).items()}
        lower, upper = limits.get("lower"), limits.get("upper")
        if lower is None and upper is None:
            raise FormulaError(f"{call.text} needs lower= or upper=.", code="arguments")
        values = _vector(call.arguments[0], scope)
        return _attempt(call, lambda: np.clip(values, lower, upper))
    if name in CONTRASTS or name not in _ELEMENTWISE:
        raise FormulaError(f"{call.text} does not belong here.", code="arguments")
    if name == "I" and isinstance(call.arguments[0], Name):
        return _vector(call.arguments[0], scope)
    options = {key: literal(value) for key, value in call_options(call).items()}
    arguments = [_vector(argument, scope) for argument in call.arguments[: _width(name)]]
    return _attempt(call, lambda: _ELEMENTWISE[name](*arguments, **options))


def _width(name: str) -> int:
    return 2 if name in ("minimum", "maximum") else 1


def _attempt(call: Call, compute: Callable[[], Any]) -> Any:
    """Compute with a library function; its complaints become ours."""
    try:
        return compute()
    except (ValueError, TypeError, ArithmeticError, IndexError, KeyError, MemoryError) as error:
        complain(call, error)


def _call_user(call: Call, scope: Scope) -> FloatArray:
    arguments: list[Any] = []
    for argument in call.arguments:
        arguments.append(_user_argument(argument, scope))
    keywords = {key: _user_argument(value, scope) for key, value in call.keywords}
    try:
        result = np.asarray(scope.functions[call.function](*arguments, **keywords))
    except Exception as error:  # whatever a function of the caller's raises, it names the term
        raise FormulaError(
            f"{call.text}: the function {call.function!r} of functions= failed: "
            f"{type(error).__name__}: {error}",
            code="functions",
        ) from error
    if result.dtype.kind not in "biuf" or result.ndim not in (1, 2) or len(result) != scope.count:
        raise FormulaError(
            f"{call.text} gave an array of shape {result.shape} and type {result.dtype}; a "
            f"function in a formula must give {scope.count} numbers, or that many rows.",
            code="functions",
        )
    return result.astype(np.float64)


def _user_argument(argument: Expression, scope: Scope) -> Any:
    if isinstance(argument, Literal):
        return literal(argument)
    value = _evaluate(argument, scope)
    if isinstance(value, Factor):
        labels = np.empty(len(value.levels) + 1, dtype=object)
        labels[:-1] = value.levels
        return labels[value.codes]
    return np.array(value, dtype=np.float64)


def _code(call: Call, scope: Scope) -> Coded:
    """``C(x, coding, levels=[...])``: levels of a column in its own type, or of values."""
    argument = call.arguments[0]
    if isinstance(argument, Name):
        coded = scope.factor(argument.column)
    else:
        given = _vector(argument, scope)
        check_finite(given, argument, call.text, scope)
        values, inverse = np.unique(given, return_inverse=True)
        coded = Factor(inverse.astype(np.int32), tuple(values.tolist()))
    options = call_options(call)
    if "levels" in options:
        coded = relevel(coded, literal(options["levels"]), call)
    contrast = options.get("contrasts")
    if contrast is None:
        return Coded(coded)
    if isinstance(contrast, Name):
        return Coded(coded, contrast.column)
    contrast = cast(Call, contrast)
    values_given = [literal(value) for value in call_options(contrast).values()]
    return Coded(coded, contrast.function, values_given[0] if values_given else None)


def _lagged(call: Call, scope: Scope) -> FloatArray:
    if call.text not in scope.lagged:
        raise FormulaError(
            f"{call.text} stands where the rows are already chosen; use it as a term or inside of "
            "elementwise functions.",
            code="arguments",
        )
    values = scope.lagged[call.text]
    return values if scope.rows is None else values[scope.rows]


def compute_lags(expression: Expression, scope: Scope) -> dict[str, FloatArray]:
    """Values of the `lag` calls of an expression on all rows.

    Parameters
    ----------
    expression : Expression
        Any expression.
    scope : Scope
        All rows of the data.

    Returns
    -------
    dict
        Text of the call to (N,) values, NaN where there is no earlier row.
    """
    lags: dict[str, FloatArray] = {}
    for call in walk(expression):
        if not isinstance(call, Call) or call.function != "lag":
            continue
        inner = call.arguments[0]
        if any(isinstance(part, Call) and part.function in STATEFUL for part in walk(inner)):
            raise FormulaError(
                f"{call.text}: lag() takes a column or arithmetic.", code="arguments"
            )
        lags.update(compute_lags(inner, scope))
        step = literal(call_options(call).get("k", Literal(1)))
        if not isinstance(step, int) or isinstance(step, bool) or step == 0:
            raise FormulaError(f"{call.text}: k must be a whole number.", code="arguments")
        with np.errstate(all="ignore"):
            values = _vector(inner, scope)
        shifted = np.full(scope.count, np.nan)
        if 0 < step < scope.count:
            shifted[step:] = values[:-step]
        elif -scope.count < step < 0:
            shifted[:step] = values[-step:]
        scope.lagged[call.text] = lags[call.text] = shifted
    return lags


def _cluster(call: Call, scope: Scope) -> Value:
    """``between(x, g)``, the cluster mean, and ``within(x, g)``, the deviation from it."""
    inner, group = call.arguments
    names = [part for part in product_parts(group) if isinstance(part, Name)]
    if len(names) < len(product_parts(group)):
        raise FormulaError(
            f"{call.text}: the second argument must be the column of the clusters, or a "
            "combination of columns such as school:class.",
            code="arguments",
        )
    key = f"between({call.text.partition('(')[2]}"
    known = scope.memory.get(key)
    pieces = [_piece(part, call, scope) for part in product_parts(inner)]
    values, levels = product_columns(call, pieces, known, scope)
    clusters = combine([name.column for name in names], scope)
    means, memory, unseen = cluster_means(values, clusters, known, scope.learning, scope.weights)
    scope.memory[key] = memory | {"factors": levels}
    if unseen:
        labels = [":".join(map(str, x)) if isinstance(x, tuple) else x for x in unseen]
        one = len(unseen) == 1
        scope.notes.append(
            f"{call.text}: the mean{'' if one else 's'} of {len(unseen)} "
            f"cluster{' that was' if one else 's that were'} not in the data of the fit "
            f"({listing(labels, 3)}) {'was' if one else 'were'} computed from the new rows."
        )
    found = means if call.function == "between" else values - means
    return found[:, 0] if levels is None else dict(zip(levels["names"], found.T, strict=True))


def _piece(part: Expression, call: Call, scope: Scope) -> Value:
    """Values of a column or expression whose cluster means are wanted."""
    value = _evaluate(part, scope)
    if not isinstance(value, (Factor, Coded)) and not hasattr(value, "keys"):
        if np.ndim(value) == 0:
            raise FormulaError(
                f"{call.text}: the first argument holds no column.", code="arguments"
            )
        if np.ndim(value) == 1:
            check_finite(value, part, call.text, scope)
    return value
