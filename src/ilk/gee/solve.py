r"""The scoring iteration of generalized estimating equations.

With :math:`D_i = \partial\mu_i / \partial\beta'` and
:math:`V_i = \phi A_i^{1/2} R_i(\alpha) A_i^{1/2}`, :math:`A_i` the variances at scale one, the
equations

.. math:: \sum_i D_i' V_i^{-1} (y_i - \mu_i) = 0

are solved by steps :math:`(\sum_i D_i' V_i^{-1} D_i)^{-1} \sum_i D_i' V_i^{-1} (y_i - \mu_i)`,
with :math:`\phi` and :math:`\alpha` estimated from the residuals before each (Liang and Zeger
1986).  The iteration begins at the solution under independence, a quasi-likelihood fit.  All
clusters are treated at once: rows times the square root of :math:`V_i^{-1}` make it a least squares
problem.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.errors import FitError

if TYPE_CHECKING:
    from ilk.family.link import Interval
    from ilk.gee.clusters import Clusters
    from ilk.gee.variance import Marginal
    from ilk.gee.working import AbstractWorking
    from ilk.typing import BoolArray, FloatArray

__all__ = ["GeeRows", "Solution", "Whitened", "solve", "whiten"]

MAX_STEPS = 200
"""Steps at most, of the start and of the equations each."""

TOLERANCE = 1e-9
"""Last step of a coefficient at most, in standard errors, and of a correlation."""

_PERFECT = 1e-24
"""Scale, relative to the squared derivative of the means, at which nothing is left to explain."""

_MARGIN = 0.2
"""Share of the remaining correlation that is taken off beyond what positive definiteness asks."""

_FURTHER = 1e-6
"""A step that is not smaller than this when rounding stops the iteration is no solution."""


@dataclass(frozen=True, slots=True)
class GeeRows:
    """The numbers of a marginal model, rows in the order of the clusters.

    Parameters
    ----------
    marginal : Marginal
        Moments of the family.
    clusters : Clusters
        The order.
    y : (N,) array
        Response; a proportion where there are trials.
    trials : (N,) array or None
        Number of trials.
    weights : (N,) array or None
        Trials times precision weights; the variance of a row is divided by them.
    X : (N, p) array
        Columns.
    offset : (N,) array or None
        Known part of the linear predictor.
    """

    marginal: Marginal
    clusters: Clusters
    y: FloatArray
    trials: FloatArray | None
    weights: FloatArray | None
    X: FloatArray
    offset: FloatArray | None

    def predictor(self, beta: FloatArray) -> FloatArray:
        """Linear predictor (N,)."""
        eta: FloatArray = self.X @ beta
        return eta if self.offset is None else eta + self.offset

    def at(self, beta: FloatArray) -> Residuals | None:
        """Standardized residuals at coefficients; None where a mean is impossible."""
        family = self.marginal.family
        eta = self.predictor(beta)
        with np.errstate(all="ignore"):
            mu = family.mean([eta])
            if not (np.all(np.isfinite(mu)) and np.all(_inside(family.mean_range, mu))):
                return None
            raw = self.y - mu
            weights = 1.0 if self.weights is None else self.weights
            log_phi = 0.0
            if self.marginal.shaped:
                log_phi = self.marginal.find_log_phi(eta, self.trials, raw * raw * weights)
            v = self.marginal.variance(eta, self.trials, log_phi) / weights
            v = np.maximum(v, np.finfo(float).tiny)  # of means that all but reach an end
            root = np.sqrt(v)
            e = raw / root
            slope = family.link.derivative(eta) / root
        if not (np.all(v > 0.0) and np.all(np.isfinite(e)) and np.all(np.isfinite(slope))):
            return None
        scale = 1.0 if self.marginal.shaped else float(np.mean(e * e))
        return Residuals(eta, e, slope, scale, log_phi)

    def quasi_likelihood(self, found: Residuals) -> float | None:
        """Quasi-likelihood at scale one; None where the family does not define it."""
        count = self.y if self.trials is None else np.rint(self.y * self.trials)
        value = self.marginal.quasi(count, self.trials, found.eta, found.log_phi)
        if value is None:
            return None
        if self.weights is not None and self.trials is not None:
            value = value * (self.weights / self.trials)  # quasi counts the trials itself
        elif self.weights is not None:
            value = value * self.weights
        return float(np.sum(value))


def _inside(interval: Interval, mu: FloatArray) -> BoolArray:
    """Whether means are possible; those that round to an end are."""
    return np.asarray((mu >= interval.low) & (mu <= interval.high))


@dataclass(frozen=True, slots=True)
class Residuals:
    """What a set of coefficients leaves.

    Parameters
    ----------
    eta : (N,) array
        Linear predictor.
    e : (N,) array
        Standardized residuals at scale one.
    slope : (N,) array
        Derivative of the mean in the linear predictor over the standard deviation at scale one.
    scale : float
        Mean square of e.
    log_phi : float
        Log dispersion inside of the variance function.
    """

    eta: FloatArray
    e: FloatArray
    slope: FloatArray
    scale: float
    log_phi: float


@dataclass(frozen=True, slots=True)
class Whitened:
    """Derivatives and residuals times the root of the inverse of the working covariance.

    Parameters
    ----------
    D : (N, p) array
        Whitened derivatives of the means, at scale one.
    e : (N,) array
        Whitened residuals, at scale one.
    shrinkage : float
        Weight of the identity that had to be mixed into the working correlation to make it
        positive definite; zero if it was.
    """

    D: FloatArray
    e: FloatArray
    shrinkage: float

    @property
    def information(self) -> FloatArray:
        """(p, p) sum of D'D."""
        return self.D.T @ self.D


