r"""What is at stake: the bias if cluster effects go with the cluster means of a covariate.

If the correlation over clusters between the random intercept and the cluster mean of a covariate is
:math:`\rho`, the expected effect of a cluster given its mean is :math:`\rho\,\sigma_b\,t_j` with t
the standardized mean, and generalized least squares is off by

.. math:: \rho\,\sigma_b\,(X'V^{-1}X)^{-1}X'V^{-1}t,

exactly for the linear model at given covariance parameters, and to first order, with working
weights, for others.  The standard deviation of the fit is that of what its coefficients leave of
the random intercepts, from which :math:`\sigma_b` follows for each :math:`\rho`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from ilk.design.fixed import INTERCEPT
from ilk.design.within_between import level_means
from ilk.diagnostics.contextual import cluster_columns, term_columns
from ilk.formula.spec import MEAN
from ilk.num import jets
from ilk.simulate import full_predictors

if TYPE_CHECKING:
    from ilk.design.grouping import Grouping
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["BiasCurve", "bias_curves", "gls_shift"]

CORRELATIONS = np.round(np.linspace(-0.9, 0.9, 19), 10)
"""Correlations of the bias curve."""


@final
@dataclass(frozen=True, slots=True)
class BiasCurve:
    """Bias of all coefficients if a covariate's cluster means go with the random intercept.

    Parameters
    ----------
    group, term : str
        Factor, and column whose cluster means are correlated with its random intercepts.
    names : tuple of str
        Coefficients of the mean.
    slope : (p,) array
        Bias of each per unit of correlation, at correlation zero.
    rest : float
        Variance of what the fit leaves of the standardized cluster means in its random intercepts.
    estimate : (p,) array
        Coefficients of the fit.
    correlations : (r,) array
        Correlations at which the curve is drawn.
    own : int
        Place of the column among the coefficients.
    implied : float
        Correlation that the extended model estimates.
    """

    group: str
    term: str
    names: tuple[str, ...]
    slope: FloatArray
    rest: float
    estimate: FloatArray
    correlations: FloatArray
    own: int
    implied: float

    @property
    def bias(self) -> FloatArray:
        """(r, p) bias by correlation and coefficient."""
        return np.array([self.at(rho) for rho in self.correlations])

    def at(self, rho: float) -> FloatArray:
        """Bias (p,) of the coefficients at a correlation."""
        return rho / math.sqrt(1.0 - rho**2 * (1.0 - self.rest)) * self.slope


def bias_curves(
    fitted: Fitted,
    grouping: Grouping,
    extended: Fitted,
    added: dict[str, tuple[int, ...]],
) -> tuple[BiasCurve, ...]:
    """Bias curves of the covariates that vary within clusters and whose means differ.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    grouping : Grouping
        Factor whose random intercepts may go with the covariates.
    extended : Fitted
        The fit with cluster means, which estimates how far they do.
    added : dict of str to tuple of int
        Columns of the means in the extended model by term.

    Returns
    -------
    tuple of BiasCurve
        Empty where the factor has no random intercept.
    """
    part = fitted.model.parts[MEAN]
    seen = cluster_columns(part, grouping, fitted.design.frequency_weights)
    sd = _intercept_sd(fitted, grouping)
    tested = [j for term, js in term_columns(part).items() if term.text in added for j in js]
    columns = [j for j in tested if seen.varies[j] and seen.spread[j] > 0.0]
    if not columns or not sd > 0.0:
        return ()
    middle = _cluster_average(seen.means[:, columns], grouping)
    t = (seen.means[:, columns] - middle) / seen.spread[columns]
    shifts = gls_shift(fitted, t)
    left = level_means(
        t - part.X @ shifts,
        grouping.codes,
        len(grouping.levels),
        fitted.design.frequency_weights,
    )
    rest = np.minimum(left.var(axis=0), 1.0)
    slope = sd * shifts
    implied = _implied(extended, grouping, added, t)
    count = part.X.shape[1]
    start = fitted.model.slices[MEAN].start
    return tuple(
        BiasCurve(
            grouping.name,
            part.names[j],
            part.names,
            slope[:, k],
            float(rest[k]),
            fitted.coef[start : start + count],
            CORRELATIONS,
            j,
            float(implied[k]),
        )
        for k, j in enumerate(columns)
    )


def _cluster_average(values: FloatArray, grouping: Grouping) -> FloatArray:
    """Mean over clusters of values that are constant in clusters."""
    _, rows = np.unique(grouping.codes, return_index=True)
    return np.asarray(values[rows].mean(axis=0))


def _implied(
    extended: Fitted,
    grouping: Grouping,
    added: dict[str, tuple[int, ...]],
    t: FloatArray,
) -> FloatArray:
    """Correlation over clusters of the random intercept with each standardized mean.

    The intercept is what the means predict of it plus the random intercept of the extended model.
    """
    every = [j for js in added.values() for j in js]
    first = extended.model.slices[MEAN].start
    X = extended.model.parts[MEAN].X[:, every]
    _, rows = np.unique(grouping.codes, return_index=True)
    predicted = X[rows] @ extended.coef[[first + j for j in every]]
    predicted = predicted - predicted.mean()
    rest = _intercept_sd(extended, grouping)
    total = math.sqrt(float(np.mean(predicted**2)) + (0.0 if math.isnan(rest) else rest**2))
    if total == 0.0:
        return np.zeros(t.shape[1])
    return np.asarray(t[rows].T @ predicted / len(rows) / total)


def gls_shift(fitted: Fitted, shift: FloatArray) -> FloatArray:
    """Change of the coefficients of the mean if the linear predictor shifts.

    It is ``(X'V^-1 X)^-1 X'V^-1 shift`` with V the covariance of the (working) response.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    shift : (n, k) array
        Shifts, by row.

    Returns
    -------
    (p, k) array
    """
    X = fitted.model.parts[MEAN].X
    w = _working_weights(fitted)
    WX = w[:, None] * X
    ZX = _onto_effects(fitted, WX)
    CZX = fitted.conditional_solve(ZX) if len(ZX) else ZX
    information = X.T @ WX - ZX.T @ CZX
    score = WX.T @ shift - CZX.T @ _onto_effects(fitted, w[:, None] * shift)
    scale = np.sqrt(np.abs(np.diag(information)))
    solved = np.linalg.lstsq(information / np.outer(scale, scale), score / scale[:, None], None)[0]
    return np.asarray(solved / scale[:, None])


def _working_weights(fitted: Fitted) -> FloatArray:
    """Minus the second derivative of each row's log density in the predictor of the mean."""
    design, family = fitted.design, fitted.family
    eta = jets.variables(full_predictors(fitted, fitted.estimates.modes), 2)
    jet = family.log_density(design.response.y, design.response.second, eta)
    w = -np.asarray(jet.second[jets.pair(0, 0)])
    return w if design.frequency_weights is None else w * design.frequency_weights


def _onto_effects(fitted: Fitted, values: FloatArray) -> FloatArray:
    """Z' values, with random effects flat over terms, then levels, then columns."""
    blocks = []
    for term, modes in zip(fitted.design.terms, fitted.estimates.modes, strict=True):
        size, q = modes.shape
        columns = np.ones((len(values), 1)) if term.columns is None else term.columns
        block = np.zeros((size, q, values.shape[1]))
        for a in range(q):
            if term.predictors[a] == MEAN:
                for b in range(values.shape[1]):
                    block[:, a, b] = np.bincount(
                        term.grouping.codes, columns[:, a] * values[:, b], size
                    )
        blocks.append(block.reshape(size * q, -1))
    return np.concatenate(blocks) if blocks else np.zeros((0, values.shape[1]))


def _intercept_sd(fitted: Fitted, grouping: Grouping) -> float:
    """Standard deviation of the random intercepts of a factor; nan if it has none."""
    for term, G in zip(fitted.design.terms, fitted.estimates.covariances, strict=True):
        if not term.reaches(MEAN) or term.grouping.name != grouping.name:
            continue
        if term.columns is None:
            return math.sqrt(G[0, 0])
        if INTERCEPT in term.column_names:
            place = term.column_names.index(INTERCEPT)
            return math.sqrt(G[place, place])
    return math.nan
