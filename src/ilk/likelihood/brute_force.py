r"""Marginal likelihoods by brute force: the referee for the engines on tiny problems.

Nothing here is clever.  Z is formed as a dense matrix; the integral

.. math:: L(\beta, \Lambda) = \int \prod_i f(y_i \mid \eta_i)\, \varphi(u)\, du, \qquad
   \eta = o + X \beta + Z \Lambda u

factorizes over the sets of random effects that share rows, and each factor is summed on a
rectangular grid: the trapezoidal rule, whose error falls exponentially with the spacing for smooth
integrands that vanish at the ends (Trefethen and Weideman 2014, SIAM Review 56, 385-458).  Linear
models are evaluated through the dense covariance matrix of the response.
"""

from __future__ import annotations

import math

import numpy as np

from ilk.kernels.contract import Density, EngineData
from ilk.num.jets import pair, variables
from ilk.num.stable import LOG_2PI
from ilk.typing import FloatArray, IntArray

__all__ = [
    "dense_effects",
    "grid_loglik",
    "laplace_loglik",
    "normal_loglik",
    "profiled_normal_loglik",
]

_MAX_POINTS = 3_000_000
_CHUNK = 20_000


def dense_effects(data: EngineData, lam: FloatArray) -> list[FloatArray]:
    """Matrices Z_k Lambda (n, U) of each predictor.

    Parameters
    ----------
    data : EngineData
        Terms, codes, columns.
    lam : ndarray (sum of q_t^2,)
        Elements of all Lambda_t, column-major.

    Returns
    -------
    list of ndarray (n, U)
        One for each predictor; zero columns for effects of other predictors.
    """
    n = len(data.response)
    size = sum(term.levels * term.width for term in data.terms)
    out = [np.zeros((n, size)) for _ in data.predictors]
    start = position = 0
    for term in data.terms:
        q = term.width
        factor = lam[position : position + q * q].reshape(q, q, order="F")
        for member in range(term.memberships):
            codes, columns = term.member(member)
            z = np.ones((n, 1)) if columns is None else columns
            for i in range(n):
                first = start + int(codes[i]) * q
                for k in set(term.predictors):
                    own = [z[i, j] if a == k else 0.0 for j, a in enumerate(term.predictors)]
                    out[k][i, first : first + q] += np.array(own) @ factor
        start += term.levels * q
        position += q * q
    return out


def grid_loglik(
    data: EngineData,
    density: Density,
    beta: FloatArray,
    lam: FloatArray,
    *,
    spacing: float = 0.2,
    extent: float = 9.0,
) -> float:
    """Marginal log-likelihood, without the constants in y, by summing over a grid of u.

    Parameters
    ----------
    data : EngineData
        A tiny data set.
    density : Density
        Log density of a row.
    beta : ndarray (P,)
        Coefficients.
    lam : ndarray (sum of q_t^2,)
        Elements of all Lambda_t.
    spacing : float
        Distance of grid points, in prior standard deviations.
    extent : float
        The grid runs from minus to plus this.

    Returns
    -------
    float
        Log-likelihood.

    Raises
    ------
    ValueError
        Too many random effects depend on each other for a grid.
    """
    fixed = _fixed(data, beta)
    effects = dense_effects(data, lam)
    axis = np.arange(-extent, extent + 0.5 * spacing, spacing)
    total = 0.0
    for rows, members in _components(data):
        eta = [f[rows] for f in fixed]
        if not len(members):
            total += float(np.sum(_log_density(data, density, rows, [e[:, None] for e in eta])))
            continue
        d = len(members)
        if len(axis) ** d > _MAX_POINTS:
            raise ValueError(f"{d} dependent random effects are too many for a grid")
        z = [matrix[np.ix_(rows, members)] for matrix in effects]
        total += _log_sum(data, density, rows, eta, z, axis) + d * math.log(spacing)
    return total


def _log_sum(
    data: EngineData,
    density: Density,
    rows: IntArray,
    eta: list[FloatArray],
    z: list[FloatArray],
    axis: FloatArray,
) -> float:
    """Logarithm of the sum of the integrand over the grid, chunk by chunk."""
    d = z[0].shape[1]
    count = len(axis) ** d
    total = -math.inf
    for begin in range(0, count, _CHUNK):
        flat = np.arange(begin, min(begin + _CHUNK, count))
        u = axis[np.array(np.unravel_index(flat, (len(axis),) * d))]
        points = [e[:, None] + matrix @ u for e, matrix in zip(eta, z, strict=True)]
        logs = np.sum(_log_density(data, density, rows, points), axis=0)
        logs = logs - 0.5 * np.sum(u * u, axis=0) - 0.5 * d * LOG_2PI
        logs = np.where(np.isnan(logs), -np.inf, logs)
        total = float(np.logaddexp(total, np.logaddexp.reduce(logs)))
    return total


def _log_density(
    data: EngineData, density: Density, rows: IntArray, eta: list[FloatArray]
) -> FloatArray:
    """Weighted log densities (rows, points)."""
    shape = eta[0].shape

    def spread(x: FloatArray) -> FloatArray:
        return np.broadcast_to(x[rows, None], shape).ravel()

    trials = None if data.trials is None else spread(data.trials)
    with np.errstate(all="ignore"):
        value = density.log_density(spread(data.response), trials, [e.ravel() for e in eta])
        weighted = value if data.weights is None else value * spread(data.weights)
    return weighted.reshape(shape)


