r"""Restricted likelihood of any model: the coefficients of the mean are integrated out too.

.. math:: L_R(\gamma, \theta) = \int\!\!\int f(y \mid \beta, u, \gamma)\,
   \varphi(u)\, d\beta\, du, \qquad \psi = (\beta, \gamma, \theta)

with a flat prior of the coefficients :math:`\beta` of the mean, by one Laplace approximation over
:math:`(\beta, u)`; :math:`\gamma` are the coefficients of all other predictors.  For the engine
:math:`\beta = \beta_0 + W v` is one more random term, with a single level and
:math:`v \sim N(0, I)`.  W is fixed and diagonal, a million standard errors, so that the prior
density is :math:`(2\pi)^{-p/2} |W|^{-1}` wherever the likelihood is not zero; that constant is
taken back.  :math:`\beta_0`, the offset of the engine, is where the coefficients stand by maximum
likelihood.

The estimates of :math:`\beta` are the joint modes.  Their covariance matrix is that of the joint
system plus what the uncertainty of :math:`(\gamma, \theta)` adds (Kass and Steffey 1989),

.. math:: P_{\beta\beta} + J C J', \qquad J = \partial \hat\beta / \partial (\gamma, \theta),

C the inverse of the observed information of the restricted likelihood.  Given psi, random effects
have the same modes and curvature as in the full likelihood, and questions about them go there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Self

import numpy as np

from ilk.kernels import laplace_engine
from ilk.likelihood.base import AbstractMarginal, EngineState, Search, Start, no_steps, steps_of
from ilk.likelihood.laplace import LaplaceMarginal
from ilk.likelihood.wide import WideEngine
from ilk.model.factors import factor_elements
from ilk.model.scaling import rescale_response, scale_model
from ilk.num.triangular import invert_information

if TYPE_CHECKING:
    from collections.abc import Callable

    from ilk.fitted import Estimates
    from ilk.kernels.contract import LaplaceEngine, SearchResult
    from ilk.model.model import Model
    from ilk.model.scaling import ScaledModel
    from ilk.typing import FloatArray

_TOLERANCE = 1e-10
"""Predicted gain in log-likelihood at which a search ends by default."""

_WIDTH = 1e6
"""Standard deviations of the flat prior, in standard errors of the coefficients."""

_OFF_ZERO = 0.1
"""Least covariance parameters to start from: at zero the gradient vanishes by symmetry."""


class RestrictedMarginal(AbstractMarginal):
    """Restricted likelihood by the Laplace approximation.

    Results of searches are points ``(beta, theta)`` with the coefficients of the mean at their
    joint modes; their gradients are zero in these.

    Parameters
    ----------
    model : Model
        The model, with ``reml``.
    scaled : ScaledModel
        The model on the engine's scale.
    state : EngineState
        Engine of the full likelihood.
    wide : WideEngine
        Engine of the restricted one.
    """

    def __init__(
        self, model: Model, scaled: ScaledModel, state: EngineState, wide: WideEngine
    ) -> None:
        super().__init__(model, scaled, state)
        self.inner = LaplaceMarginal(model, scaled, state)
        self.wide = wide

    @classmethod
    def of(cls, model: Model, threads: int = 1, width: float = _WIDTH) -> RestrictedMarginal:
        """Build the criterion of a model with engines of its own.

        Parameters
        ----------
        model : Model
            The model.
        threads : int
            Threads that the engines may use.
        width : float
            Standard deviations of the flat prior, in standard errors of the coefficients.
        """
        scaled = scale_model(model)
        engine = laplace_engine(scaled.data, model.family, threads)
        state = EngineState(engine, scaled.data.response)
        return cls(model, scaled, state, WideEngine(model, scaled, threads, width))

    def with_response(self, model: Model) -> Self:
        """The same criterion and engines for a model that differs in its response only."""
        return type(self)(model, rescale_response(model, self.scaled), self.state, self.wide)

    @property
    def engine(self) -> LaplaceEngine:
        """The engine of the full likelihood, wherever it stands."""
        return self.inner.engine

    @property
    def integrated(self) -> int:
        """Number p of coefficients that are integrated; they are the first."""
        means = self.scaled.data.predictors[: len(self.model.family.main_parameters)]
        return sum(part.X.shape[1] for part in means)

    def split(self, psi: FloatArray) -> tuple[FloatArray, FloatArray]:
        """``(coef, theta)`` of the flat vector."""
        return self.inner.split(psi)

    def maximize(self, start: Start, search: Search) -> SearchResult:
        """Search for the maximum over (gamma, theta), from that of the full likelihood."""
        with self.wide.lock:
            if start.theta is None or not self.wide.made:
                start = self._full_first(start, search)
            theta = start.theta
            if theta is None:
                raise ValueError("a search needs covariance parameters to start from")
            self._hold(start.beta, theta)
            p = self.integrated
            if len(start.beta) + len(theta) == p:
                return self._nothing_to_search(start.beta, theta)
            inverse = start.inverse_hessian
            found = self.wide.engine.fit(
                self.wide.factor(self.factor),
                beta=start.beta[p:],
                theta=theta,
                inverse_hessian=None if inverse is None else inverse[p:, p:],
                max_steps=search.max_steps,
                tolerance=search.tolerance or _TOLERANCE,
            )
            return self._complete(found)

    def _nothing_to_search(self, beta: FloatArray, theta: FloatArray) -> SearchResult:
        """The end of a search without parameters: the coefficients of the mean are all there is."""
        p = self.integrated
        at = self.at_point(beta, theta)
        block = self.wide.covariance() if at.status == "converged" else np.full((p, p), np.nan)
        return replace(at, gradient=np.zeros(p), inverse_hessian=block, decrement=0.0)

    def _full_first(self, start: Start, search: Search) -> Start:
        """The maximum of the full likelihood as a start, if it can be found."""
        found = self.inner.maximize(start, search)
        point = np.concatenate([[found.value], found.beta, found.theta])
        if not np.all(np.isfinite(point)):
            theta = np.ones(len(found.theta)) if start.theta is None else start.theta
            return Start(start.beta, theta)
        theta = np.where(np.abs(found.theta) < _OFF_ZERO, _OFF_ZERO, found.theta)
        kept = np.array_equal(theta, found.theta) and np.all(np.isfinite(found.inverse_hessian))
        return Start(found.beta, theta, found.inverse_hessian if kept else None)

    def _hold(self, beta: FloatArray, theta: FloatArray) -> None:
        """Have an engine, made around a point if need be, that holds the response."""
        self.wide.around(self.inner, beta, theta)
        self.wide.state.hold(self.scaled.data.response)

    def _complete(self, found: SearchResult) -> SearchResult:
        """The end of a search in (gamma, theta), coefficients of the mean at their joint modes."""
        p = self.integrated
        if not self._evaluate(found.beta, found.theta):
            unknown = np.full(p, np.nan)
            return self._widened(found, unknown, np.full((p, p), np.nan))
        return self._widened(found, self.wide.coefficients(), self.wide.covariance())

    def _widened(self, found: SearchResult, mean: FloatArray, block: FloatArray) -> SearchResult:
        """A result in (gamma, theta) with the coefficients of the mean before them."""
        p, m = self.integrated, len(found.gradient)
        inverse = np.zeros((p + m, p + m))
        inverse[:p, :p] = block
        inverse[p:, p:] = found.inverse_hessian
        return replace(
            found,
            beta=np.concatenate([mean, found.beta]),
            value=found.value + self.wide.constant,
            gradient=np.concatenate([np.zeros(p), found.gradient]),
            inverse_hessian=inverse,
        )

    def _evaluate(self, gamma: FloatArray, theta: FloatArray) -> bool:
        """Find the joint modes at a point (the caller holds the lock); whether they were."""
        state = self.wide.state
        point = gamma.tobytes() + theta.tobytes()
        if state.point == point:
            return True
        state.point = None
        lam = factor_elements(self.wide.factor(self.factor), theta)
        evaluate = self.wide.engine.evaluate
        found = (
            evaluate(gamma, lam, gradient=False, tolerance=1e-18).converged
            or evaluate(gamma, lam, gradient=False).converged
            or evaluate(gamma, lam, gradient=False, cold=True).converged
        )
        if found:
            state.point = point
        return found

    def at_point(self, beta: FloatArray, theta: FloatArray) -> SearchResult:
        """A point (gamma, theta), coefficients of the mean at their modes, as no steps.

        Parameters
        ----------
        beta : (P,) array
            Coefficients; those of the mean are where the engine is made if there is none yet.
        theta : (m_theta,) array
            Covariance parameters.
        """
        p = self.integrated
        with self.wide.lock:
            self._hold(beta, theta)
            self.wide.state.point = None
            lam = factor_elements(self.wide.factor(self.factor), theta)
            at = self.wide.engine.evaluate(beta[p:], lam, gradient=False, tolerance=1e-18)
            if at.converged:
                self.wide.state.point = beta[p:].tobytes() + theta.tobytes()
                beta = np.concatenate([self.wide.coefficients(), beta[p:]])
        return no_steps(
            at.converged,
            beta,
            theta,
            at.value + self.wide.constant,
            size=len(beta) + len(theta),
            clipped=at.clipped,
        )

    def gradient(self, result: SearchResult) -> FloatArray:
        """Exact gradient (m,) in (beta, theta), zero in the coefficients of the mean."""
        p = self.integrated
        with self.wide.lock:
            self._hold(result.beta, result.theta)
            self.wide.state.point = None
            lam, slopes = self.wide.factor(self.factor)(result.theta)
            at = self.wide.engine.evaluate(result.beta[p:], lam, tolerance=1e-18)
        if not at.converged or at.grad_beta is None or at.grad_lam is None:
            return np.full(len(result.beta) + len(result.theta), np.nan)
        return np.concatenate([np.zeros(p), at.grad_beta, slopes.T @ at.grad_lam])

    def move(self, result: SearchResult) -> FloatArray:
        """Bring the full likelihood's engine to a point (the caller holds the lock)."""
        return self.inner.move(result)

    def forget(self, result: SearchResult) -> None:
        """Bring the engines to a point by a way that does not depend on where they stood before."""
        self.inner.forget(result)
        p = self.integrated
        with self.wide.lock:
            self._hold(result.beta, result.theta)
            self.wide.state.point = None
            lam = factor_elements(self.wide.factor(self.factor), result.theta)
            self.wide.engine.evaluate(result.beta[p:], lam, gradient=False, cold=True)

    def estimates(self, result: SearchResult) -> Estimates:
        """Numbers on the scale of the user's columns."""
        return self.inner.estimates(result)

    def covariance(self, result: SearchResult) -> FloatArray:
        """(m, m) covariance matrix of psi: joint system, and what (gamma, theta) add."""
        P, m = len(self.scaled.coef_shift), len(result.gradient)
        to_psi = np.eye(m)
        to_psi[:P, :P] = self.scaled.coef_map
        covariance = self._uncertainty(result)
        unknown = np.isnan(np.diagonal(covariance))
        spoiled = np.any(to_psi[:, unknown] != 0.0, axis=1)
        out: FloatArray = to_psi @ np.where(np.isnan(covariance), 0.0, covariance) @ to_psi.T
        out[spoiled, :] = np.nan
        out[:, spoiled] = np.nan
        return out

    def information(self, result: SearchResult) -> FloatArray:
        """Information (m, m) in (beta, theta): inverse of their covariance matrix.

        With the joint block ``P``, ``J`` and the observed information ``I`` of (gamma, theta) it is
        ``[[P^-1, -P^-1 J], [-J'P^-1, I + J'P^-1 J]]``.
        """
        block, slope, inner = self._system(result)
        p = self.integrated
        out = np.zeros((p + len(inner), p + len(inner)))
        if not np.all(np.isfinite(block)):
            return np.full_like(out, np.nan)
        precision = np.linalg.inv(block)
        out[:p, :p] = precision
        out[:p, p:] = -precision @ slope
        out[p:, :p] = out[:p, p:].T
        out[p:, p:] = inner + slope.T @ precision @ slope
        return out

    def _uncertainty(self, result: SearchResult) -> FloatArray:
        """(m, m) covariance matrix of (beta, theta) on the engine's scale."""
        block, slope, information = self._system(result)
        p = self.integrated
        inner = invert_information(information)
        known = np.where(np.isnan(inner), 0.0, inner)
        out = np.zeros((p + len(inner), p + len(inner)))
        out[:p, :p] = block + slope @ known @ slope.T
        out[:p, p:] = slope @ known
        out[p:, :p] = out[:p, p:].T
        out[p:, p:] = inner
        return out

    def _system(self, result: SearchResult) -> tuple[FloatArray, ...]:
        """P of the coefficients, their derivative J in (gamma, theta), and its information."""
        return self.curvature_once(result, lambda: self._differences(result))

    def _differences(self, result: SearchResult) -> tuple[FloatArray, ...]:
        p = self.integrated
        gamma, theta = result.beta[p:], result.theta
        scale = steps_of(result)[p:]
        rest = np.concatenate([gamma, theta])
        with self.wide.lock:
            self._hold(result.beta, theta)
            information = np.zeros((0, 0))
            if len(rest):
                self.wide.state.point = None
                information = self.wide.engine.information(
                    self.wide.factor(self.factor), gamma, theta, scale
                )
            slope = np.zeros((p, len(rest)))
            for j, step in enumerate(1e-3 * scale):
                ends = []
                for side in (step, -step):
                    moved = rest.copy()
                    moved[j] += side
                    found = self._evaluate(moved[: len(gamma)], moved[len(gamma) :])
                    ends.append(self.wide.coefficients() if found else np.full(p, np.nan))
                slope[:, j] = (ends[0] - ends[1]) / (2.0 * step)
            found = self._evaluate(gamma, theta)
            block = self.wide.covariance() if found else np.full((p, p), np.nan)
        return block, slope, information

    def coef_covariance(self, result: SearchResult, whole: Callable[[], FloatArray]) -> FloatArray:
        """(P, P) covariance matrix of the coefficients: part of the joint one."""
        return self.inner.coef_covariance(result, whole)

    def covariances_at(self, psi: FloatArray) -> tuple[FloatArray, ...]:
        """Covariance matrices G_t of the random effects at ``psi``."""
        return self.inner.covariances_at(psi)

    def mode_sensitivity(self, result: SearchResult) -> FloatArray:
        """(U, m) derivative of the modes b of all random effects in ``psi``."""
        return self.inner.mode_sensitivity(result)
