r"""Quadrature over u with Laplace over v, at one point (beta, lam): F, M, and the gradient.

The notation is that of :mod:`.crossed`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from ilk.kernels.reference.conditional import Conditional
from ilk.kernels.reference.crossed_design import CrossedDesign
from ilk.kernels.reference.laplace import row_gradient
from ilk.kernels.reference.moments import Moments, find_moments, spread_sums
from ilk.num.triangular import cholesky, inverse
from ilk.typing import FloatArray

__all__ = ["EXACT", "CrossedPoint", "PointValue"]

EXACT = 1e-18
"""Newton decrement of a mode without a rest."""

_MAX_STEPS = 60
_MAX_CHANGE = 5.0
"""Greatest change of an effect in a step, in prior standard deviations."""


@final
@dataclass(frozen=True, slots=True)
class PointValue:
    """F at a point with its gradient.

    Attributes
    ----------
    value : float
        F(v).
    beta, lam : ndarray (P,), (sum of q_t^2,)
        Gradient in the parameters.
    effects, v : ndarray (U_v,)
        Gradient in b_v and in v.
    """

    value: float
    beta: FloatArray
    lam: FloatArray
    effects: FloatArray
    v: FloatArray


@final
class CrossedPoint:
    """F and M at one (beta, lam)."""

    def __init__(
        self, design: CrossedDesign, beta: FloatArray, lam: FloatArray, nodes: int
    ) -> None:
        self.design, self.beta, self.nodes, self.size = design, beta, nodes, len(lam)
        self.own, others = design.factors(lam)
        self.across = design.across
        self.root = design.across.factor(others)
        self.loadings = design.rows.loadings(design.rows.factor(self.own))

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

    def value(self, v: FloatArray) -> PointValue | None:
        """F(v) with its gradient in everything."""
        place, b = self.design.place, self.to_effects(v)
        beta = np.concatenate([self.beta[: place.start], b, self.beta[place.start :]])
        at = self.design.inner.evaluate(beta, self.own, nodes=self.nodes, tolerance=EXACT)
        if at.grad_beta is None or at.grad_lam is None or not np.isfinite(at.value):
            return None
        effects, fixed = at.grad_beta[place], np.delete(at.grad_beta, place)
        lam = self.design.merge(at.grad_lam, self.outer_products(effects, v))
        slope = self.from_effects(effects) - v
        return PointValue(at.value - 0.5 * float(v @ v), fixed, lam, effects, slope)

    def moments(self, v: FloatArray, order: int) -> Moments | None:
        """What the nodes say at v, of which F has just been evaluated."""
        design, across = self.design, self.across
        fixed = design.fixed(self.beta)
        fixed[0] = fixed[0] + np.sum(across.columns * self.to_effects(v)[across.index], axis=1)
        conditional = Conditional(
            design.own, design.density, design.rows, self.loadings, tuple(fixed)
        )
        return find_moments(conditional, design.inner.modes(), across, self.nodes, order)

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

    def maximize(self, v: FloatArray) -> tuple[FloatArray, PointValue, Moments, FloatArray] | None:
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
            if decrement < EXACT:
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
        self, v: FloatArray, at: PointValue, step: FloatArray
    ) -> tuple[FloatArray, PointValue] | None:
        slope, length = float(at.v @ step), 1.0
        for _ in range(20):
            there = self.value(v + length * step)
            noise = 1e-12 * (1.0 + abs(at.value))
            if there is not None and there.value >= at.value + 1e-4 * length * slope - noise:
                return v + length * step, there
            length *= 0.4
        return None

    def _finish(
        self, v: FloatArray, at: PointValue
    ) -> tuple[FloatArray, PointValue, Moments, FloatArray] | None:
        moments = self.moments(v, 3)
        root = None if moments is None else self.factorize(moments.information)
        return None if root is None or moments is None else (v, at, moments, root)

    # ---- gradient -------------------------------------------------------------------------------

    def gradient(
        self, v: FloatArray, top: PointValue, moments: Moments, root: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Gradient of F(v^) - log|M| / 2 in beta and lam."""
        half = inverse(root)
        b = half.T @ half
        raw = self.to_effects(self.to_effects(b).T)
        sums = spread_sums(moments, self.across, raw)
        r, own = row_gradient(moments.conditional, moments.mode, sums)
        beta = np.concatenate(
            [part.X.T @ r[k] for k, part in enumerate(self.design.data.predictors)]
        )
        effects = self.across.total(self.across.columns * r[0][:, None])
        through = moments.information @ self.to_effects(b)
        others = self.outer_products(effects, v) + self._diagonal_blocks(through)
        lam = self.design.merge(own, others)
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