def _components(data: EngineData) -> list[tuple[IntArray, IntArray]]:
    """Rows and random effects (positions in u) of each connected set."""
    n = len(data.response)
    touched: list[set[int]] = [set() for _ in range(n)]
    start = 0
    for term in data.terms:
        for member in range(term.memberships):
            codes, _ = term.member(member)
            for i in range(n):
                first = start + int(codes[i]) * term.width
                touched[i].update(range(first, first + term.width))
        start += term.levels * term.width
    groups: list[tuple[list[int], set[int]]] = []
    for i, effects in enumerate(touched):
        joined = [group for group in groups if group[1] & effects]
        groups = [group for group in groups if not group[1] & effects]
        rows = sorted([i, *(row for group in joined for row in group[0])])
        groups.append((rows, effects.union(*(group[1] for group in joined))))
    return [(np.array(rows), np.array(sorted(effects), int)) for rows, effects in groups]


def _fixed(data: EngineData, beta: FloatArray) -> list[FloatArray]:
    out, start = [], 0
    for part in data.predictors:
        stop = start + part.X.shape[1]
        eta = part.X @ beta[start:stop]
        out.append(eta if part.offset is None else eta + part.offset)
        start = stop
    return out


def laplace_loglik(data: EngineData, density: Density, beta: FloatArray, lam: FloatArray) -> float:
    """Laplace approximation with dense matrices and plain Newton steps, halved where needed.

    Parameters
    ----------
    data, density, beta, lam
        As in :func:`grid_loglik`; any number of random effects.

    Returns
    -------
    float
        Log-likelihood without the constants in y.
    """
    fixed, effects = _fixed(data, beta), dense_effects(data, lam)
    weights = np.ones(len(data.response)) if data.weights is None else data.weights
    size, count = effects[0].shape[1], len(fixed)

    def at(u: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        eta = [f + z @ u for f, z in zip(fixed, effects, strict=True)]
        jet = density.log_density(data.response, data.trials, variables(eta, 2))
        gradient, hessian = -u, -np.eye(size)
        for k in range(count):
            gradient = gradient + effects[k].T @ (weights * jet.first[k])
            for j in range(count):
                w = (weights * jet.second[pair(k, j)])[:, None]
                hessian = hessian + effects[k].T @ (w * effects[j])
        return float(weights @ jet.value) - 0.5 * float(u @ u), gradient, -hessian

    u = np.zeros(size)
    value, gradient, hessian = at(u)
    for _ in range(200):
        step = np.linalg.solve(hessian, gradient)
        if float(gradient @ step) < 0.0:
            step = gradient
        length = 1.0
        with np.errstate(over="ignore", invalid="ignore"):  # a step may lead far out
            while length > 1e-8 and not at(u + length * step)[0] >= value - 1e-12 * abs(value):
                length *= 0.5
        u = u + length * step
        value, gradient, hessian = at(u)
        if float(np.max(np.abs(gradient), initial=0.0)) < 1e-11:
            break
    return value - 0.5 * float(np.linalg.slogdet(hessian)[1])


def normal_loglik(
    data: EngineData, beta: FloatArray, lam: FloatArray, sigma2: float, *, reml: bool = False
) -> float:
    """Log-likelihood of a linear mixed model through the covariance matrix of y.

    V = sigma2 (W^-1 + Z Lambda Lambda'Z'), with the weights of the data as precisions.

    Parameters
    ----------
    data : EngineData
        One predictor.
    beta : ndarray (p,)
        Coefficients.
    lam : ndarray (sum of q_t^2,)
        Relative factors.
    sigma2 : float
        Residual variance.
    reml : bool
        Whether to integrate over the coefficients (with a flat prior), which takes the residual
        at the given beta to be that of generalized least squares.

    Returns
    -------
    float
        Log-likelihood with all constants.
    """
    v = sigma2 * _relative_covariance(data, lam)
    residual = data.response - _fixed(data, beta)[0]
    X = data.predictors[0].X
    quadratic = float(residual @ np.linalg.solve(v, residual))
    deviance = len(residual) * LOG_2PI + float(np.linalg.slogdet(v)[1]) + quadratic
    if reml:
        deviance += float(np.linalg.slogdet(X.T @ np.linalg.solve(v, X))[1]) - X.shape[1] * LOG_2PI
    return -0.5 * deviance


def profiled_normal_loglik(
    data: EngineData, lam: FloatArray, *, reml: bool
) -> tuple[float, FloatArray, float]:
    """Maximize :func:`normal_loglik` over beta and sigma2.

    Parameters
    ----------
    data : EngineData
        One predictor.
    lam : ndarray (sum of q_t^2,)
        Relative factors.
    reml : bool
        Restricted likelihood.

    Returns
    -------
    value : float
        Log-likelihood with all constants.
    beta : ndarray (p,)
        Generalized least squares estimate.
    sigma2 : float
        Estimate of the residual variance.
    """
    v = _relative_covariance(data, lam)
    X, offset = data.predictors[0].X, data.predictors[0].offset
    y = data.response if offset is None else data.response - offset
    weighted = np.linalg.solve(v, X)
    beta = np.asarray(np.linalg.solve(X.T @ weighted, weighted.T @ y), dtype=np.float64)
    residual = y - X @ beta
    nu = len(y) - (X.shape[1] if reml else 0)
    sigma2 = float(residual @ np.linalg.solve(v, residual)) / nu
    return normal_loglik(data, beta, lam, sigma2, reml=reml), beta, sigma2


def _relative_covariance(data: EngineData, lam: FloatArray) -> FloatArray:
    z = dense_effects(data, lam)[0]
    n = len(data.response)
    weights = np.ones(n) if data.weights is None else data.weights
    return np.diag(1.0 / weights) + z @ z.T
