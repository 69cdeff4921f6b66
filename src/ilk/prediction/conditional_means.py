r"""Conditional means of the random effects, E(b | y), beside their modes.

In the linear model they are the modes.  Elsewhere the density of b given y is skewed, and mean and
mode differ.  Where all random terms share one factor with at most three effects per level, or
belong to two nested factors with one and at most two, means and covariances are those of quadrature
(`ilk.prediction.level_quadrature`, `ilk.prediction.nested_quadrature`).  Elsewhere, with crossed
factors and larger terms, the mean is that of the second-order expansion of the Laplace
approximation: with numerator and denominator of :math:`K(s) = \log E(e^{s' b} \mid y)` approximated
alike, the derivative at zero is

.. math:: E(b \mid y) \approx \hat b - \tfrac12 C\, \frac{\partial \log |H|}{\partial b}
          = \hat b + \tfrac12 C \sum_i z_i\, \ell_i'''(\hat\eta_i)\, z_i' C z_i,

with C the inverse of the Hessian H at the mode and :math:`\ell'''` the third derivative of the log
density of a row (Tierney and Kadane 1986; Tierney, Kass and Kadane 1989).  Covariances stay those
at the mode there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.num import jets
from ilk.prediction.known import first_places
from ilk.prediction.level_quadrature import LevelMoments, level_moments, shares_levels
from ilk.prediction.levels import training_cases
from ilk.prediction.nested_quadrature import nested_moments, nested_terms
from ilk.prediction.uncertainty import row_covariance

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["ConditionalMeans", "conditional_means"]

_MANY = 10_000
"""Rows times parameters beyond which nested integrals are not differentiated."""

_STEP = 1e-4
"""Step of differences in the parameters, as for the modes."""


@dataclass(frozen=True, slots=True)
class ConditionalMeans:
    """Conditional means of all random effects.

    Parameters
    ----------
    moments : LevelMoments
        Means and covariances by term, parameters held.
    sensitivity : (U, m) array
        Derivative of the means in psi; of the modes after an expansion, and for nested factors
        with many rows.
    method : {"exact", "quadrature", "expansion"}
        How they were computed.
    """

    moments: LevelMoments
    sensitivity: FloatArray
    method: str


def conditional_means(fitted: Fitted, *, sensitivity: bool = True) -> ConditionalMeans:
    """Compute the conditional means of the random effects.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    sensitivity : bool
        Whether to differentiate them in the parameters.

    Returns
    -------
    ConditionalMeans
    """
    none = np.zeros((0, len(fitted.estimates.psi)))
    if fitted.model.linear or not fitted.design.terms:
        moments = LevelMoments(fitted.estimates.modes, fitted.mode_covariance())
        return ConditionalMeans(
            moments, fitted.mode_sensitivity() if sensitivity else none, "exact"
        )
    if shares_levels(fitted):
        moments = level_moments(fitted, fitted.estimates.psi)
        slope = _differences(fitted, level_moments) if sensitivity else none
        return ConditionalMeans(moments, slope, "quadrature")
    if nested_terms(fitted) is not None:
        moments = nested_moments(fitted, fitted.estimates.psi)
        slope = none
        if sensitivity:
            many = fitted.model.rows * len(fitted.estimates.psi) > _MANY
            slope = fitted.mode_sensitivity() if many else _differences(fitted, nested_moments)
        return ConditionalMeans(moments, slope, "quadrature")
    moments = LevelMoments(_expanded(fitted), fitted.mode_covariance())
    return ConditionalMeans(
        moments, fitted.mode_sensitivity() if sensitivity else none, "expansion"
    )


def _differences(
    fitted: Fitted, compute: Callable[[Fitted, FloatArray], LevelMoments]
) -> FloatArray:
    """(U, m) derivative of the means by quadrature."""
    psi = fitted.estimates.psi
    columns = []
    for j in range(len(psi)):
        step = _STEP * max(1.0, abs(float(psi[j])))
        ends = []
        for side in (step, -step):
            moved = psi.copy()
            moved[j] += side
            ends.append(np.concatenate([m.ravel() for m in compute(fitted, moved).means]))
        columns.append((ends[0] - ends[1]) / (2.0 * step))
    return np.column_stack(columns)


def _expanded(fitted: Fitted) -> tuple[FloatArray, ...]:
    """Means (L_t, q_t) by the second-order expansion at the modes."""
    design, modes = fitted.design, fitted.estimates.modes
    order = [part.predictor for part in fitted.model.fitted_parts]
    random = sorted({order.index(part.predictor) for part in design.random_parts})
    response = design.response
    jet = fitted.family.log_density(
        response.y, response.second, jets.variables(fitted.predictors, 3)
    )
    variances = _predictor_covariances(fitted, order, random)
    pull = {k: np.zeros(fitted.model.rows) for k in random}
    for k in random:
        for (a, b), v in variances.items():
            twice = 1.0 if a == b else 2.0
            pull[k] += twice * jet.third[jets.triple(k, a, b)] * v
        if design.frequency_weights is not None:
            pull[k] *= design.frequency_weights
    rhs = np.zeros((sum(m.size for m in modes), 1))
    for (start, q), term, mode in zip(first_places(modes), design.terms, modes, strict=True):
        for j in range(q):
            rows = pull[order.index(term.predictors[j])]
            z = rows if term.columns is None else rows * term.columns[:, j]
            rhs[start + j : start + mode.size : q, 0] = term.grouping.sums(z)
    shift = 0.5 * fitted.conditional_solve(rhs)[:, 0]
    return tuple(
        mode + shift[start : start + mode.size].reshape(mode.shape)
        for (start, _), mode in zip(first_places(modes), modes, strict=True)
    )


def _predictor_covariances(
    fitted: Fitted, order: list[str], random: list[int]
) -> dict[tuple[int, int], FloatArray]:
    """(n,) conditional covariances of the random parts of predictors, for a <= b."""
    cases = training_cases(fitted)

    def variance(chosen: tuple[int, ...]) -> FloatArray:
        weights = []
        for term, columns in zip(fitted.design.terms, cases.columns, strict=True):
            z = np.ones((cases.rows, 1)) if columns is None else columns
            own = [order.index(name) in chosen for name in term.predictors]
            weights.append(np.where(own, z, 0.0))
        return row_covariance(fitted, cases, weights)

    found = {(k, k): variance((k,)) for k in random}
    for i, a in enumerate(random):
        for b in random[i + 1 :]:
            found[a, b] = 0.5 * (variance((a, b)) - found[a, a] - found[b, b])
    return found
