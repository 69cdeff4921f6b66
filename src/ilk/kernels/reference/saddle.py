r"""Search for a maximum that does not stop at a saddle.

The likelihood is even in each column of a factor, so that a column that is zero is stationary
whatever the data say, and a search can end there although another column holds variance that
this one could share.  BFGS never sees the negative curvature; exact second derivatives at the end
do.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ilk.num.differences import jacobian
from ilk.num.search import Objective, SearchState, maximize
from ilk.typing import FloatArray

__all__ = ["maximize_past_saddles"]

_ROUNDS = 3
"""Saddles that are left before the search is content."""

_DIFFERENCE = 1e-3
"""Steps of the differences, of the standard errors that the search has found."""

_NEGATIVE = -1e-6
"""Eigenvalue of the scaled curvature below which a point is a saddle."""

_WORTHWHILE = 1e-9
"""Gain for which a stationary point is left, relative to 1 + the value."""


def maximize_past_saddles(
    objective: Objective,
    x: FloatArray,
    inverse_hessian: FloatArray,
    caps: FloatArray,
    *,
    max_steps: int,
    tolerance: float,
) -> SearchState:
    """Search as `ilk.num.search.maximize` does, and again from beside each saddle it ends at.

    Parameters and the answer are those of `ilk.num.search.maximize`; the counts are totals.
    """
    end = maximize(objective, x, inverse_hessian, caps, max_steps=max_steps, tolerance=tolerance)
    for _ in range(_ROUNDS):
        if end.status != "converged" or not len(end.x):
            return end
        beside = _step_aside(objective, end)
        if beside is None:
            return end
        point, curvature, evaluations = beside
        again = maximize(
            objective,
            point,
            curvature,
            caps,
            max_steps=max(0, max_steps - end.steps),
            tolerance=tolerance,
        )
        if not again.value > end.value:
            return end
        end = replace(
            again,
            steps=end.steps + again.steps,
            evaluations=end.evaluations + evaluations + again.evaluations,
        )
    return end


def _step_aside(
    objective: Objective, end: SearchState
) -> tuple[FloatArray, FloatArray, int] | None:
    """A higher point along a direction of negative curvature, or None if there is no such.

    Returns
    -------
    point : (m,) array
    inverse_hessian : (m, m) array
        For a search from there: of the curvature with all eigenvalues taken positive.
    evaluations : int
    """
    scale = np.sqrt(np.abs(np.diag(end.inverse_hessian)))
    scale = np.where(np.isfinite(scale) & (scale > 0.0), np.minimum(scale, 1.0), 1.0)
    hessian = -jacobian(
        lambda shift: objective(end.x + shift * scale)[1] * scale,
        np.zeros_like(end.x),
        _DIFFERENCE,
        extrapolate=False,
    )
    if not np.all(np.isfinite(hessian)):
        return None
    values, directions = np.linalg.eigh(0.5 * (hessian + hessian.T))
    if values[0] > _NEGATIVE * max(1.0, values[-1]):
        return None
    needed = end.value + _WORTHWHILE * (1.0 + abs(end.value))
    inverse = (directions / np.maximum(np.abs(values), 1e-3)) @ directions.T
    evaluations = 2 * len(end.x)
    for length in (1.0, 0.4, 0.16, 0.064):
        for sign in (1.0, -1.0):
            point = end.x + sign * length * scale * directions[:, 0]
            evaluations += 1
            if objective(point)[0] > needed:
                return point, np.outer(scale, scale) * inverse, evaluations
    return None
