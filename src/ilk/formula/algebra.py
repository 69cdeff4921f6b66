"""Products of factors: ``a:b``, ``a*b``, ``(a + b)**2``, ``a/b``, ``a %in% b``.

The algebra is formulaic's. It sees the shape of the product only: names and calls are numbered and
stand between backticks. Its operators are wrapped so that no product can grow beyond `MAX_TERMS`
(``(x0 + ... + x17)**18`` would not return otherwise).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from typing import Any

from ilk.errors import FormulaError
from ilk.formula.pointing import pointed
from ilk.formula.scan import Word
from ilk.formula.spec import Factor, Term

MAX_TERMS = 10_000
"""Largest number of terms of one sum."""

MAX_PRODUCT = 1_000
"""Largest number of names in one product."""


def expand_product(words: Sequence[Word], factors: Sequence[Factor], text: str) -> list[Term]:
    """Terms of a product.

    Parameters
    ----------
    words : sequence of Word
        Names and calls, operators other than ``~`` and ``|``, parentheses, exponents.
    factors : sequence of Factor
        Meaning of the names and calls, in order.
    text : str
        The formula, for messages.

    Returns
    -------
    list of Term
        In formulaic's order, not yet sorted by degree.
    """
    if len(factors) > MAX_PRODUCT:
        raise FormulaError(
            f"A product of the formula holds {len(factors)} names; at most {MAX_PRODUCT} are "
            "allowed.",
            code="formula-too-long",
        )
    number: dict[Factor, int] = {}
    shape: list[str] = []
    pending = iter(factors)
    for word in words:
        if word.kind in ("name", "call"):
            shape.append(f"`{number.setdefault(next(pending), len(number))}`")
        else:
            shape.append("%in%" if word.text == "in" else word.text)
    known = list(number)
    return [Term(tuple(known[i] for i in term)) for term in _expand(" ".join(shape), text)]


def check_order(words: Sequence[Word], text: str) -> None:
    """Refuse a product that is not well formed, pointing into the user's own text.

    Parameters
    ----------
    words : sequence of Word
        The product.
    text : str
        The formula.
    """
    operand = False
    previous: Word | None = None
    for word in words:
        if word.kind == "operator" and word.text in ("~", "|", "||"):
            raise FormulaError(
                pointed(f"{word.text!r} does not belong here.", text, word.start), code="syntax"
            )
        starts = word.kind in ("name", "call", "open", "number")
        if starts and operand:
            raise _missing_operator(previous, word, text)
        if not starts and not operand and word.text not in "+-":
            raise FormulaError(
                pointed(f"{word.text!r} has nothing on its left.", text, word.start),
                code="syntax",
            )
        if word.kind == "number" or (previous is not None and previous.text == "**"):
            _check_exponent(previous, word, text)
        operand = word.kind in ("name", "call", "close", "number")
        previous = word
    if not operand and previous is not None:
        raise FormulaError(
            pointed(f"{previous.text!r} has nothing on its right.", text, previous.start),
            code="syntax",
        )


def _check_exponent(previous: Word | None, word: Word, text: str) -> None:
    if previous is None or previous.text != "**":
        raise FormulaError(
            pointed(
                "A number cannot be part of a product of terms; write I(2 * x) for arithmetic.",
                text,
                word.start,
                len(word.text),
            ),
            code="syntax",
        )
    if word.kind != "number" or not re.fullmatch(r"[1-9][0-9]{0,3}", word.text):
        raise FormulaError(
            pointed(
                "The power of a sum of terms must be a whole number from 1; write I(x**2) for the "
                "square of a column.",
                text,
                word.start,
                len(word.text),
            ),
            code="syntax",
        )


def _missing_operator(previous: Word | None, word: Word, text: str) -> FormulaError:
    before = "" if previous is None else previous.text
    advice = ""
    if word.kind == "open" and previous is not None and previous.kind == "name":
        advice = f" A function is written {before}( without a blank."
    return FormulaError(
        pointed(f"An operator is missing after {before!r}.{advice}", text, word.start),
        code="syntax",
    )


@functools.lru_cache(maxsize=512)
def _expand(shape: str, text: str) -> tuple[tuple[int, ...], ...]:
    """Terms of a product of numbered factors."""
    from formulaic import Formula
    from formulaic.errors import FormulaicError

    try:
        formula = Formula.from_spec(shape, parser=_parser(), ordering="none")
        return tuple(tuple(int(factor.expr) for factor in term.factors) for term in formula)
    except (FormulaicError, ValueError, TypeError, RecursionError) as error:
        raise FormulaError(
            f"The formula {text[:80]!r} cannot be read: {str(error).splitlines()[0][:80]}",
            code="syntax",
        ) from None


@functools.cache
def _parser() -> Any:
    """Formulaic's parser without implicit intercept, its operators bounded."""
    from formulaic.parser import DefaultFormulaParser, DefaultOperatorResolver
    from formulaic.parser.types import Operator

    class BoundedResolver(DefaultOperatorResolver):  # type: ignore[misc]
        """Resolver whose products cannot grow without limit."""

        @property
        def operators(self) -> list[Any]:
            """Operators of formulaic, those that multiply terms bounded."""
            return [
                Operator(
                    operator.symbol,
                    arity=operator.arity,
                    precedence=operator.precedence,
                    associativity=operator.associativity,
                    fixity=operator.fixity,
                    to_terms=_power if operator.symbol == "**" else _bounded(operator.to_terms),
                )
                if operator.symbol in ("*", ":", "/", "in", "**")
                else operator
                for operator in super().operators
            ]

    return DefaultFormulaParser(operator_resolver=BoundedResolver(), include_intercept=False)


def _bounded(to_terms: Callable[..., Any]) -> Callable[..., Any]:
    def product(left: Any, right: Any) -> Any:
        _check_size(len(left) * len(right))
        return to_terms(left, right)

    return product


def _power(terms: Any, power: Any) -> Any:
    """All products of up to `power` of the terms, step by step without duplicates."""
    from formulaic.parser.types import OrderedSet

    exponent = int(next(iter(power)).factors[0].expr)
    result = terms
    for _ in range(min(exponent, len(terms)) - 1):
        _check_size(len(result) * len(terms) // 2)
        result = OrderedSet(left * right for left in result for right in terms)
    _check_size(len(result))
    return result


def _check_size(size: int) -> None:
    if size > MAX_TERMS:
        raise FormulaError(
            f"A product of the formula has more than {MAX_TERMS} terms.", code="too-many-terms"
        )
