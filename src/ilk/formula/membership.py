"""Multiple membership, ``mm(g1, g2, weights=[w1, w2], scale=True)``, right of a bar."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from ilk.errors import FormulaError
from ilk.formula.pointing import pointed
from ilk.formula.scan import Word

__all__ = ["MM", "Membership", "read_membership"]

MM = "mm"
"""Name of the function."""

_PLAIN = re.compile(r"[^\W\d][\w.]*\Z")
_LIST = re.compile(r"(?:\[(?P<list>.*)\]|(?:cbind|c)\((?P<call>.*)\))\Z", re.DOTALL)
_MOST = 100


@final
@dataclass(frozen=True, slots=True)
class Membership:
    """Columns that say which levels a row belongs to, and with which weights.

    Parameters
    ----------
    columns : tuple of s str
        Columns of labels; the levels are those of all of them.
    weights : tuple of s str or float
        Columns of weights, or numbers; none for equal weights, 1 / s each.
    scaled : bool
        Whether the weights of each row are divided by their sum.
    """

    columns: tuple[str, ...]
    weights: tuple[str | float, ...] = ()
    scaled: bool = False

    @property
    def name(self) -> str:
        """Name of the grouping factor."""
        return f"{MM}({', '.join(self.columns)})"

    @property
    def weight_columns(self) -> tuple[str, ...]:
        """Columns of weights."""
        return tuple(w for w in self.weights if isinstance(w, str))

    @property
    def text(self) -> str:
        """The call as a formula has it."""
        parts = [_written(name) for name in self.columns]
        if self.weights:
            said = (_written(w) if isinstance(w, str) else f"{w:g}" for w in self.weights)
            parts.append(f"weights=[{', '.join(said)}]")
        if self.scaled:
            parts.append("scale=True")
        return f"{MM}({', '.join(parts)})"


def read_membership(word: Word, text: str) -> Membership:
    """Read a call of ``mm``.

    Parameters
    ----------
    word : Word
        The call.
    text : str
        The formula.

    Returns
    -------
    Membership

    Raises
    ------
    FormulaError
        It has fewer than two columns, or weights that are not as many.
    """

    def refuse(what: str) -> FormulaError:
        return FormulaError(pointed(what, text, word.start, len(word.text)), code="membership")

    columns: list[str] = []
    weights: tuple[str | float, ...] = ()
    scaled = False
    for part in _split(word.text[len(MM) + 1 : -1]):
        name, sign, value = part.partition("=")
        name, value = name.strip(), value.strip()
        if not sign:
            columns.append(_column(part, refuse))
        elif name == "weights":
            weights = _weights(value, refuse)
        elif name == "scale" and value in ("True", "TRUE", "False", "FALSE"):
            scaled = value in ("True", "TRUE")
        elif name == "scale":
            raise refuse("scale= of mm() is True or False.")
        else:
            raise refuse(f"mm() has no setting {name!r}; it takes weights= and scale=.")
    if not 2 <= len(columns) <= _MOST:
        raise refuse(
            f"mm() takes 2 to {_MOST} columns of labels, as in (1 | mm(g1, g2)), not "
            f"{len(columns)}."
        )
    if len(set(columns)) < len(columns):
        raise refuse("mm() has the same column twice; name each once, and give it its weight.")
    if weights and len(weights) != len(columns):
        raise refuse(
            f"mm() has {len(columns)} columns of labels and {len(weights)} weights; give one for "
            "each, in the same order, as in mm(g1, g2, weights=[w1, w2])."
        )
    return Membership(tuple(columns), weights, scaled)


def _written(name: str) -> str:
    return name if _PLAIN.match(name) else f"`{name}`"


def _split(inside: str) -> list[str]:
    """Parts between commas outside brackets and backticks."""
    parts, depth, quoted = [""], 0, False
    for sign in inside:
        quoted ^= sign == "`"
        depth += 0 if quoted else (sign in "([") - (sign in ")]")
        if sign == "," and depth == 0 and not quoted:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts if part.strip()]


def _column(part: str, refuse: Callable[[str], FormulaError]) -> str:
    part = part.strip()
    if len(part) > 2 and part[0] == part[-1] == "`" and "`" not in part[1:-1]:
        return part[1:-1]
    if _PLAIN.match(part):
        return part
    raise refuse(f"mm() takes names of columns, not {part!r}; make that column in the data first.")


def _weights(value: str, refuse: Callable[[str], FormulaError]) -> tuple[str | float, ...]:
    found = _LIST.match(value)
    if found is None:
        raise refuse("weights= of mm() is a list of columns, as in weights=[w1, w2].")
    out: list[str | float] = []
    for part in _split(found["list"] if found["list"] is not None else found["call"]):
        try:
            number = ast.literal_eval(part)
        except (ValueError, SyntaxError):
            out.append(_column(part, refuse))
            continue
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            raise refuse(f"weights= of mm() takes columns and numbers, not {part!r}.")
        out.append(float(number))
    return tuple(out)
