r"""The density of a Tweedie variable at its mean of one, as a sum over Poisson numbers of gammas.

With :math:`\phi = e^{-t}`, :math:`p = 1 + s` and :math:`r = 1 - s`, the number of gamma variables
is Poisson with mean :math:`\lambda = e^t / r`, and each has the shape :math:`a = r / s`.  With S
the remainder of Stirling's formula, x = j a and :math:`h_j = \lambda - j - j \log(\lambda / j)`,

.. math:: A(t, s) = \log \sum_{j \ge 1} \exp\{-\log 2\pi + \tfrac12 \log a - S(j) - S(x)
   - (1 + a)\, h_j\},

where nothing large cancels, whether p is near 1 or near 2.  The derivatives in :math:`\log\lambda`
and :math:`\log a` are joint cumulants of those of the exponents; the sum is that of
:mod:`ilk.num.lattice`.  Two limits need no sum:

* small dispersions: with :math:`w = p (p - 3)` and :math:`\phi = e^{-t}`, the expansion of the
  inversion integral gives

  .. math:: A = \tfrac12 (t - \log 2\pi) + \tfrac{w}{24} \phi - \tfrac{w (w + 2)}{48} \phi^2
     + \tfrac{w (161 w^2 + 626 w + 600)}{5760} \phi^3
     - \tfrac{w (367 w^3 + 2116 w^2 + 4024 w + 2520)}{5760} \phi^4 + O(\phi^5);

* p near 2, where a is small: the expectation, over :math:`x = a N` with N Poisson, of the gamma
  density of shape x, by the moments of x around its mean :math:`k = e^t / s`.

Dunn and Smyth (2005) [DunnSmyth2005] sum the same series in another form.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from itertools import combinations_with_replacement
from typing import Any, TypeAlias

import numpy as np

from ilk.num import jets
from ilk.num.jets import Jet
from ilk.num.lattice import lattice
from ilk.num.piecewise import Piece, piecewise
from ilk.num.stable import LOG_2PI, special, stirling_derivatives
from ilk.typing import FloatArray, IntArray

__all__ = ["UNCOUNTABLE", "log_density_at_mean", "poisson_gap", "poisson_window"]

UNCOUNTABLE = 1e13
"""Mean numbers of gammas from which single numbers do not matter."""

_Partials: TypeAlias = dict[tuple[int, ...], FloatArray]
"""Derivatives by the variables they are in, ascending."""

_FAINT = 40.0
"""Logarithm of the share of the largest term below which others are left out."""

_BLOCK = 4_000
"""Rows that are summed at a time."""

_SMALL_DISPERSION = math.log(300.0)
"""Where t is above, the fifth power of the dispersion is nothing."""

_SMOOTH = 4.0
"""Standard deviation of the number of gammas from which their sum is as good as an integral."""

_NEAR_GAMMA, _SOME = math.log(3e3), math.log(1e-6)
"""Logarithm of 1 / a, and t, from which the expansion around the gamma distribution holds."""


def log_density_at_mean(t: Any, shape: Any) -> Any:
    """Logarithm A of the density at y = mu = 1.

    Parameters
    ----------
    t : jet or ndarray (n,)
        Minus the logarithm of the dispersion.
    shape : jet or ndarray (n,)
        Logit of p - 1.

    Returns
    -------
    jet or ndarray (n,)

    Examples
    --------
    >>> import numpy as np
    >>> log_density_at_mean(np.array([0.0]), np.array([0.0])).round(6)
    array([-0.98906 ])
    """
    time, logit = jets.value(t), jets.value(shape)
    with np.errstate(all="ignore"):
        smooth = time + logit > 2.0 * math.log(_SMOOTH)  # the variance is exp(t) s / r
        small = (time > _SMALL_DISPERSION) & (smooth | (time > math.log(UNCOUNTABLE)))
        gamma = ~small & (logit > _NEAR_GAMMA) & (time > _SOME)
        possible = np.isfinite(time) & np.isfinite(logit)
        pieces = [
            Piece(np.flatnonzero(rows & possible), [0, 1], function)
            for rows, function in (
                (small, _small_dispersion),
                (gamma, _near_gamma),
                (~small & ~gamma, _summed),
            )
            if np.any(rows & possible)
        ]
        return piecewise([t, shape], pieces)


def poisson_window(lam: FloatArray, power: FloatArray) -> tuple[FloatArray, FloatArray]:
    """First and last count that matter where probabilities are powers of Poisson's.

    Below the mean the tail is lighter than normal; Bernstein's inequality bounds that above.

    Parameters
    ----------
    lam : ndarray (n,)
        Means.
    power : ndarray (n,)
        Powers.
    """
    c = _FAINT / power
    below = np.sqrt(2.0 * c * lam)
    above = c / 3.0 + np.sqrt(c * c / 9.0 + 2.0 * c * lam)
    return np.maximum(np.floor(lam - below - 2.0), 0.0), np.ceil(lam + above + 2.0)


def poisson_gap(log_lam: FloatArray, j: FloatArray) -> FloatArray:
    r"""Return :math:`h_j = \lambda - j - j \log(\lambda / j)`, half the unit deviance.

    Parameters
    ----------
    log_lam : ndarray (n,)
        Logarithms of the means.
    j : ndarray (n,)
        Numbers from one on.
    """
    off = j - np.exp(log_lam)
    near = off / np.exp(log_lam)
    with np.errstate(all="ignore"):
        far = np.abs(near) > 0.5
        return np.where(far, j * (np.log(j) - log_lam), j * np.log1p(near)) - off


def _small_dispersion(variables: list[Any]) -> Any:
    t, shape = variables
    p = 1.0 + jets.sigmoid(shape)
    w, phi = p * (p - 3.0), jets.exp(-t)
    third = (w * 161.0 + 626.0) * w + 600.0
    fourth = ((w * 367.0 + 2116.0) * w + 4024.0) * w + 2520.0
    inner = (third - phi * fourth) * phi * (1.0 / 5760.0) - (w + 2.0) * (1.0 / 48.0)
    return 0.5 * (t - LOG_2PI) + w * phi * (inner * phi + 1.0 / 24.0)


def _near_gamma(variables: list[Any]) -> Any:
    t, shape = variables
    a, log_k = jets.exp(-shape), t + jets.softplus(-shape)
    k = jets.exp(log_k)
    slope = 0.5 * jets.exp(-log_k) - jets.apply(k, _stirling_slope)  # log k - digamma
    bend, third, fourth = (-1.0 * _polygamma(k, n) for n in (1, 2, 3))
    square = slope * slope
    variance = k * (square + bend) * 0.5
    skew = k * (square * slope + 3.0 * slope * bend + third) * (1.0 / 6.0)
    rest = 4.0 * square * bend + 4.0 * slope * third + 2.0 * bend * bend + fourth
    peak = 0.5 * (log_k - LOG_2PI) - jets.stirling_remainder(k)
    return peak + a * (variance + a * (skew + k * k * rest * 0.125))


def _stirling_slope(x: FloatArray, order: int) -> tuple[FloatArray, ...]:
    """Derivatives of the slope of the remainder of Stirling's formula."""
    known = stirling_derivatives(x, min(order + 1, 3))[1:]
    if order < 3:
        return known
    return (*known, special().polygamma(3, x) - 2.0 / x**3 - 3.0 / x**4)


