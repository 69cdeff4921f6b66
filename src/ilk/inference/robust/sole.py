r"""Coefficients that one cluster alone determines: no robust standard error can exist for them.

If rows of other clusters say nothing about a direction b of the coefficients, :math:`X_hb = 0` for
all :math:`h \ne g`, then cluster g is fitted exactly along it, its residual there is zero, and the
variance that the sandwich shows is that of everything else.  With X = Q R there is such a direction
if :math:`Q_g'Q_g` has an eigenvalue one; its trace tells where to look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import BoolArray, FloatArray, IntArray

__all__ = ["sole_sources"]

_WHOLE = 1.0 - 1e-9
"""Share of the rows' information on a direction that is all of it."""

_PART = 1e-6
"""Part of a direction, in standard errors, that counts as none."""


def sole_sources(fitted: Fitted, codes: IntArray) -> BoolArray:
    """Find the coefficients that some cluster alone determines.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    codes : (n,) array of int
        Cluster of each row.

    Returns
    -------
    (P,) array of bool
    """
    scaled = fitted.marginal.scaled
    errors = np.sqrt(np.diag(fitted.vcov))
    out = np.zeros(len(fitted.coef), dtype=bool)
    start = 0
    for part in scaled.data.predictors:
        stop = start + part.X.shape[1]
        back = scaled.coef_map[start:stop, start:stop]
        for direction in _directions(part.X, codes):
            size = np.abs(back @ direction) / errors[start:stop]
            out[start:stop] |= size > _PART * size.max()
        start = stop
    return out


def _directions(X: FloatArray, codes: IntArray) -> list[FloatArray]:
    """Directions (p,) of the coefficients about which one cluster alone says anything."""
    Q, R = np.linalg.qr(X)
    trace = np.bincount(codes, np.sum(Q * Q, axis=1))
    out: list[FloatArray] = []
    for cluster in np.flatnonzero(trace > _WHOLE):
        block = Q[codes == cluster]
        values, vectors = np.linalg.eigh(block.T @ block)
        found = np.linalg.solve(R, vectors[:, values > _WHOLE])
        out.extend(found.T)
    return out
