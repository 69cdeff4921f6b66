r"""Penalized marginal likelihood: :math:`\ell(\beta, \theta) + P(\beta)`.

:math:`\ell` is the Laplace or quadrature approximation of `ilk.likelihood.laplace`, with its exact
gradient; P is one of `ilk.penalties`.  For Firth's penalty, with :math:`w_i(\eta)` the expected
information of a row about its predictor, H the hat matrix of :math:`W^{1/2} X` and random effects
at zero,

.. math:: P = \tfrac12 \log |X'WX|, \qquad
   \frac{\partial P}{\partial \beta} = \tfrac12 \sum_i h_{ii}\,
   \frac{d \log w_i}{d \eta_i}\, x_i

(Firth 1993).  The observed information of the estimates includes minus the second derivatives of P;
the log-likelihood that is reported does not include P.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ilk.errors import ModelError
from ilk.kernels.contract import Evaluation, SearchResult
from ilk.likelihood.base import AbstractMarginal, EngineState, Search, Start
from ilk.likelihood.laplace import LaplaceMarginal
from ilk.model.factors import factor_start
from ilk.num import search as quasi_newton
from ilk.num.triangular import floor_eigenvalues
from ilk.penalties import AbstractPrior, Firth

if TYPE_CHECKING:
    from collections.abc import Callable

    from ilk.fitted import Estimates
    from ilk.kernels.contract import LaplaceEngine, Nodes
    from ilk.model.model import Model
    from ilk.model.scaling import ScaledModel
    from ilk.penalties import AbstractPenalty
    from ilk.typing import FloatArray

_TOLERANCE = 1e-10
"""Predicted gain at which a search ends by default."""

_GREATEST_STEP = 2.0
"""Change of a coefficient (of scaled columns) or covariance parameter in one step at most."""

WITH_INFORMATION = ("binomial", "poisson")
"""Families for which Firth's penalty is offered: there is nothing to estimate but the mean."""

_PENALIZED = ("mean", "zero_inflation")
"""Predictors whose coefficients penalties other than Firth's concern."""


def check_penalty(model: Model) -> None:
    """Refuse penalties that a model cannot have.

    Raises
    ------
    ModelError
        A linear model, or Firth's penalty for other than binomial and Poisson responses.
    """
    if model.penalty is None:
        return
    if model.linear:
        raise ModelError(
            "penalty=: the coefficients of a linear mixed model always have finite, unbiased "
            "estimates; leave the penalty out.",
            code="penalty",
        )
    if model.reml:
        raise ModelError(
            "penalty= with reml=True: a restricted likelihood integrates the coefficients that the "
            "penalty concerns; leave one out.",
            code="penalty",
        )
    if isinstance(model.penalty, Firth) and model.family.name not in WITH_INFORMATION:
        raise ModelError(
            f"penalty='firth' is offered for families {' and '.join(WITH_INFORMATION)}, not for "
            f"{model.family.name!r}; use penalty='log_f' or penalty=ilk.Normal(scale).",
            code="penalty",
        )
    if isinstance(model.penalty, AbstractPrior) and not len(_slopes(model)):
        raise ModelError(
            f"penalty={model.penalty!r} leaves intercepts alone, and this model has no other "
            "coefficients; leave it out.",
            code="penalty",
        )


