r"""Links of probabilities: the mean is a distribution function at the linear predictor.

========= ==================== ============================ ==================
name      predictor            mean                         variance
========= ==================== ============================ ==================
logit     log(mu / (1 - mu))   1 / (1 + exp(-eta))          pi^2 / 3
probit    normal quantile      normal                       1
cloglog   log(-log(1 - mu))    1 - exp(-exp(eta))           pi^2 / 6
loglog    -log(-log(mu))       exp(-exp(-eta))              pi^2 / 6
cauchit   tan(pi (mu - 1/2))   1/2 + arctan(eta) / pi       infinite
========= ==================== ============================ ==================

McCullagh and Nelder (1989) [McCullaghNelder1989], section 4.3.1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from ilk.family.link_base import UNIT, AbstractLink, Interval
from ilk.num import jets, stable
from ilk.num.jets import NumberT
from ilk.typing import FloatArray

__all__ = ["Cauchit", "Cloglog", "Logit", "Loglog", "Probit"]


@final
@dataclass(frozen=True, slots=True)
class Logit(AbstractLink):
    """Logarithm of the odds."""

    name: ClassVar[str] = "logit"
    range: ClassVar[Interval] = UNIT
    latent_variance: ClassVar[float | None] = math.pi**2 / 3.0

    def link(self, mu: FloatArray) -> FloatArray:
        """Linear predictor of means."""
        return np.log(mu) - np.log1p(-mu)

    def inverse(self, eta: NumberT) -> NumberT:
        """Mean of a linear predictor."""
        return jets.sigmoid(eta)

    def log_inverse(self, eta: NumberT) -> NumberT:
        """Logarithm of the mean."""
        return -jets.softplus(-eta)

    def log_complement(self, eta: NumberT) -> NumberT:
        """Logarithm of one minus the mean."""
        return -jets.softplus(eta)


@final
@dataclass(frozen=True, slots=True)
class Probit(AbstractLink):
    """Quantile of the standard normal distribution."""

    name: ClassVar[str] = "probit"
    range: ClassVar[Interval] = UNIT
    latent_variance: ClassVar[float | None] = 1.0

    def link(self, mu: FloatArray) -> FloatArray:
        """Linear predictor of means."""
        return np.asarray(stable.special().ndtri(mu))

    def inverse(self, eta: NumberT) -> NumberT:
        """Mean of a linear predictor."""
        return jets.ndtr(eta)

    def log_inverse(self, eta: NumberT) -> NumberT:
        """Logarithm of the mean."""
        return jets.log_ndtr(eta)

    def log_complement(self, eta: NumberT) -> NumberT:
        """Logarithm of one minus the mean."""
        return jets.log_ndtr(-eta)


@final
@dataclass(frozen=True, slots=True)
class Cloglog(AbstractLink):
    """Complementary log-log, the logarithm of a cumulative hazard."""

    name: ClassVar[str] = "cloglog"
    range: ClassVar[Interval] = UNIT
    latent_variance: ClassVar[float | None] = math.pi**2 / 6.0

    def link(self, mu: FloatArray) -> FloatArray:
        """Linear predictor of means."""
        return np.log(-np.log1p(-mu))

    def inverse(self, eta: NumberT) -> NumberT:
        """Mean of a linear predictor."""
        return jets.cloglog(eta)

    def log_inverse(self, eta: NumberT) -> NumberT:
        """Logarithm of the mean."""
        return jets.log_cloglog(eta)

    def log_complement(self, eta: NumberT) -> NumberT:
        """Logarithm of one minus the mean."""
        return -jets.exp(eta)


@final
@dataclass(frozen=True, slots=True)
class Loglog(AbstractLink):
    """Log-log, the complementary log-log of the opposite event with its sign changed."""

    name: ClassVar[str] = "loglog"
    range: ClassVar[Interval] = UNIT
    latent_variance: ClassVar[float | None] = math.pi**2 / 6.0

    def link(self, mu: FloatArray) -> FloatArray:
        """Linear predictor of means."""
        return -np.log(-np.log(mu))

    def inverse(self, eta: NumberT) -> NumberT:
        """Mean of a linear predictor."""
        return jets.loglog(eta)

    def log_inverse(self, eta: NumberT) -> NumberT:
        """Logarithm of the mean."""
        return -jets.exp(-eta)

    def log_complement(self, eta: NumberT) -> NumberT:
        """Logarithm of one minus the mean."""
        return jets.log_cloglog(-eta)


@final
@dataclass(frozen=True, slots=True)
class Cauchit(AbstractLink):
    """Quantile of the Cauchy distribution, for probabilities that come near 0 and 1 slowly."""

    name: ClassVar[str] = "cauchit"
    range: ClassVar[Interval] = UNIT
    latent_variance: ClassVar[float | None] = math.inf

    def link(self, mu: FloatArray) -> FloatArray:
        """Linear predictor of means."""
        near = np.minimum(mu, 1.0 - mu)  # both tails as 1 / tan of a small angle
        return np.asarray(np.copysign(1.0 / np.tan(math.pi * near), mu - 0.5))

    def inverse(self, eta: NumberT) -> NumberT:
        """Mean of a linear predictor."""
        return jets.cauchit(eta)

    def log_inverse(self, eta: NumberT) -> NumberT:
        """Logarithm of the mean."""
        return jets.log_cauchit(eta)

    def log_complement(self, eta: NumberT) -> NumberT:
        """Logarithm of one minus the mean."""
        return jets.log_cauchit(-eta)
