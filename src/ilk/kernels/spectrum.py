r"""Eigenvalues and eigenvectors of a covariance matrix over levels, kept from fit to fit.

A response with the rows of level l weighing d_l in all has, of the levels' effects, the covariance
of :math:`D^{1/2} K D^{1/2}`.  Where every level weighs the same its eigenvectors are those of K,
which are there already; otherwise they are computed, and those computed last are kept, because
several outcomes of the same individuals have the same weights.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

import numpy as np

from ilk.typing import FloatArray, IntArray

__all__ = ["Rotation", "Spectrum"]


@dataclass(frozen=True, slots=True)
class Rotation:
    """Eigenvectors of the weighted covariance matrix of the levels that have data.

    Attributes
    ----------
    seen : ndarray (o,) of int
        Levels with data.
    root : ndarray (o,)
        Square roots of their weights.
    values : ndarray (o,)
        Eigenvalues s of D^1/2 K D^1/2.
    vectors : ndarray (o, o)
        Eigenvectors U by column.
    """

    seen: IntArray
    root: FloatArray
    values: FloatArray
    vectors: FloatArray


@final
@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """A covariance matrix K = V diag(values) V' over L levels.

    Attributes
    ----------
    values : ndarray (L,)
        Eigenvalues, positive.
    vectors : ndarray (L, L)
        Eigenvectors by column.
    """

    values: FloatArray
    vectors: FloatArray
    _kept: list[tuple[bytes, Rotation]] = field(default_factory=list, init=False, repr=False)

    def times(self, x: FloatArray) -> FloatArray:
        """K x for x (L,) or (L, k)."""
        return self._apply(self.values, x)

    def solve(self, x: FloatArray) -> FloatArray:
        """K^-1 x for x (L,) or (L, k)."""
        return self._apply(1.0 / self.values, x)

    def _apply(self, values: FloatArray, x: FloatArray) -> FloatArray:
        inner = (self.vectors.T @ x).T * values
        return np.asarray(self.vectors @ inner.T, dtype=np.float64)

    def diagonal(self) -> FloatArray:
        """Diagonal (L,) of K."""
        return np.asarray((self.vectors**2) @ self.values, dtype=np.float64)

    def carry(self, rotation: Rotation) -> FloatArray:
        """B = K D^1/2 U, all levels by those with data: (L, o)."""
        if rotation.vectors is self.vectors:
            return np.asarray(rotation.root[0] * self.values * self.vectors, dtype=np.float64)
        inner = self.vectors[rotation.seen].T @ (rotation.root[:, None] * rotation.vectors)
        return np.asarray((self.vectors * self.values) @ inner, dtype=np.float64)

    def carried(self, rotation: Rotation, x: FloatArray) -> FloatArray:
        """B x for x (o, k), without B."""
        out = np.zeros((len(self.values), x.shape[1]))
        out[rotation.seen] = rotation.root[:, None] * (rotation.vectors @ x)
        return self.times(out)

    def carried_back(self, rotation: Rotation, x: FloatArray) -> FloatArray:
        """B'x for x (L, k), without B."""
        inner = rotation.root[:, None] * self.times(x)[rotation.seen]
        return np.asarray(rotation.vectors.T @ inner, dtype=np.float64)

    def rotation(self, weights: FloatArray) -> Rotation:
        """Eigenvectors for data in which the rows of level l weigh ``weights[l]`` together.

        Parameters
        ----------
        weights : ndarray (L,)
            Not negative; 0 for levels without data.
        """
        key = weights.tobytes()
        for known, rotation in self._kept:
            if known == key:
                return rotation
        rotation = self._rotation(weights)
        self._kept[:] = [(key, rotation)]
        return rotation

    def _rotation(self, weights: FloatArray) -> Rotation:
        seen = np.flatnonzero(weights > 0.0)
        root = np.sqrt(weights[seen])
        if len(seen) == len(weights) and np.all(weights == weights[0]):
            return Rotation(seen, root, weights[0] * self.values, self.vectors)
        half = root[:, None] * self.vectors[seen] * np.sqrt(self.values)
        values, vectors = np.linalg.eigh(half @ half.T)
        return Rotation(seen, root, np.maximum(values, 0.0), vectors)
