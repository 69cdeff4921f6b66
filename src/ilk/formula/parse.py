"""From the text of the formulas to a `FormulaSpec`.

The same text is read once: specifications are immutable and kept.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ilk.covariance import STRUCTURES, AbstractCovariance
from ilk.errors import FormulaError, ModelError
from ilk.formula.bars import PLANNED, check_memberships, check_names, has_bar
from ilk.formula.functions import CONTRASTS, FUNCTIONS, LEFT_SIDE
from ilk.formula.pointing import pointed
from ilk.formula.response import check_right_side, read_response
from ilk.formula.scan import Word, check_text, scan, split
from ilk.formula.spec import MEAN, FormulaSpec, PredictorSpec
from ilk.formula.sums import SumReader

_RESERVED = frozenset(("offset", "olre", "mm", *STRUCTURES, *PLANNED, *LEFT_SIDE))


def parse(
    formula: str,
    *,
    functions: Mapping[str, Callable[..., Any]] | None = None,
    structures: Mapping[str, AbstractCovariance] | None = None,
    **others: str | None,
) -> FormulaSpec:
    """Read the formulas of a model.

    Parameters
    ----------
    formula : str
        Response and mean, such as ``"y ~ x + (1 + x | g)"``.
    functions : mapping of str to callable, optional
        Functions that the formulas may call beside the built-in ones.
    structures : mapping of str to AbstractCovariance, optional
        Covariance structures that the formulas may name beside the built-in ones.
    **others : str or None
        Formulas of other parameters than the mean, such as ``dispersion="~ x"``; None for none.

    Returns
    -------
    FormulaSpec

    Raises
    ------
    FormulaError
        The text cannot be read, or asks for something that is not allowed; the message points at
        the place.
    ModelError
        A covariance structure that does not exist, or not yet.

    Examples
    --------
    >>> from ilk.formula import parse
    >>> spec = parse("y ~ x + (1 + x | a/b)")
    >>> [term.label for term in spec.predictors[0].random]
    ['1 + x | a', '1 + x | a:b']
    """
    names = _check_functions(functions)
    given = {name: text for name, text in others.items() if text is not None}
    rest = tuple((name, check_text(text, f"{name}=")) for name, text in given.items())
    own = _check_structures(structures)
    spec = _parse_all(check_text(formula), rest, names, own)
    for name, _ in own:
        if name not in spec.structures:
            raise ModelError(
                f"covariance={{{name!r}: ...}}: no random term of the formula is written "
                f"{name}(... | g).",
                code="covariance",
            )
    if not functions:
        return spec
    return replace(spec, functions=dict(functions))


def check_arguments(formula: object, data: object) -> None:
    """Notice a formula and data that were given in the wrong order.

    Parameters
    ----------
    formula, data : object
        The first two arguments of a fit.

    Raises
    ------
    FormulaError
        The first is not text, or the second is.
    """
    call = 'fit("y ~ x + (1 | g)", data)'
    if isinstance(data, str) and not isinstance(formula, str):
        raise FormulaError(
            f"The formula comes first and the data second: {call}; here the first is "
            f"{type(formula).__name__} and the second is text.",
            code="swapped-arguments",
        )
    check_text(formula)
    if isinstance(data, str):
        raise FormulaError(
            f"The second argument must be a data frame or a dictionary of columns, as in {call}; "
            "it is text. Read the file first.",
            code="swapped-arguments",
        )


def _check_functions(functions: Mapping[str, Callable[..., Any]] | None) -> frozenset[str]:
    if not functions:
        return frozenset()
    for name, function in functions.items():
        if not str(name).isidentifier():
            raise ModelError(
                f"functions=: {name!r} is not a name that a formula can call.", code="functions"
            )
        if not callable(function):
            raise ModelError(
                f"functions=: {name!r} is {type(function).__name__}, not a function.",
                code="functions",
            )
        if name in FUNCTIONS or name in CONTRASTS or name in _RESERVED:
            raise ModelError(
                f"functions=: {name!r} is the name of a built-in; choose another.",
                code="functions",
            )
    return frozenset(functions)


def _check_structures(
    structures: Mapping[str, AbstractCovariance] | None,
) -> tuple[tuple[str, AbstractCovariance], ...]:
    for name in structures or ():
        if not str(name).isidentifier():
            raise ModelError(
                f"covariance=: {name!r} is not a name that a formula can have.", code="covariance"
            )
        if name in FUNCTIONS or name in CONTRASTS or name in _RESERVED:
            raise ModelError(
                f"covariance=: {name!r} is the name of a built-in; choose another for your own "
                "structure.",
                code="covariance",
            )
    return tuple((structures or {}).items())


@functools.lru_cache(maxsize=128)
def _parse_all(
    formula: str,
    others: tuple[tuple[str, str], ...],
    functions: frozenset[str],
    structures: tuple[tuple[str, AbstractCovariance], ...] = (),
) -> FormulaSpec:
    own = dict(structures)
    words = scan(formula)
    _check_tildes(words, formula)
    sides = split(words, "~")
    if len(sides) == 1:
        raise FormulaError(
            f"The formula {formula[:80]!r} has no '~'; write it as 'response ~ terms'.",
            code="no-tilde",
        )
    response = read_response(sides[0][1], formula, functions)
    predictors = [_read_right_side(MEAN, formula, sides[1][1], functions, own)]
    predictors += [_read_one_sided(name, text, functions, own) for name, text in others]
    check_right_side(response, predictors)
    check_names([(part.name, part.random) for part in predictors])
    check_memberships([random for part in predictors for random in part.random])
    return FormulaSpec(formula, response, tuple(predictors))


def _read_one_sided(
    name: str,
    text: str,
    functions: frozenset[str],
    own: Mapping[str, AbstractCovariance],
) -> PredictorSpec:
    words = scan(text)
    _check_tildes(words, text)
    sides = split(words, "~")
    if len(sides) == 1:
        raise FormulaError(
            f"{name}={text[:80]!r} must begin with '~', as in '~ x'.", code="no-tilde"
        )
    if sides[0][1]:
        raise FormulaError(
            pointed(f"{name}= has no left side; write '~ x'.", text, sides[0][1][0].start),
            code="response",
        )
    return _read_right_side(name, text, sides[1][1], functions, own)


def _check_tildes(words: Sequence[Word], text: str) -> None:
    tildes = [word for word in words if word.text == "~" and word.kind == "operator"]
    if len(tildes) > 1:
        raise FormulaError(
            pointed("The formula has a second '~'.", text, tildes[1].start), code="syntax"
        )
    if len(tildes) == 1 and len(split(words, "~")) == 1:
        raise FormulaError(
            pointed("'~' stands inside parentheses.", text, tildes[0].start), code="syntax"
        )


def _read_right_side(
    name: str,
    text: str,
    words: Sequence[Word],
    functions: frozenset[str],
    own: Mapping[str, AbstractCovariance],
) -> PredictorSpec:
    if not words:
        raise FormulaError(
            f"The right side of {text[:80]!r} is empty; write '~ 1' for an intercept alone.",
            code="empty-right-side",
        )
    if has_bar(words):
        bar = split(words, "| ||")[1][0]
        assert bar is not None
        raise FormulaError(
            pointed("A random term needs parentheses: (1 | g).", text, bar.start), code="bar"
        )
    reader = SumReader(text, functions, own)
    fixed = reader.read_terms(words)
    return PredictorSpec(name, text, fixed, tuple(reader.random), tuple(reader.offsets))
