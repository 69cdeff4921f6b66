r"""Newton steps with the dummies absorbed.

Row i has log density :math:`l_i(\eta_i, \tau)` with :math:`\eta = o + D\alpha + X\beta` and, for
families whose mean depends on it, the log dispersion :math:`\tau`.  With scores s = dl/d eta,
weights w = -d2l/d eta2, cross weights k = -d2l/d eta d tau and the projection P on D at the weights
w, the dummies are eliminated from the Newton equations:

.. math:: \begin{pmatrix} \tilde X'W\tilde X & \tilde X'k \\ \cdot &
    h_{\tau\tau} - k'P W^{-1} k \end{pmatrix} \begin{pmatrix} \delta_\beta \\ \delta_\tau
    \end{pmatrix} = \begin{pmatrix} \tilde X's \\ s_\tau - k'P W^{-1} s \end{pmatrix}, \qquad
    \tilde X = X - P X,

and :math:`\delta\eta = P W^{-1} s + \tilde X\delta_\beta - P W^{-1} k\, \delta_\tau`; no weight is
ever divided by, since :math:`P W^{-1} s = D (D'WD)^- D's`.  The matrix is the observed information
with the dummies profiled out, so that its inverse is the block of the inverse of the information of
all parameters: the standard errors are those of the explicit dummy regression.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from ilk.errors import FitError
from ilk.fixed_effects.absorb import Dummies, Projector, weigh
from ilk.num import jets
from ilk.num.triangular import cholesky, floor_eigenvalues, solve
from ilk.typing import FloatArray

if TYPE_CHECKING:
    from ilk.family.base import AbstractFamily
    from ilk.fixed_effects.sample import Sample

__all__ = ["SCALE_FREE", "Curvature", "Optimum", "log_densities", "maximize"]

SCALE_FREE = ("gaussian", "gamma", "inverse_gaussian")
"""Families whose estimates of the mean do not depend on the dispersion."""

_GAIN = 1e-11
"""Predicted gain of a step, in log-likelihood units, after which no further one is needed."""

_MAX_STEPS = 200

_LONGEST = 2.0
"""Longest step of the log dispersion."""

_FLOOR = -30.0
"""Least log dispersion: the family is at its limit without one."""


@final
@dataclass(frozen=True, slots=True)
class Curvature:
    """Information at a point, the dummies profiled out.

    Parameters
    ----------
    projector : Projector
        Projection on the dummies at the working weights.
    left : (n, p) array
        Columns less their projection.
    information : (q, q) array
        Information of the coefficients, and of the log dispersion if that is a parameter.
    score : (n,) array
        Derivative of each row's log density in its linear predictor.
    cross, cross_projection, dispersion_score : (n,) arrays or None
        k, P W^-1 k, and derivative in the log dispersion.
    expected : bool
        Whether the weights are expected ones, because with observed ones the point is no maximum.
    """

    projector: Projector
    left: FloatArray
    information: FloatArray
    score: FloatArray
    cross: FloatArray | None = None
    cross_projection: FloatArray | None = None
    dispersion_score: FloatArray | None = None
    expected: bool = False

    def level_means(self, X: FloatArray) -> tuple[FloatArray, ...]:
        """Coefficients (L_j, q) of the dummies in the regression of the columns, and of k / w."""
        weighted = self.projector.weights[:, None] * X
        if self.cross is not None:
            weighted = np.column_stack([weighted, self.cross])
        return self.projector.coefficients(weighted)


@final
@dataclass(frozen=True, slots=True)
class Optimum:
    """Where the search ended.

    Parameters
    ----------
    beta : (p,) array
        Coefficients of the columns.
    tau : float
        Log dispersion; 0 for families whose estimates do not depend on it.
    eta : (n,) array
        Linear predictors, offset included.
    value : float
        Log-likelihood without constants.
    curvature, start : Curvature
        At the optimum, and at the first point.
    steps : int
        Number of steps.
    decrement : float
        Predicted gain of the step that was taken last.
    converged : bool
        Whether that is negligible.
    """

    beta: FloatArray
    tau: float
    eta: FloatArray
    value: float
    curvature: Curvature
    start: Curvature
    steps: int
    decrement: float
    converged: bool


def has_tau(family: AbstractFamily) -> bool:
    """Whether the log dispersion takes part in the search."""
    return family.has_dispersion and family.name not in SCALE_FREE


def row_predictors(
    sample: Sample, eta: FloatArray, tau: float, family: AbstractFamily
) -> list[FloatArray]:
    """All predictors of the rows: of the mean, and of the log dispersion where there is one."""
    if not family.has_dispersion:
        return [eta]
    own = np.full(len(eta), tau)
    return [eta, own if sample.precision is None else own - np.log(sample.precision)]


def log_densities(
    family: AbstractFamily, sample: Sample, eta: FloatArray, tau: float, order: int
) -> jets.Jet:
    """Log densities of the rows, with derivatives in all predictors.

    Parameters
    ----------
    family : AbstractFamily
        The family.
    sample : Sample
        The rows.
    eta : (n,) array
        Linear predictors of the mean.
    tau : float
        Log dispersion.
    order : int
        Highest order of derivatives.
    """
    predictors = row_predictors(sample, eta, tau, family)
    with np.errstate(all="ignore"):
        return family.log_density(sample.y, sample.trials, jets.variables(predictors, order))


def maximize(sample: Sample, family: AbstractFamily, dummies: Dummies) -> Optimum:
    """Maximize the likelihood over the coefficients, the dummies' and the log dispersion.

    Parameters
    ----------
    sample : Sample
        The rows; all columns estimable.
    family : AbstractFamily
        The family.
    dummies : Dummies
        The clusters.

    Returns
    -------
    Optimum
    """
    eta, tau = _first_guess(sample, family)
    beta = np.zeros(sample.X.shape[1])
    start = _observed(sample, family, dummies, eta, tau, expected=True)
    assert start is not None
    # the first guess need not be reachable by the columns: regress on them
    working = start.score / start.projector.weights
    fitted, beta = _regress(start, eta - sample.offset + working)
    first = sample.offset + fitted
    value = _value(sample, family, first, tau)
    if np.isfinite(value):
        eta = first
    else:
        eta, tau = _flat_guess(sample, family)
        beta = np.zeros(sample.X.shape[1])
        value = _value(sample, family, eta, tau)
    if not np.isfinite(value):
        raise FitError(
            "The likelihood could not be evaluated at the starting values: look for extreme "
            "values in the response, the offset or the columns.",
            code="no-likelihood",
        )
    decrement, scale, steps = np.inf, 1.0, 0
    while steps < _MAX_STEPS:
        steps += 1
        curvature = _curvature(sample, family, dummies, eta, tau)
        change, d_beta, d_tau = _newton_step(curvature)
        decrement = float(curvature.score @ change) / 2.0
        if curvature.dispersion_score is not None:
            decrement += float(curvature.dispersion_score.sum()) * d_tau / 2.0
        if family.name in SCALE_FREE:
            scale = max(_scale(sample, family, eta), np.finfo(float).tiny)
        length, after = _search_line(sample, family, eta, change, tau, d_tau, value)
        eta, beta, tau = eta + length * change, beta + length * d_beta, tau + length * d_tau
        value = after if length else value
        if decrement / scale < _GAIN or length == 0.0:
            break
    converged = abs(decrement) / scale < 1e-6
    curvature = _curvature(sample, family, dummies, eta, tau)
    return Optimum(
        beta, tau, eta, value, curvature, start, steps, decrement / scale, bool(converged)
    )


def _first_guess(sample: Sample, family: AbstractFamily) -> tuple[FloatArray, float]:
    """Linear predictors of means close to the data, and the family's own log dispersion."""
    start = _starts(sample, family)
    y = sample.y
    if family.takes_trials:
        size = 1.0 if sample.trials is None else sample.trials
        mean = (y + 0.5) / (size + 1.0)
    elif family.discrete:
        mean = 0.5 * (y + max(float(y.mean()), 0.1))
    elif family.link.range.low == 0.0:
        positive = y[y > 0.0]
        floor = 0.1 * float(positive.mean()) if len(positive) else 1.0
        mean = np.maximum(y, floor) if family.name == "gaussian" else y
    else:
        mean = y
    if family.link.name == "logit" and not family.discrete:
        mean = np.clip(y, 1e-4, 1.0 - 1e-4)
    with np.errstate(all="ignore"):
        eta = family.link.link(mean)
    flat = sample.offset + start[0]
    eta = np.where(np.isfinite(eta), eta, flat)
    return eta, start[1] if has_tau(family) else 0.0


