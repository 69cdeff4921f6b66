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
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from ilk.kernels.choice import MOST_CROSSING, MOST_CROSSING_ENTRIES
from ilk.kernels.contract import (
    Density,
    EngineData,
    Evaluation,
    FactorMap,
    LaplaceEngine,
    Nodes,
    PredictorData,
    SearchResult,
    nodes_by_term,
)
from ilk.kernels.reference import outer
from ilk.kernels.reference.conditional import Conditional
from ilk.kernels.reference.laplace import row_gradient
from ilk.kernels.reference.moments import Moments, find_moments, spread_sums
from ilk.kernels.reference.rows import RowDesign, row_design
from ilk.num.triangular import cholesky, inverse, log_det
from ilk.typing import FloatArray

__all__ = ["CrossedEngine"]

_EXACT = 1e-18
_MAX_STEPS = 60
_MAX_CHANGE = 5.0
"""Greatest change of an effect in a step, in prior standard deviations."""

_OFF_ZERO = 0.1
"""Where quadrature starts from a covariance parameter that Laplace has put to zero."""


@final
@dataclass(frozen=True, slots=True)
class _Value:
    """F at a point with its gradient."""

    value: float
    beta: FloatArray
    lam: FloatArray
    effects: FloatArray
    """In b_v."""
    v: FloatArray
    """In v."""


