r"""Standard errors, z or t statistics and Wald intervals of the coefficients.

For a coefficient b with standard error s the statistic is b / s, referred to the standard normal
distribution (or to t where a kind of model says so), and the interval is
:math:`b \pm z_{1 - \alpha/2}\, s`.  Coefficients of
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
from ilk.num.stable import special

if TYPE_CHECKING:
    from ilk.design.fixed import FixedPart
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = [
    "CoefficientCovariance",
    "CoefficientTable",
    "check_level",
    "check_method",
    "coefficient_covariance",
    "coefficient_table",
    "covariance_kind",
    "labelled",
    "p_values",
    "params",
    "part_names",
    "std_errors",
    "two_sided",
    "wald_table",
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


def labelled(
    values: FloatArray,
    names: Sequence[tuple[str, str]],
    all_names: Sequence[tuple[str, str]],
) -> Labelled:
    """Put estimates at their places among all coefficients of the formula; the others are nan.

    Parameters
    ----------
    values : (P,) array
        One for each estimated coefficient.
    names : sequence of (str, str)
        ``(component, name)`` of the estimated coefficients.
    all_names : sequence of (str, str)
        Of all coefficients.
    """
    found = dict(zip(names, values.tolist(), strict=True))
    out = np.array([found.get(name, math.nan) for name in all_names], dtype=np.float64)
    return Labelled(out, tuple(all_names), tuple(name for name in all_names if name not in found))


def part_names(parts: Sequence[FixedPart]) -> tuple[tuple[str, str], ...]:
    """Names of all coefficients of some predictors, those that the data do not determine too."""
    return tuple((part.predictor, name) for part in parts for name in part.all_names)


def params(fitted: Fitted) -> Labelled:
    """Give the coefficients of all predictors, by name."""
    return labelled(fitted.coef, fitted.names, part_names(fitted.model.fitted_parts))


def std_errors(fitted: Fitted) -> Labelled:
    """Give the standard errors of the coefficients, by name."""
    errors = np.sqrt(np.diag(fitted.vcov))
    return labelled(errors, fitted.names, part_names(fitted.model.fitted_parts))


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
    return wald_table(params(fitted), std_errors(fitted), level)


def wald_table(
    estimates: Labelled, errors: Labelled, level: float = 0.95, df: float = math.inf
) -> CoefficientTable:
    """Work out statistics, p-values and intervals from estimates and standard errors.

    Parameters
    ----------
    estimates, errors : Labelled
        By name; nan for coefficients that the data do not determine.
    level : float
        Coverage of the intervals.
    df : float
        Degrees of freedom of t statistics; infinite for z statistics, zero where there are none.

    Returns
    -------
    CoefficientTable
    """
    quantile = two_sided(level, df)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = estimates.array / errors.array
    if not df > 0.0:
        statistic = np.full(len(statistic), math.nan)
    return CoefficientTable(
        names=estimates.names,
        estimate=estimates.array,
        std_error=errors.array,
        statistic=statistic,
        p_value=p_values(statistic, df),
        conf_low=estimates.array - quantile * errors.array,
        conf_high=estimates.array + quantile * errors.array,
    )


def p_values(statistic: FloatArray, df: float = math.inf) -> FloatArray:
    """Compute two-sided p-values, exact far into the tails.

    Parameters
    ----------
    statistic : (P,) array
        Statistics, z or t.
    df : float
        Degrees of freedom; infinite for the normal distribution.
    """
    if math.isinf(df):
        return np.array([math.erfc(abs(z) / math.sqrt(2.0)) for z in statistic], dtype=np.float64)
    if not df > 0.0:
        return np.full(len(statistic), math.nan)
    return np.asarray(2.0 * special().stdtr(df, -np.abs(statistic)))


def two_sided(level: float, df: float = math.inf) -> float:
    """Find the quantile of a two-sided interval with a given coverage.

    Parameters
    ----------
    level : float
        Coverage, between 0 and 1.
    df : float
        Degrees of freedom of the t distribution; infinite for the normal one. nan is given for
        zero.

    Examples
    --------
    >>> round(two_sided(0.95), 6)
    1.959964
    >>> round(two_sided(0.95, 10.0), 4)
    2.2281
    """
    share = 0.5 + 0.5 * check_level(level)
    if math.isinf(df):
        return NormalDist().inv_cdf(share)
    return float(special().stdtrit(df, share)) if df > 0.0 else math.nan


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
