r"""First-order autoregression: correlations that die away with the distance in time.

**Steps of one length** (ar1).  The correlation at lag h is :math:`\rho^h`, and with
:math:`\rho = \sin\alpha` the factor of the correlations,

.. math:: C_{i0} = \rho^i, \qquad C_{ij} = \rho^{i-j} \cos\alpha \quad (i \ge j \ge 1),

is smooth in the unconstrained :math:`\alpha`; correlations of one, at :math:`\alpha = \pm\pi/2`,
are ordinary points.  Whole steps that are left out are counted.

**Times as they come** (ou).  In an Ornstein-Uhlenbeck process the correlation at distance d is
:math:`e^{-d/\tau}`; between neighbors in time :math:`r_k = e^{-(t_k - t_{k-1})/\tau}` and

.. math:: C_{ij} = \sqrt{1 - r_j^2}\; r_{j+1} \cdots r_i, \qquad r_0 = 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from ilk.covariance.base import Equivariance
from ilk.covariance.correlated import AbstractCorrelated
from ilk.covariance.natural import Natural
from ilk.typing import FloatArray


@final
@dataclass(frozen=True, slots=True)
class Autoregressive(AbstractCorrelated):
    """Correlations that are powers of one number; steps of one length.

    Attributes
    ----------
    times : tuple of q int
        Times in steps, ascending; empty for 0, 1, ..., q - 1.
    """

    name: ClassVar[str] = "ar1"
    equivariance: ClassVar[Equivariance] = "none"
    times: tuple[int, ...] = ()

    def correlation_names(self, q: int) -> tuple[str, ...]:
        """Name the angle."""
        del q
        return ("angle",)

    def correlation_start(self, q: int) -> FloatArray:
        """Correlation of 0.3."""
        del q
        return np.array([math.asin(0.3)])

    def correlation_factor(self, parameters: FloatArray, q: int) -> tuple[FloatArray, FloatArray]:
        """Products of the correlations between neighbors."""
        gaps = np.diff(np.arange(q) if not self.times else np.asarray(self.times))
        rho, slope = math.sin(parameters[0]), math.cos(parameters[0])
        r = rho**gaps
        dr = gaps * rho ** (gaps - 1) * slope
        # 1 - rho^2g = cos^2 (1 + rho^2 + ... + rho^(2g - 2))
        terms = [np.arange(0, 2 * int(gap), 2) for gap in gaps]
        sums = np.array([np.sum(rho ** k.astype(float)) for k in terms])
        bend = np.array([np.sum(k[1:] * rho ** (k[1:] - 1.0)) for k in terms]) * slope
        root = slope * np.sqrt(sums)
        droot = -rho * np.sqrt(sums) + slope * 0.5 * bend / np.sqrt(sums)
        return _chain(r, dr, root, droot)

    def correlation_canonical(self, parameters: FloatArray, q: int) -> FloatArray:
        """Angle between -pi / 2 and pi / 2."""
        del q
        return np.arcsin(np.sin(parameters))

    def correlation_natural(self, q: int) -> tuple[Natural, ...]:
        """Report rho, the correlation of neighbors."""
        del q
        return (Natural("rho"),)

    def correlation_values(self, parameters: FloatArray, q: int) -> FloatArray:
        """The sine of the angle."""
        del q
        return np.sin(parameters)

    def correlation_at(self, theta: FloatArray, distance: FloatArray) -> FloatArray:
        """Correlations at distances in steps."""
        rho = math.sin(theta[1])
        return np.asarray(np.sign(rho) ** distance * abs(rho) ** distance)


@final
@dataclass(frozen=True, slots=True)
class OrnsteinUhlenbeck(AbstractCorrelated):
    """Correlations that die away exponentially with the time between.

    Attributes
    ----------
    times : tuple of q float
        Times, ascending; empty for 0, 1, ..., q - 1.
    """

    name: ClassVar[str] = "ou"
    equivariance: ClassVar[Equivariance] = "none"
    times: tuple[float, ...] = ()

    def correlation_names(self, q: int) -> tuple[str, ...]:
        """Name the logarithm of the time in which correlations fall to 1/e."""
        del q
        return ("log_range",)

    def correlation_start(self, q: int) -> FloatArray:
        """A correlation of 0.3 at the median distance between neighbors."""
        return np.array([math.log(float(np.median(self._gaps(q))) / -math.log(0.3))])

    def correlation_factor(self, parameters: FloatArray, q: int) -> tuple[FloatArray, FloatArray]:
        """Products of the correlations between neighbors."""
        x = self._gaps(q) * math.exp(-min(max(float(parameters[0]), -300.0), 300.0))
        r = np.exp(-x)
        dr = x * r
        left = -np.expm1(-2.0 * x)  # 1 - r^2
        root = np.sqrt(left)
        droot = -r * dr / np.where(root > 0.0, root, 1.0)
        return _chain(r, dr, root, droot)

    def correlation_natural(self, q: int) -> tuple[Natural, ...]:
        """Report the range, and the half-life."""
        gaps = self._gaps(q)
        low, high = float(gaps.min()), float(gaps.sum())
        return (Natural("range", (), 0.0, math.inf, math.log(2.0), low, high),)

    def correlation_values(self, parameters: FloatArray, q: int) -> FloatArray:
        """The range."""
        del q
        return np.exp(parameters)

    def correlation_at(self, theta: FloatArray, distance: FloatArray) -> FloatArray:
        """Correlations at distances in time."""
        return np.exp(-distance * math.exp(-theta[1]))

    def _gaps(self, q: int) -> FloatArray:
        return np.diff(np.arange(float(q)) if not self.times else np.asarray(self.times))


def _chain(
    r: FloatArray, dr: FloatArray, root: FloatArray, droot: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Factor of a chain with correlations r (q - 1,) between neighbors, and its derivative.

    ``root`` is the square root of one less the squares of r; dr, droot are derivatives.
    """
    q = len(r) + 1
    factor, slope = np.zeros((q, q)), np.zeros((q, q, 1))
    factor[0, 0] = 1.0
    for i in range(1, q):
        factor[i, :i] = r[i - 1] * factor[i - 1, :i]
        slope[i, :i, 0] = dr[i - 1] * factor[i - 1, :i] + r[i - 1] * slope[i - 1, :i, 0]
        factor[i, i], slope[i, i, 0] = root[i - 1], droot[i - 1]
    return factor, slope
