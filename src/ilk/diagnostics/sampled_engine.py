"""An engine whose marginal likelihood is a sum over draws (:mod:`.importance`).

It keeps the contract of the other engines, so that a criterion can search with it for the maximum.
The draws are placed once and then held.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, final

import numpy as np

from ilk.diagnostics.importance import centered, integrate_sampled, make_rule
from ilk.kernels import laplace_engine
from ilk.kernels.contract import (
    Density,
    EngineData,
    Evaluation,
    FactorMap,
    LaplaceEngine,
    Nodes,
    SearchResult,
)
from ilk.kernels.delegate import AbstractDelegating
from ilk.kernels.reference import outer
from ilk.kernels.reference.conditional import Conditional, find_mode
from ilk.kernels.reference.laplace import full_gradient
from ilk.kernels.reference.rows import fixed_parts, row_design
from ilk.likelihood.base import EngineState, no_steps
from ilk.likelihood.laplace import LaplaceMarginal
from ilk.likelihood.penalized import PenalizedMarginal
from ilk.model.quadrature import most_nodes
from ilk.typing import FloatArray

if TYPE_CHECKING:
    from ilk.fitted import Fitted

__all__ = ["ENOUGH", "SampledEngine", "SampledOptimum", "newton_by_draws"]

ENOUGH = 30.0
"""Effective draws below which importance sampling says nothing."""

_SETS = 5
"""Sets of draws."""

_MAX_STEPS = 10

_LONGEST, _SHORTEST = 2.0, 0.02
"""Standard errors that a parameter may move in one step, and below which a step is the last."""

_OFF_ZERO = 0.1
"""Where a covariance parameter starts that is zero."""


@final
class SampledEngine(AbstractDelegating):
    """Marginal log-likelihood by importance sampling.

    The draws are placed for the point that is evaluated first.

    Parameters
    ----------
    data : EngineData
        Response, design and grouping.
    density : Density
        Log density of a row.
    joint : LaplaceEngine
        Engine of the same data, which finds the modes.
    draws, seed : int
        Number of draws, and seed.
    """

    def __init__(
        self,
        data: EngineData,
        density: Density,
        joint: LaplaceEngine,
        draws: int,
        seed: int,
    ) -> None:
        self._data, self._density, self._joint = data, density, joint
        self._rows = row_design(data)
        self._rule = make_rule(self._rows, draws, seed)
        self._centered = False
        self.effective = np.nan
        """Smallest effective number of draws at the last evaluation."""

    def evaluate(
        self,
        beta: FloatArray,
        lam: FloatArray,
        *,
        nodes: Nodes = 1,
        gradient: bool = True,
        tolerance: float = 1e-10,
        cold: bool = False,
    ) -> Evaluation:
        """Log-likelihood at (beta, lam); ``nodes`` does not count."""
        nowhere = Evaluation(-np.inf, None, None, converged=False, clipped=False)
        at = self._joint.evaluate(beta, lam, gradient=False, tolerance=tolerance, cold=cold)
        if not at.converged:
            return nowhere
        rows = self._rows
        conditional = Conditional(
            self._data,
            self._density,
            rows,
            rows.loadings(rows.factor(np.asarray(lam, dtype=np.float64))),
            fixed_parts(self._data, beta),
        )
        mode = find_mode(conditional, self._joint.modes(), 3 if gradient else 2, 1e-14)
        if mode is None:
            return nowhere
        if not self._centered:
            self._rule, self._centered = centered(conditional, mode, self._rule), True
        found = integrate_sampled(conditional, mode, self._rule, gradient=gradient)
        self.effective, sums = found.effective, found.sums
        if not np.isfinite(sums.value):
            return nowhere
        if not gradient:
            return Evaluation(sums.value, None, None, converged=True, clipped=mode.clipped)
        grad_beta, grad_lam = full_gradient(self._data, conditional, mode, sums)
        return Evaluation(sums.value, grad_beta, grad_lam, converged=True, clipped=mode.clipped)

    def fit(
        self,
        factor: FactorMap,
        *,
        beta: FloatArray,
        theta: FloatArray | None = None,
        inverse_hessian: FloatArray | None = None,
        nodes: Nodes = 1,
        max_steps: int = 200,
        tolerance: float = 1e-8,
    ) -> SearchResult:
        """Maximize over (beta, theta) from a warm start, with this set of draws."""
        if theta is None or inverse_hessian is None:
            raise ValueError("sums over draws are maximized from a warm start")
        return outer.search(
            self._evaluate,
            factor,
            np.array(beta, dtype=np.float64),
            np.array(theta, dtype=np.float64),
            inverse_hessian,
            max_steps=max_steps,
            tolerance=tolerance,
        )

    def information(
        self,
        factor: FactorMap,
        beta: FloatArray,
        theta: FloatArray,
        scale: FloatArray,
        *,
        nodes: Nodes = 1,
    ) -> FloatArray:
        """Observed information in (beta, theta), by differences of the gradient."""
        return outer.information(self._evaluate, factor, beta, theta, scale)

    def _evaluate(self, beta: FloatArray, lam: FloatArray, tolerance: float) -> Evaluation:
        return self.evaluate(beta, lam, tolerance=tolerance)

    def _at(self) -> LaplaceEngine:
        """The engine of the joint modes."""
        return self._joint

    def set_response(self, response: FloatArray) -> None:
        """Replace the response (n,)."""
        y = np.asarray(response, dtype=np.float64)
        self._data = replace(self._data, response=y)
        self._joint.set_response(y)


@final
@dataclass(frozen=True, slots=True)
class SampledOptimum:
    """Maximum of the likelihood by importance sampling.

    Attributes
    ----------
    psi : ndarray (S, m)
        Where each set of draws has its maximum, by a Newton step from where they have it together.
    loglik : ndarray (S,)
        Log-likelihood there by each set.
    covariance : ndarray (m, m)
        Covariance matrix of the estimates.
    effective : float
        Smallest effective number of draws.
    """

    psi: FloatArray
    loglik: FloatArray
    covariance: FloatArray
    effective: float


def newton_by_draws(start: Fitted, draws: int, seed: int) -> SampledOptimum:
    """Maximize the likelihood by several sets of draws.

    Newton steps with the mean gradient of the sets, and with the information of the start, which
    secants correct; where the start is the Laplace approximation, the information at the end is
    that of the first set.

    Parameters
    ----------
    start : Fitted
        A fit by another approximation.
    draws, seed : int
        Draws of a set, and seed of the first.

    Returns
    -------
    SampledOptimum
    """
    sets = [_criterion(start, draws, seed + s) for s in range(_SETS)]
    point = start.point
    P = len(point.beta)
    theta = np.where(np.abs(point.theta) < 1e-3, _OFF_ZERO, point.theta)
    x = np.concatenate([point.beta, theta])
    information = start.marginal.information(point)
    inverse = _positive_inverse(information)
    before: tuple[FloatArray, FloatArray] | None = None
    slopes = np.full((_SETS, len(x)), np.nan)
    effective = np.inf
    for _ in range(_MAX_STEPS):
        here = no_steps(True, x[:P], x[P:], np.nan, size=len(x))
        slopes = np.array([marginal.gradient(here) for marginal, _ in sets])
        effective = min(engine.effective for _, engine in sets)
        slope = slopes.mean(axis=0)
        if not np.all(np.isfinite(slope)) or not effective >= ENOUGH:
            missing = np.full((_SETS, len(x)), np.nan)
            return SampledOptimum(missing, missing[:, 0], information, float(effective))
        if before is not None:
            inverse = _secant(inverse, x - before[0], before[1] - slope)
        step = inverse @ slope
        longest = float(np.max(np.abs(step) / np.sqrt(np.diagonal(inverse))))
        if longest < _SHORTEST:
            break
        before = x, slope
        x = x + step * min(1.0, _LONGEST / longest)
    marginal = sets[0][0]
    if most_nodes(start.model.nodes) == 1:  # the start's information is that of Laplace
        here = no_steps(True, x[:P], x[P:], np.nan, size=len(x))
        inverse = _positive_inverse(marginal.information(here))
    ends = x + slopes @ inverse
    shift = marginal.scaled.value_shift
    gains = 0.5 * np.einsum("si,ij,sj->s", slopes, inverse, slopes)
    values = [m.at_point(x[:P], x[P:]).value + shift for m, _ in sets]
    inner = marginal if isinstance(marginal, LaplaceMarginal) else marginal.inner
    return SampledOptimum(
        psi=np.array([np.concatenate([marginal.scaled.coef(e[:P]), e[P:]]) for e in ends]),
        loglik=np.array(values) + gains,
        covariance=inner.covariance_from(np.asarray(np.linalg.inv(inverse), dtype=np.float64)),
        effective=float(effective),
    )


def _criterion(
    fitted: Fitted, draws: int, seed: int
) -> tuple[LaplaceMarginal | PenalizedMarginal, SampledEngine]:
    """The criterion by importance sampling, and its engine."""
    model, scaled = replace(fitted.model, nodes=1), fitted.marginal.scaled
    data, family = scaled.data, model.family
    engine = SampledEngine(data, family, laplace_engine(data, family), draws, seed)
    kind = LaplaceMarginal if model.penalty is None else PenalizedMarginal
    return kind(model, scaled, EngineState(engine, data.response)), engine


def _positive_inverse(information: FloatArray) -> FloatArray:
    """Inverse of an information, whose curvatures that are none are made small."""
    values, vectors = np.linalg.eigh(0.5 * (information + information.T))
    floor = 1e-4 * float(np.max(np.abs(values)))
    out: FloatArray = (vectors / np.maximum(values, floor)) @ vectors.T
    return out


def _secant(inverse: FloatArray, moved: FloatArray, bent: FloatArray) -> FloatArray:
    """BFGS update of an inverse Hessian, where the curvature along the step is positive."""
    along = float(moved @ bent)
    if along <= 1e-3 * float(moved @ np.linalg.solve(inverse, moved)):
        return inverse
    left = np.eye(len(moved)) - np.outer(moved, bent) / along
    out: FloatArray = left @ inverse @ left.T + np.outer(moved, moved) / along
    return out
