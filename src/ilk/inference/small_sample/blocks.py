r"""Random effects in blocks that data connect, and :math:`M = Z'V_0^{-1}Z` by block.

Two levels are connected if a row belongs to both.  The blocks are the connected components: the
levels themselves for one grouping factor, a school with its classes for nested ones, usually
everything for crossed ones.  With :math:`V_0 = V / \sigma^2 = W^{-1} + Z G Z'`,
:math:`G = \Lambda\Lambda'` and :math:`S = Z'WZ`,

.. math:: M = S - S\Lambda (I + \Lambda'S\Lambda)^{-1} \Lambda'S

(Woodbury), which needs no inverse of G.  Blocks made of the same numbers of levels are treated
together, as one stack of matrices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.errors import ModelError
from ilk.late import Late

if TYPE_CHECKING:
    from ilk.kernels.contract import EngineData
    from ilk.typing import FloatArray, IntArray

sparse: Any = Late("scipy.sparse")
graphs: Any = Late("scipy.sparse.csgraph")

__all__ = ["MAX_CONNECTED", "Stack", "connected_blocks", "stacks"]

MAX_CONNECTED = 3000
"""Most random effects of one block: the cost grows with their third power."""


@dataclass(frozen=True, slots=True)
class Stack:
    """Blocks that are made of the same numbers of levels.

    Parameters
    ----------
    effects : (k, u) array of int
        Positions of the random effects of each of k blocks in the flat vector of all.
    places : tuple of slice
        Where the effects of each term stand in a block.
    cross : (k, u, u) array
        S of each block.
    """

    effects: IntArray
    places: tuple[slice, ...]
    cross: FloatArray

    def inner(self, factors: Sequence[FloatArray]) -> FloatArray:
        """M (k, u, u) of each block, from Lambda (q_t, q_t) of each term."""
        half = np.concatenate(
            [times(self.cross[:, :, at], L) for at, L in zip(self.places, factors, strict=True)],
            axis=2,
        )  # S Lambda
        rows = [
            np.swapaxes(times(np.swapaxes(half[:, at], 1, 2), L), 1, 2)
            for at, L in zip(self.places, factors, strict=True)
        ]
        H = np.concatenate(rows, axis=1)  # Lambda'S Lambda
        H += np.eye(H.shape[1])
        solved = np.linalg.solve(H, np.swapaxes(half, 1, 2))
        M = self.cross - np.matmul(half, solved)
        return np.asarray(0.5 * (M + np.swapaxes(M, 1, 2)))


def times(columns: FloatArray, block: FloatArray) -> FloatArray:
    """Multiply (k, u, c q) from the right by a block (q, q) for each of c levels."""
    k, u, width = columns.shape
    q = len(block)
    return np.asarray((columns.reshape(k, u, width // q, q) @ block).reshape(k, u, width))


def connected_blocks(data: EngineData) -> IntArray:
    """Number the blocks: the block of each level of all terms.

    Parameters
    ----------
    data : EngineData
        The data.

    Returns
    -------
    (sum of L_t,) array of int

    Raises
    ------
    ModelError
        A block has more effects than can be treated.
    """
    starts = np.cumsum([0, *(term.levels for term in data.terms)])
    size = int(starts[-1])
    first, *others = [
        term.member(k)[0] + start
        for term, start in zip(data.terms, starts, strict=False)
        for k in range(term.memberships)
    ]
    a = np.tile(first, len(others))
    b = np.concatenate([np.zeros(0, np.int64), *others])
    for term, start in zip(data.terms, starts, strict=False):
        if term.precision is not None:  # levels that depend on each other
            a = np.concatenate([a, start + term.precision.rows])
            b = np.concatenate([b, start + term.precision.columns])
    graph = sparse.coo_matrix((np.ones(len(a)), (a, b)), shape=(size, size))
    labels = graphs.connected_components(graph, directed=False)[1]
    widths = np.repeat([term.width for term in data.terms], [term.levels for term in data.terms])
    largest = int(np.bincount(labels, widths).max())
    if largest > MAX_CONNECTED:
        raise ModelError(
            f"Kenward-Roger would need a matrix of {largest:,} by {largest:,} random effects that "
            "hang together (factors that cross, levels that depend on each other); at most "
            f"{MAX_CONNECTED:,} are treated. Take df='satterthwaite', which has no such limit.",
            code="size",
        )
    return np.asarray(labels)


def stacks(data: EngineData, labels: IntArray, spread: Any = None) -> Iterator[Stack]:
    """Give the blocks with their S, those of the same make together.

    Parameters
    ----------
    data : EngineData
        The data.
    labels : (sum of L_t,) array of int
        Block of each level.
    spread : sparse (U, U) array, optional
        Root of the covariance between levels, which makes them independent: S is that of Z times
        it.
    """
    levels = [term.levels for term in data.terms]
    widths = [term.width for term in data.terms]
    terms = np.repeat(np.arange(len(levels)), levels)
    blocks = int(labels.max()) + 1
    counts = np.zeros((blocks, len(levels)), dtype=np.int64)
    np.add.at(counts, (labels, terms), 1)
    makes, make_of = np.unique(counts, axis=0, return_inverse=True)
    make_of = make_of.reshape(-1)
    first = np.cumsum([0, *(count * q for count, q in zip(levels, widths, strict=True))])
    within = np.concatenate([np.arange(count) for count in levels])
    order = np.lexsort((within, terms, labels))  # by block, then term, then level
    cross = _cross_products(data)
    if spread is not None:
        cross = (spread.T @ cross @ spread).tocsr()
    local = np.empty(int(first[-1]), dtype=np.int64)
    for make, count in enumerate(makes):
        chosen = np.flatnonzero(make_of == make)
        nodes = order[np.isin(labels[order], chosen)].reshape(len(chosen), int(count.sum()))
        parts, start = [], 0
        for t, q in enumerate(widths):
            mine = nodes[:, start : start + int(count[t])]
            start += int(count[t])
            at = first[t] + within[mine][:, :, None] * q + np.arange(q)
            parts.append(at.reshape(len(chosen), -1))
        ends = np.cumsum([0, *(part.shape[1] for part in parts)])
        places = [slice(int(i), int(j)) for i, j in pairwise(ends)]
        effects = np.concatenate(parts, axis=1)
        u = effects.shape[1]
        local[effects] = np.arange(u)
        rows = cross[effects.ravel()].tocoo()
        S = np.zeros((len(chosen), u, u))
        S[rows.row // u, rows.row % u, local[rows.col]] = rows.data
        yield Stack(effects, tuple(places), S)


def _cross_products(data: EngineData) -> Any:
    """Z'WZ of all terms, sparse, in rows."""
    n = len(data.response)
    rows = np.arange(n)
    parts = []
    for term in data.terms:
        q, members = term.width, []
        for codes, columns in map(term.member, range(term.memberships)):
            Z = np.ones((n, 1)) if columns is None else columns
            places = codes[:, None].astype(np.int64) * q + np.arange(q)
            entries = (Z.ravel(), (np.repeat(rows, q), places.ravel()))
            members.append(sparse.csr_matrix(entries, shape=(n, term.levels * q)))
        parts.append(sum(members[1:], members[0]))
    Z = sparse.hstack(parts, format="csr")
    weighted = Z if data.weights is None else sparse.diags(data.weights) @ Z
    return (Z.T @ weighted).tocsr()
