r"""Jets of functions of several variables: the chain rule to third order.

.. math:: F_a = \sum_k f_k\, g^k_a, \qquad
   F_{ab} = \sum_k f_k\, g^k_{ab} + \sum_{kl} f_{kl}\, g^k_a g^l_b, \\
   F_{abc} = \sum_k f_k\, g^k_{abc}
   + \sum_{kl} f_{kl}\, (g^k_{ab} g^l_c + g^k_{ac} g^l_b + g^k_{bc} g^l_a)
   + \sum_{klm} f_{klm}\, g^k_a g^l_b g^m_c
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement, product
from typing import Any

import numpy as np

from ilk.num.jets import Jet, pair, triple
from ilk.num.piecewise import are_variables
from ilk.typing import FloatArray

__all__ = ["chain"]


def chain(outer: Jet, inner: Sequence[Jet | FloatArray]) -> Jet:
    """Jet of f(g_1, ..., g_K).

    Parameters
    ----------
    outer : Jet
        The function f with its derivatives in K variables, at the values of ``inner``.
    inner : sequence of K jets or ndarrays (n,)
        The functions g_k; arrays are constants.

    Returns
    -------
    Jet
        In the variables of the jets of ``inner``.

    Examples
    --------
    >>> import numpy as np
    >>> from ilk.num.jets import variables
    >>> x = variables([np.array([2.0]), np.array([3.0])], 2)
    >>> at = variables([np.array([6.0])], 2)
    >>> chain(at[0] * at[0], [x[0] * x[1]]).first.ravel()
    array([36., 24.])
    """
    moving = [(k, g) for k, g in enumerate(inner) if isinstance(g, Jet)]
    like = moving[0][1]
    if len(moving) == len(inner) and are_variables([g for _, g in moving]):
        return outer
    order, count, none = like.order, like.variables, np.zeros((0, len(outer.value)))
    first, second, third = like.first[:0], none, none
    if order >= 1:
        first = _sum(outer.first[k] * g.first for k, g in moving)
    if order >= 2:
        second = _sum(outer.first[k] * g.second for k, g in moving)
        for a, b in combinations_with_replacement(range(count), 2):
            second[pair(a, b)] += _sum(
                outer.second[pair(k, m)] * g.first[a] * h.first[b]
                for (k, g), (m, h) in product(moving, repeat=2)
            )
    if order >= 3:
        third = _sum(outer.first[k] * g.third for k, g in moving)
        for a, b, c in combinations_with_replacement(range(count), 3):
            ab, ac, bc = pair(a, b), pair(a, c), pair(b, c)
            third[triple(a, b, c)] += _sum(
                outer.second[pair(k, m)]
                * (
                    g.second[ab] * h.first[c]
                    + g.second[ac] * h.first[b]
                    + g.second[bc] * h.first[a]
                )
                for (k, g), (m, h) in product(moving, repeat=2)
            )
            third[triple(a, b, c)] += _sum(
                outer.third[triple(k, m, o)] * g.first[a] * h.first[b] * i.first[c]
                for (k, g), (m, h), (o, i) in product(moving, repeat=3)
            )
    return Jet(outer.value, first, second, third, order)


def _sum(parts: Any) -> FloatArray:
    total: FloatArray = sum(parts, start=np.zeros(()))
    return total
