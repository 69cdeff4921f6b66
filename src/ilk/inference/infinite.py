"""Coefficients that run to infinity after separation, and contrasts that run with them.

Such a coefficient has an estimate only because a search has to end somewhere, and no standard
error.  A contrast stands if it does not change along any of the directions that the separated data
say nothing about, even where coefficients in it run away together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.estimation.separated import lost_directions, separations
from ilk.estimation.verify import is_optimum
from ilk.fitted import Status

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import BoolArray, FloatArray

__all__ = ["has_supremum", "infinite", "stands"]

_SEPARATIONS = {
    "separation": "mean",
    "separated_within": "mean",
    "separated_inflation": "zero_inflation",
}
"""Codes of the verdict's reasons that name infinite coefficients, and of which predictor."""

_ROUNDING = 1e-8


def infinite(fitted: Fitted) -> BoolArray:
    """Say which coefficients (P,) run to infinity after separation, and have no standard error.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    """
    lost = {
        (_SEPARATIONS[reason.code], name)
        for reason in (() if fitted.model.linear else fitted.verdict.reasons)
        if reason.code in _SEPARATIONS
        for name in reason.terms
    }
    return np.array([name in lost for name in fitted.names], dtype=bool)


def has_supremum(fitted: Fitted) -> bool:
    """Say whether a fit's log-likelihood is the highest there is, reached or in the limit.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    """
    verdict = fitted.verdict
    return verdict.converged or (verdict.status is Status.SEPARATED and is_optimum(fitted.point))


def stands(fitted: Fitted, L: FloatArray) -> BoolArray:
    """Say which contrasts of the coefficients have a finite estimate.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    L : (r, P) array
        Weights of the coefficients.

    Returns
    -------
    (r,) array of bool
    """
    size = np.max(np.abs(L), axis=1, initial=0.0)[:, None]
    L = np.where(np.abs(L) > _ROUNDING * size, L, 0.0)
    touched: BoolArray = np.any(L[:, infinite(fitted)] != 0.0, axis=1)
    found = lost_directions(fitted.model, separations(fitted.marginal)) if touched.any() else None
    if found is None:  # none are lost, or within clusters, where no one direction is known
        return np.asarray(~touched)
    directions = fitted.marginal.scaled.coef_map @ found
    moves = np.abs(L @ directions) > _ROUNDING * (np.abs(L) @ np.abs(directions))
    return np.asarray(~(touched & np.any(moves, axis=1)))
