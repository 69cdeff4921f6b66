r"""Mean and variance of the sum of a level's responses, along the effects of a typical population.

A level with standardized effects u, :math:`b = R u`, :math:`R R' = G`, has the total
:math:`Y = \sum_i f_i y_i` over its rows (f are frequency weights) with

.. math:: M(u) = \sum_i f_i \mu_i(u), \qquad V(u) = \sum_i f_i \operatorname{Var}(y_i \mid u).

Effects of other factors are held at their modes, for the same doctor works in many hospitals; but
those inside the level (wards of a hospital, a row's own effect) are part of how a level varies by
chance.  They are averaged over, and add :math:`\operatorname{Var} E(Y \mid u)`.

The effects are rotated so that the first axis is the direction in which totals change most; a fine
grid runs along it, and a few nodes across.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.num.quadrature import gauss_hermite, product_rule
from ilk.num.triangular import covariance_root
from ilk.ranking.standards import make_standard
from ilk.ranking.target import own_terms
from ilk.ranking.total_distribution import kind_of
from ilk.simulate import full_predictors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ilk.design.random import RandomTerm
    from ilk.fitted import Fitted
    from ilk.ranking.record import Adjust
    from ilk.typing import FloatArray

__all__ = ["AXIS", "LevelTotals", "level_totals"]

AXIS = np.linspace(-6.5, 6.5, 41)
"""Nodes along the main axis, in standard deviations."""

_ACROSS = 5
_INSIDE = 9
_STEP = 0.05
_LEAST = 1e-6


@dataclass(frozen=True, slots=True)
class LevelTotals:
    """Moments of the totals of L levels at K nodes along the main axis and P across.

    Parameters
    ----------
    mean, variance : (L, K, P) arrays
        M(u) and V(u).
    log_zero : (L, K, P) array or None
        Logarithm of the probability that all rows are excess zeros, of zero-inflated families.
    weight : (P,) array
        Weights of the nodes across.
    typical_mean, typical_variance : (L,) arrays
        At u = 0.
    typical_log_zero : (L,) array or None
        At u = 0.
    trials : (L,) array or None
        Sum of the binomial sizes.
    rows : (L,) array
        Observations; frequency weights count.
    """

    mean: FloatArray
    variance: FloatArray
    log_zero: FloatArray | None
    weight: FloatArray
    typical_mean: FloatArray
    typical_variance: FloatArray
    typical_log_zero: FloatArray | None
    trials: FloatArray | None
    rows: FloatArray


def level_totals(fitted: Fitted, group: str, adjust: Adjust = "case_mix") -> LevelTotals:
    """Compute the moments of the totals of the levels of a grouping factor.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    group : str
        One of its grouping factors.
    adjust : {"case_mix", "within"}
        Which covariates are adjusted for, see `ilk.ranking.standards`.

    Returns
    -------
    LevelTotals
    """
    rows = _Rows(fitted, group, adjust)
    typical = rows.moments(np.zeros(rows.dimension))
    axis = _main_axis(rows)
    across, weight = _cubature(rows.dimension - 1)
    points = AXIS[:, None, None] * axis[:, 0] + across @ axis[:, 1:].T  # (K, P, q)
    found = [rows.moments(u) for u in points.reshape(-1, rows.dimension)]
    shape = (len(AXIS), len(weight), rows.levels)
    mean, variance, zero = (
        np.moveaxis(np.reshape([one[j] for one in found], shape), 2, 0) for j in range(3)
    )
    if kind_of(fitted.family) != "real":  # links that are not bound to the range, far out
        mean = np.fmax(mean, _LEAST * typical[0][:, None, None])
        variance = np.fmax(variance, _LEAST * typical[1][:, None, None])
    inflated = "zero_inflation" in fitted.family.parameters
    return LevelTotals(
        mean=mean,
        variance=variance,
        log_zero=zero if inflated else None,
        weight=weight,
        typical_mean=typical[0],
        typical_variance=typical[1],
        typical_log_zero=typical[2] if inflated else None,
        trials=rows.total(rows.trials) if fitted.family.takes_trials else None,
        rows=rows.total(np.ones(len(rows.codes))),
    )


class _Rows:
    """The rows of a fit, ready to be evaluated at effects of a group's levels."""

    def __init__(self, fitted: Fitted, group: str, adjust: Adjust) -> None:
        design, model = fitted.design, fitted.model
        standard = make_standard(fitted, group, adjust)
        self.family, self.order = fitted.family, list(fitted.family.parameters)
        self.base = standard.predictors()
        if model.linear:
            self.base.append(full_predictors(fitted, None)[-1])
        roots = [covariance_root(G) for G in fitted.estimates.covariances]
        mine = [(design.terms[t], roots[t]) for t in own_terms(fitted, group)]
        self.own = [(term, root) for term, root in mine if term.grouping.name == group]
        self.inside = [(term, root) for term, root in mine if term.grouping.name != group]
        grouping = self.own[0][0].grouping
        self.codes, self.levels = grouping.codes, len(grouping.levels)
        self.dimension = sum(len(root) for _, root in self.own)
        self.weights = standard.frequency
        trials = design.response.trials
        self.trials = np.ones(model.rows) if trials is None else trials

    def total(self, values: FloatArray) -> FloatArray:
        """(L,) weighted sums of the rows of each level."""
        sums = np.bincount(self.codes, weights=self.weights * values, minlength=self.levels)
        return np.asarray(sums, dtype=np.float64)

    def moments(self, u: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Mean, variance and log probability of excess zeros only, (L,) each, at effects u (q,)."""
        eta = self.base
        start = 0
        for term, root in self.own:
            q = len(root)
            eta = self._moved(eta, term, root @ u[start : start + q])
            start += q
        if not self.inside:
            mean, variance, zero = self._rows(eta)
            return self.total(mean), self.total(variance), self.total(zero)
        return self._averaged(eta)

    def _averaged(self, eta: Sequence[FloatArray]) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Moments over the effects inside the level, of each term in turn."""
        center = self._rows(eta)
        mean, variance, zero = (self.total(values) for values in center)
        first = mean
        for term, root in self.inside:
            nodes, log_weights = _inner_rule(len(root))
            codes, found = term.grouping.codes, []
            for z in nodes:
                row_mean, row_variance, row_zero = self._rows(self._moved(eta, term, root @ z))
                sums = np.bincount(codes, weights=self.weights * row_mean)
                found.append((sums, self.total(row_variance), self.total(row_zero)))
            weights = np.exp(log_weights)
            sums, within, zeros = (
                np.tensordot(weights, np.array([one[j] for one in found]), 1) for j in range(3)
            )
            spread = np.tensordot(weights, np.array([(one[0] - sums) ** 2 for one in found]), 1)
            outer = np.zeros(len(sums), dtype=np.intp)
            outer[codes] = self.codes
            mean = mean + np.bincount(outer, weights=sums, minlength=self.levels) - first
            variance = variance + np.bincount(outer, weights=spread, minlength=self.levels)
            variance = variance + within - self.total(center[1])
            zero = zero + zeros - self.total(center[2])
        return mean, variance, zero

    def _moved(
        self, eta: Sequence[FloatArray], term: RandomTerm, b: FloatArray
    ) -> list[FloatArray]:
        """Linear predictors with the effects b (q,) of one term at every level."""
        moved = list(eta)
        for part, here in term.parts:
            k, own = self.order.index(part.predictor), b[here]
            moved[k] = moved[k] + (own[0] if part.columns is None else part.columns @ own)
        return moved

    def _rows(self, eta: Sequence[FloatArray]) -> tuple[FloatArray, FloatArray, FloatArray]:
        family = self.family
        trials = self.trials if family.takes_trials else None
        with np.errstate(all="ignore"):  # far out means may leave the range of the family
            mean = np.asarray(family.mean(eta), dtype=np.float64)
            mean = mean if trials is None else mean * trials
            variance = family.variance(eta, trials)
        inflated = "zero_inflation" in self.order
        zero = -np.logaddexp(0.0, -eta[-1]) if inflated else np.zeros_like(mean)
        return mean, variance, zero


def _main_axis(rows: _Rows) -> FloatArray:
    """Orthogonal matrix (q, q) whose first column is the direction in which totals change most."""
    q = rows.dimension
    slope = np.array(
        [
            np.sum(rows.moments(_STEP * unit)[0] - rows.moments(-_STEP * unit)[0])
            for unit in np.eye(q)
        ]
    )
    size = float(np.linalg.norm(slope))
    first = slope / size if size > 0.0 else np.eye(q)[0]
    basis, _ = np.linalg.qr(np.column_stack([first, np.eye(q)]))
    basis = basis[:, :q]
    return np.asarray(basis * np.sign(basis[:, 0] @ first))


def _cubature(dimension: int) -> tuple[FloatArray, FloatArray]:
    """Nodes (P, dimension) and weights (P,) of the standard normal distribution across.

    Product rules up to two dimensions; beyond, the 2 d points at a distance of the root of d, exact
    for cubic polynomials (Stroud 1971, Approximate Calculation of Multiple Integrals, U_n 3-1).
    """
    if dimension == 0:
        return np.zeros((1, 0)), np.ones(1)
    if dimension <= 2:
        nodes, log_weights = product_rule(_ACROSS, dimension)
        return nodes, np.exp(log_weights)
    points = math.sqrt(dimension) * np.vstack([np.eye(dimension), -np.eye(dimension)])
    return points, np.full(2 * dimension, 0.5 / dimension)


def _inner_rule(dimension: int) -> tuple[FloatArray, FloatArray]:
    if dimension == 1:
        nodes, weights = gauss_hermite(_INSIDE)
        return nodes[:, None], np.log(weights)
    if dimension == 2:
        return product_rule(5, 2)
    nodes, weights = _cubature(dimension)
    return nodes, np.log(weights)
