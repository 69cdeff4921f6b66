r"""Laplace approximation and adaptive quadrature for any density, with the exact gradient.

    L = -h(u^) - log|H| / 2,   u^ = argmin h

With P = H^-1, P_b = Lambda P Lambda', R the predictors that carry random effects, and subscripts
of l for its derivatives in the linear predictors, by row:

    T_ab  = z_a'P_b z_b                              leverages
    c_k   = sum over a, b in R of l_abk T_ab / 2     through the weights in H
    s     = P Lambda' sum over a of Z_a'c_a          adjoint of the motion of u^
    t_a   = z_a'Lambda s
    r_k   = l_k + c_k + sum over a of l_ka t_a

    dL/dbeta_k   = X_k'r_k
    dL/dLambda_t = sum over rows of z ( r_a u^' + l_a s' + sum over b of l_ab v_b' ),

row by row of Lambda_t with a the predictor of the row's column,

where v_b = P Lambda'z_b are the row's leverages in u and the sum over b of l_ab v_b' is minus the
matrix M of the trace term, which so needs no division by Lambda and stays exact at Lambda = 0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import final

import numpy as np

from ilk.kernels.contract import (
    Density,
    EngineData,
    Evaluation,
    FactorMap,
    LinearFactor,
    Nodes,
    SearchResult,
    nodes_by_term,
)
from ilk.kernels.reference import outer
from ilk.kernels.reference.conditional import Conditional, Mode, curvature, find_mode
from ilk.kernels.reference.nested import integrate_nested
from ilk.kernels.reference.prior import prior_of
from ilk.kernels.reference.quadrature import NodeSums, integrate
from ilk.kernels.reference.rows import fixed_parts, row_design
from ilk.kernels.reference.start import (
    JointStart,
    joint_start,
    moment_start,
    theta_information,
)
from ilk.kernels.reference.tree import nesting_of
from ilk.kernels.reference.working import cross_information, fixed_information
from ilk.num.jets import Jet, triple
from ilk.num.triangular import inverse
from ilk.typing import FloatArray

__all__ = ["LaplaceEngine", "full_gradient", "row_gradient"]

_MAX_EFFECTS = 3
"""Quadrature is offered for at most this many effects per level."""


@dataclass(frozen=True, slots=True)
class _State:
    """Where the engine stands."""

    conditional: Conditional
    mode: Mode
    factor: FloatArray


@final
class LaplaceEngine:
    """Marginal log-likelihood of a generalized linear mixed model.

    Parameters
    ----------
    data : EngineData
        Response, design and grouping.
    density : Density
        Log density of a row.
    threads : int
        Accepted for the sake of the contract; one thread is used.
    """

    def __init__(self, data: EngineData, density: Density, threads: int = 1) -> None:
        if density.predictors != len(data.predictors):
            raise ValueError(f"{len(data.predictors)} predictors for {density.predictors}")
        self._data = data
        self._density = density
        self._rows = row_design(data)
        self._nesting = nesting_of(data, self._rows) if data.terms else None
        ends = np.cumsum([0, *(part.X.shape[1] for part in data.predictors)])
        self._slices = [slice(int(a), int(b)) for a, b in pairwise(ends)]
        self._u = np.zeros(self._rows.size)
        self._state: _State | None = None
        self._passes = 0

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
        by_depth = self._nodes(nodes)
        factor = self._rows.factor(np.asarray(lam, dtype=np.float64))
        conditional = Conditional(
            self._data,
            self._density,
            self._rows,
            self._rows.loadings(factor),
            fixed_parts(self._data, beta),
            prior_of(self._rows, lam),
        )
        start = np.zeros_like(self._u) if cold else self._u
        mode = find_mode(conditional, start, 3 if gradient else 2, tolerance)
        if mode is None:
            return Evaluation(-np.inf, None, None, converged=False, clipped=False)
        self._passes += mode.passes
        self._u, self._state = mode.u, _State(conditional, mode, factor)
        if by_depth is None or self._nesting is None:
            sums = self._one_node(conditional, mode, gradient)
        elif len(by_depth) == 1:
            sums = integrate(conditional, mode, by_depth[0], gradient=gradient)
        else:
            sums = integrate_nested(conditional, mode, self._nesting, by_depth, gradient=gradient)
        if not np.isfinite(sums.value):
            return Evaluation(-np.inf, None, None, converged=False, clipped=mode.clipped)
        if not gradient:
            return Evaluation(sums.value, None, None, converged=True, clipped=mode.clipped)
        grad_beta, grad_lam = full_gradient(self._data, conditional, mode, sums)
        return Evaluation(sums.value, grad_beta, grad_lam, converged=True, clipped=mode.clipped)

    def _one_node(self, conditional: Conditional, mode: Mode, gradient: bool) -> NodeSums:
        """Laplace approximation, as quadrature with the mode for its only node."""
        value = mode.value - 0.5 * mode.arrow.log_det
        if conditional.prior is not None:
            value += 0.5 * conditional.prior.log_det
        empty = np.zeros(0)
        if not gradient:
            return NodeSums(value, empty, empty, empty, empty)
        score = mode.jet.first
        score_u = score[:, :, None] * mode.u[self._rows.index]
        blocks = mode.arrow.row_blocks(*mode.arrow.inverse())
        return NodeSums(value, score, score_u, np.zeros_like(mode.u), blocks)

    def _nodes(self, nodes: Nodes) -> list[int] | None:
        """Nodes of each grouping factor, outermost first; None for Laplace."""
        by_term = nodes_by_term(nodes, len(self._data.terms))
        if all(k == 1 for k in by_term):
            return None
        if any(term.linked for term in self._data.terms):
            raise ValueError("quadrature needs levels that are independent")
        if self._nesting is None:
            raise ValueError("quadrature needs grouping factors that are nested in each other")
        if any(depth.width > _MAX_EFFECTS for depth in self._nesting.depths):
            raise ValueError("quadrature needs at most three effects per level of a factor")
        return [max(by_term[t] for t in depth.terms) for depth in self._nesting.depths]

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
        self._nodes(nodes)
        passes = self._passes
        beta = np.array(beta, dtype=np.float64)
        if inverse_hessian is None:
            beta, theta, inverse_hessian = self._start(factor, beta, theta)
        elif theta is None:
            raise ValueError("a warm start needs theta")
        end = outer.search(
            self._evaluate_with(nodes),
            factor,
            beta,
            theta,
            inverse_hessian,
            max_steps=max_steps,
            tolerance=tolerance,
        )
        return replace(end, passes=self._passes - passes)

    def _start(
        self, factor: FactorMap, beta: FloatArray, theta: FloatArray | None
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Joint start of coefficients and covariance parameters, and the inverse Hessian."""
        size = sum(where.stop - where.start for where in self._slices)
        if beta.shape != (size,):
            raise ValueError(f"beta of shape {beta.shape} for {size} coefficients")
        still = self._joint_start(beta, np.zeros(self._rows.lambda_size), steps=8)
        beta, self._u = still.beta, np.zeros_like(self._u)
        if theta is None:
            if not isinstance(factor, LinearFactor):
                raise ValueError("a factor map that is not linear needs a start of theta")
            theta = moment_start(self._rows, still.jet, factor)
        lam, jacobian = factor(np.asarray(theta, dtype=np.float64))
        joint = self._joint_start(beta, lam, steps=3) if self._data.terms else still
        self._u = joint.u
        information = theta_information(self._rows, joint.jet, lam, jacobian)
        count = len(beta)
        hessian_inverse = np.zeros((count + len(theta),) * 2)
        hessian_inverse[:count, :count] = inverse(joint.information)
        hessian_inverse[count:, count:] = inverse(information)
        return joint.beta, theta, hessian_inverse

    def _joint_start(self, beta: FloatArray, lam: FloatArray, steps: int) -> JointStart:
        loadings = self._rows.loadings(self._rows.factor(lam))
        prior = prior_of(self._rows, lam) if np.any(lam) else None
        return joint_start(
            self._data,
            self._density,
            self._rows,
            loadings,
            self._slices,
            beta,
            self._u,
            steps,
            prior,
        )

    def _evaluate_with(self, nodes: Nodes) -> outer.Evaluate:
        """The criterion with a number of nodes."""
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
        """Observed information in (beta, theta), by differences of the exact gradient."""
        return outer.information(self._evaluate_with(nodes), factor, beta, theta, scale)

    # ---- at the last evaluation ---------------------------------------------------------------

    def modes(self) -> FloatArray:
        """Modes u (U,)."""
        return self._at().mode.u.copy()

    def conditional_covariance(self) -> list[FloatArray]:
        """Blocks of Lambda P Lambda' by term, (L_t, q_t, q_t)."""
        state = self._at()
        blocks = []
        for part, block in zip(self._rows.terms, state.mode.arrow.term_blocks(), strict=True):
            factor = state.factor[part, part]
            blocks.append(factor @ block @ factor.T)
        return blocks

    def solve(self, rhs: FloatArray) -> FloatArray:
        """H^-1 rhs for rhs (U, k)."""
        return self._at().mode.arrow.solve(rhs)

    def cross_information(self) -> FloatArray:
        """Lambda'Z'W X, (U, P)."""
        state = self._at()
        return cross_information(
            self._data, self._rows, state.conditional.loadings, curvature(state.mode.jet)
        )

    def fixed_information(self) -> FloatArray:
        """X'W X, (P, P)."""
        return fixed_information(self._data, curvature(self._at().mode.jet))

    def set_response(self, response: FloatArray) -> None:
        """Replace the response (n,)."""
        self._data = replace(self._data, response=np.asarray(response, dtype=np.float64))
        self._state = None

    def _at(self) -> _State:
        if self._state is None:
            raise ValueError("the engine has not evaluated anything yet")
        return self._state


