"""Averages over normal random parts of many arguments, by products of Gauss-Hermite rules.

Predictors of several categories, each with random effects, make integrals in three and more
dimensions, for which the equidistant grids of `ilk.prediction.integral` have too many points.  Here
the order of the rule is raised, row by row, until an average changes by no more than the tolerance;
for functions such as shares of exponentials each step shrinks the error about tenfold, so that
what is left is below a tenth of the last change.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from ilk.prediction.averaged import Averaged, MeanFunction, differentiate
from ilk.typing import FloatArray

__all__ = ["MANY", "integrate_products"]

MANY = 3
"""Dimensions from which on products are used."""

_ORDERS = (5, 7, 9, 12, 16, 24, 32, 48)
_POINTS = 1 << 17  # of a rule at most
_TOLERANCES = {3: 1e-6, 4: 1e-5}  # change of an average that is relative to its size, by dimension
_LOOSE = 1e-4  # in more dimensions
_CHUNK = 1 << 16  # function values held at one time


def integrate_products(
    mean: MeanFunction,
    eta: Sequence[FloatArray],
    deviation: Sequence[FloatArray],
    active: Sequence[int],
    used: Sequence[int],
) -> Averaged:
    """Average a mean over normal random parts of many of its arguments.

    Parameters
    ----------
    mean : callable
        Mean of the response as a function of K linear predictors, element by element.
    eta, deviation : sequences of K (n,) arrays
        Linear predictors without the random parts, and standard deviations of these.
    active : sequence of int
        Predictors that have random parts.
    used : sequence of int
        Predictors to differentiate in; none if derivatives are not needed.

    Returns
    -------
    Averaged
        Values are nan in rows whose average does not settle.

    Examples
    --------
    >>> import numpy as np
    >>> from ilk.num import jets
    >>> product = lambda eta: jets.exp(eta[0] + eta[1] + eta[2])
    >>> zeros, ones = [np.zeros(1)] * 3, [np.full(1, 0.5)] * 3
    >>> integrate_products(product, zeros, ones, [0, 1, 2], []).value.round(4)
    array([1.455])
    """
    n, K, d = len(eta[0]), len(eta), len(active)
    tolerance = _TOLERANCES.get(d, _LOOSE)
    value = np.full(n, np.nan)
    by_eta = [np.zeros(n) for _ in range(K)] if used else []
    by_variance = [np.zeros(n) for _ in range(K)] if used else []
    orders = [order for order in _ORDERS if order**d <= _POINTS] or [_ORDERS[0]]
    pending, before = np.arange(n), np.full(n, np.nan)
    for order in orders:
        settled = np.zeros(n, dtype=bool)
        points, weights = _rule(order, d)
        for rows in np.array_split(pending, _pieces(len(pending), len(weights))):
            at = [np.repeat(e[rows], len(weights)).reshape(len(rows), -1) for e in eta]
            for axis, k in enumerate(active):
                at[k] = at[k] + deviation[k][rows, None] * points[axis]
            flat = [x.ravel() for x in at]
            values = np.asarray(mean(flat), dtype=np.float64).reshape(at[0].shape)
            found = values @ weights
            size = np.abs(values) @ weights
            done = np.abs(found - before[rows]) <= tolerance * size
            before[rows], settled[rows] = found, done
            value[rows[done]] = found[done]
            if used and done.any():
                some = [x[done].ravel() for x in at]
                _, first, second = differentiate(mean, some, used)
                for k, slope, bend in zip(used, first, second, strict=True):
                    by_eta[k][rows[done]] = slope.reshape(-1, len(weights)) @ weights
                    by_variance[k][rows[done]] = 0.5 * bend.reshape(-1, len(weights)) @ weights
        pending = pending[~settled[pending]]
        if not len(pending):
            break
    return Averaged(value, tuple(by_eta), tuple(by_variance))


def _pieces(rows: int, points: int) -> int:
    """Number of pieces that rows are split into, each of few enough points."""
    return min(rows, -(-rows * points // _CHUNK))


@functools.lru_cache(maxsize=8)
def _rule(order: int, dimensions: int) -> tuple[FloatArray, FloatArray]:
    """Points (d, order^d) and weights of the product rule for the standard normal distribution."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(order)
    points = np.stack([x.ravel() for x in np.meshgrid(*(nodes,) * dimensions, indexing="ij")])
    parts = np.stack([x.ravel() for x in np.meshgrid(*(weights,) * dimensions, indexing="ij")])
    product = np.prod(parts / weights.sum(), axis=0)
    return points, product
