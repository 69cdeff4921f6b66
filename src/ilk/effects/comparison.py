r"""Two means compared: their difference and their ratio, with intervals.

The means answer the same question on both sides.  Standard errors come from their joint covariance
(`ilk.effects.average`), which counts the uncertainty of the coefficients and of the variances; the
interval of the ratio is symmetric on the logarithmic scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from ilk.effects.average import average_means, variance
from ilk.effects.measures import MEASURES
from ilk.inference.wald import two_sided

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.prediction.levels import Cases

__all__ = ["Comparison", "compare_means"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two means, their difference and their ratio.

    Parameters
    ----------
    estimand : str
        The question that the means answer.
    before, after : float
        The means.
    difference, difference_low, difference_high : float
        After minus before, and its interval.
    ratio, ratio_low, ratio_high : float
        After over before, and its interval; nan unless both means are positive.
    """

    estimand: str
    before: float
    after: float
    difference: float
    difference_low: float
    difference_high: float
    ratio: float
    ratio_low: float
    ratio_high: float


def compare_means(
    fitted: Fitted,
    cases: Cases,
    *,
    estimand: Literal["typical", "population"],
    level: float = 0.95,
) -> Comparison:
    """Compare the means of two rows.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    cases : Cases
        Two rows: before and after.
    estimand : {"typical", "population"}
        The question: a cluster with random effects at zero, or the average over clusters.
    level : float
        Coverage of the intervals.

    Returns
    -------
    Comparison
        The means and their contrasts.
    """
    if cases.rows != 2:
        raise ValueError(f"a comparison takes two rows, not {cases.rows}")
    z = two_sided(level)
    means = average_means(fitted, cases, estimand=estimand, groups=np.arange(2), count=2)
    value, slopes = np.empty(2), np.empty((2, 2))
    for i, name in enumerate(("difference", "ratio")):
        f, after, before = MEASURES[name].function(means.value[1:], means.value[:1])
        value[i], slopes[i] = f[0], (before[0], after[0])
    slopes = np.where(np.isfinite(slopes), slopes, 0.0)
    half = z * np.sqrt(variance(fitted, means.combined(slopes, value)))
    low, high = value - half, value + half
    return Comparison(
        estimand=estimand,
        before=float(means.value[0]),
        after=float(means.value[1]),
        difference=float(value[0]),
        difference_low=float(low[0]),
        difference_high=float(high[0]),
        ratio=float(np.exp(value[1])),
        ratio_low=float(np.exp(low[1])),
        ratio_high=float(np.exp(high[1])),
    )
