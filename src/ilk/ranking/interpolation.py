"""Cubic interpolation on an even grid, as a matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ilk.typing import FloatArray

__all__ = ["cubic_weights"]


def cubic_weights(count: int, places: FloatArray) -> FloatArray:
    """Weights (k, count) of the nodes 0, 1, ..., count - 1 in the values at places (k,).

    Each value is that of the cubic polynomial through the four nodes around its place.

    Parameters
    ----------
    count : int
        Number of nodes, at least 4.
    places : (k,) array
        Between 0 and count - 1.

    Examples
    --------
    >>> import numpy as np
    >>> cubic_weights(6, np.array([2.5])) @ np.arange(6.0) ** 3
    array([15.625])
    """
    first = np.clip(np.floor(places).astype(np.intp) - 1, 0, count - 4)
    t = places - first
    weights = np.zeros((len(places), count))
    rows = np.arange(len(places))
    for j in range(4):
        others = [m for m in range(4) if m != j]
        factors = [(t - m) / (j - m) for m in others]
        weights[rows, first + j] = factors[0] * factors[1] * factors[2]
    return weights
