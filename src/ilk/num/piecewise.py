"""Functions of K variables that are, row by row, functions of few of them.

The log density of an ordered category depends on the predictor and on the two thresholds around
it, whatever the number of categories.  Jets in these few variables are cheap; their derivatives
are then put where they belong among those of all K.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any, final

import numpy as np

from ilk.num.jets import Jet, NumberT, pair, triple, variables
from ilk.typing import FloatArray, IntArray

__all__ = ["Piece", "are_variables", "piecewise"]


@final
@dataclass(frozen=True, slots=True)
class Piece:
    """A function on some rows.

    Attributes
    ----------
    rows : ndarray (m,) of int
        The rows.
    needed : sequence of int
        Variables that the function takes, in this order and each once.
    function : callable
        Takes them as jets, or as ndarrays (m,), to a number of the same kind.
    """

    rows: IntArray
    needed: Sequence[int]
    function: Callable[[list[Any]], Any]


def piecewise(eta: Sequence[NumberT], pieces: Iterable[Piece]) -> NumberT:
    """Put together a function from its pieces.

    Parameters
    ----------
    eta : sequence of K jets, or of K ndarrays (n,)
        The variables.
    pieces : iterable of Piece
        Functions whose rows do not overlap.

    Returns
    -------
    jet or ndarray (n,)
        Of the kind of ``eta``; nan in rows of no piece.

    Examples
    --------
    >>> import numpy as np
    >>> x = [np.array([1.0, 2.0]), np.array([3.0, 4.0])]
    >>> first = Piece(np.array([0]), [1], lambda v: 10.0 * v[0])
    >>> second = Piece(np.array([1]), [0], lambda v: v[0] * v[0])
    >>> piecewise(x, [first, second])
    array([30.,  4.])
    """
    given: list[Any] = list(eta)  # in averages, jets beside constants
    jets = [x for x in given if isinstance(x, Jet)]
    if not jets:
        return _of_arrays(given, pieces)  # type: ignore[return-value]
    if len(jets) == len(eta) and are_variables(jets):
        return _scattered(jets, pieces)  # type: ignore[return-value]
    return _general(given, jets[0], pieces)  # type: ignore[return-value]


def _of_arrays(eta: list[FloatArray], pieces: Iterable[Piece]) -> FloatArray:
    out = np.full(np.shape(eta[0]), np.nan)
    for piece in pieces:
        out[piece.rows] = piece.function([eta[k][piece.rows] for k in piece.needed])
    return out


def are_variables(eta: Sequence[Jet]) -> bool:
    """Whether jets are the variables themselves, in their order."""
    count = len(eta)
    if eta[0].order == 0:
        return True
    if eta[0].variables != count:
        return False
    unit = np.eye(count)
    return all(
        np.array_equal(x.first, np.broadcast_to(unit[k][:, None], x.first.shape))
        and not x.second.any()
        and not x.third.any()
        for k, x in enumerate(eta)
    )


def _scattered(eta: Sequence[Jet], pieces: Iterable[Piece]) -> Jet:
    """From jets in the few variables to jets in all."""
    out = _empty(eta[0], len(eta) if eta[0].order else 0)
    for piece in pieces:
        rows, needed = piece.rows, piece.needed
        local = variables([eta[k].value[rows] for k in needed], out.order)
        found: Jet = piece.function(local)
        out.value[rows] = found.value
        size = range(len(needed))
        if out.order >= 1:
            for a in size:
                out.first[needed[a], rows] = found.first[a]
        if out.order >= 2:
            for a, b in combinations_with_replacement(size, 2):
                out.second[pair(needed[a], needed[b]), rows] = found.second[pair(a, b)]
        if out.order >= 3:
            for a, b, c in combinations_with_replacement(size, 3):
                place = triple(needed[a], needed[b], needed[c])
                out.third[place, rows] = found.third[triple(a, b, c)]
    return out


def _general(eta: list[Any], like: Jet, pieces: Iterable[Piece]) -> Jet:
    """Jets that are functions of other variables, perhaps beside constants."""
    out = _empty(like, like.variables)
    for piece in pieces:
        rows = piece.rows
        found: Any = piece.function([_take(eta[k], rows) for k in piece.needed])
        if not isinstance(found, Jet):  # of constants only
            out.value[rows] = found
            continue
        out.value[rows] = found.value
        for whole, part in (
            (out.first, found.first),
            (out.second, found.second),
            (out.third, found.third),
        ):
            whole[:, rows] = part
    return out


def _take(x: Any, rows: IntArray) -> Any:
    if not isinstance(x, Jet):
        return x[rows]
    parts = (x.first[:, rows], x.second[:, rows], x.third[:, rows])
    return Jet(x.value[rows], *parts, x.order)


def _empty(like: Jet, count: int) -> Jet:
    n, order = len(like.value), like.order
    seconds = count * (count + 1) // 2 if order >= 2 else 0
    thirds = count * (count + 1) * (count + 2) // 6 if order >= 3 else 0
    return Jet(
        np.full(n, np.nan),
        np.zeros((count if order >= 1 else 0, n)),
        np.zeros((seconds, n)),
        np.zeros((thirds, n)),
        order,
    )
