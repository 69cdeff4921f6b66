"""The left side of a formula: a value, binomial counts, or a value that may be censored.

Counts are ``cbind(successes, failures)`` or ``successes / trials``, censored values
``censored(time, status)`` or ``censored(lower, upper, kind="interval")``.
"""

from __future__ import annotations

from collections.abc import Sequence

from ilk.errors import FormulaError
from ilk.formula.functions import LEFT_SIDE, call_options
from ilk.formula.gate import read_factor
from ilk.formula.language import Call, Expression, Literal, Name, column_names, walk
from ilk.formula.pointing import pointed
from ilk.formula.scan import Word, inside, split
from ilk.formula.spec import Censoring, Factor, PredictorSpec, ResponseSpec


def read_response(words: Sequence[Word], text: str, functions: frozenset[str]) -> ResponseSpec:
    """Read the left side.

    Parameters
    ----------
    words : sequence of Word
        What stands left of ``~``.
    text : str
        The formula.
    functions : frozenset of str
        Names of the functions that the caller provides.

    Returns
    -------
    ResponseSpec
    """
    if not words:
        raise FormulaError(
            f"The formula {text[:80]!r} has no response; write it left of '~', as in 'y ~ x'.",
            code="no-response",
        )
    shown = text[words[0].start : words[-1].stop]
    inner = inside(words)
    if inner is not None:
        return read_response(inner, text, functions)
    if any(word.text in ("|", "||") for word in words):
        raise FormulaError(
            pointed("A random term belongs on the right of '~'.", text, words[0].start), code="bar"
        )
    sides = split(words, "/")
    if len(sides) == 2 and sides[0][1] and sides[1][1]:
        parts = tuple(_stretch(side, text, functions) for _, side in sides)
        return ResponseSpec("ratio", parts, shown)
    if len(words) > 1:
        raise FormulaError(
            pointed(
                f"The left side {shown!r} is not one response; write arithmetic as I(...), "
                "binomial counts as cbind(successes, failures) or successes / trials.",
                text,
                words[1].start,
            ),
            code="response",
        )
    word = words[0]
    if word.kind == "number":
        raise FormulaError(
            pointed("The response must be a column, not a number.", text, word.start),
            code="response",
        )
    if word.kind == "name":
        return ResponseSpec("value", (Factor(word.text, Name(word.text)),), shown)
    expression, normal = read_factor(word.text, functions, left=True)
    if isinstance(expression, Call) and expression.function == "cbind":
        return ResponseSpec("pair", _parts(expression, normal), shown)
    if isinstance(expression, Call) and expression.function == "censored":
        kind = _censoring(expression)
        return ResponseSpec("censored", _parts(expression, normal), shown, kind)
    _refuse_inner(expression, text, word.start)
    if not column_names(expression):
        raise FormulaError(
            pointed("The response holds no column.", text, word.start), code="response"
        )
    return ResponseSpec("value", (Factor(normal, expression),), shown)


def _parts(call: Call, normal: str) -> tuple[Factor, ...]:
    """Two arguments of a call as factors."""
    return tuple(
        Factor(part.column if isinstance(part, Name) else f"{normal}[{j}]", part)
        for j, part in enumerate(call.arguments[:2], start=1)
    )


def _censoring(call: Call) -> Censoring:
    kind = call_options(call).get("kind")
    return kind.value if isinstance(kind, Literal) else "right"


def _refuse_inner(expression: Expression, text: str, start: int) -> None:
    """Refuse a function of the left side inside of another expression."""
    for part in walk(expression):
        if isinstance(part, Call) and part.function in LEFT_SIDE:
            raise FormulaError(
                pointed(
                    f"{part.function}() is the whole left side or nothing: transform its columns "
                    f"instead, inside of it or in the data.",
                    text,
                    start,
                ),
                code="response",
            )


def _stretch(words: Sequence[Word], text: str, functions: frozenset[str]) -> Factor:
    """Factor from a stretch of the formula, read as arithmetic."""
    if len(words) == 1 and words[0].kind == "name":
        return Factor(words[0].text, Name(words[0].text))
    expression, normal = read_factor(text[words[0].start : words[-1].stop], functions)
    return Factor(normal, expression)


def check_right_side(response: ResponseSpec, predictors: Sequence[PredictorSpec]) -> None:
    """Refuse a response that also explains itself.

    Parameters
    ----------
    response : ResponseSpec
        Left side.
    predictors : sequence of PredictorSpec
        Right sides.

    Notes
    -----
    Only the response itself is refused: ``I(after - before) ~ before`` and ``y ~ lag(y)`` are
    sensible models.
    """
    expression = response.parts[0].expression
    if isinstance(expression, Call) and len(expression.arguments) == 1:
        expression = expression.arguments[0]
    if not isinstance(expression, Name):
        return
    for predictor in predictors:
        sums = [predictor.fixed, *(random.effects for random in predictor.random)]
        groups = [name for random in predictor.random for name in random.grouping]
        members = [random.membership for random in predictor.random if random.membership]
        groups += [name for mm in members for name in (*mm.columns, *mm.weight_columns)]
        plain = {
            factor.expression.column
            for terms in sums
            for factor in terms.factors
            if isinstance(factor.expression, Name)
        }
        if expression.column in plain or expression.column in groups:
            raise FormulaError(
                f"The response {expression.column!r} also stands on the right of "
                f"{predictor.text!r}; a model cannot explain a column by itself.",
                code="response-on-right",
            )
