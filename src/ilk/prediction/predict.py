r"""Predicted means, their standard errors and intervals.

The prediction of a row is :math:`M(\eta, v)` of `ilk.prediction.population` at the linear
predictors and variances of `ilk.prediction.levels`, a function of the parameters psi and of the
random effects b of known clusters.  Its standard error is by the delta method,

.. math:: s^2 = J V J' + w' C w, \qquad
          J = \frac{dM}{d\psi} = \frac{\partial M}{\partial \eta}
              \left(x', z'\frac{d\hat b}{d\psi}\right)
              + \frac{\partial M}{\partial v} z'\frac{dG}{d\psi}z, \qquad
          w = \frac{\partial M}{\partial \eta} z,

with V the covariance matrix of the estimates of psi and C the conditional covariance matrix of the
known effects at fixed psi.  The second part and the derivative of the modes are there for known
clusters only: so a conditional prediction carries the uncertainty of the effects, of the
coefficients and of the variance parameters together (Booth and Hobert 1998, JASA 93, p. 265).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from ilk.errors import ModelError
from ilk.family.base import AbstractFamily
from ilk.inference.wald import two_sided
from ilk.prediction.intervals import confidence_limits, observation_quantiles
from ilk.prediction.levels import (
    Assumed,
    Cases,
    Estimand,
    NewLevels,
    assume,
    averaged_variance,
    check_choice,
    fixed_predictors,
    known_effects,
)
from ilk.prediction.population import CLOSED_FORMS, Averaged, average
from ilk.variance.delta import covariance_derivatives

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray, IntArray

__all__ = ["Interval", "Prediction", "Scale", "predict", "row_covariance"]

Scale: TypeAlias = Literal["response", "link"]
"""Scale of predictions."""

Interval: TypeAlias = Literal["confidence", "prediction", None]
"""Kind of interval around predictions."""

_COLUMNS = 256
"""Right-hand sides solved for at one time at most."""

_CELLS = 1 << 23
"""Numbers in the right-hand sides at one time at most."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """Predictions of n rows.

    Parameters
    ----------
    estimate : (n,) array
        Predicted means; linear predictors on the scale of the link.
    estimand : str
        The question that they answer.
    interval : str or None
        Kind of the limits.
    std_error, conf_low, conf_high : (n,) arrays or None
        Standard errors of the estimates and limits of the interval; None without an interval.
    """

    estimate: FloatArray
    estimand: str
    interval: str | None = None
    std_error: FloatArray | None = None
    conf_low: FloatArray | None = None
    conf_high: FloatArray | None = None


def predict(
    fitted: Fitted,
    cases: Cases,
    *,
    estimand: Estimand = "conditional",
    scale: Scale = "response",
    interval: Interval = None,
    level: float = 0.95,
    new_levels: NewLevels = "error",
) -> Prediction:
    """Predict the mean of each row.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    cases : Cases
        Rows to predict.
    estimand : {"conditional", "typical", "population"}
        The question: these clusters, a cluster with random effects at zero, or the average over
        the distribution of the random effects.
    scale : {"response", "link"}
        Means, or linear predictors of the mean.  On the scale of the link the population's
        prediction is the link of its mean; zero inflation is left out there.
    interval : {None, "confidence", "prediction"}
        Interval of the mean, or for a new observation.
    level : float
        Coverage.
    new_levels : {"error", "population", "typical"}
        What a conditional prediction does about levels that were not in the data.

    Returns
    -------
    Prediction
    """
    check_choice("scale", scale, Scale)
    check_choice("interval", interval, Interval)
    z = two_sided(level)
    assumed = assume(fitted, cases, estimand, new_levels)
    if interval == "prediction" and scale == "link":
        raise ModelError(
            "interval='prediction' is for new observations, which have no link scale: use "
            "scale='response'.",
            code="interval",
        )
    eta = [
        fixed + known
        for fixed, known in zip(
            fixed_predictors(fitted, cases),
            known_effects(fitted, cases, assumed, fitted.estimates.modes),
            strict=True,
        )
    ]
    variance = averaged_variance(fitted, cases, assumed, fitted.estimates.covariances)
    averaged = _mean(fitted.family, eta, variance, scale, derivatives=interval is not None)
    if interval is None:
        return Prediction(averaged.value, estimand)
    error = np.sqrt(_estimation_variance(fitted, cases, assumed, averaged))
    link = fitted.family.link
    if scale == "link":
        low, high = averaged.value - z * error, averaged.value + z * error
    elif interval == "confidence":
        low, high = confidence_limits(link, averaged.value, error, z)
    else:
        low, high = _observation_limits(fitted, cases, assumed, eta, variance, level)
    return Prediction(averaged.value, estimand, interval, error, low, high)


def _mean(
    family: AbstractFamily,
    eta: Sequence[FloatArray],
    variance: Sequence[FloatArray],
    scale: Scale,
    *,
    derivatives: bool,
) -> Averaged:
    """Averaged mean with derivatives in all predictors, on the response's or the link's scale."""
    link = family.link
    plain = scale == "link" or type(family).mean is AbstractFamily.mean
    random = any(np.any(v) for v in variance[: 1 if plain else None])
    rest = tuple(np.zeros_like(eta[0]) for _ in eta[1:])
    if scale == "link" and not random:
        one, none = np.ones_like(eta[0]), np.zeros_like(eta[0])
        return Averaged(eta[0], (one, *rest), (none, *rest))
    if random and link.name in ("inverse", "inverse_squared"):
        raise ModelError(
            f"The mean over the population does not exist for link {link.name!r}, whose normal "
            "random effects reach the values where the mean is infinite. Ask for "
            "estimand='typical' instead.",
            code="population-mean",
        )
    if plain and (link.name in CLOSED_FORMS):
        one_predictor = CLOSED_FORMS[link.name](eta[0], variance[0])
    elif plain and not random:
        slope = link.derivative(eta[0])
        one_predictor = Averaged(link.inverse(eta[0]), (slope,), (np.zeros_like(slope),))
    elif plain:
        one_predictor = average(
            lambda e: link.inverse(e[0]), eta[:1], variance[:1], derivatives=derivatives
        )
    else:
        return average(family.mean, eta, variance, derivatives=derivatives)
    full = Averaged(
        one_predictor.value, (*one_predictor.by_eta, *rest), (*one_predictor.by_variance, *rest)
    )
    return _on_link_scale(full, family) if scale == "link" else full


def _on_link_scale(averaged: Averaged, family: AbstractFamily) -> Averaged:
    """Link of an averaged mean; derivatives by the chain rule."""
    eta = family.link.link(averaged.value)
    slope = family.link.derivative(eta)
    return Averaged(
        eta,
        tuple(d / slope for d in averaged.by_eta),
        tuple(d / slope for d in averaged.by_variance),
    )


def _estimation_variance(
    fitted: Fitted, cases: Cases, assumed: Assumed, averaged: Averaged
) -> FloatArray:
    """(n,) variance of predictions: parameters, and known random effects."""
    jacobian = _jacobian(fitted, cases, assumed, averaged)
    weights = _effect_weights(fitted, cases, assumed, averaged.by_eta)
    return _quadratic(jacobian, fitted.psi_covariance()) + row_covariance(fitted, cases, weights)


def _jacobian(fitted: Fitted, cases: Cases, assumed: Assumed, averaged: Averaged) -> FloatArray:
    """(n, m) derivative of predictions in psi."""
    model = fitted.model
    order = [part.predictor for part in model.fitted_parts]
    jacobian = np.zeros((cases.rows, len(fitted.estimates.psi)))
    for k, where in enumerate(model.slices.values()):
        jacobian[:, where] = averaged.by_eta[k][:, None] * cases.X[k]
    if any(np.any(known) for known in assumed.known):
        sensitivity = fitted.mode_sensitivity()
        for t, (start, q) in enumerate(_blocks(fitted)):
            k = order.index(model.design.terms[t].predictor)
            rows = np.flatnonzero(assumed.known[t])
            slope = averaged.by_eta[k][rows]
            for j in range(q):
                columns = cases.columns[t]
                z = slope if columns is None else slope * columns[rows, j]
                jacobian[rows] += z[:, None] * sensitivity[start + q * cases.codes[t][rows] + j]
    if any(np.any(average) for average in assumed.averaged):
        slopes = covariance_derivatives(fitted)
        for i, position in enumerate(slopes.positions):
            moved = averaged_variance(
                fitted, cases, assumed, [matrices[i] for matrices in slopes.matrices]
            )
            for k, change in enumerate(moved):
                jacobian[:, position] += averaged.by_variance[k] * change
    return jacobian


def _quadratic(jacobian: FloatArray, covariance: FloatArray) -> FloatArray:
    """(n,) row-wise ``J V J'``; nan only for rows that depend on a parameter without variance."""
    lost = np.isnan(np.diag(covariance))
    variance: FloatArray = np.sum(
        (jacobian @ np.where(np.isnan(covariance), 0.0, covariance)) * jacobian, axis=1
    )
    variance[np.any(jacobian[:, lost] != 0.0, axis=1)] = np.nan
    return np.maximum(variance, 0.0)