def _polygamma(x: Any, n: int) -> Any:
    """Polygamma function of order n."""

    def derivatives(v: FloatArray, order: int) -> tuple[FloatArray, ...]:
        return tuple(np.asarray(special().polygamma(n + i, v)) for i in range(order + 1))

    return jets.apply(x, derivatives)


def _summed(variables: list[Any]) -> Any:
    t, shape = variables
    log_lam, log_a = t + jets.softplus(shape), -1.0 * shape
    number: object = log_lam
    order = number.order if isinstance(number, Jet) else 0
    at = jets.value(log_lam), jets.value(log_a)
    found = _partials(*at, order)
    change = [log_lam - at[0], log_a - at[1]]
    total = 0.0 * log_lam + found[()]
    for size in range(1, order + 1):
        for which in combinations_with_replacement((0, 1), size):
            term = change[which[0]]
            for k in which[1:]:
                term = term * change[k]
            many = math.factorial(which.count(0)) * math.factorial(which.count(1))
            total = total + term * (found[which] * (1.0 / many))
    return total


def _partials(log_lam: FloatArray, log_a: FloatArray, order: int) -> _Partials:
    """Value and partial derivatives in (log lambda, log a), by the variables they are in.

    They do not change with the mean, of which many are tried in turn: the last ones are kept.
    """
    return _kept(log_lam.tobytes(), log_a.tobytes(), order)


