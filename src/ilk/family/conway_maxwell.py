r"""Conway-Maxwell-Poisson family: counts with less or more variance than Poisson's.

.. math:: f(y) = \frac{\lambda^y}{(y!)^\nu Z(\lambda, \nu)}, \qquad
   Z = \sum_j \frac{\lambda^j}{(j!)^\nu}, \qquad \nu = 1 / \phi,

where :math:`\lambda` is the number for which the mean is :math:`\mu` (Huang 2017
[Huang2017]).  The variance is :math:`V = \partial\mu / \partial\log\lambda`, about
:math:`\phi \mu` where the mean is not small: Poisson at :math:`\phi = 1`, geometric in the limit of
large :math:`\phi`, two neighboring counts in that of small :math:`\phi`.

With m the mean rounded down, :math:`b = \log\lambda - \nu\log m` and
:math:`T(j) = \log m! - \log j! + (j - m) \log m` (where m = 0 without its logarithm),

.. math:: \log f = (y - m)\, b + \nu\, T(y) - K(b, \nu), \qquad
   K = \log \sum_j \exp\{(j - m)\, b + \nu\, T(j)\}.

The derivatives of K are the joint cumulants of (y, T(y)); those of b in the mean and
:math:`\nu` follow from :math:`\partial K / \partial b = \mu - m`, by Newton's method on Taylor
series.  Sums are those of :mod:`ilk.num.lattice`, of a few dozen terms whatever the mean.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, final

import numpy as np

from ilk.family.base import AbstractFamily, require_link
from ilk.family.link import POSITIVE, AbstractLink, Interval, Log
from ilk.family.moments import log_within, mean_start, relative_variance
from ilk.family.poisson import check_counts
from ilk.family.sampling import draw_log_concave
from ilk.num import jets
from ilk.num.jets import Jet, NumberT
from ilk.num.lattice import lattice
from ilk.num.stable import lgamma, lgamma_ratio_derivatives
from ilk.typing import FloatArray, IntArray

_FAINT = 42.0
"""Logarithm of the share of the largest probability below which others are left out."""

_BLOCK = 20_000
"""Rows that are summed at a time."""

_ITERATIONS, _CLOSE = 200, 1e-9
"""Most steps of the search for the tilt, and relative error of the mean before its last one."""

_CEILING = 600.0
"""Largest exponent while the tilt is searched for."""

_LARGE = 1e4
"""Counts from which differences of log factorials are taken without cancellation."""


@final
@dataclass(frozen=True, slots=True)
class ConwayMaxwellPoisson(AbstractFamily):
    """Conway-Maxwell-Poisson counts, by their mean."""

    name: ClassVar[str] = "conway_maxwell_poisson"
    parameters: ClassVar[tuple[str, ...]] = ("mean", "dispersion")
    links: ClassVar[tuple[str, ...]] = ("log", "sqrt", "identity")
    compiled_links: ClassVar[tuple[str, ...]] = ("log",)
    mean_range: ClassVar[Interval] = POSITIVE
    discrete: ClassVar[bool] = True
    unit_dispersion: ClassVar[str | None] = "poisson"
    link: AbstractLink = field(default_factory=Log)

    def __post_init__(self) -> None:
        """Check the link."""
        require_link(self)

    def log_density(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[NumberT]
    ) -> NumberT:
        """Log density, complete."""
        mean, nu = self.link.inverse(eta[0]), jets.exp(-eta[1])
        order = _order(mean)
        with np.errstate(all="ignore"):
            c = _cumulants(jets.value(mean), jets.value(nu), order)
            own = _log_factorials(y, c.m)
            value = (y - c.m) * c.b + jets.value(nu) * own - c.log_sum
            x, v = mean - jets.value(mean), nu - jets.value(nu)
            b = x * 0.0
            if order == 0:
                return b + value
            for _ in range(order):  # each step makes one order more exact
                b = b - (_series(c, 1, 0, b, v, order) - x) * (1.0 / c.at(2, 0))
            linear = b * (y - jets.value(mean)) + v * (own - c.at(0, 1))
            return linear - _series(c, 0, 0, b, v, order) + value

    def variance(self, eta: Sequence[FloatArray], trials: FloatArray | None) -> FloatArray:
        """Variance V, by its sum."""
        with np.errstate(all="ignore"):
            return _cumulants(self.mean(eta), np.exp(-eta[1]), 2).at(2, 0)

    def draw(
        self, eta: Sequence[FloatArray], trials: FloatArray | None, rng: np.random.Generator
    ) -> FloatArray:
        """Random counts by rejection, as for any log-concave distribution."""
        nu = np.exp(-eta[1])
        with np.errstate(all="ignore"):
            c = _cumulants(self.mean(eta), nu, 0)
            mode = np.floor(np.maximum(c.m, 1.0) * np.exp(c.b / nu))  # of lambda^(1 / nu)
            return draw_log_concave(mode, lambda j, at: _log_mass(c, nu, j, at), rng)

    def cdf(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[FloatArray]
    ) -> FloatArray:
        """Distribution function, by its sum."""
        mu, nu, k = self.mean(eta), np.exp(-eta[1]), np.floor(y)
        with np.errstate(all="ignore"):
            c = _cumulants(mu, nu, 0)
            low, high, scale = _window(mu, nu)
            row, j, weight = lattice(low, np.minimum(k, high), scale)
            mass = weight * np.exp(_log_mass(c, nu, j, row))
        return np.minimum(np.bincount(row, mass, len(k)), 1.0)

    def check(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        name: str,
        rows: IntArray | None = None,
    ) -> None:
        """Refuse what is not a count."""
        check_counts(self, y, name, rows)

    def start(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        offset: FloatArray | None,
        weights: FloatArray | None,
    ) -> tuple[float, ...]:
        """Overall mean, and half way from Poisson to the overall variance."""
        center, variance = relative_variance(y, weights)
        floor = 0.5 / len(y)
        ratio = variance / max(center, floor)
        return (mean_start(self.link, y, offset, weights, floor), log_within(ratio, 0.5, 3.0) / 2.0)


@dataclass(frozen=True, slots=True)
class _Cumulants:
    """The tilt b, log sum and joint cumulants of (y, T) of each row, orders as they were asked."""

    m: FloatArray
    b: FloatArray
    log_sum: FloatArray
    joint: dict[tuple[int, int], FloatArray]

    def at(self, i: int, j: int) -> FloatArray:
        """Cumulant (n,) of order i in y and j in T."""
        return self.joint[i, j]


def _log_mass(c: _Cumulants, nu: FloatArray, j: FloatArray, row: IntArray) -> FloatArray:
    """Log probabilities of counts j in some rows."""
    m = c.m[row]
    return (j - m) * c.b[row] + nu[row] * _log_factorials(j, m) - c.log_sum[row]


def _order(x: NumberT) -> int:
    """Order of the derivatives that a number carries."""
    number: object = x
    return number.order if isinstance(number, Jet) else 0


def _series(c: _Cumulants, i: int, j: int, b: NumberT, v: NumberT, order: int) -> NumberT:
    """Change of a cumulant with b and nu; of the log sum without its terms of first order."""
    total = b * 0.0
    if (i, j) != (0, 0):
        total = total + b * c.at(i + 1, j) + v * c.at(i, j + 1)
    if order >= 2:
        bb, bv, vv = b * b, b * v, v * v
        second = bb * c.at(i + 2, j) + bv * (2.0 * c.at(i + 1, j + 1)) + vv * c.at(i, j + 2)
        total = total + second * 0.5
    if order >= 3:
        third = bb * b * c.at(i + 3, j) + bb * v * (3.0 * c.at(i + 2, j + 1))
        third = third + vv * b * (3.0 * c.at(i + 1, j + 2)) + vv * v * c.at(i, j + 3)
        total = total + third * (1.0 / 6.0)
    return total


def _log_factorials(j: FloatArray, m: FloatArray) -> FloatArray:
    """T(j) = log m! - log j! + (j - m) log max(m, 1)."""
    d = j - m
    plain = lgamma(m + 1.0) - lgamma(j + 1.0)
    large = np.maximum(j, m) > _LARGE
    if np.any(large):
        a, b = j[large], m[large]
        ratio = lgamma_ratio_derivatives(np.minimum(a, b) + 1.0, np.abs(a - b), 0)[0]
        plain[large] = np.where(a > b, -ratio, ratio)
    return np.asarray(plain + d * np.log(np.maximum(m, 1.0)))


def _window(mu: FloatArray, nu: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """First and last count that matter, and the scale on which their probabilities vary.

    Below the mean the tail is lighter than normal with variance mu / nu; above it falls off at
    least as Poisson's to the power nu (bounded by Bernstein's inequality) and as a geometric one.
    """
    c = _FAINT / nu
    below = np.sqrt(2.0 * c * mu)
    above = c / 3.0 + np.sqrt(c * c / 9.0 + 2.0 * c * mu)
    above = np.minimum(above, _FAINT * (mu + 1.0))
    low = np.maximum(np.floor(mu - below - 2.0), 0.0)
    high = np.ceil(mu + above + 10.0)
    deviation = np.sqrt(np.minimum(mu / nu, mu * (1.0 + mu)))
    possible = np.isfinite(mu) & (mu > 0.0) & np.isfinite(nu) & (nu > 0.0)
    return low, np.where(possible, high, -1.0), 2.0 * deviation


def _cumulants(mu: FloatArray, nu: FloatArray, order: int) -> _Cumulants:
    """Tilts that give the means mu (n,), and cumulants: to order 3, or 4 for derivatives of 3."""
    mu, nu = np.broadcast_arrays(np.asarray(mu, dtype=float), nu)
    if len(mu) > _BLOCK:
        parts = [
            _cumulants(mu[i : i + _BLOCK], nu[i : i + _BLOCK], order)
            for i in range(0, len(mu), _BLOCK)
        ]
        joint = {key: np.concatenate([p.joint[key] for p in parts]) for key in parts[0].joint}
        m, b, log_sum = (
            np.concatenate([getattr(p, name) for p in parts]) for name in ("m", "b", "log_sum")
        )
        return _Cumulants(m, b, log_sum, joint)
    n = len(mu)
    m = np.floor(np.where(np.isfinite(mu), mu, 1.0))
    low, high, scale = _window(mu, nu)
    row, j, weight = lattice(low, high, scale)
    T = _log_factorials(j, m[row])
    base, d = nu[row] * T + np.log(weight), j - m[row]
    b = _solve(mu, nu, m, row, base, d)
    mass = np.exp(base + d * b[row])
    total = np.bincount(row, mass, n).astype(float)  # of integers where there are no rows
    total[high < 0.0] = np.nan
    p = mass / total[row]
    beyond = np.bincount(row, np.where(j > 0.0, mass, 0.0), n)  # of the zero, whose mass is one
    log_sum = np.where(m == 0.0, np.log1p(np.where(high < 0.0, np.nan, beyond)), np.log(total))

    def mean(x: FloatArray) -> FloatArray:
        return np.asarray(np.bincount(row, p * x, n))

    joint = {}
    if order >= 1:
        T_mean = mean(T)
        joint = _joint(j - mu[row], T - T_mean[row], mean, min(order + 1, 4))
        joint[0, 1] = T_mean
    return _Cumulants(m, b, log_sum, joint)


def _joint(
    d: FloatArray, t: FloatArray, mean: Callable[[FloatArray], FloatArray], order: int
) -> dict[tuple[int, int], FloatArray]:
    """Joint cumulants from central moments."""
    out = {(2, 0): mean(d * d), (1, 1): mean(d * t), (0, 2): mean(t * t)}
    if order >= 3:
        dd, tt = d * d, t * t
        out |= {(3, 0): mean(dd * d), (2, 1): mean(dd * t), (1, 2): mean(d * tt)}
        out[0, 3] = mean(tt * t)
    if order >= 4:
        a, b, c = out[2, 0], out[1, 1], out[0, 2]
        out[4, 0] = mean(dd * dd) - 3.0 * a * a
        out[3, 1] = mean(dd * d * t) - 3.0 * a * b
        out[2, 2] = mean(dd * tt) - a * c - 2.0 * b * b
        out[1, 3] = mean(d * t * tt) - 3.0 * b * c
    return out


def _solve(
    mu: FloatArray, nu: FloatArray, m: FloatArray, row: IntArray, base: FloatArray, d: FloatArray
) -> FloatArray:
    """Tilt b (n,) at which the mean is mu: Newton's method on log means, kept within brackets."""
    n = len(mu)
    near = np.maximum(mu + 0.5 * (1.0 - 1.0 / nu), mu / (1.0 + mu))
    b = np.where(mu < 1.0, np.log(mu / (1.0 + mu)), nu * np.log(near / np.maximum(m, 1.0)))
    low, high = np.full(n, -np.inf), np.full(n, np.inf)
    point, done = d + m[row], np.zeros(n, dtype=bool)
    for _ in range(_ITERATIONS):
        mass = np.exp(np.minimum(base + d * b[row], _CEILING))
        total = np.bincount(row, mass, n)
        center = np.bincount(row, mass * point, n) / total
        spread = np.bincount(row, mass * (point - center[row]) ** 2, n) / total
        error = np.log(center / mu)
        low, high = np.where(error <= 0.0, b, low), np.where(error >= 0.0, b, high)
        step = -error * center / spread
        settled = ~(np.abs(error) > _CLOSE)  # one more step makes it exact
        moved = b + step
        outside = ~settled & ~((moved > low) & (moved < high))
        middle = 0.5 * (low + high)
        away = np.where(error > 0.0, b - 1.0, b + 1.0)
        moved = np.where(outside, np.where(np.isfinite(middle), middle, away), moved)
        b = np.where(done, b, moved)
        done |= settled
        if done.all():
            break
    return b
