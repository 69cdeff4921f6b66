r"""Averages of a function over normal random parts of its arguments that are correlated.

.. math:: M(\eta, V) = E\, \mu(\eta + A x), \qquad x \sim N(0, I), \quad A A' = V

The integral is a product Gauss-Hermite rule in as many dimensions as there are arguments with
random parts; the number of nodes is doubled until the values settle.  Derivatives follow from
differentiating under the integral: :math:`\partial M/\partial\eta_k = E\mu_k` and, by the heat
equation, :math:`\partial M/\partial V_{kk} = E\mu_{kk}/2`,
:math:`\partial M/\partial V_{kl} = E\mu_{kl}` for a covariance.  The mixed derivatives come from
second derivatives along diagonals, :math:`\mu_{kk} + 2 \mu_{kl} + \mu_{ll}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from ilk.errors import FitError
from ilk.num.quadrature import product_rule
from ilk.prediction.averaged import Averaged, MeanFunction, differentiate
from ilk.typing import FloatArray, IntArray

__all__ = ["average_correlated"]

_NODES = {
    1: (16, 32, 64, 128),
    2: (16, 32, 64, 128),
    3: (8, 16, 24, 32),
    4: (6, 9, 12, 16),
    5: (5, 7, 9),
}
"""Nodes per dimension that are tried, by dimension."""

_LEAST = {3: 1e-6, 4: 1e-5, 5: 1e-4}
"""Relative change that is accepted at least, by dimension."""

_CHUNK = 1 << 18
"""Function values held at one time."""


def average_correlated(
    mean: MeanFunction,
    eta: Sequence[FloatArray],
    covariance: FloatArray,
    *,
    derivatives: bool = False,
    tolerance: float = 1e-8,
) -> Averaged:
    """Average a function over correlated normal parts of its arguments, row by row.

    Parameters
    ----------
    mean : callable
        Function of K arrays, element by element.
    eta : sequence of K (n,) arrays
        Arguments without the random parts.
    covariance : (n, K, K) array
        Covariance matrices V of the random parts.
    derivatives : bool
        Whether to compute derivatives.
    tolerance : float
        Relative change of the values at most, when the number of nodes is doubled.

    Returns
    -------
    Averaged
        With derivatives in the covariances, by pair k < l.

    Raises
    ------
    FitError
        The integral does not settle, or has too many dimensions.

    Examples
    --------
    >>> import numpy as np
    >>> both = np.array([[[0.4, 0.3], [0.3, 0.5]]])
    >>> found = average_correlated(lambda e: np.exp(e[0] + e[1]), [np.zeros(1)] * 2, both)
    >>> float((found.value / np.exp(0.75))[0].round(8))
    1.0
    """
    n, K = len(eta[0]), len(eta)
    active = np.flatnonzero(np.any(covariance[:, range(K), range(K)] > 0.0, axis=0))
    if len(active) not in _NODES or not np.all(np.isfinite(covariance)):
        raise _unsettled(n, n)
    accepted = max(tolerance, _LEAST.get(len(active), 0.0))
    values, vectors = np.linalg.eigh(covariance[:, active[:, None], active])
    roots = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
    value, counts = np.full(n, np.nan), np.zeros(n, int)
    pending: IntArray = np.arange(n)
    tried = _NODES[len(active)]
    for before, count in zip((tried[0], *tried), tried, strict=False):
        rule = product_rule(count, len(active))
        fresh = np.empty(len(pending))
        for place, points in _pieces(eta, roots, active, pending, rule):
            with np.errstate(over="ignore", invalid="ignore"):  # then it does not settle
                at = np.asarray(mean(points), np.float64).reshape(len(rule[0]), -1)
                fresh[place] = np.exp(rule[1]) @ at
        with np.errstate(invalid="ignore"):
            close = np.abs(fresh - value[pending]) <= accepted * np.abs(fresh)
        settled = close & np.isfinite(fresh)
        value[pending], counts[pending] = fresh, before  # which was enough, if it settles
        pending = pending[~settled]
    if len(pending):
        raise _unsettled(len(pending), n)
    if not derivatives:
        return Averaged(value)
    pairs = list(combinations(active.tolist(), 2))
    slopes, bends = np.zeros((K, n)), np.zeros((K + len(pairs), n))
    moved = _along_diagonals(mean, pairs, K)
    used = range(K + len(pairs))
    for count in set(counts.tolist()):
        rule, rows = product_rule(count, len(active)), np.flatnonzero(counts == count)
        weights = np.exp(rule[1])
        for place, points in _pieces(eta, roots, active, rows, rule):
            still = [np.zeros_like(points[0]) for _ in pairs]
            _, first, second = differentiate(moved, [*points, *still], used)
            for k in used:
                bend = np.broadcast_to(second[k], points[0].shape).reshape(len(weights), -1)
                bends[k, rows[place]] = bend.T @ weights
                if k < K:
                    slope = np.broadcast_to(first[k], points[0].shape).reshape(len(weights), -1)
                    slopes[k, rows[place]] = slope.T @ weights
    mixed = {
        (k, j): 0.5 * (bends[K + place] - bends[k] - bends[j]) for place, (k, j) in enumerate(pairs)
    }
    return Averaged(value, tuple(slopes), tuple(0.5 * bends[:K]), mixed)


def _pieces(
    eta: Sequence[FloatArray],
    roots: FloatArray,
    active: IntArray,
    rows: IntArray,
    rule: tuple[FloatArray, FloatArray],
) -> Iterator[tuple[slice, list[FloatArray]]]:
    """Arguments (J m,), nodes by nodes, of some rows at a time, and the place of these."""
    nodes, size = rule[0], max(1, _CHUNK // len(rule[0]))
    for start in range(0, len(rows), size):
        place = slice(start, min(start + size, len(rows)))
        some = rows[place]
        shifts = np.einsum("nkd,jd->kjn", roots[some], nodes)
        points = [np.broadcast_to(e[some], (len(nodes), len(some))) for e in eta]
        for k, shift in zip(active.tolist(), shifts, strict=True):
            points[k] = points[k] + shift
        yield place, [point.ravel() for point in points]


def _along_diagonals(mean: MeanFunction, pairs: Sequence[tuple[int, int]], K: int) -> MeanFunction:
    """The function of its arguments and of a common shift of each pair of them."""

    def moved(arguments: Sequence[Any]) -> Any:
        own = list(arguments[:K])
        for (k, j), shift in zip(pairs, arguments[K:], strict=True):
            own[k], own[j] = own[k] + shift, own[j] + shift
        return mean(own)

    return moved


def _unsettled(rows: int, n: int) -> FitError:
    return FitError(
        f"The mean over the population could not be computed for {rows} of {n} rows: its integral "
        "over correlated random effects does not settle. Ask for estimand='typical' instead.",
        code="population-mean",
    )