def _flat_guess(sample: Sample, family: AbstractFamily) -> tuple[FloatArray, float]:
    start = _starts(sample, family)
    return sample.offset + start[0], start[1] if has_tau(family) else 0.0


def _starts(sample: Sample, family: AbstractFamily) -> tuple[float, ...]:
    offset = sample.offset if sample.offset.any() else None
    return family.start(sample.y, sample.trials, offset, sample.frequency)


def _value(sample: Sample, family: AbstractFamily, eta: FloatArray, tau: float) -> float:
    values = log_densities(family, sample, eta, tau, 0).value
    total = float(values.sum() if sample.frequency is None else sample.frequency @ values)
    return total if np.isfinite(total) else -np.inf


def _scale(sample: Sample, family: AbstractFamily, eta: FloatArray) -> float:
    """Mean squared Pearson residual: the dispersion, but for degrees of freedom."""
    predictors = row_predictors(sample, eta, 0.0, family)
    with np.errstate(all="ignore"):
        squares = (sample.y - family.mean(predictors)) ** 2 / family.variance(predictors, None)
    return float(np.average(squares, weights=sample.frequency))


def _expected_weights(
    sample: Sample, family: AbstractFamily, predictors: list[FloatArray]
) -> FloatArray:
    """Squared derivative of the mean over the variance: positive wherever the mean is possible."""
    with np.errstate(all="ignore"):
        slope = family.link.derivative(predictors[0])
        if family.takes_trials and sample.trials is not None:
            slope = slope * sample.trials
        weights: FloatArray = slope**2 / family.variance(predictors, sample.trials)
    return weights