def _blocks(fitted: Fitted) -> list[tuple[int, int]]:
    """First position and number of columns of each term in the flat vector of random effects."""
    blocks, start = [], 0
    for modes in fitted.estimates.modes:
        levels, q = modes.shape
        blocks.append((start, q))
        start += levels * q
    return blocks


def _effect_weights(
    fitted: Fitted, cases: Cases, assumed: Assumed, by_eta: Sequence[FloatArray]
) -> list[FloatArray]:
    """(n, q_t) derivative of predictions in the random effects of the row's level, by term."""
    order = [part.predictor for part in fitted.model.fitted_parts]
    weights = []
    for t, term in enumerate(fitted.design.terms):
        slope = np.where(assumed.known[t], by_eta[order.index(term.predictor)], 0.0)
        columns = cases.columns[t]
        weights.append(slope[:, None] if columns is None else slope[:, None] * columns)
    return weights


def row_covariance(fitted: Fitted, cases: Cases, weights: Sequence[FloatArray]) -> FloatArray:
    """(n,) conditional variance ``w'Cw`` of combinations of random effects.

    Blocks of C within a level are known.  Those between terms come from columns of C, for all
    terms but the largest, and only for levels that occur in the rows.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    cases : Cases
        Rows; the codes say to which levels the weights belong.
    weights : sequence of (n, q_t) arrays
        Weights of the effects of each term in each row.
    """
    variance = np.zeros(cases.rows)
    used = [t for t, w in enumerate(weights) if np.any(w)]
    if not used:
        return variance
    for t in used:
        inner = fitted.mode_covariance()[t][np.maximum(cases.codes[t], 0)]
        variance += np.einsum("ni,nij,nj->n", weights[t], inner, weights[t], optimize=True)
    blocks = _blocks(fitted)
    places = {
        t: blocks[t][0] + blocks[t][1] * cases.codes[t][:, None] + np.arange(blocks[t][1])
        for t in used
    }
    used.sort(key=lambda t: -fitted.estimates.modes[t].size)
    for position, t in enumerate(used[1:], 1):
        larger = [(places[s], weights[s]) for s in used[:position]]
        _add_covariances(variance, fitted, places[t], weights[t], larger)
    return np.maximum(variance, 0.0)


