"""A tree whose branches and nodes have the color of their effects.

Time runs from left to right; the effect of a node inside the tree is that of an ancestor, predicted
from its descendants.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.covariance.levels.tree import Tree
from ilk.covariance.structured import Structured
from ilk.errors import FitError
from ilk.plot.asked import Drawable, column, columns_of, rows_of_effect
from ilk.plot.shades import add_scale, shades
from ilk.plot.style import INK, NAMED_AT_MOST, drawing, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ilk.fitted import Fitted
    from ilk.typing import BoolArray, FloatArray, IntArray

__all__ = ["TreePicture", "draw_tree", "tree", "tree_table"]


@dataclass(frozen=True, slots=True)
class TreePicture:
    """A tree with the effects of its N nodes.

    Attributes
    ----------
    group, term : str
        Grouping factor and random effect.
    names : tuple of N str
        Names of the nodes.
    parents : ndarray (N,) of int
        Position of the parent of each, -1 for the root.
    depth, height : ndarray (N,)
        Distance from the root, and place across.
    effect, std_error : ndarray (N,)
        Effects and their conditional standard deviations; zero at a root without effect.
    tips : ndarray (N,) of bool
        Which nodes are tips.
    observed : ndarray (N,) of bool
        Which have data.
    """

    group: str
    term: str
    names: tuple[str, ...]
    parents: IntArray
    depth: FloatArray
    height: FloatArray
    effect: FloatArray
    std_error: FloatArray
    tips: BoolArray
    observed: BoolArray


def tree_table(fit: Drawable, group: str, term: str | None = None) -> TreePicture:
    """Lay out the tree of a grouping factor and collect the effects of its nodes.

    Parameters
    ----------
    fit : Fit
        The fit.
    group : str
        Grouping factor with a tree.
    term : str, optional
        Random effect; the first by default.

    Returns
    -------
    TreePicture
        The table.

    Raises
    ------
    FitError
        The factor has no tree, or no such effect.
    """
    found = _tree_of(fit.fitted, group)
    columns = columns_of(fit.random_effects(group))
    wanted, rows = rows_of_effect(columns, group, term)
    parents = np.asarray(found.parents)
    places = found.places()
    own = np.array([places.get(name, -1) for name in found.names])
    depth, height, tips = _layout(parents, np.asarray(found.lengths, dtype=np.float64))

    def by_node(name: str) -> FloatArray:
        values = column(columns, name)[rows]
        return np.where(own >= 0, values[own], 0.0)

    return TreePicture(
        group=group,
        term=wanted,
        names=tuple(map(str, found.names)),
        parents=parents,
        depth=depth,
        height=height,
        effect=by_node("estimate"),
        std_error=by_node("std_error"),
        tips=tips,
        observed=by_node("n") > 0.0,
    )


def _tree_of(fitted: Fitted, group: str) -> Tree:
    for term, covariance in zip(fitted.design.terms, fitted.model.covariances, strict=True):
        if term.grouping.name != group or not isinstance(covariance, Structured):
            continue
        if isinstance(covariance.levels, Tree):
            return covariance.levels
    raise FitError(
        f"{group!r} has no tree; give one as covariance={{{group!r}: ilk.covariance.tree(...)}}.",
        code="no-tree",
    )


def _layout(parents: IntArray, lengths: FloatArray) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Depth and height of each node, and which are tips: tips one below the other."""
    count = len(parents)
    children: list[list[int]] = [[] for _ in range(count)]
    for i in range(count):
        if parents[i] >= 0:
            children[parents[i]].append(i)
    root = int(np.flatnonzero(parents < 0)[0])
    depth, height = np.zeros(count), np.zeros(count)
    order, stack = [], [root]
    row = 0
    while stack:
        i = stack.pop()
        order.append(i)
        if parents[i] >= 0:
            depth[i] = depth[parents[i]] + lengths[i]
        if not children[i]:
            height[i] = row
            row += 1
        stack.extend(reversed(children[i]))
    for i in reversed(order):
        if children[i]:
            height[i] = 0.5 * (height[children[i][0]] + height[children[i][-1]])
    return depth, height, np.array([not c for c in children], dtype=bool)


def draw_tree(table: TreePicture, ax: Axes | None = None) -> Axes:
    """Draw a tree in the colors of its effects.

    Parameters
    ----------
    table : TreePicture
        The table.
    ax : matplotlib.axes.Axes, optional
        Axis to draw on; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axis.
    """
    from matplotlib.collections import LineCollection

    parents = np.asarray(table.parents, dtype=np.intp)  # a report keeps them as lists
    tips, seen = np.asarray(table.tips, dtype=bool), np.asarray(table.observed, dtype=bool)
    count = int(tips.sum())
    few = count <= NAMED_AT_MOST
    mapped = shades(table.effect, around_zero=True)
    color = mapped.to_rgba(table.effect)
    below = np.flatnonzero(parents >= 0)
    up = parents[below]
    # a branch along time, and the step across to it from the parent
    along = np.stack(
        [
            np.stack([table.depth[up], table.height[below]], axis=1),
            np.stack([table.depth[below], table.height[below]], axis=1),
        ],
        axis=1,
    )
    across = np.stack(
        [
            np.stack([table.depth[up], table.height[up]], axis=1),
            np.stack([table.depth[up], table.height[below]], axis=1),
        ],
        axis=1,
    )
    width = 1.8 if few else float(np.clip(250.0 / count, 0.4, 1.6))
    with drawing(ax, 6.8, 1.2 + 0.19 * count if few else 5.2, grid="x") as axis:
        axis.grid(visible=False)
        axis.spines["left"].set_visible(False)
        axis.add_collection(LineCollection(list(across), colors=color[up], linewidths=width))
        axis.add_collection(LineCollection(list(along), colors=color[below], linewidths=width))
        size = 26.0 if few else float(np.clip(2000.0 / count, 2.0, 14.0))
        axis.scatter(
            table.depth[seen], table.height[seen], s=size, color=color[seen], zorder=4, linewidth=0
        )
        if few:
            for i in np.flatnonzero(tips):
                axis.annotate(
                    printable(table.names[i]), (table.depth[i], table.height[i]),
                    xytext=(6, 0), textcoords="offset points", va="center", fontsize=8, color=INK,
                )  # fmt: skip
        longest = float(table.depth.max())
        axis.set_xlim(-0.02 * longest, (1.15 if few else 1.03) * longest)
        axis.set_ylim(count - 0.4, -0.6)
        axis.set_yticks([])
        axis.set_xlabel(f"distance from the root; {count:,} tips, dots where there are data")
        add_scale(axis, mapped, f"effect: {table.term} of {table.group}")
    return axis


def tree(fit: Drawable, group: str, term: str | None = None, *, ax: Axes | None = None) -> Axes:
    """Draw the tree of a grouping factor in the colors of the effects of its nodes.

    Parameters
    ----------
    fit : Fit
        The fit.
    group : str
        Grouping factor with a tree.
    term : str, optional
        Random effect; the first by default.
    ax : matplotlib.axes.Axes, optional
        Axis to draw on; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axis.
    """
    return draw_tree(tree_table(fit, group, term), ax)
