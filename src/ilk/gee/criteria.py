r"""Quasi-likelihood criteria for the comparison of marginal models.

With quasi-likelihood Q at scale one, :math:`V_R` the robust covariance matrix of the fit,
:math:`\Omega_I` the inverse of the model-based covariance matrix of the same model fitted under
independence, p coefficients,

.. math:: CIC = \operatorname{tr}(\Omega_I V_R), \qquad QIC = -2 Q + 2\, CIC,
   \qquad QIC_u = -2 Q + 2 p

(Pan 2001, Biometrics 57, p. 120; Hin and Wang 2009, Statistics in Medicine 28, p. 642).  QIC and
CIC compare working correlations, QICu compares sets of columns; smaller is better.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from ilk.errors import FitError, ModelError
from ilk.gee.sandwich import covariance

if TYPE_CHECKING:
    from ilk.gee.fitted import GeeFitted

__all__ = ["QuasiCriteria", "quasi_criteria"]


@final
@dataclass(frozen=True, slots=True)
class QuasiCriteria:
    """Quasi-likelihood criteria.

    Parameters
    ----------
    qic : float
        Quasi-likelihood under independence criterion.
    qicu : float
        The same with the number of coefficients as penalty.
    cic : float
        Correlation information criterion.
    quasi_loglik : float
        Quasi-likelihood.
    scale : float
        Scale at which it was computed.
    """

    qic: float
    qicu: float
    cic: float
    quasi_loglik: float
    scale: float


def quasi_criteria(fitted: GeeFitted, scale: float = 1.0) -> QuasiCriteria:
    """Compute QIC, QICu and CIC.

    Parameters
    ----------
    fitted : GeeFitted
        The fit.
    scale : float
        Scale by which the quasi-likelihood is divided: the same for all models that are compared,
        such as the scale of the largest one.  One, the default, is what geepack uses.

    Returns
    -------
    QuasiCriteria
    """
    _check_scale(scale)
    rows, solution = fitted.rows, fitted.solution
    value = rows.quasi_likelihood(solution.residuals)
    if value is None:
        raise FitError(
            f"The family {fitted.family.name!r} does not define its deviance, which the "
            "quasi-likelihood criteria need.",
            code="family-incomplete",
        )
    plain = fitted.independent()
    try:
        robust = covariance("robust", solution.whitened, solution.residuals.scale, rows.clusters)
    except np.linalg.LinAlgError:
        raise FitError(
            "The quasi-likelihood criteria do not exist where coefficients run to infinity: leave "
            "out the columns that the verdict names.",
            code="separated",
        ) from None
    information = plain.whitened.information / plain.residuals.scale
    cic = float(np.trace(information @ robust))
    value /= scale
    p = len(solution.beta)
    return QuasiCriteria(-2.0 * value + 2.0 * cic, -2.0 * value + 2.0 * p, cic, value, scale)


def _check_scale(scale: Any) -> None:
    real = isinstance(scale, (int, float, np.number)) and not isinstance(scale, bool)
    if not (real and 0.0 < scale < np.inf):
        raise ModelError(f"scale={scale!r:.60}: give a positive number.", code="scale")
