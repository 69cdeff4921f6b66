r"""Likelihood of successes given each cluster's number of them: sums over subsets by recursion.

Given the total t of a cluster whose rows have linear predictors :math:`\eta_i` (its own parameter
cancels), the successes y have the probability

.. math:: \frac{e^{\sum y_i \eta_i}}{B_t}, \qquad
   B(z) = \prod_i (1 + e^{\eta_i} z) = \sum_t B_t z^t.

:math:`B_{k, m} = B_{k-1, m} + e^{\eta_k} B_{k-1, m-1}` adds row k (Gail, Lubin and Rubinstein 1981,
eq. 5).  Their recursions for derivatives are replaced by ones without cancellation: given that the
first k rows have m successes, row k is one of them with probability :math:`p_{k,m} = e^{\eta_k}
B_{k-1,m-1} / B_{k,m}`, so the rows taken from the last to the first are a Markov chain in m.  With
the probability :math:`\pi_{k,m}` that the chain passes (k, m), from a pass backwards, and the mean
:math:`M_{k,m}` of the sum of the successes' covariates x, from a pass forwards,

.. math:: E y_k = \sum_m \pi_{k,m} p_{k,m}, \qquad
   \operatorname{Cov}\Bigl(\sum y_i x_i\Bigr) = \sum_{k,m} \pi_{k,m} p_{k,m} (1 - p_{k,m}) d d',
   \quad d = x_k + M_{k-1,m-1} - M_{k-1,m}

(law of total variance along the chain): sums of positive parts only, by matrix products.  A row
with n trials stands for n rows that are alike, as its factor :math:`(1 + e^\eta z)^n` says.
Clusters of similar size go through the recursions side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from ilk.errors import FitError
from ilk.typing import FloatArray, IntArray

__all__ = ["Batch", "Evaluated", "SubsetSums", "subset_sums"]

LARGEST_STRATUM = 3e7
"""Largest product of rows and successes of one cluster."""

MOST_CELLS = 2e9
"""Largest sum of these products."""

_TOGETHER = 4e5
"""Cells of clusters that go through the recursion side by side."""


@final
@dataclass(frozen=True, slots=True)
class Evaluated:
    """A conditional log-likelihood with derivatives.

    Parameters
    ----------
    value : float
        Log-likelihood without constants.
    residual : (n,) array
        Outcome less its conditional mean; the score is X' residual.
    information : (p, p) array
        Minus the second derivative, which does not depend on the outcome.
    """

    value: float
    residual: FloatArray
    information: FloatArray


@final
@dataclass(frozen=True, slots=True)
class Batch:
    """Clusters of similar size.

    Parameters
    ----------
    rows : (S, n) array of int
        Rows of each cluster, those with several trials repeated; -1 fills up.
    totals : (S,) array of int
        Number of successes; of failures where `sign` is -1.
    sign : (S,) array
        -1 where failures are counted, because there are fewer of them.
    """

    rows: IntArray
    totals: IntArray
    sign: FloatArray


@final
@dataclass(frozen=True, slots=True)
class SubsetSums:
    """Conditional likelihood of successes, ready to be evaluated.

    Parameters
    ----------
    y : (n,) array
        Numbers of successes.
    batches : tuple of Batch
        All clusters.
    """

    y: FloatArray
    batches: tuple[Batch, ...]

    def evaluate(self, eta: FloatArray, X: FloatArray) -> Evaluated:
        """Log-likelihood, residuals and information.

        Parameters
        ----------
        eta : (n,) array
            Linear predictors, but for the clusters' own parameters.
        X : (n, p) array
            Columns, best centered within clusters.
        """
        value = float(self.y @ eta)
        mean = np.zeros(len(eta))
        information = np.zeros((X.shape[1], X.shape[1]))
        padded_eta = np.append(eta, -np.inf)
        padded_X = np.vstack([X, np.zeros((1, X.shape[1]))])
        for batch in self.batches:
            inside = batch.rows >= 0
            sign = batch.sign[:, None]
            own = np.where(inside, sign * padded_eta[batch.rows], -np.inf)
            sums, p = _forward(own, batch.totals)
            chosen, spread = _backward(p, batch.totals)
            # where failures are counted, y = 1 - (chance of failure)
            expected = np.where(sign > 0.0, chosen, 1.0 - chosen)
            np.add.at(mean, batch.rows[inside], expected[inside])
            value -= float(sums.sum())
            flipped = np.flatnonzero(batch.sign < 0.0)
            if len(flipped):
                value -= float(np.where(inside, padded_eta[batch.rows], 0.0)[flipped].sum())
            if len(information):
                information += _covariance(p, spread, sign[:, :, None] * padded_X[batch.rows])
        return Evaluated(value, self.y - mean, information)


def subset_sums(
    y: FloatArray, trials: FloatArray | None, codes: IntArray, size: int, name: str
) -> SubsetSums:
    """Arrange clusters for the recursion.

    Parameters
    ----------
    y, trials : (n,) arrays
        Successes, and trials or None.
    codes : (n,) array
        Cluster of each row.
    size : int
        Number of clusters.
    name : str
        Name of the factor, for messages.

    Returns
    -------
    SubsetSums

    Raises
    ------
    FitError
        The recursion would take too long.
    """
    each = np.ones(len(y), np.int64) if trials is None else np.rint(trials).astype(np.int64)
    counts = np.bincount(codes, each, size).astype(np.int64)
    successes = np.rint(np.bincount(codes, y, size)).astype(np.int64)
    fewer = np.minimum(successes, counts - successes)
    cells = counts.astype(float) * np.maximum(fewer, 1)
    if cells.max(initial=0.0) > LARGEST_STRATUM or cells.sum() > MOST_CELLS:
        raise FitError(
            f"The largest cluster of {name!r} has {int(counts.max())} trials with "
            f"{int(fewer[np.argmax(cells)])} of the rarer outcome: the sums over all ways to place "
            "them would take too long. In clusters so large the bias of ilk.fixed is negligible; "
            "use it.",
            code="too-large",
        )
    order = np.argsort(codes, kind="stable")
    expanded = np.repeat(order, each[order])
    starts = np.concatenate([[0], np.cumsum(counts)])
    sign = np.where(successes <= counts - successes, 1.0, -1.0)
    queue = np.lexsort((fewer, counts))
    batches = []
    for members in _split(queue, counts, fewer):
        width = int(counts[members].max())
        column = np.arange(width)
        inside = column < counts[members][:, None]
        where = np.minimum(starts[members][:, None] + column, len(expanded) - 1)
        batches.append(Batch(np.where(inside, expanded[where], -1), fewer[members], sign[members]))
    return SubsetSums(y, tuple(batches))


def _split(queue: IntArray, counts: IntArray, totals: IntArray) -> list[IntArray]:
    """Cut clusters, ordered by size, where sizes differ too much or cells become too many."""
    out: list[IntArray] = []
    start, widest, deepest = 0, 0, 0
    n, t = counts[queue].tolist(), totals[queue].tolist()
    for i in range(len(queue)):
        widest, deepest = max(widest, n[i]), max(deepest, t[i])
        cells = (i - start + 1) * widest * (deepest + 1)
        uneven = n[i] > 1.1 * n[start] + 1 or deepest > 1.3 * t[start] + 4
        if i > start and (cells > _TOGETHER or uneven):
            out.append(queue[start:i])
            start, widest, deepest = i, n[i], t[i]
    out.append(queue[start:])
    return out


def _band(k: int, n: int, lowest: int, highest: int) -> tuple[int, int]:
    """Numbers of successes, from 1 up, that k of n rows can have on the way to the total."""
    return max(1, lowest - (n - k)), min(k, highest)


def _forward(eta: FloatArray, totals: IntArray) -> tuple[FloatArray, FloatArray]:
    """Log B at the totals (S,), and the probabilities p (n, S, T) for m = 1, ..., T."""
    S, n = eta.shape
    T, lowest = int(totals.max()), int(totals.min())
    log_B = np.full((S, T + 1), -np.inf)
    log_B[:, 0] = 0.0
    p = np.zeros((n, S, T))
    with np.errstate(invalid="ignore"):
        for k in range(1, n + 1):
            a, b = _band(k, n, lowest, T)
            if a > b:
                continue
            taken = eta[:, k - 1, None] + log_B[:, a - 1 : b]
            both = np.logaddexp(log_B[:, a : b + 1], taken)
            share = np.exp(taken - both)
            p[k - 1, :, a - 1 : b] = np.where(np.isfinite(both), share, 0.0)
            log_B[:, a : b + 1] = both
    return log_B[np.arange(S), totals], p


def _backward(p: FloatArray, totals: IntArray) -> tuple[FloatArray, FloatArray]:
    """Conditional means of the rows (S, n), and the weights pi p (1 - p) of the chain (n, S, T)."""
    n, S, T = p.shape
    lowest = int(totals.min())
    passing = np.zeros((S, T + 1))
    passing[np.arange(S), totals] = 1.0
    mean = np.empty((S, n))
    spread = np.zeros_like(p)
    for k in range(n, 0, -1):
        a, b = _band(k, n, lowest, T)
        if a > b:
            mean[:, k - 1] = 0.0
            continue
        chance = p[k - 1, :, a - 1 : b]
        taken = passing[:, a : b + 1] * chance
        mean[:, k - 1] = taken.sum(axis=1)
        spread[k - 1, :, a - 1 : b] = taken * (1.0 - chance)
        passing[:, a : b + 1] -= taken
        passing[:, a - 1 : b] += taken
    return mean, spread


def _covariance(p: FloatArray, spread: FloatArray, X: FloatArray) -> FloatArray:
    """Covariance of the sums of covariates, summed over clusters, (q, q)."""
    n, S, T = p.shape
    q = X.shape[2]
    means = np.zeros((S, T + 1, q))
    total = np.zeros((q, q))
    for k in range(1, n + 1):
        b = min(k, T)
        d = X[:, k - 1, None, :] + means[:, :b] - means[:, 1 : b + 1]
        root = np.sqrt(spread[k - 1, :, :b])
        weighted = (root[:, :, None] * d).reshape(-1, q)
        total += weighted.T @ weighted
        means[:, 1 : b + 1] += p[k - 1, :, :b, None] * d
    return total
