r"""Random effects of the levels: conditional modes, their uncertainty, and how far they shrink.

The standard error is the conditional standard deviation of the effect given the data, parameters
held at their estimates; the interval is normal around the mode.  In the linear model mode and
standard deviation are exact; elsewhere they are those of the normal approximation at the mode.  The
weight of an effect's own data against the population,

.. math:: 1 - \frac{Var(b_j | y)}{G_{jj}},

is 0 where a level's data say nothing (the estimate is the population's mean) and near 1 where they
say all; in the balanced one-way layout it is the factor by which the raw deviation is shrunk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.errors import DataError, did_you_mean
from ilk.inference.wald import two_sided

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["LevelEffects", "random_effects"]


@dataclass(frozen=True, slots=True)
class LevelEffects:
    """Random effects of one term.

    Parameters
    ----------
    component : str
        Predictor that the effects belong to.
    group : str
        Grouping factor.
    levels : tuple of labels
        Its L levels.
    names : tuple of str
        Names of the q random effects of each level.
    estimate, std_error, conf_low, conf_high : (L, q) arrays
        Conditional modes, conditional standard deviations, limits.
    count : (L,) array
        Number of observations of each level; frequency weights count.
    weight : (L, q) array
        Weight of the level's own data, between 0 (all shrunk) and 1.
    """

    component: str
    group: str
    levels: tuple[object, ...]
    names: tuple[str, ...]
    estimate: FloatArray
    std_error: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray
    count: FloatArray
    weight: FloatArray


def random_effects(
    fitted: Fitted, group: str | None = None, level: float = 0.95
) -> tuple[LevelEffects, ...]:
    """Collect the random effects of one grouping factor, or of all.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    group : str, optional
        Grouping factor; all by default.
    level : float
        Coverage of the intervals.

    Returns
    -------
    tuple of LevelEffects
        One for each term.

    Raises
    ------
    DataError
        No term is grouped by this factor.
    """
    z = two_sided(level)
    terms = fitted.design.terms
    groups = list(dict.fromkeys(term.grouping.name for term in terms))
    if group is not None and group not in groups:
        there = f"there are {', '.join(groups)}" if groups else "the model has no random effects"
        raise DataError(
            f"group={group!r} is no grouping factor of this fit; {there}."
            + did_you_mean(str(group), groups),
            code="unknown-group",
        )
    frequencies = fitted.design.frequency_weights
    tables = []
    for t, term in enumerate(terms):
        if group is not None and term.grouping.name != group:
            continue
        modes = fitted.estimates.modes[t]
        variance = np.diagonal(fitted.mode_covariance()[t], axis1=1, axis2=2)
        prior = np.diag(fitted.estimates.covariances[t])
        error = np.sqrt(np.maximum(variance, 0.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            weight = np.where(prior > 0.0, 1.0 - variance / prior, 0.0)
        tables.append(
            LevelEffects(
                component=term.predictor,
                group=term.grouping.name,
                levels=tuple(term.grouping.levels),
                names=tuple(term.column_names),
                estimate=modes,
                std_error=error,
                conf_low=modes - z * error,
                conf_high=modes + z * error,
                count=np.bincount(
                    term.grouping.codes, weights=frequencies, minlength=len(modes)
                ).astype(np.float64),
                weight=np.clip(weight, 0.0, 1.0),
            )
        )
    return tuple(tables)
