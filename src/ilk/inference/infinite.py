"""Coefficients that run to infinity, and contrasts that run with them.

Coefficients of the mean do so where the data are separated, those of a dispersion or of excess
zeros where the estimate is that there is none, on the logarithmic scale minus infinity.

Such a coefficient has an estimate only because a search has to end somewhere, and no standard
error.  A contrast stands if it does not change along any of the directions that the separated data
say nothing about, even where coefficients in it run away together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.estimation.identified import LIMIT, NONE_LEFT, at_a_limit
from ilk.estimation.separated import lost_directions, separation_faults, separations
from ilk.estimation.verify import is_optimum
from ilk.fitted import Status

if TYPE_CHECKING:
    from ilk.estimation.separated import Separations
    from ilk.fitted import Fitted, Reason
    from ilk.typing import BoolArray, FloatArray

__all__ = ["has_supremum", "infinite", "stands"]

_SEPARATIONS = {
    "separation": "mean",
    "separated_within": "mean",
    "separated_inflation": "zero_inflation",
}
"""Codes of the verdict's reasons that name infinite coefficients, and of which predictor."""

_LIMITS = {"no_dispersion": "dispersion", "no_zero_inflation": "zero_inflation"}
"""Codes of reasons that say that a part is estimated as absent, and its predictor."""

_ROUNDING = 1e-8


def infinite(fitted: Fitted) -> BoolArray:
    """Say which coefficients (P,) run to infinity, and have no standard error.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    """
    faults = _faults(fitted, _separations(fitted))
    runs: BoolArray = np.any(_absent(fitted, faults) != 0.0, axis=1)
    return _separated(fitted, faults) | runs


def _separations(fitted: Fitted) -> Separations:
    """Look for separation; linear models have none."""
    return {} if fitted.model.linear else separations(fitted.marginal)


def _faults(fitted: Fitted, found: Separations) -> list[Reason]:
    """Give those reasons of the verdict that are looked for here, without the verdict's cost."""
    if fitted.model.linear:
        return []
    marginal, point = fitted.marginal, fitted.point
    return [*separation_faults(marginal, point, found), *at_a_limit(marginal, point)[0]]


def _separated(fitted: Fitted, faults: list[Reason]) -> BoolArray:
    """Say which coefficients (P,) are separated."""
    lost = {
        (_SEPARATIONS[reason.code], name)
        for reason in faults
        if reason.code in _SEPARATIONS
        for name in reason.terms
    }
    labels = {
        label for reason in faults if reason.code == "separated_category" for label in reason.terms
    }
    return np.array(
        [name in lost or ": ".join(name) in labels for name in fitted.names], dtype=bool
    )


def _absent(fitted: Fitted, faults: list[Reason]) -> FloatArray:
    """Directions of the coefficients (P, k) that rows with no dispersion or zeros leave open.

    Rows whose dispersion or probability of an excess zero is estimated as zero say nothing more:
    what the others do not determine runs away.
    """
    codes = {reason.code for reason in faults}
    gone = {predictor for code, predictor in _LIMITS.items() if code in codes}
    at_end = {reason.terms[0] for reason in faults if reason.code == LIMIT}
    found, start = [np.zeros((len(fitted.coef), 0))], 0
    for part in fitted.model.fitted_parts:
        place = slice(start, start + len(part.names))
        start = place.stop
        if part.predictor not in gone | at_end:
            continue
        eta = part.X @ fitted.coef[place]
        open_ = _null_space(part.X[(eta >= NONE_LEFT) & (part.predictor not in at_end)])
        found.append(np.zeros((len(fitted.coef), open_.shape[1])))
        found[-1][place] = open_
    return np.hstack(found)


def _null_space(X: FloatArray) -> FloatArray:
    """(p, k) directions that change none of the rows; columns of X are put on one scale."""
    size = np.sqrt(np.sum(X**2, axis=0))
    scale = np.where(size > 0.0, size, 1.0)
    R = np.linalg.qr(np.vstack([X / scale, np.zeros((X.shape[1], X.shape[1]))]), mode="r")
    _, values, rows = np.linalg.svd(R)
    directions = rows[values < _ROUNDING].T
    return np.where(np.abs(directions) > _ROUNDING, directions, 0.0) / scale[:, None]


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
    found = _separations(fitted)
    faults = _faults(fitted, found)
    touched: BoolArray = np.any(L[:, _separated(fitted, faults)] != 0.0, axis=1)
    lost = lost_directions(fitted.model, found) if touched.any() else None
    if lost is not None:
        touched &= _move(L, fitted.marginal.scaled.coef_map @ lost)
    return np.asarray(~(touched | _move(L, _absent(fitted, faults))))


def _move(L: FloatArray, directions: FloatArray) -> BoolArray:
    """Say which contrasts (r,) change along some of the directions (P, k)."""
    moves = np.abs(L @ directions) > _ROUNDING * (np.abs(L) @ np.abs(directions))
    return np.asarray(np.any(moves, axis=1))
