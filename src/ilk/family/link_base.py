r"""What a link function is: :math:`\eta = g(\mu)` and its inverse.

The engines need the mean, its logarithm and the logarithm of its complement as functions of the
linear predictor, each without cancellation in the tails.  They are written for jets, so all
derivatives follow.  A link of one's own subclasses :class:`AbstractPlainLink`, which derives the
logarithms from the inverse, or is made of two functions by `ilk.links.custom`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from ilk.num import jets
from ilk.num.jets import NumberT
from ilk.typing import BoolArray, FloatArray

__all__ = ["POSITIVE", "REAL", "UNIT", "AbstractLink", "AbstractPlainLink", "Interval"]


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
    positive_predictor : bool
        Whether one predictor out of each pair of opposite sign stands for a mean: the positive.
    averages : bool
        Whether the mean over normally distributed predictors exists.
    latent_variance : float or None
        Variance of the distribution of which the inverse is the distribution function.
    """

    __slots__ = ()

    name: ClassVar[str]
    range: ClassVar[Interval]
    positive_predictor: ClassVar[bool] = False
    averages: ClassVar[bool] = True
    latent_variance: ClassVar[float | None] = None

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
