r"""Several statistics at once: adjusted p-values, and critical values of simultaneous intervals.

Statistics :math:`T_j` of a family of k comparisons are multivariate t with correlation matrix R of
rank r and :math:`\nu` degrees of freedom (normal if infinite).  With :math:`R = AA'`, A (k, r), the
vector is :math:`T = \rho\, A u` where the direction u is uniform on the unit sphere and
:math:`\rho^2 / r` has the F distribution with r and :math:`\nu` degrees of freedom, so that with
:math:`m(u) = \max_j |a_j'u|`

.. math:: P(\max_j |T_j| > c) = E_u\, \bar F_{r, \nu}\!\left(\frac{c^2}{r\, m(u)^2}\right).

One set of directions serves every c: the single-step adjusted p-value of a comparison is this
probability at its own statistic, and the critical value solves for it.  This is Tukey's method if
the comparisons are all pairs of independent means of equal precision, and Dunnett's if they share a
reference; it is exact for any other correlation (Hothorn, Bretz and Westfall 2008), singular ones
too.  The expectation is a sum over an angle for r = 2 and quasi-Monte Carlo with fixed seeds
otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np

if TYPE_CHECKING:
    from ilk.typing import FloatArray

__all__ = ["Adjust", "Adjusted", "adjust_family"]

Adjust: TypeAlias = Literal["mvt", "holm", "bonferroni", "bh", "scheffe", "none"]
"""How a family of comparisons is judged together."""

_POINTS, _SEEDS = 2**15, 16
"""Directions of each of several independent sequences; half as many in very large families."""

_LARGE = 1000
"""Product of rank and number of comparisons of a very large family."""

_ANGLES, _LATTICE = 2**16, 2**18
"""Directions in the plane and in space."""

_BINS = 4096
"""Values that stand for the largest statistics of all directions."""

_RANK = 1e-8
"""Share of the largest eigenvalue below which an eigenvalue of a correlation matrix is zero."""


@dataclass(frozen=True, slots=True)
class Adjusted:
    """A family of comparisons, judged together.

    Parameters
    ----------
    p_value : (k,) array
        Adjusted p-values.
    critical : (k,) array
        Standard errors on each side of an estimate that make its interval.
    simultaneous : bool
        Whether the intervals hold all at once.
    """

    p_value: FloatArray
    critical: FloatArray
    simultaneous: bool


def adjust_family(
    statistic: FloatArray,
    correlation: FloatArray,
    method: Adjust,
    *,
    level: float = 0.95,
    df: FloatArray | float = np.inf,
) -> Adjusted:
    """Adjust p-values and intervals of a family.

    Parameters
    ----------
    statistic : (k,) array
        Estimates over their standard errors; nan where there is none, which do not count.
    correlation : (k, k) array
        Correlation matrix of the estimates.
    method : {"mvt", "holm", "bonferroni", "bh", "scheffe", "none"}
        How.  Intervals of ``"holm"`` are those of ``"bonferroni"``; those of ``"bh"``, whose rate
        of false discoveries no interval has, are those of ``"none"``.
    level : float
        Coverage of the intervals.
    df : float or (k,) array
        Degrees of freedom of each statistic.

    Returns
    -------
    Adjusted

    Examples
    --------
    >>> import numpy as np
    >>> R = np.array([[1.0, 0.5], [0.5, 1.0]])
    >>> family = adjust_family(np.array([2.0, 1.0]), R, "mvt")
    >>> family.p_value.round(4)
    array([0.0829, 0.502 ])
    """
    nu = np.broadcast_to(np.asarray(df, dtype=np.float64), statistic.shape)
    p, critical = np.full(len(statistic), np.nan), np.full(len(statistic), np.nan)
    present = np.flatnonzero(np.isfinite(statistic))
    if len(present) > 0:
        R = correlation[np.ix_(present, present)]
        p[present], critical[present] = _METHODS[method](
            np.abs(statistic[present]), R, 1.0 - level, nu[present]
        )
    return Adjusted(p, critical, len(present) < 2 or method not in ("bh", "none"))


def _single(t: FloatArray, nu: FloatArray) -> FloatArray:
    """(k,) two-sided p-values, one at a time."""
    return _tail(t**2, 1, nu)


def _tail(x: FloatArray, r: int, nu: FloatArray | float) -> FloatArray:
    """Probability that r times an F variable with r and nu degrees of freedom exceeds x."""
    from scipy import special

    nu = np.asarray(nu)
    if np.all(np.isinf(nu)):
        return np.asarray(special.gammaincc(0.5 * r, 0.5 * x))
    finite = np.where(np.isinf(nu), 1.0, nu)
    exact = special.betainc(0.5 * finite, 0.5 * r, finite / (finite + x))
    return np.asarray(np.where(np.isinf(nu), special.gammaincc(0.5 * r, 0.5 * x), exact))


def _quantile(tail: float, r: int, nu: FloatArray) -> FloatArray:
    """Square root of what r times an F variable exceeds with probability `tail`."""
    from scipy import special

    finite = np.where(np.isinf(nu), 1.0, nu)
    share = special.betaincinv(0.5 * finite, 0.5 * r, tail)
    exact = finite * (1.0 - share) / share
    return np.asarray(
        np.sqrt(np.where(np.isinf(nu), 2.0 * special.gammainccinv(0.5 * r, tail), exact))
    )


Result: TypeAlias = "tuple[FloatArray, FloatArray]"


def _none(t: FloatArray, R: FloatArray, alpha: float, nu: FloatArray) -> Result:
    del R
    return _single(t, nu), _quantile(alpha, 1, nu)


def _bonferroni(t: FloatArray, R: FloatArray, alpha: float, nu: FloatArray) -> Result:
    del R
    k = len(t)
    return np.minimum(1.0, k * _single(t, nu)), _quantile(alpha / k, 1, nu)


def _holm(t: FloatArray, R: FloatArray, alpha: float, nu: FloatArray) -> Result:
    p, k = _single(t, nu), len(t)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(k)
    adjusted[order] = np.maximum.accumulate(np.arange(k, 0, -1) * p[order])
    return np.minimum(1.0, adjusted), _bonferroni(t, R, alpha, nu)[1]


def _bh(t: FloatArray, R: FloatArray, alpha: float, nu: FloatArray) -> Result:
    del R
    p, k = _single(t, nu), len(t)
    order = np.argsort(p, kind="stable")[::-1]
    adjusted = np.empty(k)
    adjusted[order] = np.minimum.accumulate(k / np.arange(k, 0, -1) * p[order])
    return np.minimum(1.0, adjusted), _quantile(alpha, 1, nu)


def _scheffe(t: FloatArray, R: FloatArray, alpha: float, nu: FloatArray) -> Result:
    r = _root(R).shape[1]
    return _tail(t**2, r, nu), _quantile(alpha, r, nu)


def _mvt(t: FloatArray, R: FloatArray, alpha: float, nu: FloatArray) -> Result:
    single, bound = _single(t, nu), np.minimum(1.0, len(t) * _single(t, nu))
    A = _root(R)
    r = A.shape[1]
    if r == 1:
        return single, _quantile(alpha, 1, nu)
    size, weight = _binned(_largest(A))
    p, critical = np.empty(len(t)), np.empty(len(t))
    for value in np.unique(nu):
        here = nu == value
        ends = _quantile(alpha, 1, nu[here])[0], _quantile(alpha / len(t), 1, nu[here])[0]
        critical[here] = _solve(partial(_gap, alpha, size, weight, r, value), *ends)
        p[here] = [_gap(0.0, size, weight, r, value, c) for c in t[here]]
    return np.clip(p, single, bound), critical  # bounds matter in the far tail only


def _gap(alpha: float, size: FloatArray, weight: FloatArray, r: int, nu: float, c: float) -> float:
    """Probability that the largest statistic exceeds c, minus alpha."""
    return float(weight @ _tail((c / size) ** 2, r, nu)) - alpha


def _solve(function: Callable[[float], float], low: float, high: float) -> float:
    """Root of a falling function between two points, by the secant method with bisection."""
    from scipy import optimize

    if function(high) >= 0.0:
        return high
    return float(optimize.brentq(function, low * (1.0 - 1e-6), high, xtol=1e-10))


def _root(R: FloatArray) -> FloatArray:
    """(k, r) matrix A with AA' = R, of the rank of R."""
    values, vectors = np.linalg.eigh(R)
    keep = values > _RANK * values[-1]
    A = vectors[:, keep] * np.sqrt(values[keep])
    return np.asarray(A / np.linalg.norm(A, axis=1, keepdims=True))


