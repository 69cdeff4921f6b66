r"""Standard errors, z or t statistics and Wald intervals of the coefficients.

For a coefficient b with standard error s the statistic is b / s, referred to the t distribution
with the degrees of freedom of the covariance matrix that s is from (the normal distribution where
there are none), and the interval is :math:`b \pm t_{1 - \alpha/2}\, s`.  By default they are
Satterthwaite's for linear mixed models, n - p for linear models without random effects, and
infinite for all others.  Coefficients of columns that the data cannot tell from others were left
out of the fit; they stand in every table as nan.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from ilk.errors import ModelError
from ilk.fitted import Lazy
from ilk.inference.infinite import infinite
from ilk.inference.labelled import Labelled, label, matrix_text
from ilk.inference.small_sample.satterthwaite import satterthwaite
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
    "default_df",
    "labelled",
    "p_values",
    "params",
    "part_names",
    "quantiles",
    "singular_note",
    "std_errors",
    "two_sided",
    "wald_table",
]


@dataclass(frozen=True, slots=True, repr=False)
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
    df : callable, optional
        Gives the degrees of freedom of a contrast (P,) of the coefficients under this covariance
        matrix; None stands for the normal distribution.
    df_kind : str
        Where the degrees of freedom come from, in words.
    joint : callable, optional
        Gives ``(df, scale)`` of the F statistic of several contrasts (r, P): the denominator's
        degrees of freedom and the factor that the statistic is to be multiplied by.  Without it
        they follow from those of single contrasts.
    """

    matrix: FloatArray
    names: tuple[tuple[str, str], ...]
    kind: str
    df: Callable[[FloatArray], float] | None = field(default=None, repr=False)
    df_kind: str = "infinite (normal distribution)"
    joint: Callable[[FloatArray], tuple[float, float]] | None = field(default=None, repr=False)

    def coefficient_df(self) -> FloatArray:
        """(P,) degrees of freedom of each coefficient; infinite for the normal distribution."""
        if self.df is None:
            return np.full(len(self.names), math.inf)
        return np.array([self.df(row) for row in np.eye(len(self.names))], dtype=np.float64)

    def __array__(self, dtype: object = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.matrix, dtype=dtype)  # type: ignore[call-overload, no-any-return]

    def __repr__(self) -> str:
        if not self.names:
            return "(no coefficients)"
        labels = [label(component, name) for component, name in self.names]
        return (
            f"Covariance matrix of coefficients: {self.kind}\n"
            f"Degrees of freedom: {self.df_kind}\n\n{matrix_text(self.matrix, labels)}"
        )


@dataclass(frozen=True, slots=True)
class CoefficientTable:
    """Coefficients with everything that Wald inference says about them.

    All arrays are (P,), with one element for each coefficient of the formula; those that the data
    do not determine are nan.

    Parameters
    ----------
    names : tuple of (str, str)
        ``(component, name)``.
    estimate, std_error, statistic, df, p_value, conf_low, conf_high : (P,) arrays
        The columns of the table; p-values are two-sided.
    """

    names: tuple[tuple[str, str], ...]
    estimate: FloatArray
    std_error: FloatArray
    statistic: FloatArray
    df: FloatArray
    p_value: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray


def covariance_kind(fitted: Fitted) -> str:
    """Name the estimator of the coefficients' covariance matrix."""
    if fitted.model.linear and not fitted.design.terms:
        return "least squares, residual variance with divisor n - p"
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
    errors = np.where(infinite(fitted), np.nan, np.sqrt(np.diag(fitted.vcov)))
    return labelled(errors, fitted.names, part_names(fitted.model.fitted_parts))


def coefficient_covariance(fitted: Fitted, df: str | None = None) -> CoefficientCovariance:
    """Give the covariance matrix of the coefficients that the data determine.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    df : {None, "satterthwaite", "residual", "normal"}
        Degrees of freedom that go with it; None for those of the kind of model.

    Returns
    -------
    CoefficientCovariance
    """
    words = default_df(fitted) if df is None else df
    compute = {"satterthwaite": _by_satterthwaite, "residual": _by_residual}.get(words)
    return CoefficientCovariance(
        matrix=fitted.vcov.copy(),
        names=fitted.names,
        kind=covariance_kind(fitted),
        df=None if compute is None else compute(fitted),
        df_kind=_DF_KINDS[words] + (singular_note(fitted) if words == "satterthwaite" else ""),
    )


def singular_note(fitted: Fitted, counted: str = "count as absent") -> str:
    """Say what degrees of freedom make of a singular covariance matrix; empty if there is none.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    counted : str
        What they do.
    """
    for G in fitted.estimates.covariances:
        size = np.linalg.eigvalsh(G)
        if size[0] <= 1e-10 * size[-1]:
            return f"; random effects without variance {counted}"
    return ""


