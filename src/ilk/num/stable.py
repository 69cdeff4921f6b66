"""Special functions without cancellation or overflow, with their derivatives.

A function that ends in ``_derivatives`` takes ``x (n,)`` and an order 0..3 and returns the value
and the first ``order`` derivatives; :mod:`ilk.num.jets` composes them.  The special functions
of SciPy are loaded at the first call, so that importing the package does not load SciPy.
"""

from __future__ import annotations

import functools
import importlib
import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from ilk.typing import FloatArray

Derivatives: TypeAlias = tuple[FloatArray, ...]
"""Value and successive derivatives of a function of one variable."""

LOG_2PI = math.log(2.0 * math.pi)

# Coefficients B_2j / (2j (2j - 1)) of the Stirling series (DLMF 5.11.1); from x = 10 on the
# eight terms leave an error below 1e-17.
_STIRLING = (
    1.0 / 12.0,
    -1.0 / 360.0,
    1.0 / 1260.0,
    -1.0 / 1680.0,
    1.0 / 1188.0,
    -691.0 / 360360.0,
    1.0 / 156.0,
    -3617.0 / 122400.0,
)
_STIRLING_FROM = 10.0

_TAIL_BELOW = -4.5
_TAIL_TERMS = 90
"""Where the continued fraction of the normal tail is used, and how many terms give all digits."""


@functools.cache
def special() -> Any:
    """Return the module :mod:`scipy.special`, loaded at first use."""
    return importlib.import_module("scipy.special")


def sigmoid(x: FloatArray) -> FloatArray:
    """Logistic function 1 / (1 + exp(-x)), exact in both tails."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0.0, 1.0, small) / (1.0 + small)


def softplus(x: FloatArray) -> FloatArray:
    """Logarithm of 1 + exp(x)."""
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


def log1mexp(x: FloatArray) -> FloatArray:
    """Logarithm of 1 - exp(-x) for x > 0 (Maechler 2012, the switch is at log 2)."""
    with np.errstate(divide="ignore", invalid="ignore"):  # in the branch not chosen
        return np.where(x > math.log(2.0), np.log1p(-np.exp(-x)), np.log(-np.expm1(-x)))


def logsumexp(x: FloatArray, axis: int) -> FloatArray:
    """Logarithm of the sum of exp(x) along an axis."""
    top = np.max(x, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    total = np.sum(np.exp(x - top), axis=axis)
    return np.asarray(np.log(total) + np.squeeze(top, axis=axis))


def xlogy(x: FloatArray, y: FloatArray) -> FloatArray:
    """Return x log y, and 0 where x = 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(x == 0.0, 0.0, x * np.log(y))


def lgamma(x: FloatArray) -> FloatArray:
    """Logarithm of the gamma function for x > 0."""
    return np.asarray(special().gammaln(x))


def sigmoid_derivatives(x: FloatArray, order: int) -> Derivatives:
    """Logistic function: p, p q, p q (q - p), p q (1 - 6 p q)."""
    p, q = sigmoid(x), sigmoid(-x)
    pq = p * q
    return (p, pq, pq * (q - p), pq * (1.0 - 6.0 * pq))[: order + 1]


def softplus_derivatives(x: FloatArray, order: int) -> Derivatives:
    """log(1 + exp x), whose derivative is the logistic function."""
    return (softplus(x), *sigmoid_derivatives(x, 2))[: order + 1]


def log1mexp_derivatives(x: FloatArray, order: int) -> Derivatives:
    """log(1 - exp(-x)); with r = 1 / (exp(x) - 1), r' = -r (1 + r)."""
    r = 1.0 / np.expm1(x)
    slope = r * (1.0 + r)
    return (log1mexp(x), r, -slope, slope * (1.0 + 2.0 * r))[: order + 1]


def ndtr_derivatives(x: FloatArray, order: int) -> Derivatives:
    """Distribution function of the standard normal."""
    density = np.exp(-0.5 * (x * x + LOG_2PI))
    return (special().ndtr(x), density, -x * density, (x * x - 1.0) * density)[: order + 1]


def log_ndtr_derivatives(x: FloatArray, order: int) -> Derivatives:
    """Logarithm of the normal distribution function; m = density / distribution function.

    Far to the left m + x and what follows from it lose their digits; there Laplace's continued
    fraction is used (DLMF 7.9.3), g_1 = 1/(t + 2/(t + 3/...)), t = -x, m = t + g_1.
    """
    return _piecewise(_log_ndtr_direct, _log_ndtr_tail, x < _TAIL_BELOW, order, x)


def _log_ndtr_direct(x: FloatArray, order: int) -> Derivatives:
    m = math.sqrt(2.0 / math.pi) / special().erfcx(-x / math.sqrt(2.0))
    slope = -m * (x + m)
    bend = -slope * (x + m) - m * (1.0 + slope)
    return (np.asarray(special().log_ndtr(x)), m, slope, bend)[: order + 1]


