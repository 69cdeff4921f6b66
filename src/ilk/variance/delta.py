"""Covariance matrices of random effects as functions of the parameters, differentiated.

G_t depends on the covariance parameters (and on sigma in the linear model), smoothly and, for most
structures, quadratically; so central differences with a moderate step are exact but for rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["CovarianceDerivatives", "covariance_derivatives"]

_STEP = 1e-4


@dataclass(frozen=True, slots=True)
class CovarianceDerivatives:
    """Derivatives of all G_t in the parameters that they depend on.

    Parameters
    ----------
    positions : range
        Positions in psi of the k parameters behind the coefficients.
    matrices : tuple of (k, q_t, q_t) arrays
        Derivatives of each term's covariance matrix.
    covariance : (k, k) array
        Covariance matrix of the estimates of these parameters.
    """

    positions: range
    matrices: tuple[FloatArray, ...]
    covariance: FloatArray


def covariance_derivatives(fitted: Fitted) -> CovarianceDerivatives:
    """Differentiate the covariance matrices of the random effects.

    Parameters
    ----------
    fitted : Fitted
        The fit.

    Returns
    -------
    CovarianceDerivatives
    """
    psi = fitted.estimates.psi
    positions = range(len(fitted.coef), len(psi))
    slopes: list[tuple[FloatArray, ...]] = []
    for j in positions:
        step = _STEP * max(1.0, abs(float(psi[j])))
        ends = []
        for side in (step, -step):
            moved = psi.copy()
            moved[j] += side
            ends.append(fitted.covariances_at(moved))
        slopes.append(tuple((up - down) / (2.0 * step) for up, down in zip(*ends, strict=True)))
    matrices = tuple(
        np.array([slope[t] for slope in slopes]).reshape(len(positions), *G.shape)
        for t, G in enumerate(fitted.estimates.covariances)
    )
    inner = fitted.psi_covariance()[positions.start :, positions.start :]
    return CovarianceDerivatives(positions, matrices, inner)
