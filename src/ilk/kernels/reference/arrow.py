r"""Cholesky factorization of H = Lambda'A Lambda + I in arrow form.

With the leading effects first (see :mod:`.rows`),

    H = [ D   B ]     D block diagonal with one (Q, Q) block per level,
        [ B'  C ]     B (L, Q, R) and C (R, R) dense,

and with D = L_D L_D' and Y = L_D^-1 B the rest is the dense Schur complement S = C - Y'Y.  Of the
inverse P = H^-1 the parts P_22 = S^-1, P_12 = -G P_22 and the blocks D^-1 + G P_22 G' of P_11
are kept, with G = D^-1 B: all that row coordinates need.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from ilk.kernels.reference.loadings import Loadings
from ilk.kernels.reference.rows import RowDesign
from ilk.num.triangular import cholesky, inverse, log_det
from ilk.typing import FloatArray

__all__ = ["Arrow", "factorize"]


@final
@dataclass(frozen=True, slots=True)
class Arrow:
    """Factorized H.

    Attributes
    ----------
    rows : RowDesign
        Row coordinates.
    half : ndarray (L, Q, Q)
        L_D^-1.
    tip : ndarray (R, R)
        L_S^-1, with S = L_S L_S'.
    shaft : ndarray (L, Q, R)
        Y = L_D^-1 B.
    log_det : float
        Log determinant of H.
    """

    rows: RowDesign
    half: FloatArray
    tip: FloatArray
    shaft: FloatArray
    log_det: float

    def solve(self, x: FloatArray) -> FloatArray:
        """H^-1 x for x (U,) or (U, k)."""
        out = np.empty((len(x), 1 if x.ndim == 1 else x.shape[1]))
        wide = x.reshape(out.shape)
        lead, rest = self.rows.lead_index, self.rows.rest_index
        upper = self.half @ wide[lead]
        flat = self.shaft.reshape(lead.size, len(rest))
        lower = wide[rest] - flat.T @ upper.reshape(lead.size, wide.shape[1])
        out[rest] = self.tip.T @ (self.tip @ lower)
        out[lead] = self.half.transpose(0, 2, 1) @ (upper - self.shaft @ out[rest])
        return out.reshape(x.shape)

    def inverse(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Parts of P: blocks of P_11 (L, Q, Q), P_12 (L, Q, R), P_22 (R, R)."""
        outward = self.half.transpose(0, 2, 1)
        g = outward @ self.shaft
        p22 = self.tip.T @ self.tip
        p12 = -g @ p22
        p11 = outward @ self.half - p12 @ g.transpose(0, 2, 1)
        return p11, p12, p22

    def row_blocks(self, p11: FloatArray, p12: FloatArray, p22: FloatArray) -> FloatArray:
        """Parts of P between the effects of each row, (n, m, m)."""
        rows, q = self.rows, self.rows.leading
        groups, rest = rows.groups, rows.rest
        out = np.empty((len(groups), rows.width, rows.width))
        out[:, :q, :q] = p11[groups]
        across = p12[groups[:, None, None], np.arange(q)[:, None], rest[:, None, :]]
        out[:, :q, q:] = across
        out[:, q:, :q] = across.transpose(0, 2, 1)
        out[:, q:, q:] = p22[rest[:, :, None], rest[:, None, :]]
        return out

    def term_blocks(self) -> list[FloatArray]:
        """Diagonal blocks of P by term, (L_t, q_t, q_t)."""
        p11, _, p22 = self.inverse()
        place = np.empty(self.rows.size, int)
        place[self.rows.rest_index] = np.arange(len(self.rows.rest_index))
        blocks = []
        for part, positions in zip(self.rows.terms, self.rows.positions, strict=True):
            if part.start < self.rows.leading:
                blocks.append(p11[:, part, part])
            else:
                at = place[positions]
                blocks.append(p22[at[:, :, None], at[:, None, :]])
        return blocks


def factorize(
    rows: RowDesign, loadings: Loadings, weights: FloatArray, prior: FloatArray | None = None
) -> Arrow | None:
    """Factorize H = sum over rows of loadings_i' W_i loadings_i, plus the prior precision.

    Parameters
    ----------
    rows : RowDesign
        Row coordinates.
    loadings : Loadings
        Lambda'z_i by effect and predictor.
    weights : ndarray (K, K, n)
        Minus the second derivatives of the log density in the linear predictors.
    prior : ndarray (R, R), optional
        Prior precision of the effects that do not lead; the identity by default.

    Returns
    -------
    Arrow or None
        None if H is not positive definite.
    """
    q, r = rows.leading, len(rows.rest_index)
    levels = len(rows.lead_index)
    d = np.zeros((levels, q, q))
    b = np.zeros((levels, q, r))
    c = np.zeros((r, r))
    for j, of_j, left in loadings:
        for k, of_k, right in loadings:
            product = weights[of_j, of_k] * left * right
            if j < q and k < q:
                d[:, j, k] += np.bincount(rows.groups, product, minlength=levels)
            elif j < q:
                cell = rows.groups * r + rows.rest[:, k - q]
                b[:, j, :] += np.bincount(cell, product, minlength=levels * r).reshape(levels, r)
            elif k >= q:
                cell = rows.rest[:, j - q] * r + rows.rest[:, k - q]
                c += np.bincount(cell, product, minlength=r * r).reshape(r, r)
    root = cholesky(d + np.eye(q))
    if root is None:
        return None
    half = inverse(root)
    shaft = half @ b
    flat = shaft.reshape(levels * q, r)
    corner = cholesky(c + (np.eye(r) if prior is None else prior) - flat.T @ flat)
    if corner is None:
        return None
    return Arrow(rows, half, inverse(corner), shaft, log_det(root) + log_det(corner))
