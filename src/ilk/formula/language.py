"""The closed little language of factors: names, literals, calls, operations.

`ilk.formula.gate` translates text into it and refuses the rest; `ilk.design.evaluate` gives it its
meaning on data. Expressions are immutable and can be compared and hashed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from keyword import iskeyword
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Name:
    """Values of a column.

    Parameters
    ----------
    column : str
        Name of the column.
    """

    column: str


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, text, True, False, None, or a tuple of those.

    Parameters
    ----------
    value : object
        The plain Python value.
    """

    value: Any


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a known function.

    Parameters
    ----------
    function : str
        Its name.
    arguments : tuple of Expression
        Positional arguments.
    keywords : tuple of (str, Expression)
        Arguments given by name.
    text : str
        Normalized text of the call; it labels what the function remembers about the data.
    """

    function: str
    arguments: tuple[Expression, ...]
    keywords: tuple[tuple[str, Expression], ...]
    text: str


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation on numbers, or a comparison.

    Parameters
    ----------
    operator : str
        Its sign; ``"neg"``, ``"pos"`` and ``"not"`` for the unary ones.
    operands : tuple of Expression
        One or two.
    """

    operator: str
    operands: tuple[Expression, ...]


Expression: TypeAlias = Name | Literal | Call | Operation


def children(expression: Expression) -> tuple[Expression, ...]:
    """Parts of an expression.

    Parameters
    ----------
    expression : Expression
        Any expression.

    Returns
    -------
    tuple of Expression
    """
    if isinstance(expression, Call):
        return (*expression.arguments, *(value for _, value in expression.keywords))
    if isinstance(expression, Operation):
        return expression.operands
    return ()


def walk(expression: Expression, except_in: str | None = None) -> Iterator[Expression]:
    """Visit an expression and all its parts.

    Parameters
    ----------
    expression : Expression
        Any expression.
    except_in : str, optional
        Function whose arguments are not visited.

    Yields
    ------
    Expression
    """
    pending = [expression]
    while pending:
        current = pending.pop()
        yield current
        if isinstance(current, Call) and current.function == except_in:
            continue
        pending.extend(reversed(children(current)))


def quoted(name: str) -> str:
    """Write the name of a column as a formula must have it.

    Examples
    --------
    >>> quoted("age"), quoted("age at entry")
    ('age', '`age at entry`')
    """
    return name if name.isidentifier() and not iskeyword(name) else f"`{name}`"


def column_names(expression: Expression, *, except_in: str | None = None) -> tuple[str, ...]:
    """Columns that an expression reads, in order of appearance.

    Parameters
    ----------
    expression : Expression
        Any expression.
    except_in : str, optional
        Function whose arguments do not count.

    Returns
    -------
    tuple of str
    """
    if isinstance(expression, Name):
        return (expression.column,)
    codings = {
        id(part)
        for call in walk(expression)
        if isinstance(call, Call) and call.function == "C"
        for part in (*call.arguments[1:2], *(v for k, v in call.keywords if k == "contrasts"))
    }
    return tuple(
        dict.fromkeys(
            part.column
            for part in walk(expression, except_in)
            if isinstance(part, Name) and id(part) not in codings
        )
    )


def is_number(expression: Expression) -> bool:
    """Whether an expression is a literal number.

    Parameters
    ----------
    expression : Expression
        Any expression.

    Returns
    -------
    bool
    """
    if not isinstance(expression, Literal) or isinstance(expression.value, bool):
        return False
    return isinstance(expression.value, (int, float))
