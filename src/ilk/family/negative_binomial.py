r"""Negative binomial families: counts with more variance than Poisson's.

Both are gamma mixtures of Poisson distributions, with shape k:

* type 1, :math:`\operatorname{Var} y = \mu (1 + \phi)`, :math:`k = \mu / \phi`;
* type 2, :math:`\operatorname{Var} y = \mu + \phi \mu^2`, :math:`k = 1 / \phi`;

.. math:: \log f = \log\frac{\Gamma(k + y)}{\Gamma(k)\, y!} - k \log(1 + \mu / k)
   - y \log(1 + k / \mu)

The ratio of gamma functions and the logarithms are computed without cancellation, so that the
Poisson limit :math:`\phi \to 0` is approached smoothly.  Hilbe (2011) [Hilbe2011], sections
8.2 and 10.2.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, final

import numpy as np

from ilk.errors import ModelError
from ilk.family.base import AbstractFamily, require_link
from ilk.family.link import POSITIVE, AbstractLink, Interval, Log
from ilk.family.moments import log_within, mean_start, relative_variance
from ilk.family.poisson import check_counts
from ilk.family.sampling import draw_poisson
from ilk.num import jets
from ilk.num.jets import NumberT
from ilk.num.stable import lgamma, special, xlogy
from ilk.typing import FloatArray, IntArray

# From this shape on counts are Poisson to all digits, and the incomplete beta ratio is still good.
_POISSON_FROM = 1e40


class _AbstractNegativeBinomial(AbstractFamily):
    """What both types share: everything but the density and the shape k."""

    __slots__ = ()

    parameters: ClassVar[tuple[str, ...]] = ("mean", "dispersion")
    links: ClassVar[tuple[str, ...]] = ("log", "sqrt", "identity", "softplus", "power")
    compiled_links: ClassVar[tuple[str, ...]] = ("log",)
    mean_range: ClassVar[Interval] = POSITIVE
    discrete: ClassVar[bool] = True
    dispersion_limit: ClassVar[str | None] = "poisson"
    has_unit_deviance: ClassVar[bool] = True

    @abstractmethod
    def shape(self, mu: FloatArray, phi: FloatArray | float) -> FloatArray:
        """Shape k (n,) of the mixing gamma distribution."""

    def constant(self, y: FloatArray, trials: FloatArray | None) -> FloatArray:
        """Minus log y!."""
        return -lgamma(y + 1.0)

    def draw(
        self, eta: Sequence[FloatArray], trials: FloatArray | None, rng: np.random.Generator
    ) -> FloatArray:
        """Random counts."""
        mu = self.mean(eta)
        k = self.shape(mu, np.exp(eta[1]))
        return draw_poisson(rng.gamma(k, mu / k), rng)

    def cdf(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[FloatArray]
    ) -> FloatArray:
        """Distribution function, 1 - I_q(y + 1, k) with q = mu / (k + mu), exact as k grows."""
        mu, count = self.mean(eta), np.floor(y)
        k = np.minimum(self.shape(mu, np.exp(eta[1])), _POISSON_FROM)
        with np.errstate(divide="ignore", over="ignore"):
            q = 1.0 / (1.0 + k / mu)
        inside = special().betaincc(np.maximum(count, 0.0) + 1.0, k, q)
        return np.where(count < 0.0, 0.0, inside)

    def unit_deviance(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        mu: FloatArray,
        phi: FloatArray | float | None = None,
    ) -> FloatArray:
        """Deviance 2 [y log(y / mu) - (y + k) log((y + k) / (mu + k))] at the shape k."""
        if phi is None:
            raise ModelError(f"The deviance of family {self.name!r} needs the dispersion phi.")
        k = self.shape(mu, phi)
        return 2.0 * (xlogy(y, y / mu) - (y + k) * np.log1p((y - mu) / (mu + k)))

    def check(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        name: str,
        rows: IntArray | None = None,
    ) -> None:
        """Refuse what is not a count."""
        check_counts(self, y, name, rows)


@final
@dataclass(frozen=True, slots=True)
class NegativeBinomial1(_AbstractNegativeBinomial):
    """Counts whose variance mu (1 + phi) is proportional to the mean."""

    name: ClassVar[str] = "negative_binomial_1"
    link: AbstractLink = field(default_factory=Log)

    def __post_init__(self) -> None:
        """Check the link."""
        require_link(self)

    def shape(self, mu: FloatArray, phi: FloatArray | float) -> FloatArray:
        """Shape k = mu / phi."""
        return mu / phi

    def log_density(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[NumberT]
    ) -> NumberT:
        """Log density without log y!; mu / k = phi."""
        log_phi = eta[1]
        k = jets.exp(self.link.log_inverse(eta[0]) - log_phi)
        return jets.lgamma_ratio(k, y) - k * jets.softplus(log_phi) - jets.softplus(-log_phi) * y

    def variance(self, eta: Sequence[FloatArray], trials: FloatArray | None) -> FloatArray:
        """Variance mu (1 + phi)."""
        return self.mean(eta) * (1.0 + np.exp(eta[1]))

    def start(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        offset: FloatArray | None,
        weights: FloatArray | None,
    ) -> tuple[float, ...]:
        """Overall mean, and half of the excess variance (effects explain the rest)."""
        center, variance = relative_variance(y, weights)
        excess = variance / max(center, 0.5 / len(y)) - 1.0
        mean = mean_start(self.link, y, offset, weights, floor=0.5 / len(y))
        return (mean, log_within(0.5 * excess, 0.1, 10.0))


@final
@dataclass(frozen=True, slots=True)
class NegativeBinomial2(_AbstractNegativeBinomial):
    """Counts whose variance mu + phi mu^2 is quadratic in the mean."""

    name: ClassVar[str] = "negative_binomial_2"
    link: AbstractLink = field(default_factory=Log)

    def __post_init__(self) -> None:
        """Check the link."""
        require_link(self)

    def shape(self, mu: FloatArray, phi: FloatArray | float) -> FloatArray:
        """Shape k = 1 / phi."""
        return np.broadcast_to(np.asarray(1.0 / phi), np.shape(mu))

    def log_density(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[NumberT]
    ) -> NumberT:
        """Log density without log y!; mu / k = phi mu."""
        log_phi_mu = self.link.log_inverse(eta[0]) + eta[1]
        k = jets.exp(-eta[1])
        return jets.lgamma_ratio(k, y) + log_phi_mu * y - (k + y) * jets.softplus(log_phi_mu)

    def variance(self, eta: Sequence[FloatArray], trials: FloatArray | None) -> FloatArray:
        """Variance mu + phi mu^2."""
        mu = self.mean(eta)
        return mu + np.exp(eta[1]) * mu * mu

    def start(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        offset: FloatArray | None,
        weights: FloatArray | None,
    ) -> tuple[float, ...]:
        """Overall mean, and half of the excess variance (effects explain the rest)."""
        center, variance = relative_variance(y, weights)
        center = max(center, 0.5 / len(y))
        mean = mean_start(self.link, y, offset, weights, floor=0.5 / len(y))
        return (mean, log_within(0.5 * (variance - center) / center**2, 0.05, 3.0))
