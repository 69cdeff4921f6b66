"""Rows that inform about effects within clusters, and what the others were.

Where all outcomes of a cluster lie at one end of what is possible (no events, or nothing but
events), the cluster's own parameter runs to infinity and fits its rows perfectly, whatever the
covariates do: such clusters carry no information on slopes.  They are set aside before the fit, and
named.  With crossed factors, setting aside levels of one may leave levels of another without
variation, so it is done until nothing changes (Correia, Guimaraes and Zylkin 2019, for counts).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from ilk.design.fixed import INTERCEPT
from ilk.errors import DataError
from ilk.typing import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from ilk.design.build import Design
    from ilk.design.grouping import Grouping
    from ilk.family.base import AbstractFamily

__all__ = ["Clusters", "Sample", "bounded_rows", "draw_sample"]


@final
@dataclass(frozen=True, slots=True)
class Clusters:
    """A factor whose levels have parameters of their own.

    Parameters
    ----------
    grouping : Grouping
        Levels and codes in the rows of the design.
    position : (L,) array of int
        Place of each level among those in use; -1 for those set aside.
    limit : (L,) array
        Where the effect of a level that was set aside runs to, plus or minus infinity; 0 for the
        others, nan for levels that are gone because all their rows are.
    counts : (L,) array
        Observations of each level in the rows of the design.
    """

    grouping: Grouping
    position: IntArray
    limit: FloatArray
    counts: FloatArray

    @property
    def name(self) -> str:
        """Name of the factor."""
        return self.grouping.name

    @property
    def size(self) -> int:
        """Number of levels in use."""
        return int((self.position >= 0).sum())

    @property
    def aside(self) -> IntArray:
        """Levels that were set aside."""
        return np.flatnonzero(self.position < 0)


@final
@dataclass(frozen=True, slots=True)
class Sample:
    """Arrays of the rows in use.

    Parameters
    ----------
    used : (n,) array of int
        Positions of the rows among those of the design.
    y, trials : (n,) arrays
        Response; number of trials, or None.
    X : (n, p) array
        Columns of the fixed part but the intercept.
    names : tuple of str
        Their names.
    offset : (n,) array
        Known part of the linear predictor.
    frequency, precision : (n,) arrays or None
        Weights.
    clusters : tuple of Clusters
        The factors.
    codes : tuple of (n,) arrays
        Level in use of each row, by factor.
    """

    used: IntArray
    y: FloatArray
    trials: FloatArray | None
    X: FloatArray
    names: tuple[str, ...]
    offset: FloatArray
    frequency: FloatArray | None
    precision: FloatArray | None
    clusters: tuple[Clusters, ...]
    codes: tuple[IntArray, ...]

    @property
    def nobs(self) -> int:
        """Number of observations; frequency weights count."""
        return len(self.y) if self.frequency is None else round(float(self.frequency.sum()))


def bounded_rows(
    family: AbstractFamily, y: FloatArray, trials: FloatArray | None
) -> tuple[BoolArray, BoolArray]:
    """Rows whose outcome is as low, or as high, as it can be.

    Parameters
    ----------
    family : AbstractFamily
        The family.
    y, trials : (n,) arrays
        Response, and trials or None.

    Returns
    -------
    low, high : (n,) arrays of bool
    """
    none = np.zeros(len(y), dtype=bool)
    if not family.discrete:
        return none, none
    if not family.takes_trials:
        return y == 0.0, none
    return y == 0.0, y == (1.0 if trials is None else trials)


def draw_sample(design: Design, family: AbstractFamily) -> Sample:
    """Take the rows of the clusters whose outcome varies.

    Parameters
    ----------
    design : Design
        The design, one random intercept for each factor.
    family : AbstractFamily
        The family.

    Returns
    -------
    Sample

    Raises
    ------
    DataError
        The outcome varies in no cluster.
    """
    y, trials = design.response.y, design.response.trials
    groupings = [term.grouping for term in design.terms]
    low, high = bounded_rows(family, y, trials)
    used, limits = _set_aside(groupings, low, high)
    if not used.any():
        kind = "only events or only non-events" if family.takes_trials else "only zeros"
        raise DataError(
            f"Every level of {groupings[0].name!r} has {kind} in {design.response.name!r}, so "
            "nothing varies within clusters and no effect can be estimated from comparisons "
            "within them; group more coarsely, or use random effects (ilk.fit).",
            code="no-variation",
        )
    rows = np.flatnonzero(used)
    frequency = design.frequency_weights
    clusters, codes = [], []
    for grouping, limit in zip(groupings, limits, strict=True):
        present = np.zeros(len(grouping.levels), dtype=bool)
        present[grouping.codes[rows]] = True
        position = np.where(present, np.cumsum(present) - 1, -1)
        limit = np.where(~present & (limit == 0.0), np.nan, limit)
        counts = np.bincount(grouping.codes, frequency, len(grouping.levels)).astype(float)
        clusters.append(Clusters(grouping, position, limit, counts))
        codes.append(position[grouping.codes[rows]])
    part = design.fixed[0]
    keep = np.array([j for j, name in enumerate(part.names) if name != INTERCEPT], dtype=np.intp)
    offset = np.zeros(len(y)) if part.offset is None else part.offset
    return Sample(
        used=rows,
        y=y[rows],
        trials=None if trials is None else trials[rows],
        X=np.asfortranarray(part.X[np.ix_(rows, keep)]),
        names=tuple(part.names[j] for j in keep),
        offset=offset[rows],
        frequency=None if frequency is None else frequency[rows],
        precision=None if design.precision_weights is None else design.precision_weights[rows],
        clusters=tuple(clusters),
        codes=tuple(codes),
    )


def _set_aside(
    groupings: Sequence[Grouping], low: BoolArray, high: BoolArray
) -> tuple[BoolArray, list[FloatArray]]:
    """Rows that stay, and where the effects of the other levels run to."""
    used = np.ones(len(low), dtype=bool)
    limits = [np.zeros(len(grouping.levels)) for grouping in groupings]
    changed = bool(low.any() or high.any())
    while changed:
        changed = False
        for grouping, limit in zip(groupings, limits, strict=True):
            size = len(grouping.levels)
            codes = grouping.codes[used]
            count = np.bincount(codes, minlength=size)
            for extreme, sign in ((low, -np.inf), (high, np.inf)):
                constant = np.bincount(codes, extreme[used], size) == count
                constant &= (count > 0) & (limit == 0.0)
                if constant.any():
                    limit[constant] = sign
                    used &= ~constant[grouping.codes]
                    changed = True
                    codes = grouping.codes[used]
                    count = np.bincount(codes, minlength=size)
    return used, limits
