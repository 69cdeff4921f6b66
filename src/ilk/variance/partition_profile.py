r"""Intervals of shares of variance from the likelihood: all shares that the data do not reject.

For a share :math:`r(\psi)` the limits are the least and the largest value in the region that a
likelihood-ratio test does not reject,

.. math:: \min / \max \; r(\psi) \quad\text{subject to}\quad
          \ell(\psi) \ge \ell(\hat\psi) - \tfrac12 z^2_{1 - \alpha / 2},

which are the ends of its profile-likelihood interval (Neale and Miller 1997, Behavior Genetics 27,
113-120).  They do not depend on a scale, never leave [0, 1], and exist on the boundary too.  The
problem is solved by sequential quadratic programming in coordinates in which the log-likelihood is
close to :math:`-\tfrac12 |y|^2`, from where the delta method puts the limits.

The likelihood is that of the fit.  That of a linear model is a function of the covariance
parameters alone unless the fixed part counts: shares without it do not depend on coefficients and
:math:`\sigma`.  With the fixed part its restricted likelihood is completed by that of the
coefficients around their estimates.  In other models fitted by restricted likelihood the
coefficients of the mean follow the other parameters.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ilk.errors import IlkError, ModelError
from ilk.inference.wald import two_sided
from ilk.likelihood.gaussian import GaussianMarginal
from ilk.likelihood.laplace import LaplaceMarginal
from ilk.likelihood.restricted import RestrictedMarginal
from ilk.num.differences import jacobian
from ilk.variance.shares import Shares

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray, IntArray

__all__ = ["profiled_shares"]

T = TypeVar("T")

_FAR = 20.0
"""Distance from the estimates, in standard errors, at which the search gives up."""

_NONE = 1e-6
"""A share below this is zero."""

_CLOSE, _SLACK = 1e-3, 1e-3
"""Last step, and distance of the log-likelihood from its limit, at which a limit is found."""

_CURVATURE = (1e-3, 1e3)
"""Least and largest curvature, in units of that at the estimates."""

_STEP, _STEPS = 1e-4, 25
"""Step of differences, and most steps of a walk."""

_KEPT = 200


@dataclass(frozen=True, slots=True)
class Region:
    """The log-likelihood as a function of coordinates y around the estimates.

    Parameters
    ----------
    center : (k,) array
        Parameters of the search at the estimates.
    root : (k, k) array
        Takes y to a step in them.
    evaluate : callable
        Takes parameters to the log-likelihood and its gradient.
    psi : callable
        Takes parameters to psi.
    """

    center: FloatArray
    root: FloatArray
    evaluate: Callable[[FloatArray], tuple[float, FloatArray]]
    psi: Callable[[FloatArray], FloatArray]

    def loglik(self, y: FloatArray) -> tuple[float, FloatArray]:
        """Log-likelihood, and its gradient in y."""
        value, gradient = self.evaluate(self.center + self.root @ y)
        return value, self.root.T @ gradient


@dataclass(frozen=True, slots=True)
class Problem:
    """A share to be made small or large in the region that is not rejected.

    Parameters
    ----------
    region : Region
        The log-likelihood.
    shares : callable
        Takes y to all shares.
    j : int
        Which one.
    floor : float
        Least log-likelihood.
    z : float
        Distance at which it is reached where it is quadratic.
    """

    region: Region
    shares: Callable[[FloatArray], FloatArray]
    j: int
    floor: float
    z: float

    def share(self, y: FloatArray) -> float:
        """The share."""
        return float(self.shares(y)[self.j])

    def angle_at(self, y: FloatArray) -> float:
        """Arc sine of the root of the share, which is linear in small deviations."""
        return math.asin(math.sqrt(min(max(self.share(y), 0.0), 1.0)))

    def angle(self, y: FloatArray) -> tuple[float, FloatArray]:
        """The same, and its gradient."""
        ends = [
            self.angle_at(y + _STEP * unit) - self.angle_at(y - _STEP * unit)
            for unit in np.eye(len(y))
        ]
        return self.angle_at(y), np.array(ends) / (2.0 * _STEP)

    def starts(self, side: float, slope: FloatArray) -> list[FloatArray]:
        """Where the delta method puts the limit, or steps along each coordinate."""
        size = float(np.linalg.norm(slope))
        steps = [sign * 0.7 * self.z * unit for unit in np.eye(len(slope)) for sign in (1.0, -1.0)]
        steps.sort(key=lambda y: -side * float(np.nan_to_num(self.share(y))))
        if size < 1e-6:
            return steps[:2]
        return [side * 0.5 * self.z * slope / size, *steps[:1]]


def profiled_shares(
    fitted: Fitted,
    function: Callable[[Fitted, FloatArray], FloatArray],
    level: float,
    *,
    fixed: bool,
) -> Shares:
    """Compute shares and their profile-likelihood intervals.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    function : callable
        Takes a fit and its parameters to k shares.
    level : float
        Coverage of the intervals.
    fixed : bool
        Whether the variance of the fixed part is counted.

    Returns
    -------
    Shares
        Without standard errors.

    Raises
    ------
    ModelError
        The likelihood is penalized.
    """
    z = two_sided(level)
    estimate = function(fitted, fitted.estimates.psi)
    region = _region(fitted, fixed=fixed)
    region = replace(region, evaluate=_remembered(region.evaluate))
    top = region.evaluate(region.center)[0]

    def at(y: FloatArray) -> FloatArray:
        psi = region.psi(region.center + region.root @ y)
        return _tried(lambda: function(fitted, psi), len(estimate))

    shares = _remembered(at)
    start = np.zeros(len(region.center))
    slope = jacobian(shares, start, np.full(len(start), 1e-3)) if len(start) else np.zeros((0, 0))
    low, high = np.full(len(estimate), np.nan), np.full(len(estimate), np.nan)
    for j, value in enumerate(estimate):
        if not np.isfinite(value):
            continue
        for side, ends in ((-1.0, low), (1.0, high)):
            if side < 0.0 and value < _NONE:
                ends[j] = 0.0
                continue
            problem = Problem(region, shares, j, top - 0.5 * z * z, z)
            ends[j] = _limit(problem, side, slope[j])
    low, high = np.minimum(low, estimate), np.maximum(high, estimate)
    return Shares(
        estimate,
        np.full(len(estimate), np.nan),
        np.where(low < _NONE, 0.0, low),
        np.minimum(high, 1.0),
        _origin(fitted, fixed=fixed),
    )


def _remembered(function: Callable[[FloatArray], T]) -> Callable[[FloatArray], T]:
    """The function, its last values kept."""
    memory: dict[bytes, T] = {}

    def once(y: FloatArray) -> T:
        key = y.tobytes()
        if key not in memory:
            if len(memory) > _KEPT:
                memory.clear()
            memory[key] = function(y)
        return memory[key]

    return once


def _tried(compute: Callable[[], FloatArray], size: int) -> FloatArray:
    """Values, nan where they do not exist."""
    try:
        return compute()
    except (IlkError, np.linalg.LinAlgError):
        return np.full(size, np.nan)


def _origin(fitted: Fitted, *, fixed: bool) -> str:
    kind = "restricted likelihood" if fitted.model.reml else "likelihood"
    more = ""
    if fitted.model.reml and fixed:
        more = (
            ", completed by that of the coefficients"
            if fitted.model.linear
            else ", coefficients of the mean at their estimates for each value of the others"
        )
    return f"Intervals of the profile {kind}{more}; they have no standard errors."


def _limit(problem: Problem, side: float, slope: FloatArray) -> float:
    """Least (side -1) or largest (side 1) value of a share in the region; nan if not found."""
    starts = problem.starts(side, slope)
    found = _walk(problem, side, starts[0])
    return found if math.isfinite(found) else _programmed(problem, side, starts)


def _programmed(problem: Problem, side: float, starts: list[FloatArray]) -> float:
    """The limit by sequential quadratic programming, where shares are bent much."""
    from scipy.optimize import minimize

    best = math.nan
    bound = {
        "type": "ineq",
        "fun": lambda y: max(problem.region.loglik(y)[0] - problem.floor, -1e3),
        "jac": lambda y: problem.region.loglik(y)[1],
    }
    for start in starts:
        found = minimize(
            lambda y: -side * float(np.nan_to_num(problem.angle_at(y), nan=-10.0 * side)),
            start,
            jac=lambda y: -side * np.nan_to_num(problem.angle(y)[1]),
            method="SLSQP",
            bounds=[(-_FAR, _FAR)] * len(start),
            constraints=[bound],
            options={"maxiter": 4 * _STEPS, "ftol": 1e-7},
        )
        value = problem.share(found.x)
        inside = problem.region.loglik(found.x)[0] >= problem.floor - 5.0 * _SLACK
        if inside and math.isfinite(value) and not side * value <= side * best:
            best = value
        if found.success and math.isfinite(best):
            break
    return best


def _walk(problem: Problem, side: float, y: FloatArray) -> float:
    """The limit by steps in a quadratic model; nan if they do not settle.

    Each step goes to the farthest point of the region that a quadratic model of the log-likelihood
    and a linear one of the share have, with B the curvature of the former:

        max h'd  subject to  g'd - d'Bd / 2 >= floor - l(y).
    """
    B = np.eye(len(y))
    value, g = problem.region.loglik(y)
    for _ in range(_STEPS):
        h, slope = problem.angle(y)
        inverse = np.linalg.inv(B)
        inward, along = inverse @ g, side * (inverse @ slope)
        gain = float(slope @ inverse @ slope)
        if not (math.isfinite(value) and math.isfinite(h) and gain > 0.0):
            return math.nan
        room = max(float(g @ inward) + 2.0 * (value - problem.floor), 0.0)
        d = inward + math.sqrt(room / gain) * along
        d *= min(1.0, 1.5 / max(float(np.linalg.norm(d)), 1e-300))
        change = float(slope @ d)
        if side < 0.0 and h + change < 0.0:
            d *= h / -change  # not beyond zero, where the share turns back
        if np.linalg.norm(d) < _CLOSE and abs(value - problem.floor) < _SLACK:
            return math.sin(h) ** 2
        after, turned = problem.region.loglik(y + d)
        if math.isfinite(after):
            B = _updated(B, d, g - turned)
        else:
            d, (after, turned) = 0.25 * d, problem.region.loglik(y + 0.25 * d)
        y, value, g = y + d, after, turned
        if side < 0.0 and value >= problem.floor and problem.share(y) < _NONE:
            return 0.0
        if np.abs(y).max() > _FAR:
            return math.nan
    return math.nan


def _updated(B: FloatArray, step: FloatArray, change: FloatArray) -> FloatArray:
    """Curvature after a step along which the gradient fell by a change: BFGS, damped."""
    turned = B @ step
    bend, met = float(step @ turned), float(step @ change)
    if not bend > 0.0:
        return B
    if met < 0.2 * bend:
        part = 0.8 * bend / (bend - met)
        change = part * change + (1.0 - part) * turned
        met = float(step @ change)
    B = B - np.outer(turned, turned) / bend + np.outer(change, change) / met
    values, vectors = np.linalg.eigh(0.5 * (B + B.T))
    return np.asarray((vectors * np.clip(values, *_CURVATURE)) @ vectors.T)


def _region(fitted: Fitted, *, fixed: bool) -> Region:
    marginal = fitted.marginal
    psi, P = fitted.estimates.psi, len(fitted.coef)
    V, everything = fitted.psi_covariance(), np.arange(len(fitted.estimates.psi))
    if isinstance(marginal, GaussianMarginal) and not fixed:
        keep = everything[P:-1]
        evaluate = _profiled_linear(fitted, marginal)

        def with_theta(theta: FloatArray) -> FloatArray:
            return np.concatenate([psi[:P], theta, psi[-1:]])

        return Region(psi[keep], _root(V, psi, keep), evaluate, with_theta)
    if isinstance(marginal, RestrictedMarginal):
        keep = everything[marginal.integrated :]
        modes = _at_modes(fitted, marginal)
        return Region(psi[keep], _root(V, psi, keep), _restricted(fitted, marginal), modes)
    if isinstance(marginal, GaussianMarginal):
        return Region(psi, _root(V, psi, everything), _whole_linear(fitted, marginal), np.asarray)
    if isinstance(marginal, LaplaceMarginal):
        return Region(psi, _root(V, psi, everything), _laplace(fitted, marginal), np.asarray)
    raise ModelError(
        "interval='profile': the likelihood of this fit is penalized, so that its profile is no "
        "interval of the data alone; ask for interval='delta' or 'bootstrap'.",
        code="penalty",
    )


def _root(V: FloatArray, psi: FloatArray, keep: IntArray) -> FloatArray:
    """Root (k, k) of the covariance matrix of some parameters, usable on the boundary too."""
    inner = V[np.ix_(keep, keep)].copy()
    unknown = ~np.isfinite(np.diag(inner)) | (np.diag(inner) <= 0.0)
    inner[unknown, :] = 0.0
    inner[:, unknown] = 0.0
    scale = np.sqrt(
        np.where(unknown, np.maximum(0.3, 0.3 * np.abs(psi[keep])) ** 2, np.diag(inner))
    )
    correlation = inner / np.outer(scale, scale)
    np.fill_diagonal(correlation, 1.0)
    values, vectors = np.linalg.eigh(correlation)
    return np.asarray(scale[:, None] * vectors * np.sqrt(np.maximum(values, 1e-4)))


def _profiled_linear(
    fitted: Fitted, marginal: GaussianMarginal
) -> Callable[[FloatArray], tuple[float, FloatArray]]:
    def evaluate(theta: FloatArray) -> tuple[float, FloatArray]:
        at = marginal.at_point(fitted.point.beta, theta)
        return at.value, marginal.gradient(at)

    return evaluate


def _whole_linear(
    fitted: Fitted, marginal: GaussianMarginal
) -> Callable[[FloatArray], tuple[float, FloatArray]]:
    scaled, P = marginal.scaled, len(fitted.coef)
    back = np.linalg.inv(scaled.coef_map).T
    nu = scaled.count - (len(scaled.coef_shift) if fitted.model.reml else 0)

    def parts(theta: FloatArray) -> tuple[float, FloatArray, float, FloatArray]:
        with marginal.state.lock:
            at = marginal.at_point(fitted.point.beta, theta)
            unscaled = marginal.engine.coefficient_covariance()
        level = at.value + 0.5 * nu * (1.0 + math.log(at.sigma2))
        return level, at.beta, nu * at.sigma2, np.asarray(np.linalg.inv(unscaled), dtype=np.float64)

    def value_at(theta: FloatArray, beta: FloatArray, log_s2: float) -> float:
        level, center, squares, precision = parts(theta)
        gap = beta - center
        whole = squares + float(gap @ precision @ gap)
        return level - 0.5 * (nu * log_s2 + whole * math.exp(-log_s2))

    V = np.diag(fitted.psi_covariance())[P:-1]
    steps = 1e-3 * np.where(V > 0.0, np.sqrt(np.maximum(np.nan_to_num(V), 0.0)), 0.3)

    def evaluate(psi: FloatArray) -> tuple[float, FloatArray]:
        coef, theta = marginal.split(psi)
        beta, log_s2 = scaled.beta(coef), float(psi[-1]) - 2.0 * math.log(scaled.scale)
        _, center, squares, precision = parts(np.array(theta))
        turned = precision @ (beta - center)
        whole = (squares + float((beta - center) @ turned)) * math.exp(-log_s2)
        by_theta = jacobian(
            lambda moved: np.array([value_at(moved, beta, log_s2)]), np.array(theta), steps
        )[0]
        by_beta = -back @ turned * math.exp(-log_s2)
        slope = np.concatenate([by_beta, by_theta, [0.5 * (whole - nu)]])
        return value_at(np.array(theta), beta, log_s2), slope

    return evaluate


def _laplace(
    fitted: Fitted, marginal: LaplaceMarginal
) -> Callable[[FloatArray], tuple[float, FloatArray]]:
    P = len(fitted.coef)
    back = np.linalg.inv(marginal.scaled.coef_map).T

    def evaluate(psi: FloatArray) -> tuple[float, FloatArray]:
        at = marginal.at(psi)
        slope = marginal.gradient(at)
        return at.value, np.concatenate([back @ slope[:P], slope[P:]])

    return evaluate


def _restricted(
    fitted: Fitted, marginal: RestrictedMarginal
) -> Callable[[FloatArray], tuple[float, FloatArray]]:
    P, p = len(fitted.coef), marginal.integrated
    back = np.linalg.inv(marginal.scaled.coef_map).T

    def evaluate(rest: FloatArray) -> tuple[float, FloatArray]:
        psi = np.concatenate([fitted.estimates.psi[:p], rest])
        at = marginal.at(psi)
        slope = marginal.gradient(at)
        return at.value, np.concatenate([back @ slope[:P], slope[P:]])[p:]

    return evaluate


def _at_modes(fitted: Fitted, marginal: RestrictedMarginal) -> Callable[[FloatArray], FloatArray]:
    """Function from all parameters but the coefficients of the mean to psi."""
    P, p = len(fitted.coef), marginal.integrated

    def psi_of(rest: FloatArray) -> FloatArray:
        psi = np.concatenate([fitted.estimates.psi[:p], rest])
        return np.concatenate([marginal.scaled.coef(marginal.at(psi).beta), psi[P:]])

    return psi_of
