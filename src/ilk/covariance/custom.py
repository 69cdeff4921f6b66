r"""A covariance structure of the user's own: a function of the parameters.

The function gives a factor :math:`L(\theta)` with :math:`G = L L'`, or the matrix G itself.  The
scale of random effects is that of the response, which a fit chooses as it likes; so a structure has
to have all positive multiples of its matrices.  If the function has them,
:math:`L(\theta)` is a combination of its own derivatives at every :math:`\theta`, and it is taken
as it is; if not, a standard deviation is put before it, :math:`\Lambda = \sigma L(\theta)`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, TypeAlias, final

import numpy as np

from ilk.covariance.base import START, AbstractCovariance, Equivariance
from ilk.covariance.correlated import cholesky_with_slope
from ilk.covariance.natural import Natural, Reported, common_name
from ilk.errors import ModelError
from ilk.num.differences import jacobian
from ilk.typing import BoolArray, FloatArray

__all__ = ["Custom", "Function", "Rule", "derivative_of"]

Function: TypeAlias = Callable[[FloatArray], Any]

Rule: TypeAlias = Literal["given", "complex step", "differences"]
"""How derivatives are found."""

_TINY = 1e-40
"""Imaginary step, whose square is lost."""

_STEP = 1e-3
_STRIDE = 0.1
"""Largest step, in the logarithm of a scale, on the way to a multiple."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Custom(AbstractCovariance):
    """A structure by functions of its parameters.

    Attributes
    ----------
    function : callable
        Takes theta (m,) to the factor or the covariance matrix (q, q).
    of_covariance : bool
        Which of the two it is.
    begin : tuple of m float
        Where a search starts.
    parameters : tuple of m str
        Names of the parameters.
    order : int
        Number q of effects.
    derivative : callable or None
        Takes theta (m,) to the derivative (q, q, m) of the function.
    rule : {"given", "complex step", "differences"}
        How derivatives are found.
    scaled : bool
        Whether a standard deviation is put before it.
    shown : tuple of (Natural, callable)
        Parameters as they are reported, and their functions of theta.
    """

    name: ClassVar[str] = "custom"
    equivariance: ClassVar[Equivariance] = "none"
    function: Function
    of_covariance: bool
    begin: tuple[float, ...]
    parameters: tuple[str, ...]
    order: int
    derivative: Function | None = None
    rule: Rule = "differences"
    scaled: bool = True
    shown: tuple[tuple[Natural, Function], ...] = ()

    def size(self, q: int) -> int:
        """Count the parameters."""
        del q
        return len(self.begin) + self.scaled

    def start(self, q: int) -> FloatArray:
        """Where the user says, after the standard deviation if there is one."""
        self.check_width(q, "The term")
        return np.array([*([START] if self.scaled else []), *self.begin])

    def check_width(self, q: int, what: str) -> None:
        """Refuse a term with another number of columns.

        Parameters
        ----------
        q : int
            Number of columns.
        what : str
            The term, for the message.
        """
        if q != self.order:
            raise ModelError(
                f"{what} has {q} column{'s' if q > 1 else ''}, but its covariance structure of "
                f"your own gives matrices of {self.order} x {self.order}; change one of the two.",
                code="custom-covariance",
            )

    def factor(self, theta: FloatArray, q: int) -> tuple[FloatArray, FloatArray]:
        """Factor by the function, times the standard deviation if there is one."""
        del q
        factor, slope = self.shape(theta[1:] if self.scaled else theta)
        if not self.scaled:
            return factor, slope
        return theta[0] * factor, np.concatenate([factor[:, :, None], theta[0] * slope], axis=2)

    def shape(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Factor (q, q) and its derivative (q, q, m), by the function alone."""
        with np.errstate(all="ignore"):
            value = np.asarray(self.function(theta), dtype=np.float64)
            slope = derivative_of(self.function, theta, self.rule, self.derivative)
        if not self.of_covariance:
            return value, slope
        size = math.sqrt(float(np.mean(np.diag(value))))
        if not 0.0 < size < math.inf:
            return np.full_like(value, np.nan), np.full_like(slope, np.nan)
        root, bend = cholesky_with_slope(value / size**2, slope / size**2)
        return size * root, size * bend

    def linear(self, q: int) -> None:
        """Not known to be linear."""

    def snappable(self, q: int) -> BoolArray:
        """Mark the standard deviation."""
        return np.arange(self.size(q)) < int(self.scaled)

    def canonical(self, theta: FloatArray, q: int) -> FloatArray:
        """Make the standard deviation not negative."""
        return np.concatenate([np.abs(theta[:1]), theta[1:]]) if self.scaled else theta

    def multiplied(self, theta: FloatArray, by: float, q: int) -> FloatArray:
        """Follow the direction in which the factor grows as a whole."""
        del q
        if self.scaled:
            return np.concatenate([theta[:1] * by, theta[1:]])
        length = math.log(by)
        count = max(1, math.ceil(abs(length) / _STRIDE))
        h = length / count
        for _ in range(count):  # Runge and Kutta's steps
            a = self._growth(theta)
            b = self._growth(theta + 0.5 * h * a)
            c = self._growth(theta + 0.5 * h * b)
            d = self._growth(theta + h * c)
            step: FloatArray = h / 6.0 * (a + 2.0 * b + 2.0 * c + d)
            theta = theta + step
        return theta

    def _growth(self, theta: FloatArray) -> FloatArray:
        factor, slope = self.shape(theta)
        found = np.linalg.lstsq(slope.reshape(factor.size, -1), factor.ravel(), rcond=None)[0]
        return np.asarray(found, dtype=np.float64)

    def names(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Names that the user gives."""
        return (*(("sd",) if self.scaled else ()), *self.parameters)

    def reported(self, columns: Sequence[str]) -> Reported:
        """Standard deviations, and what the user shows, otherwise correlations."""
        name = (common_name(columns),)
        found = tuple(replace(natural, terms=name) for natural, _ in self.shown)
        return Reported(pairs=not found, parameters=found)

    def natural(self, theta: FloatArray, q: int) -> FloatArray:
        """Values of what the user shows."""
        del q
        own = theta[1:] if self.scaled else theta
        return np.array([float(function(own)) for _, function in self.shown])


def derivative_of(
    function: Function, theta: FloatArray, rule: Rule, derivative: Function | None = None
) -> FloatArray:
    """Derivative (q, q, m) of a function at theta.

    Parameters
    ----------
    function : callable
        Takes theta (m,) to (q, q).
    theta : ndarray (m,)
        Where.
    rule : {"given", "complex step", "differences"}
        How.
    derivative : callable, optional
        The derivative, if it is given.
    """
    if derivative is not None and rule == "given":
        return np.asarray(derivative(theta), dtype=np.float64)
    if rule == "complex step":
        steps = _TINY * 1j * np.eye(len(theta))
        slopes = [np.imag(np.asarray(function(theta + step))) / _TINY for step in steps]
        return np.stack(slopes, axis=-1)
    sizes = _STEP * np.maximum(1.0, np.abs(theta))
    return jacobian(lambda at: np.asarray(function(at), dtype=np.float64), theta, sizes)
