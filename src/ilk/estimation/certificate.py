r"""Whether the end of a search is an optimum: exact gradient and curvature, in standard errors.

With g the gradient and J the observed information where the search ended, Newton's next step would
be :math:`J^{-1} g`, would gain :math:`\tfrac12 g'J^{-1} g` in log-likelihood, and would move the
estimate of parameter j by :math:`|(J^{-1} g)_j| / \sqrt{(J^{-1})_{jj}}` standard errors.  These
numbers do not depend on units, as the size of a gradient does.  A direction in which J has no
curvature, and along which the likelihood is level a long way, is one that the data do not
determine.

Parameters that have run to a limit that the verdict knows of (separated coefficients, a dispersion
or inflation of zero) are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.fitted import Certificate

if TYPE_CHECKING:
    from ilk.kernels.contract import SearchResult
    from ilk.likelihood.base import AbstractMarginal
    from ilk.typing import BoolArray, FloatArray

__all__ = ["certify"]

_SMALL = 1e-2
"""Curvature, as a share of the largest, below which it is measured again."""

_FLAT = 1e-5
"""Curvature, as a share of the largest, below which there is none."""

_STEP = 0.1
"""Step to measure a curvature with, in parameters scaled to unit curvature each."""

_RISES = 1e-6
"""Rise of the log-likelihood on both sides from which a point is no maximum."""

_PART = 0.3
"""Weight, of a direction of unit length, from which a parameter is named."""


@dataclass(frozen=True, slots=True)
class _Curvature:
    """Information scaled to unit diagonal, of the parameters that are looked at."""

    chosen: BoolArray
    scale: FloatArray
    values: FloatArray
    vectors: FloatArray

    def whole(self, direction: FloatArray) -> FloatArray:
        """A direction of all parameters from one of the scaled chosen ones."""
        out = np.zeros(len(self.chosen))
        out[self.chosen] = direction * self.scale
        return out


def certify(
    marginal: AbstractMarginal,
    result: SearchResult,
    information: FloatArray,
    left_out: BoolArray,
    lost: FloatArray | None = None,
) -> Certificate | None:
    """Judge a point by its gradient and curvature.

    Parameters
    ----------
    marginal : AbstractMarginal
        The criterion.
    result : SearchResult
        The point.
    information : (m, m) array
        Observed information there, in the parameters that the search moves.
    left_out : (m,) array of bool
        Parameters known to be at a limit.
    lost : (P, k) array, optional
        Orthonormal directions of the coefficients that have no maximum.

    Returns
    -------
    Certificate or None
        None if there is no parameter to look at, or no derivative.
    """
    gradient = marginal.gradient(result)
    curvature = _curvature(information, gradient, left_out, lost)
    if curvature is None:
        return None
    names = _names(marginal)
    top = float(curvature.values[-1])
    level, saddle = _level(marginal, result, curvature)
    solid = curvature.values > _SMALL * _FLAT * top
    vectors, values = curvature.vectors[:, solid], curvature.values[solid]
    inner = vectors.T @ (gradient[curvature.chosen] * curvature.scale)
    step = vectors @ (inner / values)
    error = np.sqrt(np.sum(vectors**2 / values, axis=1))
    shift = np.abs(step) / np.where(error > 0.0, error, 1.0)
    worst = int(np.argmax(shift))
    chosen = np.flatnonzero(curvature.chosen)
    return Certificate(
        gain=0.5 * float(np.sum(inner**2 / values)),
        shift=float(shift[worst]),
        parameter=names[chosen[worst]],
        curvature=float(curvature.values[0]) / top,
        level=tuple(_named(direction, names) for direction in level),
        rising=tuple(_named(direction, names) for direction in saddle),
    )


def _curvature(
    information: FloatArray,
    gradient: FloatArray,
    left_out: BoolArray,
    lost: FloatArray | None,
) -> _Curvature | None:
    symmetric = 0.5 * (information + information.T)
    if lost is not None:
        whole = np.zeros((len(symmetric), lost.shape[1]))
        whole[: len(lost)] = lost
        left_out = left_out | np.any(np.abs(whole) > 1e-3, axis=1)
    chosen = (
        ~left_out & np.isfinite(gradient) & np.all(np.isfinite(symmetric[:, ~left_out]), axis=1)
    )
    size = np.diagonal(symmetric)
    if not chosen.any() or float(size[chosen].max()) <= 0.0:
        return None
    least = 1e-12 * float(size[chosen].max())
    scale = 1.0 / np.sqrt(np.maximum(np.abs(size[chosen]), least))
    inner = symmetric[np.ix_(chosen, chosen)] * np.outer(scale, scale)
    values, vectors = np.linalg.eigh(inner)
    return _Curvature(chosen, scale, values, vectors)


def _level(
    marginal: AbstractMarginal, result: SearchResult, curvature: _Curvature
) -> tuple[list[FloatArray], list[FloatArray]]:
    """Directions along which the likelihood has no curvature, or rises on either side.

    The information comes from differences, so that small curvatures are noise.  They are measured
    again, from the likelihood itself at two distances: ``-a s^2 - b s^4`` has a = 0 where
    parameters can be exchanged for each other along a curve that only touches the direction.
    """
    level, rising = [], []
    for value, vector in zip(curvature.values, curvature.vectors.T, strict=True):
        if value > _SMALL * curvature.values[-1]:
            break
        direction = curvature.whole(vector)
        near, far = (_change(marginal, result, s * direction) for s in (_STEP, 2.0 * _STEP))
        second = (far - 16.0 * near) / (12.0 * _STEP**2)
        if near > _RISES and second < 0.0:
            rising.append(direction)
        elif abs(second) < _FLAT * curvature.values[-1]:
            level.append(direction)
    return level, rising


def _change(marginal: AbstractMarginal, result: SearchResult, step: FloatArray) -> float:
    """Mean change of the log-likelihood over a step to either side."""
    P = len(step) - len(result.theta)
    values = [
        marginal.at_point(
            result.beta + side * step[:P] if P else result.beta, result.theta + side * step[P:]
        ).value
        for side in (-1.0, 1.0)
    ]
    return 0.5 * sum(values) - result.value


def _named(direction: FloatArray, names: list[str]) -> tuple[str, ...]:
    share = np.abs(direction) / np.abs(direction).max()
    return tuple(dict.fromkeys(names[j] for j in np.flatnonzero(share > _PART)))


def _names(marginal: AbstractMarginal) -> list[str]:
    """Parameters that the search moves, in the user's words."""
    model = marginal.model
    mean = [name if part == "mean" else f"{name} ({part})" for part, name in model.names]
    coefficients = [] if model.linear else mean
    thetas = [
        f"({term.label})"
        for term, covariance in zip(model.design.terms, model.covariances, strict=True)
        for _ in range(covariance.size(len(term.column_names)))
    ]
    return coefficients + thetas
