r"""Intervals of all parameters, by any method: one table with the same rows whatever the method.

The rows are those of the table of parameters: coefficients of every predictor, then standard
deviations and correlations of the random effects, then the residual standard deviation of the
linear model.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.errors import ModelError, did_you_mean
from ilk.inference.wald import check_level, check_method, coefficient_table
from ilk.variance.components import variance_components

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.inference.wald import CoefficientCovariance
    from ilk.typing import FloatArray

__all__ = ["Intervals", "intervals"]

CONDITIONAL = "conditional"


@dataclass(frozen=True, slots=True)
class Intervals:
    """Intervals, one for each of r parameters.

    Parameters
    ----------
    component : tuple of str
        Predictor that the parameter belongs to.
    group : tuple of (str or None)
        Grouping factor of a variance component; None for coefficients.
    term : tuple of str
        Name of the coefficient, or ``sd(...)``, ``correlation(...)``.
    estimate, conf_low, conf_high : (r,) arrays
        Estimates and limits.
    estimand : tuple of (str or None)
        What a coefficient is an effect on.
    method : tuple of str
        How each interval was made.
    notes : tuple of str
        What a reader of the intervals should know.
    """

    component: tuple[str, ...]
    group: tuple[str | None, ...]
    term: tuple[str, ...]
    estimate: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray
    estimand: tuple[str | None, ...]
    method: tuple[str, ...]
    notes: tuple[str, ...] = ()


def intervals(
    fitted: Fitted, level: float = 0.95, method: str = "wald", **options: Any
) -> Intervals:
    """Compute intervals of the parameters.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    level : float
        Coverage.
    method : str
        A key of `METHODS`.
    **options
        Of the method.

    Returns
    -------
    Intervals

    Raises
    ------
    ModelError
        The method is not known or does not take an option.
    """
    check_level(level)
    check_method(method, list(METHODS), [])
    compute = METHODS[method]
    taken = list(inspect.signature(compute).parameters)[2:]
    for name in options:
        if name not in taken:
            raise ModelError(
                f"{name}= is not an option of method={method!r}"
                + (f", which takes {', '.join(taken)}." if taken else ", which takes none.")
                + did_you_mean(name, taken),
                code="option",
            )
    return compute(fitted, level, **options)


def wald_intervals(
    fitted: Fitted, level: float, covariance: CoefficientCovariance | None = None
) -> Intervals:
    """Compute Wald intervals, on the scale where each parameter is closest to normal.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    level : float
        Coverage.
    covariance : CoefficientCovariance, optional
        Of the coefficients; that of the model by default.

    Returns
    -------
    Intervals
    """
    table = coefficient_table(fitted, level, covariance)
    parts = variance_components(fitted, level)
    rows = len(table.names) + len(parts)
    return Intervals(
        component=(*(c for c, _ in table.names), *(c.component for c in parts)),
        group=(*(None for _ in table.names), *(c.group for c in parts)),
        term=(*(name for _, name in table.names), *(f"{c.kind}({c.term})" for c in parts)),
        estimate=np.append(table.estimate, [c.estimate for c in parts]),
        conf_low=np.append(table.conf_low, [c.conf_low for c in parts]),
        conf_high=np.append(table.conf_high, [c.conf_high for c in parts]),
        estimand=(*(CONDITIONAL for _ in table.names), *(None for _ in parts)),
        method=("wald",) * rows,
    )


METHODS: dict[str, Callable[..., Intervals]] = {"wald": wald_intervals}
"""How intervals are made, by name; further arguments than fit and level are options."""
