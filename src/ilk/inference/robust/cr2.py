r"""Bias-reduced linearization (CR2) of the linear mixed model, by clusters of any size.

Pustejovsky and Tipton (2018, equations 5 and 6) multiply the residuals of cluster i by

.. math:: A_i = D_i'\,\big(D_i R_i D_i'\big)^{-1/2} D_i, \qquad D_i'D_i = V_i, \quad
   R_i = V_i - X_i M X_i', \quad M = (X'V^{-1}X)^{-1},

so that :math:`A_i R_i A_i' = V_i`: if V is right, the estimator has no bias.  Turning :math:`D_i`
by an orthogonal matrix leaves :math:`A_i` as it is, so it may be the symmetric root.  After rows
are divided by their own residual standard deviation, :math:`V_i = I + Z_i\Lambda\Lambda'Z_i'` is
the identity off the columns of :math:`[X_i\ Z_i]`, and so are :math:`R_i` and :math:`A_i`.  With
an orthonormal basis U of those columns everything is done to :math:`U'X_i`, :math:`U'V_iU`
and :math:`U'e_i`: matrices of p + q rows, however many rows the cluster has.  Small clusters are
treated together, filled up with rows of zeros, which change nothing.  For clusters with hundreds of
random effects U is the basis of a Krylov space (`ilk.inference.robust.wide`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.errors import FitError
from ilk.frame import quote
from ilk.inference.robust.df import Contributions
from ilk.inference.robust.linear import sums_by
from ilk.inference.robust.units import levels_within
from ilk.inference.robust.wide import krylov_bases

if TYPE_CHECKING:
    from ilk.inference.robust.linear import LinearRows
    from ilk.inference.robust.units import Unit
    from ilk.kernels.contract import TermData
    from ilk.typing import FloatArray, IntArray

__all__ = ["bias_reduced"]

_WIDE = 300
"""Rows and random effects of a cluster from which on its Krylov space is used."""

_WIDEST = 3000
"""Rows of the largest matrices that are decomposed."""

_EVERY = 5
"""Steps of the Lanczos method between looks at what it has come to."""

_SETTLED = 1e-9
"""Relative change at which it ends."""

_ELEMENTS = 2_000_000
"""Elements of the arrays of clusters that are treated together."""

_ZERO = 1e-10
"""Eigenvalue, relative to the largest, that counts as zero."""


@dataclass(frozen=True, slots=True)
class _Nest:
    """Where the columns of a random term stand among those of its cluster.

    Parameters
    ----------
    term : TermData
        The term.
    root : (q, q) array
        Its Lambda.
    place : (n,) array of int
        Position of each row's level among the levels of its cluster.
    levels : (m,) array of int
        Number of levels of the term in each cluster.
    """

    term: TermData
    root: FloatArray
    place: IntArray
    levels: IntArray

    def columns(self, chosen: IntArray, scale: FloatArray) -> FloatArray:
        """Rows of Z Lambda (k, q) within their levels, times a scale (k,)."""
        columns = self.term.columns
        z = np.ones((len(chosen), 1)) if columns is None else columns[chosen]
        return np.asarray((z @ self.root) * scale[:, None])


def bias_reduced(rows: LinearRows, unit: Unit) -> Contributions:
    """Contributions of clusters to CR2.

    Parameters
    ----------
    rows : LinearRows
        The model at its estimates.
    unit : Unit
        Clusters, in which all random terms are nested.

    Raises
    ------
    FitError
        A cluster has more random effects and rows than can be handled.
    """
    p, count = rows.X.shape[1], unit.count
    order = np.argsort(unit.codes, kind="stable")
    sizes = np.bincount(unit.codes, minlength=count)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    nests = [
        _nest(term, root, unit) for term, root in zip(rows.data.terms, rows.factors, strict=True)
    ]
    widths = p + sum(nest.term.width * nest.levels for nest in nests)
    scores = np.empty((count, p))
    E, Q = np.empty((count, p, p)), np.empty((count, p, p))
    wide = np.minimum(sizes, widths) > _WIDE
    for batch in _batches(np.flatnonzero(~wide), sizes, widths):
        chosen = np.concatenate([order[starts[c] : starts[c] + sizes[c]] for c in batch])
        home = np.repeat(np.arange(len(batch)), sizes[batch])
        seat = np.concatenate([np.arange(sizes[c]) for c in batch])
        filled = _fill(rows, nests, batch, chosen, (home, seat), int(sizes[batch].max()))
        scores[batch], E[batch], Q[batch] = _narrow(*filled)
    for c in np.flatnonzero(wide):
        chosen = order[starts[c] : starts[c] + sizes[c]]
        scores[c], E[c], Q[c] = _by_lanczos(rows, nests, chosen, unit, int(c))
    return Contributions(rows.back @ rows.root, scores, lambda: (E, Q), np.ones(count))


def _nest(term: TermData, root: FloatArray, unit: Unit) -> _Nest:
    place, levels = levels_within(term.codes, unit.codes)
    return _Nest(term, root, place, levels)


def _batches(clusters: IntArray, sizes: IntArray, widths: IntArray) -> Iterator[IntArray]:
    """Clusters of like sizes, as many as fit."""
    order = clusters[np.argsort(sizes[clusters], kind="stable")]
    first = 0
    while first < len(order):
        last, tallest, widest = first, 0, 0
        while last < len(order):
            tallest = max(tallest, int(sizes[order[last]]))
            widest = max(widest, int(widths[order[last]]))
            if last > first and (last + 1 - first) * tallest * widest > _ELEMENTS:
                break
            last += 1
        yield order[first:last]
        first = last


def _fill(
    rows: LinearRows,
    nests: list[_Nest],
    batch: IntArray,
    chosen: IntArray,
    spot: tuple[IntArray, IntArray],
    tallest: int,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """X L (b, n, p), Z Lambda (b, n, q) and e (b, n), each row over its own deviation."""
    scale = _scale(rows, chosen)
    X = np.zeros((len(batch), tallest, rows.X.shape[1]))
    X[spot] = (rows.X[chosen] @ rows.root) * scale[:, None]
    e = np.zeros((len(batch), tallest))
    e[spot] = rows.residual[chosen] * scale
    width = sum(nest.term.width * int(nest.levels[batch].max()) for nest in nests)
    Z = np.zeros((len(batch), tallest, width))
    offset = 0
    for nest in nests:
        q, z = nest.term.width, nest.columns(chosen, scale)
        for j in range(q):
            Z[(*spot, offset + q * nest.place[chosen] + j)] = z[:, j]
        offset += q * int(nest.levels[batch].max())
    return X, Z, e


def _scale(rows: LinearRows, chosen: IntArray) -> FloatArray:
    """What rows are multiplied by to have the same residual variance."""
    weights = rows.data.weights
    return np.ones(len(chosen)) if weights is None else np.sqrt(weights[chosen])


def _narrow(
    X: FloatArray, Z: FloatArray, e: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Corrected scores, E and Q of clusters of few rows or few random effects."""
    if X.shape[1] > X.shape[2] + Z.shape[2]:
        basis = np.linalg.qr(np.concatenate([X, Z], axis=2)).Q.transpose(0, 2, 1)
        X, Z, e = basis @ X, basis @ Z, (basis @ e[:, :, None])[:, :, 0]
    return _correct(X, np.eye(X.shape[1]) + Z @ Z.transpose(0, 2, 1), e)


