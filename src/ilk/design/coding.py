"""How the factors of a sum are coded so that no column repeats what others already say.

A factor beside an intercept needs one column fewer than it has levels; a product of factors needs
full or reduced codings depending on which of its margins are in the sum. The rule is that of
formulaic (and patsy): every term is opened into subterms, in which a factor is absent or reduced;
subterms that an earlier term has given are left out; the rest is closed again by

    (anything) + (anything):(f reduced)  ->  (anything):(f full).

The columns and names that follow are formulaic's, to the letter; tests compare them.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Part: TypeAlias = tuple[int, bool]
"""Position of a factor and whether its coding is reduced."""


@dataclass(frozen=True, slots=True)
class Subterm:
    """A product of coded factors.

    Parameters
    ----------
    parts : tuple of (int, bool)
        Position of each factor, and whether it is reduced by its reference level.
    """

    parts: tuple[Part, ...]

    @property
    def key(self) -> frozenset[Part]:
        """The product regardless of order."""
        return frozenset(self.parts)


@functools.lru_cache(maxsize=512)
def code_terms(
    terms: tuple[tuple[int, ...], ...], categorical: tuple[bool, ...]
) -> tuple[tuple[Subterm, ...], ...]:
    """Choose the coding of every factor in every term.

    Parameters
    ----------
    terms : tuple of tuple of int
        Factors of each term, by position.
    categorical : tuple of bool
        Which factors have levels.

    Returns
    -------
    tuple of tuple of Subterm
        For each term the products to be put side by side.
    """
    given: set[frozenset[Part]] = set()
    coded: list[tuple[Subterm, ...]] = []
    for term in terms:
        opened = [s for s in _open(term, categorical) if s.key not in given]
        given.update(subterm.key for subterm in opened)
        coded.append(tuple(_close(opened)))
    return tuple(coded)


def _open(term: Sequence[int], categorical: Sequence[bool]) -> Iterable[Subterm]:
    """Subterms of a term: each of its factors with levels is reduced or absent."""
    choices: list[tuple[Part | None, ...]] = [
        ((i, True), None) if categorical[i] else ((i, False),) for i in term
    ]
    for choice in itertools.product(*choices):
        yield Subterm(tuple(part for part in choice if part is not None))


def _close(subterms: Iterable[Subterm]) -> list[Subterm]:
    """Fewest subterms that span the same space."""
    closed: list[Subterm] = []
    for subterm in sorted(subterms, key=lambda s: len(s.parts)):
        for margin in closed:
            extra = subterm.key - margin.key
            if len(subterm.parts) != len(margin.parts) + 1 or len(extra) != 1:
                continue
            part = next(iter(extra))
            if not part[1]:
                continue
            full = tuple((i, False) if (i, r) == part else (i, r) for i, r in subterm.parts)
            closed = _close([*(s for s in closed if s is not margin), Subterm(full)])
            break
        else:
            closed.append(subterm)
    return closed
