r"""Weighted least squares on cluster dummies that are never formed.

With D the indicator columns of one or several grouping factors and W diagonal weights, everything
that a fit with these dummies needs is the projection

.. math:: P V = D (D' W D)^- D' W V

(Frisch and Waugh 1933; Lovell 1963).  For one factor D'WD is diagonal and P V are weighted cluster
means.  For several, the largest factor is eliminated exactly and the others solve the Schur
complement :math:`S = A_{22} - A_{21} A_{11}^{-1} A_{12}`: by Cholesky where it is small enough to
be formed, by preconditioned conjugate gradients where it is not.  Levels of the smaller factors
that others determine (one for each connected part of the data) are left out first, so S is regular.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from ilk.errors import FitError
from ilk.typing import FloatArray, IntArray

__all__ = ["Dummies", "Projector", "absorb", "part_labels", "weigh"]

DENSE_LEVELS = 2000
"""Largest Schur complement that is formed and factorized."""

_TOLERANCE = 1e-13
"""Relative residual at which conjugate gradients stop."""

_MAX_STEPS = 5000


@final
@dataclass(frozen=True, slots=True)
class Dummies:
    """Indicator columns of grouping factors, as codes.

    Parameters
    ----------
    codes : tuple of (n,) arrays
        Level of each row, by factor.
    sizes : tuple of int
        Number of levels of each factor.
    main : int
        Position of the factor that is eliminated exactly (the largest).
    free : (r,) array of int
        Levels of the other factors that the rest does not determine, counted through those factors
        one after another.
    rank : int
        Rank of D, the degrees of freedom that the factors spend; at most that if not `exact`.
    parts : int
        Number of connected parts of the data; levels in different parts cannot be compared.
    exact : bool
        Whether `rank` is exact, and S regular.
    """

    codes: tuple[IntArray, ...]
    sizes: tuple[int, ...]
    main: int
    free: IntArray
    rank: int
    parts: int
    exact: bool

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.codes[0])

    @property
    def others(self) -> tuple[int, ...]:
        """Positions of the factors beside the main one."""
        return tuple(k for k in range(len(self.sizes)) if k != self.main)

    @property
    def other_levels(self) -> int:
        """Number of levels of those factors."""
        return sum(self.sizes[k] for k in self.others)

    def gather(self, effects: Sequence[FloatArray], codes: Sequence[IntArray]) -> FloatArray:
        """Sum of the effects of each row's levels.

        Parameters
        ----------
        effects : sequence of (L_k, ...) arrays
            Effects by factor.
        codes : sequence of (m,) arrays
            Levels of the rows, by factor.

        Returns
        -------
        (m, ...) array
        """
        total = effects[0][codes[0]]
        for effect, code in zip(effects[1:], codes[1:], strict=True):
            total = total + effect[code]
        return total


def absorb(codes: Sequence[IntArray], sizes: Sequence[int]) -> Dummies:
    """Prepare grouping factors for absorption.

    Parameters
    ----------
    codes : sequence of (n,) arrays
        Level of each row, by factor; every level occurs.
    sizes : sequence of int
        Number of levels of each factor.

    Returns
    -------
    Dummies
    """
    main = int(np.argmax(sizes))
    plain = Dummies(tuple(codes), tuple(sizes), main, np.zeros(0, np.intp), sizes[main], 1, True)
    if len(sizes) == 1:
        return plain
    count = plain.other_levels
    parts, first = _connected_parts(plain)
    if len(sizes) == 2:
        free = np.setdiff1d(np.arange(count), first)
        return Dummies(plain.codes, plain.sizes, main, free, sizes[main] + len(free), parts, True)
    if count > DENSE_LEVELS:
        rank = sizes[main] + count - parts * (len(sizes) - 1)
        return Dummies(plain.codes, plain.sizes, main, np.arange(count), rank, parts, False)
    free = _independent(_schur(plain, np.ones(plain.rows), np.arange(count)))
    return Dummies(plain.codes, plain.sizes, main, free, sizes[main] + len(free), parts, True)


def _stacked_codes(dummies: Dummies) -> list[IntArray]:
    """Codes of the factors beside the main one, counted through."""
    start = 0
    out: list[IntArray] = []
    for k in dummies.others:
        codes: IntArray = dummies.codes[k].astype(np.intp) + start
        out.append(codes)
        start += dummies.sizes[k]
    return out


def part_labels(dummies: Dummies) -> tuple[IntArray, ...]:
    """Connected part of the data that each level belongs to, by factor.

    Parameters
    ----------
    dummies : Dummies
        The factors.

    Returns
    -------
    tuple of (L_k,) arrays of int
    """
    labels = _part_labels(dummies)
    size = dummies.sizes[dummies.main]
    out: list[IntArray] = [labels[:size]] * len(dummies.sizes)
    start = size
    for k in dummies.others:
        out[k] = labels[start : start + dummies.sizes[k]]
        start += dummies.sizes[k]
    return tuple(out)


def _connected_parts(dummies: Dummies) -> tuple[int, IntArray]:
    """Number of connected parts, and one level of the second factor in each."""
    labels = _part_labels(dummies)
    size = dummies.sizes[dummies.main]
    second = labels[size : size + dummies.sizes[dummies.others[0]]]
    return int(labels.max()) + 1, np.unique(second, return_index=True)[1]


def _part_labels(dummies: Dummies) -> IntArray:
    """Connected part of each level: of the main factor, then of the others."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    size = dummies.sizes[dummies.main]
    total = size + dummies.other_levels
    if len(dummies.sizes) == 1:
        return np.zeros(size, dtype=np.int32)
    main = dummies.codes[dummies.main]
    stacked = _stacked_codes(dummies)
    rows = np.concatenate([main] * len(stacked))
    columns = np.concatenate(stacked) + size
    graph = coo_array((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(total, total))
    labels: IntArray = connected_components(graph, directed=False)[1]
    return labels


def _independent(S: FloatArray) -> IntArray:
    """Rows of a positive semidefinite matrix that are linearly independent, in order."""
    from scipy.linalg.lapack import dpstrf

    scale = np.sqrt(np.maximum(np.diag(S), np.finfo(float).tiny))
    _, pivots, rank, _ = dpstrf(S / np.outer(scale, scale), lower=1, tol=1e-9)
    return np.sort(pivots[:rank] - 1)


@final
@dataclass(frozen=True, slots=True)
class Projector:
    """Projection on the dummies at given weights.

    Parameters
    ----------
    dummies : Dummies
        The factors.
    weights : (n,) array
        Weights of the rows.
    totals : (L,) array
        Weights by level of the main factor.
    cross : sparse (L, r) array or None
        Weights by level of the main factor and free level of the others.
    inner : sparse (r, r) array or None
        Weights by pairs of free levels of the others.
    factor : (r, r) array or None
        Cholesky factor of the Schur complement, if it was formed.
    """

    dummies: Dummies
    weights: FloatArray
    totals: FloatArray
    cross: Any = None
    inner: Any = None
    factor: FloatArray | None = None

    def coefficients(self, WV: FloatArray) -> tuple[FloatArray, ...]:
        """Coefficients of the dummies in the regression of each column on them.

        Parameters
        ----------
        WV : (n, k) array
            Columns times the weights.

        Returns
        -------
        tuple of (L_j, k) arrays
            By factor; levels of the other factors that are not free have zero.
        """
        d = self.dummies
        main = _sums(d.codes[d.main], d.sizes[d.main], WV)
        others = [_sums(d.codes[k], d.sizes[k], WV) for k in d.others]
        return self.solve(main, np.concatenate(others) if others else main[:0])

    def project(self, WV: FloatArray) -> FloatArray:
        """Projection P V of columns on the dummies, from W V.

        Parameters
        ----------
        WV : (n, k) array
            Columns times the weights.

        Returns
        -------
        (n, k) array
        """
        return self.dummies.gather(self.coefficients(WV), self.dummies.codes)

    def solve(self, main: FloatArray, others: FloatArray) -> tuple[FloatArray, ...]:
        """Solve D'WD a = (main, others).

        Parameters
        ----------
        main : (L, k) array
            Right sides at the levels of the main factor.
        others : (M, k) array
            Right sides at those of the others, one after another.

        Returns
        -------
        tuple of (L_j, k) arrays
            By factor.
        """
        d = self.dummies
        if len(d.sizes) == 1:
            return (main / self.totals[:, None],)
        rest = others[d.free] - self.cross.T @ (main / self.totals[:, None])
        inner = self._inner_solve(rest)
        first = (main - self.cross @ inner) / self.totals[:, None]
        full = np.zeros((d.other_levels, main.shape[1]))
        full[d.free] = inner
        out: list[FloatArray] = [first] * len(d.sizes)
        start = 0
        for k in d.others:
            out[k] = full[start : start + d.sizes[k]]
            start += d.sizes[k]
        return tuple(out)

    def residuals(self, V: FloatArray) -> FloatArray:
        """Columns less their projection on the dummies.

        Parameters
        ----------
        V : (n, k) array
            Columns.
        """
        return V - self.project(self.weights[:, None] * V)

    def variance(self, codes: Sequence[IntArray]) -> FloatArray:
        """Variance d'(D'WD)^- d of the sum of the effects of each row's levels.

        Parameters
        ----------
        codes : sequence of (m,) arrays
            Levels of the rows, by factor.

        Returns
        -------
        (m,) array
        """
        d = self.dummies
        if len(d.sizes) == 1:
            variance: FloatArray = 1.0 / self.totals[codes[0]]
            return variance
        keys, back = np.unique(np.stack(codes), axis=1, return_inverse=True)
        out = np.empty(keys.shape[1])
        for start in range(0, keys.shape[1], 256):
            some = keys[:, start : start + 256]
            m = some.shape[1]
            rights = [np.zeros((size, m)) for size in d.sizes]
            for right, code in zip(rights, some, strict=True):
                right[code, np.arange(m)] = 1.0
            solved = self.solve(rights[d.main], np.concatenate([rights[k] for k in d.others]))
            out[start : start + m] = sum(
                a[code, np.arange(m)] for a, code in zip(solved, some, strict=True)
            )
        variances: FloatArray = out[back.ravel()]
        return variances

    def _inner_solve(self, B: FloatArray) -> FloatArray:
        """Solve the Schur complement."""
        if B.size == 0:  # a model without columns, which LAPACK does not take before SciPy 1.14
            return B
        if self.factor is not None:
            from scipy.linalg import cho_solve

            solution: FloatArray = cho_solve((self.factor, True), B)
            return solution

        def apply(V: FloatArray) -> FloatArray:
            eliminated = self.cross.T @ ((self.cross @ V) / self.totals[:, None])
            product: FloatArray = self.inner @ V - eliminated
            return product

        squares = self.cross.power(2).T @ (1.0 / self.totals)
        diagonal = self.inner.diagonal() - squares
        diagonal = np.maximum(diagonal, 1e-8 * self.inner.diagonal())
        return _conjugate_gradients(apply, B, diagonal[:, None])


def weigh(dummies: Dummies, weights: FloatArray) -> Projector:
    """Projection on the dummies at given weights.

    Parameters
    ----------
    dummies : Dummies
        The factors.
    weights : (n,) array
        Weights; some may be negative if those of every level sum to more than zero.

    Returns
    -------
    Projector
    """
    main = dummies.codes[dummies.main]
    totals = np.bincount(main, weights, dummies.sizes[dummies.main]).astype(float)
    if len(dummies.sizes) == 1:
        return Projector(dummies, weights, totals)
    cross, inner = _cross(dummies, weights)
    cross, inner = cross[:, dummies.free], inner[dummies.free][:, dummies.free]
    factor = None
    if dummies.exact and len(dummies.free) <= DENSE_LEVELS:
        factor = _cholesky(_complement(cross, inner, totals))
    return Projector(dummies, weights, totals, cross, inner, factor)


def _cholesky(S: FloatArray) -> FloatArray | None:
    from scipy.linalg import LinAlgError, cholesky

    try:
        factor: FloatArray = cholesky(S, lower=True)
    except LinAlgError:
        return None  # weights that all but vanish: left to conjugate gradients
    return factor


def _schur(dummies: Dummies, weights: FloatArray, free: IntArray) -> FloatArray:
    cross, inner = _cross(dummies, weights)
    main = dummies.codes[dummies.main]
    totals = np.bincount(main, weights, dummies.sizes[dummies.main]).astype(float)
    return _complement(cross[:, free], inner[free][:, free], totals)


def _complement(cross: Any, inner: Any, totals: FloatArray) -> FloatArray:
    scaled = cross.multiply(1.0 / totals[:, None]).tocsr()
    complement: FloatArray = inner.toarray() - (cross.T @ scaled).toarray()
    return complement


def _cross(dummies: Dummies, weights: FloatArray) -> tuple[Any, Any]:
    """Weights by pairs of levels: main with others, others with each other."""
    from scipy.sparse import coo_array

    stacked = _stacked_codes(dummies)
    count = dummies.other_levels
    main = dummies.codes[dummies.main]
    values = np.concatenate([weights] * len(stacked))
    rows, columns = np.concatenate([main] * len(stacked)), np.concatenate(stacked)
    cross = coo_array((values, (rows, columns)), shape=(dummies.sizes[dummies.main], count))
    pairs = [(a, b) for a in stacked for b in stacked]
    inner = coo_array(
        (
            np.concatenate([weights] * len(pairs)),
            (np.concatenate([a for a, _ in pairs]), np.concatenate([b for _, b in pairs])),
        ),
        shape=(count, count),
    )
    return cross.tocsr(), inner.tocsr()


def _sums(codes: IntArray, size: int, WV: FloatArray) -> FloatArray:
    """Sums of columns by level, (L, k)."""
    out = np.empty((size, WV.shape[1]))
    for j in range(WV.shape[1]):
        out[:, j] = np.bincount(codes, WV[:, j], size)
    return out


def _conjugate_gradients(apply: Any, B: FloatArray, diagonal: FloatArray) -> FloatArray:
    """Solve S X = B for a positive semidefinite S, all columns at once."""
    X, R = np.zeros_like(B), B.copy()
    goal = _TOLERANCE * np.maximum(np.sqrt((B * B).sum(axis=0)), np.finfo(float).tiny)
    Z = R / diagonal
    P, rho = Z.copy(), (R * Z).sum(axis=0)
    best, stale = np.inf, 0
    for _ in range(_MAX_STEPS):
        size = np.sqrt((R * R).sum(axis=0))
        if np.all(size <= goal):
            return X
        excess = float((size / goal).max())
        stale = 0 if excess < 0.9 * best else stale + 1
        best = min(best, excess)
        if stale > 200:
            break
        Q = apply(P)
        curvature = (P * Q).sum(axis=0)
        step = np.where(curvature > 0.0, rho / np.where(curvature > 0.0, curvature, 1.0), 0.0)
        X += step * P
        R -= step * Q
        Z = R / diagonal
        following = (R * Z).sum(axis=0)
        P = Z + np.where(rho > 0.0, following / np.where(rho > 0.0, rho, 1.0), 0.0) * P
        rho = following
    if best * _TOLERANCE < 1e-9:
        return X
    raise FitError(
        "The crossed cluster effects could not be absorbed: their equations are too badly "
        "conditioned (hardly any level occurs together with several of the other factor). Absorb "
        "one factor only.",
        code="absorption",
    )
