r"""Linear equations in the names of coefficients: ``"policy = 0, age + 2 * urban = 1"``.

Names of coefficients hold brackets, colons, commas and even equals signs (``C(x)[T.b]``, ``a:b``,
``poly(x, degree=2)[1]``), so the text is read by looking for the longest name that stands at each
place; blanks in names do not matter.  The grammar is

    equations: equation ("," equation)*           equation: sum ("=" sum)+
    sum:       product (("+" | "-") product)*     product:  factor (("*" | "/") factor)*
    factor:    ("+" | "-") factor | number | name | "`" name "`" | "(" sum ")"

A name stands for a coefficient of the mean, or of another predictor with its name and a dot before
it (``dispersion.age``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.errors import ModelError, closest

if TYPE_CHECKING:
    from ilk.typing import FloatArray

__all__ = ["Equations", "equation_text", "read_hypothesis"]

_NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_WORD = re.compile(r"[^\s,=+\-*/()<>!]+(\([^()]*\))?(\[[^\]]*\])?(:[^\s,=+\-*/<>]+)*")


@dataclass(frozen=True, slots=True)
class Equations:
    """Linear equations ``L coef = rhs``.

    Parameters
    ----------
    L : (r, P) array
        Weights of the coefficients, one equation in each row.
    rhs : (r,) array
        Right sides.
    labels : tuple of str
        The equations in words.
    """

    L: FloatArray
    rhs: FloatArray
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Form:
    """A linear form: weights (P,) and a constant."""

    weights: FloatArray
    constant: float

    @property
    def number(self) -> bool:
        return not self.weights.any()

    def plus(self, other: _Form, sign: float = 1.0) -> _Form:
        return _Form(self.weights + sign * other.weights, self.constant + sign * other.constant)

    def times(self, factor: float) -> _Form:
        return _Form(self.weights * factor, self.constant * factor)


def read_hypothesis(
    hypothesis: Any,
    names: Sequence[tuple[str, str]],
    all_names: Sequence[tuple[str, str]] = (),
    rhs: Any = None,
) -> Equations:
    """Read a hypothesis: text, mapping of names to weights, a list of these, or a matrix.

    Parameters
    ----------
    hypothesis : str, mapping, sequence or (r, P) array
        ``"a = 0, b - c = 1"``; ``{"b": 1, "c": -1}``; a list of these; or weights, with one column
        for each estimated coefficient.
    names : sequence of (str, str)
        ``(component, name)`` of the estimated coefficients.
    all_names : sequence of (str, str)
        Of all coefficients, those that the data do not determine too.
    rhs : float or (r,) array, optional
        Right sides of mappings and matrices; zero by default.

    Returns
    -------
    Equations

    Raises
    ------
    ModelError
        A name is not known, or the hypothesis is not linear or not complete.
    """
    if isinstance(hypothesis, str):
        return _of_text([hypothesis], names, all_names, rhs)
    if isinstance(hypothesis, Mapping):
        return _of_mappings([hypothesis], names, all_names, rhs)
    items = list(hypothesis) if isinstance(hypothesis, (list, tuple)) else []
    if items and all(isinstance(item, str) for item in items):
        return _of_text(items, names, all_names, rhs)
    if items and all(isinstance(item, Mapping) for item in items):
        return _of_mappings(items, names, all_names, rhs)
    return _of_matrix(hypothesis, names, rhs)


def equation_text(
    row: FloatArray, value: float, names: Sequence[tuple[str, str]], digits: int = 6
) -> str:
    """Write an equation.

    Parameters
    ----------
    row : (P,) array
        Weights.
    value : float
        Right side.
    names : sequence of (str, str)
        ``(component, name)`` of the coefficients.
    digits : int
        Significant digits of weights.

    Examples
    --------
    >>> import numpy as np
    >>> names = [("mean", "a"), ("mean", "b"), ("dispersion", "a")]
    >>> equation_text(np.array([1.0, -2.0, 0.0]), 0.0, names)
    'a - 2 * b = 0'
    """
    text = ""
    for weight, name in zip(row.tolist(), map(_address, names), strict=True):
        if weight == 0.0:
            continue
        sign = ("-" if weight < 0.0 else "") if not text else (" - " if weight < 0.0 else " + ")
        size = "" if abs(weight) == 1.0 else f"{abs(weight):.{digits}g} * "
        text += f"{sign}{size}{name}"
    return f"{text or '0'} = {value:.{digits}g}"


def _address(name: tuple[str, str]) -> str:
    return name[1] if name[0] == "mean" else f"{name[0]}.{name[1]}"


def _of_text(
    texts: Sequence[str],
    names: Sequence[tuple[str, str]],
    all_names: Sequence[tuple[str, str]],
    rhs: Any,
) -> Equations:
    if rhs is not None:
        raise ModelError("rhs= goes with weights; a text has its own right sides.", code="rhs")
    rows: list[_Form] = []
    for text in texts:
        rows += _Reader(text, names, all_names).equations()
    L = np.array([form.weights for form in rows])
    right = np.array([0.0 - form.constant for form in rows])
    return Equations(L, right, _labels(L, right, names))


def _labels(L: FloatArray, rhs: FloatArray, names: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(equation_text(row, float(r), names) for row, r in zip(L, rhs, strict=True))


def _of_mappings(
    items: Sequence[Mapping[Any, Any]],
    names: Sequence[tuple[str, str]],
    all_names: Sequence[tuple[str, str]],
    rhs: Any,
) -> Equations:
    L = np.zeros((len(items), len(names)))
    for row, item in zip(L, items, strict=True):
        for key, weight in item.items():
            name = key if isinstance(key, tuple) else ("mean", key)
            if name not in names:
                name = next((n for n in names if _address(n) == key), name)
            if name not in names:
                _unknown(str(key), names, all_names)
            row[list(names).index(name)] += _weight(key, weight)
    right = _right_sides(rhs, len(L))
    return Equations(L, right, _labels(L, right, names))


def _weight(key: object, weight: Any) -> float:
    try:
        value = float(weight)
    except (TypeError, ValueError):
        value = np.nan
    if not np.isfinite(value):
        raise ModelError(
            f"The weight of {key!r:.80} is {weight!r:.80}; give a finite number.",
            code="hypothesis",
        )
    return value


def _of_matrix(hypothesis: Any, names: Sequence[tuple[str, str]], rhs: Any) -> Equations:
    try:
        L = np.atleast_2d(np.asarray(hypothesis, dtype=np.float64))
    except (TypeError, ValueError):
        L = np.zeros((0, 0))
    if L.ndim != 2 or L.shape[1] != len(names) or not len(L) or not np.isfinite(L).all():
        raise ModelError(
            "A hypothesis is a text such as 'a = 0, b - c = 1', a mapping of names to weights, a "
            f"list of these, or a matrix with {len(names)} columns, one for each estimated "
            "coefficient.",
            code="hypothesis",
        )
    right = _right_sides(rhs, len(L))
    return Equations(L, right, _labels(L, right, names))


def _right_sides(rhs: Any, count: int) -> FloatArray:
    try:
        found = np.asarray(0.0 if rhs is None else rhs, dtype=np.float64)
        if np.isfinite(found).all():
            return np.broadcast_to(found, (count,)).copy()
    except (TypeError, ValueError):
        pass
    raise ModelError(
        f"rhs={rhs!r:.80}: give one number, or one for each of the {count} equations.", code="rhs"
    )


def _unknown(
    word: str, names: Sequence[tuple[str, str]], all_names: Sequence[tuple[str, str]]
) -> None:
    """Refuse a name that is not one of an estimated coefficient, with the nearest that is."""
    known = [_address(name) for name in names]
    if word in map(_address, all_names):
        raise ModelError(
            f"The coefficient {word!r} was not estimated, because the data do not determine it; "
            "nothing can be tested about it.",
            code="hypothesis",
        )
    parts = [name for name in known if re.split(r"[\[:]", name)[0] == word]
    near = closest(word, known)
    if parts:
        hint = f" Its coefficients are {', '.join(map(repr, parts[:4]))}" + (
            f" and {len(parts) - 4} more." if len(parts) > 4 else "."
        )
    elif near:
        hint = f" Did you mean {near!r}?"
    else:
        hint = f" There are {', '.join(map(repr, known[:8]))}{', ...' if len(known) > 8 else ''}."
    raise ModelError(f"{word!r} is not a coefficient of this fit.{hint}", code="hypothesis")


class _Reader:
    """Reads one text of equations."""

    def __init__(
        self,
        text: str,
        names: Sequence[tuple[str, str]],
        all_names: Sequence[tuple[str, str]],
    ) -> None:
        self.text = text
        self.names = names
        self.all_names = all_names
        self.at = 0
        patterns = [(_address(name), j) for j, name in enumerate(names)]
        patterns.sort(key=lambda item: -len(item[0]))
        self.patterns = [(_pattern(name), j) for name, j in patterns]

    def equations(self) -> list[_Form]:
        rows: list[_Form] = []
        while True:
            rows += self._equation()
            if self._end():
                return rows
            if not self._take(","):
                self._refuse()
            if self._end():
                return rows

    def _equation(self) -> list[_Form]:
        start = self.at
        sides = [self._sum()]
        while self._take("==") or self._take("="):
            sides.append(self._sum())
        said = self.text[start : self.at].strip()
        if len(sides) == 1 and (self._end() or self.text[self.at] == ","):
            raise ModelError(
                f"{said!r} says nothing to test: write an equation, such as '{said} = 0'.",
                code="hypothesis",
            )
        rows = [left.plus(right, -1.0) for left, right in pairwise(sides)]
        for row in rows:
            if row.number:
                raise ModelError(f"{said!r} holds no coefficient.", code="hypothesis")
        return rows

    def _sum(self) -> _Form:
        form = self._product()
        while True:
            if self._take("+"):
                form = form.plus(self._product())
            elif self._take("-"):
                form = form.plus(self._product(), -1.0)
            else:
                return form

    def _product(self) -> _Form:
        start = self.at
        form = self._factor()
        while True:
            if self._take("*"):
                form = self._multiply(form, self._factor(), start)
            elif self._take("/"):
                by = self._factor()
                if not by.number or by.constant == 0.0:
                    self._nonlinear(start)
                form = form.times(1.0 / by.constant)
            else:
                return form

    def _multiply(self, a: _Form, b: _Form, start: int) -> _Form:
        if not (a.number or b.number):
            self._nonlinear(start)
        return b.times(a.constant) if a.number else a.times(b.constant)

    def _nonlinear(self, start: int) -> None:
        raise ModelError(
            f"{self.text[start : self.at].strip()!r} is not linear in the coefficients; they may "
            "be multiplied and divided by numbers only.",
            code="hypothesis",
        )

    def _factor(self) -> _Form:
        self._blanks()
        for pattern, j in self.patterns:
            found = pattern.match(self.text, self.at)
            if found:
                self.at = found.end()
                return _Form(np.eye(len(self.names))[j], 0.0)
        nothing = np.zeros(len(self.names))
        number = _NUMBER.match(self.text, self.at)
        if number and not self.text[number.end() : number.end() + 1].isidentifier():
            self.at = number.end()
            return _Form(nothing, float(number.group()))
        signs: dict[str, Callable[[_Form], _Form]] = {
            "+": lambda form: form,
            "-": lambda form: form.times(-1.0),
        }
        for sign, act in signs.items():
            if self._take(sign):
                return act(self._factor())
        if self.text[self.at : self.at + 1] == "(":
            return self._bracket()
        self._refuse()
        raise AssertionError

    def _bracket(self) -> _Form:
        start = self.at
        self.at += 1
        form = self._sum()
        if not self._take(")"):
            if self._end():
                raise ModelError(
                    f"A ')' is missing in the hypothesis {self.text[start:].strip()!r}.",
                    code="hypothesis",
                )
            self._refuse()
        return form

    def _take(self, sign: str) -> bool:
        self._blanks()
        if not self.text.startswith(sign, self.at):
            return False
        self.at += len(sign)
        return True

    def _blanks(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def _end(self) -> bool:
        self._blanks()
        return self.at >= len(self.text)

    def _refuse(self) -> None:
        """Say what stands where a coefficient, a number or a sign was expected."""
        if self._end():
            raise ModelError(
                f"The hypothesis {self.text.strip()!r} ends too early; write equations such as "
                "'a = 0, b - c = 1'.",
                code="hypothesis",
            )
        rest = self.text[self.at :]
        if rest.startswith("`") and "`" in rest[1:]:
            _unknown(rest[1 : rest.index("`", 1)], self.names, self.all_names)
        word = _WORD.match(rest)
        if word and any(pattern.match(rest) for pattern, _ in self.patterns):
            raise ModelError(
                f"A sign (+, -, *, =) or a comma is missing before {word.group()!r} in the "
                f"hypothesis {self.text.strip()!r}.",
                code="hypothesis",
            )
        if word and not _NUMBER.fullmatch(word.group()):
            _unknown(word.group(), self.names, self.all_names)
        raise ModelError(
            f"{rest[:20].strip()!r} is not understood in the hypothesis {self.text.strip()!r}; "
            "write equations such as 'a = 0, b - c = 1'.",
            code="hypothesis",
        )


def _pattern(name: str) -> re.Pattern[str]:
    """Pattern of a name, with or without backticks, whatever its blanks."""
    tokens = re.findall(r"\w+|[^\w\s]", name)
    body = ""
    for token in tokens:  # blanks between words count, others do not
        between = (
            r"\s+" if body and re.match(r"\w", token) and re.match(r"\w", body[-1]) else r"\s*"
        )
        body += (between if body else "") + re.escape(token)
    before = r"(?<!\w)" if re.match(r"\w", name) else ""
    after = r"(?![\w\[:.(])" if re.search(r"\w$", name) else r"(?![\[:])"
    return re.compile(rf"`{body}`|{before}{body}{after}")
