r"""Derivatives by central differences, with Richardson's extrapolation.

.. math:: D(h) = \frac{f(x + h) - f(x - h)}{2h} = f'(x) + O(h^2), \qquad
   f'(x) \approx \frac{4 D(h) - D(2h)}{3} + O(h^4)
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ilk.typing import FloatArray

__all__ = ["jacobian"]


def jacobian(
    function: Callable[[FloatArray], FloatArray | float],
    x: FloatArray,
    steps: FloatArray | float,
    *,
    extrapolate: bool = True,
) -> FloatArray:
    """Jacobian of a function by central differences.

    Parameters
    ----------
    function : callable
        Takes x (m,), returns an array of any shape, or a number.
    x : ndarray (m,)
        Where the derivative is taken.
    steps : float or ndarray (m,)
        Steps h.
    extrapolate : bool
        Whether to extrapolate from steps h and 2 h.

    Returns
    -------
    ndarray (..., m)
        Derivatives; the last axis runs over x.
    """
    sizes = np.broadcast_to(np.asarray(steps, dtype=np.float64), x.shape)
    columns = []
    for j, h in enumerate(sizes):
        near = _central(function, x, j, float(h))
        if extrapolate:
            near = (4.0 * near - _central(function, x, j, 2.0 * float(h))) / 3.0
        columns.append(near)
    return np.stack(columns, axis=-1) if columns else np.zeros((0,))


def _central(
    function: Callable[[FloatArray], FloatArray | float], x: FloatArray, j: int, h: float
) -> FloatArray:
    up, down = x.copy(), x.copy()
    up[j] += h
    down[j] -= h
    difference = np.asarray(function(up)) - np.asarray(function(down))
    return np.asarray(difference / (up[j] - down[j]))
