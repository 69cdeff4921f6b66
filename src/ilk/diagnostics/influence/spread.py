"""Standard deviations and correlations as a function of the parameters, and how far they moved.

They are what variance parameters are compared by: unlike the elements of a factor they do not
depend on how the columns of some of the rows were scaled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.variance.components import component_values, variance_components

if TYPE_CHECKING:
    from ilk.fitted import Estimates, Fitted
    from ilk.typing import FloatArray
    from ilk.variance.components import VarianceComponent

__all__ = ["Spread", "spread_of"]

_STEP = 1e-4
"""Steps of differences, in standard errors."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Variance components of a fit.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    parts : tuple of VarianceComponent
        Its K standard deviations and correlations.
    inverse : (K, K) array
        Inverse of their covariance matrix, zeros for those on the boundary.
    count : int
        How many are not on the boundary.
    """

    fitted: Fitted
    parts: tuple[VarianceComponent, ...]
    inverse: FloatArray
    count: int

    def at(self, psi: FloatArray) -> FloatArray:
        """(K,) components at a flat parameter vector."""
        if np.isnan(psi[len(self.fitted.coef) :]).any():
            return np.full(len(self.parts), np.nan)
        known = np.where(np.isnan(psi), 0.0, psi)  # coefficients do not matter here
        matrices = self.fitted.covariances_at(known)
        sigma2 = float(np.exp(psi[-1])) if self.fitted.model.linear else 1.0
        theta = self._theta(known)
        return component_values(self.parts, self.fitted.model, matrices, theta, sigma2)

    def of(self, estimates: Estimates) -> FloatArray:
        """(K,) components of another fit of the same model."""
        theta = self._theta(estimates.psi)
        matrices, sigma2 = estimates.covariances, estimates.sigma2
        return component_values(self.parts, self.fitted.model, matrices, theta, sigma2)

    def _theta(self, psi: FloatArray) -> FloatArray:
        start = len(self.fitted.coef)
        return psi[start : start + len(self.fitted.point.theta)]

    def distance(self, values: FloatArray) -> FloatArray:
        """(G,) Cook's distances of components (G, K)."""
        moved = values - self.estimate
        moved = np.where(np.diag(self.inverse) > 0.0, moved, 0.0)
        return np.asarray(np.einsum("gi,ij,gj->g", moved, self.inverse, moved) / max(self.count, 1))

    @property
    def estimate(self) -> FloatArray:
        """(K,) components of the fit."""
        return np.array([part.estimate for part in self.parts])


def spread_of(fitted: Fitted) -> Spread:
    """Collect the variance components of a fit with their covariance matrix.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    """
    parts = variance_components(fitted)
    bare = Spread(fitted, parts, np.zeros((len(parts), len(parts))), 0)
    covariance, P = fitted.psi_covariance(), len(fitted.coef)
    errors = np.sqrt(np.where(np.isfinite(np.diag(covariance)), np.diag(covariance), 0.0))
    J = np.zeros((len(parts), len(covariance)))
    for j in np.flatnonzero(errors[P:] > 0.0) + P:
        ends = []
        for side in (1.0, -1.0):
            psi = fitted.estimates.psi.copy()
            psi[j] += side * _STEP * errors[j]
            ends.append(bare.at(psi))
        J[:, j] = (ends[0] - ends[1]) / (2.0 * _STEP * errors[j])
    J = np.nan_to_num(J)
    V = J @ np.where(np.isfinite(covariance), covariance, 0.0) @ J.T
    inside = np.array([not p.boundary and np.isfinite(p.estimate) for p in parts], dtype=bool)
    inside &= np.diag(V) > 0.0
    inverse = np.zeros_like(V)
    inverse[np.ix_(inside, inside)] = np.linalg.pinv(
        V[np.ix_(inside, inside)], hermitian=True, rcond=1e-10
    )
    return Spread(fitted, parts, inverse, int(inside.sum()))
