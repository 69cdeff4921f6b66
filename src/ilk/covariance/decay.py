r"""How correlations fall with distance: exponential, Gaussian, Matern.

With distance d, range :math:`\kappa` and :math:`x = d / \kappa`,

.. math:: \text{exp: } e^{-x}, \qquad \text{gau: } e^{-x^2}, \qquad
   \text{matern: } \frac{2^{1-\nu}}{\Gamma(\nu)}\, x^\nu K_\nu(x)

(Stein 1999, Interpolation of Spatial Data, section 2.7).  The Matern correlation with smoothness
:math:`\nu = 1/2` is the exponential one; its process is differentiable :math:`\lceil\nu\rceil - 1`
times.  All derivatives are in the logarithms of the parameters.
"""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

import numpy as np

from ilk.num.differences import jacobian
from ilk.num.stable import special
from ilk.typing import FloatArray

__all__ = ["DECAYS", "Decay", "decay", "practical_range"]

Decay: TypeAlias = Literal["exp", "gau", "matern"]
"""Names of the correlation functions."""

DECAYS: tuple[Decay, ...] = ("exp", "gau", "matern")

_ROUGHEST, _SMOOTHEST = math.log(1e-3), math.log(60.0)
"""Logarithms of smoothness beyond which the Matern correlation is taken there."""


def decay(
    kind: Decay,
    distance: FloatArray,
    log_range: float,
    log_nu: float | None = None,
    *,
    known_nu: bool = False,
) -> tuple[FloatArray, FloatArray]:
    """Correlations at distances.

    Parameters
    ----------
    kind : {"exp", "gau", "matern"}
        Correlation function.
    distance : ndarray
        Distances, not negative.
    log_range : float
        Logarithm of the range, in the unit of the distances.
    log_nu : float, optional
        Logarithm of the smoothness, for ``"matern"``.
    known_nu : bool
        Whether the smoothness is no parameter, so that no derivative in it is wanted.

    Returns
    -------
    correlation : ndarray, of the shape of ``distance``
    slope : ndarray (..., k)
        Derivative in the log range and, for ``"matern"``, in the log smoothness unless it
        is known.

    Examples
    --------
    >>> value, slope = decay("exp", np.array([0.0, 1.0]), 0.0)
    >>> value.round(4).tolist(), slope[:, 0].round(4).tolist()
    ([1.0, 0.3679], [0.0, 0.3679])
    """
    x = np.asarray(distance * math.exp(-min(max(log_range, -300.0), 300.0)))
    if kind == "exp":
        value = np.exp(-x)
        return value, (x * value)[..., None]
    if kind == "gau":
        value = np.exp(-x * x)
        return value, (2.0 * x * x * value)[..., None]
    if log_nu is None:
        raise TypeError("a Matern correlation needs log_nu")
    within = min(max(log_nu, _ROUGHEST), _SMOOTHEST)
    nu = round(math.exp(within), 14)  # 3/2, not 3/2 and an error of rounding
    value, by_range = _matern(x, nu), _matern_by_range(x, nu)
    if known_nu:
        return value, by_range[..., None]
    by_nu = jacobian(lambda log: _matern(x, math.exp(float(log[0]))), np.array([within]), 1e-3)
    if within != log_nu:
        by_nu = np.zeros_like(by_nu)
    return value, np.concatenate([by_range[..., None], by_nu], axis=-1)


def _matern(x: FloatArray, nu: float) -> FloatArray:
    if nu == 0.5:
        return np.exp(-x)
    if nu == 1.5:
        return np.asarray((1.0 + x) * np.exp(-x))
    if nu == 2.5:
        return np.asarray((1.0 + x + x * x / 3.0) * np.exp(-x))
    logs = _log_matern(np.where(x > 0.0, x, 1.0), nu, nu)
    return np.where((x > 0.0) & np.isfinite(logs), np.exp(np.minimum(logs, 0.0)), 1.0)


def _matern_by_range(x: FloatArray, nu: float) -> FloatArray:
    """Derivative in the log range: d/dx x^nu K_nu(x) = -x^nu K_(nu - 1)(x)."""
    if nu == 0.5:
        return np.asarray(x * np.exp(-x))
    if nu == 1.5:
        return np.asarray(x * x * np.exp(-x))
    if nu == 2.5:
        return np.asarray(x * x * (1.0 + x) / 3.0 * np.exp(-x))
    safe = np.where(x > 0.0, x, 1.0)
    logs = _log_matern(safe, nu, nu - 1.0) + np.log(safe)
    return np.where((x > 0.0) & np.isfinite(logs), np.exp(np.minimum(logs, 0.0)), 0.0)


def _log_matern(x: FloatArray, nu: float, order: float) -> FloatArray:
    """Logarithm of 2^(1 - nu) / Gamma(nu) x^nu K_order(x) at x > 0; infinite where K overflows."""
    return np.asarray(
        (1.0 - nu) * math.log(2.0)
        - math.lgamma(nu)
        + nu * np.log(x)
        + np.log(special().kve(order, x))
        - x
    )


def practical_range(kind: Decay, log_range: float, log_nu: float | None = None) -> float:
    """Distance at which the correlation has fallen to 0.05.

    Parameters
    ----------
    kind, log_range, log_nu
        As in `decay`.

    Examples
    --------
    >>> round(practical_range("exp", 0.0), 4)
    2.9957
    """
    low, high = math.exp(log_range) * 1e-3, math.exp(log_range) * 1e3
    for _ in range(100):
        middle = math.sqrt(low * high)
        above = decay(kind, np.array([middle]), log_range, log_nu)[0][0] > 0.05
        low, high = (middle, high) if above else (low, middle)
    return low
