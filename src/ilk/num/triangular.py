"""Lower triangles, Cholesky factors and inverses of information matrices."""

from __future__ import annotations

import functools

import numpy as np

from ilk.typing import FloatArray, IntArray

_FLAT = 1e-9
"""Eigenvalue of a scaled information matrix, relative to the largest, that counts as zero."""


@functools.cache
def lower_indices(q: int) -> tuple[IntArray, IntArray]:
    """Rows and columns of the lower triangle of a matrix of order q, column by column.

    Parameters
    ----------
    q : int
        Order.

    Returns
    -------
    rows, columns : ndarray (q (q + 1) / 2,) of int
        Positions, diagonal included; they are kept, and not to be written to.
    """
    columns, rows = np.triu_indices(q)
    rows.flags.writeable = columns.flags.writeable = False
    return rows, columns


@functools.cache
def diagonal_positions(q: int) -> IntArray:
    """Where the diagonal stands among the elements of `lower_indices`, (q,)."""
    rows, columns = lower_indices(q)
    return np.flatnonzero(rows == columns)


def cholesky(matrix: FloatArray) -> FloatArray | None:
    """Lower Cholesky factor, None if the matrix is not positive definite or not finite.

    Parameters
    ----------
    matrix : ndarray (..., q, q)
        One symmetric matrix or a stack of them.

    Returns
    -------
    ndarray (..., q, q) or None
        Factors; None if any of the matrices has none.
    """
    if not np.isfinite(matrix).all():
        return None
    try:
        factor = np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return None
    return np.asarray(factor, dtype=np.float64)


def inverse(matrix: FloatArray) -> FloatArray:
    """Inverse of one matrix, or of a stack of them (..., q, q)."""
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)


def solve(matrix: FloatArray, right: FloatArray) -> FloatArray:
    """Solution x (q, k), or (q,), of matrix (q, q) times x = right."""
    return np.asarray(np.linalg.solve(matrix, right), dtype=np.float64)


def log_det(factor: FloatArray) -> float:
    """Log determinant of L L' (summed over a stack) from the lower factors L (..., q, q)."""
    return 2.0 * float(np.sum(np.log(np.diagonal(factor, axis1=-2, axis2=-1))))


def invert_information(information: FloatArray) -> FloatArray:
    """Covariance matrix of estimates from their observed information.

    Directions in which the information is zero or negative are not identified; the parameters that
    take part in them get rows and columns of NaN, the others the covariance that they have
    when those directions are left out.

    Parameters
    ----------
    information : ndarray (m, m)
        Minus the Hessian of the log-likelihood.

    Returns
    -------
    ndarray (m, m)
        Symmetric covariance matrix.
    """
    m = len(information)
    out = np.full((m, m), np.nan)
    symmetric = 0.5 * (information + information.T)
    keep = _informed(symmetric)
    if len(keep) == 0 or not np.all(np.isfinite(symmetric[np.ix_(keep, keep)])):
        return out
    # unit diagonal, so that "small" does not depend on the scales of the parameters
    scale = 1.0 / np.sqrt(np.diagonal(symmetric)[keep])
    values, vectors = np.linalg.eigh(symmetric[np.ix_(keep, keep)] * np.outer(scale, scale))
    flat = values <= _FLAT * values[-1]
    solid = vectors[:, ~flat]
    inverse = (solid / values[~flat]) @ solid.T * np.outer(scale, scale)
    lost = np.any(np.abs(vectors[:, flat]) > 1e-3, axis=1)
    inverse[lost, :] = np.nan
    inverse[:, lost] = np.nan
    out[np.ix_(keep, keep)] = inverse
    return out


def _informed(information: FloatArray) -> IntArray:
    """Parameters about which there is information beyond rounding.

    A positive semidefinite matrix has |I_ij|^2 <= I_ii I_jj.  Where the differences that the
    matrix was made of violate this, the lesser diagonal element is noise: its parameter has run
    to a limit.
    """
    size = np.diagonal(information)
    keep = np.flatnonzero(size > 0.0)
    while len(keep):
        inner = np.abs(information[np.ix_(keep, keep)])
        over = inner > 1.001 * np.sqrt(np.outer(size[keep], size[keep]))
        if not over.any():
            break
        violators = keep[over.any(axis=0)]
        keep = keep[keep != violators[np.argmin(size[violators])]]
    return keep


def covariance_root(G: FloatArray) -> FloatArray:
    """Find a matrix R with ``R R' = G``; G may be singular.

    Parameters
    ----------
    G : (q, q) array
        Covariance matrix.

    Examples
    --------
    >>> import numpy as np
    >>> from ilk.num.triangular import covariance_root
    >>> R = covariance_root(np.array([[4.0, 2.0], [2.0, 1.0]]))
    >>> (R @ R.T).round(12)
    array([[4., 2.],
           [2., 1.]])
    """
    scale = np.sqrt(np.maximum(np.diag(G), np.finfo(float).tiny))
    values, vectors = np.linalg.eigh(G / np.outer(scale, scale))
    return np.asarray(scale[:, None] * vectors * np.sqrt(np.maximum(values, 0.0)))


def floor_eigenvalues(matrix: FloatArray, share: float) -> FloatArray:
    """Make a symmetric matrix positive definite, on the scale of its diagonal.

    Parameters
    ----------
    matrix : ndarray (m, m)
        Symmetric matrix.
    share : float
        Least eigenvalue of the matrix scaled to unit diagonal.

    Returns
    -------
    ndarray (m, m)
        The matrix itself if its scaled eigenvalues are large enough.
    """
    diagonal = np.abs(np.diagonal(matrix))
    scale = np.sqrt(np.where(np.isfinite(diagonal) & (diagonal > 0.0), diagonal, 1.0))
    scaled = np.nan_to_num(matrix / np.outer(scale, scale), posinf=0.0, neginf=0.0)
    values, vectors = np.linalg.eigh(0.5 * (scaled + scaled.T))
    if len(values) == 0 or values[0] >= share:
        return matrix
    repaired = (vectors * np.maximum(np.abs(values), share)) @ vectors.T
    return np.asarray(repaired * np.outer(scale, scale), dtype=np.float64)


def rank(X: FloatArray) -> int:
    """Count the independent columns of a matrix; none of no columns.

    Parameters
    ----------
    X : (n, p) array
        The matrix.

    Examples
    --------
    >>> rank(np.array([[1.0, 2.0], [2.0, 4.0]])), rank(np.zeros((3, 0)))
    (1, 0)
    """
    return int(np.linalg.matrix_rank(X)) if X.size else 0