def _add_covariances(
    variance: FloatArray,
    fitted: Fitted,
    place: IntArray,
    weight: FloatArray,
    others: Sequence[tuple[IntArray, FloatArray]],
) -> None:
    """Add the covariances of one term's effects (n, q) with those of other terms, twice each.

    Places say where the effects stand in the flat vector of all.
    """
    size, q = sum(modes.size for modes in fitted.estimates.modes), place.shape[1]
    rows = np.flatnonzero(np.any(weight != 0.0, axis=1))
    rows = rows[np.argsort(place[rows, 0], kind="stable")]
    first, starts = np.unique(place[rows, 0], return_index=True)
    ends = np.append(starts[1:], len(rows))
    step = max(1, min(_COLUMNS, _CELLS // size) // q)
    for begin in range(0, len(first), step):
        firsts = first[begin : begin + step]
        columns = (firsts[:, None] + np.arange(q)).ravel()
        unit = np.zeros((size, len(columns)))
        unit[columns, np.arange(len(columns))] = 1.0
        solved = fitted.conditional_solve(unit)
        here = rows[starts[begin] : ends[min(begin + step, len(first)) - 1]]
        column = q * np.searchsorted(firsts, place[here, 0])
        for other, w in others:
            for i in range(other.shape[1]):
                for j in range(q):
                    covariance = solved[np.maximum(other[here, i], 0), column + j]
                    variance[here] += 2.0 * w[here, i] * weight[here, j] * covariance


def _observation_limits(
    fitted: Fitted,
    cases: Cases,
    assumed: Assumed,
    eta: Sequence[FloatArray],
    variance: Sequence[FloatArray],
    level: float,
) -> tuple[FloatArray, FloatArray]:
    """Limits for a new observation of each row."""
    family = fitted.family
    one, none = np.ones(cases.rows), np.zeros(cases.rows)
    first = (one, *(none for _ in eta[1:]))
    # Variance of the estimated mean predictor itself: derivative one in it, zero in all else.
    of_predictor = Averaged(eta[0], first, (none,) * len(eta))
    spread = [_estimation_variance(fitted, cases, assumed, of_predictor) + variance[0]]
    if family.name == "gaussian" and family.link.name == "identity":
        residual = _residual_variance(fitted, cases, eta)
        half = two_sided(level) * np.sqrt(spread[0] + residual)
        return eta[0] - half, eta[0] + half
    tails = (0.5 * (1.0 - level), 0.5 * (1.0 + level))
    low, high = observation_quantiles(family, eta, [*spread, *variance[1:]], cases.trials, tails)
    if cases.trials is not None:
        return low / cases.trials, high / cases.trials
    return low, high


def _residual_variance(
    fitted: Fitted, cases: Cases, eta: Sequence[FloatArray]
) -> FloatArray | float:
    if not fitted.model.linear:
        return np.exp(eta[1])
    sigma2 = fitted.estimates.sigma2
    return sigma2 if cases.precision is None else sigma2 / cases.precision
