r"""Weighted averages of means over rows, and their derivative in everything that was estimated.

With weights :math:`w_i` over rows i whose means are :math:`M_i`, the average of a group of rows is
:math:`A = \sum_i w_i M_i / \sum_i w_i e_i`, where :math:`e_i` is one, or the exposure of the row so
that A is a rate.  Its derivative in the parameters psi is the average of those of its rows,

.. math:: \dot A \propto \sum_i w_i \Bigl(\frac{\partial M_i}{\partial \eta_i} x_i'
          + \frac{\partial M_i}{\partial v_i} \frac{d\, z_i'Gz_i}{d\psi}\Bigr)
          + a' \frac{d\hat b}{d\psi}, \qquad
          a = \sum_i w_i \frac{\partial M_i}{\partial \eta_i} z_i ,

so that only sums over rows are formed: :math:`X'(w \partial M/\partial\eta)` for the coefficients,
:math:`Z'\mathrm{diag}(w\, \partial M/\partial v) Z` (q, q) for the covariance parameters, and the
vector a of weights on the random effects for known clusters.  Rows of one cluster share its effect,
which is why the variance of an average is :math:`\dot A V \dot A' + a'Ca` with the *summed* weights
a; adding variances of rows would take their errors for independent.  The derivation is in
docs/derivations/marginal.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from ilk.design.random import own_columns
from ilk.errors import ModelError
from ilk.prediction.levels import (
    assume,
    averaged_covariance,
    averaged_variance,
    fixed_predictors,
    known_effects,
)
from ilk.prediction.means import averaged_mean
from ilk.variance.delta import covariance_derivatives

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.prediction.levels import Assumed, Cases, Estimand, NewLevels
    from ilk.prediction.means import Scale
    from ilk.prediction.population import Averaged
    from ilk.typing import BoolArray, FloatArray, IntArray

__all__ = [
    "Averages",
    "RowMeans",
    "average_means",
    "covariance",
    "group_sums",
    "row_means",
    "stack",
    "sum_rows",
    "variance",
]

_COLUMNS = 64
"""Right-hand sides solved for at one time at most."""

_LARGEST = 1 << 28
"""Weights of averages on random effects that are held at one time at most (2 GiB)."""

_NEGLIGIBLE = 1e-8
"""Share of the largest derivative below which a parameter does not matter to an average."""


@dataclass(frozen=True, slots=True)
class Averages:
    """Averages of means, with their derivatives.

    Parameters
    ----------
    value : (r,) array
        The averages; nan where there are no rows.
    gradient : (r, m) array
        Derivative in the flat parameter vector psi.
    weight : (r,) array
        Sum of the weights.
    effects : (U, r) array or None
        Derivative in the random effects of known clusters, at fixed psi; None if there are none.
    """

    value: FloatArray
    gradient: FloatArray
    weight: FloatArray
    effects: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.value)

    def combined(self, coefficients: FloatArray, value: FloatArray | None = None) -> Averages:
        """Linear combinations, or a function of the averages with that derivative.

        Parameters
        ----------
        coefficients : (k, r) array
            Weight of each average in each combination.
        value : (k,) array, optional
            Values of the function; the combinations themselves by default.

        Returns
        -------
        Averages
            k of them, with the weights of the averages of largest coefficient.

        Examples
        --------
        >>> import numpy as np
        >>> means = Averages(np.array([0.2, 0.5]), np.eye(2), np.ones(2))
        >>> means.combined(np.array([[-1.0, 1.0]])).value
        array([0.3])
        """
        C = np.asarray(coefficients, dtype=np.float64)
        return Averages(
            value=C @ self.value if value is None else np.asarray(value, dtype=np.float64),
            gradient=C @ self.gradient,
            weight=self.weight[np.argmax(np.abs(C), axis=1)],
            effects=None if self.effects is None else self.effects @ C.T,
        )

    def divided(self, divisor: FloatArray) -> Averages:
        """Turn sums into averages.

        Parameters
        ----------
        divisor : (r,) array
            What each sum is divided by; an average over nothing is nan.

        Returns
        -------
        Averages
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(divisor != 0.0, 1.0 / divisor, 0.0)
        value = np.where(divisor != 0.0, self.value * share, np.nan)
        effects = None if self.effects is None else self.effects * share
        return Averages(value, self.gradient * share[:, None], self.weight, effects)

    def take(self, positions: IntArray) -> Averages:
        """Choose some of the averages.

        Parameters
        ----------
        positions : (k,) array of int
            Which.

        Returns
        -------
        Averages
        """
        effects = None if self.effects is None else self.effects[:, positions]
        return Averages(
            self.value[positions], self.gradient[positions], self.weight[positions], effects
        )


