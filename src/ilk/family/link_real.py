r"""Links of means that are real or positive numbers.

============== ===================== ==========================
name           predictor             mean
============== ===================== ==========================
identity       mu                    eta
log            log mu                exp(eta)
softplus       log(exp(mu) - 1)      log(1 + exp(eta))
sqrt           sqrt(mu)              eta^2
inverse        1 / mu                1 / eta
inverse_squared 1 / mu^2             eta^(-1/2)
power(k)       mu^k                  eta^(1/k), eta > 0
============== ===================== ==========================
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from ilk.errors import ModelError
from ilk.family.link_base import POSITIVE, REAL, AbstractLink, AbstractPlainLink, Interval
from ilk.num import jets, stable
from ilk.num.jets import NumberT
from ilk.typing import FloatArray

__all__ = ["Identity", "Inverse", "InverseSquared", "Log", "Power", "Softplus", "Sqrt"]


@final
@dataclass(frozen=True, slots=True)
class Identity(AbstractPlainLink):
    """The mean itself."""

    name: ClassVar[str] = "identity"
    range: ClassVar[Interval] = REAL

    def link(self, mu: FloatArray) -> FloatArray:
        """Linear predictor of means."""
        return mu

    def inverse(self, eta: NumberT) -> NumberT:
        """Mean of a linear predictor."""
        return eta


@final
@dataclass(frozen=True, slots=True)
class Inverse(AbstractPlainLink):
    """One over the mean."""

    name: ClassVar[str] = "inverse"
    range: ClassVar[Interval] = POSITIVE
    positive_predictor: ClassVar[bool] = True
    averages: ClassVar[bool] = False

    def link(self, mu: FloatArray) -> FloatArray:
        """Linear predictor of means."""
        return 1.0 / mu

    def inverse(self, eta: NumberT) -> NumberT:
        """Mean of a linear predictor."""
        return jets.power(eta, -1.0)


@final
@dataclass(frozen=True, slots=True)
class InverseSquared(AbstractPlainLink):
    """One over the squared mean."""

    name: ClassVar[str] = "inverse_squared"
    range: ClassVar[Interval] = POSITIVE
    positive_predictor: ClassVar[bool] = True
    averages: ClassVar[bool] = False

    def link(self, mu: FloatArray) -> FloatArray:
        """Linear predictor of means."""
        return mu**-2.0

    def inverse(self, eta: NumberT) -> NumberT:
        """Mean of a linear predictor."""
        return jets.power(eta, -0.5)


@final
@dataclass(frozen=True, slots=True)
class Sqrt(AbstractPlainLink):
    """Square root of the mean."""

    name: ClassVar[str] = "sqrt"
    range: ClassVar[Interval] = POSITIVE
    positive_predictor: ClassVar[bool] = True

    def link(self, mu: FloatArray) -> FloatArray:
        """Linear predictor of means."""
        return np.sqrt(mu)

    def inverse(self, eta: NumberT) -> NumberT:
        """Mean of a linear predictor."""
        return eta * eta


@final
@dataclass(frozen=True, slots=True)
class Log(AbstractLink):
    """Logarithm of the mean."""

    name: ClassVar[str] = "log"
    range: ClassVar[Interval] = POSITIVE

    def link(self, mu: FloatArray) -> FloatArray:
        """Linear predictor of means."""
        return np.log(mu)

    def inverse(self, eta: NumberT) -> NumberT:
        """Mean of a linear predictor."""
        return jets.exp(eta)

    def log_inverse(self, eta: NumberT) -> NumberT:
        """Logarithm of the mean."""
        return eta

    def log_complement(self, eta: NumberT) -> NumberT:
        """Logarithm of one minus the mean."""
        return jets.log1mexp(-eta)


@final
@dataclass(frozen=True, slots=True)
class Softplus(AbstractLink):
    """Positive means that grow as the predictor where it is large, and vanish as its exponential.

    Dugas et al. (2001), Advances in Neural Information Processing Systems 13, section 3.
    """

    name: ClassVar[str] = "softplus"
    range: ClassVar[Interval] = POSITIVE

    def link(self, mu: FloatArray) -> FloatArray:
        """Linear predictor of means."""
        return mu + stable.log1mexp(mu)

    def inverse(self, eta: NumberT) -> NumberT:
        """Mean of a linear predictor."""
        return jets.softplus(eta)

    def log_inverse(self, eta: NumberT) -> NumberT:
        """Logarithm of the mean."""
        return jets.log_softplus(eta)

    def log_complement(self, eta: NumberT) -> NumberT:
        """Logarithm of one minus the mean."""
        return jets.log1p(-jets.softplus(eta))


@final
@dataclass(frozen=True, slots=True)
class Power(AbstractLink):
    """A power of the mean; predictors are positive.

    Attributes
    ----------
    exponent : float
        Exponent k, neither zero nor infinite; the limit of zero is the log link.

    Examples
    --------
    >>> import numpy as np
    >>> Power(0.5).inverse(np.array([3.0])).round(12)
    array([9.])
    >>> Power(1 / 3).name
    'power(0.3333333333333333)'
    """

    exponent: float
    range: ClassVar[Interval] = POSITIVE
    positive_predictor: ClassVar[bool] = True
    averages: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Refuse exponents that make no link."""
        if self.exponent == 0.0:
            raise ModelError("The link 'power(0)' is the link 'log'; ask for that.", code="link")
        if not math.isfinite(self.exponent):
            raise ModelError(
                f"The exponent of a power link is {self.exponent!r}; it has to be a finite number.",
                code="link",
            )

    @property
    def name(self) -> str:  # type: ignore[override]
        """Name with the exponent, such as ``"power(0.5)"``."""
        whole = float(self.exponent).is_integer()
        return f"power({int(self.exponent) if whole else float(self.exponent)!r})"

    def link(self, mu: FloatArray) -> FloatArray:
        """Linear predictor of means."""
        return np.asarray(np.power(mu, self.exponent))

    def inverse(self, eta: NumberT) -> NumberT:
        """Mean of a linear predictor; nan where that is negative."""
        mean = jets.power(eta, 1.0 / self.exponent)
        return jets.where(jets.value(eta) > 0.0, mean, mean * math.nan)

    def log_inverse(self, eta: NumberT) -> NumberT:
        """Logarithm of the mean."""
        return jets.log(eta) * (1.0 / self.exponent)

    def log_complement(self, eta: NumberT) -> NumberT:
        """Logarithm of one minus the mean."""
        return jets.log1p(-self.inverse(eta))
