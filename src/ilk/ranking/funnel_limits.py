r"""Control limits of a funnel plot, from the fitted model.

A funnel plot sets what each level did against how much it had to do with.  Two pairs of limits say
what chance does:

* **sampling**: quantiles of the total of a *typical* level, effects at zero.  Outside of them is
  what cannot be explained if all levels were alike.
* **predictive**: quantiles of the total of a level drawn from the population,
  :math:`F(y) = \int F(y \mid u) \varphi(u) du`, so that the differences between levels that the
  model has found are counted as usual.  Outside of them is what it did not expect of any level.

Spiegelhalter (2005, Statistics in Medicine 24, 1185-1202) inflates the first by an estimated factor
(multiplicative) or variance (additive) to get the second; here both are exact for the family and
the distribution of the effects (`ilk.ranking.total_distribution`), skewness included.  Limits of
counts are interpolated as he does, see `ilk.ranking.total_quantiles`.

The limits of a level depend on the rows that it has.  The curves are those of a level with the mix
of rows that levels of about its size have, by local linear regression on the logarithm of the size;
for Poisson counts, and for trials with one probability, that is exact.  Which levels are outside
is decided by each level's own rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from ilk.ranking.level_totals import AXIS, LevelTotals
from ilk.ranking.total_distribution import Kind, is_discrete, total_cdf
from ilk.ranking.total_quantiles import Mixture

if TYPE_CHECKING:
    from ilk.typing import BoolArray, FloatArray

__all__ = ["COVERAGES", "Limits", "Within", "curve_limits", "tail_probabilities"]

COVERAGES = (0.95, 0.998)
"""Central probabilities of the limits: about two and three standard deviations."""

Within: TypeAlias = Literal["sampling", "predictive"]
"""What limits allow for."""

_FINEST = 2048
_COARSEST = 48
_MOVE = 1.3
_CHUNK = 1 << 21


@dataclass(frozen=True, slots=True, eq=False)
class Limits:
    """Limits of totals along a grid of sizes.

    Parameters
    ----------
    low, high : (2, C, G) arrays
        Sampling and predictive limits of each coverage.
    typical : (G,) array
        Mean total of a typical level.
    expected : (G,) array
        Totals that are expected.
    """

    low: FloatArray
    high: FloatArray
    typical: FloatArray
    expected: FloatArray


def curve_limits(
    totals: LevelTotals,
    kind: Kind,
    size: FloatArray,
    grid: FloatArray,
    expected: FloatArray,
    coverages: tuple[float, ...] = COVERAGES,
) -> Limits:
    """Limits of the totals of levels of given sizes.

    Parameters
    ----------
    totals : LevelTotals
        Moments of the levels' totals.
    kind : Kind
        What the totals are.
    size : (L,) array
        Size of each level, positive.
    grid : (G,) array
        Sizes at which limits are wanted.
    expected : (L,) array
        Totals that are expected of the levels.
    coverages : tuple of C float
        Central probabilities.

    Returns
    -------
    Limits
    """
    smooth = _smoother(np.log(size), np.log(grid))
    signed = kind == "real"
    mean = _along(smooth, totals.mean, size, grid, signed)
    variance = _along(smooth, totals.variance, size, grid, False)
    center = _along(smooth, totals.typical_mean, size, grid, signed)
    spread = _along(smooth, totals.typical_variance, size, grid, False)
    amount = _along(smooth, _amount(totals), size, grid, False)
    zeros = _along_zero(smooth, totals.log_zero, size, grid)
    zero = _along_zero(smooth, totals.typical_log_zero, size, grid)
    alpha = 0.5 * (1.0 - np.asarray(coverages))
    low = np.empty((2, len(alpha), len(grid)))
    high = np.empty_like(low)
    near: list[FloatArray | None] = [None, None]
    for g in range(len(grid)):
        alone = Mixture(
            kind,
            np.ones(1),
            center[g : g + 1],
            spread[g : g + 1],
            amount[g],
            None if zero is None else zero[g : g + 1],
        )
        mixed = _mixture(
            kind, mean[g], variance[g], amount[g], None if zeros is None else zeros[g], totals
        )
        for j, one in enumerate((alone, mixed)):
            low[j, :, g], high[j, :, g], found = one.limits(alpha, near[j])
            near[j] = found * grid[min(g + 1, len(grid) - 1)] / grid[g]
    return Limits(low, high, center, _along(smooth, expected, size, grid, signed))


def tail_probabilities(
    totals: LevelTotals, kind: Kind, observed: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Probabilities of totals at least as far out as the observed ones, by each level's own rows.

    Parameters
    ----------
    totals : LevelTotals
        Moments of the levels' totals.
    kind : Kind
        What the totals are.
    observed : (L,) array
        Totals.

    Returns
    -------
    below, above : (2, L) arrays
        Probability of at most, and of at least the observed total; for a typical level, and over
        the population.
    """
    before = observed - 1.0 if is_discrete(kind) else observed
    count, amount = len(observed), _amount(totals)
    below, above = np.empty((2, count)), np.empty((2, count))
    typical = (totals.typical_mean, totals.typical_variance, amount, totals.typical_log_zero)
    below[0] = total_cdf(kind, observed, *typical)
    above[0] = 1.0 - total_cdf(kind, before, *typical)
    needed = _nodes_needed(totals.mean, totals.variance)
    for nodes in np.unique(needed):
        matrix, weights = _dense(int(nodes))
        mixing = (weights[:, None] * totals.weight).ravel()
        rows = np.flatnonzero(needed == nodes)
        for some in np.array_split(rows, -(-len(rows) * len(mixing) // _CHUNK)):
            moments = _on_dense(kind, matrix, totals, some)
            at = amount[some, None]
            values = total_cdf(kind, observed[some, None], *moments[:2], at, moments[2])
            below[1, some] = values @ mixing
            values = total_cdf(kind, before[some, None], *moments[:2], at, moments[2])
            above[1, some] = 1.0 - values @ mixing
    return below, above


def _on_dense(
    kind: Kind, matrix: FloatArray, totals: LevelTotals, some: npt.NDArray[np.intp]
) -> tuple[FloatArray, FloatArray, FloatArray | None]:
    """Moments of some levels on the fine grid, (levels, nodes) each."""
    mean = _refine(matrix, totals.mean[some], kind == "real")
    variance = _refine(matrix, totals.variance[some], False)
    if totals.log_zero is None:
        return mean, variance, None
    return mean, variance, np.minimum(_refine(matrix, totals.log_zero[some], True), -1e-300)


def _refine(matrix: FloatArray, values: FloatArray, signed: bool) -> FloatArray:
    """Interpolate (levels, K, P) values to (levels, J * P), positive ones by their logarithm."""
    fine = np.einsum("jk,lkp->ljp", matrix, values if signed else np.log(values), optimize=True)
    fine = fine if signed else np.exp(fine)
    return np.asarray(fine.reshape(len(values), -1))


def _amount(totals: LevelTotals) -> FloatArray:
    return totals.rows if totals.trials is None else totals.trials


def _smoother(x: FloatArray, at: FloatArray) -> FloatArray:
    """Weights (G, L) of a local linear regression on x, evaluated at given places.

    The bandwidth is a seventh of the range.  Where all x are alike it is the mean.
    """
    width = max(float(np.ptp(x)) / 7.0, 1e-3)
    distance = (x - at[:, None]) / width
    nearest = np.min(np.abs(distance), axis=1, keepdims=True)
    weight = np.exp(-0.5 * (distance**2 - nearest**2))
    weight /= weight.sum(axis=1, keepdims=True)
    first = (weight * distance).sum(axis=1, keepdims=True)
    second = (weight * distance**2).sum(axis=1, keepdims=True)
    spread = second - first**2
    tilt = np.where(spread > 1e-4, first / np.maximum(spread, 1e-4), 0.0)
    return np.asarray(weight * (1.0 - tilt * (distance - first)))


def _along(
    smooth: FloatArray, values: FloatArray, size: FloatArray, grid: FloatArray, signed: bool
) -> FloatArray:
    """Totals (L, ...) per unit of size, smoothed and taken to the sizes of the grid."""
    shape = (-1,) + (1,) * (values.ndim - 1)
    per = values / size.reshape(shape)
    found = np.tensordot(smooth, per if signed else np.log(per), 1)
    return np.asarray((found if signed else np.exp(found)) * grid.reshape(shape))


def _along_zero(
    smooth: FloatArray, values: FloatArray | None, size: FloatArray, grid: FloatArray
) -> FloatArray | None:
    if values is None:
        return None
    return np.minimum(_along(smooth, values, size, grid, True), -1e-300)


def _nodes_needed(mean: FloatArray, variance: FloatArray) -> npt.NDArray[np.int64]:
    """Nodes (L,) along the main axis that resolve the step of the conditional distribution.

    Between two nodes the mean moves by h = 1.3 conditional standard deviations at most: the error
    of a trapezoidal sum over a normal step is of the order exp(-2 pi^2 / h^2) = 8e-6.
    """
    move = np.abs(np.diff(mean, axis=1)) / np.diff(AXIS)[0]
    steepest = np.max(move / np.sqrt(variance[:, 1:]), axis=(1, 2), where=_inner(), initial=0.0)
    count = np.ptp(AXIS) * steepest / _MOVE
    power = np.ceil(np.log2(np.clip(count, _COARSEST, _FINEST) / _COARSEST))
    return np.asarray(_COARSEST * 2.0**power, dtype=np.int64)


def _inner() -> BoolArray:
    """Steps of the axis that carry probability."""
    return (np.abs(AXIS[1:]) <= 3.5)[None, :, None]


def _dense(count: int) -> tuple[FloatArray, FloatArray]:
    """Cubic interpolation matrix (J, K) from the nodes of the axis, and normal weights (J,)."""
    from scipy.interpolate import CubicSpline

    fine = np.linspace(AXIS[0], AXIS[-1], count)
    weights = np.exp(-0.5 * fine**2)
    return np.asarray(CubicSpline(AXIS, np.eye(len(AXIS)))(fine)), weights / weights.sum()


def _mixture(
    kind: Kind,
    mean: FloatArray,
    variance: FloatArray,
    amount: FloatArray,
    log_zero: FloatArray | None,
    totals: LevelTotals,
) -> Mixture:
    """Mixture over the population of effects at one size; moments (K, P)."""
    matrix, weights = _dense(int(_nodes_needed(mean[None], variance[None])[0]))
    zero = None
    if log_zero is not None:
        zero = np.minimum(_refine(matrix, log_zero[None], True)[0], -1e-300)
    return Mixture(
        kind,
        (weights[:, None] * totals.weight).ravel(),
        _refine(matrix, mean[None], kind == "real")[0],
        _refine(matrix, variance[None], False)[0],
        amount,
        zero,
    )
