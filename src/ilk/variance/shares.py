r"""Shares of variance with standard errors and intervals, by the delta method or the bootstrap.

A share :math:`r(\psi)` of the variance has the standard error :math:`\sqrt{J V J'}` by the delta
method, with V the covariance matrix of all parameters and J the derivative of r by central
differences; its interval is

.. math:: \operatorname{expit}\left( \operatorname{logit} r \pm z \frac{s}{r (1 - r)} \right),

which stays between 0 and 1 and is closer to having its nominal coverage.  On the boundary, r = 0,
it does not exist.  The parametric bootstrap (`ilk.inference.bootstrap`) gives percentile intervals,
on the boundary too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from ilk.inference.bootstrap import bootstrap, check_draws
from ilk.inference.bootstrap_intervals import check_enough, draw_moments, percentile_limits
from ilk.inference.wald import two_sided
from ilk.num.differences import jacobian
from ilk.num.stable import special
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
    **options
        Of the bootstrap: ``draws, seed, n_jobs``.

    Returns
    -------
    Shares
    """
    if uncertainty == "delta":
        return _by_delta(fitted, function, level)
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


def _by_delta(fitted: Fitted, function: ShareFunction, level: float) -> Shares:
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
    with np.errstate(divide="ignore", invalid="ignore"):
        center = special().logit(estimate)
        reach = z * error / (estimate * (1.0 - estimate))
        low, high = special().expit(center - reach), special().expit(center + reach)
    return Shares(
        estimate,
        error,
        np.asarray(low),
        np.asarray(high),
        "Standard errors by the delta method with the covariance of all parameters; intervals are "
        "made on the logit scale.",
    )
