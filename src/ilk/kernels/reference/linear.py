r"""Linear mixed model: exact likelihood with beta and sigma profiled out.

With W the weights, H = Lambda'Z'W Z Lambda + I, B = Lambda'Z'W X and S = X'W X - B'H^-1 B,

    beta^ = S^-1 (X'W y - B'H^-1 Lambda'Z'W y),   u^ = H^-1 Lambda'Z'W (y - X beta^),
    r^2   = sum of w e^2 + u^'u^,                 e = y - X beta^ - Z Lambda u^,

    -2 L = log|H| [+ log|S|] + nu (1 + log(2 pi r^2 / nu)),     sigma^2 = r^2 / nu,

nu = n for ML, n - p for REML (which has the term in brackets).  By the envelope theorem

    d(-2 L)/dLambda_t = 2 M_t' - (2 nu / r^2) sum over levels of (Z'W e)_l u^_l',
    M_t' = sum over rows of w z v',

where v = P Lambda'z are the row's leverages in u: for ML P = H^-1, for REML the part of the inverse
of the joint matrix [H B; B' X'W X], and then X counts as one more effect of the row,
v = H^-1 Lambda'z + H^-1 B S^-1 (B'H^-1 Lambda'z - x).
Bates, Maechler, Bolker and Walker (2015), Journal of Statistical Software 67(1), section 3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, final

import numpy as np

from ilk.kernels.contract import (
    EngineData,
    FactorMap,
    LinearEvaluation,
    LinearFactor,
    SearchResult,
)
from ilk.kernels.reference.arrow import Arrow, factorize
from ilk.kernels.reference.prior import Prior, prior_of
from ilk.kernels.reference.rows import row_design
from ilk.kernels.reference.saddle import maximize_past_saddles
from ilk.kernels.reference.start import curvature_information, solve_moments
from ilk.kernels.reference.working import cross_information, fixed_information
from ilk.num.triangular import cholesky, inverse, log_det, solve
from ilk.typing import FloatArray

__all__ = ["LinearEngine"]

_CAP_THETA = 2.0
"""Greatest change of a covariance parameter in one step."""

_LEAST_DEVIATION, _MOST_DEVIATION = 0.1, 10.0
"""Range of the relative standard deviations from moments."""


@dataclass(frozen=True, slots=True)
class _State:
    """Where the engine stands."""

    factor: FloatArray
    scaled: FloatArray
    arrow: Arrow
    cross: FloatArray
    carried: FloatArray
    root: FloatArray
    beta: FloatArray
    u: FloatArray
    residual: FloatArray
    prior: Prior | None
    rss: float
    sigma2: float


@final
class LinearEngine:
    """Profiled log-likelihood of a linear mixed model.

    Parameters
    ----------
    data : EngineData
        Response, design and grouping; one predictor.
    count : float, optional
        Number of observations; by default the number of rows.
    threads : int
        Accepted for the sake of the contract; one thread is used.
    """

    def __init__(self, data: EngineData, count: float | None = None, threads: int = 1) -> None:
        if len(data.predictors) != 1:
            raise ValueError(f"{len(data.predictors)} predictors in a linear model")
        self._data = data
        self._count = float(len(data.response)) if count is None else float(count)
        self._rows = row_design(data)
        n = len(data.response)
        self._w = np.ones(n) if data.weights is None else data.weights
        self._weights = self._w.reshape(1, 1, n)
        self._fixed = fixed_information(data, self._weights)
        self._state: _State | None = None

    @property
    def _y(self) -> FloatArray:
        offset = self._data.predictors[0].offset
        return self._data.response if offset is None else self._data.response - offset

    # ---- evaluation ---------------------------------------------------------------------------

    def evaluate(self, lam: FloatArray, *, reml: bool, gradient: bool = True) -> LinearEvaluation:
        """Profiled log-likelihood; see :class:`ilk.kernels.contract.LinearEngine`."""
        state = self._solve(np.asarray(lam, dtype=np.float64), reml)
        nu = self._nu(reml)
        with np.errstate(divide="ignore"):  # a perfect fit has an infinite likelihood
            deviance = nu * (1.0 + math.log(2.0 * math.pi) + float(np.log(state.sigma2)))
        deviance += state.arrow.log_det
        if state.prior is not None:
            deviance -= state.prior.log_det
        if reml:
            deviance += log_det(state.root)
        grad_lam = self._gradient(state, reml) if gradient else None
        return LinearEvaluation(-0.5 * deviance, state.beta, state.sigma2, grad_lam)

    def _solve(self, lam: FloatArray, reml: bool) -> _State:
        """Penalized least squares at Lambda."""
        rows, X, y = self._rows, self._data.predictors[0].X, self._y
        factor = rows.factor(lam)
        loadings = rows.loadings(factor)
        scaled = loadings.values
        prior = prior_of(rows, lam)
        arrow = factorize(rows, loadings, self._weights, None if prior is None else prior.rest)
        cross = cross_information(self._data, rows, loadings, self._weights)
        carried = np.zeros_like(cross) if arrow is None else arrow.solve(cross)
        root = cholesky(self._fixed - cross.T @ carried)
        if arrow is None or root is None:
            raise np.linalg.LinAlgError("X or Z is not of full rank, or not finite")
        right = rows.total(scaled * (self._w * y)[:, None])
        schur = root @ root.T
        beta = solve(schur, X.T @ (self._w * y) - carried.T @ right)
        u = arrow.solve(right) - carried @ beta
        residual = y - X @ beta - np.sum(scaled * u[rows.index], axis=1)
        pulled = u if prior is None else prior.apply(u)
        rss = float(residual @ (self._w * residual)) + float(u @ pulled)
        self._state = _State(
            factor, scaled, arrow, cross, carried, root, beta, u, residual, prior, rss,
            rss / self._nu(reml),
        )  # fmt: skip
        return self._state

    def _gradient(self, state: _State, reml: bool) -> FloatArray:
        """Gradient in the elements of Lambda."""
        rows, scaled = self._rows, state.scaled
        v = np.einsum("nij,nj->ni", state.arrow.row_blocks(*state.arrow.inverse()), scaled)
        if reml:
            X = self._data.predictors[0].X
            carried = state.carried[rows.index]
            gap = np.einsum("nip,ni->np", carried, scaled) - X
            v += np.einsum("nip,pk,nk->ni", carried, inverse(state.root @ state.root.T), gap)
        pull = (state.residual / state.sigma2)[:, None] * state.u[rows.index]
        full = rows.columns.T @ (self._w[:, None] * (pull - v))
        grad_lam = rows.diagonal_blocks(full)
        if state.prior is None:
            return grad_lam
        p22 = state.arrow.inverse()[2]
        if reml:
            part = state.carried[rows.rest_index]
            p22 = p22 + part @ inverse(state.root @ state.root.T) @ part.T
        still = np.zeros_like(state.u)
        of_prior = state.prior.gradient(p22, state.u, still, 1.0 / state.sigma2)
        return np.concatenate([grad_lam, of_prior])

    def _nu(self, reml: bool) -> float:
        return self._count - (self._data.predictors[0].X.shape[1] if reml else 0)

    # ---- search -------------------------------------------------------------------------------

    def fit(
        self,
        factor: FactorMap,
        *,
        theta: FloatArray | None = None,
        reml: bool,
        max_steps: int = 100,
        tolerance: float = 1e-8,
    ) -> SearchResult:
        """Maximize over theta; see :class:`ilk.kernels.contract.LinearEngine`."""
        if theta is None:
            if not isinstance(factor, LinearFactor):
                raise ValueError("a factor map that is not linear needs a start of theta")
            theta = solve_moments(self._rows, self._moments(), factor)
        theta = np.array(theta, dtype=np.float64)

        def objective(x: FloatArray) -> tuple[float, FloatArray]:
            lam, jacobian = factor(x)
            at = self.evaluate(lam, reml=reml)
            assert at.grad_lam is not None
            return at.value, jacobian.T @ at.grad_lam

        information = curvature_information(self._rows, self._weights, *factor(theta))
        end = maximize_past_saddles(
            objective,
            theta,
            inverse(information),
            np.full(len(theta), _CAP_THETA),
            max_steps=max_steps,
            tolerance=tolerance,
        )
        at = self.evaluate(factor(end.x)[0], reml=reml, gradient=False)
        status: Literal["converged", "line_search", "max_steps", "no_mode"] = (
            "no_mode" if end.status == "running" else end.status
        )
        return SearchResult(
            status=status,
            beta=at.beta,
            theta=end.x,
            value=end.value,
            gradient=end.gradient,
            inverse_hessian=end.inverse_hessian,
            decrement=end.decrement,
            steps=end.steps,
            evaluations=end.evaluations,
            passes=end.evaluations,
            clipped=False,
            sigma2=at.sigma2,
        )

    def _moments(self) -> FloatArray:
        r"""Relative standard deviations (m,) from Henderson's moments (MINQUE(0)).

        With least squares residuals e and A_ts = Z_t'W Z_s, each row coordinate a component,

            E|Z_t'W e|^2 = sigma^2 tr A_tt + sum over s of sigma_s^2 |A_ts|^2 (Frobenius),
            E[e'W e]     = sigma^2 n + sum over s of sigma_s^2 tr A_ss,

        where the loss of degrees of freedom to X is neglected.
        """
        rows, w, X = self._rows, self._w, self._data.predictors[0].X
        beta = np.linalg.lstsq(X * np.sqrt(w)[:, None], self._y * np.sqrt(w), rcond=None)[0]
        e = self._y - X @ beta
        m = rows.width
        left, right = np.empty((m + 1, m + 1)), np.empty(m + 1)
        left[m, m], right[m] = len(e), float(e @ (w * e))
        for t in range(m):
            z = rows.columns[:, t]
            left[t, m] = left[m, t] = float(np.sum(w * z * z))
            right[t] = float(np.sum(np.bincount(rows.index[:, t], w * z * e) ** 2))
            for s in range(m):
                pairs = rows.index[:, t] * rows.size + rows.index[:, s]
                _, cell = np.unique(pairs, return_inverse=True)
                left[t, s] = float(np.sum(np.bincount(cell, w * z * rows.columns[:, s]) ** 2))
        variances = np.linalg.lstsq(left, right, rcond=None)[0]
        residual = variances[m] if variances[m] > 0.0 else right[m] / left[m, m]
        if not residual > 0.0:
            return np.full(m, 0.7)
        relative = np.clip(variances[:m], 0.0, None) / residual
        return np.asarray(np.clip(np.sqrt(relative), _LEAST_DEVIATION, _MOST_DEVIATION))

    def information(
        self, factor: FactorMap, theta: FloatArray, scale: FloatArray, *, reml: bool
    ) -> tuple[FloatArray, FloatArray]:
        """Curvature in theta; see :class:`ilk.kernels.contract.LinearEngine`."""
        m = len(theta)
        out = np.empty((m, m))

        def gradient(x: FloatArray) -> FloatArray:
            lam, jacobian = factor(x)
            at = self.evaluate(lam, reml=reml)
            assert at.grad_lam is not None
            return np.asarray(jacobian.T @ at.grad_lam)

        for j, step in enumerate(1e-3 * np.asarray(scale, dtype=np.float64)):
            up, down = theta.copy(), theta.copy()
            up[j] += step
            down[j] -= step
            out[j] = (gradient(down) - gradient(up)) / (2.0 * step)
        lam, jacobian = factor(theta)
        state = self._solve(lam, reml)
        pull = (self._w * state.residual)[:, None] * state.u[self._rows.index]
        full = -2.0 / state.rss * (self._rows.columns.T @ pull)
        slopes = self._rows.diagonal_blocks(full)
        if state.prior is not None:
            of_prior = state.prior.square_gradient(state.u) / state.rss
            slopes = np.concatenate([slopes, of_prior])
        slope = jacobian.T @ slopes
        return 0.5 * (out + out.T), slope

    # ---- at the last evaluation ---------------------------------------------------------------

    def modes(self) -> FloatArray:
        """Modes u (U,); b = Lambda u."""
        return self._at().u.copy()

    def conditional_covariance(self) -> list[FloatArray]:
        """Blocks of sigma2 Lambda H^-1 Lambda' by term, (L_t, q_t, q_t)."""
        state = self._at()
        blocks = []
        for part, block in zip(self._rows.terms, state.arrow.term_blocks(), strict=True):
            factor = state.factor[part, part]
            blocks.append(state.sigma2 * factor @ block @ factor.T)
        return blocks

    def solve(self, rhs: FloatArray) -> FloatArray:
        """H^-1 rhs for rhs (U, k)."""
        return self._at().arrow.solve(rhs)

    def cross_information(self) -> FloatArray:
        """Lambda'Z'W X, (U, p)."""
        return self._at().cross.copy()

    def coefficient_covariance(self) -> FloatArray:
        """S^-1 = (R_X'R_X)^-1, (p, p)."""
        root = self._at().root
        return inverse(root @ root.T)

    def set_response(self, response: FloatArray) -> None:
        """Replace the response (n,)."""
        self._data = replace(self._data, response=np.asarray(response, dtype=np.float64))
        self._state = None

    def _at(self) -> _State:
        if self._state is None:
            raise ValueError("the engine has not evaluated anything yet")
        return self._state
