r"""The step for models fitted by Laplace's approximation or quadrature: Newton's, and a correction.

In coordinates in which the curvature H of all rows is the identity, :math:`H^{-1} = LL'`, the unit
has the curvature :math:`K = L'H_iL` and the step is :math:`L(I - K)^{-1}L'\,\partial L_{(-i)}`.  An
eigenvalue of K that is one belongs to a direction about which the unit alone says anything, and one
above it means that without the unit there is no maximum near the estimates.

After the step :math:`\delta` the gradient is :math:`-\frac12 T[\delta, \delta]` to second order,
with T the derivative of the curvature, and the curvature :math:`H_{(-i)} + T[\delta]`; a second
solve takes this into account (Chebyshev's method).  T is that of all rows, so that it costs nothing
per unit.  It gives the standard errors at the new estimates and the fall of the log-likelihood too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.inference.infinite import infinite
from ilk.num.triangular import covariance_root, invert_information

if TYPE_CHECKING:
    from ilk.diagnostics.influence.parts import Likelihood, Part
    from ilk.typing import BoolArray, FloatArray

__all__ = ["ALL", "WIDER", "Left", "NewtonSteps", "back_map"]

ALL = 1.0 - 1e-6
"""Share of the information on a direction that counts as all of it."""

WIDER = 30.0
"""Steps for derivatives of the curvature, in those for the curvature."""

_BEYOND = 1.0 + 1e-4
"""Share of the information from which there is no maximum without the unit."""

_LEAST = 0.1
"""Share of the curvature that is left at the new estimates at least, to be believed."""


@dataclass(frozen=True, slots=True)
class Left:
    """What is left without a unit; as in `ilk.diagnostics.influence.one_step.OneStep`.

    Steps and covariance matrices are those of the user's columns: an intercept at the mean of a
    column depends on the coefficient of the column, that at its zero does not.
    """

    step: FloatArray
    covariance: FloatArray
    displacement: float
    leverage: float
    failed: bool = False


class NewtonSteps:
    """Steps from the estimates of all rows.

    Parameters
    ----------
    likelihood : Likelihood
        Of the rows.
    whole : Part
        What all rows contribute.
    counted : (P,) array of bool
        Coefficients whose leverage counts.
    """

    def __init__(self, likelihood: Likelihood, whole: Part, counted: BoolArray) -> None:
        self._likelihood, self._whole, self._P = likelihood, whole, likelihood.coefs
        covariance = invert_information(whole.information)
        self._known = np.isfinite(np.diag(covariance))
        self._known[: self._P] &= ~infinite(likelihood.fitted)  # they stay where they are
        self._back = back_map(likelihood)
        some = np.ix_(self._known, self._known)
        self._root = np.zeros((likelihood.size, int(self._known.sum())))
        self._root[self._known] = covariance_root(covariance[some])
        self._errors = np.linalg.norm(self._back @ self._root, axis=1)
        self._third = _third(likelihood)
        self._some = np.ix_(np.flatnonzero(counted), np.flatnonzero(counted))
        self._inverse = np.linalg.pinv(whole.information[self._some], hermitian=True)

    def without(self, part: Part, nobs: float) -> Left:
        """Step towards the estimates without a unit.

        Parameters
        ----------
        part : Part
            What the unit contributes.
        nobs : float
            Its observations.
        """
        del nobs
        P, m = self._P, self._likelihood.size
        K = self._root.T @ part.information @ self._root
        values, vectors = np.linalg.eigh(0.5 * (K + K.T))
        leverage = float(np.sum(self._inverse * part.information[self._some]))
        lost = self._lost(vectors[:, values > ALL], values)
        if lost is None:
            nothing = np.full((P, P), np.nan)
            return Left(np.full(m, np.nan), nothing, np.nan, leverage, failed=True)
        solid = values <= ALL
        inner = self._root @ vectors[:, solid] / np.sqrt(1.0 - values[solid])
        step = inner @ (inner.T @ (self._whole.score - part.score))
        step = self._corrected(inner, step)
        cubic = np.einsum("j,k,l,jkl->", step, step, step, self._third)
        displacement = float(step @ self._whole.information @ step + cubic / 3.0)
        back = self._back[:P, :P]
        covariance = back @ self._covariance(inner, step) @ back.T
        step = self._back @ step
        if lost.any():
            displacement = np.nan
            step[:P][lost] = np.nan
            covariance[lost, :] = covariance[:, lost] = np.nan
        return Left(step, covariance, displacement, leverage)

    def _lost(self, directions: FloatArray, values: FloatArray) -> BoolArray | None:
        """Coefficients (P,) that the rest does not determine; None if it has no maximum nearby."""
        if not directions.shape[1]:
            return np.zeros(self._P, dtype=bool)
        errors = np.where(self._errors > 0.0, self._errors, np.inf)
        share = np.abs(self._back @ self._root @ directions) / errors[:, None]
        moved = np.any(share > 1e-3, axis=1)
        if np.any(values > _BEYOND) or moved[self._P :].any():
            return None
        return np.asarray(moved[: self._P])

    def _corrected(self, inner: FloatArray, step: FloatArray) -> FloatArray:
        """Add the second-order correction to a step, unless it is the larger of the two."""
        curvature = self._curvature(inner, step)
        if curvature is None:
            return step
        residual = -0.5 * np.einsum("j,k,jkl->l", step, step, self._third)
        second: FloatArray = inner @ np.linalg.solve(curvature, inner.T @ residual)
        size, correction = (float(d @ self._whole.information @ d) for d in (step, second))
        return step + second if correction < size else step

    def _covariance(self, inner: FloatArray, step: FloatArray) -> FloatArray:
        """(P, P) covariance matrix of the coefficients at the new estimates."""
        P, curvature = self._P, self._curvature(inner, step)
        if curvature is None:
            return np.asarray(inner[:P] @ inner[:P].T)
        return np.asarray(inner[:P] @ np.linalg.solve(curvature, inner[:P].T))

    def _curvature(self, inner: FloatArray, step: FloatArray) -> FloatArray | None:
        """Curvature after a step where that before it is the identity; None if it breaks down."""
        bent = inner.T @ np.einsum("j,jkl->kl", step, self._third) @ inner
        curvature: FloatArray = np.eye(len(bent)) + 0.5 * (bent + bent.T)
        least = np.linalg.eigvalsh(curvature).min(initial=1.0)
        return curvature if least > _LEAST else None


def back_map(likelihood: Likelihood) -> FloatArray:
    """Takes (m, m) moves of the engine's parameters to those of the user's.

    Parameters
    ----------
    likelihood : Likelihood
        Of the rows.
    """
    out: FloatArray = np.eye(likelihood.size)
    P = likelihood.coefs
    out[:P, :P] = likelihood.fitted.marginal.scaled.coef_map
    return out


def _third(likelihood: Likelihood) -> FloatArray:
    """Derivative (m, m, m) of the curvature of all rows in each parameter."""
    m, fitted = likelihood.size, likelihood.fitted
    out = np.empty((m, m, m))
    alone = np.zeros(fitted.model.rows, dtype=np.int64)
    engine = likelihood.engine() if fitted.design.terms else None
    for j, step in enumerate(WIDER * likelihood.steps):
        ends = []
        for side in (step, -step):
            there = likelihood.at.copy()
            there[j] += side
            if engine is None:
                ends.append(likelihood.row_parts(alone, 1, there)[0].information)
            else:
                ends.append(likelihood.information(engine, there))
        out[j] = (ends[0] - ends[1]) / (2.0 * step)
    return out
