"""Words of a formula: one linear pass that also finds what is unbalanced or does not belong.

Words keep their position in the text, so that every message can point at its culprit. A name that
is followed at once by a parenthesis begins a call, which is one word up to its closing parenthesis;
what a call holds is for `ilk.formula.gate`, or for `ilk.formula.bars` if it is a covariance
structure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NoReturn, TypeAlias

from ilk.errors import FormulaError
from ilk.formula.gate import MAX_DEPTH, MAX_LENGTH
from ilk.formula.pointing import pointed

WordKind: TypeAlias = Literal["name", "number", "call", "open", "close", "operator", "setting"]


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a formula.

    Parameters
    ----------
    kind : str
        ``"name"``, ``"number"``, ``"call"``, ``"open"``, ``"close"``, ``"operator"``, or
        ``"setting"``, the beginning of ``, by=sex``.
    text : str
        The word; a name without its backticks, a setting without comma and sign.
    start, stop : int
        Where it stands in the formula.
    """

    kind: WordKind
    text: str
    start: int
    stop: int

    @property
    def function(self) -> str:
        """Name of the function of a call."""
        return self.text.partition("(")[0]


_WORD = re.compile(
    r"(?P<blank>\s+)"
    r"|(?P<quoted>`[^`]*`)"
    r"|(?P<word>[\w.]+)"
    r"|(?P<operator>\*\*|\|\||%in%|[-~+*/:^|])"
    r"|(?P<open>\()|(?P<close>\))|(?P<brace>\{)"
    r"|(?P<setting>,\s*[^\W\d]\w*\s*=(?!=))"
)
_NUMBER = re.compile(r"[0-9.]*[0-9][0-9.]*\Z")
_PARTS = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`[^`]*`|[\[\](){}\"'`]")
_OPENERS = {"(": ")", "[": "]", "{": "}"}


def check_text(text: object, argument: str = "The formula") -> str:
    """Check that a formula is text of reasonable length.

    Parameters
    ----------
    text : object
        What was given.
    argument : str
        Begins the message.

    Returns
    -------
    str
        The text.
    """
    if not isinstance(text, str):
        raise FormulaError(
            f"{argument} must be text such as 'y ~ x + (1 | g)', not {type(text).__name__}.",
            code="formula-type",
        )
    if len(text) > MAX_LENGTH:
        raise FormulaError(
            f"{argument} has {len(text)} characters; at most {MAX_LENGTH} are allowed.",
            code="formula-too-long",
        )
    return text


def scan(text: str, start: int = 0, stop: int | None = None) -> tuple[Word, ...]:
    """Split a formula, or a stretch of it, into words.

    Parameters
    ----------
    text : str
        The whole formula.
    start, stop : int
        The stretch.

    Returns
    -------
    tuple of Word

    Raises
    ------
    FormulaError
        A parenthesis, quote or backtick has no partner, or a character does not belong.
    """
    stop = len(text) if stop is None else stop
    words: list[Word] = []
    opened: list[int] = []
    position = start
    while position < stop:
        match = _WORD.match(text, position, stop)
        if match is None:
            _refuse(text, position)
        kind, end = match.lastgroup, match.end()
        if kind == "quoted":
            words.append(Word("name", match.group()[1:-1], position, end))
        elif kind == "word":
            words.append(_word(text, match.group(), position, stop))
            end = words[-1].stop
        elif kind == "brace":
            end = closing(text, position, stop)
            words.append(Word("call", text[position + 1 : end - 1], position, end))
        elif kind in ("operator", "setting"):
            words.append(_sign(kind, match.group(), position))
        elif kind == "open":
            opened.append(position)
            if len(opened) > MAX_DEPTH:
                raise _too_deep(text, position)
            words.append(Word("open", "(", position, end))
        elif kind == "close":
            if not opened:
                raise FormulaError(
                    pointed("This parenthesis was never opened.", text, position),
                    code="unbalanced",
                )
            opened.pop()
            words.append(Word("close", ")", position, end))
        position = end
    if opened:
        raise FormulaError(
            pointed("This parenthesis is never closed.", text, opened[-1]), code="unbalanced"
        )
    return tuple(words)


def _sign(kind: str, sign: str, position: int) -> Word:
    end = position + len(sign)
    if kind == "setting":
        return Word("setting", sign[1:-1].strip(), position, end)
    return Word("operator", {"^": "**", "%in%": "in"}.get(sign, sign), position, end)


