r"""Information criteria and the counts behind them.

With maximized log-likelihood l, k estimated parameters and n observations,

.. math:: AIC = -2 l + 2 k, \qquad AICc = AIC + \frac{2 k (k + 1)}{n - k - 1}, \qquad
   BIC = -2 l + k \log n

(Akaike 1974; Hurvich and Tsai 1989; Schwarz 1978).  A covariance parameter estimated as zero counts
like any other.  After REML, l is the restricted likelihood: compare only models with the same fixed
part.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ilk.fitted import Fitted

__all__ = ["aic", "aicc", "bic", "df_model", "df_resid"]


def df_model(fitted: Fitted) -> int:
    """Count the estimated parameters: coefficients, covariance parameters, dispersion."""
    return fitted.parameter_count


def df_resid(fitted: Fitted) -> int:
    """Count the observations and take off the estimated parameters."""
    return fitted.nobs - fitted.parameter_count


def aic(fitted: Fitted) -> float:
    """Compute Akaike's information criterion; nan for penalized estimates."""
    if fitted.model.penalty is not None:
        return math.nan
    return -2.0 * fitted.loglik + 2.0 * fitted.parameter_count


def aicc(fitted: Fitted) -> float:
    """Compute Akaike's criterion corrected for small samples; nan with too few observations."""
    k, n = fitted.parameter_count, fitted.nobs
    return aic(fitted) + 2.0 * k * (k + 1) / (n - k - 1) if n > k + 1 else math.nan


def bic(fitted: Fitted) -> float:
    """Compute Schwarz's (Bayesian) information criterion, n the number of observations.

    It is nan for penalized estimates, which do not maximize the likelihood.
    """
    if fitted.model.penalty is not None:
        return math.nan
    return -2.0 * fitted.loglik + math.log(fitted.nobs) * fitted.parameter_count
