r"""Cheap proofs that data overlap, so that no direction separates them.

By Stiemke's lemma no direction separates rows of full rank if positive weights :math:`w_i` on rows
at a limit (signs :math:`s_i = \pm 1`) and any :math:`v_i` on the others exist with
:math:`\sum_{s_i \ne 0} w_i s_i x_i + \sum_{s_i = 0} v_i x_i = 0`.  The residuals :math:`r_i` of a
logistic regression have the right signs and nearly balance; with :math:`g` the solution of
:math:`X'WXg = X'r`, :math:`W = |r|`, the weights :math:`|r_i|\,(1 - s_i x_i'g)` balance exactly,
and are positive if every :math:`|x_i'g| < 1`.  Some of the rows, if they overlap and have full
rank, speak for all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ilk.typing import FloatArray, IntArray

__all__ = ["SAMPLE", "overlap", "some_overlap"]

SAMPLE = 1000
"""Rows that are asked before all, where there are many."""


def some_overlap(sign: FloatArray, X: FloatArray) -> bool:
    """Whether some of many rows are proved to overlap, and to have full rank.

    Parameters
    ----------
    sign : (n,) array
        1, -1 and 0.
    X : (n, p) array
        Scaled columns.
    """
    n = len(sign)
    if n < 2 * SAMPLE:
        return False
    stride = np.arange(0, n, n // SAMPLE)
    return overlap(sign[stride], X[stride]) or overlap(*_telling(sign, X, stride))


def _telling(sign: FloatArray, X: FloatArray, some: IntArray) -> tuple[FloatArray, FloatArray]:
    """Rows to add to a sample: some of each outcome in which a column has a rarer value."""
    rows = [some]
    for column in X.T:
        rare = column != column[0]
        if 2 * int(rare.sum()) > len(rare):
            continue
        for outcome in (-1.0, 0.0, 1.0):
            there = np.flatnonzero(rare & (sign == outcome))
            rows.append(there[:: max(1, len(there) // 50)])
    chosen = np.unique(np.concatenate(rows))
    return sign[chosen], X[chosen]


def overlap(sign: FloatArray, X: FloatArray, steps: int = 8) -> bool:
    """Whether rows are proved to overlap and have full rank; false if no proof was found.

    Parameters
    ----------
    sign : (n,) array
        1, -1 and 0.
    X : (n, p) array
        Scaled columns.
    steps : int
        Steps of the logistic regression at most.
    """
    still = sign == 0.0
    if int(still.sum()) >= X.shape[1] and _full_rank(X[still]):
        return True
    target = 0.5 + 0.5 * sign
    beta = np.zeros(X.shape[1])
    for _ in range(steps):
        with np.errstate(over="ignore"):
            mean = 1.0 / (1.0 + np.exp(-(X @ beta)))
        residual = target - mean
        score = X.T @ residual
        weight = np.where(still, 0.25, np.abs(residual))
        shift = _solve(X, weight, score)
        if shift is None:
            return False
        # weights |r_i| (1 - s_i x_i'shift) balance exactly, and are positive
        if np.all(still | (np.abs(X @ shift) < 0.9)):
            return True
        step = _solve(X, mean * (1.0 - mean), score)
        if step is None:
            return False
        beta = beta + step
    return False


def _solve(X: FloatArray, weight: FloatArray, rhs: FloatArray) -> FloatArray | None:
    """Solve X'WX b = rhs; None if that matrix is (nearly) singular."""
    found = _root(X.T @ (weight[:, None] * X))
    if found is None:
        return None
    factor, scale = found
    inner = np.linalg.solve(factor, rhs / scale)
    solution: FloatArray = np.linalg.solve(factor.T, inner) / scale
    return solution


def _root(gram: FloatArray) -> tuple[FloatArray, FloatArray] | None:
    """Cholesky factor of a matrix scaled to unit diagonal, and the scale; None if singular."""
    scale = np.sqrt(gram.diagonal())
    if not scale.all():
        return None
    try:
        factor = np.linalg.cholesky(gram / scale / scale[:, None])
    except np.linalg.LinAlgError:
        return None
    if min(factor.diagonal().tolist()) <= 1e-5:
        return None
    return np.asarray(factor), np.asarray(scale)


def _full_rank(X: FloatArray) -> bool:
    """Whether rows have full rank, by far; asked of some of them first."""
    if len(X) >= 2 * SAMPLE and _full_rank(X[:: len(X) // SAMPLE]):
        return True
    return _root(X.T @ X) is not None