def _log_ndtr_tail(x: FloatArray, order: int) -> Derivatives:
    t = np.minimum(-x, 1e100)
    g = [np.zeros_like(t)] * 3
    for k in range(_TAIL_TERMS, 0, -1):
        g = [k / (t + g[0]), g[0], g[1]]
    m = t + g[0]
    bend = m * (g[0] * g[0]) * g[1] * (g[2] - g[1])
    return (np.asarray(special().log_ndtr(x)), m, -m * g[0], bend)[: order + 1]


def cloglog_derivatives(x: FloatArray, order: int) -> Derivatives:
    """1 - exp(-exp(x)); with e = exp(x) the density is g = exp(x - e)."""
    e = np.exp(np.minimum(x, 300.0))  # g e^2 stays a number: g has vanished long before
    g = np.exp(x - e)
    return (-np.expm1(-e), g, g * (1.0 - e), g * (1.0 - 3.0 * e + e * e))[: order + 1]


def log_cloglog_derivatives(x: FloatArray, order: int) -> Derivatives:
    """log(1 - exp(-exp(x))); with e = exp(x), r = e / (exp(e) - 1): r' = r (1 - e - r)."""
    # beyond e = 700 all derivatives vanish, below exp(-40) the function is x to machine precision
    e = np.exp(np.clip(x, -700.0, math.log(700.0)))
    r = np.where(x < -40.0, 1.0, e / np.expm1(e))
    value = np.where(x < -40.0, x, log1mexp(e))
    # 1 - e - r, from the Bernoulli numbers where the difference would cancel
    series = e * (-1.0 / 2.0 + e * (-1.0 / 12.0 + e * e * (1.0 / 720.0 - e * e / 30240.0)))
    gap = np.where(e < 0.03, series, 1.0 - e - r)
    slope = r * gap
    return (value, r, slope, slope * gap - r * (e + slope))[: order + 1]


def loglog_derivatives(x: FloatArray, order: int) -> Derivatives:
    """exp(-exp(-x)); with e = exp(-x) the density is g = exp(-x - e)."""
    e = np.exp(np.minimum(-x, 300.0))  # see cloglog_derivatives
    g = np.exp(-x - e)
    return (np.exp(-e), g, g * (e - 1.0), g * (1.0 - 3.0 * e + e * e))[: order + 1]


def cauchit_derivatives(x: FloatArray, order: int) -> Derivatives:
    """1/2 + arctan(x) / pi; the density is f = 1 / (pi (1 + x^2))."""
    x = np.clip(x, -1e100, 1e100)
    r = 1.0 / (1.0 + x * x)
    f, drift = r / math.pi, -2.0 * x * r
    value = np.arctan2(1.0, -x) / math.pi
    return (value, f, f * drift, 2.0 * f * (drift * drift - r))[: order + 1]


def log_cauchit_derivatives(x: FloatArray, order: int) -> Derivatives:
    """log(1/2 + arctan(x) / pi); with h its derivative and f the density, h' = h (f'/f - h)."""
    x = np.clip(x, -1e100, 1e100)
    above = np.arctan2(1.0, x) / math.pi
    below = np.arctan2(1.0, -x) / math.pi
    r = 1.0 / (1.0 + x * x)
    h, drift = r / (math.pi * below), -2.0 * x * r
    gap = drift - h
    slope = h * gap
    value = np.where(x > 0.0, np.log1p(-above), np.log(below))
    bend = drift * drift - 2.0 * r - slope  # derivative of the gap; (f'/f)' = (f'/f)^2 - 2 r
    return (value, h, slope, slope * gap + h * bend)[: order + 1]


def log_softplus_derivatives(x: FloatArray, order: int) -> Derivatives:
    """log(log(1 + exp x)); with h = sigmoid(x) / softplus(x), h' = h (sigmoid(-x) - h)."""
    p, q, w = sigmoid(x), sigmoid(-x), softplus(x)
    small = x < -40.0  # there the function is x to machine precision
    h = np.where(small, 1.0, p / w)
    series = sum(n * (-w) ** n / math.factorial(n + 1) for n in range(1, 10))
    gap = np.where(w < 0.1, series, q - h)
    slope = h * gap
    value = np.where(small, x, np.log(w))
    return (value, h, slope, slope * gap - h * (p * q + slope))[: order + 1]


def lgamma_derivatives(x: FloatArray, order: int) -> Derivatives:
    """Log gamma, digamma, trigamma, tetragamma for x > 0."""
    s = special()
    functions = (s.gammaln, s.psi, lambda v: s.polygamma(1, v), lambda v: s.polygamma(2, v))
    return tuple(np.asarray(f(x)) for f in functions[: order + 1])