def _word(text: str, word: str, position: int, stop: int) -> Word:
    end = position + len(word)
    if _NUMBER.match(word):
        return Word("number", word, position, end)
    if end < stop and text[end] == "(":
        close = closing(text, end, stop)
        while close < stop and text[close] in "([":  # f(x)(y) and f(x)[0] stay whole for the gate
            close = closing(text, close, stop)
        return Word("call", text[position:close], position, close)
    if end < stop and text[end] == "[":
        raise FormulaError(
            pointed("Formulas know no subscripts; write the name of a column.", text, end),
            code="not-allowed",
        )
    return Word("name", word, position, end)


def closing(text: str, position: int, stop: int) -> int:
    """Position after the bracket that closes the one at `position`.

    Parameters
    ----------
    text : str
        The formula.
    position : int
        Position of an opening bracket.
    stop : int
        Where to give up.

    Returns
    -------
    int
    """
    stack: list[tuple[str, int]] = []
    for match in _PARTS.finditer(text, position, stop):
        part = match.group()
        if part in _OPENERS:
            stack.append((_OPENERS[part], match.start()))
            if len(stack) > MAX_DEPTH:
                raise _too_deep(text, match.start())
        elif part in ")]}":
            expected, opened = stack.pop()
            if part != expected:
                raise FormulaError(
                    pointed(f"Here {expected!r} was expected, not {part!r}.", text, match.start()),
                    code="unbalanced",
                )
            if not stack:
                return match.end()
        elif len(part) == 1:
            raise FormulaError(
                pointed(f"The quote {part} is never closed.", text, match.start()),
                code="unbalanced",
            )
    opened = stack[-1][1]
    raise FormulaError(
        pointed(f"This {text[opened]!r} is never closed.", text, opened), code="unbalanced"
    )


def _too_deep(text: str, position: int) -> FormulaError:
    return FormulaError(
        pointed(f"The formula is nested more than {MAX_DEPTH} deep.", text, position),
        code="formula-too-deep",
    )


def _refuse(text: str, position: int) -> NoReturn:
    char = text[position]
    advice = {
        "`": "This backtick is never closed.",
        '"': "Text does not belong here; names of columns go without quotes or between backticks.",
        "'": "Text does not belong here; names of columns go without quotes or between backticks.",
        "[": "Formulas know no subscripts.",
        "=": "'=' does not belong here; a comparison goes into I(x == 1).",
        "<": "A comparison goes into I(x < 1).",
        ">": "A comparison goes into I(x > 1).",
        "%": "The only operator between percent signs is %in%.",
        ",": "A comma does not belong here.",
        "$": "Write the name of the column alone, without the frame and '$'.",
        "}": "This brace was never opened.",
    }.get(char, f"The character {char!r} does not belong in a formula.")
    raise FormulaError(pointed(advice, text, position), code="syntax")


def split(words: Sequence[Word], operators: str) -> list[tuple[Word | None, list[Word]]]:
    """Split words at operators that stand outside parentheses.

    Parameters
    ----------
    words : sequence of Word
        Part of a formula.
    operators : str
        Operators, separated by blanks.

    Returns
    -------
    list of (Word or None, list of Word)
        Each piece with the operator before it.
    """
    signs = frozenset(operators.split())
    pieces: list[tuple[Word | None, list[Word]]] = [(None, [])]
    depth = 0
    for word in words:
        if word.kind == "open":
            depth += 1
        elif word.kind == "close":
            depth -= 1
        elif depth == 0 and word.kind == "operator" and word.text in signs:
            pieces.append((word, []))
            continue
        pieces[-1][1].append(word)
    return pieces


def settings(words: Sequence[Word]) -> tuple[list[Word], list[tuple[Word, list[Word]]]]:
    """Take the settings off the end of words, ``, by=sex`` and others outside parentheses.

    Parameters
    ----------
    words : sequence of Word
        Part of a formula.

    Returns
    -------
    words : list of Word
        Those before the first setting.
    found : list of (Word, list of Word)
        Each setting and what it is set to.
    """
    found: list[tuple[Word, list[Word]]] = []
    head: list[Word] = []
    depth = 0
    for word in words:
        depth += (word.kind == "open") - (word.kind == "close")
        if depth == 0 and word.kind == "setting":
            found.append((word, []))
        else:
            (found[-1][1] if found else head).append(word)
    return head, found


def inside(words: Sequence[Word]) -> Sequence[Word] | None:
    """Words between a pair of parentheses that encloses all of them, or None.

    Parameters
    ----------
    words : sequence of Word
        Part of a formula.

    Returns
    -------
    sequence of Word or None
    """
    if len(words) < 2 or words[0].kind != "open" or words[-1].kind != "close":
        return None
    depth = 0
    for word in words[:-1]:
        depth += (word.kind == "open") - (word.kind == "close")
        if depth == 0:
            return None
    return words[1:-1]
