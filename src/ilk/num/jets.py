"""Third-order jets: numbers that carry their derivatives in K variables.

A jet holds, for each of n rows, the value of a function of K variables and its symmetric first,
second and third derivatives.  Arithmetic and the functions below follow the chain rule

    (f o x)_k   = f' x_k
    (f o x)_kj  = f' x_kj + f'' x_k x_j
    (f o x)_kji = f' x_kji + f'' (x_kj x_i + x_ki x_j + x_ji x_k) + f''' x_k x_j x_i.

All functions take plain arrays as well and then return plain arrays, so that the log density of a
family is written once and serves for values and for derivatives of any order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import TypeVar, final

import numpy as np

from ilk.num import stable
from ilk.typing import BoolArray, FloatArray

__all__ = [
    "Jet",
    "apply",
    "cauchit",
    "cloglog",
    "exp",
    "expm1",
    "lgamma",
    "lgamma_ratio",
    "log",
    "log1mexp",
    "log1p",
    "log_cauchit",
    "log_cloglog",
    "log_ndtr",
    "log_softplus",
    "logaddexp",
    "loglog",
    "ndtr",
    "pair",
    "power",
    "sigmoid",
    "softplus",
    "sqrt",
    "stirling_remainder",
    "triple",
    "value",
    "variables",
    "where",
]


def pair(k: int, j: int) -> int:
    """Position of the second derivative in variables k and j."""
    k, j = max(k, j), min(k, j)
    return k * (k + 1) // 2 + j


def triple(k: int, j: int, i: int) -> int:
    """Position of the third derivative in variables k, j and i."""
    i, j, k = sorted((k, j, i))
    return k * (k + 1) * (k + 2) // 6 + j * (j + 1) // 2 + i


@final
@dataclass(frozen=True, slots=True, eq=False)
class Jet:
    """Value and derivatives of a function of K variables, by row.

    Attributes
    ----------
    value : ndarray (n,)
        Value.
    first : ndarray (K, n)
        First derivatives; no rows at order 0.
    second : ndarray (K (K + 1) / 2, n)
        Second derivatives at positions :func:`pair`; no rows below order 2.
    third : ndarray (K (K + 1) (K + 2) / 6, n)
        Third derivatives at positions :func:`triple`; no rows below order 3.
    order : int
        Highest order of derivatives carried, 0 to 3.
    """

    # ndarray.__mul__(jet) must give way to Jet.__rmul__
    __array_ufunc__ = None

    value: FloatArray
    first: FloatArray
    second: FloatArray
    third: FloatArray
    order: int

    @property
    def variables(self) -> int:
        """Number K of variables."""
        return int(self.first.shape[0])

    def compose(self, derivatives: Sequence[FloatArray]) -> Jet:
        """Jet of f(self).

        Parameters
        ----------
        derivatives : sequence of ndarray (n,)
            f, f', f'', f''' at ``self.value``; at least ``order + 1`` of them.
        """
        x, f = self, derivatives
        first, second, third = x.first, x.second, x.third
        if x.order >= 1:
            first = f[1] * x.first
        if x.order >= 2:
            second = f[1] * x.second
            for k, j in _pairs(x.variables):
                second[pair(k, j)] += f[2] * x.first[k] * x.first[j]
        if x.order >= 3:
            third = f[1] * x.third
            for k, j, i in _triples(x.variables):
                a, b, c = x.first[k], x.first[j], x.first[i]
                kj, ki, ji = x.second[pair(k, j)], x.second[pair(k, i)], x.second[pair(j, i)]
                third[triple(k, j, i)] += f[2] * (kj * c + ki * b + ji * a) + f[3] * a * b * c
        return Jet(f[0], first, second, third, x.order)

    def __neg__(self) -> Jet:
        """Negative."""
        return Jet(-self.value, -self.first, -self.second, -self.third, self.order)

    def __add__(self, other: Jet | FloatArray | float) -> Jet:
        """Sum."""
        if not isinstance(other, Jet):
            return Jet(self.value + other, self.first, self.second, self.third, self.order)
        return Jet(
            self.value + other.value,
            self.first + other.first,
            self.second + other.second,
            self.third + other.third,
            self.order,
        )

    __radd__ = __add__

    def __sub__(self, other: Jet | FloatArray | float) -> Jet:
        """Difference."""
        return self + (-other)

    def __rsub__(self, other: FloatArray | float) -> Jet:
        """Difference, from a constant."""
        return -self + other

    def __mul__(self, other: Jet | FloatArray | float) -> Jet:
        """Product (Leibniz's rule)."""
        a, b = self, other
        if not isinstance(b, Jet):
            return Jet(a.value * b, a.first * b, a.second * b, a.third * b, a.order)
        first, second, third = a.first, a.second, a.third
        if a.order >= 1:
            first = a.first * b.value + a.value * b.first
        if a.order >= 2:
            second = a.second * b.value + a.value * b.second
            for k, j in _pairs(a.variables):
                second[pair(k, j)] += a.first[k] * b.first[j] + a.first[j] * b.first[k]
        if a.order >= 3:
            third = a.third * b.value + a.value * b.third
            for k, j, i in _triples(a.variables):
                kj, ki, ji = pair(k, j), pair(k, i), pair(j, i)
                third[triple(k, j, i)] += (
                    a.second[kj] * b.first[i] + a.first[i] * b.second[kj]
                    + a.second[ki] * b.first[j] + a.first[j] * b.second[ki]
                    + a.second[ji] * b.first[k] + a.first[k] * b.second[ji]
                )  # fmt: skip
        return Jet(a.value * b.value, first, second, third, a.order)

    __rmul__ = __mul__

    def __truediv__(self, other: Jet | FloatArray | float) -> Jet:
        """Quotient."""
        if not isinstance(other, Jet):
            return self * (1.0 / other)
        return self * power(other, -1.0)

    def __rtruediv__(self, other: FloatArray | float) -> Jet:
        """Quotient, of a constant."""
        return power(self, -1.0) * other

    def __pow__(self, exponent: float) -> Jet:
        """Power with a constant exponent."""
        return power(self, exponent)


NumberT = TypeVar("NumberT", FloatArray, Jet)


def _pairs(count: int) -> list[tuple[int, ...]]:
    return list(combinations_with_replacement(range(count), 2))


def _triples(count: int) -> list[tuple[int, ...]]:
    return list(combinations_with_replacement(range(count), 3))


def variables(values: Sequence[FloatArray], order: int) -> list[Jet]:
    """Jets of the K variables themselves.

    Parameters
    ----------
    values : sequence of K ndarrays (n,)
        Where the derivatives are taken.
    order : int
        Highest order of derivatives, 0 to 3.

    Returns
    -------
    list of Jet
        Variable k with first derivative 1 in direction k.
    """
    count, n = len(values), len(values[0])
    seconds = count * (count + 1) // 2 if order >= 2 else 0
    thirds = count * (count + 1) * (count + 2) // 6 if order >= 3 else 0
    jets = []
    for k, x in enumerate(values):
        first = np.zeros((count if order >= 1 else 0, n))
        first[k : k + 1] = 1.0
        jets.append(Jet(x, first, np.zeros((seconds, n)), np.zeros((thirds, n)), order))
    return jets


def value(x: NumberT) -> FloatArray:
    """Value of a jet, or the array itself."""
    number: object = x
    return number.value if isinstance(number, Jet) else np.asarray(number)


def apply(x: NumberT, derivatives: Callable[[FloatArray, int], Sequence[FloatArray]]) -> NumberT:
    """Apply a function given by its derivatives.

    Parameters
    ----------
    x : jet or ndarray (n,)
        Argument.
    derivatives : callable
        Takes (values (n,), order) and returns f, f', ... up to that order.

    Returns
    -------
    jet or ndarray (n,)
        f(x).
    """
    with np.errstate(all="ignore"):
        if isinstance(x, Jet):
            return x.compose(derivatives(x.value, x.order))
        return derivatives(x, 0)[0]


def exp(x: NumberT) -> NumberT:
    """Exponential function."""
    return apply(x, lambda v, _: (np.exp(v),) * 4)


def expm1(x: NumberT) -> NumberT:
    """Exponential function minus one."""
    return apply(x, lambda v, _: (np.expm1(v), *(np.exp(v),) * 3))


def log(x: NumberT) -> NumberT:
    """Natural logarithm."""

    def derivatives(v: FloatArray, order: int) -> Sequence[FloatArray]:
        r = 1.0 / v
        return (np.log(v), r, -(r**2), 2.0 * r**3)

    return apply(x, derivatives)


def log1p(x: NumberT) -> NumberT:
    """Logarithm of 1 + x."""

    def derivatives(v: FloatArray, order: int) -> Sequence[FloatArray]:
        r = 1.0 / (1.0 + v)
        return (np.log1p(v), r, -(r**2), 2.0 * r**3)

    return apply(x, derivatives)


def power(x: NumberT, exponent: float) -> NumberT:
    """Power with a constant exponent."""

    def derivatives(v: FloatArray, order: int) -> Sequence[FloatArray]:
        out, factor = [], 1.0
        for j in range(order + 1):
            out.append(factor * np.power(v, exponent - j) if factor else np.zeros_like(v))
            factor *= exponent - j
        return out

    return apply(x, derivatives)


def sqrt(x: NumberT) -> NumberT:
    """Square root."""
    return power(x, 0.5)


def softplus(x: NumberT) -> NumberT:
    """Logarithm of 1 + exp(x)."""
    return apply(x, stable.softplus_derivatives)


def sigmoid(x: NumberT) -> NumberT:
    """Logistic function 1 / (1 + exp(-x))."""
    return apply(x, stable.sigmoid_derivatives)


def log1mexp(x: NumberT) -> NumberT:
    """Logarithm of 1 - exp(-x) for x > 0."""
    return apply(x, stable.log1mexp_derivatives)


def ndtr(x: NumberT) -> NumberT:
    """Distribution function of the standard normal."""
    return apply(x, stable.ndtr_derivatives)


def log_ndtr(x: NumberT) -> NumberT:
    """Logarithm of the distribution function of the standard normal."""
    return apply(x, stable.log_ndtr_derivatives)


def cloglog(x: NumberT) -> NumberT:
    """Distribution function 1 - exp(-exp(x)) of the Gumbel (minimum) distribution."""
    return apply(x, stable.cloglog_derivatives)


def loglog(x: NumberT) -> NumberT:
    """Distribution function exp(-exp(-x)) of the Gumbel (maximum) distribution."""
    return apply(x, stable.loglog_derivatives)


def cauchit(x: NumberT) -> NumberT:
    """Distribution function of the standard Cauchy distribution."""
    return apply(x, stable.cauchit_derivatives)


def log_cauchit(x: NumberT) -> NumberT:
    """Logarithm of the distribution function of the standard Cauchy distribution."""
    return apply(x, stable.log_cauchit_derivatives)


def log_softplus(x: NumberT) -> NumberT:
    """Logarithm of log(1 + exp(x))."""
    return apply(x, stable.log_softplus_derivatives)


def log_cloglog(x: NumberT) -> NumberT:
    """Logarithm of 1 - exp(-exp(x))."""
    return apply(x, stable.log_cloglog_derivatives)


def lgamma(x: NumberT) -> NumberT:
    """Logarithm of the gamma function for x > 0."""
    return apply(x, stable.lgamma_derivatives)


def lgamma_ratio(k: NumberT, y: FloatArray) -> NumberT:
    """Logarithm of Gamma(k + y) / Gamma(k) for k > 0, y >= 0, without cancellation.

    Parameters
    ----------
    k : jet or ndarray (n,)
        Argument that derivatives are taken in.
    y : ndarray (n,)
        Constant increment.
    """
    return apply(k, lambda v, order: stable.lgamma_ratio_derivatives(v, y, order))


def stirling_remainder(x: NumberT) -> NumberT:
    """lgamma(x) - (x - 1/2) log x + x - log(2 pi) / 2 for x > 0, without cancellation."""
    return apply(x, stable.stirling_derivatives)


def logaddexp(a: NumberT, b: NumberT) -> NumberT:
    """Logarithm of exp(a) + exp(b)."""
    return a + softplus(b - a)


def where(condition: BoolArray, a: NumberT, b: NumberT) -> NumberT:
    """Choose by row between two jets, or two arrays.

    Derivatives of the branch not chosen are dropped, finite or not.
    """
    if isinstance(a, Jet):
        return Jet(
            np.where(condition, a.value, b.value),
            np.where(condition, a.first, b.first),
            np.where(condition, a.second, b.second),
            np.where(condition, a.third, b.third),
            a.order,
        )
    return np.where(condition, a, b)
