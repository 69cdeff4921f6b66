r"""Mills' ratio of the standard normal distribution, in logarithms and with derivatives.

.. math:: M(t) = \frac{\Phi(-t)}{\varphi(t)}, \qquad
   -(\log M)' = G(t) = 1/M(t) - t, \qquad G' = hG - 1, \quad h = t + G.

Far to the right G is Laplace's continued fraction (DLMF 7.9.3), :math:`G = g_1 = 1/(t + g_2)`,
:math:`g_k = k/(t + g_{k+1})`.
"""

from __future__ import annotations

import math

import numpy as np

from ilk.num import jets
from ilk.num.jets import NumberT
from ilk.num.stable import LOG_2PI, Derivatives, log_ndtr_derivatives, special
from ilk.typing import FloatArray

__all__ = ["log_mills", "log_mills_drop"]

_TAIL_FROM = 4.5
_TAIL_TERMS = 90
_FAR = 100.0
"""From here on the fourth derivative is its asymptotic series."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(10)


def log_mills(t: NumberT) -> NumberT:
    """Logarithm of Mills' ratio.

    Parameters
    ----------
    t : jet or ndarray (n,)
        Argument.
    """
    return jets.apply(t, _log_mills_derivatives)


def log_mills_drop(t: NumberT, length: NumberT) -> NumberT:
    """Difference log M(t) - log M(t + length), without cancellation.

    Short ways are the integral of G over them, by Gauss's rule.

    Parameters
    ----------
    t : jet or ndarray (n,)
        Beginning.
    length : jet or ndarray (n,)
        Positive length.
    """
    long = log_mills(t) - log_mills(t + length)
    short = jets.value(length) < np.maximum(1.0, 0.5 * jets.value(t))
    if not np.any(short):
        return long
    total = jets.apply(t + length * (0.5 * (1.0 + _NODES[0])), _slope) * (0.5 * _WEIGHTS[0])
    for node, weight in zip(_NODES[1:], _WEIGHTS[1:], strict=True):
        total = total + jets.apply(t + length * (0.5 * (1.0 + node)), _slope) * (0.5 * weight)
    near: NumberT = length * total
    return jets.where(short, near, long)


def _log_mills_derivatives(t: FloatArray, order: int) -> Derivatives:
    near = special().log_ndtr(-t) + 0.5 * (t * t + LOG_2PI)
    far = np.log(math.sqrt(0.5 * math.pi) * special().erfcx(np.maximum(t, 0.0) / math.sqrt(2.0)))
    value = np.where(t > 0.0, far, near)
    slope = _slope(t, max(order - 1, 0))
    return (value, *(-x for x in slope))[: order + 1]


def _slope(t: FloatArray, order: int) -> Derivatives:
    """G and its derivatives to third order."""
    h = math.sqrt(2.0 / math.pi) / special().erfcx(t / math.sqrt(2.0))
    g, bend = h - t, log_ndtr_derivatives(-t, 3)[3]
    first = h * g - 1.0
    tail = t > _TAIL_FROM
    if np.any(tail):
        x = np.minimum(np.where(tail, t, _TAIL_FROM), 1e100)
        parts = [np.zeros_like(x)] * 2
        for k in range(_TAIL_TERMS, 0, -1):
            parts = [k / (x + parts[0]), parts[0]]
        g = np.where(tail, parts[0], g)
        first = np.where(tail, -parts[0] * (parts[1] - parts[0]), first)
        h = np.where(tail, x + parts[0], h)
    third = h * g * (g * g + 3.0 * first) + h * bend
    r = 1.0 / np.maximum(t, _FAR)
    q = r * r
    series = q * q * (-6.0 + q * (120.0 + q * (-2100.0 + q * (37296.0 - 698940.0 * q))))
    return (g, first, bend, np.where(t > _FAR, series, third))[: order + 1]
