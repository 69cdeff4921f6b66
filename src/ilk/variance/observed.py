r"""Variances on the scale of the response: between clusters, and all, by quadrature.

With S a set of random terms, :math:`v_S = \sum_{t \in S} z_t' G_t z_t` and v that of all terms, the
covariance of two responses of rows that share the levels of S, and no others, and have the same
covariates is

.. math:: C_S = \operatorname{Var} E(Y \mid b_S)
              = E\left[ M(\eta + \sqrt{v_S}\, x,\; v - v_S)^2 \right] - M(\eta, v)^2,
          \qquad x \sim N(0, 1),

with :math:`M(\eta, v)` the mean over normal random parts of variance v (`prediction.population`).
The outer integral is a trapezoidal sum, which converges exponentially.  The variance of a response
is :math:`E\,V(\eta + \sqrt v\, x) + C_{all}`; for a binary one it is :math:`M (1 - M)` exactly.
Browne, Subramanian, Jones and Goldstein (2005) simulate the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.errors import FitError
from ilk.prediction.population import average

if TYPE_CHECKING:
    from ilk.family.base import AbstractFamily
    from ilk.typing import FloatArray

__all__ = ["ResponseVariances", "response_variances"]

_REACH = 7.5
_STEP = 0.25
_TOLERANCE = 1e-9
_CELLS = 1 << 20


@dataclass(frozen=True, slots=True)
class ResponseVariances:
    """Variances of a response in each row, covariates held.

    Parameters
    ----------
    mean : (n,) array
        Mean over the population of clusters.
    shared : tuple of (n,) arrays
        Covariance of two responses that share a set of random terms, set by set.
    total : (n,) array
        Variance of a response.
    """

    mean: FloatArray
    shared: tuple[FloatArray, ...]
    total: FloatArray


def response_variances(
    family: AbstractFamily,
    eta: Sequence[FloatArray],
    variance: FloatArray,
    shared: Sequence[FloatArray],
) -> ResponseVariances:
    """Compute the variances of responses whose mean has a normal random part.

    Parameters
    ----------
    family : AbstractFamily
        Distribution and link.
    eta : sequence of K (n,) arrays
        Linear predictors without random parts; only the mean's has one.
    variance : (n,) array
        Variance of all of its random part.
    shared : sequence of (n,) arrays
        Variances of the parts that two responses share.

    Returns
    -------
    ResponseVariances

    Examples
    --------
    Two counts of the same cluster, with a log link and v = 0.5:

    >>> import numpy as np
    >>> from ilk.family import make_family
    >>> v = np.array([0.5])
    >>> found = response_variances(make_family("poisson"), [np.zeros(1)], v, [v])
    >>> float((found.shared[0] / found.total).round(6)[0])
    0.454439
    """
    mean = _average(family.mean, eta, variance)
    within = _average(lambda e: family.variance(e, None), eta, variance)
    between = _second_moment(family, eta, variance, variance) - mean**2
    covariances = tuple(
        np.maximum(
            between
            if np.array_equal(part, variance)
            else _second_moment(family, eta, variance, part) - mean**2,
            0.0,
        )
        for part in shared
    )
    return ResponseVariances(mean, covariances, within + np.maximum(between, 0.0))


def _second_moment(
    family: AbstractFamily, eta: Sequence[FloatArray], variance: FloatArray, part: FloatArray
) -> FloatArray:
    """(n,) mean of the squared mean given the shared random part."""
    deviation = np.sqrt(np.maximum(part, 0.0))
    top = float(deviation.max(initial=0.0))
    if top == 0.0:
        return _average(family.mean, eta, variance) ** 2
    step = _STEP / max(1.0, top)
    half = math.ceil((_REACH + 2.0 * top) / step)
    nodes = step * np.arange(-half, half + 1)
    weights = np.exp(-0.5 * nodes**2)
    weights /= weights.sum()
    out = np.empty_like(variance)
    for rows in np.array_split(np.arange(len(out)), -(-len(out) * len(nodes) // _CELLS)):
        shape = (len(rows), len(nodes))
        moved = eta[0][rows, None] + deviation[rows, None] * nodes
        others = [np.broadcast_to(e[rows, None], shape).ravel() for e in eta[1:]]
        left = np.maximum(variance[rows] - part[rows], 0.0)
        rest = np.broadcast_to(left[:, None], shape).ravel()
        values = _average(family.mean, [moved.ravel(), *others], rest)
        out[rows] = (values.reshape(shape) ** 2) @ weights
    return out


def _average(function: Any, eta: Sequence[FloatArray], variance: FloatArray) -> FloatArray:
    """(n,) average of a function over the random part of the first predictor."""
    zero = [np.zeros_like(variance) for _ in eta[1:]]
    try:
        return average(function, list(eta), [variance, *zero], tolerance=_TOLERANCE).value
    except FitError:
        raise FitError(
            "The variances of the response could not be computed: their integrals do not settle, "
            f"with random effects of a standard deviation of {np.sqrt(variance.max()):.3g}. Ask "
            "for scale='latent'.",
            code="population-mean",
        ) from None
