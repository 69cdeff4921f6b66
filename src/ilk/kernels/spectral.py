r"""Linear mixed model of one effect per individual with a known covariance: by one rotation.

The likelihood is that of :mod:`.rotated`.  Of the random effects,

.. math:: H^{-1} = K - \tau B \operatorname{diag}(w) B', \qquad B = K_{\cdot o} D^{1/2} U, \qquad
   \hat u = \lambda B \operatorname{diag}(w)\, \tilde e,

with o the levels that have data.
"""

from __future__ import annotations

from typing import Literal, final

import numpy as np

from ilk.kernels.contract import (
    EngineData,
    FactorMap,
    LinearEvaluation,
    LinearFactor,
    SearchResult,
)
from ilk.kernels.rotated import Profile, Rotated, profile
from ilk.kernels.spectrum import Spectrum
from ilk.num.differences import jacobian
from ilk.num.search import maximize
from ilk.typing import FloatArray

__all__ = ["SpectralEngine", "spectrum_of"]

_GRID = 10.0 ** np.arange(-5.0, 8.01, 0.25)
"""Ratios of the variances, in units of the mean eigenvalue, among which a search looks first."""

_CAP = 2.0
"""Greatest change of a covariance parameter in one step."""

_TOLERANCE = 1e-12
"""Predicted gain at which a search ends at the latest: evaluations are cheap."""


def spectrum_of(data: EngineData) -> Spectrum | None:
    """Spectrum of the one random term if rotation solves the model, otherwise None.

    Parameters
    ----------
    data : EngineData
        Response, design and grouping.
    """
    if len(data.predictors) != 1 or len(data.terms) != 1:
        return None
    term = data.terms[0]
    if term.precision is None or term.columns is not None or term.weights is not None:
        return None
    return term.precision.spectrum