class PenalizedMarginal(AbstractMarginal):
    """Marginal likelihood by Laplace approximation or quadrature, plus a penalty.

    Parameters
    ----------
    model : Model
        The model, with its penalty.
    scaled : ScaledModel
        The model on the engine's scale.
    state : EngineState
        Engine that holds the scaled arrays.
    """

    def __init__(self, model: Model, scaled: ScaledModel, state: EngineState) -> None:
        super().__init__(model, scaled, state)
        self.inner = LaplaceMarginal(model, scaled, state)
        self.penalty = _on_scale(model, scaled)

    @classmethod
    def of(cls, model: Model, threads: int = 1) -> PenalizedMarginal:
        """Build the criterion of a model with an engine of its own.

        Parameters
        ----------
        model : Model
            The model.
        threads : int
            Threads that the engine may use.
        """
        inner = LaplaceMarginal.of(model, threads)
        return cls(model, inner.scaled, inner.state)

    @property
    def engine(self) -> LaplaceEngine:
        """The engine, wherever it stands."""
        return self.inner.engine

    def with_nodes(self, nodes: Nodes) -> PenalizedMarginal:
        """The same model and engine with another number of quadrature nodes."""
        return PenalizedMarginal(replace(self.model, nodes=nodes), self.scaled, self.state)

    def split(self, psi: FloatArray) -> tuple[FloatArray, FloatArray]:
        """``(coef, theta)`` of the flat vector."""
        return self.inner.split(psi)

    def maximize(self, start: Start, search: Search) -> SearchResult:
        """Search for the maximum over (beta, theta)."""
        P = len(start.beta)
        theta = start.theta
        if theta is None:
            theta = factor_start(
                self.model.covariances, [term.width for term in self.scaled.data.terms]
            )
        x = np.concatenate([start.beta, theta])
        with self.state.lock:
            self.state.hold(self.scaled.data.response)
            self.state.point = None
            inverse = start.inverse_hessian
            found = quasi_newton.maximize(
                self._objective,
                x,
                self._curvature(x) if inverse is None else inverse,
                np.full(len(x), _GREATEST_STEP),
                max_steps=search.max_steps,
                tolerance=search.tolerance or _TOLERANCE,
            )
            end = self._evaluate(found.x)
        return SearchResult(
            status=found.status if found.status != "running" else "max_steps",
            beta=found.x[:P],
            theta=found.x[P:],
            value=found.value,
            gradient=found.gradient,
            inverse_hessian=found.inverse_hessian,
            decrement=found.decrement,
            steps=found.steps,
            evaluations=found.evaluations,
            passes=found.evaluations,
            clipped=end.clipped,
            sigma2=np.nan,
        )

    def _evaluate(self, x: FloatArray) -> Evaluation:
        """Log-likelihood and gradient at (beta, theta), from zero effects if need be."""
        P = len(self.scaled.coef_shift)
        evaluate = self.engine.evaluate
        lam = self.lam(x[P:])
        at = evaluate(x[:P], lam, nodes=self.model.nodes, tolerance=1e-14)
        return at if at.converged else evaluate(x[:P], lam, nodes=self.model.nodes, cold=True)

    def _objective(self, x: FloatArray) -> tuple[float, FloatArray]:
        """Value and gradient in (beta, theta)."""
        P = len(self.scaled.coef_shift)
        nothing = -np.inf, np.zeros(len(x))
        value, slope = self.penalty(x[:P])
        if not np.isfinite(value):
            return nothing
        at = self._evaluate(x)
        if not at.converged or at.grad_beta is None or at.grad_lam is None:
            return nothing
        gradient = np.concatenate([at.grad_beta + slope, self.factor(x[P:])[1].T @ at.grad_lam])
        return at.value + value, gradient

    def _curvature(self, x: FloatArray) -> FloatArray:
        """Inverse Hessian to begin with: information about the coefficients, modes profiled out."""
        P = len(self.scaled.coef_shift)
        out = 0.1 * np.eye(len(x))
        if self._evaluate(x).converged:
            engine = self.engine
            cross = engine.cross_information()
            information = engine.fixed_information() - cross.T @ engine.solve(cross)
            out[:P, :P] = np.linalg.inv(floor_eigenvalues(information, 1e-3))
        return out if np.all(np.isfinite(out)) else 0.1 * np.eye(len(x))

    def at_point(self, beta: FloatArray, theta: FloatArray) -> SearchResult:
        """A point on the engine's scale, as the result of a search of no steps."""
        at = self.inner.at_point(beta, theta)
        return replace(at, value=at.value + self.penalty(beta)[0])

    def gradient(self, result: SearchResult) -> FloatArray:
        """Exact gradient (m,) in (beta, theta), that of the penalty included."""
        gradient = self.inner.gradient(result)
        gradient[: len(result.beta)] += self.penalty(result.beta)[1]
        return gradient

    def move(self, result: SearchResult) -> FloatArray:
        """Bring the engine to a result's point (the caller holds the lock); gives lam there."""
        return self.inner.move(result)

    def forget(self, result: SearchResult) -> None:
        """Bring the engine to a point by a way that does not depend on where it stood before."""
        self.inner.forget(result)

    def estimates(self, result: SearchResult) -> Estimates:
        """Numbers on the scale of the user's columns; the log-likelihood without the penalty."""
        plain = replace(result, value=result.value - self.penalty(result.beta)[0])
        return self.inner.estimates(plain)

    def information(self, result: SearchResult) -> FloatArray:
        """Joint observed information (m, m) in (beta, theta), the penalty's curvature included."""
        information = self.inner.information(result)
        P = len(result.beta)
        steps = 1e-4 / np.sqrt(np.maximum(np.diagonal(information)[:P], 1e-8))
        for j in range(P):
            step = np.zeros(P)
            step[j] = min(float(steps[j]), 1e-2)
            ahead, behind = self.penalty(result.beta + step)[1], self.penalty(result.beta - step)[1]
            information[:P, j] -= (ahead - behind) / (2.0 * step[j])
        information[:P, :P] = 0.5 * (information[:P, :P] + information[:P, :P].T)
        return information

    def covariance(self, result: SearchResult) -> FloatArray:
        """(m, m) covariance matrix of psi: inverse of the penalized observed information."""
        return self.inner.covariance_from(self.information(result))

    def coef_covariance(self, result: SearchResult, whole: Callable[[], FloatArray]) -> FloatArray:
        """(P, P) covariance matrix of the coefficients: part of the joint one."""
        return self.inner.coef_covariance(result, whole)

    def covariances_at(self, psi: FloatArray) -> tuple[FloatArray, ...]:
        """Covariance matrices G_t of the random effects at ``psi``."""
        return self.inner.covariances_at(psi)

    def mode_sensitivity(self, result: SearchResult) -> FloatArray:
        """(U, m) derivative of the modes b of all random effects in ``psi``."""
        return self.inner.mode_sensitivity(result)


