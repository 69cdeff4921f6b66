r"""Tweedie family: amounts of which some are exactly zero, with a variance :math:`\phi \mu^p`.

A Poisson number of gamma variables is summed: rain of a day, catch of a haul, claims of a year.
With :math:`p = 1 + s`, :math:`r = 1 - s` and :math:`\operatorname{logit} s =
\eta_{\text{shape}}`, the number has the mean :math:`\lambda = \mu^r / (\phi r)`, and each variable
the shape :math:`r / s` and the scale :math:`\phi s \mu^s`:

.. math:: P(0) = e^{-\lambda}, \qquad \log f = -\log y + A(t, s) - e^t u^2 \{r\, \varphi(r u)
   + s\, \varphi(-s u)\} \quad (y > 0), \qquad \varphi(z) = \frac{e^z - 1 - z}{z^2},

with :math:`u = \log(\mu / y)` and :math:`t = r \log y - \log\phi`.  The last term is half the
scaled deviance; A is the density where the mean is the response, see
:mod:`ilk.family.tweedie_sum`.  As p goes to 1 the responses become counts times :math:`\phi`
(Poisson), as it goes to 2 the gamma family.  Jorgensen (1997) [Jorgensen1997], chapter 4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, final

import numpy as np

from ilk.errors import DataError, ModelError
from ilk.family.base import AbstractFamily, refuse_rows, require_link
from ilk.family.link import POSITIVE, AbstractLink, Interval, Log
from ilk.family.moments import log_within, mean_start, relative_variance
from ilk.family.scale import Limit, ParameterScale
from ilk.family.tweedie_sum import (
    UNCOUNTABLE,
    log_density_at_mean,
    poisson_gap,
    poisson_window,
)
from ilk.num import jets
from ilk.num.jets import NumberT
from ilk.num.lattice import lattice
from ilk.num.piecewise import Piece, piecewise
from ilk.num.stable import sigmoid, softplus, special, stirling_derivatives
from ilk.typing import FloatArray, IntArray

__all__ = ["Tweedie"]

_LOWEST, _HIGHEST = -7.0, 35.0
"""Predictors of the shape beyond which it changes nothing.

