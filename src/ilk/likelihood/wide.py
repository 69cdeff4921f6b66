r"""An engine that integrates the coefficients of the mean with all random effects.

For the engine the coefficients :math:`\beta = \beta_0 + W v` are one more random term with a single
level and :math:`v \sim N(0, I)`: :math:`\beta_0` is its offset, and W is fixed, diagonal and so
wide that the prior density is :math:`(2\pi)^{-p/2} |W|^{-1}` wherever the likelihood is not zero.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np

from ilk.kernels import laplace_engine
from ilk.kernels.contract import LinearFactor, PredictorData, TermData
from ilk.likelihood.base import EngineState
from ilk.num.stable import LOG_2PI
from ilk.num.triangular import floor_eigenvalues

if TYPE_CHECKING:
    from ilk.kernels.contract import FactorMap, LaplaceEngine
    from ilk.likelihood.laplace import LaplaceMarginal
    from ilk.model.model import Model
    from ilk.model.scaling import ScaledModel
    from ilk.typing import FloatArray

__all__ = ["WideEngine"]


class WideEngine:
    """Engine that integrates the coefficients of the mean with all random effects.

    It is made when first needed, around the coefficients that are asked for then; marginals that
    differ in the response only share it.

    Parameters
    ----------
    model : Model
        The model.
    scaled : ScaledModel
        The model on the engine's scale.
    threads : int
        Threads that the engine may use.
    width : float
        Standard deviations of the flat prior, in standard errors of the coefficients.
    """

    __slots__ = (
        "_made",
        "center",
        "constant",
        "lock",
        "model",
        "scaled",
        "scales",
        "threads",
        "width",
    )

    def __init__(self, model: Model, scaled: ScaledModel, threads: int, width: float) -> None:
        self.model, self.scaled, self.threads, self.width = model, scaled, threads, width
        self.lock = threading.RLock()
        self._made: EngineState | None = None
        self.center = self.scales = np.zeros(0)
        self.constant = 0.0

    @property
    def made(self) -> bool:
        """Whether there is an engine yet."""
        return self._made is not None

    def around(self, inner: LaplaceMarginal, beta: FloatArray, theta: FloatArray) -> None:
        """Make the engine around coefficients, unless there is one.

        Parameters
        ----------
        inner : LaplaceMarginal
            Full likelihood of the model.
        beta : (P,) array
            Coefficients of all predictors.
        theta : (m_theta,) array
            Covariance parameters.
        """
        if self._made is not None:
            return
        data = self.scaled.data
        means = data.predictors[: len(self.model.family.main_parameters)]
        sizes = [part.X.shape[1] for part in means]
        p = sum(sizes)
        self.center = beta[:p].copy()
        self.scales = self.width * _standard_errors(inner, beta, theta, p)
        self.constant = 0.5 * p * LOG_2PI + float(np.log(self.scales).sum())
        centers = np.split(self.center, np.cumsum(sizes)[:-1])
        wide = TermData(
            predictors=tuple(k for k, size in enumerate(sizes) for _ in range(size)),
            codes=np.zeros(len(data.response), np.int32),
            levels=1,
            columns=np.ascontiguousarray(np.hstack([part.X for part in means])),
        )
        known = tuple(map(_known, means, centers))
        response = inner.scaled.data.response
        engine = laplace_engine(
            replace(
                data,
                response=response,
                predictors=(*known, *data.predictors[len(known) :]),
                terms=(*data.terms, wide),
            ),
            self.model.family,
            self.threads,
        )
        self._made = EngineState(engine, response)

    @property
    def state(self) -> EngineState:
        """The engine and where it stands."""
        if self._made is None:
            raise ValueError("the engine has not been made yet")
        return self._made

    @property
    def engine(self) -> LaplaceEngine:
        """The engine, wherever it stands."""
        return cast("LaplaceEngine", self.state.engine)

    def factor(self, factor: FactorMap) -> FactorMap:
        """The model's factor map with the fixed factor of the coefficients after all others.

        Parameters
        ----------
        factor : FactorMap
            From theta to the elements of the model's own factors.
        """
        own = np.diag(self.scales).ravel()
        end = sum(term.width**2 for term in self.scaled.data.terms)
        if isinstance(factor, LinearFactor):
            return replace(
                factor,
                lambda_size=factor.lambda_size + len(own),
                base=np.insert(factor.base, end, own),
            )

        def extended(theta: FloatArray) -> tuple[FloatArray, FloatArray]:
            lam, slopes = factor(theta)
            nothing = np.zeros((len(own), slopes.shape[1]))
            return np.insert(lam, end, own), np.vstack([slopes[:end], nothing, slopes[end:]])

        return extended

    def coefficients(self) -> FloatArray:
        """(p,) modes of the coefficients of the mean where the engine stands."""
        p = len(self.center)
        return self.center + self.scales * self.engine.modes()[-p:]

    def covariance(self) -> FloatArray:
        """(p, p) conditional covariance matrix of these coefficients, random effects integrated."""
        block: FloatArray = self.engine.conditional_covariance()[-1][0]
        return block


def _known(part: PredictorData, coefficients: FloatArray) -> PredictorData:
    """A predictor without coefficients, the given ones part of its offset."""
    shift = part.X @ coefficients
    offset = shift if part.offset is None else part.offset + shift
    return PredictorData(X=np.zeros((len(shift), 0), order="F"), offset=offset)


def _standard_errors(
    inner: LaplaceMarginal, beta: FloatArray, theta: FloatArray, p: int
) -> FloatArray:
    """Rough standard errors (p,) of the coefficients of the mean, which are the first."""
    with inner.state.lock:
        inner.at_point(beta, theta)
        engine = inner.engine
        cross = engine.cross_information()
        information = engine.fixed_information() - cross.T @ engine.solve(cross)
    size = np.sqrt(np.maximum(np.abs(np.diagonal(information)[:p]), 1e-12))
    unit = information[:p, :p] / np.outer(size, size)
    if not np.all(np.isfinite(unit)):
        return np.ones(p)
    variances = np.diagonal(np.linalg.inv(floor_eigenvalues(0.5 * (unit + unit.T), 1e-6)))
    errors: FloatArray = np.sqrt(variances) / size
    return errors
