"""Which columns of a design are linearly independent of those before them.

The columns are centered (if there is an intercept) and scaled to unit length first, so that the
answer does not depend on units: time stamps are not taken for an intercept, and a column of size
1e8 is not taken for all others. Earlier columns win and the intercept is never the victim.
"""

from __future__ import annotations

import math

import numpy as np

from ilk.num.triangular import cholesky
from ilk.typing import BoolArray, FloatArray

_CLEARLY = 1e-3
"""Residual length above which the decision from cross-products is certain."""

_VARIES = 1e-6
"""Share of a column's sum of squares that its variation must have for that."""

_TOLERANCE = 1e-9
"""Residual length, of a column of unit length, that counts as none."""

_COARSEST = 1e-6
"""Largest such length, for columns whose rounding is coarse beside their variation."""


def independent_columns(X: FloatArray, intercept: int | None) -> BoolArray:
    """Find the columns that are not linear combinations of earlier ones.

    Parameters
    ----------
    X : (n, p) array
        Columns.
    intercept : int or None
        Position of the column of ones.

    Returns
    -------
    (p,) array of bool
        False for the columns to drop.
    """
    n, p = X.shape
    keep = np.ones(p, dtype=bool)
    if p == (intercept is not None):
        return keep
    if n == 0 or _clearly_independent(X, intercept):
        return keep
    others = np.array([j for j in range(p) if j != intercept], dtype=np.intp)
    Z = np.array(X[:, others], order="F")
    magnitude = np.abs(Z).max(axis=0)
    magnitude[magnitude == 0.0] = 1.0
    Z /= magnitude
    if intercept is not None:
        Z -= Z.mean(axis=0)
    length = np.sqrt(np.einsum("ij,ij->j", Z, Z))
    # what rounding leaves of a constant column is not variation
    noise = np.finfo(np.float64).eps * np.sqrt(n)
    varies = length > noise
    Z[:, varies] /= length[varies]
    tolerance = np.full(len(others), _TOLERANCE)
    tolerance[varies] = np.clip(16.0 * noise / length[varies], _TOLERANCE, _COARSEST)
    keep[others] = _orthogonalize(Z, tolerance, varies)
    return keep


def _clearly_independent(X: FloatArray, intercept: int | None) -> bool:
    """Whether cross-products leave no doubt: one pass over X, and no copy."""
    n, p = X.shape
    if p > n:
        return False
    with np.errstate(all="ignore"):
        if p - (intercept is not None) == 1:
            column = X[:, 1 if intercept == 0 else 0]
            square = float(column @ column)
            total = 0.0 if intercept is None else float(column.sum())
            return bool(_VARIES * square < square - total * total / n < math.inf)
        products = X.T @ X
        squares = products.diagonal().copy()
        if intercept is not None:
            sums = products[intercept] / math.sqrt(n)
            products -= sums[:, None] * sums
            products[intercept], products[:, intercept] = 0.0, 0.0  # uncorrelated with all now
            products[intercept, intercept], squares[intercept] = 1.0, 1.0
        variation = products.diagonal().copy()
        if not (variation > _VARIES * squares).all():
            return False
        scale = 1.0 / np.sqrt(variation)
        products *= scale
        products *= scale[:, None]
        if np.abs(products).sum(axis=0).max() < 2.0 - _CLEARLY:
            return True  # no eigenvalue is below _CLEARLY, by Gershgorin's circles
    factor = cholesky(products)
    return factor is not None and bool(factor.diagonal().min() > _CLEARLY)


def _orthogonalize(Z: FloatArray, tolerance: FloatArray, candidates: BoolArray) -> BoolArray:
    """Gram-Schmidt, twice for each column: what is left of it after the earlier ones."""
    n, p = Z.shape
    keep = np.zeros(p, dtype=bool)
    basis = np.empty((n, min(n, p)), order="F")
    rank, coarsest = 0, 0.0
    for j in range(p):
        if not candidates[j] or rank == basis.shape[1]:
            continue
        coarsest = max(coarsest, float(tolerance[j]))
        residual = Z[:, j].copy()
        for _ in range(2):
            residual -= basis[:, :rank] @ (basis[:, :rank].T @ residual)
        size = float(np.sqrt(residual @ residual))
        if size > coarsest:
            basis[:, rank] = residual / size
            rank += 1
            keep[j] = True
    return keep
