"""Search and observed information in (beta, theta) for any criterion with an exact gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np

from ilk.kernels.contract import Evaluation, FactorMap, SearchResult
from ilk.num.search import maximize
from ilk.typing import FloatArray

__all__ = ["Evaluate", "information", "search"]

Evaluate: TypeAlias = Callable[[FloatArray, FloatArray, float], Evaluation]
"""Takes beta, lam and the tolerance of the modes to the value with its gradient."""

_CAP_BETA, _CAP_THETA = 3.0, 1.0
"""Greatest changes of a coefficient and of a covariance parameter in one step."""


def gradient_at(
    evaluate: Evaluate, factor: FactorMap, x: FloatArray, count: int, tolerance: float
) -> tuple[Evaluation, FloatArray]:
    """Evaluate at x = (beta, theta), with the gradient in x.

    Parameters
    ----------
    evaluate : callable
        The criterion.
    factor : FactorMap
        Takes theta to lam.
    x : ndarray (m,)
        Coefficients, then covariance parameters.
    count : int
        Number of coefficients.
    tolerance : float
        Of the modes.
    """
    lam, jacobian = factor(x[count:])
    at = evaluate(x[:count], lam, tolerance)
    if at.grad_beta is None or at.grad_lam is None:
        return at, np.full(len(x), np.nan)
    return at, np.concatenate([at.grad_beta, jacobian.T @ at.grad_lam])


def search(
    evaluate: Evaluate,
    factor: FactorMap,
    beta: FloatArray,
    theta: FloatArray,
    inverse_hessian: FloatArray,
    *,
    max_steps: int,
    tolerance: float,
) -> SearchResult:
    """Maximize over (beta, theta).

    Parameters
    ----------
    evaluate : callable
        The criterion.
    factor : FactorMap
        Takes theta to lam.
    beta, theta : ndarray (P,), (m_theta,)
        Start.
    inverse_hessian : ndarray (m, m)
        Start of the inverse Hessian of minus the criterion.
    max_steps : int
        Greatest number of steps.
    tolerance : float
        Predicted gain at which the search ends.

    Returns
    -------
    SearchResult
        Without the number of passes over the density, which is the caller's to know.
    """
    count = len(beta)
    caps = np.concatenate([np.full(count, _CAP_BETA), np.full(len(theta), _CAP_THETA)])
    clipped = False

    def objective(x: FloatArray) -> tuple[float, FloatArray]:
        nonlocal clipped
        at, gradient = gradient_at(evaluate, factor, x, count, 1e-10)
        clipped = at.clipped
        return at.value, gradient

    start = np.concatenate([beta, theta])
    end = maximize(
        objective, start, inverse_hessian, caps, max_steps=max_steps, tolerance=tolerance
    )
    status: Literal["converged", "line_search", "max_steps", "no_mode"] = (
        "no_mode" if end.status == "running" else end.status
    )
    return SearchResult(
        status=status,
        beta=end.x[:count],
        theta=end.x[count:],
        value=end.value,
        gradient=end.gradient,
        inverse_hessian=end.inverse_hessian,
        decrement=end.decrement,
        steps=end.steps,
        evaluations=end.evaluations,
        passes=0,
        clipped=clipped,
        sigma2=np.nan,
    )


def information(
    evaluate: Evaluate,
    factor: FactorMap,
    beta: FloatArray,
    theta: FloatArray,
    scale: FloatArray,
) -> FloatArray:
    """Observed information (m, m) by central differences of the gradient.

    Parameters
    ----------
    evaluate : callable
        The criterion.
    factor : FactorMap
        Takes theta to lam.
    beta, theta : ndarray (P,), (m_theta,)
        Where.
    scale : ndarray (m,)
        Steps are 1e-3 of this.
    """
    x, count = np.concatenate([beta, theta]), len(beta)
    out = np.empty((len(x), len(x)))
    for j, step in enumerate(1e-3 * np.asarray(scale, dtype=np.float64)):
        ends = []
        for side in (step, -step):
            moved = x.copy()
            moved[j] += side
            ends.append(gradient_at(evaluate, factor, moved, count, 1e-14)[1])
        out[j] = (ends[1] - ends[0]) / (2.0 * step)
    gradient_at(evaluate, factor, x, count, 1e-14)
    found: FloatArray = 0.5 * (out + out.T)
    return found
