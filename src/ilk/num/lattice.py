r"""Sums of smooth functions over long ranges of whole numbers, by Gauss's rule for such sums.

A sum of N terms is, for a polynomial of degree below 2k, a weighted sum of k values: the nodes are
the roots of the k-th polynomial that is orthogonal on :math:`0, \dots, N - 1` (Gram, or discrete
Chebyshev), whose recurrence is

.. math:: p_{j+1}(x) = \left(x - \tfrac{N-1}{2}\right) p_j(x) - \beta_j\, p_{j-1}(x), \qquad
   \beta_j = \frac{j^2 (N^2 - j^2)}{4 (4 j^2 - 1)}.

Nodes and weights are the eigensystem of its Jacobi matrix ([GolubWelsch1969]).  A range is cut
into panels that are no longer than the scale on which the function varies, nor than twice their
distance from -1, where the gamma function of the next whole number has its pole.
"""

from __future__ import annotations

import functools

import numpy as np

from ilk.typing import FloatArray, IntArray

__all__ = ["lattice", "whole_lattice"]

_NODES = 16
"""Nodes of a panel; shorter panels are summed term by term."""

_DOUBLINGS = 48
"""The longest panel has 16 * 2^48 terms."""


def lattice(
    low: FloatArray, high: FloatArray, scale: FloatArray
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Nodes and weights of the sums over low, ..., high.

    Parameters
    ----------
    low, high : ndarray (n,)
        First and last whole number of each sum; empty where high is below low.
    scale : ndarray (n,)
        Length on which the summands vary.

    Returns
    -------
    row : ndarray (m,) of int
        Which sum a node belongs to.
    point : ndarray (m,)
        The nodes; whole numbers in short panels only.
    weight : ndarray (m,)
        Their weights.

    Examples
    --------
    >>> import numpy as np
    >>> row, point, weight = lattice(np.array([1.0]), np.array([1e6]), np.array([1e9]))
    >>> len(point), float(np.round(weight @ point))
    (352, 500000500000.0)
    """
    return _panels(low, high, scale, _tables())


def whole_lattice(
    low: FloatArray, high: FloatArray, scale: FloatArray
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Nodes and weights of the same sums, for functions of whole numbers only.

    The nodes of `lattice` are moved to whole numbers, and the weights are those that make the sums
    of polynomials of degree below 16 exact.

    Parameters
    ----------
    low, high, scale
        As of `lattice`.

    Returns
    -------
    row, point, weight
        As of `lattice`.

    Examples
    --------
    >>> import numpy as np
    >>> row, point, weight = whole_lattice(np.array([0.0]), np.array([1e6]), np.array([1e9]))
    >>> bool(np.all(point == np.round(point))), float(np.round(weight @ point))
    (True, 500000500000.0)
    """
    return _panels(low, high, scale, _whole_tables())


def _panels(
    low: FloatArray, high: FloatArray, scale: FloatArray, tables: tuple[FloatArray, FloatArray]
) -> tuple[IntArray, FloatArray, FloatArray]:
    offsets, weights = tables
    row = np.flatnonzero(high >= low)
    at, end, size = low[row], high[row], np.maximum(scale[row], 1.0)
    rows, points, masses = [np.zeros(0, dtype=np.int64)], [np.zeros(0)], [np.zeros(0)]
    while len(row):
        left = end - at + 1.0
        longest = np.minimum(left, np.minimum(size, 2.0 * (at + 1.0)))
        level = np.clip(np.floor(np.log2(np.maximum(longest, 1.0) / _NODES)), 0, _DOUBLINGS)
        level = level.astype(np.int64)
        x = at[:, None] + offsets[level]
        keep = (level[:, None] > 0) | (x <= end[:, None])
        rows.append(np.broadcast_to(row[:, None], x.shape)[keep])
        points.append(x[keep])
        masses.append(weights[level][keep])
        at = at + _NODES * 2.0**level
        more = at <= end
        row, at, end, size = row[more], at[more], end[more], size[more]
    return np.concatenate(rows), np.concatenate(points), np.concatenate(masses)


@functools.cache
def _tables() -> tuple[FloatArray, FloatArray]:
    """Nodes and weights (levels, 16) of panels of 16 * 2^level terms that start at 0."""
    offsets, weights = [], []
    j = np.arange(1.0, _NODES)
    for level in range(_DOUBLINGS + 1):
        N = _NODES * 2.0**level
        beta = j * j * (N * N - j * j) / (4.0 * (4.0 * j * j - 1.0))
        jacobi = np.diag(np.sqrt(beta), 1)
        nodes, vectors = np.linalg.eigh(jacobi + jacobi.T)
        offsets.append(nodes + 0.5 * (N - 1.0))
        weights.append(N * vectors[0] ** 2)
    offsets[0], weights[0] = np.arange(float(_NODES)), np.ones(_NODES)
    return np.array(offsets), np.array(weights)


@functools.cache
def _whole_tables() -> tuple[FloatArray, FloatArray]:
    """Whole nodes and their weights (levels, 16), for the same panels."""
    offsets, weights = _tables()
    lower = offsets < offsets[:, :1] + 0.5 * (offsets[:, -1:] - offsets[:, :1])
    whole = np.where(lower, np.floor(offsets), np.ceil(offsets))
    whole[0] = offsets[0]
    again = np.empty_like(weights)
    for level in range(_DOUBLINGS + 1):
        half = 0.5 * (_NODES * 2.0**level - 1.0)
        sums = np.polynomial.chebyshev.chebvander(offsets[level] / half - 1.0, _NODES - 1)
        basis = np.polynomial.chebyshev.chebvander(whole[level] / half - 1.0, _NODES - 1)
        again[level] = np.linalg.solve(basis.T, sums.T @ weights[level])
    again[0] = 1.0
    return whole, again
