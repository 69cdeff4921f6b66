"""The table beneath a funnel plot: what each level did, its size, and control limits.

Limits come from the fitted model (`ilk.ranking.funnel_limits`).  The comparison is that of the
league table, observed over expected, or their difference per observation where a response may be
negative.  Sizes are expected counts, trials, or numbers of observations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from ilk.errors import ModelError
from ilk.ranking.funnel_limits import COVERAGES, Within, curve_limits, tail_probabilities
from ilk.ranking.level_totals import level_totals
from ilk.ranking.total_distribution import kind_of

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.ranking.record import League
    from ilk.typing import FloatArray, IntArray

__all__ = ["Funnel", "funnel"]

_POINTS = 72
"""Sizes at which the curves are computed."""

_NARROW = 1.2
"""Levels whose sizes differ by less than this get curves over this range."""


@dataclass(frozen=True, slots=True, eq=False)
class Funnel:
    """Levels of a grouping factor against their size, with control limits.

    Parameters
    ----------
    group : str
        Grouping factor.
    levels : tuple of labels
        The L levels.
    response : str
        What was observed.
    size_name : str
        What the sizes are: ``"expected"``, the name of the trials, or ``"observations"``.
    size : (L,) array
        Size of each level.
    comparison : {"ratio", "difference"}
        What the values are: observed over expected, or their difference per observation.
    expected_estimand : {"population", "typical"}
        What the expected number averages over.
    value : (L,) array
        The comparison.
    coverages : tuple of C float
        Central probabilities of the limits.
    grid : (G,) array
        Sizes along the curves.
    typical : (G,) array
        Comparison of a typical level that is not touched by chance.
    low, high : (2, C, G) arrays
        Limits along the curves: of sampling alone, and predictive.
    below, above : (2, L) arrays
        Probability of a total at most, and at least as large as the observed one, by the level's
        own rows: by sampling alone, and predictive.
    """

    group: str
    levels: tuple[object, ...]
    response: str
    size_name: str
    size: FloatArray
    comparison: Literal["ratio", "difference"]
    expected_estimand: str
    value: FloatArray
    coverages: tuple[float, ...]
    grid: FloatArray
    typical: FloatArray
    low: FloatArray
    high: FloatArray
    below: FloatArray
    above: FloatArray

    def outside(self, coverage: float = 0.998, within: Within = "predictive") -> IntArray:
        """Which levels are outside of limits: -1 below, 0 inside, 1 above, (L,).

        Parameters
        ----------
        coverage : float
            Central probability of the limits.
        within : {"predictive", "sampling"}
            What the limits allow for.
        """
        j, p = ("sampling", "predictive").index(within), 0.5 * (1.0 - coverage)
        return np.asarray((self.above[j] <= p).astype(int) - (self.below[j] <= p).astype(int))


def funnel(fitted: Fitted, league: League, *, coverages: tuple[float, ...] = COVERAGES) -> Funnel:
    """Compute the control limits of the levels of a league table.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    league : League
        Its league table.
    coverages : tuple of float
        Central probabilities of the limits.

    Returns
    -------
    Funnel
    """
    if league.quantity == "slope":
        raise ModelError(
            f"A funnel plot compares observed and expected numbers, and this table ranks slopes "
            f"({league.term!r}); use kind='ranks' or 'caterpillar', or a table of the levels.",
            code="picture",
        )
    if any(not 0.0 < coverage < 1.0 for coverage in coverages):
        raise ModelError(f"coverages={coverages!r}: give numbers between 0 and 1.", code="level")
    kind = kind_of(fitted.family)
    totals = level_totals(fitted, league.group, league.adjust)
    size_name, size = _size(fitted, league)
    grid = _grid(size)
    limits = curve_limits(totals, kind, size, grid, league.expected, coverages)
    below, above = tail_probabilities(totals, kind, league.observed)
    ratio = league.comparison == "ratio"

    def compared(total: FloatArray) -> FloatArray:
        return total / limits.expected if ratio else (total - limits.expected) / grid

    return Funnel(
        group=league.group,
        levels=league.levels,
        response=fitted.design.response.name,
        size_name=size_name,
        size=size,
        comparison=league.comparison,
        expected_estimand=league.expected_estimand,
        value=league.ratio,
        coverages=tuple(coverages),
        grid=grid,
        typical=compared(limits.typical),
        low=compared(limits.low),
        high=compared(limits.high),
        below=below,
        above=above,
    )


def _size(fitted: Fitted, league: League) -> tuple[str, FloatArray]:
    """What a level's size is, and the sizes."""
    if fitted.family.takes_trials:
        trials = fitted.design.response.trials is not None
        return (league.exposure_name or "trials") if trials else "observations", league.exposure
    if fitted.family.discrete:
        return "expected", league.expected
    return "observations", league.size


def _grid(size: FloatArray) -> FloatArray:
    low, high = float(size.min()), float(size.max())
    if high < _NARROW * low:
        middle = np.sqrt(low * high)
        low, high = middle / np.sqrt(_NARROW), middle * np.sqrt(_NARROW)
    return np.geomspace(low, high, _POINTS)
