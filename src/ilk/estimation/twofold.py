r"""Models that describe the same extra variation twice: a dispersion, and an effect of each row.

A negative binomial response with effects of rows has two parameters for one thing: both add to the
variance what grows with the square of the mean, and the data see little but the sum.  The evidence
is the profile of the two: how much the log-likelihood falls where either stands alone, the other
fitted anew (:math:`\sigma = 0`, or the dispersion at the limit of its family) and all else held.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from ilk.estimation.identified import doubled_dispersion
from ilk.formula.spec import MEAN

if TYPE_CHECKING:
    from collections.abc import Callable

    from ilk.fitted import Reason
    from ilk.kernels.contract import SearchResult
    from ilk.likelihood.base import AbstractMarginal

__all__ = ["twofold_notes"]

_NO_DISPERSION = -15.0
"""Log dispersion at which counts are those of the family's limit."""

_EVALUATIONS = 24
"""Evaluations that each of the two profiles may take."""

_GOLDEN = 0.5 * (math.sqrt(5.0) - 1.0)


def twofold_notes(marginal: AbstractMarginal, result: SearchResult) -> list[Reason]:
    """Call a model weakly identified that has a dispersion and an effect of each row.

    Parameters
    ----------
    marginal : AbstractMarginal
        The criterion.
    result : SearchResult
        Where the search ended.

    Returns
    -------
    list of Reason
        With the code ``"two_dispersions"``; nothing for all other models.
    """
    found = doubled_dispersion(marginal.model)
    if not found or result.status != "converged":
        return found
    evidence = _evidence(marginal, result)
    return [
        replace(
            reason,
            message=f"weakly identified: {reason.message}{evidence}",
            advice=f"{reason.advice[:-1]}; fit.overdispersion() shows both side by side.",
        )
        for reason in found
    ]


def _evidence(marginal: AbstractMarginal, result: SearchResult) -> str:
    """What the profile of the two parameters says; nothing where the dispersion has a formula."""
    model, start = marginal.model, 0
    part = model.parts["dispersion"]
    if model.family.dispersion_limit is None or part.names != ("Intercept",):
        return ""
    for term, covariance in zip(model.design.terms, model.covariances, strict=True):
        if len(term.grouping.levels) == model.rows and term.predictor == MEAN:
            break
        start += covariance.size(len(term.column_names))
    else:
        return ""
    if len(term.column_names) > 1:
        return ""
    place = model.slices["dispersion"].start
    phi, sigma = float(result.beta[place]), abs(float(result.theta[start]))

    def at(log_dispersion: float, sd: float) -> float:
        beta, theta = result.beta.copy(), result.theta.copy()
        beta[place], theta[start] = log_dispersion, sd
        value = marginal.at_point(beta, theta).value
        return value if math.isfinite(value) else -math.inf

    variance = math.exp(min(phi, 5.0)) + sigma**2
    top = math.sqrt(math.log1p(variance)) + 0.5 + sigma
    dispersed = _highest(lambda log: at(log, 0.0), phi - 1.0, max(phi, math.log(variance)) + 1.0)
    effects = _highest(lambda sd: at(_NO_DISPERSION, sd), 0.0, top)
    lost = [max(result.value - value, 0.0) for value in (dispersed, effects)]
    return (
        f" Of log-likelihood at most {lost[0]:.2f} is lost without the effects of rows, and at "
        f"most {lost[1]:.2f} without the dispersion, the other fitted anew and all else held."
    )


def _highest(value: Callable[[float], float], low: float, high: float) -> float:
    """Greatest value found on an interval, by golden section."""
    inner = [high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)]
    heights = [value(x) for x in inner]
    best = max(heights)
    for _ in range(_EVALUATIONS):
        if heights[0] >= heights[1]:
            high = inner[1]
            inner = [high - _GOLDEN * (high - low), inner[0]]
            heights = [value(inner[0]), heights[0]]
        else:
            low = inner[0]
            inner = [inner[1], low + _GOLDEN * (high - low)]
            heights = [heights[1], value(inner[1])]
        best = max(best, *heights)
    return best