def _curvature(
    sample: Sample, family: AbstractFamily, dummies: Dummies, eta: FloatArray, tau: float
) -> Curvature:
    """Observed curvature; expected weights, which lead uphill, where it is no maximum's."""
    observed = _observed(sample, family, dummies, eta, tau, expected=False)
    if observed is not None and cholesky(observed.information) is not None:
        return observed
    expected = _observed(sample, family, dummies, eta, tau, expected=True)
    assert expected is not None
    return expected


def _observed(
    sample: Sample,
    family: AbstractFamily,
    dummies: Dummies,
    eta: FloatArray,
    tau: float,
    *,
    expected: bool,
) -> Curvature | None:
    f = 1.0 if sample.frequency is None else sample.frequency
    jet = log_densities(family, sample, eta, tau, 2)
    score = f * jet.first[0]
    if expected:
        weights = f * _expected_weights(sample, family, row_predictors(sample, eta, tau, family))
        weights = np.maximum(np.where(np.isfinite(weights), weights, 0.0), 1e-280)
        score = np.where(np.isfinite(score), score, 0.0)
    else:
        weights = -f * jet.second[jets.pair(0, 0)]
        if not (np.all(np.isfinite(weights)) and np.all(np.isfinite(score))):
            return None
    projector = weigh(dummies, weights)
    if not np.all(projector.totals > 0.0) or (
        projector.factor is None and len(dummies.sizes) > 1 and not np.all(weights >= 0.0)
    ):
        return None
    X = sample.X
    left = X - projector.project(weights[:, None] * X)
    information = left.T @ (weights[:, None] * left)
    if not has_tau(family):
        return Curvature(projector, left, information, score, expected=expected)
    cross = -f * jet.second[jets.pair(1, 0)]
    projection = projector.project(cross[:, None])[:, 0]
    beside = left.T @ cross
    own = -float(np.sum(f * jet.second[jets.pair(1, 1)])) - float(cross @ projection)
    full = np.block([[information, beside[:, None]], [beside[None, :], np.array([[own]])]])
    return Curvature(projector, left, full, score, cross, projection, f * jet.first[1], expected)


def _regress(curvature: Curvature, response: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Fitted values and coefficients of the weighted regression on dummies and columns."""
    weights = curvature.projector.weights
    projection = curvature.projector.project((weights * response)[:, None])[:, 0]
    root = np.sqrt(weights)
    right = root * (response - projection)
    beta = np.asarray(np.linalg.lstsq(root[:, None] * curvature.left, right, rcond=None)[0], float)
    return projection + curvature.left @ beta, beta


def _newton_step(curvature: Curvature) -> tuple[FloatArray, FloatArray, float]:
    """Changes of the linear predictors, the coefficients and the log dispersion."""
    s = curvature.score
    projection = curvature.projector.project(s[:, None])[:, 0]
    right = curvature.left.T @ s
    if curvature.cross is None or curvature.dispersion_score is None:
        delta = solve(floor_eigenvalues(curvature.information, 1e-14), right)
        return projection + curvature.left @ delta, delta, 0.0
    own = float(curvature.dispersion_score.sum()) - float(curvature.cross @ projection)
    right = np.append(right, own)
    delta = solve(floor_eigenvalues(curvature.information, 1e-10), right)
    if abs(delta[-1]) > _LONGEST:
        delta *= _LONGEST / abs(delta[-1])
    change = projection + curvature.left @ delta[:-1] - curvature.cross_projection * delta[-1]
    return change, delta[:-1], float(delta[-1])


def _search_line(
    sample: Sample,
    family: AbstractFamily,
    eta: FloatArray,
    change: FloatArray,
    tau: float,
    d_tau: float,
    value: float,
) -> tuple[float, float]:
    """Length of the step that raises the likelihood, and its value there; 0 if none does."""
    slack = 1e-13 * (1.0 + abs(value)) * max(1.0, np.sqrt(len(eta)) / 100.0)
    length = 1.0
    for _ in range(40):
        if tau + length * d_tau > _FLOOR or d_tau >= 0.0:
            after = _value(sample, family, eta + length * change, tau + length * d_tau)
            if after >= value - slack:
                return length, after
        length *= 0.5
    return 0.0, value
