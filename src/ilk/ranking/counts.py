"""Observed and expected numbers of each level, their comparison and its limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from ilk.errors import ModelError
from ilk.family.inflation import ZeroInflated
from ilk.family.link import POSITIVE, UNIT
from ilk.prediction.means import is_inverse_link
from ilk.ranking.ratio_limits import (
    count_limits,
    difference_limits,
    gamma_limits,
    share_limits,
    trial_limits,
)

if TYPE_CHECKING:
    from ilk.family.base import AbstractFamily
    from ilk.ranking.record import Expected
    from ilk.ranking.standards import Standard
    from ilk.typing import FloatArray, IntArray

__all__ = ["Counts", "count_levels", "sizes_only"]


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of each level.

    Parameters
    ----------
    size, exposure, observed, expected : (L,) arrays
        As in `League`.
    comparison : {"ratio", "difference"}
        What `ratio` is.
    ratio, low, high : (L,) arrays
        Observed over expected, or their difference per observation, with limits.
    limits : str
        How the limits were made, in a few words.
    """

    size: FloatArray
    exposure: FloatArray
    observed: FloatArray
    expected: FloatArray
    comparison: Literal["ratio", "difference"]
    ratio: FloatArray
    low: FloatArray
    high: FloatArray
    limits: str


def count_levels(
    standard: Standard, codes: IntArray, levels: int, kind: Expected, level: float
) -> Counts:
    """Sum over the rows of each level and compare.

    Parameters
    ----------
    standard : Standard
        The rows.
    codes : (n,) array
        Level of each row.
    levels : int
        Number L of levels.
    kind : {"population", "typical"}
        What is expected.
    level : float
        Coverage of the limits.

    Returns
    -------
    Counts
    """
    response = standard.fitted.design.response
    trials = np.ones(len(codes)) if response.trials is None else response.trials
    f = standard.frequency

    def total(values: FloatArray) -> FloatArray:
        return np.bincount(codes, f * values, levels).astype(np.float64)

    means = _means(standard, kind)
    size, exposure = total(np.ones(len(codes))), total(standard.unit)
    family = standard.fitted.family
    observed, expected = total(family.values(response.y)), total(trials * means)
    base: AbstractFamily = family.base if isinstance(family, ZeroInflated) else family
    variances = _variances(standard, means)
    variance = np.full(levels, np.nan) if variances is None else total(variances)
    if family.takes_trials:
        alone = total(trials * means * (1.0 - means))
        dispersion = np.maximum(variance / alone, 1.0)
        low, high = trial_limits(observed, total(trials), expected, dispersion, level)
        limits = "exact (Clopper-Pearson)"
        if np.any(dispersion > 1.0):
            limits = f"{limits} after division by the variance of the model over the binomial one"
    elif base.discrete and base.mean_range == POSITIVE:
        low, high = count_limits(observed, expected, variance / expected, level)
        limits = "exact (Garwood)"
        if family.name != "poisson":
            limits = f"{limits} after division by the variance of the model over its mean"
    elif base.mean_range == POSITIVE:
        low, high = gamma_limits(observed, expected, variance, level)
        limits = "from a gamma distribution"
    elif base.mean_range == UNIT:
        low, high = share_limits(observed, size, expected, variance, level)
        limits = "from a beta distribution"
    else:
        return _compared(size, exposure, observed, expected, variance, level, family.link.name)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = observed / expected
    return Counts(size, exposure, observed, expected, "ratio", ratio, low, high, limits)


def sizes_only(standard: Standard, codes: IntArray, levels: int) -> Counts:
    """Sizes without numbers: what is observed and expected says nothing of a slope.

    Parameters
    ----------
    standard : Standard
        The rows.
    codes : (n,) array
        Level of each row.
    levels : int
        Number L of levels.
    """
    size = np.bincount(codes, standard.frequency, levels).astype(np.float64)
    exposure = np.bincount(codes, standard.weights, levels).astype(np.float64)
    none = np.full(levels, np.nan)
    return Counts(size, exposure, none, none, "ratio", none, none, none, "")


def _means(standard: Standard, kind: Expected) -> FloatArray:
    """(n,) expected means of the rows."""
    try:
        return standard.row_means(kind)
    except ModelError as error:
        if error.code != "population-mean":
            raise
        raise ModelError(
            f"expected='population' does not exist for link {standard.fitted.family.link.name!r}, "
            "whose normal random effects reach linear predictors without a finite mean; give "
            "expected='typical'.",
            code="population-mean",
        ) from None


def _compared(
    size: FloatArray,
    exposure: FloatArray,
    observed: FloatArray,
    expected: FloatArray,
    variance: FloatArray,
    level: float,
    link: str,
) -> Counts:
    """Comparison of responses that may be negative: a difference, unless their mean may not be."""
    if link == "log":
        ratio, low, high = difference_limits(observed, expected, variance, expected, level)
        ratio, low, high = 1.0 + ratio, 1.0 + low, 1.0 + high
        return Counts(size, exposure, observed, expected, "ratio", ratio, low, high, "normal")
    found = difference_limits(observed, expected, variance, size, level)
    return Counts(size, exposure, observed, expected, "difference", *found, "normal")


def _variances(standard: Standard, means: FloatArray) -> FloatArray | None:
    """(n,) variances of the rows at their means; None for a family that does not define them."""
    fitted = standard.fitted
    eta = standard.predictors()
    if is_inverse_link(fitted.family):
        with np.errstate(all="ignore"):
            eta[0] = np.asarray(fitted.family.link.link(means), dtype=np.float64)
    if fitted.model.linear:
        log_variance = np.full(len(means), np.log(fitted.estimates.sigma2))
        precision = fitted.design.precision_weights
        eta.append(log_variance if precision is None else log_variance - np.log(precision))
    try:
        return fitted.family.variance(eta, fitted.design.response.trials)
    except ModelError:  # a family of one's own
        return None