def average_means(
    fitted: Fitted,
    cases: Cases,
    *,
    estimand: Estimand,
    weights: FloatArray | None = None,
    groups: IntArray | None = None,
    count: int = 1,
    measured: FloatArray | None = None,
    scale: Scale = "response",
    new_levels: NewLevels = "error",
) -> Averages:
    """Average the means of rows, within groups of rows.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    cases : Cases
        The rows.
    estimand : {"conditional", "typical", "population"}
        The question that the mean of each row answers.
    weights : (n,) array, optional
        Weights of the rows; all one by default.  They may be negative (differences).
    groups : (n,) array of int, optional
        Number of the average that each row belongs to, -1 for none; one average by default.
    count : int
        Number r of averages.
    measured : (n,) array, optional
        Denominators e of the rows (their exposures): the averages are rates.
    scale : {"response", "link"}
        Scale of the means of the rows.
    new_levels : {"error", "population", "typical"}
        What conditional means do about levels that were not in the data.

    Returns
    -------
    Averages
    """
    n = cases.rows
    w = np.ones(n) if weights is None else np.asarray(weights, dtype=np.float64)
    total = group_sums(w, groups, count)
    divisor = total if measured is None else group_sums(w * measured, groups, count)
    rows = row_means(fitted, cases, estimand=estimand, scale=scale, new_levels=new_levels)
    return sum_rows(fitted, cases, rows, w, groups, count).divided(divisor)


@dataclass(frozen=True, slots=True)
class RowMeans:
    """Means of rows, with their derivatives.

    Parameters
    ----------
    assumed : Assumed
        What is assumed of the random effects of each row.
    means : Averaged
        Means and derivatives in the linear predictors and their variances.
    """

    assumed: Assumed
    means: Averaged


def row_means(
    fitted: Fitted,
    cases: Cases,
    *,
    estimand: Estimand,
    scale: Scale = "response",
    new_levels: NewLevels = "error",
    derivatives: bool = True,
) -> RowMeans:
    """Means of rows, before they are averaged.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    cases : Cases
        The rows.
    estimand : {"conditional", "typical", "population"}
        The question that the mean of each row answers.
    scale : {"response", "link"}
        Scale of the means.
    new_levels : {"error", "population", "typical"}
        What conditional means do about levels that were not in the data.
    derivatives : bool
        Whether derivatives are needed.

    Returns
    -------
    RowMeans
    """
    assumed = assume(fitted, cases, estimand, new_levels)
    eta = [
        fixed + known
        for fixed, known in zip(
            fixed_predictors(fitted, cases),
            known_effects(fitted, cases, assumed, fitted.estimates.modes),
            strict=True,
        )
    ]
    G, family = fitted.estimates.covariances, fitted.family
    spread = averaged_variance(fitted, cases, assumed, G)
    both = averaged_covariance(fitted, cases, assumed, G, family.mean_parameters)
    means = averaged_mean(
        family, eta, spread, covariance=both, scale=scale, derivatives=derivatives
    )
    return RowMeans(assumed, means)


def sum_rows(
    fitted: Fitted,
    cases: Cases,
    rows: RowMeans,
    weights: FloatArray,
    groups: IntArray | None = None,
    count: int = 1,
) -> Averages:
    """Sum weighted means of rows, within groups of rows.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    cases : Cases
        The rows.
    rows : RowMeans
        Their means.
    weights : (n,) array
        Weights of the rows.
    groups : (n,) array of int, optional
        Number of the sum that each row belongs to, -1 for none.
    count : int
        Number r of sums.

    Returns
    -------
    Averages
        Sums rather than averages.
    """
    assumed, means = rows.assumed, rows.means
    effects = _effects(fitted, cases, assumed, means, weights, groups, count)
    return Averages(
        value=group_sums(weights * means.value, groups, count),
        gradient=_gradient(fitted, cases, assumed, means, weights, groups, count, effects),
        weight=group_sums(weights, groups, count),
        effects=effects,
    )


