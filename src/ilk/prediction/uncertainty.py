r"""Standard errors of predictions: parameters, and the random effects of known clusters.

A prediction :math:`M(\eta, v)` is a function of the parameters psi and of the random effects b of
known clusters.  By the delta method its variance is

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
from typing import TYPE_CHECKING

import numpy as np

from ilk.prediction.known import KnownEffects, estimated, first_places
from ilk.prediction.levels import Assumed, Cases, averaged_covariance, averaged_variance
from ilk.variance.delta import covariance_derivatives

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.prediction.population import Averaged
    from ilk.typing import FloatArray, IntArray

__all__ = ["estimation_variance", "quadratic", "row_covariance"]

_COLUMNS = 256
"""Right-hand sides solved for at one time at most."""

_NEGLIGIBLE = 1e-4
"""Share of a row's largest derivative below which one is none."""

_CELLS = 1 << 23
"""Numbers in the right-hand sides at one time at most."""


def estimation_variance(
    fitted: Fitted,
    cases: Cases,
    assumed: Assumed,
    averaged: Averaged,
    effects: KnownEffects | None = None,
) -> FloatArray:
    """(n,) variance of predictions: parameters, and known random effects.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    cases : Cases
        Rows to predict.
    assumed : Assumed
        Which random effects are known, and which are averaged over.
    averaged : Averaged
        The predictions with their derivatives.
    effects : KnownEffects, optional
        The random effects that the codes of the rows speak of; those of the fit by default.
    """
    known = estimated(fitted) if effects is None else effects
    jacobian = _jacobian(fitted, cases, assumed, averaged, known)
    weights = _effect_weights(fitted, cases, assumed, averaged.by_eta)
    return quadratic(jacobian, fitted.psi_covariance()) + row_covariance(
        fitted, cases, weights, known
    )


def _jacobian(
    fitted: Fitted, cases: Cases, assumed: Assumed, averaged: Averaged, effects: KnownEffects
) -> FloatArray:
    """(n, m) derivative of predictions in psi."""
    model = fitted.model
    order = [part.predictor for part in model.fitted_parts]
    jacobian = np.zeros((cases.rows, len(fitted.estimates.psi)))
    for k, where in enumerate(model.slices.values()):
        jacobian[:, where] = averaged.by_eta[k][:, None] * cases.X[k]
    if any(np.any(known) for known in assumed.known):
        sensitivity = effects.sensitivity()
        for t, (start, q) in enumerate(first_places(effects.modes)):
            rows = np.flatnonzero(assumed.known[t])
            for j in range(q):
                k = order.index(model.design.terms[t].predictors[j])
                slope = averaged.by_eta[k][rows]
                columns = cases.columns[t]
                z = slope if columns is None else slope * columns[rows, j]
                for codes, share in cases.members(t):
                    own = z if share is None else z * share[rows]
                    jacobian[rows] += own[:, None] * sensitivity[start + q * codes[rows] + j]
    if any(np.any(average) for average in assumed.averaged):
        slopes = covariance_derivatives(fitted)
        for i, position in enumerate(slopes.positions):
            changes = [matrices[i] for matrices in slopes.matrices]
            moved = averaged_variance(fitted, cases, assumed, changes)
            for k, change in enumerate(moved):
                jacobian[:, position] += averaged.by_variance[k] * change
            both = averaged_covariance(fitted, cases, assumed, changes, model.family.parameters)
            if both is not None:
                for (k, j), slope in averaged.by_covariance.items():
                    jacobian[:, position] += slope * both[:, k, j]
    return jacobian


def quadratic(jacobian: FloatArray, covariance: FloatArray) -> FloatArray:
    """(n,) row-wise ``J V J'``; nan only for rows that depend on a parameter without variance.

    A correlation at the edge of its range has none, and next to no bearing there.
    """
    lost = np.isnan(np.diag(covariance))
    variance: FloatArray = np.sum(
        (jacobian @ np.where(np.isnan(covariance), 0.0, covariance)) * jacobian, axis=1
    )
    size = np.abs(jacobian)
    least = _NEGLIGIBLE * np.max(size, axis=1, initial=0.0, keepdims=True)
    variance[np.any(size[:, lost] > least, axis=1)] = np.nan
    return np.maximum(variance, 0.0)


def _effect_weights(
    fitted: Fitted, cases: Cases, assumed: Assumed, by_eta: Sequence[FloatArray]
) -> list[FloatArray]:
    """(n, q_t) derivative of predictions in the random effects of the row's level, by term."""
    order = [part.predictor for part in fitted.model.fitted_parts]
    weights = []
    for t, term in enumerate(fitted.design.terms):
        slopes = np.stack([by_eta[order.index(name)] for name in term.predictors], axis=1)
        slopes = np.where(assumed.known[t][:, None], slopes, 0.0)
        columns = cases.columns[t]
        weights.append(slopes if columns is None else slopes * columns)
    return weights


def row_covariance(
    fitted: Fitted,
    cases: Cases,
    weights: Sequence[FloatArray],
    effects: KnownEffects | None = None,
) -> FloatArray:
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
    effects : KnownEffects, optional
        The random effects that the codes speak of; those of the fit by default.
    """
    known = estimated(fitted) if effects is None else effects
    variance = np.zeros(cases.rows)
    used = [t for t, w in enumerate(weights) if np.any(w)]
    blocks = first_places(known.modes)
    used.sort(key=lambda t: -known.modes[t].size)
    parts: list[tuple[IntArray, FloatArray]] = []  # places and weights of each membership
    for t in used:
        for codes, share in cases.members(t):
            own = weights[t] if share is None else weights[t] * share[:, None]
            inner = known.covariance()[t][np.maximum(codes, 0)]
            variance += np.einsum("ni,nij,nj->n", own, inner, own, optimize=True)
            place = blocks[t][0] + blocks[t][1] * codes[:, None] + np.arange(blocks[t][1])
            parts.append((place, own))
    for position, (where, weight) in enumerate(parts[1:], 1):
        _add_covariances(variance, known, where, weight, parts[:position])
    return np.maximum(variance, 0.0)


def _add_covariances(
    variance: FloatArray,
    known: KnownEffects,
    place: IntArray,
    weight: FloatArray,
    others: Sequence[tuple[IntArray, FloatArray]],
) -> None:
    """Add the covariances of one term's effects (n, q) with those of other terms, twice each.

    Places say where the effects stand in the flat vector of all.
    """
    size, q = sum(modes.size for modes in known.modes), place.shape[1]
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
        solved = known.solve(unit)
        here = rows[starts[begin] : ends[min(begin + step, len(first)) - 1]]
        column = q * np.searchsorted(firsts, place[here, 0])
        for other, w in others:
            for i in range(other.shape[1]):
                for j in range(q):
                    covariance = solved[np.maximum(other[here, i], 0), column + j]
                    variance[here] += 2.0 * w[here, i] * weight[here, j] * covariance
