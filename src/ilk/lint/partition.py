"""How two groupings of the same rows, or a grouping and a column, lie to each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ilk.frame import factor_integers

__all__ = ["cells", "determines", "occupied", "same_partition"]

Codes = npt.NDArray[Any]


def occupied(codes: Codes, levels: int, others: Codes, width: int) -> npt.NDArray[np.bool_]:
    """Say which combinations of two groupings occur.

    Parameters
    ----------
    codes, others : (n,) arrays of int
        Level of each row in both, from 0.
    levels, width : int
        Numbers of levels; the second is small.

    Returns
    -------
    (levels, width) array of bool

    Examples
    --------
    >>> import numpy as np
    >>> occupied(np.array([0, 0, 1, 1]), 2, np.array([0, 1, 1, 1]), 2).tolist()
    [[True, True], [False, True]]
    """
    table = np.zeros(levels * width, dtype=bool)
    table[codes.astype(np.intp) * width + others] = True
    return table.reshape(levels, width)


def determines(fine: Codes, levels: int, coarse: npt.NDArray[Any]) -> bool:
    """Whether rows of one level of the first grouping are always of one level of the second.

    Parameters
    ----------
    fine : (n,) array of int
        Level of each row.
    levels : int
        Number of levels.
    coarse : (n,) array
        The other grouping, or any column.
    """
    one = np.zeros(levels, dtype=coarse.dtype)
    one[fine] = coarse
    return bool(np.array_equal(one[fine], coarse))


def same_partition(first: Codes, second: Codes, levels: int) -> bool:
    """Whether two groupings with the same number of levels are one under two names.

    Parameters
    ----------
    first, second : (n,) arrays of int
        Level of each row; each level occurs.
    levels : int
        Number of levels of each.
    """
    return determines(first, levels, second) and determines(second, levels, first)


def cells(first: Codes, second: Codes, width: int) -> tuple[Codes, int]:
    """Combinations of two groupings.

    Parameters
    ----------
    first, second : (n,) arrays of int
        Level of each row.
    width : int
        Number of levels of the second.

    Returns
    -------
    codes : (n,) array of int
        Combination of each row.
    count : int
        Number of combinations that occur.
    """
    joint = first.astype(np.int64) * width + second
    codes, present = factor_integers(joint)
    return codes, len(present)
