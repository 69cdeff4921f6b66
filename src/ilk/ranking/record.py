"""`League`: the record of a table that compares the levels of a grouping factor and ranks them.

Arrays have an element for each of the L levels, in the order of the levels of the fit.  What a
table does not have (counts, where slopes are ranked) is nan.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from ilk.typing import FloatArray

__all__ = ["Adjust", "Expected", "League", "Order"]

Order: TypeAlias = Literal["low", "high"]
"""Which end of the scale is best, and has rank 1."""

Expected: TypeAlias = Literal["population", "typical"]
"""What the expected number averages over, or a level whose random effects are zero."""

Adjust: TypeAlias = Literal["case_mix", "within"]
"""Covariates that are adjusted for: all, or those only that vary within levels."""


@dataclass(frozen=True, slots=True, eq=False)
class League:
    """Levels of a grouping factor, compared and ranked.

    Parameters
    ----------
    group : str
        Grouping factor.
    term : str
        What is ranked: ``"Intercept"``, the name of a random slope, or ``"mean"`` for the sum of
        all random effects of a level at the mean of their columns.
    quantity : {"rate", "proportion", "mean", "slope"}
        What `rate` and `raw_rate` are: events per unit of exposure, successes per trial, means of
        the response, or slopes.
    said : str or None
        What `rate` is, where that is not the mean of the response: the probability of a category.
    scale : {"identity", "log", "logit", ...}
        Link on whose scale the effects are; `rate` is a ratio (an odds ratio with the logit) where
        slopes are ranked on a log or logit scale.
    levels : tuple of labels
        The L levels.
    size : (L,) array
        Observations; frequency weights count.
    exposure : (L,) array
        Exposure, trials, or observations where there is neither.
    exposure_name : str or None
        What the exposure is; None where it is the number of observations.
    observed, expected : (L,) arrays
        Sum of the response, and what the model expects of a level of the population with the same
        rows (`expected_estimand` says which).
    expected_estimand : {"population", "typical"}
        Averaged over the distribution of the level's effects, or with effects of zero.
    adjust : {"case_mix", "within"}
        Covariates that are adjusted for.
    comparison : {"ratio", "difference"}
        What `ratio` is: observed over expected; where the response may be negative, their
        difference per observation.
    ratio, ratio_low, ratio_high : (L,) arrays
        The comparison, with limits from the level's own data alone.
    raw_rate, raw_rank : (L,) arrays
        Observed over exposure, times `per`, and its rank; ties share their mean rank.
    effect, effect_low, effect_high : (L,) arrays
        Posterior mean of the level's effect on the scale of the link, and limits; of slopes with
        the fixed part.
    rate, rate_low, rate_high : (L,) arrays
        What the level's effect would give with the rows of all levels, per `per` units of exposure
        (posterior median), and limits.
    weight : (L,) array
        Weight of the level's own data, between 0 (all shrunk) and 1.
    expected_rank : (L,) array
        Posterior mean of the rank.
    percentile : (L,) array
        ``100 (expected_rank - 0.5) / L``.
    median_rank, rank_low, rank_high : (L,) arrays
        Posterior median of the rank, and limits.
    p_best, p_worst : (L,) arrays
        Probability of being among the `best` first ranks, and among the `worst` last ones.
    p_above : (L,) array
        Probability that the rate is above the threshold; nan without one.
    center : float
        Rate of a level with an effect of zero, with the rows of all levels.
    rankability : float
        Share of the variance between levels that is no chance, see `ilk.ranking.ranks`.
    threshold : float or None
        On the scale of `rate`.
    best, worst : int
        How many levels `p_best` and `p_worst` speak of.
    per : float
        Units of exposure that rates are for.
    low_is_first : bool
        Whether rank 1 is the lowest rate.
    level : float
        Coverage of the intervals.
    draws : int
        Draws from the joint posterior of all levels.
    tied : bool
        Whether the model finds no difference at all between the levels.
    method : str
        How the draws were made, in one sentence.
    notes : tuple of str
        What was assumed.
    """

    group: str
    term: str
    quantity: Literal["rate", "proportion", "mean", "slope"]
    said: str | None
    scale: str
    levels: tuple[object, ...]
    size: FloatArray
    exposure: FloatArray
    exposure_name: str | None
    observed: FloatArray
    expected: FloatArray
    expected_estimand: Expected
    adjust: Adjust
    comparison: Literal["ratio", "difference"]
    ratio: FloatArray
    ratio_low: FloatArray
    ratio_high: FloatArray
    raw_rate: FloatArray
    raw_rank: FloatArray
    effect: FloatArray
    effect_low: FloatArray
    effect_high: FloatArray
    rate: FloatArray
    rate_low: FloatArray
    rate_high: FloatArray
    weight: FloatArray
    expected_rank: FloatArray
    percentile: FloatArray
    median_rank: FloatArray
    rank_low: FloatArray
    rank_high: FloatArray
    p_best: FloatArray
    p_worst: FloatArray
    p_above: FloatArray
    center: float
    rankability: float
    threshold: float | None
    best: int
    worst: int
    per: float
    low_is_first: bool
    level: float
    draws: int
    tied: bool
    method: str
    notes: tuple[str, ...] = ()
