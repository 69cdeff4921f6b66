r"""Log-likelihood of all parameters at once, for every model, as profiles need it.

.. math:: \ell(\varphi), \qquad \varphi = (\beta, \theta)

with exact gradient, on the engine's scale.  The linear mixed model, whose own criterion has the
coefficients and the residual variance maximized out, is taken as the Gaussian member of the
generalized models: its Laplace approximation is exact, :math:`\log\sigma^2` is one more
coefficient, and the factors are those of the random effects themselves, not relative to
:math:`\sigma`.  The restricted likelihood has no such form; `JointLikelihood` is the full one.  A
penalized likelihood keeps its penalty.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias, final

import numpy as np

from ilk.kernels import laplace_engine
from ilk.kernels.contract import PredictorData
from ilk.likelihood.base import steps_of
from ilk.likelihood.penalized import PenalizedMarginal
from ilk.model.factors import factor_map, split_factors
from ilk.num.differences import jacobian
from ilk.num.stable import LOG_2PI

if TYPE_CHECKING:
    from ilk.covariance.base import AbstractCovariance
    from ilk.fitted import Fitted
    from ilk.kernels.contract import Density, EngineData, FactorMap, LaplaceEngine, Nodes
    from ilk.likelihood.base import AbstractMarginal
    from ilk.typing import FloatArray

__all__ = ["JointLikelihood", "joint_likelihood", "joint_point", "joint_scale", "psi_of"]

Penalty: TypeAlias = "Callable[[FloatArray], tuple[float, FloatArray]]"
"""Takes the engine's coefficients to a penalty and its gradient."""


@final
@dataclass(frozen=True, slots=True)
class JointLikelihood:
    """Log-likelihood of coefficients (log residual variance included) and covariance parameters.

    Parameters
    ----------
    data : EngineData
        Scaled arrays.
    density : Density
        Log density of a row.
    covariances : tuple of AbstractCovariance
        Structure of each term.
    factor : FactorMap
        From theta to the elements of all factors.
    engine : LaplaceEngine
        Holds `data`; nobody else uses it.
    nodes : int or tuple of int
        Quadrature nodes.
    coef_map, coef_shift : (P, P), (P,) arrays
        ``coef_map @ beta + coef_shift`` are the coefficients of the user's columns.
    term_maps : tuple of (q_t, q_t) arrays
        ``b = T b_s`` for each term.
    value_shift : float
        Complete log-likelihood minus the engine's value.
    penalty : callable, optional
        Takes beta to what is added to the log-likelihood, and its gradient.
    """

    data: EngineData
    density: Density
    covariances: tuple[AbstractCovariance, ...]
    factor: FactorMap
    engine: LaplaceEngine
    nodes: Nodes
    coef_map: FloatArray
    coef_shift: FloatArray
    term_maps: tuple[FloatArray, ...]
    value_shift: float
    penalty: Penalty | None = None

    @property
    def widths(self) -> list[int]:
        """Number of random effects per level of each term."""
        return [len(T) for T in self.term_maps]

    def theta_slice(self, t: int) -> slice:
        """Where the parameters of term t stand in phi."""
        sizes = [c.size(q) for c, q in zip(self.covariances, self.widths, strict=True)]
        start = len(self.coef_shift) + sum(sizes[:t])
        return slice(start, start + sizes[t])

    def evaluate(self, phi: FloatArray) -> tuple[float, FloatArray]:
        """Log-likelihood with all constants, minus infinity where there is none, and gradient."""
        P = len(self.coef_shift)
        lam, slopes = self.factor(phi[P:])
        for cold in (False, True):
            at = self.engine.evaluate(phi[:P], lam, nodes=self.nodes, tolerance=1e-12, cold=cold)
            if at.converged and at.grad_beta is not None and at.grad_lam is not None:
                gradient = np.concatenate([at.grad_beta, slopes.T @ at.grad_lam])
                added, slope = (0.0, 0.0) if self.penalty is None else self.penalty(phi[:P])
                gradient[:P] += slope
                return at.value + self.value_shift + added, gradient
        return -math.inf, np.full(len(phi), math.nan)

    def information(self, phi: FloatArray, scale: FloatArray) -> FloatArray:
        """Observed information (m, m), by differences of the gradient with steps 1e-3 scale."""
        P = len(self.coef_shift)
        out = self.engine.information(self.factor, phi[:P], phi[P:], scale, nodes=self.nodes)
        if self.penalty is not None:
            penalty = self.penalty
            slope = jacobian(lambda beta: penalty(beta)[1], phi[:P], 1e-3 * scale[:P])
            out[:P, :P] -= 0.5 * (slope + slope.T)
        return out

    def coef(self, phi: FloatArray) -> FloatArray:
        """Coefficients of the user's columns; of a linear model the last is log sigma2."""
        return self.coef_map @ phi[: len(self.coef_shift)] + self.coef_shift

    def roots(self, phi: FloatArray) -> list[FloatArray]:
        """``T Lambda`` (q_t, q_t) of each term; the effects' covariance matrix is its square."""
        lam, _ = self.factor(phi[len(self.coef_shift) :])
        factors = split_factors(lam, self.widths)
        return [T @ factor for T, factor in zip(self.term_maps, factors, strict=True)]

    def turned(self, t: int, back: FloatArray) -> JointLikelihood:
        """The same likelihood with other coordinates of one term's effects.

        Parameters
        ----------
        t : int
            A term whose structure follows any change of its columns.
        back : (q, q) array
            M of ``b_s = M c`` with the new coordinates c, each of effects of one predictor.

        Returns
        -------
        JointLikelihood
            On an engine of its own.
        """
        term = self.data.terms[t]
        ones = np.ones((len(self.data.response), 1))
        parts = np.array(term.predictors)
        own = parts[np.argmax(np.abs(back), axis=0)]
        turn = np.where(parts[:, None] == own, back, 0.0)  # but for rounding it is that already
        columns = np.ascontiguousarray((ones if term.columns is None else term.columns) @ turn)
        terms = list(self.data.terms)
        terms[t] = replace(term, predictors=tuple(own.tolist()), columns=columns)
        maps = list(self.term_maps)
        maps[t] = maps[t] @ back
        data = replace(self.data, terms=tuple(terms))
        engine = laplace_engine(data, self.density)
        return replace(self, data=data, engine=engine, term_maps=tuple(maps))


