r"""A random intercept whose distribution has heavier tails than the normal one.

The model is that of the fit, but with :math:`b_j / s \sim t_\nu` in place of the normal
distribution: a few clusters may lie far out without drawing the others along.  Each cluster's
likelihood is integrated over a grid that is fine in the middle and reaches far,

.. math:: L_j = \int \prod_{i \in j} f(y_i \mid \eta_i + z_i b)\, g_s(b)\, db
          \approx h \sum_k \prod_{i \in j} f(y_i \mid \eta_i + z_i b_{jk})\, g_s(b_{jk})\,
          c_j \cosh x_k, \qquad b_{jk} = m_j + c_j \sinh x_k, \quad x_k = kh,

where the trapezoidal rule converges exponentially for the normal distribution and for t alike,
whose tails become exponential in x.  Centers and scales are modes and curvatures of the effects.
The log-likelihood is maximized over coefficients, dispersion and log s with exact gradients of the
sum; standard errors come from the observed information.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.num import jets
from ilk.num.differences import jacobian
from ilk.num.stable import lgamma
from ilk.num.triangular import invert_information

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["TailFit", "fit_tails", "maximize", "why_not"]

_STEP, _HALF = 0.25, 36
"""Step of the grid in x, and nodes on each side of its center."""

_CELLS = 3_000_000
"""Rows times nodes at most."""


@dataclass(frozen=True, slots=True)
class TailFit:
    """Estimates of the model with another distribution of the random intercept.

    Parameters
    ----------
    coef, std_error : (P,) arrays
        Coefficients in the order of the fit, and their standard errors.
    scale : float
        s; the standard deviation of normal effects.
    loglik : float
        Maximized log-likelihood with all constants.
    converged : bool
        Whether the search ended at an optimum.
    """

    coef: FloatArray
    std_error: FloatArray
    scale: float
    loglik: float
    converged: bool


def why_not(fitted: Fitted) -> str | None:
    """Say why a model cannot have heavier tails here; None if it can.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    """
    terms, linear = fitted.design.terms, fitted.model.linear
    if fitted.model.penalty is not None:
        return "the fit is penalized"
    if len(terms) != 1 or terms[0].predictor != "mean":
        return "it is computed for models with one random term only"
    if terms[0].grouping.structured:
        return f"the effects of {terms[0].grouping.name} depend on each other"
    effects = len(terms[0].column_names)
    if effects > 1 and not linear:
        return "but for linear models it is computed for one random effect per level only"
    if effects > 1 and terms[0].structure not in ("us", "diag"):
        return "it is computed for correlated or independent effects only"
    values = np.linalg.eigvalsh(fitted.estimates.covariances[0])
    least = fitted.estimates.sigma2 if linear and effects == 1 else max(values[-1], 1e-300)
    if not values[0] > 1e-8 * (least if effects > 1 or linear else 1.0):
        return "the covariance matrix of the random effects is singular"
    if not linear and fitted.model.rows * (2 * _HALF + 1) > _CELLS:
        return f"it is computed for at most {_CELLS // (2 * _HALF + 1):,} rows"
    return None


def fit_tails(fitted: Fitted, df: float) -> TailFit:
    """Estimate a model with one random effect per level from a t distribution.

    Parameters
    ----------
    fitted : Fitted
        A fit with one random effect per level of one factor (`why_not`).
    df : float
        Degrees of freedom; infinite for the normal distribution.

    Returns
    -------
    TailFit
    """
    problem = _Problem(fitted, df)
    start = problem.start()
    spread = _spread(fitted, len(start))

    def evaluate(z: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = problem.evaluate(start + spread @ z)
        return value, spread.T @ gradient

    at, covariance, value, converged = maximize(evaluate, start, spread)
    P = len(fitted.coef)
    return TailFit(
        coef=at[:P],
        std_error=np.sqrt(np.maximum(np.diag(covariance)[:P], 0.0)),
        scale=float(np.exp(at[-1])),
        loglik=value + problem.constant,
        converged=converged,
    )


def maximize(
    evaluate: Callable[[FloatArray], tuple[float, FloatArray]],
    start: FloatArray,
    spread: FloatArray,
) -> tuple[FloatArray, FloatArray, float, bool]:
    """Maximize a log-likelihood over ``start + spread @ z``.

    Parameters
    ----------
    evaluate : callable
        Takes z (m,) to the value and its gradient in z.
    start : (m,) array
        Parameters at z = 0.
    spread : (m, m) array
        Directions, about a standard error long.

    Returns
    -------
    at : (m,) array
        Where the maximum is.
    covariance : (m, m) array
        Inverse of the observed information, by differences of the gradient.
    value : float
        The maximum.
    converged : bool
        Whether one more Newton step would gain less than 1e-4.
    """
    from scipy.optimize import minimize

    def objective(z: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = evaluate(z)
        if not math.isfinite(value):
            return math.inf, np.zeros_like(z)
        return -value, -gradient

    with np.errstate(all="ignore"):
        found = minimize(
            objective, np.zeros(len(start)), jac=True, method="BFGS", options={"gtol": 1e-5}
        )
        slope = jacobian(lambda z: objective(z)[1], found.x, 1e-3)
        inverse = invert_information(0.5 * (slope + slope.T))
    gradient = np.asarray(found.jac)
    decrement = float(gradient @ found.hess_inv @ gradient)
    converged = bool(math.isfinite(decrement) and decrement < 1e-4)
    return start + spread @ found.x, spread @ inverse @ spread.T, float(-found.fun), converged


def _spread(fitted: Fitted, size: int) -> FloatArray:
    """Rough standard errors in all directions, in which the search is made."""
    P = len(fitted.coef)
    out = np.eye(size) * 0.2
    values, vectors = np.linalg.eigh(np.nan_to_num(fitted.vcov))
    out[:P, :P] = vectors * np.sqrt(np.maximum(values, 1e-12 * max(1.0, values[-1])))
    return out


class _Problem:
    """Log-likelihood in (coefficients, [log sigma2,] log s) on a fixed grid of effects."""

    def __init__(self, fitted: Fitted, df: float) -> None:
        model, design = fitted.model, fitted.design
        (term,) = design.terms
        self.df, self.fitted = df, fitted
        self.family, self.y, self.trials = fitted.family, design.response.y, design.response.second
        self.weights = design.frequency_weights
        self.codes, self.levels = term.grouping.codes, len(term.grouping.levels)
        self.z = np.ones(model.rows) if term.columns is None else term.columns[:, 0]
        constant = self.family.constant(self.y, self.trials)
        self.constant = float(constant.sum() if self.weights is None else self.weights @ constant)
        mode = fitted.estimates.modes[0][:, 0]
        width = np.sqrt(np.maximum(fitted.mode_covariance()[0][:, 0, 0], 1e-300))
        x = _STEP * np.arange(-_HALF, _HALF + 1)
        self.nodes = mode + np.sinh(x)[:, None] * width  # (N, L)
        self.log_measure = np.log(_STEP * np.cosh(x))[:, None] + np.log(width)

    def start(self) -> FloatArray:
        """Parameters of the fit."""
        fitted = self.fitted
        G = float(fitted.estimates.covariances[0][0, 0])
        shrink = 0.5 * math.log((self.df - 2.0) / self.df) if math.isfinite(self.df) else 0.0
        tail = [0.5 * math.log(G) + shrink]
        if fitted.model.linear:
            tail = [math.log(fitted.estimates.sigma2), *tail]
        return np.concatenate([fitted.coef, tail])

    def predictors(self, at: FloatArray) -> list[FloatArray]:
        """(n,) predictors without the random effect."""
        model = self.fitted.model
        eta = model.linear_predictors(at[: len(self.fitted.coef)], None)
        if model.linear:
            log_variance = np.full(model.rows, at[-2])
            precision = model.design.precision_weights
            eta.append(log_variance if precision is None else log_variance - np.log(precision))
        return eta

    def log_prior(self, log_scale: float) -> tuple[FloatArray, FloatArray]:
        """(N, L) log density of the effects at the nodes, and its derivative in log s."""
        square = (self.nodes * math.exp(-log_scale)) ** 2
        if not math.isfinite(self.df):
            return -0.5 * square - 0.5 * math.log(2.0 * math.pi) - log_scale, square - 1.0
        df = self.df
        gammas = lgamma(np.array([0.5 * (df + 1.0), 0.5 * df]))
        front = float(gammas[0] - gammas[1]) - 0.5 * math.log(df * math.pi) - log_scale
        slope = (df + 1.0) * square / (df + square) - 1.0
        return front - 0.5 * (df + 1.0) * np.log1p(square / df), slope

    def evaluate(self, at: FloatArray) -> tuple[float, FloatArray]:
        """Log-likelihood without constants in y, and its gradient."""
        eta = self.predictors(at)
        K, n, N = len(eta), len(self.y), len(self.nodes)
        heights, prior_slope = self.log_prior(float(at[-1]))
        heights = heights + self.log_measure
        first = np.empty((N, K, n))
        for k in range(N):
            moved = [eta[0] + self.z * self.nodes[k, self.codes], *eta[1:]]
            jet = self.family.log_density(self.y, self.trials, jets.variables(moved, 1))
            value, slope = jet.value, jet.first
            if self.weights is not None:
                value, slope = value * self.weights, slope * self.weights
            value = np.where(np.isnan(value), -np.inf, value)
            heights[k] += np.bincount(self.codes, value, self.levels)
            first[k] = np.where(np.isfinite(slope), slope, 0.0)
        top = heights.max(axis=0)
        share = np.exp(heights - top)
        total = share.sum(axis=0)
        share /= total
        loglik = float(np.sum(top + np.log(total)))
        by_row = np.einsum("kn,kjn->jn", share[:, self.codes], first, optimize=True)
        model = self.fitted.model
        gradient = [part.X.T @ by_row[j] for j, part in enumerate(model.fitted_parts)]
        if model.linear:
            gradient.append(np.array([by_row[1].sum()]))
        gradient.append(np.array([float(np.sum(share * prior_slope))]))
        return loglik, np.concatenate(gradient)
