"""Units whose residuals are compared with those of their neighbors: rows, or rows put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.diagnostics.checks.simulated import of_rows
from ilk.inference.clusters import is_nested
from ilk.num.stable import special

if TYPE_CHECKING:
    from ilk.diagnostics.checks.context import Context
    from ilk.typing import FloatArray, IntArray

__all__ = ["CORRELATION", "Units", "scores_of", "units_of", "views_of"]

CORRELATION = 0.1
"""Correlation of neighbors from which the model should know of it."""


@dataclass(frozen=True, slots=True)
class Units:
    """What is compared.

    Parameters
    ----------
    codes : (k,) array of int
        Unit of each observation.
    count : int
        Number N of units.
    first : (N,) array of int
        An observation of each.
    """

    codes: IntArray
    count: int
    first: IntArray


def units_of(keys: FloatArray) -> Units:
    """Put observations with equal keys together.

    Parameters
    ----------
    keys : (k, c) array
        Keys of the observations; units are sorted by the first, then by the others.

    Returns
    -------
    Units
    """
    _, first, codes = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return Units(codes.reshape(-1), len(first), first)


def scores_of(context: Context, units: Units, estimand: str) -> FloatArray:
    """Normal scores of the residuals of units; where they have several rows, of their totals.

    Parameters
    ----------
    context : Context
        The simulated data sets.
    units : Units
        The units.
    estimand : str
        Which data sets.

    Returns
    -------
    (N, m + 1) array
    """
    simulated = context.simulated(estimand)
    if units.count == len(units.codes):
        residuals = simulated.residuals[units.first]
    else:
        residuals = simulated.grouped(units.codes, units.count)
    return np.asarray(special().ndtri(residuals.astype(np.float64)))


def views_of(context: Context, units: Units) -> tuple[str, ...]:
    """Estimands that say something about units.

    Where whole levels of random effects lie in a unit, they absorb what is between the units, and
    data sets of the population alone can tell.  Effects of single rows come anew in both.

    Parameters
    ----------
    context : Context
        The fit.
    units : Units
        The units.

    Returns
    -------
    tuple of str
    """
    for t, term in enumerate(context.fitted.design.terms):
        if not of_rows(context.fitted, t) and is_nested(
            term.grouping.codes[context.rows], units.codes
        ):
            return ("population",)
    return context.estimands
