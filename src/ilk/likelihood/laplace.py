r"""Marginal likelihood by the Laplace approximation or adaptive Gauss-Hermite quadrature.

With spherical random effects u and ``h(u) = -sum_i l_i(eta_i) + u'u / 2``, minimal at u-hat with
Hessian H, the Laplace approximation is ``-h(u-hat) - log|H| / 2``; quadrature replaces it by a sum
over nodes centered at u-hat and scaled by H, one grouping factor at a time.  Both keep all
constants, so that their values may be compared.  Mathematics: docs/derivations/likelihood.md.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np

from ilk.errors import FitError
from ilk.fitted import Estimates
from ilk.kernels import laplace_engine
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

    from ilk.kernels.contract import LaplaceEngine, Nodes, SearchResult
    from ilk.model.model import Model
    from ilk.typing import FloatArray


_TOLERANCE = 1e-10
"""Predicted gain in log-likelihood at which a search ends by default."""

_UNKNOWN = 1e8
"""Variance, of coefficients of scaled columns, in directions without information."""


class LaplaceMarginal(AbstractMarginal):
    """Laplace or quadrature approximation of the marginal likelihood of any model."""

    @classmethod
    def of(cls, model: Model, threads: int = 1) -> LaplaceMarginal:
        """Build the criterion of a model with an engine of its own.

        Parameters
        ----------
        model : Model
            The model.
        threads : int
            Threads that the engine may use.
        """
        scaled = scale_model(model)
        engine = laplace_engine(scaled.data, model.family, threads)
        return cls(model, scaled, EngineState(engine, scaled.data.response))

    @property
    def engine(self) -> LaplaceEngine:
        """The engine, wherever it stands."""
        return cast("LaplaceEngine", self.state.engine)

    def with_nodes(self, nodes: Nodes) -> LaplaceMarginal:
        """The same model and engine with another number of quadrature nodes."""
        return LaplaceMarginal(replace(self.model, nodes=nodes), self.scaled, self.state)

    def split(self, psi: FloatArray) -> tuple[FloatArray, FloatArray]:
        """``(coef, theta)`` of the flat vector."""
        P = len(self.scaled.coef_shift)
        return psi[:P], psi[P:]

    def maximize(self, start: Start, search: Search) -> SearchResult:
        """Search for the maximum over (beta, theta)."""
        with self.state.lock:
            self.state.hold(self.scaled.data.response)
            self.state.point = None
            return self.engine.fit(
                self.factor,
                beta=start.beta,
                theta=start.theta,
                inverse_hessian=start.inverse_hessian,
                nodes=self.model.nodes,
                max_steps=search.max_steps,
                tolerance=search.tolerance or _TOLERANCE,
            )

    def at_point(self, beta: FloatArray, theta: FloatArray) -> SearchResult:
        """A point on the engine's scale, as the result of a search of no steps."""
        lam = self.lam(theta)
        with self.state.lock:
            self.state.hold(self.scaled.data.response)
            self.state.point = None
            at = self.engine.evaluate(
                beta, lam, nodes=self.model.nodes, gradient=False, tolerance=1e-18
            )
            if at.converged:
                self.state.point = beta.tobytes() + theta.tobytes()
        return no_steps(
            at.converged,
            beta,
            theta,
            at.value,
            size=len(beta) + len(theta),
            clipped=at.clipped,
        )

    def gradient(self, result: SearchResult) -> FloatArray:
        """Exact gradient (m,) in (beta, theta)."""
        with self.state.lock:
            self.state.hold(self.scaled.data.response)
            self.state.point = None
            lam = self.lam(result.theta)
            at = self.engine.evaluate(result.beta, lam, nodes=self.model.nodes, tolerance=1e-18)
        if not at.converged or at.grad_beta is None or at.grad_lam is None:
            return np.full(len(result.beta) + len(result.theta), np.nan)
        in_theta = self.factor(result.theta)[1].T @ at.grad_lam
        return np.concatenate([at.grad_beta, in_theta])

    def move(self, result: SearchResult) -> FloatArray:
        """Bring the engine to a result's point (the caller holds the lock); gives lam there."""
        self.state.hold(self.scaled.data.response)
        lam = self.lam(result.theta)
        point = result.beta.tobytes() + result.theta.tobytes()
        if self.state.point != point:
            if not self._evaluate(result.beta, lam):
                self.state.point = None
                raise FitError(
                    "The modes of the random effects could not be found where the search ended: "
                    "the approximation of the likelihood does not hold there. Leave out a random "
                    "term, or choose another family.",
                    code="no-mode",
                )
            self.state.point = point
        return lam

    def _evaluate(self, beta: FloatArray, lam: FloatArray) -> bool:
        """Find the modes at a point, more roughly or from zero if need be; whether they were."""
        evaluate = self.engine.evaluate
        return (
            evaluate(beta, lam, gradient=False, tolerance=1e-18).converged
            or evaluate(beta, lam, gradient=False).converged
            or evaluate(beta, lam, gradient=False, cold=True).converged
        )

    def forget(self, result: SearchResult) -> None:
        """Bring the engine to a point by a way that does not depend on where it stood before."""
        with self.state.lock:
            self.state.hold(self.scaled.data.response)
            self.state.point = None
            self.engine.evaluate(result.beta, self.lam(result.theta), gradient=False, cold=True)

    def estimates(self, result: SearchResult) -> Estimates:
        """Numbers on the scale of the user's columns."""
        with self.state.lock:
            roots = self.roots(self.move(result))
            modes = self.effects(roots)
        return Estimates(
            psi=np.concatenate([self.scaled.coef(result.beta), result.theta]),
            names=self.model.names,
            modes=modes,
            covariances=covariances_of(roots),
            sigma2=np.nan,
            loglik=result.value + self.scaled.value_shift,
        )

    def covariance(self, result: SearchResult) -> FloatArray:
        """(m, m) covariance matrix of psi: inverse of the joint observed information."""
        return self.covariance_from(self.information(result))

    def information(self, result: SearchResult) -> FloatArray:
        """Joint observed information (m, m) in (beta, theta) on the engine's scale."""
        return self.curvature_once(result, lambda: (self._differences(result),))[0].copy()

    def _differences(self, result: SearchResult) -> FloatArray:
        with self.state.lock:
            self.state.hold(self.scaled.data.response)
            self.state.point = None
            return self.engine.information(
                self.factor, result.beta, result.theta, steps_of(result), nodes=self.model.nodes
            )

    def covariance_from(
        self, information: FloatArray, lost: FloatArray | None = None
    ) -> FloatArray:
        """(m, m) covariance matrix of psi: inverse of an information on the engine's scale.

        Parameters
        ----------
        information : (m, m) array
            Information in (beta, theta).
        lost : (P, k) array, optional
            Orthonormal directions of beta along which the likelihood has no maximum; their
            variance is set to a very large number, so that others are not spoiled by rounding.
        """
        if lost is None:
            covariance = invert_information(information)
        else:
            covariance = _without(information, lost)
        P, m = len(self.scaled.coef_shift), len(covariance)
        to_psi = np.eye(m)
        to_psi[:P, :P] = self.scaled.coef_map
        unknown = np.isnan(np.diagonal(covariance))
        spoiled = np.any(to_psi[:, unknown] != 0.0, axis=1)
        out: FloatArray = to_psi @ np.where(np.isnan(covariance), 0.0, covariance) @ to_psi.T
        out[spoiled, :] = np.nan
        out[:, spoiled] = np.nan
        return out

    def coef_covariance(self, result: SearchResult, whole: Callable[[], FloatArray]) -> FloatArray:
        """(P, P) covariance matrix of the coefficients: part of the joint one."""
        P = len(self.scaled.coef_shift)
        return whole()[:P, :P]

    def covariances_at(self, psi: FloatArray) -> tuple[FloatArray, ...]:
        """Covariance matrices G_t of the random effects at ``psi``."""
        lam = self.lam(self.split(psi)[1])
        return covariances_of(self.roots(lam))

    def mode_sensitivity(self, result: SearchResult) -> FloatArray:
        """(U, m) derivative of the modes b of all random effects in ``psi``.

        In beta: ``-T Lambda H^-1 Lambda'Z'WX``; in theta by central differences of the modes.
        """
        theta = result.theta
        with self.state.lock:
            roots = self.roots(self.move(result))
            in_beta = self.mode_slope(roots)
            columns = [in_beta @ np.linalg.inv(self.scaled.coef_map)]
            for j in range(len(theta)):
                step = 1e-4 * max(1.0, abs(theta[j]))
                ends = []
                for side in (step, -step):
                    moved = theta.copy()
                    moved[j] += side
                    there = replace(result, theta=moved)
                    ends.append(flatten(self.effects(self.roots(self.move(there)))))
                columns.append(((ends[0] - ends[1]) / (2.0 * step))[:, None])
        return np.hstack(columns)


def _without(information: FloatArray, lost: FloatArray) -> FloatArray:
    """Inverse of an information in (beta, theta), directions of beta without information apart."""
    P, k = lost.shape
    m = len(information)
    basis = np.zeros((m, m - k))
    basis[:P, : P - k] = np.linalg.qr(lost, mode="complete")[0][:, k:]
    basis[P:, P - k :] = np.eye(m - P)
    inner = invert_information(basis.T @ information @ basis)
    unknown = np.isnan(np.diagonal(inner))
    spoiled = np.any(np.abs(basis[:, unknown]) > 1e-12, axis=1)
    covariance: FloatArray = basis @ np.where(np.isnan(inner), 0.0, inner) @ basis.T
    covariance[:P, :P] += _UNKNOWN * lost @ lost.T
    covariance[spoiled, :] = np.nan
    covariance[:, spoiled] = np.nan
    return covariance