@final
class SpectralEngine:
    """Profiled log-likelihood of a linear mixed model, diagonal after the rotation.

    The methods are those of :class:`ilk.kernels.contract.LinearEngine`.  The precision matrix does
    not vary: its elements in ``lam`` stand for the spectrum, and have no derivatives.

    Parameters
    ----------
    data : EngineData
        Response, design and grouping; one predictor, one term with a spectrum.
    count : float, optional
        Number of observations; by default the number of rows.
    """

    def __init__(self, data: EngineData, count: float | None = None) -> None:
        spectrum = spectrum_of(data)
        if spectrum is None:
            raise ValueError("rotation needs one predictor and one random intercept of known K")
        n, term = len(data.response), data.terms[0]
        self._spectrum, self._levels = spectrum, term.levels
        self._count = float(n) if count is None else float(count)
        self._w = np.ones(n) if data.weights is None else data.weights
        self._offset = data.predictors[0].offset
        weights = np.bincount(term.codes, self._w, term.levels).astype(np.float64)
        self._rotation = spectrum.rotation(weights)
        position = np.zeros(term.levels, dtype=np.intp)
        position[self._rotation.seen] = np.arange(len(self._rotation.seen))
        self._place = position[term.codes]
        self._X = data.predictors[0].X
        self._apart_X = self._apart(self._X)
        self._squares: FloatArray | None = None  # of the elements of B
        self.set_response(data.response)

    def set_response(self, response: FloatArray) -> None:
        """Replace the response (n,), keeping everything else."""
        y = np.asarray(response, dtype=np.float64)
        y = y if self._offset is None else y - self._offset
        rotated, within = (part[:, 0] for part in self._apart(y[:, None]))
        X, within_X = self._apart_X
        self._data = Rotated(
            values=self._rotation.values,
            X=X,
            y=rotated,
            within_X=within_X,
            within_y=within,
            within_XX=within_X.T @ within_X,
            within_Xy=within_X.T @ within,
        )
        self._last: Profile | None = None

    def _apart(self, columns: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Rotated means (o, k) of the levels, and weighted deviations (n, k) from them."""
        sums = self._sums(columns)
        root = self._rotation.root[:, None]
        rotated = self._rotation.vectors.T @ (sums / root)
        if len(columns) == len(sums):  # a row each
            return rotated, np.zeros((1, columns.shape[1]))
        within = columns - (sums / root**2)[self._place]
        return rotated, np.sqrt(self._w)[:, None] * within

    def _sums(self, columns: FloatArray) -> FloatArray:
        """Z'W times columns (n, k), of the levels with data: (o, k)."""
        o = len(self._rotation.seen)
        sums = np.empty((o, columns.shape[1]))
        for j, column in enumerate(columns.T):
            sums[:, j] = np.bincount(self._place, self._w * column, o)
        return sums

    # ---- evaluation and search ----------------------------------------------------------------

    def evaluate(self, lam: FloatArray, *, reml: bool, gradient: bool = True) -> LinearEvaluation:
        """Profiled log-likelihood; see :class:`ilk.kernels.contract.LinearEngine`."""
        at = self._profile(float(lam[0]), reml)
        slopes = np.concatenate([[at.gradient], np.zeros(len(lam) - 1)]) if gradient else None
        return LinearEvaluation(at.value, at.beta, at.sigma2, slopes)

    def _profile(self, relative: float, reml: bool) -> Profile:
        nu = self._count - (self._X.shape[1] if reml else 0)
        self._last = profile(self._data, relative, nu, reml=reml)
        return self._last

    def fit(
        self,
        factor: FactorMap,
        *,
        theta: FloatArray | None = None,
        reml: bool,
        max_steps: int = 100,
        tolerance: float = 1e-8,
    ) -> SearchResult:
        """Maximize over theta; see :class:`ilk.kernels.contract.LinearEngine`.

        One parameter that is lambda up to a factor is looked for over its whole range; otherwise
        the search goes from ``theta`` on.
        """
        looked = 0
        if isinstance(factor, LinearFactor) and factor.theta_size == 1:
            theta, looked = self._look(factor, reml)
        if theta is None:
            raise ValueError("a factor map that is not linear needs a start of theta")

        def objective(x: FloatArray) -> tuple[float, FloatArray]:
            relative, slope = _relative(factor, x)
            at = self._profile(relative, reml)
            return at.value, slope * at.gradient

        theta = np.array(theta, dtype=np.float64)
        end = maximize(
            objective,
            theta,
            self._inverse_information(factor, theta, reml),
            np.full(len(theta), _CAP),
            max_steps=max_steps,
            tolerance=min(tolerance, _TOLERANCE),
        )
        at = self._profile(_relative(factor, end.x)[0], reml)
        status: Literal["converged", "line_search", "max_steps", "no_mode"] = (
            "no_mode" if end.status == "running" else end.status
        )
        return SearchResult(
            status="converged" if end.decrement < tolerance else status,
            beta=at.beta,
            theta=end.x,
            value=end.value,
            gradient=end.gradient,
            inverse_hessian=self._inverse_information(factor, end.x, reml),
            decrement=end.decrement,
            steps=end.steps,
            evaluations=end.evaluations + looked,
            passes=end.evaluations + looked,
            clipped=False,
            sigma2=at.sigma2,
        )

    def _look(self, factor: LinearFactor, reml: bool) -> tuple[FloatArray, int]:
        """The best theta (1,) of a grid and zero, and the number of evaluations."""
        unit = _relative(factor, np.ones(1))[0]
        relative = np.sqrt(_GRID / np.mean(self._data.values))
        values = [self._profile(float(size), reml).value for size in relative]
        best = int(np.argmax(values))
        zero = self._profile(0.0, reml)
        at_zero = zero.information >= 0.0 and zero.value >= values[best]
        return np.array([0.0 if at_zero else relative[best] / unit]), len(values) + 1

    def _inverse_information(self, factor: FactorMap, theta: FloatArray, reml: bool) -> FloatArray:
        """Inverse Hessian (m, m) of minus the likelihood, as far as it is positive."""
        information = self.information(factor, theta, np.ones(len(theta)), reml=reml)[0]
        values, vectors = np.linalg.eigh(information)
        size = np.maximum(np.abs(values), 1e-8)
        return np.asarray((vectors / size) @ vectors.T)

    def information(
        self, factor: FactorMap, theta: FloatArray, scale: FloatArray, *, reml: bool
    ) -> tuple[FloatArray, FloatArray]:
        """Curvature in theta; see :class:`ilk.kernels.contract.LinearEngine`.

        Exact, but for the curvature of a factor that is not linear.
        """
        relative, slope = _relative(factor, theta)
        at = self._profile(relative, reml)
        out = at.information * np.outer(slope, slope)
        if not isinstance(factor, LinearFactor):
            bend = jacobian(lambda x: _relative(factor, x)[1], theta, 1e-3 * scale)
            out -= 0.5 * at.gradient * (bend + bend.T)
        return out, slope * at.log_sigma2_slope

    # ---- at the last evaluation ---------------------------------------------------------------

    def modes(self) -> FloatArray:
        """Modes u (L,); b = lambda u."""
        at = self._at()
        inner = at.relative * at.w * at.errors
        return self._spectrum.carried(self._rotation, inner[:, None])[:, 0]

    def conditional_covariance(self) -> list[FloatArray]:
        """Conditional variances sigma2 lambda^2 diag H^-1, (L, 1, 1)."""
        at = self._at()
        tau = at.relative**2
        if self._squares is None:
            self._squares = self._spectrum.carry(self._rotation) ** 2
        variances = self._spectrum.diagonal() - tau * (self._squares @ at.w)
        return [(at.sigma2 * tau * variances)[:, None, None]]

    def solve(self, rhs: FloatArray) -> FloatArray:
        """H^-1 rhs for rhs (L, k)."""
        at = self._at()
        inner = at.w[:, None] * self._spectrum.carried_back(self._rotation, rhs)
        carried = self._spectrum.carried(self._rotation, inner)
        return np.asarray(self._spectrum.times(rhs) - at.relative**2 * carried)

    def cross_information(self) -> FloatArray:
        """Lambda Z'W X, (L, p)."""
        out = np.zeros((self._levels, self._X.shape[1]))
        out[self._rotation.seen] = self._at().relative * self._sums(self._X)
        return out

    def coefficient_covariance(self) -> FloatArray:
        """A^-1, (p, p)."""
        return self._at().covariance.copy()

    def _at(self) -> Profile:
        if self._last is None:
            raise ValueError("the engine has not evaluated anything yet")
        return self._last


def _relative(factor: FactorMap, theta: FloatArray) -> tuple[float, FloatArray]:
    """Lambda and its derivative (m,)."""
    if isinstance(factor, LinearFactor):
        mine = factor.rows == 0
        slope = np.zeros(factor.theta_size)
        np.add.at(slope, factor.columns[mine], factor.values[mine])
        return float(factor.base[0] + slope @ theta), slope
    lam, slopes = factor(theta)
    return float(lam[0]), slopes[0]