def stirling_derivatives(x: FloatArray, order: int) -> Derivatives:
    """Remainder of Stirling's formula, lgamma(x) - (x - 1/2) log x + x - log(2 pi) / 2.

    It is O(1 / x) with derivatives free of the cancellation that differences of log gamma
    functions of large arguments suffer from.
    """
    return _piecewise(_stirling_direct, _stirling_series, x >= _STIRLING_FROM, order, x)


def lgamma_ratio_derivatives(k: FloatArray, y: FloatArray, order: int) -> Derivatives:
    """lgamma(k + y) - lgamma(k) for k > 0, y >= 0 and its derivatives in k.

    For large k the leading terms of Stirling's formula are subtracted analytically, so the
    relative error stays small however small y / k is.
    """
    return _piecewise(_ratio_direct, _ratio_stirling, k >= _STIRLING_FROM, order, k, y)


def lgamma1p_ratio_derivatives(x: FloatArray, order: int) -> Derivatives:
    """lgamma(1 + phi) / phi with phi = exp(x), and its derivatives in x.

    For small phi it is the series -gamma + zeta(2) phi / 2 - zeta(3) phi^2 / 3 + ... (DLMF 5.7.3).
    """
    return _piecewise(_lgamma1p_direct, _lgamma1p_series, x < math.log(0.1), order, x)


def _lgamma1p_direct(x: FloatArray, order: int) -> Derivatives:
    phi = np.exp(x)
    g = lgamma_derivatives(1.0 + phi, order)
    out = [g[0] / phi]
    if order >= 1:
        out.append(g[1] - out[0])
    if order >= 2:
        out.append(phi * g[2] - out[1])
    if order >= 3:
        out.append(phi * g[2] + phi * phi * g[3] - out[2])
    return tuple(out)


def _lgamma1p_series(x: FloatArray, order: int) -> Derivatives:
    phi = np.exp(x)
    n = np.arange(1.0, 17.0)
    signs = np.where(n % 2 == 1, 1.0, -1.0)
    coefficients = signs * special().zeta(n + 1.0) / (n + 1.0)
    out = []
    for derivative in range(order + 1):
        total = np.zeros_like(phi)
        for c in (coefficients * n**derivative)[::-1]:
            total = (total + c) * phi
        out.append(total)
    out[0] = out[0] - np.euler_gamma
    return tuple(out)


def _piecewise(
    low: Callable[..., Derivatives],
    high: Callable[..., Derivatives],
    is_high: np.ndarray[Any, np.dtype[np.bool_]],
    order: int,
    *arguments: FloatArray,
) -> Derivatives:
    """Evaluate each branch only where it is wanted."""
    arguments = tuple(np.broadcast_arrays(*arguments))
    is_high = np.broadcast_to(is_high, arguments[0].shape)
    out = np.empty((order + 1, *arguments[0].shape))
    for branch, mask in ((low, ~is_high), (high, is_high)):
        if mask.any():
            out[:, mask] = branch(*(a[mask] for a in arguments), order)
    return tuple(out)


def _stirling_direct(x: FloatArray, order: int) -> Derivatives:
    r = 1.0 / x
    leading = (
        (x - 0.5) * np.log(x) - x + 0.5 * LOG_2PI,
        np.log(x) - 0.5 * r,
        r + 0.5 * r**2,
        -(r**2) - r**3,
    )
    return tuple(g - a for g, a in zip(lgamma_derivatives(x, order), leading, strict=False))


def _stirling_series(x: FloatArray, order: int) -> Derivatives:
    r = 1.0 / x
    out = []
    coefficients = list(_STIRLING)
    for derivative in range(order + 1):
        total = np.zeros_like(x)
        for coefficient in reversed(coefficients):
            total = total * r**2 + coefficient
        out.append(total * r ** (derivative + 1))
        # d/dx of c x^-(2j + 1 + derivative) multiplies c by minus the exponent
        coefficients = [-(2 * j + 1 + derivative) * c for j, c in enumerate(coefficients)]
    return tuple(out)


def _ratio_direct(k: FloatArray, y: FloatArray, order: int) -> Derivatives:
    upper, lower = lgamma_derivatives(k + y, order), lgamma_derivatives(k, order)
    return tuple(a - b for a, b in zip(upper, lower, strict=True))


def _ratio_stirling(k: FloatArray, y: FloatArray, order: int) -> Derivatives:
    u, v = 1.0 / k, 1.0 / (k + y)
    log_ratio = np.log1p(y * u)
    leading = (
        (k + y - 0.5) * log_ratio + y * np.log(k) - y,
        log_ratio + 0.5 * y * u * v,
        -y * u * v * (1.0 + 0.5 * (u + v)),
        y * u * v * (u + v + u * u + u * v + v * v),
    )
    upper, lower = _stirling_series(k + y, order), _stirling_series(k, order)
    return tuple(g + (a - b) for g, a, b in zip(leading, upper, lower, strict=False))