def stack(parts: Sequence[Averages]) -> Averages:
    """Put averages one after the other.

    Parameters
    ----------
    parts : sequence of Averages
        Averages of one fit.

    Returns
    -------
    Averages
    """
    known = [part.effects for part in parts if part.effects is not None]
    return Averages(
        np.concatenate([part.value for part in parts]),
        np.concatenate([part.gradient for part in parts]),
        np.concatenate([part.weight for part in parts]),
        np.concatenate(known, axis=1) if known else None,
    )


def variance(fitted: Fitted, averages: Averages) -> FloatArray:
    """Variance of each average: parameters, and random effects of known clusters.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    averages : Averages
        The averages, or combinations of them.

    Returns
    -------
    (r,) array
        nan for those that depend on a parameter without variance.
    """
    V, lost = _parameter_covariance(fitted, averages.gradient)
    gradient = averages.gradient
    total: FloatArray = np.einsum("im,mk,ik->i", gradient, V, gradient, optimize=True)
    for where in _chunks(averages):
        part = averages.effects[:, where]  # type: ignore[index]
        total[where] += np.einsum("ui,ui->i", part, fitted.conditional_solve(part))
    total[lost | np.isnan(averages.value)] = np.nan
    return np.maximum(total, 0.0)


def covariance(fitted: Fitted, averages: Averages) -> FloatArray:
    """Joint covariance matrix of averages.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    averages : Averages
        The averages, or combinations of them.

    Returns
    -------
    (r, r) array
        nan in the rows and columns of those that depend on a parameter without variance.
    """
    V, lost = _parameter_covariance(fitted, averages.gradient)
    gradient = averages.gradient
    total: FloatArray = gradient @ V @ gradient.T
    for where in _chunks(averages):
        solved = fitted.conditional_solve(averages.effects[:, where])  # type: ignore[index]
        total[:, where] += averages.effects.T @ solved  # type: ignore[union-attr]
    lost = lost | np.isnan(averages.value)
    total[lost, :] = total[:, lost] = np.nan
    return 0.5 * (total + total.T)


def _chunks(averages: Averages) -> list[slice]:
    """Ranges of averages whose effects are solved for together; none if they depend on none."""
    if averages.effects is None or not np.any(averages.effects):
        return []
    return [slice(start, start + _COLUMNS) for start in range(0, len(averages), _COLUMNS)]


