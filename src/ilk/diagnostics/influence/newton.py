r"""Newton's step for models fitted by Laplace's approximation or quadrature.

In coordinates in which the curvature H of all rows is the identity, :math:`H^{-1} = LL'`, the unit
has the curvature :math:`K = L'H_iL` and the step is :math:`L(I - K)^{-1}L'\,\partial L_{(-i)}`.  An
eigenvalue of K that is one belongs to a direction about which the unit alone says anything, and one
above it means that without the unit there is no maximum near the estimates.

The standard errors are those at the new estimates, to first order: the curvature changes by
:math:`\sum_j \delta_j\,\partial H/\partial\omega_j`, of all rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.num.triangular import covariance_root, invert_information

if TYPE_CHECKING:
    from ilk.diagnostics.influence.parts import Likelihood, Part
    from ilk.typing import BoolArray, FloatArray

__all__ = ["ALL", "WIDER", "Left", "NewtonSteps"]

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
    """What is left without a unit; as in `ilk.diagnostics.influence.one_step.OneStep`."""

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
    """

    def __init__(self, likelihood: Likelihood, whole: Part) -> None:
        self._likelihood, self._whole, self._P = likelihood, whole, likelihood.coefs
        covariance = invert_information(whole.information)
        self._known = np.isfinite(np.diag(covariance))
        self._errors = np.sqrt(np.where(self._known, np.diag(covariance), np.inf))
        some = np.ix_(self._known, self._known)
        self._root = np.zeros((likelihood.size, int(self._known.sum())))
        self._root[self._known] = covariance_root(covariance[some])
        self._third = _third(likelihood)
        inner = whole.information[: self._P, : self._P]
        self._inverse = np.linalg.pinv(inner, hermitian=True)

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
        leverage = float(np.sum(self._inverse * part.information[:P, :P]))
        lost = self._lost(vectors[:, values > ALL], values)
        if lost is None:
            nothing = np.full((P, P), np.nan)
            return Left(np.full(m, np.nan), nothing, np.nan, leverage, failed=True)
        solid = values <= ALL
        inner = self._root @ vectors[:, solid] / np.sqrt(1.0 - values[solid])
        step = inner @ (inner.T @ (self._whole.score - part.score))
        displacement = float(step @ self._whole.information @ step)
        covariance = self._covariance(inner, step)
        if lost.any():
            displacement = np.nan
            step[:P][lost] = np.nan
            covariance[lost, :] = covariance[:, lost] = np.nan
        return Left(step, covariance, displacement, leverage)

    def _lost(self, directions: FloatArray, values: FloatArray) -> BoolArray | None:
        """Coefficients (P,) that the rest does not determine; None if it has no maximum nearby."""
        if not directions.shape[1]:
            return np.zeros(self._P, dtype=bool)
        share = np.abs(self._root @ directions) / self._errors[:, None]
        moved = np.any(share > 1e-3, axis=1)
        if np.any(values > _BEYOND) or moved[self._P :].any():
            return None
        return np.asarray(moved[: self._P])

    def _covariance(self, inner: FloatArray, step: FloatArray) -> FloatArray:
        """(P, P) covariance matrix of the coefficients at the new estimates."""
        P = self._P
        bent = inner.T @ np.einsum("j,jkl->kl", step, self._third) @ inner
        curvature = np.eye(len(bent)) + bent
        if not np.linalg.eigvalsh(curvature).min(initial=1.0) > _LEAST:
            return np.asarray(inner[:P] @ inner[:P].T)
        return np.asarray(inner[:P] @ np.linalg.solve(curvature, inner[:P].T))


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
