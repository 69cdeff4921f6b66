r"""The step of the linear model, whose coefficients and residual variance are profiled out.

At the covariance parameters :math:`\hat\theta` of all rows the estimates without unit i are exact,

.. math:: \beta_{(-i)} = \hat\beta + S_{(-i)}^{-1} g_\beta, \qquad
   \sigma^2_{(-i)} = \mathrm{RSS}_{(-i)} / \nu_{(-i)},

since the log-likelihood is quadratic in :math:`\beta`; how it changes with the two in the other
derivatives is known too (docs/derivations/influence.md).  One step of Newton's method in
:math:`\theta` on the profiled criterion follows, and both move along with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ilk.diagnostics.influence.newton import ALL, WIDER, Left, back_map
from ilk.num.triangular import cholesky, covariance_root, solve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ilk.diagnostics.influence.parts import Likelihood, Part
    from ilk.likelihood.gaussian import GaussianMarginal
    from ilk.typing import BoolArray, FloatArray

__all__ = ["ProfiledSteps"]

_LEAST = 0.1
"""Share of the variance that is left at the new estimates at least, to be believed."""

_CORNERS = ((1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0))
"""Signs of the moves of mixed second differences."""


class ProfiledSteps:
    """Steps from the estimates of all rows.

    Parameters
    ----------
    likelihood : Likelihood
        Of the rows of a linear model.
    whole : Part
        What all rows contribute.
    counted : (P,) array of bool
        Coefficients whose leverage counts: all.
    """

    def __init__(self, likelihood: Likelihood, whole: Part, counted: BoolArray) -> None:
        del counted
        self._likelihood, self._whole = likelihood, whole
        self._reml = likelihood.fitted.model.reml
        self._unit = float(np.exp(likelihood.at[-1]))
        self._inverse: FloatArray = np.asarray(np.linalg.pinv(whole.cross, hermitian=True))
        self._root = covariance_root(self._inverse)
        self._back = back_map(likelihood)
        P, k = likelihood.coefs, likelihood.thetas
        self._user_root = self._back[:P, :P] @ self._root
        self._errors = np.linalg.norm(self._user_root, axis=1)
        known = np.isfinite(np.diag(likelihood.fitted.psi_covariance()))[P : P + k]
        self._inside = np.flatnonzero(known)
        bend, self._second = _curvatures(likelihood)
        self._bend = bend if self._reml else np.zeros_like(bend)

    def without(self, part: Part, nobs: float) -> Left:
        """Step towards the estimates without a unit.

        Parameters
        ----------
        part : Part
            What the unit contributes.
        nobs : float
            Its observations.
        """
        P, k, unit = self._likelihood.coefs, self._likelihood.thetas, self._unit
        rest = self._whole - part
        root, lost = self._solve(part)
        inverse = root @ root.T
        thetas, last = slice(P, P + k), P + k
        information, score = rest.information, rest.score
        # coefficients, exactly; then derivatives there
        beta = unit * inverse @ score[:P]
        bent = np.einsum("kij,j->ki", rest.slopes, beta) / unit
        cross = information[thetas, :P] + bent
        change = -information[thetas, :P] @ beta - 0.5 * bent @ beta
        quadratic = information[thetas, last] + change
        # residual variance, exactly
        total = self._likelihood.fitted.model.nobs - nobs
        squares = total + 2.0 * score[last] - float(beta @ rest.cross @ beta) / unit
        freedom = total - (root.shape[1] if self._reml else 0)
        ratio = squares / freedom if freedom > 0 else np.nan
        if not ratio > 0.0:
            return self._failed(part)
        gradient = score[thetas] + change + quadratic * (1.0 / ratio - 1.0)
        if self._reml:
            gradient = gradient - 0.5 * np.einsum("ij,kji->k", inverse, rest.slopes)
        along = quadratic / ratio
        cross, inner = cross / ratio, ratio * unit * inverse
        profile = information[thetas, thetas] + self._bend
        profile = profile - np.outer(along, along) * 2.0 / freedom - cross @ inner @ cross.T
        theta = self._newton(profile, gradient)
        if theta is None:
            return self._failed(part)
        step = np.concatenate(
            [
                beta - inner @ (cross.T @ theta),
                theta,
                [np.log(ratio) - 2.0 / freedom * float(along @ theta)],
            ]
        )
        displacement = float(step @ self._whole.information @ step)
        displacement += float(theta @ self._bend @ theta)
        back = self._back[:P, :P]
        covariance = back @ self._covariance(rest, root, theta, float(np.exp(step[-1]))) @ back.T
        step = self._back @ step
        if lost.any():
            displacement = np.nan
            step[:P][lost] = np.nan
            covariance[lost, :] = covariance[:, lost] = np.nan
        leverage = float(np.sum(self._inverse * part.cross))
        return Left(step, covariance, displacement, leverage)

    def _failed(self, part: Part) -> Left:
        P, m = self._likelihood.coefs, self._likelihood.size
        nothing = np.full((P, P), np.nan)
        leverage = float(np.sum(self._inverse * part.cross))
        return Left(np.full(m, np.nan), nothing, np.nan, leverage, failed=True)

    def _solve(self, part: Part) -> tuple[FloatArray, BoolArray]:
        """Root (P, r) of the inverse of S without the unit, and coefficients that are lost."""
        K = self._root.T @ part.cross @ self._root
        values, vectors = np.linalg.eigh(0.5 * (K + K.T))
        solid = values <= ALL
        inner = self._root @ vectors[:, solid] / np.sqrt(1.0 - values[solid])
        gone = np.abs(self._user_root @ vectors[:, ~solid])
        lost = np.any(gone > 1e-3 * self._errors[:, None], axis=1)
        return inner, np.asarray(lost)

    def _newton(self, profile: FloatArray, gradient: FloatArray) -> FloatArray | None:
        """Step in theta; None where the criterion has no maximum nearby."""
        theta = np.zeros(self._likelihood.thetas)
        if not len(self._inside):
            return theta
        some = np.ix_(self._inside, self._inside)
        factor = cholesky(0.5 * (profile + profile.T)[some])
        if factor is None:
            return None
        theta[self._inside] = solve(factor.T, solve(factor, gradient[self._inside]))
        return theta

    def _covariance(
        self, rest: Part, root: FloatArray, theta: FloatArray, ratio: float
    ) -> FloatArray:
        """(P, P) covariance matrix of the coefficients at the new estimates, to second order."""
        first = np.einsum("k,kij->ij", theta, rest.slopes)
        second = np.einsum("k,l,klij->ij", theta, theta, self._second)
        moved = np.eye(root.shape[1]) + root.T @ (0.5 * second - first) @ root
        if not np.linalg.eigvalsh(moved).min(initial=1.0) > _LEAST:
            moved = np.eye(root.shape[1])
        return np.asarray(ratio * self._unit * root @ moved @ root.T)


def _curvatures(likelihood: Likelihood) -> tuple[FloatArray, FloatArray]:
    """How S bends, by differences.

    Returns
    -------
    determinant : (k, k) array
        Second derivatives of log|S(theta)| / 2.
    inverse : (k, k, P, P) array
        Those of S^-1, between two factors S.
    """
    fitted, k, P = likelihood.fitted, likelihood.thetas, likelihood.coefs
    marginal = cast("GaussianMarginal", fitted.marginal)
    theta = fitted.point.theta
    axes = np.diag(WIDER * likelihood.steps[P : P + k])

    def inverse(move: FloatArray) -> FloatArray:
        lam = marginal.lam(theta + move)
        marginal.engine.evaluate(lam, reml=True, gradient=False)
        return marginal.engine.coefficient_covariance()

    bends = np.zeros((k, k, P, P))
    logs = np.zeros((k, k))
    with marginal.state.lock:
        marginal.state.hold(marginal.scaled.data.response)
        marginal.state.point = None
        middle = inverse(np.zeros(k))
        for a in range(k):
            for b in range(a + 1):
                ends = [inverse(s * axes[a] + t * axes[b]) for s, t in _CORNERS]
                area = 4.0 * axes[a, a] * axes[b, b]
                bends[a, b] = bends[b, a] = _mixed(ends) / area
                half = [-0.5 * np.linalg.slogdet(end)[1] for end in ends]
                logs[a, b] = logs[b, a] = _mixed(half) / area
    S = np.linalg.pinv(middle, hermitian=True)
    return logs, np.einsum("ij,abjk,kl->abil", S, bends, S)


def _mixed(ends: Sequence[Any]) -> Any:
    """Second difference, which is the plain one where both moves are along one axis."""
    return ends[0] - ends[1] - ends[2] + ends[3]
