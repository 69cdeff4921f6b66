"""Terms with ``by=`` put together again: what the model is if the levels of ``by`` are alike.

If every cluster has rows of one level of ``by`` only, ``(1 + x | g)`` is ``(1 + x | g, by=sex)``
with equal covariance matrices.  Where clusters have rows of several levels it is not, for there the
effects of a cluster under different levels are independent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ilk.design.random import RandomTerm

__all__ = ["joined_cells"]


def joined_cells(terms: Sequence[RandomTerm], keep: Sequence[RandomTerm]) -> list[RandomTerm]:
    """Join the terms of different levels of ``by=``, where clusters have rows of one level.

    Parameters
    ----------
    terms : sequence of RandomTerm
        Terms of a model.
    keep : sequence of RandomTerm
        Terms of another one; those that it has too stay apart.

    Returns
    -------
    list of RandomTerm
        The same terms if there are none to join.
    """
    labels = {term.label for term in keep}
    homes: dict[object, list[RandomTerm]] = {}
    for j, term in enumerate(terms):
        names = tuple(name for name, _ in term.by)
        alike = (names, term.predictor, term.grouping.name, term.structure, term.settings)
        key = (*alike, term.width) if names and term.label not in labels else j
        homes.setdefault(key, []).append(term)
    found: list[RandomTerm] = []
    for home in homes.values():
        found += [_joined(home)] if len(home) > 1 and _apart(home) else home
    return found


def _joined(home: Sequence[RandomTerm]) -> RandomTerm:
    columns = sum(term.columns for term in home if term.columns is not None)
    return replace(home[0], columns=np.asarray(columns), by=())


def _apart(home: Sequence[RandomTerm]) -> bool:
    """Whether no cluster has rows of two of the terms."""
    seen = np.zeros(len(home[0].grouping.levels), dtype=int)
    for term in home:
        if term.columns is None:
            return False
        seen[np.unique(term.grouping.codes[term.columns.any(axis=1)])] += 1
    return bool(seen.max() <= 1)
