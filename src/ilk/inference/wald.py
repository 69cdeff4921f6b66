r"""Standard errors, z statistics and Wald intervals of the coefficients.

For a coefficient b with standard error s the statistic is z = b / s, referred to the standard
normal distribution, and the interval is :math:`b \pm z_{1 - \alpha/2}\, s`.  Coefficients of
columns that the data cannot tell from others were left out of the fit; they stand in every table
as nan.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from ilk.errors import ModelError
from ilk.inference.labelled import Labelled

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray, IntArray

__all__ = [
    "CoefficientCovariance",
    "CoefficientTable",
    "check_level",
    "check_method",
    "coefficient_covariance",
    "coefficient_table",
    "covariance_kind",
    "params",
    "std_errors",
    "two_sided",
]


@dataclass(frozen=True, slots=True)
class CoefficientCovariance:
    """Covariance matrix of the estimated coefficients, and where it comes from.

    Parameters
    ----------
    matrix : (P, P) array
        Covariance matrix of the coefficients that the data determine.
    names : tuple of (str, str)
        ``(component, name)`` of its rows and columns.
    kind : str
        The estimator that made it, in words.
    """

    matrix: FloatArray
    names: tuple[tuple[str, str], ...]
    kind: str

    def __array__(self, dtype: object = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.matrix, dtype=dtype)  # type: ignore[call-overload, no-any-return]


@dataclass(frozen=True, slots=True)
class CoefficientTable:
    """Coefficients with everything that Wald inference says about them.

    All arrays are (P,), with one element for each coefficient of the formula; those that the data
    do not determine are nan.

    Parameters
    ----------
    names : tuple of (str, str)
        ``(component, name)``.
    estimate, std_error, statistic, p_value, conf_low, conf_high : (P,) arrays
        The columns of the table; p-values are two-sided.
    """

    names: tuple[tuple[str, str], ...]
    estimate: FloatArray
    std_error: FloatArray
    statistic: FloatArray
    p_value: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray


def covariance_kind(fitted: Fitted) -> str:
    """Name the estimator of the coefficients' covariance matrix."""
    if fitted.model.linear and not fitted.design.terms:
        return "least squares"
    if fitted.model.linear:
        return "generalized least squares at the estimated covariance parameters"
    return "joint observed information of coefficients and covariance parameters"


def _positions(fitted: Fitted) -> tuple[tuple[tuple[str, str], ...], IntArray]:
    """All coefficients of the formula, and where the estimated ones stand among them."""
    names: list[tuple[str, str]] = []
    positions: list[int] = []
    for part in fitted.model.fitted_parts:
        estimated = set(part.names)
        for name in part.all_names:
            if name in estimated:
                positions.append(len(names))
            names.append((part.predictor, name))
    return tuple(names), np.array(positions, dtype=np.int64)


def _labelled(fitted: Fitted, values: FloatArray) -> Labelled:
    names, positions = _positions(fitted)
    out = np.full(len(names), np.nan)
    out[positions] = values
    estimated = set(fitted.names)
    return Labelled(out, names, tuple(name for name in names if name not in estimated))


def params(fitted: Fitted) -> Labelled:
    """Give the coefficients of all predictors, by name."""
    return _labelled(fitted, fitted.coef)


def std_errors(fitted: Fitted) -> Labelled:
    """Give the standard errors of the coefficients, by name."""
    return _labelled(fitted, np.sqrt(np.diag(fitted.vcov)))


def coefficient_covariance(fitted: Fitted) -> CoefficientCovariance:
    """Give the covariance matrix of the coefficients that the data determine."""
    return CoefficientCovariance(fitted.vcov.copy(), fitted.names, covariance_kind(fitted))


def coefficient_table(fitted: Fitted, level: float = 0.95) -> CoefficientTable:
    """Collect estimates, standard errors, z statistics, p-values and intervals of the coefficients.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    level : float
        Coverage of the intervals.

    Returns
    -------
    CoefficientTable
    """
    z = two_sided(level)
    estimates, errors = params(fitted), std_errors(fitted)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = estimates.array / errors.array
    return CoefficientTable(
        names=estimates.names,
        estimate=estimates.array,
        std_error=errors.array,
        statistic=statistic,
        p_value=normal_p_values(statistic),
        conf_low=estimates.array - z * errors.array,
        conf_high=estimates.array + z * errors.array,
    )


def normal_p_values(statistic: FloatArray) -> FloatArray:
    """Compute two-sided p-values of standard normal statistics, exact far into the tails."""
    return np.array([math.erfc(abs(z) / math.sqrt(2.0)) for z in statistic], dtype=np.float64)


def two_sided(level: float) -> float:
    """Find the normal quantile of a two-sided interval with a given coverage.

    Parameters
    ----------
    level : float
        Coverage, between 0 and 1.

    Examples
    --------
    >>> round(two_sided(0.95), 6)
    1.959964
    """
    return NormalDist().inv_cdf(0.5 + 0.5 * check_level(level))


def check_level(level: float) -> float:
    """Check a coverage; the error says what is wrong with it."""
    try:
        value = float(level)
    except (TypeError, ValueError):
        value = math.nan
    if not 0.0 < value < 1.0:
        hint = " Write 0.95 for 95 percent." if 1.0 < value <= 100.0 else ""
        raise ModelError(f"level={level!r}: give a coverage between 0 and 1.{hint}", code="level")
    return value


def check_method(method: str, available: Sequence[str], later: Sequence[str]) -> None:
    """Refuse a kind of interval that this version does not compute, and say which there are."""
    if method in available:
        return
    known = method in later
    what = "is not available in this version" if known else "is not known"
    raise ModelError(
        f"method={method!r} {what}; available: {', '.join(map(repr, available))}.",
        code="method",
    )