def _by_lanczos(
    rows: LinearRows, nests: list[_Nest], chosen: IntArray, unit: Unit, cluster: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Corrected score, E and Q of one cluster of many rows and random effects."""
    scale = _scale(rows, chosen)
    X, e = (rows.X[chosen] @ rows.root) * scale[:, None], rows.residual[chosen] * scale
    parts = [(nest.columns(chosen, scale), nest.place[chosen], nest.levels) for nest in nests]

    def multiply(block: FloatArray) -> FloatArray:
        out = block.copy()
        for z, place, levels in parts:
            for j in range(z.shape[1]):
                along = sums_by(place, int(levels[cluster]), z[:, j : j + 1] * block)
                out += z[:, j : j + 1] * along[place]
        return out

    noise = np.sqrt(float(e @ e) / len(e))
    last: tuple[FloatArray, FloatArray, FloatArray] | None = None
    for basis, V, closed in krylov_bases(X, multiply, _EVERY):
        if len(V) > _WIDEST:
            break
        c, E, Q = (part[0] for part in _correct((basis.T @ X)[None], V[None], (basis.T @ e)[None]))
        if closed or (last is not None and _settled(last, (c, E, Q), noise)):
            return c, E, Q
        last = c, E, Q
    raise FitError(
        f"'CR2' needs too large a matrix for the {len(chosen):,} rows of the cluster "
        f"{quote(unit.labels[cluster])} of {unit.name!r}. Use 'CR3' or 'CR1', which need none.",
        code="wide-cluster",
    )


def _settled(
    last: tuple[FloatArray, FloatArray, FloatArray],
    now: tuple[FloatArray, FloatArray, FloatArray],
    noise: float,
) -> bool:
    """Whether score, E and Q have stopped changing; a score is as uncertain as its Q says."""
    size = float(np.max(np.abs(now[2])))
    units = (noise * np.sqrt(size), float(np.max(np.abs(now[1]))), size)
    changes = (float(np.max(np.abs(a - b))) for a, b in zip(last, now, strict=True))
    return all(change <= _SETTLED * unit for change, unit in zip(changes, units, strict=True))


def _correct(
    X: FloatArray, V: FloatArray, e: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Corrected scores (b, p), E and Q (b, p, p) from X L (b, r, p), V (b, r, r) and e (b, r)."""
    values, vectors = np.linalg.eigh(V)
    D = _function(vectors, np.sqrt(values))
    middle = D @ (V - X @ X.transpose(0, 2, 1)) @ D
    A = D @ _inverse_root(0.5 * (middle + middle.transpose(0, 2, 1))) @ D
    left = X.transpose(0, 2, 1) @ _function(vectors, 1.0 / values) @ A
    return (left @ e[:, :, None])[:, :, 0], left @ X, left @ V @ left.transpose(0, 2, 1)


def _function(vectors: FloatArray, values: FloatArray) -> FloatArray:
    return np.asarray((vectors * values[:, None, :]) @ vectors.transpose(0, 2, 1))


def _inverse_root(matrices: FloatArray) -> FloatArray:
    """Symmetric inverse square roots; directions without variance stay without."""
    values, vectors = np.linalg.eigh(matrices)
    solid = values > _ZERO * values[:, -1:]
    inverse = np.where(solid, 1.0 / np.sqrt(np.where(solid, values, 1.0)), 0.0)
    return _function(vectors, inverse)