@functools.lru_cache(maxsize=4)
def _kept(log_lam: bytes, log_a: bytes, order: int) -> _Partials:
    lam, a = np.frombuffer(log_lam), np.frombuffer(log_a)
    cuts = range(0, len(lam), _BLOCK)
    parts = [_block(lam[i : i + _BLOCK], a[i : i + _BLOCK], order) for i in cuts]
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def _block(log_lam: FloatArray, log_a: FloatArray, order: int) -> _Partials:
    lam, a = np.exp(log_lam), np.exp(log_a)
    low, high = poisson_window(lam, 1.0 + a)
    row, j, weight = lattice(np.maximum(low, 1.0), high, 2.0 * np.sqrt(lam / (1.0 + a)))
    x, off = j * a[row], j - lam[row]
    h = poisson_gap(log_lam[row], j)
    S = stirling_derivatives(x, order)
    exponent = 0.5 * (log_a[row] - 2.0 * LOG_2PI) - stirling_derivatives(j, 0)[0] - S[0]
    exponent = exponent - (1.0 + a[row]) * h
    n = len(lam)
    top = np.full(n, -np.inf)
    np.maximum.at(top, row, exponent)
    mass = weight * np.exp(exponent - top[row])
    total = np.bincount(row, mass, n)
    share = mass / total[row]

    def mean(v: FloatArray) -> FloatArray:
        return np.asarray(np.bincount(row, share * v, n))

    found: _Partials = {(): top + np.log(total)}
    if order:
        found |= _cumulants(_exponents(lam, a, row, off, x, a[row] * h, S, order), row, mean)
    return found


def _exponents(
    lam: FloatArray,
    a: FloatArray,
    row: IntArray,
    off: FloatArray,
    x: FloatArray,
    ah: FloatArray,
    S: tuple[FloatArray, ...],
    order: int,
) -> _Partials:
    """Derivatives of the exponents of the terms."""
    A, both = a[row], ((1.0 + a) * lam)[row]
    first = x * S[1]
    out: _Partials = {(0,): (1.0 + A) * off, (1,): 0.5 - first - ah}
    if order >= 2:
        second = x * x * S[2]
        out |= {(0, 0): -both, (0, 1): A * off, (1, 1): -(first + second) - ah}
    if order >= 3:
        third = x * x * x * S[3]
        out |= {(0, 0, 0): -both, (0, 0, 1): -A * lam[row], (0, 1, 1): A * off}
        out[1, 1, 1] = -(first + 3.0 * second + third) - ah
    return out


def _cumulants(
    w: _Partials,
    row: IntArray,
    mean: Callable[[FloatArray], FloatArray],
) -> _Partials:
    """Derivatives of the logarithm of a sum of exponentials."""
    average = {key: mean(values) for key, values in w.items()}
    spread = {key: values - average[key][row] for key, values in w.items()}
    out: _Partials = {}
    for key in w:
        out[key] = average[key]
        if len(key) == 2:
            i, k = key
            out[key] = out[key] + mean(spread[i,] * spread[k,])
        if len(key) == 3:
            i, k, m = key
            both = spread[i, k] * spread[m,] + spread[i, m] * spread[k,] + spread[k, m] * spread[i,]
            out[key] = out[key] + mean(both + spread[i,] * spread[k,] * spread[m,])
    return out