Powers below 1.001 are taken as that: nearer to 1 the density of counts has no bound.
"""


def _power(eta: FloatArray) -> FloatArray:
    return np.asarray(1.0 + sigmoid(np.clip(eta, _LOWEST, _HIGHEST)))


_SHAPE = ParameterScale(
    "logit of the power less one",
    "power of the variance",
    "p",
    _power,
    low=Limit(
        _LOWEST,
        "the power is estimated at one, where the responses are counts times a constant and the "
        "density of such responses has no bound.",
        "Counts suit 'negative_binomial_2' or 'poisson'; amounts that were rounded to few digits "
        "a given power, family=ilk.families.tweedie(power=1.5).",
    ),
    high=Limit(
        13.0,
        "the power is estimated at two, the variance of a gamma distribution, which has no zeros.",
        "family='gamma' describes these data as well.",
    ),
)


@final
@dataclass(frozen=True, slots=True)
class Tweedie(AbstractFamily):
    """Compound Poisson-gamma amounts; the shape is logit(p - 1), for powers p from 1 to 2.

    Attributes
    ----------
    link : AbstractLink
        Link of the mean.
    power : float or None
        Power of the mean in the variance, if it is known; None makes it a parameter, the shape.
    """

    name: ClassVar[str] = "tweedie"
    links: ClassVar[tuple[str, ...]] = ("log", "inverse", "identity", "sqrt", "softplus", "power")
    compiled_links: ClassVar[tuple[str, ...]] = ("log",)
    mean_range: ClassVar[Interval] = POSITIVE
    atoms: ClassVar[tuple[float, ...]] = (0.0,)
    link: AbstractLink = field(default_factory=Log)
    power: float | None = None

    def __post_init__(self) -> None:
        """Check the link and the power."""
        require_link(self)
        p: object = self.power
        if p is not None and not (isinstance(p, (int, float)) and 1.0 < p < 2.0):
            raise ModelError(
                f"power={self.power!r}: the power is a number between 1 and 2, ends excluded; "
                "leave it out to estimate it. A power of 1 is family='poisson', of 2 'gamma', of "
                "3 'inverse_gaussian'.",
                code="power",
            )

    @property
    def parameters(self) -> tuple[str, ...]:  # type: ignore[override]
        """Mean, dispersion, and the shape where the power is not given."""
        return ("mean", "dispersion", "shape") if self.power is None else ("mean", "dispersion")

    @property
    def has_unit_deviance(self) -> bool:  # type: ignore[override]
        """Whether the power is given, which the deviance depends on."""
        return self.power is not None

    @property
    def key(self) -> str | None:
        """Name of the compiled density, where the power is a parameter."""
        return super(Tweedie, self).key if self.power is None else None

    def scale(self, parameter: str) -> ParameterScale | None:
        """Scale of a parameter: the power for the shape."""
        return _SHAPE if parameter == "shape" else super(Tweedie, self).scale(parameter)

    def _shape(self, eta: Sequence[NumberT]) -> Any:
        """Logit of the power less one, a constant where it is given."""
        if self.power is not None:
            known = math.log(self.power - 1.0) - math.log(2.0 - self.power)
            return np.full_like(jets.value(eta[0]), known)
        return jets.apply(eta[2], _bounded)

    def log_density(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[NumberT]
    ) -> NumberT:
        """Log density without the term in log y."""
        zero, some = np.flatnonzero(y == 0.0), np.flatnonzero(y > 0.0)
        log_y = np.log(y[some])
        which = range(len(eta))
        pieces = (
            Piece(zero, which, self._log_zero),
            Piece(some, which, lambda inner: self._log_positive(log_y, inner)),
        )
        return piecewise(eta, pieces)

    def _log_zero(self, eta: Sequence[Any]) -> Any:
        """Log probability of zero, minus the mean number of variables."""
        shape = self._shape(eta)
        log_mean = self.link.log_inverse(eta[0])
        return -1.0 * jets.exp(log_mean * jets.sigmoid(-shape) - eta[1] + jets.softplus(shape))

    def _log_positive(self, log_y: FloatArray, eta: Sequence[Any]) -> Any:
        shape = self._shape(eta)
        s, r = jets.sigmoid(shape), jets.sigmoid(-shape)
        u = self.link.log_inverse(eta[0]) - log_y
        t = r * log_y - eta[1]
        ends = r * jets.apply(r * u, _curvature) + s * jets.apply(-1.0 * s * u, _curvature)
        return log_density_at_mean(t, shape) - jets.exp(t) * (u * u) * ends

    def constant(self, y: FloatArray, trials: FloatArray | None) -> FloatArray:
        """Term in log y, where y > 0."""
        return -np.log(np.where(y > 0.0, y, 1.0))

    def powers(self, eta: Sequence[FloatArray]) -> FloatArray:
        """Powers p (n,)."""
        return np.full_like(eta[0], self.power) if self.power is not None else _power(eta[2])

    def variance(self, eta: Sequence[FloatArray], trials: FloatArray | None) -> FloatArray:
        """Variance phi mu^p."""
        return np.exp(eta[1]) * self.mean(eta) ** self.powers(eta)

    def _compound(self, eta: Sequence[FloatArray]) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Mean number (n,) of gamma variables, their shape, and the logarithm of their scale."""
        shape, log_mean = self._shape(eta), self.link.log_inverse(eta[0])
        s, r = sigmoid(shape), sigmoid(-shape)
        lam = np.exp(r * log_mean - eta[1] + softplus(shape))
        return lam, np.exp(-shape), eta[1] - softplus(-shape) + s * log_mean

    def draw(
        self, eta: Sequence[FloatArray], trials: FloatArray | None, rng: np.random.Generator
    ) -> FloatArray:
        """Random responses, as they arise."""
        lam, shape, log_scale = self._compound(eta)
        count = rng.poisson(np.minimum(lam, UNCOUNTABLE)).astype(np.float64)
        normal = lam + np.sqrt(lam) * rng.standard_normal(len(lam))
        count = np.where(lam > UNCOUNTABLE, normal, count)
        return np.asarray(np.exp(log_scale) * rng.gamma(count * shape))

    def cdf(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[FloatArray]
    ) -> FloatArray:
        """Distribution function: incomplete gamma ratios, weighted by probabilities of numbers.

        Numbers of which the sum is surely below y are counted together.  Where the mean number is
        huge, the sum is as good as a gamma variable of the same mean and variance.
        """
        lam, a, log_scale = self._compound(eta)
        some = np.where(y > 0.0, y, 1.0)
        z = np.exp(np.log(some) - log_scale)
        k = lam / (1.0 + 1.0 / a)
        smooth = special().gammainc(k, k * some / self.mean(eta))
        total = np.where(lam > UNCOUNTABLE, smooth, 0.0)
        rows = np.flatnonzero((lam <= UNCOUNTABLE) & np.isfinite(z))
        total[rows] = _counted(lam[rows], a[rows], z[rows])
        total = np.where(y > 0.0, np.minimum(total, 1.0), np.exp(-lam))
        return np.where(y < 0.0, 0.0, total)

    def cdf_below(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[FloatArray]
    ) -> FloatArray:
        """Probability of less than y, which jumps at zero."""
        return np.where(y <= 0.0, 0.0, self.cdf(y, trials, eta))

    def unit_deviance(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        mu: FloatArray,
        phi: FloatArray | float | None = None,
    ) -> FloatArray:
        """Deviance 2 {y (y^-s - mu^-s) / -s - (y^r - mu^r) / r}, where the power is given."""
        if self.power is None:
            self._lacks("deviance without a given power, family=ilk.families.tweedie(power=...)")
        s, r = self.power - 1.0, 2.0 - self.power
        log_y = np.log(np.where(y > 0.0, y, 1.0))
        u = np.log(mu) - log_y
        ends = r * _curvature(r * u, 0)[0] + s * _curvature(-s * u, 0)[0]
        return np.where(y > 0.0, 2.0 * np.exp(r * log_y) * u * u * ends, 2.0 * mu**r / r)

    def check(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        name: str,
        rows: IntArray | None = None,
    ) -> None:
        """Refuse what is negative or not finite, and zeros only."""
        takes = "zero and positive numbers"
        refuse_rows(self, y, ~np.isfinite(y), name, takes, "", rows)
        refuse_rows(self, y, y < 0.0, name, takes, "Negative numbers suit 'gaussian'.", rows)
        if not np.any(y):
            raise DataError(
                f"All values of column {name!r} are zero; family {self.name!r} needs some that are "
                "not.",
                code="response-constant",
            )

    def start(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        offset: FloatArray | None,
        weights: FloatArray | None,
    ) -> tuple[float, ...]:
        """Overall mean, power 1.5, and the dispersion of the overall variance."""
        center, variance = relative_variance(y, weights)
        power = 1.5 if self.power is None else self.power
        scale = center**power
        phi = log_within(variance / scale, 1e-8 * center ** (2.0 - power), 100.0 * scale)
        return (mean_start(self.link, y, offset, weights), phi, 0.0)[: len(self.parameters)]


