r"""The conditional information criterion: how well new rows of the same clusters are predicted.

.. math:: cAIC = -2 \log f(y \mid \hat\beta, \hat b) + 2 \hat\nu

with the conditional log-likelihood, random effects at their modes, and an estimate of the optimism
(Vaida and Blanchard 2005).  In the linear mixed model the latter is exact (Greven and Kneib 2010),

.. math:: \hat\nu = 1 + \operatorname{tr} \frac{\partial \hat y}{\partial y}
   = 1 + \rho + \operatorname{tr}(I^{-1} M'D), \qquad
   D = \frac{\partial\hat y}{\partial\theta}, \quad
   M = \frac{1}{\hat\sigma^2} \Bigl( W D + W \hat e \frac{\partial\log\hat\sigma^2}{\partial\theta'}
   \Bigr),

:math:`\rho` being the trace with the covariance parameters held, I the observed information on them
and the one for sigma.  The trace needs no n x n matrix: with the modes u of the spherical effects
and the restricted estimate of sigma at :math:`\theta`,

.. math:: \rho = p + u'u / \tilde\sigma^2 - \lambda' \partial l_R / \partial\lambda .

For Poisson and binomial responses the optimism is estimated without bias by refits to responses
that differ by one (Saefken, Kneib, van Waveren and Greven 2014; Efron 2004).  Derivation:
docs/derivations/boundary-tests.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from ilk.estimation.run import refit
from ilk.likelihood.base import steps_of
from ilk.likelihood.gaussian import GaussianMarginal
from ilk.num.triangular import invert_information
from ilk.simulate import full_predictors

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["ConditionalAic", "conditional_aic"]

_STEP = 1e-4
"""Relative step of the differences of fitted means in covariance parameters."""


@dataclass(frozen=True, slots=True)
class ConditionalAic:
    """Conditional AIC and its parts.

    Parameters
    ----------
    loglik : float
        Conditional log-likelihood.
    df : float
        Estimate of the optimism, the effective number of parameters; nan if there is none.
    method : str
        How it was estimated, or why it was not.
    """

    loglik: float
    df: float
    method: str

    @property
    def value(self) -> float:
        """The criterion."""
        return -2.0 * self.loglik + 2.0 * self.df


def conditional_aic(fitted: Fitted, refits: int = 500) -> ConditionalAic:
    """Compute the conditional AIC.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    refits : int
        Most refits that may be spent on it (Poisson and binomial responses).

    Returns
    -------
    ConditionalAic
    """
    loglik = _conditional_loglik(fitted)
    if not fitted.design.terms:
        return ConditionalAic(loglik, float(fitted.parameter_count), "no random effects: AIC")
    if fitted.model.linear:
        return ConditionalAic(loglik, 1.0 + _trace(fitted), "exact, variance parameters counted")
    df, method = _by_refits(fitted, refits)
    return ConditionalAic(loglik, df, method)


def _conditional_loglik(fitted: Fitted) -> float:
    """Log density of the response, random effects at their modes."""
    response, weights = fitted.design.response, fitted.design.frequency_weights
    eta = full_predictors(fitted, fitted.estimates.modes)
    family = fitted.family
    rows: FloatArray = family.log_density(response.y, response.second, eta)
    rows = rows + family.constant(response.y, response.second)
    return float(np.sum(rows) if weights is None else weights @ rows)


def _trace(fitted: Fitted) -> float:
    """Trace of the derivative of the fitted means in the response."""
    marginal, point = cast("GaussianMarginal", fitted.marginal), fitted.point
    p = fitted.model.fitted_parts[0].X.shape[1]
    lam = marginal.lam(point.theta)
    factors = lam[: sum(term.width**2 for term in marginal.scaled.data.terms)]
    with marginal.state.lock:
        marginal.move(point)
        marginal.state.point = None
        at = marginal.engine.evaluate(lam, reml=True)
        u = marginal.engine.modes()
        grad = cast("FloatArray", at.grad_lam)[: len(factors)]
        rho: float = p + _length(fitted, u) / at.sigma2 - float(factors @ grad)
        information, slope = marginal.engine.information(
            marginal.factor, point.theta, steps_of(point), reml=fitted.model.reml
        )
    D, e = _slopes(fitted), fitted.design.response.y - fitted.mean
    weights = _row_weights(fitted)
    M = weights[:, None] * (D + np.outer(e, slope)) / fitted.estimates.sigma2
    moving = np.abs(D).max(axis=0, initial=0.0) > 1e-9 * math.sqrt(fitted.estimates.sigma2)
    inverse = invert_information(information[np.ix_(moving, moving)])
    return rho + float(np.sum(inverse * (M[:, moving].T @ D[:, moving])))


def _length(fitted: Fitted, u: FloatArray) -> float:
    """Sum of squares ``u'Qu`` of the modes, Q the precision of the levels."""
    total, start = 0.0, 0
    for modes, over in zip(fitted.estimates.modes, fitted.dependences, strict=True):
        own = u[start : start + modes.size].reshape(modes.shape)
        total += float(np.sum(own * (own if over is None else over.precision_times(own))))
        start += modes.size
    return total


