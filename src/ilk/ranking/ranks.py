r"""Ranks of levels whose values are known with uncertainty, and whether they can be ranked at all.

From S joint draws of all levels: the rank :math:`R_l` of level l in a draw is its place among all,
and its posterior mean is the expected rank (Laird and Louis 1989)

.. math:: E R_l = 1 + \sum_{k \ne l} P(b_k < b_l),

whose percentile :math:`100 (E R_l - 1/2) / L` is that of Lingsma et al. (2009).  Where the joint
posterior is normal it has the closed form of `expected_ranks`.

The *rankability* of a table is the share of the variance between levels that is no chance (Lingsma
et al. 2009; van Dishoeck et al. 2011),

.. math:: \rho = \frac{\tau^2}{\tau^2 + \mathrm{median}_l\, s_l^2},

with :math:`\tau^2` the variance of the levels' effects and :math:`s_l^2` the sampling variance of
an effect estimated from its level alone.  A conditional variance :math:`v_l` belongs to
:math:`1/v_l = 1/\tau^2 + 1/s_l^2`, so that :math:`\tau^2 / (\tau^2 + s_l^2) = 1 - v_l / \tau^2` is
the weight by which a level is shrunk, and the rankability is the weight of the median level.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.errors import ModelError
from ilk.num.stable import special

if TYPE_CHECKING:
    from ilk.ranking.draws import Chunk
    from ilk.typing import FloatArray

__all__ = ["RankSummary", "expected_ranks", "mean_ranks", "rankability", "summarize_draws"]

_BLOCK = 256
"""Levels whose draws are transposed at one time."""

_CELLS = 1 << 21
"""Draws, or pairs of levels, that are worked on at one time."""


@dataclass(frozen=True, slots=True)
class RankSummary:
    """What draws say of each level.

    Parameters
    ----------
    effect, effect_low, effect_high : (L,) arrays
        Mean and quantiles of the effects.
    total, total_low, total_high : (L,) arrays
        Median and quantiles of the effects with the shift that all share.
    expected_rank, median_rank, rank_low, rank_high : (L,) arrays
        Mean and quantiles of the ranks, 1 for the first.
    p_best, p_worst, p_above : (L,) arrays
        Shares of the draws with a rank of at most `best`, among the last `worst`, and with a total
        above the threshold.
    """

    effect: FloatArray
    effect_low: FloatArray
    effect_high: FloatArray
    total: FloatArray
    total_low: FloatArray
    total_high: FloatArray
    expected_rank: FloatArray
    median_rank: FloatArray
    rank_low: FloatArray
    rank_high: FloatArray
    p_best: FloatArray
    p_worst: FloatArray
    p_above: FloatArray


def summarize_draws(
    chunks: Iterable[Chunk],
    levels: int,
    draws: int,
    *,
    low_is_first: bool,
    best: int,
    worst: int,
    threshold: float | None,
    level: float,
    fold: float | None = None,
) -> RankSummary:
    """Rank the levels in every draw and sum up.

    Parameters
    ----------
    chunks : iterable of Chunk
        Joint draws.
    levels, draws : int
        Numbers of levels and of draws.
    low_is_first : bool
        Whether rank 1 is the lowest value.
    best, worst : int
        Sizes of the top and of the bottom group.
    threshold : float or None
        On the scale of effect plus shift.
    level : float
        Coverage.
    fold : float, optional
        Where the totals, t, are to be replaced by |t + fold|, and levels ranked by that.

    Returns
    -------
    RankSummary
    """
    ranks = np.empty((levels, draws), dtype=np.uint16 if levels < 1 << 16 else np.uint32)
    effects = np.empty((levels, draws), dtype=np.float32)
    shifts = np.empty(draws)
    places = np.arange(1, levels + 1, dtype=ranks.dtype)
    done = 0
    for chunk in chunks:
        count = len(chunk.shift)
        some = slice(done, done + count)
        ordered_by = chunk.effect
        if fold is not None:
            ordered_by = _folded(chunk.effect, chunk.shift[:, None], fold)
        order = np.argsort(ordered_by, axis=1)
        ranked = np.empty(order.shape, dtype=ranks.dtype)
        for row, by_rank in zip(ranked, order, strict=True):
            row[by_rank] = places
        if not low_is_first:
            np.subtract(levels + 1, ranked, out=ranked)
        for begin in range(0, levels, _BLOCK):  # transposed in blocks that a cache holds
            block = slice(begin, begin + _BLOCK)
            ranks[block, some] = ranked[:, block].T
            effects[block, some] = chunk.effect[:, block].T
        shifts[some] = chunk.shift
        done += count
    parts: list[list[FloatArray]] = []
    step = max(1, _CELLS // draws)
    for begin in range(0, levels, step):
        rows = slice(begin, begin + step)
        shares = [(ranks[rows] <= best).mean(axis=1), (ranks[rows] > levels - worst).mean(axis=1)]
        if threshold is None:
            shares.append(np.full(len(shares[0]), np.nan))
        else:
            shares.append((_folded(effects[rows], shifts, fold) > threshold).mean(axis=1))
        total = _folded(effects[rows], shifts.astype(effects.dtype), fold)
        parts.append(_of_levels(ranks[rows], effects[rows], total, level) + shares)
    return RankSummary(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _folded(effect: Any, shift: Any, fold: float | None) -> Any:
    """Totals of effects and shifts, folded where asked."""
    return effect + shift if fold is None else np.abs(effect + shift + fold)


def _of_levels(ranks: Any, effects: Any, total: Any, level: float) -> list[FloatArray]:
    """Means and quantiles of effects, totals and ranks (l, S), which are sorted in place."""
    tail = 0.5 * (1.0 - level)
    mean_effect = effects.mean(axis=1, dtype=np.float64)
    mean_rank = ranks.mean(axis=1, dtype=np.float64)
    for values in (effects, total, ranks):
        values.sort(axis=1)
    effect_low, effect_high = _quantiles(effects, (tail, 1.0 - tail))
    low, middle, high = _quantiles(total, (tail, 0.5, 1.0 - tail))
    first, last = _shortest(ranks, level)
    median = ranks[:, (ranks.shape[1] - 1) // 2]
    return [
        *(mean_effect, effect_low, effect_high, middle, low, high),
        *(mean_rank, *(k.astype(np.float64) for k in (median, first, last))),
    ]


def _shortest(ranks: Any, level: float) -> tuple[Any, Any]:
    """Ends of the shortest interval that holds a share of the sorted draws (l, S).

    Quantiles would hold too much where a level is likely to be the first or the last, for there is
    no rank beyond.  Of several the middle one is taken.
    """
    count = ranks.shape[1]
    inside = min(count, int(np.ceil(level * count - 1e-9)))
    low, high = ranks[:, : count - inside + 1], ranks[:, inside - 1 :]
    width = high - low
    short = width == width.min(axis=1, keepdims=True)
    order = np.cumsum(short, axis=1)
    place = np.argmax(order >= (order[:, -1:] + 1) // 2, axis=1)
    rows = np.arange(len(ranks))
    return low[rows, place], high[rows, place]


def _quantiles(ordered: Any, probabilities: tuple[float, ...]) -> list[FloatArray]:
    """Quantiles of sorted rows, between draws by linear interpolation."""
    count, found = ordered.shape[1], []
    for p in probabilities:
        at = p * (count - 1)
        k = min(int(at), max(count - 2, 0))
        following = ordered[:, min(k + 1, count - 1)]
        low = ordered[:, k].astype(np.float64)
        found.append(low + (at - k) * (following - low))
    return found


def expected_ranks(effects: Any, covariance: Any) -> FloatArray:
    r"""Compute expected ranks of jointly normal effects, 1 for the lowest.

    .. math:: E R_l = 1 + \sum_{k \ne l}
       \Phi\left(\frac{m_l - m_k}{\sqrt{v_l + v_k - 2 c_{lk}}}\right)

    Parameters
    ----------
    effects : (L,) array
        Means m.
    covariance : (L,) or (L, L) array
        Variances v of independent effects, or their covariance matrix.

    Returns
    -------
    (L,) array
        Two effects that are certain and equal share their rank.

    Examples
    --------
    >>> import numpy as np
    >>> expected_ranks([0.0, 1.0, 1.2], [0.1, 0.1, 2.0]).round(3)
    array([1.216, 2.432, 2.351])

    With variances of zero they are the ranks:

    >>> expected_ranks([0.3, -1.0, 0.3], np.zeros((3, 3)))
    array([2.5, 1. , 2.5])
    """
    m, v = np.asarray(effects, dtype=np.float64), np.asarray(covariance, dtype=np.float64)
    levels = len(m)
    if m.ndim != 1 or v.shape not in ((levels,), (levels, levels)):
        raise ModelError(
            f"expected_ranks() takes L effects with L variances or an (L, L) covariance matrix, "
            f"not arrays of shapes {m.shape} and {v.shape}.",
            code="shape",
        )
    variance = v if v.ndim == 1 else np.diagonal(v)
    ranks = np.empty(levels)
    step = max(1, _CELLS // max(levels, 1))
    for begin in range(0, levels, step):
        rows = slice(begin, begin + step)
        spread = variance[rows, None] + variance
        if v.ndim == 2:
            spread = spread - 2.0 * v[rows]
        apart = m[rows, None] - m
        with np.errstate(divide="ignore", invalid="ignore"):
            z = np.where(apart == 0.0, 0.0, apart / np.sqrt(np.maximum(spread, 0.0)))
        ranks[rows] = 0.5 + special().ndtr(z).sum(axis=1)  # the level itself counts one half
    return ranks


def mean_ranks(values: FloatArray, *, low_is_first: bool = True) -> FloatArray:
    """Ranks (L,) of values; ties share their mean rank, nan has none.

    Parameters
    ----------
    values : (L,) array
        Values.
    low_is_first : bool
        Whether rank 1 is the lowest.

    Examples
    --------
    >>> import numpy as np
    >>> mean_ranks(np.array([3.0, 1.0, 3.0]))
    array([2.5, 1. , 2.5])
    """
    there = np.isfinite(values)
    used = values[there] if low_is_first else -values[there]
    _, inverse, counts = np.unique(used, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = np.full(len(values), np.nan)
    ranks[there] = (last - 0.5 * (counts - 1))[inverse]
    return ranks


def rankability(between: float, conditional: FloatArray) -> float:
    """Share of the variance between levels that is no chance.

    Parameters
    ----------
    between : float
        Variance of the effects of the levels.
    conditional : (L,) array
        Variances of the effects given the data.

    Examples
    --------
    >>> import numpy as np
    >>> rankability(2.0, np.array([0.5, 1.0, 1.0]))  # sampling variances 2 / 3, 2 and 2
    0.5
    """
    if not between > 0.0:
        return 0.0
    with np.errstate(divide="ignore"):
        sampling = 1.0 / np.maximum(1.0 / conditional - 1.0 / between, 0.0)
    return float(between / (between + np.median(sampling)))
