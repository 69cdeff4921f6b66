r"""Logarithms of the incomplete gamma ratios, with exact derivatives, far into both tails.

With the shape k, :math:`x = k e^d` and the remainder S of Stirling's formula (DLMF 8.2.1, 8.2.2),

.. math:: \log Q(k, x) = -k(e^d - 1 - d) + \tfrac12\log k - \tfrac12\log 2\pi - S(k)
   + \log \int_0^\infty e^{E(s)}\,ds, \qquad E(s) = ks - x(e^s - 1),

and the same for P with s < 0.  The smaller of the two is integrated, by Gauss's rule on two pieces,
the other is one minus it.  Derivatives of the logarithm of the integral are cumulants of those of
E: nothing is found by differences.
"""

from __future__ import annotations

import numpy as np

from ilk.num import jets
from ilk.num.chain import chain
from ilk.num.jets import Jet, NumberT
from ilk.num.stable import LOG_2PI, special
from ilk.typing import BoolArray, FloatArray

__all__ = ["log_lower", "log_upper"]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(40)
_DROP = 42.0
"""Logarithm of how much the integrand falls until it is left."""

_CHUNK = 4096
_TINY = 1e-300


def log_upper(d: NumberT, log_shape: NumberT) -> NumberT:
    """Logarithm of Q(k, k exp(d)).

    Parameters
    ----------
    d : jet or ndarray (n,)
        Logarithm of x / k.
    log_shape : jet or ndarray (n,)
        Logarithm of k.
    """
    small, is_upper = _smaller(d, log_shape)
    return jets.where(is_upper, small, jets.log1mexp(-small))


def log_lower(d: NumberT, log_shape: NumberT) -> NumberT:
    """Logarithm of P(k, k exp(d)); see :func:`log_upper`."""
    small, is_upper = _smaller(d, log_shape)
    return jets.where(is_upper, jets.log1mexp(-small), small)


def _smaller(d: NumberT, log_shape: NumberT) -> tuple[NumberT, BoolArray]:
    """Logarithm of the smaller ratio, and whether it is the upper one."""
    at, log_k = np.broadcast_arrays(jets.value(d), jets.value(log_shape))
    k = np.exp(log_k)
    is_upper = (at > 0.0) | (special().gammaincc(k, k * np.exp(np.minimum(at, 0.0))) < 0.5)
    moving: object = d
    order = moving.order if isinstance(moving, Jet) else 0
    with np.errstate(all="ignore"):
        parts = [
            _integral(at[i : i + _CHUNK], k[i : i + _CHUNK], is_upper[i : i + _CHUNK], order)
            for i in range(0, max(len(at), 1), _CHUNK)
        ]
    fields = [np.concatenate(x, axis=-1) for x in zip(*parts, strict=True)]
    outer = Jet(fields[0], fields[1], fields[2], fields[3], order)
    shape = jets.exp(log_shape)
    rest = -shape * (jets.expm1(d) - d) + 0.5 * (log_shape - LOG_2PI)
    rest = rest - jets.stirling_remainder(shape)
    if isinstance(moving, Jet):
        return rest + chain(outer, [d, log_shape]), is_upper  # type: ignore[return-value]
    return rest + outer.value, is_upper


def _integral(
    d: FloatArray, k: FloatArray, is_upper: BoolArray, order: int
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Logarithm of the integral and its derivatives in d and log k."""
    x, sign = k * np.exp(d), np.where(is_upper, 1.0, -1.0)
    split, end = _limits(d, k, x, is_upper)
    half = 0.5 * np.stack([split, end - split])
    s = half[:, None] * (1.0 + _NODES[:, None]) + np.stack([0.0 * split, split])[:, None]
    t = np.expm1(sign * s)
    p = -x * t
    near = -k * (np.expm1(d) * t + _expm1_rest(sign * s, t))
    E = np.where(d < -0.5, k * sign * s + p, near)  # as exp(d) t - s, where nothing cancels
    top = np.max(E, axis=(0, 1))
    mass = half[:, None] * _WEIGHTS[:, None] * np.exp(E - top)
    total = np.sum(mass, axis=(0, 1))
    mass /= total

    def mean(z: FloatArray) -> FloatArray:
        return np.asarray(np.sum(mass * z, axis=(0, 1)))

    n, none = len(d), np.zeros((0, len(d)))
    first, second, third = none, none, none
    mp, mE = mean(p), mean(E)
    a, b = p - mp, E - mE
    if order >= 1:
        first = np.stack([mp, mE])  # E in log k: E, E, E; in d: p, p, p; in both: p
    if order >= 2:
        aa, ab, bb = mean(a * a), mean(a * b), mean(b * b)
        second = np.stack([mp + aa, mp + ab, mE + bb])
    if order >= 3:
        aaa, aab, abb, bbb = mean(a**3), mean(a * a * b), mean(a * b * b), mean(b**3)
        third = np.stack(
            [
                mp + 3.0 * aa + aaa,
                mp + ab + 2.0 * aa + aab,
                mp + 3.0 * ab + abb,
                mE + 3.0 * bb + bbb,
            ]
        )
    return np.log(total) + top, first.reshape(-1, n), second.reshape(-1, n), third.reshape(-1, n)


def _expm1_rest(s: FloatArray, t: FloatArray) -> FloatArray:
    """exp(s) - 1 - s, where t = exp(s) - 1."""
    r = s * (1.0 + s / 5.0 * (1.0 + s / 6.0 * (1.0 + s / 7.0)))
    series = 0.5 * s * s * (1.0 + s / 3.0 * (1.0 + 0.25 * r))
    return np.where(np.abs(s) < 0.01, series, t - s)


def _limits(
    d: FloatArray, k: FloatArray, x: FloatArray, is_upper: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """Where the pieces meet, and where the integrand is as good as nothing.

    Above, the integrand falls off at -log x if the shape is small; below, it is exponential from
    where exp(-s) is as good as nothing.
    """
    slope = k * np.expm1(d)
    # of exp(s) - 1 - s >= s^2 / 2, then of E = -drop for the rest
    above = 2.0 * _DROP / np.maximum(slope + np.sqrt(slope * slope + 2.0 * x * _DROP), _TINY)
    above = np.minimum(above, np.maximum(-np.log(x), 0.0) + np.log1p(k) + 10.0)
    for _ in range(8):
        above = np.log1p((_DROP + k * above) / x)
    # of s - 1 + exp(-s) >= 0, >= s^2 / 3 for s < 1, and of exp(-s) >= 0
    curved = np.where(x >= 3.0 * _DROP, np.sqrt(3.0 * _DROP / x), np.inf)
    below = np.minimum(np.minimum(_DROP / np.maximum(-slope, _TINY), (_DROP + x) / k), curved)
    end = np.where(is_upper, above, below)
    edge = np.where(is_upper, -np.log(x), 36.0)
    split = np.where(edge > 0.0, np.minimum(edge, end), end / 3.0)
    return np.where(split < end, split, end / 3.0), end
