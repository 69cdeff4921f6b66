r"""Intervals from bootstrap draws: percentile, basic, normal and BCa.

With B draws :math:`t^*_{(1)} \le \dots \le t^*_{(B)}` of a statistic t, :math:`q_p` is the quantile
of order (B + 1) p, and :math:`\alpha` half of what the level leaves out:

* **percentile**: :math:`[q_\alpha,\ q_{1-\alpha}]`;
* **basic**: :math:`[2t - q_{1-\alpha},\ 2t - q_\alpha]`;
* **normal**: :math:`(t - b) \pm z_{1-\alpha} s`, b and s being bias and standard deviation of the
  draws;
* **bca**: :math:`[q_{p(\alpha)},\ q_{p(1-\alpha)}]` with
  :math:`p(\alpha) = \Phi\{z_0 + (z_0 + z_\alpha) / (1 - a (z_0 + z_\alpha))\}`, where
  :math:`\Phi(z_0)` is the share of draws below t (half of those equal to it) and the acceleration

  .. math:: a = \frac{\sum_j d_j^3}{6 (\sum_j d_j^2)^{3/2}}, \qquad d_j = \bar t - t_{(-j)},

  comes from the values without each cluster.

Clusters are the independent units of a mixed model, so that it is they, not rows, that the
jackknife leaves out.  If the model holds, this acceleration also estimates that of the parametric
bootstrap, the skewness of the score in the least favorable direction; there is one for both.
Efron (1987), Journal of the American Statistical Association 82, 171-185; Davison and Hinkley
(1997), chapter 5.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from ilk.errors import ModelError
from ilk.inference.bootstrap.draws import Draws
from ilk.inference.bootstrap.engine import bootstrap, check_draws, deletions
from ilk.inference.bootstrap.statistics import Labels, choose_statistic
from ilk.inference.parallel import check_jobs
from ilk.inference.wald import check_level, two_sided
from ilk.num.stable import special
from ilk.prediction.levels import check_choice

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = [
    "IntervalMethod",
    "Limits",
    "ParameterLimits",
    "acceleration",
    "bounded",
    "check_enough",
    "draw_limits",
    "draw_moments",
    "enough_for",
    "parameter_limits",
    "percentile_limits",
]

IntervalMethod: TypeAlias = Literal["percentile", "basic", "bca", "normal"]
"""Ways from draws to an interval."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of k intervals.

    Parameters
    ----------
    low, high : (k,) arrays
        Limits; nan where there is none.
    notes : tuple of str
        Why some are missing.
    remarks : tuple of str
        Why a limit of each interval is missing, if one is; empty if none is.
    """

    low: FloatArray
    high: FloatArray
    notes: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def ways(self, way: str) -> list[str]:
        """How each interval was made, in a few words, and what is missing of it."""
        remarks = self.remarks or ("",) * len(self.low)
        return [f"bootstrap ({way}{'; ' if remark else ''}{remark})" for remark in remarks]


def draw_limits(
    draws: Draws,
    level: float = 0.95,
    method: IntervalMethod = "percentile",
    jackknife: Callable[[], FloatArray] | None = None,
) -> Limits:
    """Compute intervals from draws.

    Parameters
    ----------
    draws : Draws
        The draws.
    level : float
        Coverage.
    method : {"percentile", "basic", "bca", "normal"}
        Way to the interval.
    jackknife : callable, optional
        Gives the (J, k) values without each cluster, for BCa.

    Returns
    -------
    Limits

    Raises
    ------
    ModelError
        There are too few draws for the level.
    """
    alpha = 0.5 * (1.0 - check_level(level))
    check_choice("method", method, IntervalMethod)
    if method != "normal":
        check_enough(len(draws.values), level)
    t, values = draws.estimate, draws.values
    if method == "normal":
        mean, deviation = draw_moments(values)
        reach = two_sided(level) * deviation
        return Limits(2.0 * t - mean - reach, 2.0 * t - mean + reach)
    if method == "bca":
        assert jackknife is not None
        return _bca(draws, alpha, acceleration(jackknife()))
    low, high = percentile_limits(values, level)
    return Limits(low, high) if method == "percentile" else Limits(2.0 * t - high, 2.0 * t - low)


def draw_moments(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation of the finite values of each column.

    Parameters
    ----------
    values : (B, k) array
        Draws.

    Returns
    -------
    mean, deviation : (k,) arrays
        nan with fewer than two values.
    """
    moments = np.full((2, values.shape[1]), np.nan)
    for k, column in enumerate(values.T):
        finite = column[np.isfinite(column)]
        if len(finite) >= 2:
            moments[:, k] = finite.mean(), finite.std(ddof=1)
    return moments[0], moments[1]


