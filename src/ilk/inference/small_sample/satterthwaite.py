r"""Satterthwaite's degrees of freedom for contrasts of the coefficients of a linear mixed model.

A contrast :math:`l'\hat\beta` has the variance :math:`f(\psi) = l'\Phi(\psi) l` with
:math:`\Phi = (X'V^{-1}X)^{-1}`, and :math:`\hat f` is treated as a multiple of a chi-square
variable whose degrees of freedom match its mean and variance,

.. math:: \nu = \frac{2 f^2}{g' A g}, \qquad g = \partial f / \partial\psi,

A the covariance matrix of the estimates of :math:`\psi` (Satterthwaite 1946; Giesbrecht and Burns
1985).  Here :math:`\psi = (\theta, \log\sigma^2)` with the factor
:math:`G = \sigma^2\Lambda(\theta)\Lambda(\theta)'`.  On this scale a variance of zero is an
interior point: f is even in a standard deviation, so its derivative there is zero and the degrees
of freedom are those of the model without the effect.  The derivatives are exact,

.. math:: \partial\Phi = \Phi\, X'V^{-1}\, \partial V\, V^{-1}X\, \Phi, \qquad
   \partial V = \sigma^2 Z (\partial\Lambda \Lambda' + \Lambda \partial\Lambda') Z',

and cost one pass over the rows at most.  Where levels depend on each other, with covariance
:math:`Q^{-1} \otimes \Lambda\Lambda'`, that of Z is between, and the parameters of Q have
derivatives of their own.  Derivation: docs/derivations/small-samples.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from ilk.likelihood.base import steps_of
from ilk.likelihood.gaussian import GaussianMarginal
from ilk.model.dependence import Dependence, dependences
from ilk.model.factors import split_factors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ilk.fitted import Fitted
    from ilk.kernels.contract import EngineData
    from ilk.typing import FloatArray

__all__ = ["Satterthwaite", "pseudo_inverse", "satterthwaite", "weighted_cross_products"]

_REGULAR = 1e4
"""Condition number of a factor beyond which its inverse is not used."""


@dataclass(frozen=True, slots=True)
class Satterthwaite:
    """What the degrees of freedom of any contrast are computed from.

    Parameters
    ----------
    covariance : (P, P) array
        Covariance matrix of the coefficients.
    slope : (k, P, P) array
        Its derivative in each variance parameter ``(theta, log sigma2)``.
    uncertainty : (k, k) array
        Covariance matrix of the estimates of the variance parameters.
    """

    covariance: FloatArray
    slope: FloatArray
    uncertainty: FloatArray

    def df(self, contrast: FloatArray) -> float:
        """Degrees of freedom of a contrast (P,); nan if it is zero."""
        return float(self.dfs(contrast[None, :])[0])

    def dfs(self, contrasts: FloatArray) -> FloatArray:
        """Degrees of freedom (r,) of contrasts (r, P); nan where one is zero."""
        variance = np.sum(contrasts @ self.covariance * contrasts, axis=1)
        gradient = np.array([np.sum(contrasts @ G * contrasts, axis=1) for G in self.slope])
        spread = np.sum(self.uncertainty @ gradient * gradient, axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            df = np.where(spread > 0.0, 2.0 * variance**2 / spread, math.inf)
        return np.where(variance > 0.0, df, math.nan)


def satterthwaite(fitted: Fitted) -> Satterthwaite:
    """Collect what Satterthwaite's degrees of freedom need.

    Parameters
    ----------
    fitted : Fitted
        A linear mixed model.

    Returns
    -------
    Satterthwaite
    """
    marginal = cast("GaussianMarginal", fitted.marginal)
    result, scaled = fitted.point, marginal.scaled
    with marginal.state.lock:
        lam = marginal.move(result)
        unscaled = marginal.engine.coefficient_covariance()
        solved = marginal.engine.solve(marginal.engine.cross_information())
    widths = [term.width for term in scaled.data.terms]
    jacobian = marginal.factor(result.theta)[1]
    over = dependences(fitted.model, result.theta)
    crossed = weighted_cross_products(scaled.data, split_factors(lam, widths), solved, over)

    derivatives = np.zeros((len(result.theta) + 1, *unscaled.shape))
    derivatives[-1] = unscaled
    start = 0
    for A, factor, dependence in zip(crossed, split_factors(lam, widths), over, strict=True):
        q, p = A.shape[1:]
        flat = A.reshape(len(A), q * p)
        spread = flat if dependence is None else dependence.covariance_times(flat)
        gram = (flat.T @ spread).reshape(q, p, q, p)
        block = jacobian[start : start + q * q]
        start += q * q
        for j in np.flatnonzero(block.any(axis=0)):
            half = block[:, j].reshape(q, q, order="F") @ factor.T
            middle = np.einsum("ab,aibj->ij", half + half.T, gram)
            derivatives[j] += unscaled @ middle @ unscaled
        if dependence is not None:
            middles = _over_levels(dependence, spread.reshape(A.shape), factor)
            derivatives[dependence.places] += unscaled @ middles @ unscaled
    B = scaled.coef_map
    unit = result.sigma2
    return Satterthwaite(
        covariance=unit * B @ unscaled @ B.T,
        slope=unit * np.matmul(np.matmul(B, derivatives), B.T),
        uncertainty=_uncertainty(fitted, marginal),
    )


def _over_levels(dependence: Dependence, spread: FloatArray, factor: FloatArray) -> FloatArray:
    """Derivatives (m, p, p) of ``X'V^-1 X`` through the correlations of the levels, negated.

    With R = Q^-1 Z'V^-1 X (L, q, p) they are minus the sums of R_k' G R_l over the elements of dQ.
    """
    R = np.einsum("ab,laj->lbj", factor, spread)
    flat = R.reshape(len(R), -1)
    q, p = R.shape[1:]
    found = [(flat.T @ (dQ @ flat)).reshape(q, p, q, p) for dQ in dependence.slopes()]
    return np.array([-np.einsum("aiaj->ij", each) for each in found]).reshape(-1, p, p)


def weighted_cross_products(
    data: EngineData,
    factors: Sequence[FloatArray],
    solved: FloatArray,
    over: Sequence[Dependence | None],
) -> list[FloatArray]:
    r"""Cross products :math:`\sigma^2 Z_t'V^{-1}X` by term.

    By Woodbury's identity :math:`\sigma^2 V^{-1}X = W(X - Z\Lambda H^{-1}\Lambda'Z'WX)`, and
    :math:`\sigma^2 \Lambda'Z'V^{-1}X = Q H^{-1}\Lambda'Z'WX`, which says all if no factor is near
    singular.

    Parameters
    ----------
    data : EngineData
        Data of a linear mixed model.
    factors : sequence of (q_t, q_t) arrays
        Lambda of each term.
    solved : (U, p) array
        ``H^-1 Lambda'Z'WX``.
    over : sequence of Dependence or None
        Structure over the levels of each term.

    Returns
    -------
    list of (L_t, q_t, p) arrays
    """
    X = data.predictors[0].X
    p = X.shape[1]
    parts, start = [], 0
    for term in data.terms:
        stop = start + term.levels * term.width
        parts.append(solved[start:stop].reshape(term.levels, term.width, p))
        start = stop
    if all(np.linalg.cond(factor) < _REGULAR for factor in factors):
        own = [
            part if each is None else each.precision_times(part)
            for part, each in zip(parts, over, strict=True)
        ]
        return [
            np.asarray(np.matmul(np.linalg.inv(factor).T, part))
            for factor, part in zip(factors, own, strict=True)
        ]
    effects = [
        np.einsum("ab,lbj->jla", factor, part) for factor, part in zip(factors, parts, strict=True)
    ]
    out = [np.empty((term.levels, term.width, p)) for term in data.terms]
    for j in range(p):
        rest = X[:, j].copy()
        for term, effect in zip(data.terms, effects, strict=True):
            for codes, columns in map(term.member, range(term.memberships)):
                gathered = effect[j][codes]
                if columns is None:
                    rest -= gathered[:, 0]
                else:
                    rest -= np.einsum("ia,ia->i", columns, gathered)
        if data.weights is not None:
            rest *= data.weights
        for term, target in zip(data.terms, out, strict=True):
            target[:, :, j] = 0.0
            for codes, columns in map(term.member, range(term.memberships)):
                for a in range(term.width):
                    weighted = rest if columns is None else rest * columns[:, a]
                    target[:, a, j] += np.bincount(codes, weighted, term.levels)
    return out


def _uncertainty(fitted: Fitted, marginal: GaussianMarginal) -> FloatArray:
    """Covariance matrix of ``(theta, log sigma2)``, from the observed information.

    Directions without information, along which the fit does not change, count as known.
    """
    p = len(fitted.coef)
    known = fitted.psi_covariance()[p:, p:]
    if np.isfinite(known).all():
        return known
    result = fitted.point
    with marginal.state.lock:
        marginal.state.point = None
        information, slope = marginal.engine.information(
            marginal.factor, result.theta, steps_of(result), reml=marginal.model.reml
        )
    k = len(result.theta)
    out = np.empty((k + 1, k + 1))
    out[:k, :k] = pseudo_inverse(information)
    out[:k, k] = out[k, :k] = out[:k, :k] @ slope
    out[k, k] = 2.0 / (marginal.scaled.count - p * marginal.model.reml) + slope @ out[:k, k]
    return out


def pseudo_inverse(information: FloatArray) -> FloatArray:
    """Invert an information matrix on the directions that have information.

    Parameters
    ----------
    information : (k, k) array
        Information; zero along directions in which nothing changes.

    Returns
    -------
    (k, k) array
    """
    size = np.diagonal(information)
    scale = 1.0 / np.sqrt(np.where(size > 0.0, size, np.inf))
    values, vectors = np.linalg.eigh(0.5 * (information + information.T) * np.outer(scale, scale))
    solid = values > 1e-9 * max(float(values[-1]), np.finfo(float).tiny)
    kept = vectors[:, solid] * scale[:, None]
    return np.asarray((kept / values[solid]) @ kept.T)
