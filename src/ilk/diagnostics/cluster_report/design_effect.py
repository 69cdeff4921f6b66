r"""Design effects of a mean: by how much correlation within clusters inflates variances.

The variance of a mean of n units, relative to that of n independent ones, is one plus the sum of
the correlations of all ordered pairs over n.  With one grouping factor and clusters of m units that
is Kish's design effect [Kish1965],

.. math:: d = 1 + \Big(\frac{\sum m^2}{n} - 1\Big)\rho
            = 1 + \big((cv^2 + 1)\,\bar m - 1\big)\,\rho,

cv the coefficient of variation of the sizes.  With several factors the correlation of a pair
depends on which of them it shares (`ilk.diagnostics.cluster_report.pairs`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from ilk.diagnostics.cluster_report.clusters import outermost
from ilk.diagnostics.cluster_report.pairs import factor_sets, pair_sums
from ilk.diagnostics.cluster_report.sizes import unit_counts
from ilk.variance.icc import ALL, icc
from ilk.variance.levels_of_variance import fewer_rows, own_sample, shared_correlations
from ilk.variance.shares import shares_of

if TYPE_CHECKING:
    from ilk.design.grouping import Grouping
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["DesignEffects", "design_effects", "response_scale"]


@dataclass(frozen=True, slots=True)
class DesignEffects:
    """Inflation of the variance of a mean, by grouping factor and by all together.

    Parameters
    ----------
    groups : tuple of str
        Factors whose clusters are counted, then ``"all"`` if several cross.
    scale : str
        Scale of the correlations: that of the response, or ``"latent"`` where that has none.
    units : float
        Number of units.
    mates : (k,) array
        How many other units a unit shares clusters with, on average over units.
    correlation, correlation_low, correlation_high : (k,) arrays
        Correlation of two units that share them, covariates held, averaged over pairs.
    design_effect, effect_low, effect_high : (k,) arrays
        One plus their product.
    """

    groups: tuple[str, ...]
    scale: Literal["latent", "response"]
    units: float
    mates: FloatArray
    correlation: FloatArray
    correlation_low: FloatArray
    correlation_high: FloatArray
    design_effect: FloatArray
    effect_low: FloatArray
    effect_high: FloatArray

    @property
    def effective(self) -> FloatArray:
        """(k, 3) number of independent units that say as much: estimate, low, high."""
        effects = (self.design_effect, self.effect_high, self.effect_low)
        return self.units / np.column_stack(effects)


def response_scale(fitted: Fitted) -> Literal["latent", "response"]:
    """Scale on which units are correlated: the latent one where means do not exist."""
    return "response" if fitted.family.link.averages and not fitted.family.categorical else "latent"


def design_effects(
    fitted: Fitted, groupings: Sequence[Grouping], level: float = 0.95
) -> DesignEffects:
    """Compute design effects of a mean.

    Parameters
    ----------
    fitted : Fitted
        A mixed model.
    groupings : sequence of Grouping
        Its factors, in the order of `factor_names`.
    level : float
        Coverage of the intervals.

    Returns
    -------
    DesignEffects
    """
    scale, counts = response_scale(fitted), unit_counts(fitted.design)[1]
    sets = factor_sets(len(groupings))
    codes = [grouping.codes for grouping in groupings]
    pairs = pair_sums(codes, counts[:, None], np.array([counts.sum()]), sets)[:, 0]
    crossed = len(outermost(tuple(groupings))) > 1
    chosen = np.array([[g in some for some in sets] for g in range(len(groupings))], dtype=float)
    if crossed:
        chosen = np.vstack([chosen, np.ones(len(sets))])
    weights = chosen * pairs
    mates = weights.sum(axis=1) / counts.sum()
    weights = np.divide(weights, weights.sum(axis=1, keepdims=True), where=mates[:, None] > 0.0,
                        out=chosen / chosen.sum(axis=1, keepdims=True))  # fmt: skip
    sample = own_sample(fitted)
    sample = fewer_rows(fitted, sample) if scale == "response" else sample

    def by_factor(fit: Fitted, psi: FloatArray) -> FloatArray:
        return np.asarray(weights @ shared_correlations(fit, psi, sample, scale, sets))

    if len(groupings) > 1:
        found = shares_of(fitted, by_factor, level)
        rho = (found.estimate, found.conf_low, found.conf_high)
    else:
        shares = icc(fitted, scale=scale, level=level).shares
        rho = (shares.estimate[:1], shares.conf_low[:1], shares.conf_high[:1])
    return DesignEffects(
        groups=(*(grouping.name for grouping in groupings), *((ALL,) if crossed else ())),
        scale=scale,
        units=float(counts.sum()),
        mates=mates,
        correlation=rho[0],
        correlation_low=rho[1],
        correlation_high=rho[2],
        design_effect=1.0 + mates * rho[0],
        effect_low=1.0 + mates * rho[1],
        effect_high=1.0 + mates * rho[2],
    )