@final
class CrossedEngine:
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
        self._data = data
        self._density = density
        self._integrated = integrated
        self._others = tuple(t for t in range(len(data.terms)) if t not in integrated)
        own = replace(data, terms=tuple(data.terms[t] for t in integrated))
        across = replace(data, terms=tuple(data.terms[t] for t in self._others))
        self._rows, self._across = row_design(own), row_design(across)
        self._check()
        first = data.predictors[0]
        X = np.asfortranarray(np.hstack([first.X, _dense(self._across)]))
        fixed = (PredictorData(X, first.offset), *data.predictors[1:])
        self._own = own
        self._inner = plain(replace(own, predictors=fixed), density)
        self._joint = joint
        self._split = first.X.shape[1]
        self._v = np.zeros(self._across.size)
        self._point: tuple[FloatArray, FloatArray] | None = None

    def _check(self) -> None:
        if len(self._rows.rest_index):
            raise ValueError("quadrature in a crossed design is for one grouping factor")
        if any(term.predictor != 0 for term in self._data.terms):
            raise ValueError("quadrature in a crossed design is for effects on the mean")
        size = self._across.size
        entries = size * len(self._data.response)
        if size > MOST_CROSSING or entries > MOST_CROSSING_ENTRIES:
            raise ValueError(f"{size} effects beside those that are integrated are too many")

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
        parts = self._factors(lam)
        at = _Point(self, np.asarray(beta), *parts, count)
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
        by_term = nodes_by_term(nodes, len(self._data.terms))
        if any(by_term[t] > 1 for t in self._others):
            raise ValueError("the factors that cross the integrated one have one node")
        return max(by_term[t] for t in self._integrated)

    def _factors(self, lam: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Elements of Lambda of the integrated terms and of the others."""
        blocks = self._blocks(np.asarray(lam, dtype=np.float64))
        empty = np.zeros(0)
        own = np.concatenate([empty, *(blocks[t] for t in self._integrated)])
        return own, np.concatenate([empty, *(blocks[t] for t in self._others)])

    def _blocks(self, lam: FloatArray) -> list[FloatArray]:
        ends = np.cumsum([term.width**2 for term in self._data.terms])
        return np.split(lam, ends[:-1])

    def _merge(self, own: FloatArray, others: FloatArray) -> FloatArray:
        """Elements of all Lambda in the order of the terms."""
        blocks: dict[int, FloatArray] = {}
        for terms, part in ((self._integrated, own), (self._others, others)):
            ends = np.cumsum([self._data.terms[t].width ** 2 for t in terms])
            blocks |= dict(zip(terms, np.split(part, ends[:-1]), strict=True))
        return np.concatenate([blocks[t] for t in range(len(self._data.terms))])

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

    def modes(self) -> FloatArray:
        """Joint modes u (U,)."""
        return self._at().modes()

    def conditional_covariance(self) -> list[FloatArray]:
        """Blocks of Lambda P Lambda' by term, (L_t, q_t, q_t)."""
        return self._at().conditional_covariance()

    def solve(self, rhs: FloatArray) -> FloatArray:
        """H^-1 rhs for rhs (U, k)."""
        return self._at().solve(rhs)

    def cross_information(self) -> FloatArray:
        """Lambda'Z'W X, (U, P)."""
        return self._at().cross_information()

    def fixed_information(self) -> FloatArray:
        """X'W X, (P, P)."""
        return self._at().fixed_information()

    def set_response(self, response: FloatArray) -> None:
        """Replace the response (n,)."""
        y = np.asarray(response, dtype=np.float64)
        self._data, self._own = replace(self._data, response=y), replace(self._own, response=y)
        self._inner.set_response(y)
        self._joint.set_response(y)
        self._point = None

    def _at(self) -> LaplaceEngine:
        """The engine of the joint mode, at the last point."""
        if self._point is not None:
            beta, lam = self._point
            self._joint.evaluate(beta, lam, gradient=False, tolerance=_EXACT)
            self._point = None
        return self._joint


@final
class _Point:
    """F and M at one (beta, lam)."""

    def __init__(
        self,
        engine: CrossedEngine,
        beta: FloatArray,
        own: FloatArray,
        others: FloatArray,
        nodes: int,
    ) -> None:
        self.engine = engine
        self.beta, self.own, self.nodes = beta, own, nodes
        self.across = engine._across
        self.root = self.across.factor(others)
        self.scaled = engine._rows.columns @ engine._rows.factor(own)
        self.size = len(own) + len(others)
        self.ends = np.cumsum([part.X.shape[1] for part in engine._data.predictors])

    def to_effects(self, v: FloatArray) -> FloatArray:
        """b_v = Lambda_v v for v (U_v,) or (U_v, k)."""
        return self._by_term(v, transposed=False)

    def from_effects(self, b: FloatArray) -> FloatArray:
        """Lambda_v'b for b (U_v,) or (U_v, k)."""
        return self._by_term(b, transposed=True)

    def _by_term(self, x: FloatArray, *, transposed: bool) -> FloatArray:
        out = np.empty_like(x)
        for part, at in zip(self.across.terms, self.across.positions, strict=True):
            root = self.root[part, part]
            out[at] = np.einsum("ij,lj...->li...", root.T if transposed else root, x[at])
        return out

    def outer_products(self, left: FloatArray, right: FloatArray) -> FloatArray:
        """Sums over levels of left right' for each term, flat like lam."""
        blocks = [
            np.einsum("li,lj->ij", left[at], right[at]).ravel(order="F")
            for at in self.across.positions
        ]
        return np.concatenate([np.zeros(0), *blocks])

    # ---- F --------------------------------------------------------------------------------------

    def value(self, v: FloatArray) -> _Value | None:
        """F(v) with its gradient in everything."""
        split, b = self.engine._split, self.to_effects(v)
        beta = np.concatenate([self.beta[:split], b, self.beta[split:]])
        at = self.engine._inner.evaluate(beta, self.own, nodes=self.nodes, tolerance=_EXACT)
        if at.grad_beta is None or at.grad_lam is None or not np.isfinite(at.value):
            return None
        effects = at.grad_beta[split : split + len(b)]
        fixed = np.delete(at.grad_beta, np.s_[split : split + len(b)])
        lam = self.engine._merge(at.grad_lam, self.outer_products(effects, v))
        slope = self.from_effects(effects) - v
        return _Value(at.value - 0.5 * float(v @ v), fixed, lam, effects, slope)

    def moments(self, v: FloatArray, order: int) -> Moments | None:
        """What the nodes say at v, of which F has just been evaluated."""
        engine, across = self.engine, self.across
        start, fixed = 0, []
        for part, stop in zip(engine._data.predictors, self.ends, strict=True):
            eta = part.X @ self.beta[start:stop]
            fixed.append(eta if part.offset is None else eta + part.offset)
            start = int(stop)
        fixed[0] = fixed[0] + np.sum(across.columns * self.to_effects(v)[across.index], axis=1)
        conditional = Conditional(
            engine._own, engine._density, engine._rows, self.scaled, tuple(fixed)
        )
        return find_moments(conditional, engine._inner.modes(), across, self.nodes, order)

    def factorize(self, information: FloatArray) -> FloatArray | None:
        """Lower Cholesky factor of M; None if M is not positive definite."""
        inner = self.from_effects(self.from_effects(information).T)
        return cholesky(np.eye(len(inner)) - inner)

    def step_matrix(self, v: FloatArray) -> FloatArray | None:
        """Inverse Cholesky factor of M for a step, or of its part that shortens steps."""
        moments = self.moments(v, 2)
        if moments is None:
            return None
        root = self.factorize(moments.information)
        if root is None:  # few nodes, far from the mode
            root = self.factorize(moments.curvature)
        return None if root is None else inverse(root)

    def maximize(self, v: FloatArray) -> tuple[FloatArray, _Value, Moments, FloatArray] | None:
        """Mode of F by Newton steps, whose matrix is renewed where they converge slowly."""
        at, half, before = self.value(v), None, np.inf
        for _ in range(_MAX_STEPS):
            if at is None:
                return None
            if half is None:
                half, before = self.step_matrix(v), np.inf
                if half is None:
                    return None
            step = half.T @ (half @ at.v)
            decrement = float(at.v @ step)
            if decrement < _EXACT:
                return self._finish(v, at)
            if decrement > 0.05 * before:
                half = None
                if decrement < 1e-14:  # at the limit of floating point
                    return self._finish(v, at)
                before = np.inf
                continue
            before = decrement
            step *= min(1.0, _MAX_CHANGE / float(np.max(np.abs(step))))
            moved = self._backtrack(v, at, step)
            if moved is None:
                return self._finish(v, at) if decrement < 1e-9 else None
            v, at = moved
        return None

    def _backtrack(
        self, v: FloatArray, at: _Value, step: FloatArray
    ) -> tuple[FloatArray, _Value] | None:
        slope, length = float(at.v @ step), 1.0
        for _ in range(20):
            there = self.value(v + length * step)
            noise = 1e-12 * (1.0 + abs(at.value))
            if there is not None and there.value >= at.value + 1e-4 * length * slope - noise:
                return v + length * step, there
            length *= 0.4
        return None

    def _finish(
        self, v: FloatArray, at: _Value
    ) -> tuple[FloatArray, _Value, Moments, FloatArray] | None:
        moments = self.moments(v, 3)
        root = None if moments is None else self.factorize(moments.information)
        return None if root is None or moments is None else (v, at, moments, root)

    # ---- gradient -------------------------------------------------------------------------------

    def gradient(
        self, v: FloatArray, top: _Value, moments: Moments, root: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Gradient of F(v^) - log|M| / 2 in beta and lam."""
        half = inverse(root)
        b = half.T @ half
        raw = self.to_effects(self.to_effects(b).T)
        sums = spread_sums(moments, self.across, raw)
        r, own = row_gradient(moments.conditional, moments.mode, sums)
        beta = np.concatenate(
            [part.X.T @ r[k] for k, part in enumerate(self.engine._data.predictors)]
        )
        effects = self.across.total(self.across.columns * r[0][:, None])
        through = moments.information @ self.to_effects(b)
        others = self.outer_products(effects, v) + self._diagonal_blocks(through)
        lam = self.engine._merge(own, others)
        moved_beta, moved_lam = self._adjoint(v, self.from_effects(effects), half)
        return top.beta + beta + moved_beta, top.lam + lam + moved_lam

    def _diagonal_blocks(self, matrix: FloatArray) -> FloatArray:
        """Sums over levels of the diagonal blocks of each term, flat like lam."""
        blocks = [
            matrix[at[:, :, None], at[:, None, :]].sum(axis=0).ravel(order="F")
            for at in self.across.positions
        ]
        return np.concatenate([np.zeros(0), *blocks])

    def _adjoint(
        self, v: FloatArray, change: FloatArray, half: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Derivatives of F_beta and F_lam along s, with -F_vv s = change.

        M is F_vv but for the error of the nodes, so that s is found by a few corrections.
        """
        beta, lam = np.zeros(len(self.beta)), np.zeros(self.size)
        rest = change
        for _ in range(8):
            s = half.T @ (half @ rest)
            size = float(np.max(np.abs(s), initial=0.0))
            if size < 1e-10:
                break
            step = 1e-4 / size
            ends = self.value(v + step * s), self.value(v - step * s)
            if ends[0] is None or ends[1] is None:
                return np.full_like(beta, np.nan), np.full_like(lam, np.nan)
            beta += (ends[0].beta - ends[1].beta) / (2.0 * step)
            lam += (ends[0].lam - ends[1].lam) / (2.0 * step)
            rest = rest + (ends[0].v - ends[1].v) / (2.0 * step)
        return beta, lam


def _dense(rows: RowDesign) -> FloatArray:
    """Z_v as a dense matrix (n, U_v)."""
    out = np.zeros((len(rows.columns), rows.size))
    for j in range(rows.width):
        out[np.arange(len(out)), rows.index[:, j]] = rows.columns[:, j]
    return out
