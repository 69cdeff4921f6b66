"""Parameters of covariance structures as rows: rho, range, lambda, ... with their intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ilk.num.differences import jacobian
from ilk.variance.record import HALF_LIFE, VarianceComponent

if TYPE_CHECKING:
    from ilk.covariance.base import AbstractCovariance
    from ilk.covariance.natural import Natural
    from ilk.design.random import RandomTerm
    from ilk.typing import FloatArray

__all__ = ["delta_error", "expanded", "exponential", "parameter_rows"]


def parameter_rows(
    term: RandomTerm,
    index: int,
    covariance: AbstractCovariance,
    theta: FloatArray,
    inner: FloatArray,
    z: float,
    *,
    absent: bool = False,
) -> list[VarianceComponent]:
    """Parameters of a structure, with intervals on the scale that has no limits.

    Parameters
    ----------
    term : RandomTerm
        The term.
    index : int
        Its position among the terms.
    covariance : AbstractCovariance
        Its structure.
    theta : (m,) array
        Its covariance parameters.
    inner : (m, m) array
        Covariance matrix of their estimates.
    z : float
        Quantile of the intervals.
    absent : bool
        Whether the term has no variance, so that nothing else is known of it.

    Returns
    -------
    list of VarianceComponent
    """
    parameters = covariance.reported(term.column_names).parameters
    if not parameters:
        return []
    q = len(term.column_names)

    def free(at: FloatArray) -> FloatArray:
        values = covariance.natural(at, q)
        return np.array([p.free(float(x)) for p, x in zip(parameters, values, strict=True)])

    with np.errstate(invalid="ignore"):
        slopes = jacobian(free, theta, 1e-5)
    estimates = covariance.natural(theta, q)
    errors = [delta_error(slope if np.all(np.isfinite(slope)) else None, inner) for slope in slopes]
    rows = []
    shown, values, sources = expanded(parameters, estimates)
    for k, (one, value, source) in enumerate(zip(shown, values, sources, strict=True)):
        edge = absent or parameters[source].at_limit(float(estimates[source]))
        error = math.nan if edge else errors[source]
        middle = one.free(value)
        spread = value - one.low if math.isfinite(one.low) else 1.0
        if math.isfinite(one.high):
            spread *= (one.high - value) / (one.high - one.low)
        rows.append(
            VarianceComponent(
                term.predictor,
                term.group,
                one.terms,
                one.kind,
                value,
                spread * error,
                one.value(middle - z * error),
                one.value(middle + z * error),
                edge,
                (index, k),
                one.low,
                one.high,
            )
        )
    return rows


def expanded(
    parameters: Sequence[Natural], values: FloatArray
) -> tuple[list[Natural], list[float], list[int]]:
    """Parameters with the half-lives that follow from them.

    Parameters
    ----------
    parameters : sequence of k Natural
        What a structure reports.
    values : (k,) array
        Their values.

    Returns
    -------
    parameters : list of Natural
    values : list of float
    sources : list of int
        Position of each among those given.
    """
    shown, found, sources = [], [], []
    for k, (one, value) in enumerate(zip(parameters, values.tolist(), strict=True)):
        shown.append(one)
        found.append(value)
        sources.append(k)
        if one.half_life:
            shown.append(replace(one, kind=HALF_LIFE))
            found.append(one.half_life * value)
            sources.append(k)
    return shown, found, sources


def delta_error(slope: FloatArray | None, inner: FloatArray) -> float:
    """Delta-method standard error; nan where there is none.

    Parameters
    ----------
    slope : (k,) array or None
        Derivative in the parameters.
    inner : (k, k) array
        Covariance matrix of their estimates.
    """
    if slope is None:
        return math.nan
    used = slope != 0.0  # a parameter without standard error only harms what depends on it
    variance = float(slope[used] @ inner[np.ix_(used, used)] @ slope[used])
    return math.sqrt(variance) if variance >= 0.0 else math.nan


def exponential(x: float) -> float:
    """Exponential that overflows to infinity."""
    return math.exp(x) if not x > 709.0 else math.inf