def percentile_limits(values: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    """Quantiles of order (B + 1) p of each column, of its finite values.

    Parameters
    ----------
    values : (B, k) array
        Draws.
    level : float
        Coverage.

    Returns
    -------
    low, high : (k,) arrays
        Limits.
    """
    alpha = 0.5 * (1.0 - level)
    ends = np.array([_quantiles(column, [alpha, 1.0 - alpha]) for column in values.T])
    return ends[:, 0], ends[:, 1]


def enough_for(count: int, level: float) -> bool:
    """Whether the quantiles of a level lie within a number of draws."""
    return count >= _needed(level)


def _needed(level: float) -> int:
    return math.ceil(2.0 / (1.0 - level) - 1.0 - 1e-9)


def check_enough(count: int, level: float) -> None:
    """Refuse a level whose quantiles no draw could reach."""
    needed = _needed(level)
    if count < needed:
        raise ModelError(
            f"An interval with level={level:g} needs at least {needed} draws, and there are "
            f"{count}; raise draws= or lower the level.",
            code="draws",
        )


def acceleration(without: FloatArray) -> FloatArray:
    """Compute the acceleration of BCa intervals.

    Parameters
    ----------
    without : (J, k) array
        The statistic without each cluster; nan where its refit failed.

    Returns
    -------
    (k,) array
        Accelerations; nan with fewer than three values, zero if nothing changes.
    """
    known = np.isfinite(without)
    count = known.sum(axis=0)
    values = np.where(known, without, 0.0)
    mean = values.sum(axis=0) / np.maximum(count, 1)
    d = np.where(known, mean - values, 0.0)
    spread = np.sum(d**2, axis=0)
    moving = spread > 0.0
    a = np.sum(d**3, axis=0) / (6.0 * np.where(moving, spread, 1.0) ** 1.5)
    return np.where(count >= 3, np.where(moving, a, 0.0), np.nan)


@dataclass(frozen=True, slots=True)
class ParameterLimits:
    """Intervals of all parameters that the data determine.

    Parameters
    ----------
    labels : Labels
        Names.
    estimate, low, high : (k,) arrays
        Estimates and limits.
    ways : tuple of str
        How each was made, and what is missing.
    notes : tuple of str
        What a reader should know.
    """

    labels: Labels
    estimate: FloatArray
    low: FloatArray
    high: FloatArray
    ways: tuple[str, ...]
    notes: tuple[str, ...]


def parameter_limits(
    fitted: Fitted, level: float, interval: IntervalMethod = "percentile", **options: Any
) -> ParameterLimits:
    """Compute bootstrap intervals of all parameters.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    level : float
        Coverage.
    interval : {"percentile", "basic", "bca", "normal"}
        Way from draws to intervals.
    **options
        Of `ilk.inference.bootstrap.engine.bootstrap`.

    Returns
    -------
    ParameterLimits
    """
    check_level(level)
    check_choice("interval", interval, IntervalMethod)
    if interval != "normal":
        check_enough(check_draws(options.get("draws", 999)), level)
    chosen = choose_statistic(fitted)
    found = bootstrap(fitted, chosen.compute, name=chosen.name, **options)

    def jackknife() -> FloatArray:
        jobs = check_jobs(options.get("n_jobs", 1))
        cluster = options.get("cluster")
        return deletions(fitted, chosen.compute, cluster=cluster, n_jobs=jobs)

    limits = draw_limits(found, level, interval, jackknife)
    labels = chosen.labels
    kept = bounded(limits, labels.lowest, labels.highest)
    notes = [
        f"Bootstrap intervals ({found.kind}, {interval}) from {len(found.values)} refits; seed "
        f"{found.seed}."
    ]
    way = f"{found.kind}, {interval}"
    if found.failed:
        notes.append(f"{found.failed} more refits failed and are left out.")
        way += f"; {found.failed} of {found.failed + len(found.values)} refits failed"
    return ParameterLimits(
        labels=labels,
        estimate=found.estimate,
        low=kept.low,
        high=kept.high,
        ways=tuple(kept.ways(way)),
        notes=(*notes, *kept.notes),
    )


def bounded(limits: Limits, lowest: tuple[float, ...], highest: tuple[float, ...]) -> Limits:
    """Leave out what lies beyond the range of a parameter (basic and normal intervals may)."""
    return replace(
        limits,
        low=np.clip(limits.low, lowest, highest),
        high=np.clip(limits.high, lowest, highest),
    )


def _quantiles(column: FloatArray, orders: list[float]) -> FloatArray:
    """Quantiles of the finite values; nan beyond the least and the greatest of them."""
    finite = column[np.isfinite(column)]
    if len(finite) < 2:
        return np.full(len(orders), np.nan)
    step = (1.0 - 1e-9) / (len(finite) + 1)
    inside = [step <= p <= 1.0 - step for p in orders]
    return np.where(inside, np.quantile(finite, orders, method="weibull"), np.nan)


def _bca(draws: Draws, alpha: float, a: FloatArray) -> Limits:
    """Limits of BCa, nan with a remark where the adjusted orders are beyond the draws."""
    ends = np.full((len(a), 2), np.nan)
    remarks = [""] * len(a)
    z = NormalDist().inv_cdf(alpha)
    for k, column in enumerate(draws.values.T):
        finite = column[np.isfinite(column)]
        below = np.sum(finite < draws.estimate[k]) + 0.5 * np.sum(finite == draws.estimate[k])
        if not np.isfinite(a[k]):
            remarks[k] = "fewer than three clusters to leave out"
        elif not 0.0 < below < len(finite):
            remarks[k] = "all draws on one side of the estimate"
        else:
            z0 = NormalDist().inv_cdf(float(below) / len(finite))
            moved = np.array([z0 + z, z0 - z])
            with np.errstate(divide="ignore"):
                orders = special().ndtr(z0 + moved / (1.0 - a[k] * moved))
            room = float(np.minimum(orders, 1.0 - orders).min())
            if not np.all(a[k] * moved < 1.0) or room < 1e-6:
                remarks[k] = "too skew for this level"
                continue
            ends[k] = _quantiles(column, orders.tolist())
            if np.any(np.isnan(ends[k])):
                remarks[k] = f"needs {math.ceil(1.0 / room):,} draws or more"
    said = Counter(remark for remark in remarks if remark)
    notes = [
        f"{count} BCa interval{'s have' if count > 1 else ' has'} a missing end: {remark}."
        for remark, count in said.items()
    ]
    return Limits(ends[:, 0], ends[:, 1], tuple(notes), tuple(remarks))
