"""What a tree must be: one root, no cycles, names that occur once, lengths of branches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np

from ilk.errors import DataError
from ilk.frame import listing, quote
from ilk.typing import FloatArray, IntArray

__all__ = ["check_lengths", "check_names", "top_down"]


def check_names(names: Sequence[Hashable]) -> None:
    """Refuse names that occur twice."""
    count = Counter(names)
    twice = [name for name in count if count[name] > 1]
    if twice:
        raise DataError(
            f"Names of nodes occur more than once in the tree: {listing(twice)}. Every tip "
            "needs a name of its own.",
            code="duplicate-level",
        )


def top_down(names: Sequence[Hashable], parents: IntArray) -> IntArray:
    """Positions of the nodes, parents before children; refuses cycles and several roots."""
    roots = np.flatnonzero(parents < 0)
    if len(roots) != 1:
        found = listing([names[int(i)] for i in roots]) if len(roots) else "none"
        raise DataError(
            f"A tree has one root, a node without a parent; here there are {len(roots)}: {found}.",
            code="tree",
        )
    by_parent = np.argsort(parents, kind="stable")
    start = np.searchsorted(parents[by_parent], np.arange(len(parents) + 1))
    layers, layer = [roots], roots
    while len(layer):
        layer = np.concatenate([by_parent[start[i] : start[i + 1]] for i in layer])
        layers.append(layer)
    order = np.concatenate(layers)
    if len(order) < len(parents):
        lost = np.setdiff1d(np.arange(len(parents)), order)
        raise DataError(
            f"The tree has a cycle: {quote(names[int(lost[0])])} is among its own ancestors.",
            code="tree",
        )
    return order


def check_lengths(names: Sequence[Hashable], parents: IntArray, lengths: FloatArray) -> None:
    """Refuse lengths of branches that are negative, infinite or missing."""
    bad = np.flatnonzero((parents >= 0) & ~(np.isfinite(lengths) & (lengths >= 0.0)))
    if len(bad):
        i = int(bad[0])
        raise DataError(
            f"The branch above {quote(names[i])} has the length {lengths[i]:g}; lengths are finite "
            f"and not negative ({len(bad)} such branches).",
            code="tree",
        )
