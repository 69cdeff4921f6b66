r"""Sums over pairs of units that share clusters, by the set of grouping factors that they share.

With v of each unit and a set S of factors let :math:`T_S` be the sum of :math:`v_i v_j` over
ordered pairs, i not j, that share a level of every factor in S, and perhaps of others,

.. math:: T_S = \sum_{c} \Big(\sum_{i \in c} v_i\Big)^2 - \sum_i v_i^2,

c the combinations of levels that occur.  Pairs that share the levels of S and of no other factor
are found by inclusion and exclusion,
:math:`E_S = \sum_{R \supseteq S} (-1)^{|R| - |S|}\, T_R`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from ilk.frame import factor_integers

if TYPE_CHECKING:
    from ilk.typing import FloatArray, IntArray

__all__ = ["factor_sets", "pair_sums"]


def factor_sets(count: int) -> tuple[tuple[int, ...], ...]:
    """Give the nonempty sets of factors, smaller ones first.

    Examples
    --------
    >>> factor_sets(2)
    ((0,), (1,), (0, 1))
    """
    sizes = range(1, count + 1)
    return tuple(some for size in sizes for some in combinations(range(count), size))


def pair_sums(
    codes: Sequence[IntArray],
    values: FloatArray,
    squares: FloatArray,
    sets: Sequence[Sequence[int]],
) -> FloatArray:
    """Sum products over pairs that share the levels of a set of factors and no other.

    Parameters
    ----------
    codes : sequence of G (n,) arrays of int
        Level of each row, by factor.
    values : (n, k) array
        Sum over the units of each row.
    squares : (k,) array
        Sum of squares over all units.
    sets : sequence of s sets
        From `factor_sets`.

    Returns
    -------
    (s, k) array
    """
    shared = np.array([_at_least(codes, some, values) - squares for some in sets])
    out = np.empty_like(shared)
    for i, some in enumerate(sets):
        signs = [
            (-1.0) ** (len(other) - len(some)) if set(some) <= set(other) else 0.0 for other in sets
        ]
        out[i] = np.array(signs) @ shared
    return out


def _at_least(codes: Sequence[IntArray], some: Sequence[int], values: FloatArray) -> FloatArray:
    """(k,) sums of squared totals over the combinations of levels of some factors."""
    cells: IntArray = codes[some[0]]
    for g in some[1:]:
        width = int(codes[g].max()) + 1
        cells, _ = factor_integers(cells.astype(np.int64) * width + codes[g])
    totals = [np.bincount(cells, column) for column in values.T]
    return np.array([float(total @ total) for total in totals])
