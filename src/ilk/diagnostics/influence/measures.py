"""Cook's distances and ratios of determinants from moves and covariance matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ilk.typing import FloatArray

__all__ = ["cook_distances", "determinant_ratios"]


def cook_distances(moved: FloatArray, V: FloatArray) -> FloatArray:
    """(G,) Cook's distances, over the coefficients that each unit leaves known.

    Parameters
    ----------
    moved : (G, P) array
        Moves of the coefficients; nan where there is none.
    V : (P, P) array
        Covariance matrix of the coefficients of all rows.
    """
    out = np.full(len(moved), np.nan)
    base = np.isfinite(np.diag(V))
    known = np.isfinite(moved) & base
    for pattern in np.unique(known, axis=0):
        if not pattern.any():
            continue
        some = np.all(known == pattern, axis=1)
        delta = moved[some][:, pattern]
        inverse = np.linalg.pinv(V[np.ix_(pattern, pattern)], hermitian=True)
        out[some] = np.einsum("gi,ij,gj->g", delta, inverse, delta) / pattern.sum()
    return out


def determinant_ratios(covariance: FloatArray, V: FloatArray) -> FloatArray:
    """(G,) ratios of determinants, over the coefficients that all rows determine.

    Parameters
    ----------
    covariance : (G, P, P) array
        Covariance matrices without each unit.
    V : (P, P) array
        That of all rows.
    """
    base = np.flatnonzero(np.isfinite(np.diag(V)))
    if not len(base):
        return np.full(len(covariance), np.nan)
    scale = np.sqrt(np.diag(V)[base])
    unit = np.outer(scale, scale)
    whole = np.linalg.slogdet(V[np.ix_(base, base)] / unit)[1]
    some = covariance[:, base[:, None], base] / unit
    out = np.full(len(covariance), np.nan)
    finite = np.isfinite(some).all(axis=(1, 2))
    out[finite] = np.exp(np.linalg.slogdet(some[finite])[1] - whole)
    return out
