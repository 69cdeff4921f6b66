r"""Whether residuals are uniform, those of rows and those of whole clusters.

The statistic is the distance of Kolmogorov and Smirnov, :math:`D = \max_u |F_n(u) - u|`, of the
residuals of a data set (:mod:`ilk.diagnostics.checks.simulated`).  For clusters the responses are
summed by level first, in the observed and in the simulated data alike, and the sums are ranked:
whole levels are independent, rows of a level are not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.diagnostics.checks.columns import Levels, read_labels
from ilk.diagnostics.checks.null import judge, judged_check

if TYPE_CHECKING:
    from ilk.diagnostics.checks.context import Context
    from ilk.diagnostics.checks.null import Judged
    from ilk.diagnostics.checks.record import Check
    from ilk.typing import FloatArray, IntArray

__all__ = ["check_groups", "check_uniformity", "compact", "groups_of", "kolmogorov"]

_FAR, _FAR_GROUPS = 0.05, 0.1
"""Distances from which residuals, and those of totals, are worth a change of the model."""

_SPREAD = 1.25
"""Ratio of the spread of totals from which they are."""

_FEWEST = 8
"""Levels from which totals are looked at."""

_GRID = 201
"""Points of the quantile picture."""


def check_uniformity(context: Context) -> tuple[Check, ...]:
    """Test whether residuals are uniform.

    Parameters
    ----------
    context : Context
        The fit and its simulated data sets.

    Returns
    -------
    tuple of Check
        One for each estimand.
    """
    return tuple(_uniform(context, estimand) for estimand in context.estimands)


def _uniform(context: Context, estimand: str) -> Check:
    ordered = np.sort(context.simulated(estimand).residuals, axis=0)
    found = judge(kolmogorov(ordered), "upper")
    return judged_check(
        context,
        found,
        large=found.observed >= _FAR,
        code="uniformity",
        title="Residuals are uniform",
        where="",
        estimand=estimand,
        sentence=_sentence(found, "residuals", f"{_shape(ordered)}"),
        advice="The other checks say what is wrong; if none does, look at the family and the link.",
        detail=_quantiles(ordered),
    )


def _sentence(found: Judged, what: str, shape: str) -> str:
    return (
        f"The {what} are at most {found.observed:.3f} from uniform, where "
        f"{found.expected:.3f} is expected{shape}."
    )


def _shape(ordered: FloatArray) -> str:
    """Say where the observed residuals lie, if that is clear."""
    u = ordered[:, 0]
    ends = float(np.mean((u < 0.1) | (u > 0.9)))
    middle = float(np.mean(u))
    if ends > 0.25:
        return "; too many are at the ends"
    if ends < 0.15:
        return "; too few are at the ends"
    if abs(middle - 0.5) > 0.03:
        return f"; responses lie {'above' if middle > 0.5 else 'below'} what the model expects"
    return ""


def kolmogorov(ordered: FloatArray) -> FloatArray:
    """Distance of Kolmogorov and Smirnov from uniform.

    Parameters
    ----------
    ordered : (k, m) array
        Numbers between 0 and 1, sorted within columns.

    Returns
    -------
    (m,) array

    Examples
    --------
    >>> import numpy as np
    >>> from ilk.diagnostics.checks.uniformity import kolmogorov
    >>> kolmogorov(np.array([[0.25], [0.5]]))
    array([0.5])
    """
    k = len(ordered)
    place = np.arange(k, dtype=ordered.dtype)[:, None]
    above = np.max((place + 1.0) / k - ordered, axis=0)
    below = np.max(ordered - place / k, axis=0)
    return np.asarray(np.maximum(above, below), dtype=np.float64)


def _quantiles(ordered: FloatArray) -> dict[str, FloatArray]:
    """Quantiles of the observed residuals, with limits of 95 % of the simulated ones."""
    k = len(ordered)
    chosen = np.unique(np.linspace(0, k - 1, min(k, _GRID)).astype(int))
    low, high = np.quantile(ordered[chosen, 1:], [0.025, 0.975], axis=1)
    return {
        "expected": (chosen + 0.5) / k,
        "observed": ordered[chosen, 0].astype(float),
        "low": low.astype(float),
        "high": high.astype(float),
    }


def check_groups(context: Context) -> tuple[Check, ...]:
    """Test whether the totals of clusters are distributed as the model says.

    Parameters
    ----------
    context : Context
        The fit and its simulated data sets.

    Returns
    -------
    tuple of Check
        Two for each grouping factor, and for the factor that was asked for: of the shape and of
        the spread of the totals.
    """
    checks: list[Check] = []
    for levels in groups_of(context):
        codes, size = compact(levels.codes[context.rows])
        if size < _FEWEST:
            continue
        estimand = context.estimands[-1]
        residuals = context.simulated(estimand).grouped(codes, size)
        checks += _group_checks(context, levels.name, estimand, residuals)
    return tuple(checks)


def _group_checks(
    context: Context, name: str, estimand: str, residuals: FloatArray
) -> tuple[Check, Check]:
    ordered = np.sort(residuals, axis=0)
    found = judge(kolmogorov(ordered), "upper")
    spread = judge(np.mean((residuals - 0.5) ** 2, axis=0) * 12.0)
    wide = spread.observed > spread.expected
    ratio = spread.observed / spread.expected
    more = (
        f"The levels of {name!r} differ by more than the model allows: give it a random term, or "
        "look for a covariate of the levels."
        if wide
        else f"The levels of {name!r} differ by less than the model allows."
    )
    return (
        judged_check(
            context,
            found,
            large=found.observed >= _FAR_GROUPS,
            code="groups",
            title="Totals are uniform",
            where=name,
            estimand=estimand,
            sentence=_sentence(found, f"totals by {name!r}", _shape(ordered)),
            advice="Look at the levels with the most extreme totals.",
            detail=_quantiles(ordered),
        ),
        judged_check(
            context,
            spread,
            large=not 1.0 / _SPREAD < ratio < _SPREAD,
            code="groups",
            title="Totals spread as they should",
            where=name,
            estimand=estimand,
            statistic=ratio,
            expected=1.0,
            sentence=f"The totals by {name!r} spread {ratio:.2f} times as much as expected.",
            advice=more,
            detail={"position": residuals[:, 0].astype(float)},
        ),
    )


def groups_of(context: Context) -> tuple[Levels, ...]:
    """Grouping factors with more than one row per level, and the factor asked for."""
    design = context.fitted.design
    found = {
        term.grouping.name: Levels(term.grouping.name, term.grouping.codes, term.grouping.levels)
        for term in design.terms
        if len(term.grouping.levels) < context.fitted.model.rows
    }
    if context.asked.group is not None:
        levels = read_labels(design, context.asked.group, "group")
        found[levels.name] = levels
    return tuple(found.values())


def compact(codes: IntArray) -> tuple[IntArray, int]:
    """Codes (k,) without gaps, and how many there are."""
    present, inverse = np.unique(codes, return_inverse=True)
    return inverse, len(present)
