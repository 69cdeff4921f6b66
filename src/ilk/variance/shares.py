r"""Shares of variance with standard errors and intervals, by the delta method or the bootstrap.

A share :math:`r(\psi)` of the variance has the standard error :math:`s = \sqrt{J V J'}` by the
delta method, with V the covariance matrix of all parameters and J the derivative of r by central
differences.  Its interval is made on a scale where it is closer to normal.  For an intraclass
correlation of a linear model that is Fisher's, :math:`\log(1 + n r / (1 - r))` for clusters of n
rows, in which the F statistic of an analysis of variance is a log ratio of variances.  With
:math:`\lambda = n r / (1 + (n - 1) r)`, the reliability of a cluster's mean, and the odds of r
relative to those of the estimate, :math:`o = \frac{r / (1 - r)}{\hat r / (1 - \hat r)}`, it is

.. math:: \log\left(1 + \tfrac{\lambda}{1 - \lambda}\, o \right), \qquad
          \text{with standard error } \frac{\lambda s}{\hat r (1 - \hat r)}.

For a reliability of one it is the logit scale, which serves all other shares.  On the boundary,
r = 0, there is no such interval.  The parametric bootstrap (`ilk.inference.bootstrap.engine`) gives
percentile intervals, on the boundary too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from ilk.inference.bootstrap.engine import bootstrap, check_draws
from ilk.inference.bootstrap.intervals import check_enough, draw_moments, percentile_limits
from ilk.inference.wald import two_sided
from ilk.num.differences import jacobian
from ilk.prediction.uncertainty import quadratic

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["ShareFunction", "Shares", "Uncertainty", "ratio", "shares_of"]

Uncertainty: TypeAlias = Literal["delta", "bootstrap"]
"""Where standard errors and intervals come from."""

ShareFunction: TypeAlias = "Callable[[Fitted, FloatArray], FloatArray]"
"""Takes a fit and parameters psi (m,) to k shares."""

_STEP = 1e-3
"""Step of the differences, relative to the parameter or in standard errors if these are smaller."""

_NONE = 1e-8
"""A share below it counts as zero."""


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of variance, each (k,).

    Parameters
    ----------
    estimate, std_error, conf_low, conf_high : (k,) arrays
        Numbers between 0 and 1; nan where there is no standard error or interval.
    origin : str
        Where standard errors and intervals come from, in words.
    """

    estimate: FloatArray
    std_error: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray
    origin: str


def ratio(part: float, whole: float) -> float:
    """Part of a whole, nan of nothing."""
    return part / whole if whole > 0.0 else float("nan")


def shares_of(
    fitted: Fitted,
    function: ShareFunction,
    level: float,
    uncertainty: Uncertainty = "delta",
    *,
    reliability: FloatArray | None = None,
    **options: Any,
) -> Shares:
    """Compute shares, their standard errors and intervals.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    function : callable
        Takes a fit and its parameters to k shares.
    level : float
        Coverage of the intervals.
    uncertainty : {"delta", "bootstrap"}
        Where they come from.
    reliability : (k,) array, optional
        Of the clusters, for intraclass correlations.
    **options
        Of the bootstrap: ``draws, seed, n_jobs``.

    Returns
    -------
    Shares
    """
    if uncertainty == "delta":
        return _by_delta(fitted, function, level, reliability)
    check_enough(check_draws(options.get("draws", 999)), level)
    drawn = bootstrap(
        fitted, lambda again: function(again, again.estimates.psi), name="shares", **options
    )
    low, high = percentile_limits(drawn.values, level)
    lost = f" ({drawn.failed} more failed and are left out)" if drawn.failed else ""
    return Shares(
        drawn.estimate,
        draw_moments(drawn.values)[1],
        low,
        high,
        f"Standard errors and percentile intervals from {len(drawn.values)} refits to responses "
        f"drawn from the model{lost}; seed {drawn.seed}.",
    )


def _by_delta(
    fitted: Fitted, function: ShareFunction, level: float, reliability: FloatArray | None
) -> Shares:
    z = two_sided(level)
    psi, V = fitted.estimates.psi, fitted.psi_covariance()
    estimate = function(fitted, psi)
    spread = np.sqrt(np.maximum(np.nan_to_num(np.diag(V)), 0.0))
    steps = _STEP * np.maximum(1.0, np.abs(psi))
    steps = np.where(spread > 0.0, np.minimum(steps, 0.1 * spread), steps)
    slope = jacobian(lambda moved: function(fitted, moved), psi, steps)
    flat = np.abs(slope) * np.where(spread > 0.0, spread, 1.0) < 1e-12
    variance = quadratic(np.where(flat, 0.0, slope), V)
    inside = (estimate > _NONE) & (estimate < 1.0)
    error = np.where(inside, np.sqrt(variance), np.nan)
    low, high = _limits(estimate, z * error, reliability)
    scale = "the logit scale" if reliability is None else "Fisher's scale of such correlations"
    return Shares(
        estimate,
        error,
        low,
        high,
        "Standard errors by the delta method with the covariance of all parameters; intervals are "
        f"made on {scale}.",
    )


def _limits(
    estimate: FloatArray, reach: FloatArray, reliability: FloatArray | None
) -> tuple[FloatArray, FloatArray]:
    """Limits of shares whose estimates plus and minus the reach would be the plain limits."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        odds = estimate / (1.0 - estimate)
        half = reach / (estimate * (1.0 - estimate))
        if reliability is None:
            ends = [odds * np.exp(-half), odds * np.exp(half)]
        else:
            ratio = np.clip(reliability, 1e-3, 1.0 - 1e-9)
            kappa = ratio / (1.0 - ratio)
            ends = [
                odds * np.maximum((1.0 + kappa) * np.exp(side * ratio * half) - 1.0, 0.0) / kappa
                for side in (-1.0, 1.0)
            ]
        low, high = (np.where(np.isinf(end), 1.0, end / (1.0 + end)) for end in ends)
    return low, high
