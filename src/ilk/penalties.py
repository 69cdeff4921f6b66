r"""Penalties of coefficients, as objects to pass to ``penalty=``.

A penalty is a log density that is added to the log-likelihood; it keeps estimates finite where the
data are separated, and takes the small-sample bias away from zero out of others.  The names
``penalty="firth"`` and ``penalty="log_f"`` stand for the objects with their usual settings.
`Normal` and `LogF` concern every coefficient of the mean and of the zero inflation except
intercepts, each on the scale of its own column: a change of units changes what a penalty says, so
think of the effect per unit before choosing its width.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from ilk.errors import ModelError, did_you_mean

if TYPE_CHECKING:
    from ilk.typing import FloatArray

__all__ = ["AbstractPenalty", "AbstractPrior", "Firth", "LogF", "Normal", "make_penalty"]


def _require_positive(name: str, argument: str, value: Any) -> None:
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(
        value, bool
    )
    if not number or not 0.0 < value < np.inf:
        raise ModelError(
            f"ilk.{name}({argument}={value!r}): give a finite number above 0.", code="penalty"
        )


class AbstractPenalty(ABC):
    """What is added to the log-likelihood."""

    __slots__ = ()

    @property
    @abstractmethod
    def words(self) -> str:
        """The penalty in words, for summaries."""


class AbstractPrior(AbstractPenalty):
    """A penalty that is a sum over coefficients."""

    __slots__ = ()

    @abstractmethod
    def value(self, coef: FloatArray) -> float:
        """Sum of the log densities of coefficients (k,), up to a constant."""

    @abstractmethod
    def slope(self, coef: FloatArray) -> FloatArray:
        """Derivatives (k,) of the log densities."""

    @abstractmethod
    def curvature(self, coef: FloatArray) -> FloatArray:
        """Minus the second derivatives (k,) of the log densities."""


@final
@dataclass(frozen=True, slots=True)
class Normal(AbstractPrior):
    r"""Normal densities around zero, :math:`-\beta^2 / (2 s^2)`: a ridge penalty.

    Parameters
    ----------
    scale : float
        Standard deviation s: effects beyond two of these are thought unlikely.

    Examples
    --------
    >>> import ilk
    >>> ilk.Normal(2.5)
    Normal(scale=2.5)
    """

    scale: float = 2.5

    def __post_init__(self) -> None:
        _require_positive("Normal", "scale", self.scale)

    @property
    def words(self) -> str:
        """The penalty in words."""
        return (
            f"normal with standard deviation {self.scale:g} on each coefficient except intercepts"
        )

    def value(self, coef: FloatArray) -> float:
        """Sum of -b^2 / (2 s^2)."""
        return -0.5 * float(coef @ coef) / self.scale**2

    def slope(self, coef: FloatArray) -> FloatArray:
        """Derivatives -b / s^2."""
        return -coef / self.scale**2

    def curvature(self, coef: FloatArray) -> FloatArray:
        """Curvature 1 / s^2."""
        return np.full(len(coef), self.scale**-2)


@final
@dataclass(frozen=True, slots=True)
class LogF(AbstractPrior):
    r"""Log-F densities, :math:`\tfrac m2 \beta - m \log(1 + e^\beta)`.

    In a logistic model that is what m further observations would add, half of them events, in
    which only this column is one and all others are zero (Greenland and Mansournia 2015).

    Parameters
    ----------
    m : float
        Weight; with 1 the odds ratio lies between 1/648 and 648 with probability 0.95, with 2
        between 1/39 and 39.

    Examples
    --------
    >>> import ilk
    >>> ilk.LogF(m=2)
    LogF(m=2)
    """

    m: float = 1.0

    def __post_init__(self) -> None:
        _require_positive("LogF", "m", self.m)

    @property
    def words(self) -> str:
        """The penalty in words."""
        return f"log-F({self.m:g}, {self.m:g}) on each coefficient except intercepts"

    def value(self, coef: FloatArray) -> float:
        """Sum of m b / 2 - m log(1 + exp(b))."""
        return self.m * float(np.sum(0.5 * coef - np.logaddexp(0.0, coef)))

    def slope(self, coef: FloatArray) -> FloatArray:
        """Derivatives -(m / 2) tanh(b / 2)."""
        return -0.5 * self.m * np.tanh(0.5 * coef)

    def curvature(self, coef: FloatArray) -> FloatArray:
        """Curvature (m / 4) / cosh(b / 2)^2."""
        return 0.25 * self.m * (1.0 - np.tanh(0.5 * coef) ** 2)


@final
@dataclass(frozen=True, slots=True)
class Firth(AbstractPenalty):
    r"""Jeffreys' prior of the mean's coefficients, :math:`\tfrac12 \log |X'WX|` (Firth 1993).

    W is the expected information of the linear predictors with all random effects at zero
    (Sterzinger and Kosmidis 2023).  For models without random effects that takes the first-order
    bias out of the estimates; in all, it keeps the mean's coefficients finite.  The covariance
    of the random effects is not penalized.

    Examples
    --------
    >>> from ilk.penalties import Firth
    >>> Firth().words
    "Firth's, Jeffreys' prior of the mean's coefficients with random effects at zero"
    """

    @property
    def words(self) -> str:
        """The penalty in words."""
        return "Firth's, Jeffreys' prior of the mean's coefficients with random effects at zero"


_NAMES: dict[str, AbstractPenalty] = {"firth": Firth(), "log_f": LogF()}


def make_penalty(penalty: Any) -> AbstractPenalty | None:
    """Give the penalty that an argument asks for.

    Parameters
    ----------
    penalty : str, AbstractPenalty or None
        ``"firth"``, ``"log_f"``, or an object.

    Raises
    ------
    ModelError
        It is none of these.
    """
    if penalty is None or isinstance(penalty, AbstractPenalty):
        return penalty
    offered = "'firth', 'log_f', ilk.LogF(m) or ilk.Normal(scale)"
    if not isinstance(penalty, str):
        raise ModelError(
            f"penalty={penalty!r}: give {offered}, not {type(penalty).__name__}.", code="penalty"
        )
    if penalty not in _NAMES:
        hint = did_you_mean(penalty, _NAMES)
        if penalty.casefold() in ("normal", "ridge", "gaussian"):
            hint = " A normal penalty needs its width: penalty=ilk.Normal(scale=2.5)."
        raise ModelError(f"penalty={penalty!r} is not known; give {offered}.{hint}", code="penalty")
    return _NAMES[penalty]
