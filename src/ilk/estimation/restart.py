r"""Where to search again when one search is not to be trusted.

Three situations call for it.  The search ended badly.  The density is not log-concave in its
predictors (zero inflation, inverse Gaussian), so that the modes of the random effects and the
optimum itself may be several.  Or an unstructured factor is singular: where
:math:`\Lambda_{jj} = 0` the likelihood is stationary in column j by its evenness alone whenever
that column vanishes, although a later column carries variance that a nonzero :math:`\Lambda_{jj}`
could share.  An equivalent factor with that column's content turned into column j,
:math:`\Lambda \to \Lambda R` with R a rotation, is no longer stationary if it is a saddle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.covariance.unstructured import Unstructured
from ilk.estimation.breakdown import log_concave
from ilk.num.triangular import diagonal_positions, lower_indices

if TYPE_CHECKING:
    from ilk.kernels.contract import SearchResult
    from ilk.likelihood.base import AbstractMarginal
    from ilk.typing import FloatArray

_VANISHED = 0.1
"""A diagonal element below this share of what follows it has (nearly) vanished."""


def elsewhere(theta: FloatArray) -> list[FloatArray]:
    """Starts with smaller and with larger covariance parameters.

    Parameters
    ----------
    theta : (m_theta,) array
        Where a search ended.
    """
    sound = np.where(np.isfinite(theta), theta, 0.5)
    return [0.4 * sound + 0.05, np.clip(1.7 * sound + 0.1, -3.0, 3.0)]


def second_looks(marginal: AbstractMarginal, result: SearchResult) -> list[FloatArray]:
    """Starts from which a search that ended at an optimum should be repeated; mostly none.

    Parameters
    ----------
    marginal : AbstractMarginal
        The criterion.
    result : SearchResult
        Where the first search ended.

    Returns
    -------
    list of (m_theta,) arrays
    """
    if not len(result.theta):
        return []
    looks = _turned(marginal, result.theta) + other_ranges(marginal, result.theta)
    if result.clipped or not log_concave(marginal):
        looks += elsewhere(result.theta)
    return looks


def _turned(marginal: AbstractMarginal, theta: FloatArray) -> list[FloatArray]:
    """Equivalent covariance parameters off the saddle, with either sign; none if not singular."""
    plus, minus = theta.copy(), theta.copy()
    found = False
    model = marginal.model
    for covariance, term, here in zip(
        model.covariances, model.design.terms, model.theta_slices, strict=True
    ):
        if not isinstance(covariance, Unstructured) or term.width == 1:
            continue
        elements = np.abs(theta[here])
        diagonal = elements[diagonal_positions(term.width)].tolist()
        if min(diagonal[:-1]) > _VANISHED * max(elements.tolist()):
            continue
        rows, columns = lower_indices(term.width)
        factor = np.zeros((term.width, term.width))
        factor[rows, columns] = theta[here]
        for out, sign in ((plus, 1.0), (minus, -1.0)):
            turned = turn_columns(factor, sign)
            if turned is not None:
                out[here] = turned[rows, columns]
                found = True
    return [plus, minus] if found else []


def other_ranges(marginal: AbstractMarginal, theta: FloatArray) -> list[FloatArray]:
    """Starts with a short and a middling range; none if ranges are among the distances of the data.

    A likelihood may have an optimum at a short range and another, where effects drift, at none.

    Parameters
    ----------
    marginal : AbstractMarginal
        The criterion.
    theta : (m_theta,) array
        Where a search ended.

    Returns
    -------
    list of (m_theta,) arrays
    """
    short, middle = theta.copy(), theta.copy()
    found = False
    model = marginal.model
    for covariance, term, here in zip(
        model.covariances, model.design.terms, model.theta_slices, strict=True
    ):
        q, own = len(term.column_names), theta[here]
        known = covariance.reported(term.column_names).parameters
        for k, one in enumerate(known):
            value = float(covariance.natural(own, q)[k])
            inside = one.shortest < value < one.longest
            vanished = np.abs(covariance.factor(own, q)[0]).max() < _VANISHED
            if one.kind != "range" or not one.shortest < one.longest or (inside and not vanished):
                continue
            first = here.stop - len(known)
            place = first + k  # a range is its logarithm, whatever the unit
            for out, target in (
                (short, one.shortest ** (2 / 3) * one.longest ** (1 / 3)),
                (middle, one.longest / 4.0),
            ):
                out[here.start : first] = covariance.start(q)[: first - here.start]
                out[place] += np.log(target / value)
            found = True
    return [short, middle] if found else []


def turn_columns(factor: FloatArray, sign: float) -> FloatArray | None:
    """Turn the largest later column into each column whose diagonal element has vanished.

    Parameters
    ----------
    factor : (q, q) array
        Lower-triangular factor.
    sign : float
        1 or -1: sign of the turned columns, on which side of zero the search starts.

    Returns
    -------
    (q, q) array or None
        A lower-triangular factor of (nearly) the same matrix; None if no diagonal has vanished.
    """
    L = factor.copy()
    q, moved = len(L), False
    for j in range(q - 1):
        later = L[j + 1 :, j + 1 :]
        if np.abs(later).max() < 1e-3 or abs(L[j, j]) > _VANISHED * np.abs(later).max():
            continue
        k = j + 1 + int(np.argmax(np.sum(later**2, axis=0)))
        length = np.hypot(L[k, j], L[k, k])
        cosine, sine = L[k, j] / length, L[k, k] / length
        L[:, j], L[:, k] = (
            sign * (cosine * L[:, j] + sine * L[:, k]),
            cosine * L[:, k] - sine * L[:, j],
        )
        L[j, k] = 0.0
        least = 1e-3 * np.abs(L[j + 1 :, j]).max()
        if abs(L[j, j]) < least:
            L[j, j] = sign * least
        moved = True
    return np.tril(L) if moved else None
