"""Coefficients of fits within clusters: names, intervals, ratios.

Statistics of the linear model with absorbed clusters are t with the residual degrees of freedom;
robust ones are t with the number of clusters less one; all others are standard normal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ilk.errors import ModelError
from ilk.inference.wald import CoefficientCovariance, CoefficientTable, labelled, wald_table

if TYPE_CHECKING:
    from ilk.fixed_effects import ConditionalFitted, FixedFitted
    from ilk.inference.labelled import Labelled
    from ilk.typing import FloatArray

__all__ = [
    "ratio_name",
    "ratio_table",
    "within_covariance",
    "within_params",
    "within_std_errors",
    "within_table",
]

WithinFitted: TypeAlias = "FixedFitted | ConditionalFitted"

_RATIOS = {
    ("binomial", "logit"): "odds ratio",
    ("beta_binomial", "logit"): "odds ratio",
    ("poisson", "log"): "rate ratio",
    ("negative_binomial_1", "log"): "rate ratio",
    ("negative_binomial_2", "log"): "rate ratio",
    ("binomial", "cloglog"): "hazard ratio",
    ("binomial", "log"): "risk ratio",
}


def _labelled(fitted: WithinFitted, values: FloatArray) -> Labelled:
    return labelled(values, fitted.within.names, fitted.within.all_names)


def within_params(fitted: WithinFitted) -> Labelled:
    """Give the coefficients, by name; nan where comparisons within clusters say nothing."""
    return _labelled(fitted, fitted.coef)


def within_std_errors(fitted: WithinFitted) -> Labelled:
    """Give the standard errors of the coefficients, by name."""
    return _labelled(fitted, np.sqrt(np.diag(fitted.vcov)))


def within_covariance(fitted: WithinFitted) -> CoefficientCovariance:
    """Give the covariance matrix of the coefficients, and the kind of estimator."""
    within = fitted.within
    return CoefficientCovariance(within.vcov.copy(), within.names, within.covariance_kind)


def within_table(fitted: WithinFitted, level: float = 0.95) -> CoefficientTable:
    """Collect estimates, standard errors, statistics, p-values and intervals.

    Parameters
    ----------
    fitted : FixedFitted or ConditionalFitted
        The fit.
    level : float
        Coverage of the intervals.

    Returns
    -------
    CoefficientTable
    """
    return wald_table(within_params(fitted), within_std_errors(fitted), level, fitted.within.df)


def ratio_name(fitted: WithinFitted) -> str | None:
    """Name what the exponential of a coefficient is; None if it is no ratio."""
    family = fitted.family
    name = _RATIOS.get((family.name, family.link.name))
    return "ratio of means" if name is None and family.link.name == "log" else name


def ratio_table(fitted: WithinFitted, level: float = 0.95) -> CoefficientTable:
    """Exponentials of the coefficients with their limits; the statistics are those of the log.

    Parameters
    ----------
    fitted : FixedFitted or ConditionalFitted
        The fit.
    level : float
        Coverage of the intervals.

    Raises
    ------
    ModelError
        The link is not one whose differences are ratios.
    """
    if ratio_name(fitted) is None:
        raise ModelError(
            f"With the link {fitted.family.link.name!r} the exponential of a coefficient is not a "
            "ratio; read the coefficients themselves (tidy()).",
            code="no-ratio",
        )
    table = within_table(fitted, level)
    with np.errstate(over="ignore"):
        estimate = np.exp(table.estimate)
        return CoefficientTable(
            names=table.names,
            estimate=estimate,
            std_error=estimate * table.std_error,
            statistic=table.statistic,
            df=table.df,
            p_value=table.p_value,
            conf_low=np.exp(table.conf_low),
            conf_high=np.exp(table.conf_high),
        )
