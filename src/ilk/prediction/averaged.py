"""Averages with their derivatives, and the derivatives of what is averaged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from ilk.num import jets
from ilk.typing import FloatArray

__all__ = ["Averaged", "MeanFunction", "differentiate"]

MeanFunction: TypeAlias = Callable[[Sequence[Any]], Any]
"""Takes K arrays (or jets) of one shape to the mean of the response, element by element."""

_STEP = 4e-3  # of the five-point stencil: truncation and rounding are both near 1e-11


@dataclass(frozen=True, slots=True)
class Averaged:
    """Averages and their derivatives.

    Parameters
    ----------
    value : (n,) array
        M(eta, v) of each row.
    by_eta : tuple of (n,) arrays
        Derivative in each linear predictor; empty if not asked for.
    by_variance : tuple of (n,) arrays
        Derivative in the variance of each predictor's random part; empty if not asked for.
    by_covariance : mapping of (int, int) to (n,) arrays
        Derivative in the covariance of two predictors' random parts, where they have one.
    """

    value: FloatArray
    by_eta: tuple[FloatArray, ...] = ()
    by_variance: tuple[FloatArray, ...] = ()
    by_covariance: Mapping[tuple[int, int], FloatArray] = field(default_factory=dict)


def differentiate(
    mean: MeanFunction, arguments: Sequence[FloatArray], used: Sequence[int]
) -> tuple[FloatArray, list[FloatArray], list[FloatArray]]:
    """Evaluate a mean (n,) with its first and second derivative in some of its arguments.

    Derivatives come from jets; a mean that takes arrays only is differentiated by a stencil.

    Parameters
    ----------
    mean : callable
        The mean.
    arguments : sequence of K (n,) arrays
        Where.
    used : sequence of int
        Arguments to differentiate in.

    Returns
    -------
    value : (n,) array
    first, second : lists of (n,) arrays
        One for each argument in `used`.
    """
    if not used:
        return np.asarray(mean(arguments), dtype=np.float64), [], []
    variables = dict(zip(used, jets.variables([arguments[k] for k in used], 2), strict=True))
    try:
        jet = mean([variables.get(k, argument) for k, argument in enumerate(arguments)])
    except TypeError:  # written for arrays only
        jet = None
    if isinstance(jet, jets.Jet):
        second = [jet.second[jets.pair(i, i)] for i in range(len(used))]
        return jet.value, list(jet.first), second
    return _stencil(mean, arguments, used)


def _stencil(
    mean: MeanFunction, arguments: Sequence[FloatArray], used: Sequence[int]
) -> tuple[FloatArray, list[FloatArray], list[FloatArray]]:
    """Values and derivatives by the five-point stencil."""
    center, h = np.asarray(mean(arguments), dtype=np.float64), _STEP

    def moved(k: int, step: float) -> FloatArray:
        shifted = [a + step if j == k else a for j, a in enumerate(arguments)]
        return np.asarray(mean(shifted), dtype=np.float64)

    first, second = [], []
    for k in used:
        a, b, c, d = (moved(k, step) for step in (-h, h, -2.0 * h, 2.0 * h))
        first.append((8.0 * (b - a) - (d - c)) / (12.0 * h))
        second.append((16.0 * (a + b) - (c + d) - 30.0 * center) / (12.0 * h * h))
    return center, first, second
