r"""Leverage of rows: how far the fitted value follows the row's own response.

With weights W of the rows (:math:`1/\sigma^2` in the linear model, the expected information about
the predictor of the mean in others), :math:`V^{-1} = W - WZ(\cdot)Z'W` and :math:`C` the
conditional covariance matrix of the random effects, parameters held,

.. math:: h^{fixed}_i = w_i\,x_i' \Phi (x_i + D'z_i), \qquad
   h_i = w_i \left[(x_i + D'z_i)'\Phi(x_i + D'z_i) + z_i'Cz_i\right],

with :math:`\Phi` the covariance matrix of the coefficients at held variances and D the derivative
of the modes in them.  The first is the share that goes through the coefficients and sums to their
number; the second is the diagonal of the whole hat matrix of the mixed model, random effects
included (Demidenko and Stukel 2005), and is near 1 for rows that have an effect of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.inference.robust.covariance import robust_covariance
from ilk.prediction.known import first_places
from ilk.prediction.levels import training_cases
from ilk.prediction.uncertainty import row_covariance
from ilk.simulate import full_predictors

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["RowLeverage", "mean_weights", "row_leverage"]

_STEP = 1e-5
"""Step of the derivative of the mean in its predictor."""


@dataclass(frozen=True, slots=True)
class RowLeverage:
    """Leverage of each row.

    Parameters
    ----------
    fixed : (n,) array
        Share through the coefficients.
    whole : (n,) array
        Diagonal of the hat matrix.
    coefficients : int
        Number of coefficients of the mean.
    """

    fixed: FloatArray
    whole: FloatArray
    coefficients: int


def row_leverage(fitted: Fitted) -> RowLeverage:
    """Compute the leverage of each row; frequency weights count a row as so many.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    """
    where = fitted.model.slices["mean"]
    X = np.asarray(fitted.model.parts["mean"].X, dtype=np.float64)
    covariance = robust_covariance(fitted, "conditional").matrix[where, where]
    if fitted.model.linear and not fitted.design.terms and not fitted.model.reml:
        covariance = covariance * (1.0 - len(X.T) / fitted.nobs)  # divisor n, as the weights have
    known = np.isfinite(np.diag(covariance))
    phi = np.where(np.outer(known, known), covariance, 0.0)
    follow, variance = X.copy(), np.zeros(len(X))
    terms = [t for t, term in enumerate(fitted.design.terms) if term.reaches("mean")]
    if terms:
        slope = fitted.mode_sensitivity()[:, where]
        places = first_places(fitted.estimates.modes)
        for t in terms:
            term, (start, q) = fitted.design.terms[t], places[t]
            for j in (j for j in range(q) if term.predictors[j] == "mean"):
                z = 1.0 if term.columns is None else term.columns[:, j : j + 1]
                follow += z * slope[start + q * term.grouping.codes + j]
        variance = row_covariance(fitted, training_cases(fitted), _columns(fitted))
    w = mean_weights(fitted)
    fixed = w * np.einsum("ij,jk,ik->i", X, phi, follow, optimize=True)
    whole = w * (np.einsum("ij,jk,ik->i", follow, phi, follow, optimize=True) + variance)
    return RowLeverage(fixed, whole, int(known.sum()))


def mean_weights(fitted: Fitted) -> FloatArray:
    """(n,) expected information of each row about the predictor of its mean.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    """
    family, trials = fitted.family, fitted.design.response.trials
    eta = full_predictors(fitted, fitted.estimates.modes)
    ends = [family.mean([eta[0] + side, *eta[1:]]) for side in (_STEP, -_STEP)]
    slope = (ends[0] - ends[1]) / (2.0 * _STEP)
    count = 1.0 if trials is None else trials
    weights = (count * slope) ** 2 / family.variance(eta, trials)
    frequency = fitted.design.frequency_weights
    return np.asarray(weights if frequency is None else weights * frequency)


def _columns(fitted: Fitted) -> list[FloatArray]:
    """Row of Z of each term; zeros for columns of other predictors than the mean."""
    out = []
    for term in fitted.design.terms:
        columns = term.columns
        n = len(term.grouping.codes)
        z = np.ones((n, 1)) if columns is None else np.asarray(columns, dtype=np.float64)
        out.append(np.where([name == "mean" for name in term.predictors], z, 0.0))
    return out
