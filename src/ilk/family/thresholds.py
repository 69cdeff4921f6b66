r"""Structures of the thresholds between ordered categories.

The J - 1 thresholds are a linear function :math:`A \alpha` of m free parameters:

* **flexible**: each is free;
* **equidistant**: :math:`\theta_j = \alpha_1 + (j - 1)\, s`;
* **symmetric**: around the middle one at the distances :math:`s_1 < s_2 < \ldots`, or, of an even
  number, outwards from the two in the middle.
"""

from __future__ import annotations

import functools
from typing import Literal, TypeAlias, get_args

import numpy as np

from ilk.errors import ModelError, did_you_mean
from ilk.typing import FloatArray

__all__ = ["Structure", "check_structure", "structure"]

Structure: TypeAlias = Literal["flexible", "symmetric", "equidistant"]
"""How the thresholds depend on each other."""


def check_structure(thresholds: object) -> None:
    """Refuse unknown names of structures."""
    names = get_args(Structure)
    if thresholds not in names:
        words = ", ".join(repr(name) for name in names)
        hint = did_you_mean(thresholds, names) if isinstance(thresholds, str) else ""
        raise ModelError(
            f"thresholds={thresholds!r} is not known; choose from {words}.{hint}", code="choice"
        )


@functools.cache
def structure(thresholds: Structure, categories: int) -> tuple[tuple[str, ...], FloatArray]:
    """Names of the free parameters, and the matrix that takes them to the thresholds.

    Parameters
    ----------
    thresholds : {"flexible", "symmetric", "equidistant"}
        The structure.
    categories : int
        Number J of categories.

    Returns
    -------
    names : tuple of m str
    A : ndarray (J - 1, m)

    Examples
    --------
    >>> structure("symmetric", 5)[0]
    ('threshold_2', 'threshold_3', 'spacing_1')
    >>> structure("equidistant", 4)[1]
    array([[1., 0.],
           [1., 1.],
           [1., 2.]])
    """
    count = max(categories - 1, 0)
    if thresholds == "flexible" or count < 2:
        return tuple(f"threshold_{j + 1}" for j in range(count)), np.eye(count)
    if thresholds == "equidistant":
        return ("threshold_1", "spacing"), np.column_stack([np.ones(count), np.arange(count)])
    half = (count - 1) // 2  # thresholds on each side of the middle
    middle = list(range(half, count - half))
    names = [f"threshold_{j + 1}" for j in middle] + [f"spacing_{k + 1}" for k in range(half)]
    A = np.zeros((count, len(names)))
    for column, j in enumerate(middle):
        A[j, column] = 1.0
    for k in range(half):
        for j, center, sign in (
            (middle[0] - k - 1, 0, -1.0),
            (middle[-1] + k + 1, len(middle) - 1, 1.0),
        ):
            A[j, center] = 1.0
            A[j, len(middle) + k] = sign
    return tuple(names), A
