r"""Two means compared: their difference and their ratio, with intervals.

The means are functions of the flat parameter vector psi, with the same estimand on both sides. The
variance of a contrast :math:`c(\psi)` is :math:`\dot c' V \dot c` (delta method), where V is the
covariance matrix of the estimates of psi, so that it counts the uncertainty of the coefficients and
of the variances. The gradient is a central difference with steps of a thousandth of a standard
error; a fit is a frozen record, so it is taken on copies of it. The interval of the ratio is
symmetric on the logarithmic scale.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from ilk.inference.wald import two_sided
from ilk.prediction.predict import predict

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.prediction.levels import Cases
    from ilk.typing import FloatArray

__all__ = ["Comparison", "compare_means"]

_STEP = 1e-3
"""Step of the differences, in standard errors."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two means, their difference and their ratio.

    Parameters
    ----------
    estimand : str
        The question that the means answer.
    before, after : float
        The means.
    difference, difference_low, difference_high : float
        After minus before, and its interval.
    ratio, ratio_low, ratio_high : float
        After over before, and its interval; nan unless both means are positive.
    """

    estimand: str
    before: float
    after: float
    difference: float
    difference_low: float
    difference_high: float
    ratio: float
    ratio_low: float
    ratio_high: float


def compare_means(
    fitted: Fitted,
    cases: Cases,
    *,
    estimand: Literal["typical", "population"],
    level: float = 0.95,
) -> Comparison:
    """Compare the means of two rows.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    cases : Cases
        Two rows: before and after.
    estimand : {"typical", "population"}
        The question: a cluster with random effects at zero, or the average over clusters.
    level : float
        Coverage of the intervals.

    Returns
    -------
    Comparison
        The means and their contrasts.
    """
    if cases.rows != 2:
        raise ValueError(f"a comparison takes two rows, not {cases.rows}")
    z = two_sided(level)
    means = predict(fitted, cases, estimand=estimand).estimate
    jacobian = _jacobian(fitted, cases, estimand)
    inner = fitted.psi_covariance()
    before, after = float(means[0]), float(means[1])
    half = z * _error(jacobian[1] - jacobian[0], inner)
    ratio = low = high = float("nan")
    if before > 0.0 and after > 0.0:
        spread = z * _error(jacobian[1] / after - jacobian[0] / before, inner)
        ratio = after / before
        low, high = ratio * float(np.exp(-spread)), ratio * float(np.exp(spread))
    difference = after - before
    return Comparison(
        estimand=estimand,
        before=before,
        after=after,
        difference=difference,
        difference_low=difference - half,
        difference_high=difference + half,
        ratio=ratio,
        ratio_low=low,
        ratio_high=high,
    )


def _jacobian(
    fitted: Fitted, cases: Cases, estimand: Literal["typical", "population"]
) -> FloatArray:
    """(2, m) derivative of the means in psi."""
    psi = fitted.estimates.psi
    variance = np.diag(fitted.psi_covariance())
    error = np.sqrt(np.where(np.isfinite(variance) & (variance > 0.0), variance, 1e-4))
    jacobian = np.empty((cases.rows, len(psi)))
    for j, size in enumerate(_STEP * error):
        sides = []
        for sign in (1.0, -1.0):
            moved = psi.copy()
            moved[j] += sign * size
            sides.append(predict(_at(fitted, moved), cases, estimand=estimand).estimate)
        jacobian[:, j] = (sides[0] - sides[1]) / (2.0 * size)
    return jacobian


def _at(fitted: Fitted, psi: FloatArray) -> Fitted:
    """Copy of a fit at other parameters."""
    covariances = fitted.covariances_at(psi)
    return replace(fitted, estimates=replace(fitted.estimates, psi=psi, covariances=covariances))


def _error(gradient: FloatArray, inner: FloatArray) -> float:
    """Compute a standard error; nan if a parameter without variance matters to the contrast."""
    lost = ~np.isfinite(np.diag(inner))
    scale = float(np.max(np.abs(gradient), initial=0.0))
    if np.any(np.abs(gradient[lost]) > 1e-8 * scale):
        return float("nan")
    known = gradient[~lost]
    return float(np.sqrt(max(known @ inner[np.ix_(~lost, ~lost)] @ known, 0.0)))