@dataclass(frozen=True, slots=True)
class Solution:
    """Where the iteration ended.

    Parameters
    ----------
    beta : (p,) array
        Coefficients.
    alpha : (q,) array
        Parameters of the working correlation, as used (shrunk where that was needed).
    residuals : Residuals
        At the coefficients.
    whitened : Whitened
        At the coefficients.
    steps : int
        Steps of the equations, after the start.
    change : float
        Last step in standard errors.
    status : str
        ``"converged"``, ``"max_steps"``, ``"no_start"`` (independence did not converge),
        ``"separated"`` (it has no solution) or ``"stuck"`` (no step led to possible means).
    """

    beta: FloatArray
    alpha: FloatArray
    residuals: Residuals
    whitened: Whitened
    steps: int
    change: float
    status: str


def solve(
    rows: GeeRows,
    working: AbstractWorking,
    *,
    start: FloatArray,
    hopeless: Callable[[FloatArray], bool] | None = None,
    max_steps: int = MAX_STEPS,
    tolerance: float = TOLERANCE,
) -> Solution | None:
    """Solve the estimating equations.

    Parameters
    ----------
    rows : GeeRows
        The model.
    working : AbstractWorking
        Working correlation.
    start : (p,) array
        Coefficients to begin from.
    hopeless : function, optional
        Whether linear predictors, where the fit under independence ended, are on their way to
        infinity; the equations are not begun then.
    max_steps : int
        Steps at most.
    tolerance : float
        Last step at most, in standard errors.

    Returns
    -------
    Solution or None
        None if the means are impossible at the start.
    """
    beta, found, started = _independent(rows, start, max_steps, tolerance)
    if found is None:
        return None
    if found.scale <= _PERFECT * max(float(np.mean(found.slope**2)), np.finfo(float).tiny):
        raise FitError(
            "The means fit every row without residual, so there is no scale or correlation to "
            "estimate: leave out terms.",
            code="no-residual",
        )
    alpha, steps, change, damping, status = np.zeros(0), 0, np.inf, 1.0, "max_steps"
    separated = hopeless is not None and hopeless(found.eta)
    shrinkage = 0.0  # never lowered: a correlation in and out of the valid range would circle
    while True:
        before = alpha
        alpha = working.estimate(found.e, found.scale)
        white, alpha = whiten(rows, working, alpha, found, shrinkage)
        shrinkage = white.shrinkage
        step, last = _step(white), change
        change = _size(step, white, found.scale)
        moved = _moved(alpha, before)
        if change <= tolerance and moved <= max(tolerance, 1e-12):
            status = "converged"
        elif change <= _FURTHER and last <= _FURTHER and change >= last:
            status = "converged"  # rounding, not distance, is what is left
        if status == "converged" or steps >= max_steps or separated or not started:
            break
        damping = _damped(damping, steps, change, last)
        moved_to = _feasible(rows, beta, damping * step)
        if moved_to is None:
            status = "stuck"
            break
        beta, found = moved_to
        steps += 1
    status = "separated" if separated else status if started else "no_start"
    return Solution(beta, alpha, found, white, steps, change, status)


