r"""Toeplitz correlations: one for each lag, and a standard deviation for each effect.

The correlations :math:`r_1, \dots, r_{q-1}` of a stationary series are those of partial
autocorrelations :math:`p_h` between -1 and 1, by the Durbin-Levinson recursion

.. math:: r_h = p_h v_{h-1} + \sum_{j<h} \varphi_{h-1,j}\, r_{h-j}, \qquad
   \varphi_{hj} = \varphi_{h-1,j} - p_h \varphi_{h-1,h-j}, \quad \varphi_{hh} = p_h, \qquad
   v_h = v_{h-1} (1 - p_h^2),

which makes every choice a positive definite matrix (Barndorff-Nielsen and Schou 1973, J.
Multivariate Anal. 3, 408-419).  :math:`p_h = \sin\alpha_h` leaves the parameters unconstrained.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from ilk.covariance.base import START, AbstractCovariance, Equivariance
from ilk.covariance.correlated import cholesky_with_slope
from ilk.covariance.natural import Natural, Reported, common_name
from ilk.typing import BoolArray, FloatArray, IntArray

_WITHIN = 1.0 - 1e-9
"""Largest partial autocorrelation."""


@final
@dataclass(frozen=True, slots=True)
class Toeplitz(AbstractCovariance):
    """A correlation for each lag; q log standard deviations and q - 1 angles.

    Attributes
    ----------
    times : tuple of q int
        Times in steps, ascending; empty for 0, 1, ..., q - 1.
    """

    name: ClassVar[str] = "toep"
    equivariance: ClassVar[Equivariance] = "none"
    times: tuple[int, ...] = ()

    def size(self, q: int) -> int:
        """Count the parameters."""
        return q + self._lags(q)

    def start(self, q: int) -> FloatArray:
        """Equal standard deviations; a first partial autocorrelation of 0.3."""
        angles = np.zeros(self._lags(q))
        angles[:1] = math.asin(0.3)
        return np.concatenate([np.full(q, math.log(START)), angles])

    def factor(self, theta: FloatArray, q: int) -> tuple[FloatArray, FloatArray]:
        """Multiply the factor of the correlations by standard deviations."""
        deviations = np.exp(theta[:q])
        by_lag, bend = _correlations(theta[q:])
        lags = self._between(q)
        correlation, slope = cholesky_with_slope(by_lag[lags], bend[lags])
        factor = deviations[:, None] * correlation
        jacobian = np.zeros((q, q, self.size(q)))
        for i in range(q):
            jacobian[i, :, i] = factor[i]
        jacobian[:, :, q:] = deviations[:, None, None] * slope
        return factor, jacobian

    def linear(self, q: int) -> None:
        """Not linear."""

    def snappable(self, q: int) -> BoolArray:
        """Mark nothing: singular matrices are at the ends of the angles."""
        return np.zeros(self.size(q), dtype=bool)

    def canonical(self, theta: FloatArray, q: int) -> FloatArray:
        """Angles between -pi / 2 and pi / 2."""
        return np.concatenate([theta[:q], np.arcsin(np.sin(theta[q:]))])

    def names(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Log standard deviation of each column, then the angle of each lag."""
        lags = range(1, self._lags(len(columns)) + 1)
        return (*(f"log_sd[{column}]" for column in columns), *(f"angle[{h}]" for h in lags))

    def multiplied(self, theta: FloatArray, by: float, q: int) -> FloatArray:
        """Add to the logarithms of the standard deviations."""
        return np.concatenate([theta[:q] + math.log(by), theta[q:]])

    def reported(self, columns: Sequence[str]) -> Reported:
        """Standard deviations, and a correlation for each lag that occurs."""
        name = common_name(columns)
        lags = self._occurring(len(columns)).tolist()
        found = (Natural("correlation", (f"{name}, lag {h}",)) for h in lags)
        return Reported(None, False, tuple(found))

    def natural(self, theta: FloatArray, q: int) -> FloatArray:
        """The correlations."""
        return _correlations(theta[q:])[0][self._occurring(q)]

    def correlation_at(self, theta: FloatArray, distance: FloatArray) -> FloatArray:
        """Correlations at lags; not a number at those that do not occur."""
        lags = len(self.times) - 1 if not self.times else self.times[-1] - self.times[0]
        by_lag = _correlations(theta[len(theta) - max(lags, 0) :])[0]
        found = np.full(np.shape(distance), np.nan)
        whole = (distance == np.round(distance)) & (distance <= max(lags, 0))
        found[whole] = by_lag[distance[whole].astype(np.intp)]
        return found

    def _occurring(self, q: int) -> IntArray:
        """Lags between positions, ascending."""
        return np.asarray(np.unique(self._between(q))[1:])

    def _between(self, q: int) -> IntArray:
        times = np.asarray(self.times, dtype=np.intp) if self.times else np.arange(q)
        return np.asarray(np.abs(times[:, None] - times))

    def _lags(self, q: int) -> int:
        return self.times[-1] - self.times[0] if self.times else q - 1


def _correlations(angles: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Correlations (m + 1,) from lag 0 on, and their derivative (m + 1, m) in the angles."""
    m = len(angles)
    p, slope = _WITHIN * np.sin(angles), _WITHIN * np.cos(angles)
    r, dr = np.ones(m + 1), np.zeros((m + 1, m))
    phi, dphi = np.zeros(0), np.zeros((0, m))
    left, dleft = 1.0, np.zeros(m)  # v
    for h in range(1, m + 1):
        unit = np.zeros(m)
        unit[h - 1] = slope[h - 1]
        back, dback = r[h - 1 : 0 : -1], dr[h - 1 : 0 : -1]
        r[h] = p[h - 1] * left + phi @ back
        dr[h] = unit * left + p[h - 1] * dleft + back @ dphi + phi @ dback
        dphi = np.vstack([dphi - np.outer(phi[::-1], unit) - p[h - 1] * dphi[::-1], unit])
        phi = np.append(phi - p[h - 1] * phi[::-1], p[h - 1])
        dleft = dleft * (1.0 - p[h - 1] ** 2) - 2.0 * left * p[h - 1] * unit
        left *= 1.0 - p[h - 1] ** 2
    return r, dr
