r"""Loadings: what each random effect of a row does to each linear predictor.

An effect u_j of a term reaches every linear predictor that has a column i of the term with a
nonzero element Lambda_ij.  What it does to predictor k is a loading, the sum of Lambda_ij z_i over
the columns of k: Lambda'z, taken apart by predictor.  Where each term has one predictor, each
effect has one loading.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ilk.typing import FloatArray, IntArray

__all__ = ["Loadings"]


@final
@dataclass(frozen=True, slots=True)
class Loadings:
    """Lambda'z of every row, by effect and predictor.

    Attributes
    ----------
    values : ndarray (n, e)
        The loadings, ordered by effect.
    effect : ndarray (e,) of int
        Row coordinate 0, ..., m - 1 of each loading; none is missing.
    predictor : ndarray (e,) of int
        Its linear predictor.
    width : int
        Number m of effects of a row.
    """

    values: FloatArray
    effect: IntArray
    predictor: IntArray
    width: int

    def __iter__(self) -> Iterator[tuple[int, int, FloatArray]]:
        """Effect, predictor and values (n,) of each loading."""
        for j, k, values in zip(self.effect, self.predictor, self.values.T, strict=True):
            yield int(j), int(k), values

    @property
    def single(self) -> bool:
        """Whether each effect reaches one predictor only."""
        return len(self.effect) == self.width

    def part(self, start: int, stop: int) -> Loadings:
        """Loadings of the effects from ``start`` to ``stop``, which count from zero there."""
        here = slice(*np.searchsorted(self.effect, [start, stop]))
        effect = self.effect[here] - start
        return Loadings(self.values[:, here], effect, self.predictor[here], stop - start)

    def reach(self, effects: FloatArray, k: int) -> FloatArray:
        """What effects (..., n, m) of the rows add to predictor k, (..., n)."""
        here = self.predictor == k
        own = effects[..., here] if self.single else effects[..., self.effect[here]]
        return np.asarray((self.values[:, here] * own).sum(axis=-1), dtype=np.float64)

    def pull(self, by_predictor: FloatArray) -> FloatArray:
        """Take values (K, n) by predictor to the effects: sums of products, (n, m)."""
        products = self.values * by_predictor[self.predictor].T
        if self.single:
            return np.asarray(products, dtype=np.float64)
        starts = np.searchsorted(self.effect, np.arange(self.width))
        return np.asarray(np.add.reduceat(products, starts, axis=1), dtype=np.float64)

    def of_predictor(self, k: int) -> FloatArray:
        """Loadings on predictor k, (n, m), zeros where there is none."""
        out = np.zeros((len(self.values), self.width))
        here = self.predictor == k
        out[:, self.effect[here]] = self.values[:, here]
        return out
