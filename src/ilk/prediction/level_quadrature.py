r"""Means and covariances of the random effects of each level given the data, by quadrature.

Where all random terms share one grouping factor, the effects of its levels are independent given
the data.  With :math:`b_j = R u_j`, :math:`R R' = G`, a level's q effects have the density

.. math:: p(u_j \mid y) \propto \prod_{i \in j} f(y_i \mid \eta_i)\, \varphi(u_j),

whose moments are ratios of adaptive Gauss-Hermite sums, with nodes centered at its mode and spread
by its curvature (Pinheiro and Bates 1995).  All levels are done at one time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.model.dependence import dependent_groups
from ilk.num import jets
from ilk.num.quadrature import product_rule
from ilk.num.stable import logsumexp
from ilk.num.triangular import covariance_root

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["INNER", "LevelMoments", "LevelProblem", "level_moments", "shares_levels"]

NODES = {1: 41, 2: 17, 3: 11}
"""Nodes per dimension, by the number of effects of a level."""

INNER = {1: 25, 2: 11}
"""The same for effects inside those of another factor, and 25 nodes for the outer one."""

_STEPS = 100
_HALVINGS = 30


@dataclass(frozen=True, slots=True)
class LevelMoments:
    """Moments of random effects given the data, parameters held.

    Parameters
    ----------
    means : tuple of (L_t, q_t) arrays
        Conditional means by term.
    covariances : tuple of (L_t, q_t, q_t) arrays
        Conditional covariance matrices of each level's effects.
    """

    means: tuple[FloatArray, ...]
    covariances: tuple[FloatArray, ...]


def shares_levels(fitted: Fitted) -> bool:
    """Whether all random effects belong to one factor, few enough per level for quadrature.

    Its levels must be independent.
    """
    terms = fitted.design.terms
    if dependent_groups(fitted.design):
        return False
    names = {term.grouping.name for term in terms}
    return len(names) == 1 and sum(len(term.column_names) for term in terms) in NODES


def level_moments(fitted: Fitted, psi: FloatArray) -> LevelMoments:
    """Compute means and covariances of the effects of all levels of the only factor.

    Parameters
    ----------
    fitted : Fitted
        A fit whose random terms share their levels (`shares_levels`).
    psi : (m,) array
        Parameters.

    Returns
    -------
    LevelMoments
    """
    problem = LevelProblem(fitted, psi, range(len(fitted.design.terms)))
    _, mean, covariance = problem.integrate(NODES[problem.q])
    return LevelMoments(*problem.to_effects(mean, covariance))


class LevelProblem:
    """Log density of data and standard normal effects, by level, at fixed parameters.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    psi : (m,) array
        Parameters.
    chosen : sequence of int
        Random terms of one factor; all others are left out.
    """

    def __init__(self, fitted: Fitted, psi: FloatArray, chosen: Sequence[int]) -> None:
        model, design = fitted.model, fitted.design
        terms = [design.terms[t] for t in chosen]
        self.family, self.y, self.trials = fitted.family, design.response.y, design.response.second
        self.frequency = design.frequency_weights
        self.fixed = model.linear_predictors(psi[: len(fitted.coef)], None)
        G = fitted.covariances_at(psi)
        self.roots = [covariance_root(G[t]) for t in chosen]
        self.codes = terms[0].grouping.codes
        self.levels = len(terms[0].grouping.levels)
        order = [part.predictor for part in model.fitted_parts]
        self.q = sum(len(R) for R in self.roots)
        self.Z = [np.zeros((model.rows, self.q)) for _ in order]
        start = 0
        for term, R in zip(terms, self.roots, strict=True):
            stop = start + len(R)
            columns = np.ones((model.rows, 1)) if term.columns is None else term.columns
            for part, here in term.parts:
                self.Z[order.index(part.predictor)][:, start:stop] = columns[:, here] @ R[here]
            start = stop

    def _sum(self, values: FloatArray) -> FloatArray:
        weighted = values if self.frequency is None else values * self.frequency
        return np.asarray(np.bincount(self.codes, weighted, self.levels), dtype=np.float64)

    def _eta(self, u: FloatArray) -> list[FloatArray]:
        mine = u[self.codes]
        return [
            eta + np.einsum("ij,ij->i", Z, mine) for eta, Z in zip(self.fixed, self.Z, strict=True)
        ]

    def value(self, u: FloatArray) -> FloatArray:
        """(L,) log densities at effects u (L, q)."""
        with np.errstate(all="ignore"):
            rows: FloatArray = self.family.log_density(self.y, self.trials, self._eta(u))
        value: FloatArray = self._sum(rows) - 0.5 * np.sum(u * u, axis=1)
        return value

    def derivatives(self, u: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Gradient (L, q) and minus the Hessian (L, q, q)."""
        with np.errstate(all="ignore"):
            jet = self.family.log_density(self.y, self.trials, jets.variables(self._eta(u), 2))
        K, q = len(self.fixed), self.q
        gradient = -u
        hessian = np.broadcast_to(np.eye(q), (len(u), q, q)).copy()
        for i in range(q):
            slope = sum(jet.first[k] * self.Z[k][:, i] for k in range(K))
            gradient[:, i] += self._sum(np.asarray(slope))
            for j in range(i + 1):
                bend = sum(
                    jet.second[jets.pair(k, m)] * self.Z[k][:, i] * self.Z[m][:, j]
                    for k in range(K)
                    for m in range(K)
                )
                hessian[:, i, j] -= self._sum(np.asarray(bend))
                hessian[:, j, i] = hessian[:, i, j]
        return gradient, hessian

    def modes(self, start: FloatArray | None = None) -> tuple[FloatArray, FloatArray]:
        """Modes (L, q) by Newton steps, and roots (L, q, q) of their inverse curvature."""
        u = np.zeros((self.levels, self.q)) if start is None else start
        value = self.value(u)
        for _ in range(_STEPS):
            gradient, hessian = self.derivatives(u)
            values, vectors = np.linalg.eigh(hessian)
            inverse = 1.0 / np.maximum(np.abs(values), 1e-3)
            along = np.einsum("lij,li->lj", vectors, gradient)
            step = np.einsum("lij,lj->li", vectors, along * inverse)
            length = np.ones(self.levels)
            for _ in range(_HALVINGS):
                after = self.value(u + length[:, None] * step)
                worse = ~(after >= value - 1e-12 * np.abs(value))
                if not worse.any():
                    break
                length[worse] *= 0.5
            moved = np.where(worse, 0.0, length)[:, None] * step
            u, value = u + moved, np.where(worse, value, after)
            if float(np.abs(moved).max(initial=0.0)) < 1e-9:
                break
        values, vectors = np.linalg.eigh(self.derivatives(u)[1])
        spread = vectors / np.sqrt(np.maximum(values, 0.05))[:, None, :]
        return u, spread

    def integrate(
        self, nodes: int, start: FloatArray | None = None
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Logarithms of the integrals (L,), means (L, q) and covariances (L, q, q) of u."""
        mode, spread = self.modes(start)
        points, log_weights = product_rule(nodes, self.q)
        heights = np.empty((len(points), self.levels))
        for k, x in enumerate(points):
            heights[k] = self.value(mode + spread @ x) + log_weights[k] + 0.5 * float(x @ x)
        heights = np.where(np.isfinite(heights), heights, -np.inf)
        total = logsumexp(heights, 0)
        weights = np.exp(heights - total)
        x_mean = weights.T @ points
        centered = points[:, None, :] - x_mean
        x_cov = np.einsum("kl,kli,klj->lij", weights, centered, centered, optimize=True)
        mean = mode + np.einsum("lij,lj->li", spread, x_mean)
        covariance = spread @ x_cov @ np.swapaxes(spread, 1, 2)
        return total + np.linalg.slogdet(spread)[1], mean, covariance

    def to_effects(
        self, mean: FloatArray, covariance: FloatArray
    ) -> tuple[tuple[FloatArray, ...], tuple[FloatArray, ...]]:
        """Moments of b by term from those of u."""
        means, covariances, start = [], [], 0
        for R in self.roots:
            stop = start + len(R)
            means.append(mean[:, start:stop] @ R.T)
            covariances.append(R @ covariance[:, start:stop, start:stop] @ R.T)
            start = stop
        return tuple(means), tuple(covariances)
