r"""A linear mixed model whose random effects have a multivariate t distribution.

Given a weight :math:`w_j \sim \Gamma(\nu/2, \nu/2)` of its cluster, the effects are normal with
covariance :math:`\sigma^2 M M' / w_j`, which makes them t with :math:`\nu` degrees of freedom.
With :math:`A_j = Z_j'WZ_j`, the eigenvalues d of :math:`M'A_jM` and its eigenvectors U, residuals r
and :math:`c = U'M'Z_j'Wr`, a cluster of n rows has the likelihood

.. math:: L_j = \int (2\pi\sigma^2)^{-n/2} |W|^{1/2} \prod_i (1 + d_i / w)^{-1/2}
          \exp\left\{ -\frac{1}{2\sigma^2} \left( r'Wr - \sum_i \frac{c_i^2}{w + d_i} \right)
          \right\} p(w)\, dw,

one integral of one dimension, whatever the number of effects and rows; it is a trapezoidal sum in
:math:`\log w`.  Lange, Little and Taylor (1989) is the reference for t distributed models.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ilk.diagnostics.heavy_tails import TailFit, maximize
from ilk.num.differences import jacobian
from ilk.num.stable import lgamma, logsumexp
from ilk.num.triangular import covariance_root

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["fit_linear_tails"]

_GRID = np.arange(-18.0, 3.4, 0.2)
"""Nodes in log w: the density is below 1e-15 outside."""


def fit_linear_tails(fitted: Fitted, df: float) -> TailFit:
    """Estimate a linear model with effects from a t distribution, by maximum likelihood.

    Parameters
    ----------
    fitted : Fitted
        A linear model with one random term, unstructured or diagonal.
    df : float
        Degrees of freedom.

    Returns
    -------
    TailFit
    """
    problem = _Problem(fitted, df)
    start = problem.start()
    steps = np.full(len(start), 1e-4)
    spread = np.eye(len(start)) * 0.2
    P = len(fitted.coef)
    values, vectors = np.linalg.eigh(fitted.vcov)
    spread[:P, :P] = vectors * np.sqrt(np.maximum(values, 1e-300))

    def evaluate(z: FloatArray) -> tuple[float, FloatArray]:
        value = problem.loglik(start + spread @ z)
        slope = jacobian(lambda x: problem.loglik(start + spread @ x), z, steps)
        return value, slope

    at, covariance, loglik, converged = maximize(evaluate, start, spread)
    return TailFit(
        coef=fitted.coef + at[:P],
        std_error=np.sqrt(np.maximum(np.diag(covariance)[:P], 0.0)),
        scale=float(np.exp(at[P] + at[P + 1])),
        loglik=loglik,
        converged=converged,
    )


class _Problem:
    """Log-likelihood in (shift of the coefficients, log sigma, elements of M)."""

    def __init__(self, fitted: Fitted, df: float) -> None:
        design, self.df, self.fitted = fitted.design, df, fitted
        (term,) = design.terms
        part = fitted.model.parts["mean"]
        n = fitted.model.rows
        frequency = np.ones(n) if design.frequency_weights is None else design.frequency_weights
        precision = np.ones(n) if design.precision_weights is None else design.precision_weights
        codes, L = term.grouping.codes, len(term.grouping.levels)
        Z = np.ones((n, 1)) if term.columns is None else term.columns
        w = frequency * precision
        residual = design.response.y - fitted.model.linear_predictors(fitted.coef, None)[0]

        def total(values: FloatArray) -> FloatArray:
            flat = values.reshape(n, -1)
            sums = [np.bincount(codes, flat[:, j], L) for j in range(flat.shape[1])]
            return np.asarray(np.column_stack(sums).reshape(L, *values.shape[1:]), np.float64)

        self.size = total(frequency)
        self.log_weights = 0.5 * total(frequency * np.log(precision))
        self.ZZ = total(w[:, None, None] * Z[:, :, None] * Z[:, None, :])
        self.ZX = total(w[:, None, None] * Z[:, :, None] * part.X[:, None, :])
        self.Zr = total((w * residual)[:, None] * Z)
        self.Xr = total((w * residual)[:, None] * part.X)
        self.rr = total(w * residual**2)
        self.XX = total(w[:, None, None] * part.X[:, :, None] * part.X[:, None, :])
        q = Z.shape[1]
        rows, columns = np.tril_indices(q)
        free = np.ones(len(rows), dtype=bool) if term.structure == "us" else rows == columns
        self.places = rows[free], columns[free]
        shape = 0.5 * df
        log_gamma = float(lgamma(np.array([shape]))[0])
        self.w = np.exp(_GRID)
        step = float(_GRID[1] - _GRID[0])
        self.log_prior = (
            shape * math.log(shape) - log_gamma + shape * _GRID - shape * self.w + math.log(step)
        )

    def start(self) -> FloatArray:
        """Parameters of the fit, scaled so that the variance of the effects is the same."""
        G = self.fitted.estimates.covariances[0] / self.fitted.estimates.sigma2
        root = covariance_root(G) * math.sqrt((self.df - 2.0) / self.df)
        M = np.transpose(np.linalg.qr(root.T)[1])  # lower triangular, M M' = root root'
        M = M * np.where(np.diag(M) < 0.0, -1.0, 1.0)
        i, j = self.places
        values = np.where(i == j, np.log(np.maximum(np.abs(M[i, j]), 1e-6)), M[i, j])
        log_sigma = 0.5 * math.log(self.fitted.estimates.sigma2)
        return np.concatenate([np.zeros(len(self.fitted.coef)), [log_sigma], values])

    def loglik(self, at: FloatArray) -> float:
        """Log-likelihood with all constants."""
        return float(self.each(at).sum())

    def each(self, at: FloatArray) -> FloatArray:
        """(L,) contributions of the clusters."""
        P = len(self.fitted.coef)
        shift, log_sigma, values = at[:P], float(at[P]), at[P + 1 :]
        i, j = self.places
        M = np.zeros(self.ZZ.shape[1:])
        M[i, j] = np.where(i == j, np.exp(np.where(i == j, values, 0.0)), values)
        d, U = np.linalg.eigh(M.T @ self.ZZ @ M)
        d = np.maximum(d, 0.0)
        c = np.einsum("lij,li->lj", U, (self.Zr - self.ZX @ shift) @ M)
        rr = self.rr - 2.0 * self.Xr @ shift + np.einsum("i,lij,j->l", shift, self.XX, shift)
        ratio = d[:, None, :] + self.w[:, None]
        explained = np.sum(c[:, None, :] ** 2 / ratio, axis=2)
        logdet = np.sum(np.log(ratio), axis=2) - d.shape[1] * _GRID
        inner = -0.5 * logdet + 0.5 * explained * math.exp(-2.0 * log_sigma) + self.log_prior
        each = logsumexp(inner, 1) - 0.5 * rr * math.exp(-2.0 * log_sigma)
        front = -self.size * (0.5 * math.log(2.0 * math.pi) + log_sigma) + self.log_weights
        return np.asarray(each + front)
