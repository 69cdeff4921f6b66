r"""Bias-reduced linearization (CR2) of the linear mixed model, by clusters of any size.

Pustejovsky and Tipton (2018, equations 5 and 6) multiply the residuals of cluster i by

.. math:: A_i = D_i'\,\big(D_i R_i D_i'\big)^{-1/2} D_i, \qquad D_i'D_i = V_i, \quad
   R_i = V_i - X_i M X_i', \quad M = (X'V^{-1}X)^{-1},

so that :math:`A_i R_i A_i' = V_i`: if V is right, the estimator has no bias.  Turning :math:`D_i`
by an orthogonal matrix leaves :math:`A_i` as it is, so it may be the symmetric root.  After rows
are divided by their own residual standard deviation, :math:`V_i = I + Z_i\Lambda\Lambda'Z_i'` is
the identity off the columns of :math:`[X_i\ Z_i]`, and so are :math:`R_i` and :math:`A_i`.  With
an orthonormal basis U of those columns everything is done to :math:`U'X_i`, :math:`U'Z_i`
and :math:`U'e_i`: matrices of p + q rows, however many rows the cluster has.  Small clusters are
treated together, filled up with rows of zeros, which change nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.errors import FitError
from ilk.inference.robust_df import Contributions
from ilk.inference.robust_units import levels_within

if TYPE_CHECKING:
    from ilk.inference.robust_linear import LinearRows
    from ilk.inference.robust_units import Unit
    from ilk.kernels.contract import TermData
    from ilk.typing import FloatArray, IntArray

__all__ = ["bias_reduced"]

_WIDEST = 3000
"""Rows of the largest matrices that are decomposed."""

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
    _refuse_wide(np.minimum(sizes, widths), unit)
    scores = np.empty((count, p))
    E, Q = np.empty((count, p, p)), np.empty((count, p, p))
    for batch in _batches(sizes, widths):
        chosen = np.concatenate([order[starts[c] : starts[c] + sizes[c]] for c in batch])
        home = np.repeat(np.arange(len(batch)), sizes[batch])
        seat = np.concatenate([np.arange(sizes[c]) for c in batch])
        filled = _fill(rows, nests, batch, chosen, (home, seat), int(sizes[batch].max()))
        scores[batch], E[batch], Q[batch] = _correct(*filled, rows.root)
    return Contributions(rows.back @ rows.root, scores, lambda: (E, Q), np.ones(count))


def _nest(term: TermData, root: FloatArray, unit: Unit) -> _Nest:
    place, levels = levels_within(term.codes, unit.codes)
    return _Nest(term, root, place, levels)


def _refuse_wide(ranks: IntArray, unit: Unit) -> None:
    widest = int(np.argmax(ranks))
    if ranks[widest] > _WIDEST:
        raise FitError(
            f"'CR2' decomposes a matrix for the rows or random effects of each cluster; the "
            f"cluster {unit.labels[widest]!r} of {unit.name!r} has {ranks[widest]:,} of them, more "
            f"than {_WIDEST:,}. Use 'CR3' or 'CR1', which need no such matrix.",
            code="wide-cluster",
        )


def _batches(sizes: IntArray, widths: IntArray) -> Iterator[IntArray]:
    """Clusters of like sizes, as many as fit."""
    order = np.argsort(sizes, kind="stable")
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
    """X (b, n, p), Z Lambda (b, n, q) and e (b, n) of clusters, each row over its own deviation."""
    weights = rows.data.weights
    scale = np.ones(len(chosen)) if weights is None else np.sqrt(weights[chosen])
    X = np.zeros((len(batch), tallest, rows.X.shape[1]))
    X[spot] = rows.X[chosen] * scale[:, None]
    e = np.zeros((len(batch), tallest))
    e[spot] = rows.residual[chosen] * scale
    width = sum(nest.term.width * int(nest.levels[batch].max()) for nest in nests)
    Z = np.zeros((len(batch), tallest, width))
    offset = 0
    for nest in nests:
        q, columns = nest.term.width, nest.term.columns
        z = np.ones((len(chosen), 1)) if columns is None else columns[chosen]
        z = (z @ nest.root) * scale[:, None]
        for j in range(q):
            Z[(*spot, offset + q * nest.place[chosen] + j)] = z[:, j]
        offset += q * int(nest.levels[batch].max())
    return X, Z, e


def _correct(
    X: FloatArray, Z: FloatArray, e: FloatArray, root: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Corrected scores (b, p), E and Q (b, p, p), in whitened coordinates."""
    if X.shape[1] > X.shape[2] + Z.shape[2]:
        basis = np.linalg.qr(np.concatenate([X, Z], axis=2)).Q.transpose(0, 2, 1)
        X, Z, e = basis @ X, basis @ Z, (basis @ e[:, :, None])[:, :, 0]
    X = X @ root
    V = np.eye(X.shape[1]) + Z @ Z.transpose(0, 2, 1)
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
