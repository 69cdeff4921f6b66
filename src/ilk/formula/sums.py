"""Right sides: a sum whose pieces are fixed terms, random terms and offsets.

Products of factors go to `ilk.formula.algebra`, factors through `ilk.formula.gate`, random terms to
`ilk.formula.bars`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ilk.covariance import AbstractCovariance
from ilk.errors import FormulaError
from ilk.formula.algebra import MAX_TERMS, check_order, expand_product
from ilk.formula.bars import (
    MAX_RANDOM,
    has_bar,
    is_structure,
    observation_level,
    read_random,
    read_structure,
)
from ilk.formula.gate import read_factor
from ilk.formula.language import Name, column_names
from ilk.formula.pointing import pointed
from ilk.formula.scan import Word, inside, settings, split
from ilk.formula.spec import Factor, RandomSpec, Sum, Term

_INTERCEPT = Term()


@dataclass(frozen=True, slots=True)
class SumReader:
    """Reads one right side; collects random terms and offsets on the way.

    Parameters
    ----------
    text : str
        The formula.
    functions : frozenset of str
        Names of the functions that the caller provides.
    structures : mapping
        Covariance structures that the caller provides, by name.
    random : list of RandomSpec
        Filled with the random terms.
    offsets : list of Factor
        Filled with the offsets.
    """

    text: str
    functions: frozenset[str]
    structures: Mapping[str, AbstractCovariance] = field(default_factory=dict)
    random: list[RandomSpec] = field(default_factory=list)
    offsets: list[Factor] = field(default_factory=list)

    def read_terms(self, words: Sequence[Word]) -> Sum:
        """Read a sum with its implicit intercept.

        Parameters
        ----------
        words : sequence of Word
            The sum.

        Returns
        -------
        Sum
            Its fixed terms, sorted by degree, as formulaic sorts them.
        """
        terms = self._read_sum(words, {_INTERCEPT: None})
        return Sum(tuple(sorted(terms, key=lambda term: len(term.factors))))

    def _read_sum(self, words: Sequence[Word], terms: dict[Term, None]) -> dict[Term, None]:
        """Add and subtract the pieces of a sum, in order."""
        seen: dict[frozenset[Factor], Term] = {frozenset(t.factors): t for t in terms}
        _, misplaced = settings(words)
        if misplaced:
            raise FormulaError(
                pointed("A comma does not belong here.", self.text, misplaced[0][0].start),
                code="syntax",
            )
        pieces = split(words, "+ -")
        operator, last = pieces[-1]
        if not last:
            raise FormulaError(
                pointed(
                    "The formula ends in the middle of a sum.",
                    self.text,
                    None if operator is None else operator.start,
                ),
                code="syntax",
            )
        minus = False
        for operator, piece in pieces:
            minus ^= operator is not None and operator.text == "-"
            if not piece:
                continue  # a leading sign, or one of several
            sign, minus = -1 if minus else 1, False
            if len(piece) == 1 and piece[0].kind == "number" and piece[0].text == "0":
                piece, sign = [replace(piece[0], text="1")], -sign
            for term in self._read_piece(piece, sign):
                key = frozenset(term.factors)
                if sign > 0 and key not in seen:
                    seen[key] = term
                elif sign < 0:
                    seen.pop(key, None)
            if len(self.random) > MAX_RANDOM:
                raise FormulaError(
                    f"The formula has more than {MAX_RANDOM} random terms.", code="too-many-terms"
                )
            if len(seen) > MAX_TERMS:
                raise FormulaError(
                    f"The formula has more than {MAX_TERMS} terms.", code="too-many-terms"
                )
        return dict.fromkeys(seen.values())

    def _read_piece(self, words: Sequence[Word], sign: int) -> Sequence[Term]:
        inner = inside(words)
        if inner is not None:
            if not inner:
                raise FormulaError(
                    pointed("Nothing stands between these parentheses.", self.text, words[0].start),
                    code="syntax",
                )
            if has_bar(inner):
                self._check_added(words[0], sign)
                self.random.extend(read_random(inner, self.text, self._read_effects))
                return ()
            return tuple(self._read_sum(inner, {}))
        if len(words) == 1:
            return self._read_word(words[0], sign)
        return self._read_product(words)

    def _read_word(self, word: Word, sign: int) -> Sequence[Term]:
        """Terms of a piece that is a single word."""
        if word.kind == "number":
            if word.text == "1":
                return (_INTERCEPT,)
            raise FormulaError(
                pointed(
                    "Of numbers only 1 and 0 can be terms: with and without intercept.",
                    self.text,
                    word.start,
                    len(word.text),
                ),
                code="syntax",
            )
        if word.kind == "operator":
            raise FormulaError(
                pointed(f"{word.text!r} has nothing on either side.", self.text, word.start),
                code="syntax",
            )
        if word.kind == "call":
            if self._is_structure(word):
                self._check_added(word, sign)
                found = read_structure(word, self.text, self._read_effects, self.structures)
                self.random.extend(found)
                return ()
            if word.function in ("offset", "olre"):
                self._check_added(word, sign)
                self._read_special(word)
                return ()
        return (Term((self._factor(word),)),)

    def _read_special(self, word: Word) -> None:
        """``offset(expression)`` or ``olre()``."""
        body = word.text[len(word.function) + 1 : -1]
        if word.function == "olre":
            if body.strip():
                raise FormulaError(
                    pointed("olre() takes no arguments.", self.text, word.start), code="arguments"
                )
            self.random.append(observation_level())
            return
        if not body.strip():
            raise FormulaError(
                pointed("offset() needs a column, as in offset(log(days)).", self.text, word.start),
                code="arguments",
            )
        self.offsets.append(self._gated(body, word))

    def _is_structure(self, word: Word) -> bool:
        return word.function not in self.functions and is_structure(
            word, self.text, self.structures
        )

    def _check_added(self, word: Word, sign: int) -> None:
        if sign < 0:
            raise FormulaError(
                pointed(
                    "Random terms and offsets can be added only, not taken away.",
                    self.text,
                    word.start,
                ),
                code="syntax",
            )

    def _read_product(self, words: Sequence[Word]) -> Sequence[Term]:
        for word in words:
            if word.kind == "operator" and word.text in ("|", "||"):
                raise FormulaError(
                    pointed(
                        "A random term can be added only, as in x + (1 | g).", self.text, word.start
                    ),
                    code="bar",
                )
            if word.kind == "call" and (
                word.function in ("offset", "olre") or self._is_structure(word)
            ):
                raise FormulaError(
                    pointed(
                        f"{word.function}(...) can be added only, not multiplied.",
                        self.text,
                        word.start,
                        len(word.function),
                    ),
                    code="syntax",
                )
        check_order(words, self.text)
        factors = [self._factor(word) for word in words if word.kind in ("name", "call")]
        return expand_product(words, factors, self.text)

    def _read_effects(self, words: Sequence[Word], text: str) -> Sum:
        """Sum left of a bar; its intercept is implicit, as in lme4."""
        reader = SumReader(text, self.functions, self.structures)
        terms = reader.read_terms(words)
        if reader.random or reader.offsets:
            raise FormulaError(
                pointed(
                    "A random term cannot hold another one, or an offset.", text, words[0].start
                ),
                code="bar",
            )
        return terms

    def _factor(self, word: Word) -> Factor:
        if word.kind == "name":
            if word.text == "." and self.text[word.start] != "`":
                raise FormulaError(
                    pointed(
                        "'.' for all other columns is not available; name the columns.",
                        self.text,
                        word.start,
                    ),
                    code="not-allowed",
                )
            return Factor(word.text, Name(word.text))
        return self._gated(word.text, word)

    def _gated(self, factor: str, word: Word) -> Factor:
        """Factor that passed the gate, or the gate's refusal with its place in the formula."""
        try:
            expression, normal = read_factor(factor, self.functions)
        except FormulaError as error:
            message = pointed(error.message, self.text, word.start, len(word.text))
            raise FormulaError(message, code=error.code) from None
        if not column_names(expression):
            raise FormulaError(
                pointed(
                    f"The factor {normal} holds no column.", self.text, word.start, len(word.text)
                ),
                code="syntax",
            )
        return Factor(normal, expression)
