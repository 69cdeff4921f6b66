r"""Draws of the random effects from their conditional distribution given the data.

If (y, b) follows the model and b* is drawn from the conditional distribution of b given y, then
(y, b*) follows the model too.  So given b* the rows are independent with the family's distribution
at their predictors, and residuals around b* are uniform.  Around the modes they are not: modes
follow the data, and residuals around them vary too little.

The draw is from a normal approximation, by conditioning a draw from the prior:

.. math:: b^* = \bar b + b_0 + C Z'(W^{1/2} z - W Z b_0), \qquad b_0 \sim N(0, G),\ z \sim N(0, I),

with C the conditional covariance matrix and W the curvature of minus the log density of the rows,
both at the modes.  Its covariance is exactly C (for one solve, and for singular G too).  The center
is the conditional mean, not the mode: with small clusters, and with effects of single rows, the two
differ by enough to be seen in the residuals of many rows.  Where the mean is computed by quadrature
(:mod:`ilk.prediction.conditional_means`) the standard deviations are those of quadrature too.  All
of this is exact for the linear model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.num.jets import pair, variables
from ilk.prediction.conditional_means import conditional_means
from ilk.simulate import draw_effects, effect_roots, full_predictors, term_shift

if TYPE_CHECKING:
    from collections.abc import Callable

    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["conditional_drawer"]


def conditional_drawer(
    fitted: Fitted,
) -> Callable[[np.random.Generator], tuple[FloatArray, ...]]:
    """Make ready to draw all random effects given the data, parameters held.

    Parameters
    ----------
    fitted : Fitted
        The fit.

    Returns
    -------
    callable
        Takes a source of randomness to effects (L_t, q_t) of each term.
    """
    modes = fitted.estimates.modes
    if not modes:
        return lambda rng: ()
    curvature, root = _curvature(fitted)
    moments = conditional_means(fitted, sensitivity=False).moments
    stretch = [_stretch(fitted, t, V) for t, V in enumerate(moments.covariances)]
    roots = effect_roots(fitted)

    def draw(rng: np.random.Generator) -> tuple[FloatArray, ...]:
        prior = draw_effects(fitted, rng, roots)
        shift = np.stack(term_shift(fitted, prior))
        noise = rng.standard_normal(shift.shape)
        pull = np.einsum("nkl,ln->kn", root, noise) - np.einsum("nkl,ln->kn", curvature, shift)
        right = np.concatenate([_gather(fitted, t, pull).ravel() for t in range(len(modes))])
        move = fitted.conditional_solve(right[:, None])[:, 0]
        start, out = 0, []
        for t, b in enumerate(prior):
            error = b + move[start : start + b.size].reshape(b.shape)
            out.append(moments.means[t] + error * stretch[t])
            start += b.size
        return tuple(out)

    return draw


def _stretch(fitted: Fitted, t: int, covariances: FloatArray) -> FloatArray:
    """Standard deviations (L, q) of better covariances in those at the modes."""
    better = np.diagonal(covariances, axis1=1, axis2=2)
    own = np.diagonal(fitted.mode_covariance()[t], axis1=1, axis2=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.sqrt(better / own)
    return np.where(np.isfinite(ratio), ratio, 1.0)


def _curvature(fitted: Fitted) -> tuple[FloatArray, FloatArray]:
    """Curvature W (n, K, K) of minus the rows' log densities at the modes, and roots of it.

    A root is of the positive part of W: of families that are not log-concave some rows bend the
    other way.
    """
    eta = full_predictors(fitted, fitted.estimates.modes)
    response = fitted.design.response
    with np.errstate(all="ignore"):
        jet = fitted.family.log_density(response.y, response.second, variables(eta, 2))
    K, n = len(eta), len(response.y)
    W = np.empty((n, K, K))
    for k in range(K):
        for j in range(K):
            W[:, k, j] = -jet.second[pair(k, j)]
    if fitted.design.frequency_weights is not None:
        W *= fitted.design.frequency_weights[:, None, None]
    W[~np.isfinite(W)] = 0.0
    if K == 1:
        return W, np.sqrt(np.maximum(W, 0.0))
    values, vectors = np.linalg.eigh(_random_block(fitted, W))
    return W, vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]


def _random_block(fitted: Fitted, W: FloatArray) -> FloatArray:
    """W with zeros where a predictor has no random effects, whose draws would be thrown away."""
    has = {part.predictor for part in fitted.design.random_parts}
    keep = np.array([name in has for name in fitted.family.parameters], dtype=float)
    block: FloatArray = W * keep[:, None] * keep
    return block


def _gather(fitted: Fitted, t: int, rows: FloatArray) -> FloatArray:
    """Z' of term t times values (K, n) of the rows, (L, q)."""
    term = fitted.design.terms[t]
    order, columns = list(fitted.family.parameters), term.columns
    sums = []
    for j, name in enumerate(term.predictors):
        values = rows[order.index(name)]
        weights = values if columns is None else columns[:, j] * values
        sums.append(term.grouping.sums(weights))
    return np.stack(sums, axis=1)
