r"""Prior precision of the random effects u: the identity, but for structures over levels.

A structured term has u ~ N(0, Q^-1 x I_q), with Q a sparse matrix over its levels.  In ``lam`` the
elements of Q and log|Q| follow those of all Lambda_t, term by term.  With P = H^-1 and s the
adjoint of the motion of u^ (see :mod:`.laplace`), an element Q_kl has the derivative

    dL/dQ_kl = -(u_k'u_l + tr P_kl) / 2 - (s_k'u_l + s_l'u_k) / 2,       twice that for k != l,

and log|Q| has q / 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from ilk.kernels.reference.rows import RowDesign
from ilk.typing import FloatArray

__all__ = ["Prior", "prior_of"]


@final
@dataclass(frozen=True, slots=True)
class Prior:
    """Precision of the effects that do not lead; those that lead are independent.

    Attributes
    ----------
    rows : RowDesign
        Row coordinates.
    rest : ndarray (R, R)
        Precision matrix.
    log_det : float
        Log determinant of the whole.
    """

    rows: RowDesign
    rest: FloatArray
    log_det: float

    def apply(self, u: FloatArray) -> FloatArray:
        """Precision times u (U,)."""
        out = u.copy()
        out[self.rows.rest_index] = self.rest @ u[self.rows.rest_index]
        return out

    def gradient(
        self, p22: FloatArray, u: FloatArray, s: FloatArray, scale: float = 1.0
    ) -> FloatArray:
        """Derivatives in the elements of all Q and their log determinants.

        Parameters
        ----------
        p22 : ndarray (R, R)
            H^-1 of the effects that do not lead.
        u, s : ndarray (U,)
            Modes and adjoint.
        scale : float
            Factor of the products of u.
        """
        place = np.empty(self.rows.size, int)
        place[self.rows.rest_index] = np.arange(len(self.rows.rest_index))
        out = []
        for t, pattern in self.rows.structured:
            positions = self.rows.positions[t]
            a, b = positions[pattern.rows], positions[pattern.columns]
            trace = p22[place[a], place[b]].sum(axis=1)
            products = scale * (u[a] * u[b]).sum(axis=1) + (s[a] * u[b] + u[a] * s[b]).sum(axis=1)
            share = np.where(pattern.rows == pattern.columns, 0.5, 1.0)
            out += [-share * (trace + products), np.array([0.5 * positions.shape[1]])]
        return np.concatenate([np.zeros(0), *out])

    def square_gradient(self, u: FloatArray) -> FloatArray:
        """Derivatives of u'Q u in the elements of all Q (and of their log determinants: 0)."""
        out = []
        for t, pattern in self.rows.structured:
            positions = self.rows.positions[t]
            products = (u[positions[pattern.rows]] * u[positions[pattern.columns]]).sum(axis=1)
            out += [np.where(pattern.rows == pattern.columns, 1.0, 2.0) * products, np.zeros(1)]
        return np.concatenate([np.zeros(0), *out])


def prior_of(rows: RowDesign, lam: FloatArray) -> Prior | None:
    """Prior at ``lam``; None where all effects are independent.

    Parameters
    ----------
    rows : RowDesign
        Row coordinates.
    lam : ndarray
        Elements of all Lambda_t, then those of the precision matrices.
    """
    if not rows.structured:
        return None
    place = np.empty(rows.size, int)
    place[rows.rest_index] = np.arange(len(rows.rest_index))
    rest, log_det, start = np.eye(len(rows.rest_index)), 0.0, rows.factor_size
    for t, pattern in rows.structured:
        stop = start + len(pattern.rows)
        positions = rows.positions[t]
        for effects in positions.T:
            at = place[effects]
            rest[at, at] = 0.0
            rest[at[pattern.rows], at[pattern.columns]] = lam[start:stop]
            rest[at[pattern.columns], at[pattern.rows]] = lam[start:stop]
        log_det += positions.shape[1] * float(lam[stop])
        start = stop + 1
    return Prior(rows, rest, log_det)
