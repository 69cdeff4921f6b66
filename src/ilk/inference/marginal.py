r"""Coefficients of marginal models: covariance matrices by kind, t or z statistics, intervals.

For a coefficient b with standard error s of the chosen kind the statistic is b / s.  It is referred
to the t distribution with K - p degrees of freedom (clusters minus coefficients) where there are
fewer than 40 clusters or the covariance matrix is one that is corrected for few, else to the normal
distribution.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.gee.sandwich import KIND_NAMES, check_kind
from ilk.inference.wald import (
    CoefficientCovariance,
    CoefficientTable,
    labelled,
    part_names,
    two_sided,
    wald_table,
)
from ilk.num.stable import special

if TYPE_CHECKING:
    from ilk.gee.fitted import GeeFitted
    from ilk.inference.labelled import Labelled
    from ilk.typing import FloatArray

__all__ = [
    "marginal_covariance",
    "marginal_params",
    "marginal_std_errors",
    "marginal_table",
    "normal_level",
]


def marginal_params(fitted: GeeFitted) -> Labelled:
    """Give the coefficients, by name; nan where the data do not determine one."""
    return _labelled(fitted, fitted.coef)


def marginal_std_errors(fitted: GeeFitted, kind: str | None = None) -> Labelled:
    """Give the standard errors, by name.

    Parameters
    ----------
    fitted : GeeFitted
        The fit.
    kind : str, optional
        Kind of covariance matrix; that of the fit by default.
    """
    return _labelled(fitted, np.sqrt(np.diag(_matrix(fitted, kind))))


def marginal_covariance(fitted: GeeFitted, kind: str | None = None) -> CoefficientCovariance:
    """Give the covariance matrix of the coefficients that the data determine.

    Parameters
    ----------
    fitted : GeeFitted
        The fit.
    kind : str, optional
        Kind of covariance matrix; that of the fit by default.
    """
    chosen = fitted.settings.std_errors if kind is None else check_kind(kind)
    return CoefficientCovariance(_matrix(fitted, kind).copy(), fitted.names, KIND_NAMES[chosen])


def marginal_table(
    fitted: GeeFitted, level: float = 0.95, kind: str | None = None
) -> CoefficientTable:
    """Collect estimates, standard errors, statistics, p-values and intervals.

    Parameters
    ----------
    fitted : GeeFitted
        The fit.
    level : float
        Coverage of the intervals.
    kind : str, optional
        Kind of covariance matrix; that of the fit by default.

    Returns
    -------
    CoefficientTable
    """
    df = fitted.df(None if kind is None else check_kind(kind))
    return wald_table(marginal_params(fitted), marginal_std_errors(fitted, kind), level, df)


def normal_level(level: float, df: float) -> float:
    """Coverage at which the normal quantile is the t quantile of a given coverage.

    Parameters
    ----------
    level : float
        Coverage.
    df : float
        Degrees of freedom.

    Examples
    --------
    >>> from ilk.inference.marginal import normal_level
    >>> round(normal_level(0.95, 10.0), 4)
    0.9741
    """
    quantile = two_sided(level, df)
    return level if np.isinf(df) else float(1.0 - 2.0 * special().ndtr(-quantile))


def _matrix(fitted: GeeFitted, kind: str | None) -> FloatArray:
    return fitted.vcov if kind is None else fitted.covariances[check_kind(kind)]()


def _labelled(fitted: GeeFitted, values: FloatArray) -> Labelled:
    return labelled(values, fitted.names, part_names(fitted.model.fitted_parts))