def _counted(lam: FloatArray, a: FloatArray, z: FloatArray) -> FloatArray:
    """Probability (n,) that a Poisson number of gamma variables of shape a sum up to at most z."""
    ones = np.ones_like(z)
    low, high = poisson_window(lam, ones)
    first, last = poisson_window(z, ones)
    sure = np.minimum(np.floor(first / a), high)
    begin, end = np.maximum(np.maximum(low, sure + 1.0), 1.0), np.minimum(high, last / a)
    width = np.minimum(np.sqrt(lam), np.sqrt(z) / a)
    row, j, weight = lattice(begin, end, 2.0 * width)
    gap = poisson_gap(np.log(lam[row]), j) + 0.5 * np.log(2.0 * math.pi * j)
    log_mass = -gap - stirling_derivatives(j, 0)[0]
    mass = weight * np.exp(log_mass) * special().gammainc(j * a[row], z[row])
    below = np.where(sure >= 1.0, special().gammaincc(sure + 1.0, lam), np.exp(-lam))
    return np.asarray(below + np.bincount(row, mass, len(lam)))


def _bounded(eta: FloatArray, order: int) -> Sequence[FloatArray]:
    """The predictor of the shape, level where the power reaches an end."""
    zero = np.zeros_like(eta)
    inside = ((eta > _LOWEST) & (eta < _HIGHEST)).astype(np.float64)
    return (np.clip(eta, _LOWEST, _HIGHEST), inside, zero, zero)


def _curvature(z: FloatArray, order: int) -> Sequence[FloatArray]:
    """(exp(z) - 1 - z) / z^2 and its derivatives: by their series where z is small."""
    small = np.abs(z) < 1.0
    x = np.where(small, z, 1.0)
    total = [np.zeros_like(x) for _ in range(order + 1)]
    for n in range(20, -1, -1):
        for k in range(order + 1):
            total[k] = total[k] * x + math.perm(n + k, k) / math.factorial(n + k + 2)
    x = np.where(small, 1.0, z)
    e, squared = np.exp(x), 1.0 / (x * x)
    found = [(np.expm1(x) - x) * squared]
    for k in range(1, order + 1):
        before = 2.0 * k * x * found[k - 1]
        if k >= 2:
            before = before + k * (k - 1) * found[k - 2]
        found.append((e - (1.0 if k == 1 else 0.0) - before) * squared)
    return [np.where(small, a, b) for a, b in zip(total, found, strict=True)]
