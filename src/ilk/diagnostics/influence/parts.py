r"""Log-likelihood of some of the rows: gradient and curvature in all parameters.

The parameters are :math:`\omega = (\beta, \theta)` of the scaled columns, and for the linear model
:math:`\omega = (\beta, \theta, \log\sigma^2)` with the factor :math:`\sigma\Lambda(\theta)`: its
likelihood is that of a Gaussian model with both a mean and a dispersion, for which Laplace's
approximation is exact.  What REML adds, :math:`-\frac12\log|S(\theta)| + \frac p2\log\sigma^2`,
depends on :math:`S = \sigma^2 X'V^{-1}X`, which is a sum over blocks of rows like the
log-likelihood itself, and so is its derivative.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.diagnostics.influence.rows import gaussian_data, square_weights, take_rows
from ilk.errors import FitError
from ilk.inference.robust.general import RowPieces
from ilk.inference.robust.linear import sums_by
from ilk.kernels import laplace_engine

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.kernels.contract import LaplaceEngine
    from ilk.typing import FloatArray, IntArray

__all__ = ["Likelihood", "Part", "steps_for"]

_STEP = 1e-3
"""Steps of differences, in standard errors."""

_PRECISE, _ROUGH = 1e-18, 1e-10
"""Newton decrements at which the modes are accepted."""


@dataclass(frozen=True, slots=True)
class Part:
    """What some rows contribute.

    Parameters
    ----------
    score : (m,) array
        Gradient of their log-likelihood.
    information : (m, m) array
        Minus its second derivatives.
    cross : (p, p) array
        S of the linear model; without elements for others.
    slopes : (k, p, p) array
        Its derivatives in theta.
    """

    score: FloatArray
    information: FloatArray
    cross: FloatArray
    slopes: FloatArray

    def __add__(self, other: Part) -> Part:
        return self._with(other, 1.0)

    def __sub__(self, other: Part) -> Part:
        return self._with(other, -1.0)

    def _with(self, other: Part, sign: float) -> Part:
        return Part(
            self.score + sign * other.score,
            self.information + sign * other.information,
            self.cross + sign * other.cross,
            self.slopes + sign * other.slopes,
        )


class Likelihood:
    """Log-likelihood of any rows of a fit, at its estimates or elsewhere.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    """

    def __init__(self, fitted: Fitted) -> None:
        self.fitted, self.linear = fitted, fitted.model.linear
        marginal, point = fitted.marginal, fitted.point
        self.data = gaussian_data(fitted) if self.linear else marginal.scaled.data
        self.coefs, self.thetas = len(point.beta), len(point.theta)
        tail = [np.log(point.sigma2)] if self.linear else []
        self.at = np.concatenate([point.beta, point.theta, tail])
        self.steps = steps_for(fitted)
        self._factor, self._nodes = marginal.factor, fitted.model.nodes

    @property
    def size(self) -> int:
        """Number of parameters."""
        return len(self.at)

    def engine(self, rows: IntArray | None = None) -> LaplaceEngine:
        """An engine of some rows, or of all."""
        data = self.data if rows is None else take_rows(self.data, rows)
        return laplace_engine(data, self.fitted.family)

    def gradient(self, engine: LaplaceEngine, omega: FloatArray) -> FloatArray:
        """Gradient (m,) at a point."""
        beta, theta, unit = self._split(omega)
        lam, jacobian = self._factor(theta)
        scale = np.sqrt(unit)
        tail = [np.log(unit)] if self.linear else []
        start = np.concatenate([beta, tail])
        for tolerance, cold in ((_PRECISE, False), (_ROUGH, False), (_ROUGH, True)):
            at = engine.evaluate(
                start, scale * lam, nodes=self._nodes, tolerance=tolerance, cold=cold
            )
            if at.converged and at.grad_beta is not None and at.grad_lam is not None:
                break
        else:
            raise FitError(
                "The modes of the random effects of some of the rows could not be found alone; "
                "use exact=True.",
                code="no-mode",
            )
        in_theta = scale * (jacobian.T @ at.grad_lam)
        if not self.linear:
            return np.concatenate([at.grad_beta, in_theta])
        in_unit = at.grad_beta[-1] + 0.5 * scale * float(lam @ at.grad_lam)
        return np.concatenate([at.grad_beta[:-1], in_theta, [in_unit]])

    def value(
        self, engine: LaplaceEngine, beta: FloatArray, lam: FloatArray, unit: float = 1.0
    ) -> float:
        """Criterion at any coefficients and factors, up to a constant; nan if it has no value.

        Parameters
        ----------
        engine : LaplaceEngine
            Of all rows.
        beta : (P,) array
            Coefficients of the scaled columns.
        lam : (sum of q_t^2,) array
            Elements of factors of the covariance matrices.
        unit : float
            Residual variance of the linear model.
        """
        start = np.concatenate([beta, [np.log(unit)] if self.linear else []])
        for cold in (False, True):
            tolerance = _ROUGH if cold else _PRECISE
            at = engine.evaluate(
                start, lam, nodes=self._nodes, gradient=False, tolerance=tolerance, cold=cold
            )
            if at.converged:
                break
        else:
            return float("nan")
        if not (self.linear and self.fitted.model.reml):
            return at.value
        return at.value - 0.5 * float(np.linalg.slogdet(self._cross_here(engine))[1])

    @property
    def best(self) -> tuple[FloatArray, FloatArray, float]:
        """Coefficients, factors and residual variance of the fit, as `value` takes them."""
        beta, theta, unit = self._split(self.at)
        return beta, np.sqrt(unit) * self._factor(theta)[0], unit

    def part(self, rows: IntArray, *, curvature: bool = True) -> Part:
        """What some rows contribute at the estimates.

        Parameters
        ----------
        rows : (r,) array of int
            The rows.
        curvature : bool
            Whether to compute the curvature; zero otherwise.
        """
        if not len(rows):
            return self.nothing()
        engine = self.engine(rows)
        score = self.gradient(engine, self.at)
        information = np.zeros((self.size, self.size))
        if curvature:
            information = self.information(engine)
        cross, slopes = self._cross(engine)
        return Part(score, information, cross, slopes)

    def nothing(self) -> Part:
        """What no rows contribute."""
        p, m = self.coefs if self.linear else 0, self.size
        return Part(np.zeros(m), np.zeros((m, m)), np.zeros((p, p)), np.zeros((self.thetas, p, p)))

    def information(self, engine: LaplaceEngine, at: FloatArray | None = None) -> FloatArray:
        """Observed information (m, m) by central differences of the gradient."""
        middle = self.at if at is None else at
        out = np.empty((self.size, self.size))
        for j, step in enumerate(self.steps):
            ends = []
            for side in (step, -step):
                there = middle.copy()
                there[j] += side
                ends.append(self.gradient(engine, there))
            out[j] = (ends[1] - ends[0]) / (2.0 * step)
        return 0.5 * (out + out.T)

    def row_parts(self, codes: IntArray, count: int, at: FloatArray | None = None) -> list[Part]:
        """What rows contribute, summed by code, in a model without random terms."""
        omega = self.at if at is None else at
        pieces = RowPieces(self.data, self.fitted.family, omega, codes, count)
        scores, informations = pieces.scores(), pieces.informations()
        p = self.coefs if self.linear else 0
        cross, none = np.zeros((count, p, p)), np.zeros((0, p, p))
        if self.linear:
            X, w = self.data.predictors[0].X, square_weights(self.fitted)
            for j in range(p):
                cross[:, j] = sums_by(codes, count, (w * X[:, j])[:, None] * X)
        return [Part(scores[i], informations[i], cross[i], none) for i in range(count)]

    def _split(self, omega: FloatArray) -> tuple[FloatArray, FloatArray, float]:
        theta = omega[self.coefs : self.coefs + self.thetas]
        return omega[: self.coefs], theta, float(np.exp(omega[-1])) if self.linear else 1.0

    def _cross(self, engine: LaplaceEngine) -> tuple[FloatArray, FloatArray]:
        """S and its derivatives in theta, relative to a residual variance of one."""
        if not self.linear:
            return np.zeros((0, 0)), np.zeros((self.thetas, 0, 0))
        start = np.concatenate([self.at[: self.coefs], [0.0]])
        middle = self.at[self.coefs : self.coefs + self.thetas]

        def S(theta: FloatArray) -> FloatArray:
            engine.evaluate(start, self._factor(theta)[0], gradient=False)
            return self._cross_here(engine)

        slopes = np.empty((self.thetas, self.coefs, self.coefs))
        for j in range(self.thetas):
            step = self.steps[self.coefs + j] * np.eye(self.thetas)[j]
            slopes[j] = (S(middle + step) - S(middle - step)) / (2.0 * step[j])
        return S(middle), slopes

    def _cross_here(self, engine: LaplaceEngine) -> FloatArray:
        """X'V^-1 X (p, p) where a Gaussian engine stands."""
        p = self.coefs
        out = engine.fixed_information()[:p, :p]
        if self.thetas:
            C = engine.cross_information()[:, :p]
            out = out - C.T @ engine.solve(C)
        return np.asarray(0.5 * (out + out.T))


def steps_for(fitted: Fitted) -> FloatArray:
    """Steps (m,) of differences in the engine's parameters."""
    covariance, P = fitted.psi_covariance(), len(fitted.coef)
    inverse = np.linalg.inv(fitted.marginal.scaled.coef_map)
    known = np.where(np.isfinite(covariance[:P, :P]), covariance[:P, :P], 0.0)
    variance = np.concatenate([np.diag(inverse @ known @ inverse.T), np.diag(covariance)[P:]])
    sound = np.isfinite(variance) & (variance > 0.0)
    errors = np.sqrt(np.where(sound, variance, 1.0))
    return _STEP * np.minimum(errors, 10.0)
