r"""Exact likelihood of the linear mixed model, ML or REML, with beta and sigma profiled out.

For given relative factors Lambda, with ``H = Lambda'Z'WZLambda + I`` and the penalized least
squares fit with residual sum of squares r^2,

    -2 log L = log|H| [+ log|R_X|^2] + nu (1 + log(2 pi r^2 / nu)),

nu = n for ML and n - p for REML (the term in brackets is REML's).  Here theta are the relative
covariance parameters and ``psi = (beta, theta, log sigma2)``.  Bates, Maechler, Bolker and Walker
(2015), Journal of Statistical Software 67(1), equations 34 and 41.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

import numpy as np

from ilk.fitted import Estimates
from ilk.kernels import linear_engine
from ilk.likelihood.base import (
    AbstractMarginal,
    EngineState,
    Search,
    Start,
    covariances_of,
    flatten,
    no_steps,
    steps_of,
)
from ilk.model.scaling import scale_model
from ilk.num.triangular import invert_information

if TYPE_CHECKING:
    from collections.abc import Callable

    from ilk.kernels.contract import LinearEngine, SearchResult
    from ilk.model.model import Model
    from ilk.typing import FloatArray


_TOLERANCE = 1e-8
"""Predicted gain in log-likelihood at which a search ends by default."""


class GaussianMarginal(AbstractMarginal):
    """Profiled likelihood of the linear mixed model."""

    @classmethod
    def of(cls, model: Model, threads: int = 1) -> GaussianMarginal:
        """Build the criterion of a linear model with an engine of its own.

        Parameters
        ----------
        model : Model
            A linear model (`Model.linear`).
        threads : int
            Threads that the engine may use.
        """
        scaled = scale_model(model)
        count = None if scaled.data.weights is None else scaled.count
        engine = linear_engine(scaled.data, count, threads)
        return cls(model, scaled, EngineState(engine, scaled.data.response))

    @property
    def engine(self) -> LinearEngine:
        """The engine, wherever it stands."""
        return cast("LinearEngine", self.state.engine)

    def split(self, psi: FloatArray) -> tuple[FloatArray, FloatArray]:
        """``(coef, theta)`` of the flat vector."""
        p = len(self.scaled.coef_shift)
        return psi[:p], psi[p:-1]

    def maximize(self, start: Start, search: Search) -> SearchResult:
        """Search for the maximum over theta."""
        with self.state.lock:
            self.state.hold(self.scaled.data.response)
            result = self.engine.fit(
                self.factor,
                theta=start.theta,
                reml=self.model.reml,
                max_steps=search.max_steps,
                tolerance=search.tolerance or _TOLERANCE,
            )
            self.state.point = result.theta.tobytes()
            return result

    def at_point(self, beta: FloatArray, theta: FloatArray) -> SearchResult:
        """A point theta, beta and sigma at their profile, as the result of no steps."""
        lam = self.lam(theta)
        with self.state.lock:
            self.state.hold(self.scaled.data.response)
            at = self.engine.evaluate(lam, reml=self.model.reml, gradient=False)
            self.state.point = theta.tobytes()
        return no_steps(
            bool(np.isfinite(at.value)),
            at.beta,
            theta,
            at.value,
            size=len(theta),
            sigma2=at.sigma2,
        )

    def gradient(self, result: SearchResult) -> FloatArray:
        """Exact gradient (k,) of the profiled likelihood in theta."""
        lam = self.lam(result.theta)
        with self.state.lock:
            self.state.hold(self.scaled.data.response)
            self.state.point = None
            at = self.engine.evaluate(lam, reml=self.model.reml, gradient=True)
        if at.grad_lam is None:
            return np.full(len(result.theta), np.nan)
        slope: FloatArray = self.factor(result.theta)[1].T @ at.grad_lam
        return slope

    def information(self, result: SearchResult) -> FloatArray:
        """Observed information (k, k) of the profiled likelihood in theta."""
        return self._curvature(result)[0].copy()

    def _curvature(self, result: SearchResult) -> tuple[FloatArray, ...]:
        """Information in theta, and the slope of log sigma2."""
        return self.curvature_once(result, lambda: self._differences(result))

    def _differences(self, result: SearchResult) -> tuple[FloatArray, ...]:
        with self.state.lock:
            self.state.hold(self.scaled.data.response)
            self.state.point = None
            return self.engine.information(
                self.factor, result.theta, steps_of(result), reml=self.model.reml
            )

    def move(self, result: SearchResult) -> FloatArray:
        """Bring the engine to a result's point (the caller holds the lock); gives lam there."""
        self.state.hold(self.scaled.data.response)
        lam = self.lam(result.theta)
        point = result.theta.tobytes()
        if self.state.point != point:
            self.engine.evaluate(lam, reml=self.model.reml, gradient=False)
            self.state.point = point
        return lam

    def forget(self, result: SearchResult) -> None:
        """Give the engine the response; it has no memory of other points."""
        with self.state.lock:
            self.state.hold(self.scaled.data.response)
            self.state.point = None

    def estimates(self, result: SearchResult) -> Estimates:
        """Numbers on the scale of the user's columns."""
        with self.state.lock:
            roots = self.roots(self.move(result))
            modes = self.effects(roots)
        sigma2 = result.sigma2 * self.scaled.scale**2
        coef = self.scaled.coef(result.beta)
        return Estimates(
            psi=np.concatenate([coef, result.theta, [math.log(sigma2)]]),
            names=self.model.names,
            modes=modes,
            covariances=covariances_of(roots, result.sigma2),
            sigma2=sigma2,
            loglik=result.value + self.scaled.value_shift,
        )

    def covariance(self, result: SearchResult) -> FloatArray:
        """(m, m) covariance matrix of psi.

        Coefficients: sigma2 (R_X'R_X)^-1, independent of the others in large samples.  theta:
        inverse of the observed information of the profiled likelihood.  log sigma2: by the chain
        rule from its profile and its own information nu / 2.
        """
        p, k = len(self.scaled.coef_shift), len(result.theta)
        coef = self.coef_covariance(result)
        information, slope = self._curvature(result)
        out = np.zeros((p + k + 1, p + k + 1))
        out[:p, :p] = coef
        theta = invert_information(information)
        out[p : p + k, p : p + k] = theta
        out[p : p + k, -1] = out[-1, p : p + k] = theta @ slope
        nu = self.scaled.count - (p if self.model.reml else 0)
        out[-1, -1] = 2.0 / nu + slope @ theta @ slope
        return out

    def coef_covariance(
        self, result: SearchResult, whole: Callable[[], FloatArray] | None = None
    ) -> FloatArray:
        """(P, P) covariance matrix of the coefficients, sigma2 (R_X'R_X)^-1.

        Without random terms sigma2 is the unbiased one, also after maximum likelihood.
        """
        with self.state.lock:
            self.move(result)
            unscaled = self.engine.coefficient_covariance()
        sigma2, count, p = result.sigma2, self.scaled.count, len(unscaled)
        if not self.levels and not self.model.reml and count > p:
            sigma2 *= count / (count - p)
        return sigma2 * self.scaled.coef_map @ unscaled @ self.scaled.coef_map.T

    def covariances_at(self, psi: FloatArray) -> tuple[FloatArray, ...]:
        """Covariance matrices G_t of the random effects at ``psi``."""
        lam = self.lam(self.split(psi)[1])
        return covariances_of(self.roots(lam), float(np.exp(psi[-1])) / self.scaled.scale**2)

    def mode_sensitivity(self, result: SearchResult) -> FloatArray:
        """(U, m) derivative of the modes b of all random effects in ``psi``.

        In beta: ``-T Lambda H^-1 Lambda'Z'WX``; in theta by central differences of the modes at
        fixed beta (the profile's move of beta taken out); in log sigma2 they do not move.
        """
        theta = result.theta
        with self.state.lock:
            roots = self.roots(self.move(result))
            in_beta = self.mode_slope(roots)
            columns = [in_beta @ np.linalg.inv(self.scaled.coef_map)]
            self.state.point = None
            for j in range(len(theta)):
                step = 1e-4 * max(1.0, abs(theta[j]))
                ends = []
                for side in (step, -step):
                    moved = theta.copy()
                    moved[j] += side
                    lam = self.lam(moved)
                    beta = self.engine.evaluate(lam, reml=self.model.reml, gradient=False).beta
                    ends.append((flatten(self.effects(self.roots(lam))), beta))
                total = (ends[0][0] - ends[1][0]) / (2.0 * step)
                drift = (ends[0][1] - ends[1][1]) / (2.0 * step)
                columns.append((total - in_beta @ drift)[:, None])
        return np.hstack([*columns, np.zeros((len(in_beta), 1))])
