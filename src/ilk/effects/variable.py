"""What a variable is to a fit: how it enters, which values it takes, whether it can be set.

Setting a variable in all rows is a thought experiment about the mean.  It needs a column that the
mean reads, that varies in the data of the fit, and whose values are settings rather than names of
sampled units: a grouping factor is refused, and so is a covariate that enters only by the mean of
its cluster, which the fit remembers and setting rows does not change.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.errors import DataError, ModelError, did_you_mean
from ilk.formula.language import Call, Expression, Name, children, walk
from ilk.frame import Column, Label, listing, numbers, quote

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.formula.spec import Factor, FormulaSpec

__all__ = [
    "Variable",
    "check_value",
    "coded_names",
    "find_variable",
    "has_lags",
    "is_equal",
    "is_finite_number",
    "moved_columns",
]


@dataclass(frozen=True, slots=True)
class Variable:
    """A column that can be set.

    Parameters
    ----------
    name : str
        Name of the column.
    column : Column
        Its values in the rows of the fit.
    coded : bool
        Whether its values are levels rather than amounts.
    values : tuple
        Levels of a factor, or the two values of a number that has only two; else empty.
    low, high : float
        Range of a number; nan for a factor.
    notes : tuple of str
        What setting it means where that is not plain.
    """

    name: str
    column: Column
    coded: bool
    values: tuple[Label, ...]
    low: float
    high: float
    notes: tuple[str, ...] = ()


def find_variable(fitted: Fitted, name: Any) -> Variable:
    """Look up a column whose setting changes the mean.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    name : str
        Name of the column.

    Returns
    -------
    Variable

    Raises
    ------
    DataError, ModelError
        There is no such column in the model, or setting it has no meaning; the message says why.
    """
    design = fitted.design
    if not isinstance(name, str):
        raise ModelError(
            f"The variable is given as {name!r:.60}; give the name of a column.", code="variable"
        )
    factors = mean_factors(fitted)
    if name not in {column for factor in factors for column in moved_columns(factor.expression)}:
        raise _not_in_the_mean(name, fitted, factors)
    here = [factor for factor in factors if name in moved_columns(factor.expression)]
    column = design.data.column(name)
    coded = not column.numeric or name in coded_names(factors)
    found = design.data.distinct(name)
    if len(found) < 2:
        raise DataError(
            f"Column {name!r} is {quote(found[0])} in all {design.data.rows} rows of the fit: "
            "the data say nothing about any other value of it.",
            code="no-variation",
        )
    low = high = float("nan")
    if not coded:
        values = numbers(column)
        low, high = float(values.min()), float(values.max())
    listed = found if coded or column.kind == "boolean" or len(found) == 2 else ()
    return Variable(name, column, coded, listed, low, high, _special_meaning(name, here))


def mean_factors(fitted: Fitted) -> tuple[Factor, ...]:
    """Factors of all predictors that the mean depends on: fixed, random and known parts.

    Parameters
    ----------
    fitted : Fitted
        The fit.

    Returns
    -------
    tuple of Factor
    """
    found: dict[Factor, None] = {}
    for part in fitted.design.stated.predictors:
        if part.name in fitted.family.mean_parameters:
            found.update(dict.fromkeys((*part.fixed.factors, *part.offsets)))
            for random in part.random:
                found.update(dict.fromkeys(random.effects.factors))
    return tuple(found)


def moved_columns(expression: Expression) -> tuple[str, ...]:
    """Columns whose setting moves an expression: not the clusters of `within` and `between`.

    Parameters
    ----------
    expression : Expression
        Any expression.

    Returns
    -------
    tuple of str
    """
    return tuple(dict.fromkeys(part.column for part in _arguments(expression)))


def _arguments(expression: Expression) -> Iterator[Name]:
    if isinstance(expression, Name):
        yield expression
        return
    parts = children(expression)
    if isinstance(expression, Call) and expression.function in ("within", "between", "C"):
        parts = parts[:1]  # the rest names clusters, or a coding
    for part in parts:
        yield from _arguments(part)


def coded_names(factors: Iterable[Factor]) -> frozenset[str]:
    """Columns that factors of a formula take as levels by ``C(...)``.

    Parameters
    ----------
    factors : iterable of Factor
        The factors.

    Returns
    -------
    frozenset of str
    """
    calls = (part for factor in factors for part in walk(factor.expression))
    return frozenset(
        name
        for call in calls
        if isinstance(call, Call) and call.function == "C"
        for name in moved_columns(call)
    )


def has_lags(spec: FormulaSpec) -> bool:
    """Whether a formula looks at earlier rows.

    Parameters
    ----------
    spec : FormulaSpec
        The formulas.

    Returns
    -------
    bool
    """
    return any(
        isinstance(part, Call) and part.function == "lag"
        for factor in spec.right_factors
        for part in walk(factor.expression)
    )


def check_value(variable: Variable, value: Any) -> Label:
    """Check a value that a variable is to be set to.

    Parameters
    ----------
    variable : Variable
        The variable.
    value : object
        A level that was in the data of the fit, or a finite number.

    Returns
    -------
    Label
        As a plain Python value.
    """
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        value = value.item()
    if not variable.coded and variable.column.kind != "boolean":
        if is_finite_number(value):
            number: Label = value
            return number
        raise DataError(
            f"Column {variable.name!r} holds numbers and cannot be set to {quote(value)}.",
            code="value",
        )
    known = variable.values
    for level in known:
        if is_equal(level, value):
            return level
    hint = did_you_mean(str(value), [str(level) for level in known[:99]])
    for level in known:
        if str(level) == str(value):
            hint = f" Write {quote(level)}, not {quote(value)}."
    raise DataError(
        f"Column {variable.name!r} never is {quote(value)} in the data of the fit, so that nothing "
        f"is known of that level; its levels are {listing(known)}.{hint}",
        code="unseen-level",
    )


def is_finite_number(value: Any) -> bool:
    """Whether a value is one real number that arithmetic can use, of whatever type.

    Parameters
    ----------
    value : object
        Anything.
    """
    try:
        return isinstance(value, Real) and math.isfinite(value)
    except OverflowError:  # an integer beyond all floats
        return False


def is_equal(level: Label, value: Any) -> bool:
    """Whether a value is a level; what cannot be compared is none.

    Parameters
    ----------
    level : Label
        The level.
    value : object
        Anything.
    """
    try:
        return bool(level == value)
    except (TypeError, ValueError):
        return False


def _not_in_the_mean(
    name: str, fitted: Fitted, factors: Sequence[Factor]
) -> DataError | ModelError:
    """Say why a column cannot be set."""
    design, spec = fitted.design, fitted.design.stated
    settable = tuple(
        dict.fromkeys(column for f in factors for column in moved_columns(f.expression))
    )
    listed = f"the mean depends on {listing(settable)}" if settable else "its mean is constant"
    if name in spec.grouping_columns or any(
        name in (part.column for part in walk(f.expression) if isinstance(part, Name))
        for f in factors
    ):
        return ModelError(
            f"{name!r} is a grouping factor: its levels are sampled units, which no one can set. "
            "See random_effects() for the units themselves; here "
            f"{listed}.",
            code="grouping-variable",
        )
    roles = [role for role, column in design.arguments.items() if column == name]
    if roles:
        return ModelError(
            f"{name!r} is the {roles[0]} of the model, not a variable of its formula; {listed}.",
            code="not-in-model",
        )
    if any(
        name in (p.column for p in walk(f.expression) if isinstance(p, Name))
        for f in spec.response.parts
    ):
        return ModelError(
            f"{name!r} is the response (or a part of it), not a variable to be set; {listed}.",
            code="not-in-model",
        )
    silent = [
        p.name.replace("_", " ")
        for p in spec.predictors
        if p.name not in fitted.family.mean_parameters
        and any(name in moved_columns(f.expression) for f in p.fixed.factors)
    ]
    if silent:
        return ModelError(
            f"{name!r} enters the {silent[0]} only, so that the mean does not depend on it; "
            f"{listed}.",
            code="not-in-model",
        )
    return DataError(
        f"Column {name!r} is not in the model, so that its setting changes no mean; {listed}."
        f"{did_you_mean(name, settable)}",
        code="not-in-model",
    )


def _special_meaning(name: str, factors: Sequence[Factor]) -> tuple[str, ...]:
    """Sentences about lags and cluster means; refusal of a variable that is only a mean."""
    notes = []
    means, plain, inside = False, False, False
    for factor in factors:
        for call in _leaves(factor.expression, name):
            means |= call == "between"
            inside |= call == "within"
            plain |= call not in ("between", "within")
            if call == "lag":
                notes.append(
                    f"Earlier values of {name} (lag) are set too: {name} is held at all times."
                )
    if means and not plain and not inside:
        raise ModelError(
            f"{name!r} enters only as the mean of its cluster, between({name}, ...), which the fit "
            "remembers from its data and which setting rows does not change. Make the cluster mean "
            "a column of the data, and set that.",
            code="cluster-mean",
        )
    if means or inside:
        notes.append(
            f"Means of {name} by cluster stay what they were in the data of the fit: the answer is "
            f"about changing {name} within these clusters, not about other clusters."
        )
    return tuple(dict.fromkeys(notes))


def _leaves(expression: Expression, name: str, around: str = "") -> Iterator[str]:
    """Function that is closest around each appearance of a column, of those with a memory."""
    if isinstance(expression, Name):
        if expression.column == name:
            yield around
        return
    parts = children(expression)
    if isinstance(expression, Call):
        if expression.function in ("within", "between", "C"):
            parts = parts[:1]
        if expression.function in ("within", "between", "lag"):
            around = expression.function
    for part in parts:
        yield from _leaves(part, name, around)
