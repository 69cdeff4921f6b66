r"""Link functions: :math:`\eta = g(\mu)` and its inverse.

The engines need the mean, its logarithm and the logarithm of its complement as functions of the
linear predictor, each without cancellation in the tails.  They are written for jets, so all
derivatives follow.  A link of one's own subclasses :class:`AbstractPlainLink`, which derives the
logarithms from the inverse.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from ilk.errors import ModelError, did_you_mean
from ilk.num import jets, stable
from ilk.num.jets import NumberT
from ilk.typing import BoolArray, FloatArray

__all__ = [
    "LINKS",
    "AbstractLink",
    "AbstractPlainLink",
    "Cloglog",
    "Identity",
    "Interval",
    "Inverse",
    "InverseSquared",
    "Log",
    "Logit",
    "Probit",
    "Sqrt",
    "find_link",
    "is_registered",
]


@final
@dataclass(frozen=True, slots=True)
class Interval:
    """Range of numbers, ends excluded unless closed.

    Attributes
    ----------
    low, high : float
        Ends.
    low_closed, high_closed : bool
        Whether the ends belong to the range.
    """

    low: float
    high: float
    low_closed: bool = False
    high_closed: bool = False

    def contains(self, x: FloatArray) -> BoolArray:
        """Whether each number lies in the range."""
        above = x >= self.low if self.low_closed else x > self.low
        below = x <= self.high if self.high_closed else x < self.high
        return np.asarray(above & below)

    def __str__(self) -> str:
        left = "[" if self.low_closed else "("
        right = "]" if self.high_closed else ")"
        return f"{left}{self.low:g}, {self.high:g}{right}"


REAL = Interval(-math.inf, math.inf)
POSITIVE = Interval(0.0, math.inf)
UNIT = Interval(0.0, 1.0)


class AbstractLink(ABC):
    """A link function.

    Attributes
    ----------
    name : str
        Name that users write.
    range : Interval
        Means that the link takes.
    """

    __slots__ = ()

    name: ClassVar[str]
    range: ClassVar[Interval]

    @abstractmethod
    def link(self, mu: FloatArray) -> FloatArray:
        """Linear predictor (n,) of means (n,)."""

    @abstractmethod
    def inverse(self, eta: NumberT) -> NumberT:
        """Mean of a linear predictor, an array (n,) or a jet."""

    @abstractmethod
    def log_inverse(self, eta: NumberT) -> NumberT:
        """Logarithm of the mean."""

    @abstractmethod
    def log_complement(self, eta: NumberT) -> NumberT:
        """Logarithm of one minus the mean."""

    @final
    def derivative(self, eta: FloatArray) -> FloatArray:
        """Return the derivative (n,) of the mean in the linear predictor."""
        derivative: FloatArray = self.inverse(jets.variables([eta], 1)[0]).first[0]
        return derivative


class AbstractPlainLink(AbstractLink):
    """A link whose logarithms are those of its inverse; :meth:`link` and :meth:`inverse` suffice.

    Examples
    --------
    >>> import numpy as np
    >>> from ilk.family.link import AbstractPlainLink, Interval
    >>> class Cube(AbstractPlainLink):
    ...     name, range = "cube", Interval(0.0, np.inf)
    ...     def link(self, mu):
    ...         return mu**3
    ...     def inverse(self, eta):
    ...         return eta ** (1.0 / 3.0)
    >>> Cube().derivative(np.array([1.0]))
    array([0.33333333])
    """

    __slots__ = ()

    @final
    def log_inverse(self, eta: NumberT) -> NumberT:
        """Logarithm of the mean."""
        return jets.log(self.inverse(eta))

    @final
    def log_complement(self, eta: NumberT) -> NumberT:
        """Logarithm of one minus the mean."""
        return jets.log1p(-self.inverse(eta))


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
class Logit(AbstractLink):
    """Logarithm of the odds."""

    name: ClassVar[str] = "logit"
    range: ClassVar[Interval] = UNIT

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


LINKS: dict[str, type[AbstractLink]] = {
    kind.name: kind
    for kind in (Identity, Log, Logit, Probit, Cloglog, Inverse, InverseSquared, Sqrt)
}
"""Links by the names that users write."""

_OTHER_NAMES = {"1/mu^2": "inverse_squared", "1/mu": "inverse"}


def find_link(link: str | AbstractLink) -> AbstractLink:
    """Link by its name.

    Parameters
    ----------
    link : str or AbstractLink
        Name, or a link of one's own.

    Returns
    -------
    AbstractLink
        The link.

    Raises
    ------
    ModelError
        No link has this name.
    """
    if isinstance(link, AbstractLink):
        return link
    if link in LINKS:
        return LINKS[link]()
    renamed = _OTHER_NAMES.get(link)
    hint = f" Did you mean {renamed!r}?" if renamed else did_you_mean(str(link), LINKS)
    raise ModelError(
        f"Unknown link {link!r}; there are {', '.join(LINKS)}.{hint}", code="unknown-link"
    )


def is_registered(link: AbstractLink) -> bool:
    """Whether a link is one of the package's own, not a user's of the same name."""
    return LINKS.get(link.name) is type(link)