def _binned(size: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Few values with weights that stand for many: the means of narrow bins."""
    low, high = size.min(), size.max()
    place = np.minimum(
        ((size - low) * (_BINS / max(high - low, 1e-300))).astype(np.intp), _BINS - 1
    )
    count = np.bincount(place, minlength=_BINS)
    total = np.bincount(place, weights=size, minlength=_BINS)
    full = count > 0
    return total[full] / count[full], count[full] / len(size)


def _largest(A: FloatArray) -> FloatArray:
    """Largest absolute statistic in each of many directions on the unit sphere."""
    k, r = A.shape
    if r == 2:
        angle = np.pi * (np.arange(_ANGLES) + 0.5) / _ANGLES
        return _greatest(A, np.array([np.cos(angle), np.sin(angle)]))
    if r == 3:
        return _greatest(A, _lattice())
    seeds = _SEEDS // 2 if k * r > _LARGE else _SEEDS
    return np.concatenate([_greatest(A, _directions(r, seed)) for seed in range(seeds)])


def _greatest(A: FloatArray, u: FloatArray) -> FloatArray:
    """(m,) largest absolute element of Au in each direction."""
    return np.asarray(np.abs(A @ u).max(axis=0))


def _lattice() -> FloatArray:
    """(3, m) points spread evenly over half a sphere, on a spiral."""
    i = np.arange(_LATTICE) + 0.5
    height = i / _LATTICE
    angle = np.pi * (1.0 + np.sqrt(5.0)) * i
    radius = np.sqrt(1.0 - height**2)
    return np.array([radius * np.cos(angle), radius * np.sin(angle), height])


def _directions(r: int, seed: int) -> FloatArray:
    """(r, m) points spread evenly over the unit sphere."""
    from scipy.special import ndtri
    from scipy.stats import qmc

    points = qmc.Sobol(r, scramble=True, seed=seed).random(_POINTS)
    z = ndtri(np.clip(points.T, 1e-16, 1.0 - 1e-16))
    return np.asarray(z / np.linalg.norm(z, axis=0))


_METHODS: dict[str, Callable[[FloatArray, FloatArray, float, FloatArray], Result]] = {
    "mvt": _mvt,
    "holm": _holm,
    "bonferroni": _bonferroni,
    "bh": _bh,
    "scheffe": _scheffe,
    "none": _none,
}
assert set(_METHODS) == set(get_args(Adjust))
