r"""Generalized Poisson family: counts with variance :math:`\phi \mu`.

With :math:`s = \phi^{-1/2}`, :math:`\theta = s \mu` and :math:`\lambda = 1 - s`,

.. math:: f(y) = \frac{\theta\, (\theta + \lambda y)^{y - 1} e^{-\theta - \lambda y}}{y!}, \qquad
   E y = \mu, \quad \operatorname{Var} y = \phi \mu,

Poisson at :math:`\phi = 1`; for :math:`\phi > 1` the total progeny of a branching process (Consul
and Famoye 1992 [ConsulFamoye1992]).

Below :math:`\phi = 1` the formula is no distribution but nearly one: counts from
:math:`\mu / (1 - \sqrt\phi)` on are impossible, and the probabilities of the others do not sum to
one exactly.  The density is the formula as it stands; a fit whose probabilities miss one by more
than 1e-3 says so in its verdict, and the Conway-Maxwell-Poisson family has no such limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, final

import numpy as np

from ilk.family.base import AbstractFamily, require_link
from ilk.family.link import POSITIVE, AbstractLink, Interval, Log
from ilk.family.moments import log_within, mean_start, relative_variance
from ilk.family.poisson import check_counts
from ilk.family.sampling import draw_by_inversion, draw_poisson
from ilk.num import jets
from ilk.num.jets import NumberT
from ilk.num.lattice import lattice
from ilk.num.stable import lgamma, xlogy
from ilk.typing import FloatArray, IntArray

_OFF = 1e-3
"""How far from one the sum of the probabilities may be."""

_FAINT = 42.0
"""Logarithm of the share of the largest probability below which others are left out: that of y is
below -(y - mu)^2 / (2 phi y)."""

_DEVIATIONS = 12.0
"""Standard deviations below the mean from which counts have no probability."""


@final
@dataclass(frozen=True, slots=True)
class GeneralizedPoisson(AbstractFamily):
    """Generalized Poisson counts."""

    name: ClassVar[str] = "generalized_poisson"
    parameters: ClassVar[tuple[str, ...]] = ("mean", "dispersion")
    links: ClassVar[tuple[str, ...]] = ("log", "sqrt", "identity")
    compiled_links: ClassVar[tuple[str, ...]] = ("log", "sqrt", "identity")
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
        """Log density, minus infinity for counts that the formula does not have.

        With z = s (mu - y) / y it is log theta + (y - 1) log(1 + z) - y z for y > 0, where 1 + z
        is (1 - s) + s mu / y if counts are far above the mean.
        """
        log_s = eta[1] * -0.5
        log_theta = self.link.log_inverse(eta[0]) + log_s
        gap = jets.exp(log_s) * (-self.link.inverse(eta[0]) + y)  # s (y - mu)
        count = np.maximum(y, 1.0)
        z = gap * (-1.0 / count)
        rate = -jets.expm1(log_s) + jets.exp(log_theta) * (1.0 / count)
        log_rate = jets.where(jets.value(z) > -0.5, jets.log1p(z), jets.log(rate))
        positive = log_theta + log_rate * (count - 1.0) - z * count
        zero = -jets.exp(log_theta)
        found = jets.where(y > 0.0, positive, zero)
        impossible = (y > 0.0) & (jets.value(z) <= -1.0)
        return jets.where(impossible, zero * 0.0 - np.inf, found)

    def constant(self, y: FloatArray, trials: FloatArray | None) -> FloatArray:
        """Terms in y only: (y - 1) log y - y - log y!."""
        return np.where(y > 0.0, xlogy(np.maximum(y, 1.0) - 1.0, np.maximum(y, 1.0)), 0.0) - (
            y + lgamma(y + 1.0)
        )

    def variance(self, eta: Sequence[FloatArray], trials: FloatArray | None) -> FloatArray:
        """Variance phi mu."""
        return np.exp(eta[1]) * self.mean(eta)

    def draw(
        self, eta: Sequence[FloatArray], trials: FloatArray | None, rng: np.random.Generator
    ) -> FloatArray:
        """Random counts: the progeny of Poisson families where phi >= 1, else by inversion."""
        s = np.exp(-0.5 * eta[1])
        out = draw_poisson(s * self.mean(eta), rng)
        generation, rows = out.copy(), np.flatnonzero((s < 1.0) & (out > 0.0))
        while len(rows):
            generation[rows] = draw_poisson((1.0 - s[rows]) * generation[rows], rng)
            out[rows] += generation[rows]
            rows = rows[generation[rows] > 0.0]
        under = np.flatnonzero(s > 1.0)
        inner = [e[under] for e in eta]
        total = self._total(inner)

        def cdf(y: FloatArray, rows: IntArray) -> FloatArray:
            return self._summed(y, [e[rows] for e in inner]) / total[rows]

        out[under] = draw_by_inversion(cdf, rng.random(len(under)) * (1.0 - 1e-12))
        return out

    def cdf(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[FloatArray]
    ) -> FloatArray:
        """Distribution function, by its sum."""
        return np.minimum(self._summed(np.floor(y), eta), 1.0)

    def _last(self, eta: Sequence[FloatArray]) -> FloatArray:
        """Largest count (n,) that the formula has."""
        s, mu = np.exp(-0.5 * eta[1]), self.mean(eta)
        with np.errstate(divide="ignore", invalid="ignore"):
            bound = np.where(s > 1.0, s * mu / (s - 1.0), np.inf)
        return np.where(np.isfinite(bound), np.maximum(np.ceil(bound) - 1.0, 0.0), np.inf)

    def _summed(self, k: FloatArray, eta: Sequence[FloatArray]) -> FloatArray:
        """Sum (n,) of the probabilities of 0, ..., k."""
        mu, phi = self.mean(eta), np.exp(eta[1])
        deviation = np.sqrt(phi * mu)
        low = np.maximum(np.floor(mu - _DEVIATIONS * deviation - 2.0), 0.0)
        c = _FAINT * phi
        high = np.minimum(np.ceil(mu + c + np.sqrt(c * (c + 2.0 * mu)) + 10.0), self._last(eta))
        row, j, weight = lattice(low, np.minimum(k, high), 2.0 * np.maximum(deviation, phi))
        with np.errstate(invalid="ignore", divide="ignore"):
            log_mass = self.log_density(j, None, [e[row] for e in eta]) + self.constant(j, None)
        mass = np.where(np.isfinite(log_mass), np.exp(log_mass), 0.0)
        return np.asarray(np.bincount(row, weight * mass, len(k)))

    def _total(self, eta: Sequence[FloatArray]) -> FloatArray:
        """Sum (n,) of all probabilities where phi < 1."""
        return self._summed(self._last(eta), eta)

    def caveat(self, trials: FloatArray | None, eta: Sequence[FloatArray]) -> str | None:
        """Say how far from one the probabilities of underdispersed counts sum."""
        under = np.flatnonzero(eta[1] < 0.0)
        if not len(under):
            return None
        off = self._total([np.asarray(e)[under] for e in eta]) - 1.0
        worst = float(off[np.argmax(np.abs(off))])
        if not abs(worst) > _OFF:
            return None
        return (
            f"where its dispersion is below one, the generalized Poisson formula is no "
            f"distribution: its probabilities sum to {1.0 + worst:.4g} in the worst row. Family "
            "'conway_maxwell_poisson' is a distribution for such counts."
        )

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
        return (
            mean_start(self.link, y, offset, weights, floor),
            log_within(ratio, 1.0, 20.0) / 2.0,
        )
