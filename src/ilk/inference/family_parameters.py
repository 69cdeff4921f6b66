r"""Constant parameters of a family on the scale on which readers know them.

A parameter without covariates is an intercept b on the scale of its predictor.  What is shown is
g(b), such as :math:`\phi = e^b`, with the Wald interval of b carried over,
:math:`g(b \pm z s)`, and the standard error :math:`|g'(b)|\, s` by the delta method.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.inference.infinite import infinite
from ilk.inference.wald import two_sided

if TYPE_CHECKING:
    from ilk.design.fixed import FixedPart
    from ilk.family.scale import ParameterScale
    from ilk.fitted import Fitted

__all__ = ["FamilyParameter", "family_parameters", "is_constant"]

_STEP = 1e-4


@dataclass(frozen=True, slots=True)
class FamilyParameter:
    """A constant parameter of a family.

    Parameters
    ----------
    component : str
        Name of the parameter, that of its predictor.
    label, symbol : str
        What it is called, in words and as a letter.
    estimate, std_error, conf_low, conf_high : float
        On the scale of the parameter; the last three are nan where the data drive it to its limit.
    typical : bool
        Whether it is that of clusters whose random effects in this predictor are zero.
    """

    component: str
    label: str
    symbol: str
    estimate: float
    std_error: float
    conf_low: float
    conf_high: float
    typical: bool


def is_constant(part: FixedPart) -> bool:
    """Whether a predictor is an intercept alone, its random effects aside.

    Parameters
    ----------
    part : FixedPart
        The predictor.
    """
    return part.X.shape[1] == 1 and part.offset is None and float(np.ptp(part.X[:, 0])) == 0.0


def family_parameters(fitted: Fitted, level: float = 0.95) -> tuple[FamilyParameter, ...]:
    """Give the constant parameters of the family on their own scale.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    level : float
        Coverage of the intervals.

    Returns
    -------
    tuple of FamilyParameter
        Those that are constant and have a scale of their own, in the family's order; the residual
        standard deviation of the linear model too.
    """
    z = two_sided(level)
    found = []
    for part in fitted.design.fixed:
        scale = fitted.family.scale(part.predictor)
        if part.predictor == "mean" or scale is None or not is_constant(part):
            continue
        if part.predictor not in fitted.model.slices:  # sigma of the linear model is profiled
            center = math.log(fitted.estimates.sigma2)
            error = math.sqrt(float(fitted.psi_covariance()[-1, -1]))
        else:
            place = fitted.model.slices[part.predictor].start
            center = float(fitted.coef[place] * part.X[0, 0])
            variance = float(fitted.vcov[place, place]) * float(part.X[0, 0]) ** 2
            gone = bool(infinite(fitted)[place])
            error = math.nan if gone or not variance >= 0.0 else math.sqrt(variance)
        typical = any(term.reaches(part.predictor) for term in fitted.design.terms)
        found.append(_on_scale(part.predictor, scale, center, error, z, typical))
    return tuple(found)


def _on_scale(
    component: str, scale: ParameterScale, center: float, error: float, z: float, typical: bool
) -> FamilyParameter:
    """Carry an estimate and its interval over to the scale of the parameter."""
    places = center + np.array([0.0, -z * error, z * error, -_STEP, _STEP])
    with np.errstate(all="ignore"):
        value, low, high, before, after = scale.inverse(places)
    return FamilyParameter(
        component,
        scale.label,
        scale.symbol,
        float(value),
        abs(float(after - before)) / (2.0 * _STEP) * error,
        float(min(low, high)),
        float(max(low, high)),
        typical,
    )