def full_gradient(
    data: EngineData, conditional: Conditional, mode: Mode, sums: NodeSums
) -> tuple[FloatArray, FloatArray]:
    """Gradient in beta (P,) and in the elements of Lambda (sum of q_t^2,).

    Parameters
    ----------
    data : EngineData
        Response, design and grouping.
    conditional, mode, sums
        As in `row_gradient`.
    """
    r, grad_lam = row_gradient(conditional, mode, sums)
    grad_beta = [part.X.T @ r[k] for k, part in enumerate(data.predictors)]
    return np.concatenate([np.zeros(0), *grad_beta]), grad_lam


def row_gradient(
    conditional: Conditional, mode: Mode, sums: NodeSums
) -> tuple[FloatArray, FloatArray]:
    """Gradient in the rows' predictors and in Lambda; the module's first lines.

    Parameters
    ----------
    conditional : Conditional
        Joint density of data and effects.
    mode : Mode
        Its mode, with derivatives of third order.
    sums : NodeSums
        What the nodes give.

    Returns
    -------
    r : ndarray (K, n)
        Derivative in the known and fixed part of each predictor.
    grad_lam : ndarray (sum of q_t^2,)
        Derivative in the elements of all Lambda_t.
    """
    rows, loadings = conditional.rows, conditional.loadings
    ell2, ell3 = -curvature(mode.jet), _thirds(mode.jet)
    count = mode.jet.variables
    v = np.zeros((count, *rows.index.shape))
    for b in sorted(set(rows.predictor.tolist())):
        v[b] = np.einsum("nij,nj->ni", sums.blocks, loadings.of_predictor(b))
    leverages = np.stack([loadings.reach(v, a) for a in range(count)])
    c = 0.5 * np.einsum("abkn,abn->kn", ell3, leverages)
    zc = rows.total(loadings.pull(c))
    adjoint = mode.arrow.solve(zc + sums.shift)
    s = adjoint[rows.index]
    t = np.stack([loadings.reach(s, a) for a in range(count)])
    moved = c + np.einsum("kan,an->kn", ell2, t)
    right = (
        sums.score_u
        + moved[:, :, None] * mode.u[rows.index]
        + mode.jet.first[:, :, None] * s
        + np.einsum("abn,bnj->anj", ell2, v)
    )
    full = np.einsum("ni,inj->ij", rows.columns, right[rows.predictor])
    grad_lam = rows.diagonal_blocks(full)
    if conditional.prior is not None:
        of_prior = conditional.prior.gradient(mode.arrow.inverse()[2], mode.u, adjoint)
        grad_lam = np.concatenate([grad_lam, of_prior])
    return sums.score + moved, grad_lam


def _thirds(jet: Jet) -> FloatArray:
    """Third derivatives as an array (K, K, K, n)."""
    index = range(jet.variables)
    order = [[[triple(a, b, k) for k in index] for b in index] for a in index]
    return np.asarray(jet.third[np.array(order, int)])
