r"""Conditional posterior of a combination of each level's effects in the linear mixed model.

Where all random terms share one factor, with :math:`A_l = \sum w z z'`, :math:`s_l = \sum w z (y -
o)` and :math:`B_l = \sum w z x'` summed once over the rows of level l (w the weights), the effects
given the parameters are normal and independent between levels,

.. math:: b_l = R u_l, \quad R R' = G, \qquad
   u_l \sim N\{H_l^{-1} R'(s_l - B_l \beta) / \sigma^2,\; H_l^{-1}\}, \qquad
   H_l = I + R' A_l R / \sigma^2,

for any parameters, at the cost of a few small matrices per level.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.num.triangular import covariance_root

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.ranking.target import Target
    from ilk.typing import FloatArray

__all__ = ["LinearLevels"]


class LinearLevels:
    """Sums over the rows of each level, from which the posterior follows at any parameters.

    Parameters
    ----------
    fitted : Fitted
        A linear mixed model whose random terms share one factor.
    target : Target
        What is ranked.
    """

    def __init__(self, fitted: Fitted, target: Target) -> None:
        design, part = fitted.design, fitted.model.fitted_parts[0]
        rows, levels = fitted.model.rows, len(target.levels)
        self.fitted = fitted
        columns = [np.ones((rows, 1)) if t.columns is None else t.columns for t in design.terms]
        Z = np.hstack(columns)
        known = dict(zip(target.terms, target.weights, strict=True))
        self.a = np.concatenate([known.get(t, np.zeros(z.shape[1])) for t, z in enumerate(columns)])
        weighted = Z * self._row_weights()[:, None]
        y = design.response.y if part.offset is None else design.response.y - part.offset

        def total(right: FloatArray) -> FloatArray:
            sums = [[np.bincount(target.codes, z * x, levels) for x in right.T] for z in weighted.T]
            return np.moveaxis(np.array(sums), 2, 0)

        self.inner = total(Z)
        self.by_response = total(y[:, None])[:, :, 0]
        self.by_columns = total(part.X)

    def _row_weights(self) -> FloatArray:
        design = self.fitted.design
        weights = np.ones(self.fitted.model.rows)
        for given in (design.frequency_weights, design.precision_weights):
            if given is not None:
                weights = weights * given
        return weights

    def at(self, psi: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Means and standard deviations (L,) of what is ranked, random effects only.

        Parameters
        ----------
        psi : (m,) array
            Parameters.
        """
        P, q = len(self.fitted.coef), len(self.a)
        sigma2 = float(np.exp(psi[-1]))
        R = np.zeros((q, q))
        start = 0
        for G in self.fitted.covariances_at(psi):
            stop = start + len(G)
            R[start:stop, start:stop] = covariance_root(G)
            start = stop
        H = np.eye(q) + R.T @ self.inner @ R / sigma2
        right = (self.by_response - self.by_columns @ psi[:P]) @ R / sigma2
        alpha = R.T @ self.a
        along = np.linalg.solve(H, np.broadcast_to(alpha, (len(H), q))[:, :, None])[:, :, 0]
        mean = np.sum(along * right, axis=1)
        return mean, np.sqrt(np.maximum(along @ alpha, 0.0))
