r"""Where the search for (beta, theta) begins, and with which curvature.

1. Scoring for the coefficients of all predictors without random effects.
2. Variances from moments of the scores there, with raw information A and scores g by level,

       sigma_j^2 = sum of (g_lj^2 - A_ljj) / sum of A_ljj^2 over the levels l.

3. A few joint Newton steps in (beta, u) at that Lambda, with B = Lambda'Z'W X:

       [ X'W X  B' ] [ dbeta ]   [ X'l'          ]
       [ B      H  ] [ du    ] = [ Lambda'g - u  ],      S = X'W X - B'H^-1 B.

4. The inverse Hessian starts from S and the expected information of theta,

       I_jk = sum over levels of tr(C S_j C S_k) / 2,   S_j = L_j Lambda' + Lambda L_j',
       C = A - A Lambda (I + Lambda'A Lambda)^-1 Lambda'A,   L_j = dLambda / dtheta_j.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from ilk.kernels.contract import Density, EngineData, LinearFactor
from ilk.kernels.reference.conditional import Conditional, curvature
from ilk.kernels.reference.loadings import Loadings
from ilk.kernels.reference.prior import Prior
from ilk.kernels.reference.rows import RowDesign
from ilk.kernels.reference.working import (
    cross_information,
    fixed_information,
    level_information,
)
from ilk.num.jets import Jet
from ilk.num.triangular import floor_eigenvalues, inverse, solve
from ilk.typing import FloatArray

__all__ = [
    "JointStart",
    "curvature_information",
    "joint_start",
    "moment_start",
    "solve_moments",
    "theta_information",
]

_ENOUGH = 0.1
"""Decrement of the joint steps, in log-likelihood units, at which the start is good enough."""

_VARIANCES = (0.05, 4.0)
"""Range of variances from moments."""

_LEAST_INFORMATION = 0.5
"""Least information of a covariance parameter, so that no first step is wild."""


@final
@dataclass(frozen=True, slots=True)
class JointStart:
    """Where the joint Newton steps ended.

    Attributes
    ----------
    beta : ndarray (P,)
        Coefficients.
    u : ndarray (U,)
        Random effects.
    jet : Jet
        Weighted log density with two derivatives.
    information : ndarray (P, P)
        S, made positive definite.
    """

    beta: FloatArray
    u: FloatArray
    jet: Jet
    information: FloatArray


def joint_start(
    data: EngineData,
    density: Density,
    rows: RowDesign,
    loadings: Loadings,
    slices: Sequence[slice],
    beta: FloatArray,
    u: FloatArray,
    steps: int,
    prior: Prior | None = None,
) -> JointStart:
    """Newton steps in coefficients and random effects together.

    Parameters
    ----------
    data, density, rows
        The model.
    loadings : Loadings
        Lambda'z_i by effect and predictor; zeros leave the random effects out.
    slices : sequence of slice
        Coefficients of each predictor.
    beta : ndarray (P,)
        Start.
    u : ndarray (U,)
        Start.
    steps : int
        Greatest number of steps.
    prior : Prior, optional
        Prior precision of u; the identity by default.
    """

    def conditional(at: FloatArray) -> Conditional:
        fixed = []
        for part, where in zip(data.predictors, slices, strict=True):
            eta = part.X @ at[where]
            fixed.append(eta if part.offset is None else eta + part.offset)
        return Conditional(data, density, rows, loadings, tuple(fixed), prior)

    value = conditional(beta).joint(u)
    for step in range(steps + 1):
        here = conditional(beta)
        jet = here.jet(u, 2)
        score = np.concatenate(
            [np.zeros(0), *(part.X.T @ jet.first[k] for k, part in enumerate(data.predictors))]
        )
        residual = here.residual(u, jet)
        dbeta, du, information = _direction(data, here, jet, score, residual)
        slope = float(score @ dbeta) + float(residual @ du)
        if step == steps or not slope > _ENOUGH or not np.isfinite(value):
            break
        length = 1.0
        for part, where in zip(data.predictors, slices, strict=True):
            change = float(np.max(np.abs(part.X @ dbeta[where]), initial=0.0))
            length = min(length, 4.0 / max(change, 4.0))
        for _ in range(20):
            trial = conditional(beta + length * dbeta).joint(u + length * du)
            if trial > value:
                break
            length *= 0.5
        else:
            break
        beta, u, value = beta + length * dbeta, u + length * du, trial
    return JointStart(beta, u, jet, information)


def _direction(
    data: EngineData,
    conditional: Conditional,
    jet: Jet,
    score: FloatArray,
    residual: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Newton direction in beta and u, and the information S."""
    w = curvature(jet)
    arrow = conditional.factorize(w)
    if arrow is None:
        w = np.maximum(w, 0.0) * np.eye(len(w))[:, :, None]
        arrow = conditional.factorize(w)
    if arrow is None:
        return 0.0 * score, 0.0 * residual, np.eye(len(score))
    b = cross_information(data, conditional.rows, conditional.loadings, w)
    information = floor_eigenvalues(fixed_information(data, w) - b.T @ arrow.solve(b), 1e-3)
    dbeta = solve(information, score - b.T @ arrow.solve(residual))
    return dbeta, arrow.solve(residual - b @ dbeta), information