def _row_weights(fitted: Fitted) -> FloatArray:
    weights = np.ones(fitted.model.rows)
    for given in (fitted.design.frequency_weights, fitted.design.precision_weights):
        weights = weights if given is None else weights * given
    return weights


def _slopes(fitted: Fitted) -> FloatArray:
    """Derivative (n, m_theta) of the fitted means in the covariance parameters."""
    theta = fitted.point.theta
    D = np.zeros((fitted.model.rows, len(theta)))
    for j in range(len(theta)):
        step = _STEP * max(1.0, abs(theta[j]))
        ends = []
        for side in (step, -step):
            moved = theta.copy()
            moved[j] += side
            there = fitted.marginal.at_point(fitted.point.beta, moved)
            estimates = fitted.marginal.estimates(there)
            coef = estimates.psi[: len(estimates.names)]
            ends.append(fitted.model.linear_predictors(coef, estimates.modes)[0])
        D[:, j] = (ends[0] - ends[1]) / (2.0 * step)
    return D


def _by_refits(fitted: Fitted, most: int) -> tuple[float, str]:
    """Optimism of a Poisson or binomial model from responses that differ by one, and how."""
    name, design = fitted.family.name, fitted.design
    if name not in ("poisson", "binomial") or len(fitted.family.parameters) > 1:
        return math.nan, "no unbiased penalty is known for this family"
    if design.frequency_weights is not None:
        return math.nan, "not available with frequency weights"
    y = design.response.y
    trials = np.ones_like(y) if design.response.trials is None else design.response.trials
    down = np.flatnonzero(y > 0.0)
    up = np.flatnonzero(y < trials) if name == "binomial" else down[:0]
    if len(down) + len(up) > most:
        return math.nan, f"would take {len(down) + len(up)} refits (refits={most})"
    mu = fitted.mean
    weight = y if name == "poisson" else y * mu * (1.0 - mu)
    df = sum(weight[i] * _change(fitted, int(i), -1.0) for i in down)
    if name == "binomial":
        weight = (trials - y) * mu * (1.0 - mu)
        df += sum(weight[i] * _change(fitted, int(i), 1.0) for i in up)
    if not math.isfinite(df):
        return math.nan, "not available: a refit did not converge"
    return float(df), "unbiased, by refits to responses that differ by one"


def _change(fitted: Fitted, i: int, step: float) -> float:
    """Change of the natural parameter of a row, per unit, when its response changes by one."""
    y = fitted.design.response.y.copy()
    y[i] += step
    other = refit(fitted, y)
    if other.search.status not in ("converged", "line_search"):
        return math.nan
    here, there = (_natural(f.family.name, float(f.mean[i])) for f in (fitted, other))
    return (there - here) / step


def _natural(family: str, mu: float) -> float:
    return math.log(mu) if family == "poisson" else math.log(mu / (1.0 - mu))
