"""Factors that lie within others, but whose labels begin anew in each: classes of schools."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ilk.lint.material import Material
from ilk.lint.partition import cells
from ilk.lint.rule import Remark
from ilk.lint.words import crossed_name, nested_rank

if TYPE_CHECKING:
    from ilk.design.grouping import Grouping
    from ilk.typing import FloatArray, IntArray

__all__ = ["nested_ids_reused"]


def nested_ids_reused(material: Material) -> Iterator[Remark]:
    """Find crossed factors one of which numbers its levels anew within each level of the other."""
    single = {g.columns[0]: g for g in material.groupings.values() if len(g.columns) == 1}
    joint = [set(g.columns) for g in material.groupings.values() if len(g.columns) > 1]
    for outer, parent in single.items():
        for inner, child in single.items():
            if outer == inner or {outer, inner} in joint or not _may_lie_in(inner, outer):
                continue
            sizes = _numbered_anew(parent, child)
            if sizes is None:
                continue
            varying = bool(np.ptp(sizes) > 0)
            if varying or nested_rank(outer) is not None:
                yield Remark(
                    (inner, outer),
                    f"The labels of {inner!r} begin anew in each {outer!r}, so that (1 | {inner}) "
                    f"takes {inner} {child.levels[0]!r} of all levels of {outer!r} for one and the "
                    "same.",
                    f"Write (1 | {outer}/{inner}) if they are different ones.",
                    None if varying else "note",
                )


def _may_lie_in(inner: str, outer: str) -> bool:
    """Whether units of one name may lie in units of another."""
    low, high = nested_rank(inner), nested_rank(outer)
    if low is None or crossed_name(inner) or crossed_name(outer):
        return False
    return high is None or high > low


def _numbered_anew(parent: Grouping, child: Grouping) -> IntArray | None:
    """Number of labels in each level of the parent, if they are the first ones: 1, 2, ..., k.

    If k is the same everywhere the factors may as well be crossed.
    """
    above, below = len(parent.levels), len(child.levels)
    if np.bincount(child.codes).max() < above:  # no label has enough rows to be everywhere
        return None
    codes, count = cells(parent.codes, child.codes, below)
    if count <= max(above, below):
        return None
    owner = np.zeros(count, dtype=np.int64)
    label = np.zeros(count, dtype=np.int64)
    owner[codes], label[codes] = parent.codes, _order(child)[child.codes]
    highest = np.zeros(above, dtype=np.int64)
    np.maximum.at(highest, owner, label)
    sizes: IntArray = np.bincount(owner, minlength=above)
    return sizes if np.array_equal(sizes, highest + 1) else None


def _order(child: Grouping) -> IntArray:
    """Position of each label in the order of their numbers, or of the alphabet."""
    try:
        keys: FloatArray = np.array([float(str(label)) for label in child.levels])
    except ValueError:
        return np.arange(len(child.levels))
    return np.argsort(np.argsort(keys))
