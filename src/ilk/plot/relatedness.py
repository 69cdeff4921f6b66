"""Heat map of how the levels of a factor depend on each other: a kinship matrix, a pedigree, a map.

Levels that are alike stand beside each other: they are in the order of a hierarchical clustering.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.errors import FitError
from ilk.plot.asked import Drawable
from ilk.plot.shades import add_scale, shades
from ilk.plot.style import NAMED_AT_MOST, drawing, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["Relatedness", "draw_relatedness", "relatedness", "relatedness_table"]

_MOST = 1000
"""Levels at most."""


@dataclass(frozen=True, slots=True)
class Relatedness:
    """Covariances of levels, in units of the term's variance.

    Attributes
    ----------
    group : str
        Grouping factor.
    levels : tuple of str
        Levels with data, alike ones beside each other.
    matrix : ndarray (L, L)
        Covariances, in their order.
    """

    group: str
    levels: tuple[str, ...]
    matrix: FloatArray


def relatedness_table(fit: Drawable, group: str) -> Relatedness:
    """Collect the covariances of the levels with data, alike ones beside each other.

    Parameters
    ----------
    fit : Fit
        The fit.
    group : str
        Grouping factor with a structure over its levels.

    Returns
    -------
    Relatedness
        The table.

    Raises
    ------
    FitError
        The levels are independent, or too many for a picture.
    """
    fitted: Fitted = fit.fitted
    for term, over in zip(fitted.design.terms, fitted.dependences, strict=True):
        if term.grouping.name != group or over is None:
            continue
        used = np.unique(term.grouping.codes)
        if len(used) > _MOST:
            raise FitError(
                f"{group!r} has {len(used)} levels with data; a heat map takes {_MOST} at most.",
                code="too-large",
            )
        whole = over.levels.covariance(over.theta)
        matrix = whole[np.ix_(used, used)]
        order = _alike(matrix)
        return Relatedness(
            group=group,
            levels=tuple(str(term.grouping.levels[used[i]]) for i in order),
            matrix=matrix[np.ix_(order, order)],
        )
    raise FitError(
        f"the levels of {group!r} do not depend on each other; give their structure, covariance=.",
        code="no-structure",
    )


def _alike(matrix: FloatArray) -> list[int]:
    """Order of a clustering by average linkage of one less the correlations."""
    from scipy.cluster.hierarchy import leaves_list, linkage

    if len(matrix) < 3:
        return list(range(len(matrix)))
    size = np.sqrt(np.diagonal(matrix))
    apart = 1.0 - matrix / np.outer(size, size)
    above = np.triu_indices(len(matrix), 1)
    return [int(i) for i in leaves_list(linkage(np.maximum(apart[above], 0.0), "average"))]


def draw_relatedness(table: Relatedness, ax: Axes | None = None) -> Axes:
    """Draw a heat map of relatedness.

    Parameters
    ----------
    table : Relatedness
        The table.
    ax : matplotlib.axes.Axes, optional
        Axis to draw on; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axis.
    """
    negative = bool(table.matrix.min() < -1e-9)
    mapped = shades(table.matrix.ravel(), around_zero=negative)
    count = len(table.levels)
    with drawing(ax, 5.6, 4.6) as axis:
        axis.grid(visible=False)
        axis.imshow(table.matrix, cmap=mapped.cmap, norm=mapped.norm, interpolation="nearest")
        if count <= NAMED_AT_MOST:
            axis.set_yticks(range(count), [printable(x, 18) for x in table.levels], fontsize=7.5)
        else:
            axis.set_yticks([])
        axis.set_xticks([])
        axis.set_xlabel(f"{count:,} levels of {printable(table.group)}, alike ones together")
        add_scale(axis, mapped, "covariance, in units of the variance")
    return axis


def relatedness(fit: Drawable, group: str, *, ax: Axes | None = None) -> Axes:
    """Draw how the levels of a factor depend on each other.

    Parameters
    ----------
    fit : Fit
        The fit.
    group : str
        Grouping factor with a structure over its levels.
    ax : matplotlib.axes.Axes, optional
        Axis to draw on; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axis.
    """
    return draw_relatedness(relatedness_table(fit, group), ax)
