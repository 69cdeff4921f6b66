"""Which groupings of rows are nested in which.

A grouping is nested in another if all rows of each of its levels share one level of the other.
Groupings that are nested in each other divide the rows alike.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ilk.typing import IntArray

__all__ = ["nested_chain", "parents"]


def parents(
    inner: IntArray, inner_levels: int, outer: IntArray, outer_levels: int
) -> IntArray | None:
    """Level of the outer grouping that each level of the inner one lies in.

    Parameters
    ----------
    inner, outer : ndarray (n,) of int
        Level of each row.
    inner_levels, outer_levels : int
        Numbers of levels.

    Returns
    -------
    ndarray (inner_levels,) of int, or None
        Levels without rows are put into level 0; None if the inner grouping is not nested.

    Examples
    --------
    >>> import numpy as np
    >>> from ilk.num.nesting import parents
    >>> parents(np.array([0, 0, 1, 2]), 3, np.array([0, 0, 0, 1]), 2)
    array([0, 0, 1])
    """
    if outer_levels > inner_levels:
        return None
    above = np.zeros(inner_levels, dtype=np.int64)
    above[inner] = outer
    return above if np.array_equal(above[inner], outer) else None


def nested_chain(codes: Sequence[IntArray], levels: Sequence[int]) -> list[list[int]] | None:
    """Order groupings from the outermost to the innermost.

    Parameters
    ----------
    codes : sequence of ndarray (n,) of int
        Level of each row in each grouping.
    levels : sequence of int
        Numbers of levels.

    Returns
    -------
    list of list of int, or None
        Positions of the groupings by depth, those that are the same level by level together;
        None if they do not form a chain.

    Examples
    --------
    >>> import numpy as np
    >>> from ilk.num.nesting import nested_chain
    >>> classes, schools = np.array([0, 1, 2, 3]), np.array([0, 0, 1, 1])
    >>> nested_chain([classes, schools], [4, 2])
    [[1], [0]]
    >>> nested_chain([classes % 2, schools], [2, 2]) is None
    True
    """
    chain: list[list[int]] = []
    for t in sorted(range(len(codes)), key=lambda t: levels[t]):
        if chain:
            last = chain[-1][0]
            if levels[t] == levels[last] and np.array_equal(codes[t], codes[last]):
                chain[-1].append(t)
                continue
            if parents(codes[t], levels[t], codes[last], levels[last]) is None:
                return None
        chain.append([t])
    return chain
