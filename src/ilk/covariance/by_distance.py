r"""Correlations of effects at places: a function of the distance between them.

The q effects of a level stand at q places; the correlation of two is :math:`r(d / \kappa)` with
one range :math:`\kappa` (`ilk.covariance.decay`), all have one standard deviation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from ilk.covariance.base import Equivariance
from ilk.covariance.correlated import AbstractCorrelated, cholesky_with_slope
from ilk.covariance.decay import Decay, decay
from ilk.covariance.natural import Natural
from ilk.typing import FloatArray

__all__ = ["Exponential", "GaussianDecay", "Matern"]


class _ByDistance(AbstractCorrelated):
    """Correlations by distance."""

    __slots__ = ()

    equivariance: ClassVar[Equivariance] = "none"
    kind: ClassVar[Decay]
    places: tuple[tuple[float, ...], ...]

    def correlation_names(self, q: int) -> tuple[str, ...]:
        """Name the log range."""
        del q
        return ("log_range",)

    def correlation_start(self, q: int) -> FloatArray:
        """A range of a third of the median distance."""
        distance = self._distances(q)
        return np.array([math.log(float(np.median(distance[distance > 0.0])) / 3.0)])

    def correlation_factor(self, parameters: FloatArray, q: int) -> tuple[FloatArray, FloatArray]:
        """Cholesky factor of the correlations."""
        correlation, slope = decay(self.kind, self._distances(q), *self._logs(parameters))
        return cholesky_with_slope(correlation, slope[..., : len(parameters)])

    def correlation_natural(self, q: int) -> tuple[Natural, ...]:
        """Report the range and, if it is a parameter, the smoothness."""
        distance = self._distances(q)
        low, high = float(distance[distance > 0.0].min()), float(distance.max())
        range_ = Natural("range", (), 0.0, math.inf, shortest=low, longest=high)
        free = len(self.correlation_names(q)) > 1
        return (range_, *((Natural("smoothness", (), 0.0, math.inf),) if free else ()))

    def correlation_values(self, parameters: FloatArray, q: int) -> FloatArray:
        """Range and smoothness."""
        del q
        return np.exp(parameters)

    def correlation_at(self, theta: FloatArray, distance: FloatArray) -> FloatArray:
        """Correlations at distances."""
        return decay(self.kind, distance, *self._logs(theta[1:]))[0]

    def _logs(self, parameters: FloatArray) -> tuple[float, float | None]:
        return float(parameters[0]), None

    def _distances(self, q: int) -> FloatArray:
        places = self.places or tuple((float(i),) for i in range(q))
        points = np.asarray(places)
        between = points[:, None, :] - points[None, :, :]
        return np.asarray(np.sqrt(np.sum(between * between, axis=2)))


@final
@dataclass(frozen=True, slots=True)
class Exponential(_ByDistance):
    """Correlations exp(-d / range).

    Attributes
    ----------
    places : tuple of q tuples of float
        Coordinates; empty for 0, 1, ..., q - 1 on a line.
    """

    name: ClassVar[str] = "exp"
    kind: ClassVar[Decay] = "exp"
    places: tuple[tuple[float, ...], ...] = ()


@final
@dataclass(frozen=True, slots=True)
class GaussianDecay(_ByDistance):
    """Correlations exp(-(d / range)^2).

    Attributes
    ----------
    places : tuple of q tuples of float
        Coordinates; empty for 0, 1, ..., q - 1 on a line.
    """

    name: ClassVar[str] = "gau"
    kind: ClassVar[Decay] = "gau"
    places: tuple[tuple[float, ...], ...] = ()


@final
@dataclass(frozen=True, slots=True)
class Matern(_ByDistance):
    """Matern correlations.

    Attributes
    ----------
    places : tuple of q tuples of float
        Coordinates; empty for 0, 1, ..., q - 1 on a line.
    nu : float or None
        Smoothness; None makes it a parameter.
    """

    name: ClassVar[str] = "matern"
    kind: ClassVar[Decay] = "matern"
    places: tuple[tuple[float, ...], ...] = ()
    nu: float | None = None

    def correlation_names(self, q: int) -> tuple[str, ...]:
        """Name the log range and, if it is a parameter, the log smoothness."""
        del q
        return ("log_range", *(("log_nu",) if self.nu is None else ()))

    def correlation_start(self, q: int) -> FloatArray:
        """A range of a third of the median distance, a smoothness of one."""
        start = _ByDistance.correlation_start(self, q)
        return start if self.nu is not None else np.append(start, 0.0)

    def _logs(self, parameters: FloatArray) -> tuple[float, float | None]:
        nu = float(parameters[1]) if self.nu is None else math.log(self.nu)
        return float(parameters[0]), nu