def moment_start(rows: RowDesign, jet: Jet, factor: LinearFactor) -> FloatArray:
    """Covariance parameters from moments of the scores without random effects.

    Parameters
    ----------
    rows : RowDesign
        Row coordinates.
    jet : Jet
        Weighted log density at the coefficients' start, with two derivatives.
    factor : LinearFactor
        Takes theta to the factors.
    """
    w = np.maximum(curvature(jet), 0.0)
    deviations = np.empty(rows.width)
    for j in range(rows.width):
        a, z, index = rows.predictor[j], rows.columns[:, j], rows.index[:, j]
        score = np.bincount(index, z * jet.first[a], minlength=rows.size)
        raw = np.bincount(index, z * z * w[a, a], minlength=rows.size)
        total = float(np.sum(raw**2))
        variance = float(np.sum(score**2 - raw)) / total if total > 0.0 else 0.0
        deviations[j] = np.sqrt(np.clip(variance, *_VARIANCES))
    return solve_moments(rows, deviations, factor)


def solve_moments(rows: RowDesign, deviations: FloatArray, factor: LinearFactor) -> FloatArray:
    """Parameters whose Lambda is nearest to the diagonal matrix of deviations (m,)."""
    base, jacobian = factor(np.zeros(factor.theta_size))
    shares = deviations.copy()
    for parts in rows.copies:
        for part in parts:
            shares[part] /= len(parts)
    target, size = rows.diagonal_blocks(np.diag(shares)), rows.factor_size
    return np.asarray(
        np.linalg.lstsq(jacobian[:size], target - base[:size], rcond=None)[0], dtype=np.float64
    )


def theta_information(
    rows: RowDesign, jet: Jet, lam: FloatArray, jacobian: FloatArray
) -> FloatArray:
    """Compute the expected information of the covariance parameters at a working model, (m, m).

    Parameters
    ----------
    rows : RowDesign
        Row coordinates.
    jet : Jet
        Weighted log density with two derivatives.
    lam, jacobian
        As in :func:`curvature_information`.
    """
    return curvature_information(rows, np.maximum(curvature(jet), 0.0), lam, jacobian)


def curvature_information(
    rows: RowDesign, w: FloatArray, lam: FloatArray, jacobian: FloatArray
) -> FloatArray:
    """Compute the expected information of covariance parameters, term by term, (m, m).

    Parameters
    ----------
    rows : RowDesign
        Row coordinates.
    w : ndarray (K, K, n)
        Weights of the rows.
    lam : ndarray (sum of q_t^2,)
        Elements of all Lambda_t.
    jacobian : ndarray (sum of q_t^2, m)
        d lam / d theta.
    """
    m = jacobian.shape[1]
    total = np.zeros((m, m))
    start = 0
    for t, part in enumerate(rows.terms):
        q = part.stop - part.start
        here = slice(start, start + q * q)
        start += q * q
        lam_t = lam[here].reshape(q, q, order="F")
        slopes = jacobian[here].reshape(q, q, m, order="F").transpose(2, 0, 1)
        sigma = slopes @ lam_t.T
        sigma = sigma + sigma.transpose(0, 2, 1)
        a = level_information(rows, t, w)
        inner = inverse(np.eye(q) + lam_t.T @ a @ lam_t)
        c = a - a @ lam_t @ inner @ lam_t.T @ a
        products = np.einsum("lab,jbc->ljac", c, sigma)
        total += 0.5 * np.einsum("ljab,lkba->jk", products, products)
    total += np.diag(np.maximum(_LEAST_INFORMATION - np.diagonal(total), 0.0))
    return floor_eigenvalues(total, 1e-3)
