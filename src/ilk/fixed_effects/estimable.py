"""Which columns vary within clusters, and so have an effect that can be estimated.

A column that the dummies reproduce (constant within clusters, for one factor) cannot be told from
the clusters' own parameters: it is *absorbed*.  A column that is a combination of earlier ones,
within clusters, is *collinear*.  Both keep their place in every table, with a mark.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from ilk.design.rank import independent_columns
from ilk.typing import FloatArray, IntArray

__all__ = ["Estimable", "find_estimable"]

_CONSTANT = 1e-8
"""Share of a column's length that must be left within clusters."""


@final
@dataclass(frozen=True, slots=True)
class Estimable:
    """Columns by what the clusters leave of them.

    Parameters
    ----------
    keep : (q,) array of int
        Columns that can be estimated.
    absorbed, collinear : tuple of int
        Columns that cannot.
    """

    keep: IntArray
    absorbed: tuple[int, ...]
    collinear: tuple[int, ...]


def find_estimable(X: FloatArray, within: FloatArray) -> Estimable:
    """Find the columns whose coefficients the clusters leave estimable.

    Parameters
    ----------
    X : (n, p) array
        Columns.
    within : (n, p) array
        What is left of them after the dummies.

    Returns
    -------
    Estimable
    """
    size = np.abs(X).max(axis=0, initial=0.0)
    spread = np.sqrt(np.mean((X - X.mean(axis=0)) ** 2, axis=0))
    left = np.sqrt(np.mean(within**2, axis=0))
    # rounding leaves eps times the magnitude of the values of a column that is constant
    noise = 64.0 * np.finfo(float).eps * size
    varies = left > np.maximum(_CONSTANT * spread, noise)
    candidates = np.flatnonzero(varies)
    unit = within[:, candidates] / left[candidates]
    independent = independent_columns(unit, None)
    return Estimable(
        candidates[independent],
        tuple(np.flatnonzero(~varies).tolist()),
        tuple(candidates[~independent].tolist()),
    )