def _parameter_covariance(fitted: Fitted, gradient: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Covariance matrix of psi without gaps, and the averages that would need what is lacking."""
    V = fitted.psi_covariance()
    lacking = np.isnan(np.diag(V))
    scale = np.max(np.abs(gradient), axis=1, initial=0.0, keepdims=True)
    lost = np.any(np.abs(gradient[:, lacking]) > _NEGLIGIBLE * scale, axis=1)
    return np.where(np.isnan(V), 0.0, V), lost


def _gradient(
    fitted: Fitted,
    cases: Cases,
    assumed: Assumed,
    means: Averaged,
    weights: FloatArray,
    groups: IntArray | None,
    count: int,
    effects: FloatArray | None,
) -> FloatArray:
    """(r, m) derivative of sums in psi."""
    gradient = np.zeros((count, len(fitted.estimates.psi)))
    for X, slope, where in zip(cases.X, means.by_eta, fitted.model.slices.values(), strict=True):
        if np.any(slope):
            gradient[:, where] = _grouped_columns(X, weights * slope, groups, count)
    if effects is not None:
        gradient += effects.T @ fitted.mode_sensitivity()
    if any(np.any(average) for average in assumed.averaged):
        slopes = covariance_derivatives(fitted)
        where = slice(slopes.positions.start, slopes.positions.stop)
        order = [part.predictor for part in fitted.model.fitted_parts]
        for t, term in enumerate(fitted.design.terms):
            for part, here in term.parts:
                bend = means.by_variance[order.index(part.predictor)]
                if np.any(bend):
                    w = np.where(assumed.averaged[t], weights * bend, 0.0)
                    columns = own_columns(cases.columns[t], here)
                    moments = _second_moments(columns, w, groups, count)
                    inner = slopes.matrices[t][:, here, here]
                    gradient[:, where] += np.einsum("kij,rij->rk", inner, moments)
            for (one, here), (other, there) in combinations(term.parts, 2):
                pair = sorted((order.index(one.predictor), order.index(other.predictor)))
                mixed = means.by_covariance.get((pair[0], pair[1]))
                if mixed is not None:
                    w = np.where(assumed.averaged[t], weights * mixed, 0.0)
                    moments = _second_moments(cases.columns[t], w, groups, count)
                    inner = slopes.matrices[t][:, here, there]
                    gradient[:, where] += np.einsum("kij,rij->rk", inner, moments[:, here, there])
    return gradient


def _effects(
    fitted: Fitted,
    cases: Cases,
    assumed: Assumed,
    means: Averaged,
    weights: FloatArray,
    groups: IntArray | None,
    count: int,
) -> FloatArray | None:
    """(U, r) summed weights on the effects of known clusters."""
    if not any(np.any(known) for known in assumed.known):
        return None
    size = sum(modes.size for modes in fitted.estimates.modes)
    if size * count > _LARGEST:
        raise ModelError(
            f"Conditional means of {count} groups of rows depend on {size} random effects, too "
            "many to hold at one time: ask for fewer groups (by=), or estimand='population'.",
            code="too-large",
        )
    order = [part.predictor for part in fitted.model.fitted_parts]
    blocks = []
    for t, (term, modes) in enumerate(
        zip(fitted.design.terms, fitted.estimates.modes, strict=True)
    ):
        levels, q = modes.shape
        place = np.where(assumed.known[t], cases.codes[t], 0).astype(np.intp)
        counted = assumed.known[t]
        if groups is not None:
            counted, place = counted & (groups >= 0), place * count + np.maximum(groups, 0)
        columns = cases.columns[t]
        block = np.empty((levels, q, count))
        for j in range(q):
            slope = weights * means.by_eta[order.index(term.predictors[j])]
            slope = np.where(counted, slope, 0.0)
            z = slope if columns is None else slope * columns[:, j]
            summed = np.bincount(place, weights=z, minlength=levels * count)
            block[:, j] = summed.reshape(levels, count)
        blocks.append(block.reshape(levels * q, count))
    return np.concatenate(blocks)


def group_sums(values: FloatArray, groups: IntArray | None, count: int) -> FloatArray:
    """Sum values within groups.

    Parameters
    ----------
    values : (n,) array
        Values of the rows.
    groups : (n,) array of int, or None
        Number of the group of each row, -1 for none; None is one group.
    count : int
        Number r of groups.

    Returns
    -------
    (r,) array
    """
    if groups is None:
        return np.array([values.sum()])
    return np.asarray(
        np.bincount(groups + 1, weights=values, minlength=count + 1)[1:], dtype=np.float64
    )


def _grouped_columns(
    X: FloatArray, weights: FloatArray, groups: IntArray | None, count: int
) -> FloatArray:
    """(r, p) weighted sums of the rows of X within groups."""
    if groups is None:
        return (weights @ X)[None, :]
    sums = [group_sums(weights * X[:, j], groups, count) for j in range(X.shape[1])]
    return np.array(sums).T.reshape(count, X.shape[1])


def _second_moments(
    columns: FloatArray | None, weights: FloatArray, groups: IntArray | None, count: int
) -> FloatArray:
    """(r, q, q) weighted sums of ``z z'`` within groups."""
    if columns is None:
        return group_sums(weights, groups, count)[:, None, None]
    q = columns.shape[1]
    moments = np.empty((count, q, q))
    for j in range(q):
        scaled = weights * columns[:, j]
        for i in range(j + 1):
            moments[:, i, j] = moments[:, j, i] = group_sums(scaled * columns[:, i], groups, count)
    return moments
