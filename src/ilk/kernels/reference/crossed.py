r"""Quadrature over one grouping factor, Laplace over the factors that cross it.

With u the effects of the factor that is integrated and v all others,

    F(v) = sum over levels of log integral exp(sum l) phi(u) du - v'v / 2       (by quadrature)
    L    = F(v^) - log|M| / 2,     v^ = argmax F

F and its gradient come from the engine of one grouping factor, in which the columns of Z_v are
columns of X.  M is minus the Hessian of F as the nodes give it (Louis 1982): with s the score of a
level in v and E, Cov over the nodes with their posterior weights,

    M = I - Lambda_v' [ sum over rows of E(l'') z z' + sum over levels of Cov(s) ] Lambda_v.

The gradient of L is exact for this rule.  With B = M^-1, the part of log|M| is that of
T = E(tr(B W) + (s - s-)'B(s - s-)) by level, which goes through nodes that move with u^ and H as
the value of the quadrature itself does (:mod:`.quadrature`), and the motion of v^ is taken by one
adjoint vector, along which the gradient of F is differenced.  docs/derivations/quadrature.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import numpy as np

from ilk.kernels.contract import (
    Density,
    EngineData,
    Evaluation,
    FactorMap,
    LaplaceEngine,
    Nodes,
    SearchResult,
    nodes_by_term,
)
from ilk.kernels.delegate import AbstractDelegating
from ilk.kernels.reference import outer
from ilk.kernels.reference.crossed_design import crossed_design
from ilk.kernels.reference.crossed_point import EXACT, CrossedPoint
from ilk.num.triangular import log_det
from ilk.typing import FloatArray

__all__ = ["CrossedEngine"]

_OFF_ZERO = 0.1
"""Where quadrature starts from a covariance parameter that Laplace has put to zero."""


@final
class CrossedEngine(AbstractDelegating):
    """Marginal log-likelihood with quadrature over one grouping factor and Laplace over the rest.

    Parameters
    ----------
    data : EngineData
        Response, design and grouping; all random effects in the first predictor.
    density : Density
        Log density of a row.
    integrated : tuple of int
        The terms that are integrated by quadrature; they share one grouping.
    plain : callable
        Makes the engine of other data with the same density.
    joint : LaplaceEngine
        Engine of all terms.
    """

    def __init__(
        self,
        data: EngineData,
        density: Density,
        integrated: tuple[int, ...],
        plain: Callable[[EngineData, Density], LaplaceEngine],
        joint: LaplaceEngine,
    ) -> None:
        self._design = crossed_design(data, density, integrated, plain)
        self._joint = joint
        self._v = np.zeros(self._design.across.size)
        self._point: tuple[FloatArray, FloatArray] | None = None

    # ---- evaluation ---------------------------------------------------------------------------

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
        """Log-likelihood at (beta, lam); see :class:`ilk.kernels.contract.LaplaceEngine`."""
        self._point = (np.array(beta), np.array(lam))
        count = self._count(nodes)
        at = CrossedPoint(self._design, *self._point, count)
        found = at.maximize(np.zeros_like(self._v) if cold else self._v)
        if found is None and not cold:
            found = at.maximize(np.zeros_like(self._v))
        if found is None:
            self._v = np.zeros_like(self._v)
            return Evaluation(-np.inf, None, None, converged=False, clipped=False)
        v, top, moments, root = found
        self._v = v
        value = top.value - 0.5 * log_det(root)
        if not gradient:
            return Evaluation(value, None, None, converged=True, clipped=False)
        grad_beta, grad_lam = at.gradient(v, top, moments, root)
        return Evaluation(value, grad_beta, grad_lam, converged=True, clipped=False)

    def _count(self, nodes: Nodes) -> int:
        by_term = nodes_by_term(nodes, len(self._design.data.terms))
        if any(by_term[t] > 1 for t in self._design.others):
            raise ValueError("the factors that cross the integrated one have one node")
        return max(by_term[t] for t in self._design.integrated)

    # ---- search -------------------------------------------------------------------------------

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
        """Maximize over (beta, theta); see :class:`ilk.kernels.contract.LaplaceEngine`."""
        if inverse_hessian is None or theta is None:
            start = self._joint.fit(
                factor,
                beta=beta,
                theta=theta,
                inverse_hessian=inverse_hessian,
                nodes=1,
                max_steps=max_steps,
                tolerance=tolerance,
            )
            self._point = None
            if not np.isfinite(start.value):
                return start
            beta, theta, inverse_hessian = start.beta, start.theta, start.inverse_hessian
        self._v = np.zeros_like(self._v)
        return outer.search(
            self._evaluate_with(nodes),
            factor,
            np.array(beta, dtype=np.float64),
            np.where(np.abs(theta) < 1e-3, _OFF_ZERO, theta),
            inverse_hessian,
            max_steps=max_steps,
            tolerance=tolerance,
        )

    def _evaluate_with(self, nodes: Nodes) -> outer.Evaluate:
        return lambda beta, lam, tolerance: self.evaluate(
            beta, lam, nodes=nodes, tolerance=tolerance
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
        return outer.information(self._evaluate_with(nodes), factor, beta, theta, scale)

    # ---- at the joint mode of the last point --------------------------------------------------

    def set_response(self, response: FloatArray) -> None:
        """Replace the response (n,)."""
        y = np.asarray(response, dtype=np.float64)
        self._design = self._design.with_response(y)
        self._joint.set_response(y)
        self._point = None

    def _at(self) -> LaplaceEngine:
        """The engine of the joint mode, at the last point."""
        if self._point is not None:
            beta, lam = self._point
            self._joint.evaluate(beta, lam, gradient=False, tolerance=EXACT)
            self._point = None
        return self._joint
