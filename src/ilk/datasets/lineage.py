r"""Growth of a tissue from one cell: who descends from whom, and who is born where.

Every cell divides at the end of its cycle, whose length follows a gamma distribution, into an
anterior and a posterior daughter; names say it: ``Zap`` is the posterior daughter of the anterior
daughter of the zygote ``Z``.  Growth ends just before the division that would make more than n
cells.  The tissue is a square of width one.  A cell owns a rectangle of it, which its daughters
divide along the longer side in proportion to the cells that they leave; descendants are born in
the middle of theirs.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.random import RandomState

from ilk.typing import BoolArray, FloatArray, IntArray

__all__ = ["Lineage", "grow"]

_CYCLE_SHAPE = 10.0
"""Shape of the gamma distribution of cycles: coefficient of variation 0.32."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """All cells that ever lived, mothers before daughters.

    Attributes
    ----------
    names : tuple of N str
        Names.
    parents : ndarray (N,) of int
        Position of the mother, -1 for the zygote.
    lengths : ndarray (N,)
        Time from birth to division or to the end; the mean cycle is one.
    birthplaces : ndarray (N, 2)
        Middle of the rectangle of each cell.
    """

    names: tuple[str, ...]
    parents: IntArray
    lengths: FloatArray
    birthplaces: FloatArray

    @property
    def tips(self) -> BoolArray:
        """Whether each cell (N,) lives at the end."""
        return np.asarray(np.bincount(self.parents[1:], minlength=len(self.parents)) == 0)

    def newick(self) -> str:
        """Tree with branch lengths in Newick format, all nodes named."""
        below: list[list[str]] = [[] for _ in self.names]
        for i in range(len(self.names) - 1, 0, -1):
            inside = f"({','.join(reversed(below[i]))})" if below[i] else ""
            below[self.parents[i]].append(f"{inside}{self.names[i]}:{self.lengths[i]:.9g}")
            below[i] = []
        return f"({','.join(reversed(below[0]))}){self.names[0]}:{self.lengths[0]:.9g};"


def grow(n: int, rng: RandomState) -> Lineage:
    """Let one cell grow into n cells.

    Parameters
    ----------
    n : int
        Number of living cells at the end, at least two.
    rng : RandomState
        Random numbers.

    Returns
    -------
    Lineage
        Of 2 n - 1 cells.
    """
    total = 2 * n - 1
    cycles = rng.gamma(_CYCLE_SHAPE, 1.0 / _CYCLE_SHAPE, total)
    names, parents = ["Z"], np.full(total, -1, dtype=np.intp)
    born, divided = np.zeros(total), np.full(total, np.inf)
    waiting = [(float(cycles[0]), 0)]
    while len(names) < total:
        now, mother = heapq.heappop(waiting)
        divided[mother] = now
        for side in "ap":
            child = len(names)
            names.append(names[mother] + side)
            parents[child], born[child] = mother, now
            heapq.heappush(waiting, (now + float(cycles[child]), child))
    end = waiting[0][0]
    return Lineage(tuple(names), parents, np.minimum(divided, end) - born, _birthplaces(parents))


def _birthplaces(parents: IntArray) -> FloatArray:
    """Middles (N, 2) of the rectangles that mothers divide between their daughters."""
    total = len(parents)
    leaves = np.bincount(parents[1:], minlength=total) == 0
    count = leaves.astype(np.float64)
    for i in range(total - 1, 0, -1):
        count[parents[i]] += count[i]
    low, high = np.zeros((total, 2)), np.ones((total, 2))
    for anterior in range(1, total, 2):  # daughters are neighbors in the table
        mother, posterior = parents[anterior], anterior + 1
        axis = int(np.argmax(high[mother] - low[mother]))
        low[[anterior, posterior]], high[[anterior, posterior]] = low[mother], high[mother]
        share = count[anterior] / count[mother]
        cut = low[mother, axis] + share * (high[mother, axis] - low[mother, axis])
        high[anterior, axis] = low[posterior, axis] = cut
    return 0.5 * (low + high)