def _on_scale(
    model: Model, scaled: ScaledModel
) -> Callable[[FloatArray], tuple[float, FloatArray]]:
    """The penalty and its gradient as a function of the engine's coefficients."""
    penalty: AbstractPenalty | None = model.penalty
    if isinstance(penalty, Firth):
        return _jeffreys(model, scaled)
    if not isinstance(penalty, AbstractPrior):
        raise TypeError(f"{penalty!r} is no penalty")
    chosen = _slopes(model)
    back = scaled.coef_map[chosen]
    shift = scaled.coef_shift[chosen]

    def prior(beta: FloatArray) -> tuple[float, FloatArray]:
        coef = back @ beta + shift
        return penalty.value(coef), back.T @ penalty.slope(coef)

    return prior


def _slopes(model: Model) -> np.ndarray:
    """Positions of the coefficients that a prior concerns: all but intercepts."""
    return np.array(
        [
            j
            for j, (component, name) in enumerate(model.names)
            if (component in _PENALIZED or component in model.family.main_parameters)
            and name != "Intercept"
        ],
        dtype=np.intp,
    )


def _jeffreys(
    model: Model, scaled: ScaledModel
) -> Callable[[FloatArray], tuple[float, FloatArray]]:
    """Firth's penalty as a function of the engine's coefficients."""
    data = scaled.data.predictors[0]
    X, offset = data.X, 0.0 if data.offset is None else data.offset
    trials, weights = scaled.data.trials, scaled.data.weights
    rows = np.zeros(len(X)) if weights is None else np.log(np.maximum(weights, 1e-300))
    family = model.family

    def log_weight(eta: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore", over="ignore"):
            slope = np.log(np.abs(family.link.derivative(eta)))
            spread = np.log(family.variance([eta], None))
        size = 0.0 if trials is None else np.log(np.maximum(trials, 1e-300))
        return np.asarray(2.0 * slope - spread + size + rows)

    def jeffreys(beta: FloatArray) -> tuple[float, FloatArray]:
        p = X.shape[1]
        eta = X @ beta[:p] + offset
        logs = log_weight(eta)
        undefined = -np.inf, np.zeros(len(beta))
        if not np.all(np.isfinite(logs)):
            return undefined
        root = np.exp(0.5 * logs)[:, None] * X
        _, triangle = np.linalg.qr(root, mode="reduced")
        diagonal = np.abs(np.diagonal(triangle))
        if not np.all(diagonal > 0.0):
            return undefined
        leverage = np.sum(np.linalg.solve(triangle.T, root.T) ** 2, axis=0)
        step = 1e-3
        near = log_weight(eta + step) - log_weight(eta - step)
        far = log_weight(eta + 2.0 * step) - log_weight(eta - 2.0 * step)
        rate = (8.0 * near - far) / (12.0 * step)
        gradient = np.zeros(len(beta))
        gradient[:p] = 0.5 * X.T @ (leverage * rate)
        return float(np.log(diagonal).sum()), gradient

    return jeffreys