def whiten(
    rows: GeeRows,
    working: AbstractWorking,
    alpha: FloatArray,
    found: Residuals,
    least: float = 0.0,
) -> tuple[Whitened, FloatArray]:
    """Whiten derivatives and residuals, mixing in the identity as far as it takes.

    Parameters
    ----------
    rows : GeeRows
        The model.
    working : AbstractWorking
        Working correlation.
    alpha : (q,) array
        Its parameters.
    found : Residuals
        Residuals at the coefficients.
    least : float
        Weight of the identity at least: what an earlier step has needed.

    Returns
    -------
    Whitened
        At scale one.
    (q,) array
        Parameters that were used.
    """
    values = np.column_stack([found.slope[:, None] * rows.X, found.e])
    share = least
    white = working.whiten((1.0 - share) * alpha, values)
    if white is None:
        share = _enough(working, alpha, values, least)
        white = working.whiten((1.0 - share) * alpha, values)
        assert white is not None
    return Whitened(white[:, :-1], white[:, -1], share), (1.0 - share) * alpha


def _enough(working: AbstractWorking, alpha: FloatArray, values: FloatArray, low: float) -> float:
    """Weight of the identity that makes the correlation positive definite, and some more."""
    high = 1.0
    one = np.ascontiguousarray(values[:, :1])
    for _ in range(50):
        middle = 0.5 * (low + high)
        if working.whiten((1.0 - middle) * alpha, one) is None:
            low = middle
        else:
            high = middle
    return high + _MARGIN * (1.0 - high)


def _independent(
    rows: GeeRows, beta: FloatArray, max_steps: int, tolerance: float
) -> tuple[FloatArray, Residuals | None, bool]:
    """Quasi-likelihood fit under independence: scoring with steps halved until it rises."""
    found = rows.at(beta)
    if found is None:
        return beta, None, False
    value, size, damping = _merit(rows, found), np.inf, 1.0
    for k in range(max_steps):
        white = Whitened(found.slope[:, None] * rows.X, found.e, 0.0)
        step, last = _step(white), size
        size = _size(step, white, found.scale)
        if size <= tolerance:
            return beta, found, True
        damping = _damped(damping, k, size, last)
        step = damping * step
        for _ in range(30):
            after = rows.at(beta + step)
            if after is not None:
                gained = _merit(rows, after) - value
                if gained >= -1e-10 * max(1.0, abs(value)) or rows.marginal.shaped:
                    break
            step = 0.5 * step
        else:
            return beta, found, size <= _FURTHER
        beta, found, value = beta + step, after, value + gained
    return beta, found, False


def _merit(rows: GeeRows, found: Residuals) -> float:
    """What the start must not lower: quasi-likelihood, or minus half the sum of squares."""
    value = rows.quasi_likelihood(found)
    return -0.5 * float(found.e @ found.e) if value is None else value


def _step(white: Whitened) -> FloatArray:
    """Solve the least squares problem, by the shortest solution if it has several."""
    A = white.information
    g = white.D.T @ white.e
    try:
        step = np.asarray(np.linalg.solve(A, g), dtype=np.float64)
    except np.linalg.LinAlgError:
        step = np.asarray(np.linalg.lstsq(A, g, rcond=None)[0], dtype=np.float64)
    return step if np.all(np.isfinite(step)) else np.zeros_like(step)


def _size(step: FloatArray, white: Whitened, scale: float) -> float:
    """Length of a step in the metric of the information: in standard errors."""
    move = white.D @ step
    return float(np.sqrt(move @ move / max(scale, np.finfo(float).tiny)))


def _damped(damping: float, steps: int, size: float, last: float) -> float:
    """Share of a step that is taken: less where full ones go back and forth."""
    return max(0.5 * damping, 1.0 / 16.0) if steps > 10 and size > 0.9 * last else damping


def _moved(alpha: FloatArray, before: FloatArray) -> float:
    if len(alpha) == 0:
        return 0.0
    return np.inf if len(before) == 0 else float(np.max(np.abs(alpha - before)))


def _feasible(
    rows: GeeRows, beta: FloatArray, step: FloatArray
) -> tuple[FloatArray, Residuals] | None:
    """Take a step, halved until the means are possible."""
    for _ in range(30):
        found = rows.at(beta + step)
        if found is not None:
            return beta + step, found
        step = 0.5 * step
    return None