def _by_satterthwaite(fitted: Fitted) -> Callable[[FloatArray], float]:
    """Satterthwaite's degrees of freedom, prepared when the first are asked for."""
    prepared = Lazy(lambda: satterthwaite(fitted))
    return lambda contrast: prepared().df(contrast)


def _by_residual(fitted: Fitted) -> Callable[[FloatArray], float]:
    """Residual degrees of freedom, the same for all contrasts."""
    rest = float(fitted.nobs - len(fitted.coef))
    return lambda contrast: rest


_DF_KINDS = {
    "satterthwaite": "Satterthwaite",
    "residual": "residual, n - p",
    "normal": "infinite (normal distribution)",
}


def default_df(fitted: Fitted) -> str:
    """Name the degrees of freedom that tables of this kind of model have unless told otherwise."""
    if not fitted.model.linear:
        return "normal"
    return "satterthwaite" if fitted.design.terms else "residual"


def coefficient_table(
    fitted: Fitted, level: float = 0.95, covariance: CoefficientCovariance | None = None
) -> CoefficientTable:
    """Collect estimates, standard errors, statistics, p-values and intervals of the coefficients.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    level : float
        Coverage of the intervals.
    covariance : CoefficientCovariance, optional
        Covariance matrix and degrees of freedom; those of the model by default.

    Returns
    -------
    CoefficientTable
    """
    check_level(level)
    used = coefficient_covariance(fitted) if covariance is None else covariance
    everything = part_names(fitted.model.fitted_parts)
    roots = np.where(infinite(fitted), np.nan, np.sqrt(np.diag(used.matrix)))
    errors = labelled(roots, used.names, everything)
    df = labelled(used.coefficient_df(), used.names, everything)
    return wald_table(params(fitted), errors, level, df.array)


def wald_table(
    estimates: Labelled, errors: Labelled, level: float = 0.95, df: float | FloatArray = math.inf
) -> CoefficientTable:
    """Work out statistics, p-values and intervals from estimates and standard errors.

    Parameters
    ----------
    estimates, errors : Labelled
        By name; nan for coefficients that the data do not determine.
    level : float
        Coverage of the intervals.
    df : float or (P,) array
        Degrees of freedom of t statistics; infinite for z statistics, zero where there are none.

    Returns
    -------
    CoefficientTable
    """
    each = np.broadcast_to(np.asarray(df, dtype=np.float64), estimates.array.shape).copy()
    values, places = np.unique(each, return_inverse=True)
    quantiles = np.array([two_sided(level, float(value)) for value in values], dtype=np.float64)
    half = quantiles[places.reshape(each.shape)] * errors.array
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(each > 0.0, estimates.array / errors.array, math.nan)
    return CoefficientTable(
        names=estimates.names,
        estimate=estimates.array,
        std_error=errors.array,
        statistic=statistic,
        df=each,
        p_value=p_values(statistic, each),
        conf_low=estimates.array - half,
        conf_high=estimates.array + half,
    )


def p_values(statistic: FloatArray, df: float | FloatArray = math.inf) -> FloatArray:
    """Compute two-sided p-values, exact far into the tails.

    Parameters
    ----------
    statistic : (P,) array
        Statistics, z or t.
    df : float or (P,) array
        Degrees of freedom; infinite for the normal distribution.
    """
    each = np.broadcast_to(np.asarray(df, dtype=np.float64), statistic.shape)
    out = np.array([math.erfc(abs(z) / math.sqrt(2.0)) for z in statistic], dtype=np.float64)
    student = np.flatnonzero(np.isfinite(each) & (each > 0.0))
    if len(student):
        out[student] = 2.0 * special().stdtr(each[student], -np.abs(statistic[student]))
    out[~(each > 0.0)] = math.nan
    return out


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


def quantiles(level: float, df: FloatArray) -> FloatArray:
    """Find the quantiles of two-sided intervals.

    Parameters
    ----------
    level : float
        Coverage.
    df : (r,) array
        Degrees of freedom; infinite for the normal distribution, nan where there are none.

    Examples
    --------
    >>> import numpy as np
    >>> quantiles(0.95, np.array([10.0, np.inf])).round(4)
    array([2.2281, 1.96  ])
    """
    out = np.full(df.shape, two_sided(level))
    drawn = ~np.isinf(df)
    if drawn.any():
        out[drawn] = special().stdtrit(df[drawn], 0.5 + 0.5 * level)
    return out


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