def joint_likelihood(marginal: AbstractMarginal) -> JointLikelihood:
    """Joint likelihood of a model, on an engine of its own.

    Parameters
    ----------
    marginal : AbstractMarginal
        Its criterion.

    Returns
    -------
    JointLikelihood
    """
    model, scaled = marginal.model, marginal.scaled
    data, coef_map, coef_shift = scaled.data, scaled.coef_map, scaled.coef_shift
    value_shift = scaled.value_shift
    if model.linear:
        data = _with_variance(marginal)
        P = len(coef_shift)
        coef_map = np.block([[coef_map, np.zeros((P, 1))], [np.zeros((1, P)), np.ones((1, 1))]])
        coef_shift = np.append(coef_shift, 2.0 * math.log(scaled.scale))
        value_shift = -scaled.count * (0.5 * LOG_2PI + math.log(scaled.scale))
    return JointLikelihood(
        data=data,
        density=model.family,
        covariances=model.covariances,
        factor=factor_map(model.covariances, [term.width for term in data.terms]),
        engine=laplace_engine(data, model.family),
        nodes=model.nodes,
        coef_map=coef_map,
        coef_shift=coef_shift,
        term_maps=scaled.term_maps,
        value_shift=value_shift,
        penalty=marginal.penalty if isinstance(marginal, PenalizedMarginal) else None,
    )


def _with_variance(marginal: AbstractMarginal) -> EngineData:
    """Arrays of a linear model with log sigma2 as coefficient of a second predictor."""
    data, design = marginal.scaled.data, marginal.model.design
    precision = design.precision_weights
    variance = PredictorData(
        X=np.ones((len(data.response), 1), order="F"),
        offset=None if precision is None else -np.log(precision),
    )
    return replace(data, weights=design.frequency_weights, predictors=(*data.predictors, variance))


def joint_point(fitted: Fitted) -> FloatArray:
    """Where a fit stands, as phi (m,) of its joint likelihood.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    """
    point = fitted.point
    if not fitted.model.linear:
        return np.concatenate([point.beta, point.theta])
    theta = _multiplied(fitted.marginal, point.theta, math.sqrt(point.sigma2))
    return np.concatenate([point.beta, [math.log(point.sigma2)], theta])


def joint_scale(fitted: Fitted) -> FloatArray:
    """Rough sizes (m,) of the uncertainty of phi, for differences.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    """
    if not fitted.model.linear:
        return steps_of(fitted.point)
    sigma = math.sqrt(fitted.point.sigma2)
    ones = np.ones(len(fitted.point.theta))
    relative = _multiplied(fitted.marginal, ones, 4.0) == 4.0
    theta = np.where(relative, 0.1 * sigma, 0.1)
    return np.concatenate([np.full(len(fitted.point.beta), 0.1 * sigma), [0.1], theta])


def psi_of(marginal: AbstractMarginal, phi: FloatArray) -> FloatArray:
    """Flat vector psi of a fit (see `ilk.fitted`) from a point of its joint likelihood.

    Parameters
    ----------
    marginal : AbstractMarginal
        The criterion.
    phi : (m,) array
        The point.
    """
    P = len(marginal.scaled.coef_shift)
    coef = marginal.scaled.coef(phi[:P])
    if not marginal.model.linear:
        return np.concatenate([coef, phi[P:]])
    log_variance = float(phi[P])
    theta = _multiplied(marginal, phi[P + 1 :], math.exp(-0.5 * log_variance))
    return np.concatenate([coef, theta, [log_variance + 2.0 * math.log(marginal.scaled.scale)]])


def _multiplied(marginal: AbstractMarginal, theta: FloatArray, by: float) -> FloatArray:
    """Covariance parameters of the factors times a number."""
    model = marginal.model
    out = [
        covariance.multiplied(theta[here], by, term.width)
        for covariance, term, here in zip(
            model.covariances, model.design.terms, model.theta_slices, strict=True
        )
    ]
    return np.concatenate([np.zeros(0), *out])
