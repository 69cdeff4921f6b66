r"""Quasi-Newton search for a maximum (BFGS), as start, step and stop.

The search ends when the predicted gain of one more step, :math:`\tfrac12 g'B g` with the inverse
Hessian B of minus the objective, is below a tolerance: a rule in units of the objective, whatever
the scales of the parameters.  Nocedal and Wright (2006) [NocedalWright2006], section 6.1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, final

import numpy as np

from ilk.typing import FloatArray

__all__ = ["Objective", "SearchState", "maximize"]

Objective: TypeAlias = Callable[[FloatArray], tuple[float, FloatArray]]
"""Takes x (m,) and returns the value (minus infinity where it is undefined) and gradient."""

_ARMIJO = 1e-4
_SHRINK = 0.3
_MAX_SHRINKS = 25


@final
@dataclass(frozen=True, slots=True)
class SearchState:
    """Where a search stands.

    Attributes
    ----------
    x : ndarray (m,)
        Parameters.
    value : float
        Objective.
    gradient : ndarray (m,)
        Gradient of the objective.
    inverse_hessian : ndarray (m, m)
        Approximate inverse Hessian B of minus the objective.
    steps, evaluations : int
        Counts so far.
    status : str
        ``"running"``, or how the search ended.
    """

    x: FloatArray
    value: float
    gradient: FloatArray
    inverse_hessian: FloatArray
    steps: int
    evaluations: int
    status: Literal["running", "converged", "line_search", "max_steps", "no_mode"]

    @property
    def decrement(self) -> float:
        """Predicted gain of one more step."""
        return 0.5 * float(self.gradient @ self.inverse_hessian @ self.gradient)


def maximize(
    objective: Objective,
    x: FloatArray,
    inverse_hessian: FloatArray,
    caps: FloatArray,
    *,
    max_steps: int,
    tolerance: float,
) -> SearchState:
    """Search for a maximum.

    Parameters
    ----------
    objective : callable
        Value and gradient.
    x : ndarray (m,)
        Start.
    inverse_hessian : ndarray (m, m)
        Positive definite start of B.
    caps : ndarray (m,)
        Greatest change of each parameter in a step.
    max_steps : int
        Greatest number of steps.
    tolerance : float
        Predicted gain at which the search ends.

    Returns
    -------
    SearchState
        The end.
    """
    value, gradient = objective(x)
    status: Literal["running", "no_mode"] = "running" if np.isfinite(value) else "no_mode"
    state = SearchState(x, value, gradient, inverse_hessian, 0, 1, status)
    fresh = True  # B is the one the search started with, not built from steps
    while state.status == "running":
        if state.decrement < tolerance:
            return replace(state, status="converged")
        if state.steps >= max_steps:
            return replace(state, status="max_steps")
        following = _step(objective, state, caps)
        if following.status == "line_search" and not fresh:
            # forget the curvature once before giving up
            state = replace(following, status="running", inverse_hessian=inverse_hessian)
            fresh = True
            continue
        state, fresh = following, False
    return state


def _step(objective: Objective, state: SearchState, caps: FloatArray) -> SearchState:
    """One step: direction, cap, backtracking, update of the curvature."""
    direction = state.inverse_hessian @ state.gradient
    slope = float(state.gradient @ direction)
    if slope <= 0.0:
        direction, slope = state.gradient.copy(), float(state.gradient @ state.gradient)
    length = 1.0 / max(1.0, float(np.max(np.abs(direction) / caps)))
    noise = 1e-13 * (1.0 + abs(state.value))
    evaluations = state.evaluations
    for _ in range(_MAX_SHRINKS):
        x = state.x + length * direction
        value, gradient = objective(x)
        evaluations += 1
        if value >= state.value + _ARMIJO * length * slope - noise:
            updated = update_inverse(state.inverse_hessian, x - state.x, state.gradient - gradient)
            return SearchState(x, value, gradient, updated, state.steps + 1, evaluations, "running")
        length *= _SHRINK
    return replace(state, evaluations=evaluations, status="line_search")


def update_inverse(inverse: FloatArray, step: FloatArray, change: FloatArray) -> FloatArray:
    """BFGS update of the inverse Hessian of minus the objective.

    Parameters
    ----------
    inverse : ndarray (m, m)
        Inverse Hessian B.
    step : ndarray (m,)
        Change of the parameters.
    change : ndarray (m,)
        Change of minus the gradient.

    Returns
    -------
    ndarray (m, m)
        B with the secant equation ``B change = step``; unchanged where curvature is not positive.
    """
    curvature = float(step @ change)
    if not curvature > 1e-12 * float(np.linalg.norm(step) * np.linalg.norm(change)):
        return inverse
    image = inverse @ change
    weight = (1.0 + float(change @ image) / curvature) / curvature
    crossed = np.outer(image, step) / curvature
    updated: FloatArray = inverse + weight * np.outer(step, step) - crossed - crossed.T
    return updated
