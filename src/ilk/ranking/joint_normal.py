r"""Joint normal draws of the effects of the levels of a factor, where factors cross or nest.

Given the parameters the effects of all terms are normal around their modes, with covariance C
(exactly so in the linear model).  For a combination of effects by level, weights a:

* few levels: the matrix :math:`A' C A` is found by solving for the columns of A, and draws are
  made with a root of it;
* many: with prior draws :math:`b_0 \sim N(0, G)` and noise :math:`e \sim N(0, W)` of the rows, W
  their information,

  .. math:: b_0 - C Z' (W Z b_0 + e) \sim N(0, C),

  one solve for each draw, whatever the number of levels, also where G is singular (perturbation
  optimization: Papandreou and Yuille 2010; in geostatistics, conditioning by kriging).

Means are those of :mod:`ilk.prediction.conditional_means` rather than modes, and draws are
stretched to the standard deviations found there, for the density is skewed where data are few.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ilk.model.model import term_effect
from ilk.num import jets
from ilk.num.triangular import covariance_root
from ilk.prediction.conditional_means import conditional_means
from ilk.prediction.known import first_places
from ilk.ranking.target import block_variances

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.ranking.target import Target
    from ilk.typing import FloatArray

__all__ = ["JointNormal"]

_CELLS = 1 << 22
"""Numbers in the right-hand sides at one time at most."""

_DENSE = 2000
"""Levels up to which their covariance matrix is formed."""

_EXPANDED = 20_000
"""Random effects up to which means are computed in place of modes."""


class JointNormal:
    """Source of joint draws of what is ranked, parameters held.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    target : Target
        What is ranked.
    like : JointNormal, optional
        One at other parameters, whose corrections of means and deviations are taken over.
    """

    def __init__(self, fitted: Fitted, target: Target, like: JointNormal | None = None) -> None:
        self.fitted, self.target = fitted, target
        modes = fitted.estimates.modes
        self.size = sum(m.size for m in modes)
        places = first_places(modes)
        self.where = [
            (places[t][0], places[t][1], a)
            for t, a in zip(target.terms, target.weights, strict=True)
        ]
        self.moved = np.zeros(len(target.levels))
        self.stretch = np.ones(len(target.levels))
        if like is not None:
            self.moved, self.stretch = like.moved, like.stretch
        elif self.size <= _EXPANDED:
            self._correct()
        self.center, self.scale = target.combine(modes) + self.moved, 1.0
        few = len(target.levels) <= _DENSE
        self.root = covariance_root(self.covariance()) if few else None

    def _correct(self) -> None:
        """Means in place of modes, and their standard deviations."""
        found = conditional_means(self.fitted, sensitivity=False).moments
        modes = self.fitted.estimates.modes
        self.moved = self.target.combine(found.means) - self.target.combine(modes)
        before, after = (
            block_variances(self.target, blocks)
            for blocks in (self.fitted.mode_covariance(), found.covariances)
        )
        positive = (before > 0.0) & (after > 0.0)
        self.stretch = np.sqrt(np.where(positive, after, 1.0) / np.where(positive, before, 1.0))

    def at(self, psi: FloatArray) -> JointNormal:
        """The same at other parameters.

        Parameters
        ----------
        psi : (m,) array
            Parameters.
        """
        marginal = self.fitted.marginal
        point = marginal.at(psi)
        estimates = marginal.estimates(point)
        there = replace(self.fitted, point=point, estimates=estimates)
        found = JointNormal(there, self.target, self)
        if self.fitted.model.linear:  # whose point has the best coefficients and sigma for theta
            P = len(self.fitted.coef)
            slope = self.pick(marginal.mode_sensitivity(point)[:, :P])
            found.center = found.center + slope @ (psi[:P] - estimates.psi[:P])
            found.scale = float(np.sqrt(np.exp(psi[-1]) / estimates.sigma2))
        return found

    def pick(self, effects: FloatArray) -> FloatArray:
        """(L, k) combinations of flat effects (U, k)."""
        levels = len(self.target.levels)
        total = np.zeros((levels, effects.shape[1]))
        for start, q, a in self.where:
            block = effects[start : start + q * levels].reshape(levels, q, -1)
            total += np.einsum("lqk,q->lk", block, a)
        return total

    def covariance(self) -> FloatArray:
        """(L, L) covariance matrix A'CA."""
        levels = len(self.target.levels)
        matrix = np.empty((levels, levels))
        step = max(1, _CELLS // self.size)
        for begin in range(0, levels, step):
            some = np.arange(begin, min(begin + step, levels))
            unit = np.zeros((self.size, len(some)))
            for start, q, a in self.where:
                for j in range(q):
                    unit[start + q * some + j, np.arange(len(some))] = a[j]
            matrix[:, some] = self.pick(self.fitted.conditional_solve(unit))
        return 0.5 * (matrix + matrix.T)

    def draw(self, count: int, rng: np.random.Generator) -> FloatArray:
        """(count, L) draws."""
        levels = len(self.target.levels)
        if self.root is not None:
            noise = rng.standard_normal((count, levels)) @ self.root.T
            return np.asarray(self.center + self.scale * self.stretch * noise)
        out = np.empty((count, levels))
        step = max(1, _CELLS // max(self.size, self.fitted.model.rows))
        for begin in range(0, count, step):
            some = slice(begin, min(begin + step, count))
            out[some] = self.pick(self._perturbed(some.stop - begin, rng)).T
        return np.asarray(self.center + self.scale * self.stretch * out)

    def _perturbed(self, count: int, rng: np.random.Generator) -> FloatArray:
        """(U, count) draws from N(0, C) of all effects."""
        fitted, terms = self.fitted, self.fitted.design.terms
        order, roots = information_roots(fitted)
        prior = [
            self._unit(t, count, rng) @ covariance_root(G).T
            for t, G in enumerate(fitted.estimates.covariances)
        ]
        flat = np.concatenate([b.reshape(count, -1) for b in prior], axis=1).T
        right = np.empty((self.size, count))
        for k in range(count):
            eta = np.zeros((len(order), fitted.model.rows))
            for term, b in zip(terms, prior, strict=True):
                for part, here in term.parts:
                    eta[order.index(part.predictor)] += term_effect(part, b[k][:, here])
            noise = rng.standard_normal(eta.shape)
            pull = np.einsum(
                "nij,jn->in", roots, np.einsum("nji,jn->in", roots, eta) + noise, optimize=True
            )
            right[:, k] = self._summed(order, pull)
        return np.asarray(flat - fitted.conditional_solve(right))

    def _unit(self, t: int, count: int, rng: np.random.Generator) -> FloatArray:
        """(count, L, q) draws of standardized effects of a term."""
        levels, q = self.fitted.estimates.modes[t].shape
        over = self.fitted.dependences[t]
        if over is None:
            return rng.standard_normal((count, levels, q))
        drawn = over.levels.draw(over.theta, rng, count * q)
        return np.moveaxis(drawn.reshape(count, q, levels), 1, 2)

    def _summed(self, order: list[str], pull: FloatArray) -> FloatArray:
        """(U,) sums Z' of rows by predictor."""
        modes, terms = self.fitted.estimates.modes, self.fitted.design.terms
        total = np.zeros(self.size)
        for (start, q), term, mode in zip(first_places(modes), terms, modes, strict=True):
            for j in range(q):
                rows = pull[order.index(term.predictors[j])]
                z = rows if term.columns is None else rows * term.columns[:, j]
                total[start + j : start + mode.size : q] = np.bincount(
                    term.grouping.codes, z, len(mode)
                )
        return total


def information_roots(fitted: Fitted) -> tuple[list[str], FloatArray]:
    """Predictors with random effects, and roots (n, K, K) of the rows' information in them.

    Directions in which a row has negative information are left out.
    """
    design, model = fitted.design, fitted.model
    fitted_order = [part.predictor for part in model.fitted_parts]
    order = [name for name in fitted_order if any(t.reaches(name) for t in design.terms)]
    n, K = model.rows, len(order)
    if model.linear:
        weights = np.full(n, 1.0 / fitted.estimates.sigma2)
        for given in (design.frequency_weights, design.precision_weights):
            weights = weights if given is None else weights * given
        return order, np.sqrt(weights)[:, None, None]
    response = design.response
    jet = fitted.family.log_density(
        response.y, response.trials, jets.variables(fitted.predictors, 2)
    )
    W = np.empty((n, K, K))
    for i, a in enumerate(order):
        for j, b in enumerate(order):
            place = jets.pair(fitted_order.index(a), fitted_order.index(b))
            W[:, i, j] = -jet.second[place]
    if design.frequency_weights is not None:
        W *= design.frequency_weights[:, None, None]
    values, vectors = np.linalg.eigh(W)
    return order, np.asarray(vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :])
