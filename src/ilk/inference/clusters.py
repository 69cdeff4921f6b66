"""Which clusters of rows are independent of each other: the outermost grouping factors.

A factor is nested in another if each of its levels lies in one level of the other.  Factors that
are nested in no other are the units that can be resampled; if there are several, they cross.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ilk.frame import factor_integers

if TYPE_CHECKING:
    from ilk.design.build import Design
    from ilk.design.grouping import Grouping
    from ilk.typing import IntArray

__all__ = ["forms_clusters", "is_nested", "outermost_groupings"]


def forms_clusters(grouping: Grouping, design: Design) -> bool:
    """Whether the levels of a factor hold several rows, or a row that holds several trials.

    A factor with one row per level, such as a row number, is what ``olre()`` is: extra variation
    of each row, and no cluster.  Levels that depend on each other are more than that.

    Parameters
    ----------
    grouping : Grouping
        Of the fit.
    design : Design
        Its design.
    """
    if not grouping.columns:
        return False
    if grouping.structured:
        return True
    trials = design.response.trials
    if trials is not None and np.any(trials > 1.0):
        return True
    return bool(grouping.count().max() > 1)


def is_nested(inner: IntArray, outer: IntArray) -> bool:
    """Whether each level of one factor lies in one level of another.

    Parameters
    ----------
    inner, outer : (n,) arrays of int
        Codes of the rows, none negative.

    Returns
    -------
    bool

    Examples
    --------
    >>> import numpy as np
    >>> is_nested(np.array([0, 0, 1, 2]), np.array([0, 0, 1, 1]))
    True
    """
    if len(inner) == 0:
        return True
    home = np.empty(int(inner.max()) + 1, dtype=outer.dtype)
    home[inner] = outer
    return bool(np.array_equal(home[inner], outer))


def outermost_groupings(design: Design) -> tuple[Grouping, ...]:
    """Grouping factors that are nested in no other.

    Parameters
    ----------
    design : Design
        Of a fit.

    Returns
    -------
    tuple of Grouping
        One if the factors are nested, several if they cross, none without random terms.  Of
        factors with the same partition of the rows the first is taken.  Levels without rows, such
        as the inner nodes of a tree, are left out.  A factor that rows belong to several levels
        of is in no other, and has no other in it.
    """
    named = {term.grouping.name: term.grouping for term in design.terms}
    groupings = [_with_rows(grouping) for grouping in named.values()]
    return tuple(g for i, g in enumerate(groupings) if not _is_inside(i, groupings))


def _with_rows(grouping: Grouping) -> Grouping:
    """A grouping of the levels that have rows."""
    if not grouping.structured or grouping.weights is not None:
        return grouping
    codes, present = factor_integers(grouping.codes)
    levels = tuple(grouping.levels[int(code)] for code in present)
    return replace(grouping, members=codes, levels=levels)


def _is_inside(position: int, groupings: Sequence[Grouping]) -> bool:
    """Whether a grouping is nested in another one (of equal partitions: in an earlier one)."""
    if groupings[position].weights is not None:
        return False
    codes = groupings[position].codes
    for i, other in enumerate(groupings):
        if i == position or len(other.levels) > len(groupings[position].levels):
            continue
        if other.weights is not None:
            continue
        if is_nested(codes, other.codes) and (i < position or not is_nested(other.codes, codes)):
            return True
    return False
