r"""Compound symmetry: every pair of random effects has the same correlation :math:`\rho`.

A correlation matrix :math:`R = (1 - \rho) I + \rho J` of order q has the eigenvalues
:math:`1 - \rho` and :math:`1 + (q - 1)\rho`; both are at least zero when the first is written as
:math:`\frac{q}{q-1} \sin^2\alpha` and, with it, the second as :math:`q \cos^2\alpha`.  The angle
:math:`\alpha` is unconstrained, and the two singular matrices, :math:`\rho = 1` at 0 and
:math:`\rho = -1/(q-1)` at :math:`\pi/2`, are ordinary interior points.  The Cholesky factor C
of R is, for rows i > j >= 1 counted from 0,

.. math:: C_{i0} = \rho, \qquad
   C_{jj} = \sqrt{(1-\rho) \frac{1 + j\rho}{1 + (j-1)\rho}}, \qquad
   C_{ij} = \rho \sqrt{\frac{1-\rho}{(1 + (j-1)\rho)(1 + j\rho)}},

with :math:`\sqrt{1-\rho} = \sqrt{q/(q-1)} \sin\alpha` and, in the last diagonal element,
:math:`\sqrt{1 + (q-1)\rho} = \sqrt q \cos\alpha`, signed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from ilk.covariance.base import START, AbstractCovariance, Equivariance
from ilk.covariance.natural import Natural, Reported, common_name
from ilk.num import jets
from ilk.num.jets import Jet
from ilk.typing import BoolArray, FloatArray


@final
@dataclass(frozen=True, slots=True)
class CompoundSymmetry(AbstractCovariance):
    """One correlation, a standard deviation for each effect.

    The parameters are the q logarithms of the standard deviations (signs would not be free: they
    change the pattern of correlations) and, for q > 1, the angle of the correlation.
    """

    name: ClassVar[str] = "cs"
    equivariance: ClassVar[Equivariance] = "scale"

    def size(self, q: int) -> int:
        """Count the parameters."""
        return q + (q > 1)

    def start(self, q: int) -> FloatArray:
        """Independent effects of equal variance."""
        return np.concatenate([np.full(q, math.log(START)), _angle_start(q)])

    def factor(self, theta: FloatArray, q: int) -> tuple[FloatArray, FloatArray]:
        """Multiply the factor of the correlation matrix by standard deviations."""
        deviations = np.exp(theta[:q])
        correlation, slope = _correlation_factor(theta[q:], q)
        factor = deviations[:, None] * correlation
        jacobian = np.zeros((q, q, self.size(q)))
        for i in range(q):
            jacobian[i, :, i] = factor[i]
        jacobian[:, :, q:] = deviations[:, None, None] * slope
        return factor, jacobian

    def linear(self, q: int) -> None:
        """Not linear."""

    def snappable(self, q: int) -> BoolArray:
        """Mark the angle: zero is a correlation of one."""
        return np.arange(self.size(q)) >= q

    def canonical(self, theta: FloatArray, q: int) -> FloatArray:
        """Angle between 0 and pi / 2."""
        return np.concatenate([theta[:q], _fold(theta[q:])])

    def names(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Log standard deviation of each column, then the angle."""
        return (*(f"log_sd[{column}]" for column in columns), *("angle",)[: len(columns) > 1])

    def multiplied(self, theta: FloatArray, by: float, q: int) -> FloatArray:
        """Add to the logarithms of the standard deviations."""
        return np.concatenate([theta[:q] + math.log(by), theta[q:]])

    def reported(self, columns: Sequence[str]) -> Reported:
        """Standard deviations and, of more than one pair, their one correlation."""
        return Reported() if len(columns) < 3 else Reported(None, False, _rho(columns))

    def natural(self, theta: FloatArray, q: int) -> FloatArray:
        """The correlation of more than one pair."""
        return _rho_of(theta[q:], q)


@final
@dataclass(frozen=True, slots=True)
class HomogeneousCompoundSymmetry(AbstractCovariance):
    """One correlation, one standard deviation.

    The parameters are the signed standard deviation and, for q > 1, the angle of the correlation.
    """

    name: ClassVar[str] = "homcs"
    equivariance: ClassVar[Equivariance] = "none"

    def size(self, q: int) -> int:
        """Count the parameters."""
        return 1 + (q > 1)

    def start(self, q: int) -> FloatArray:
        """Independent effects."""
        return np.concatenate([np.full(1, START), _angle_start(q)])

    def factor(self, theta: FloatArray, q: int) -> tuple[FloatArray, FloatArray]:
        """Multiply the factor of the correlation matrix by the standard deviation."""
        correlation, slope = _correlation_factor(theta[1:], q)
        jacobian = np.concatenate([correlation[:, :, None], theta[0] * slope], axis=2)
        return theta[0] * correlation, jacobian

    def linear(self, q: int) -> None:
        """Not linear."""

    def snappable(self, q: int) -> BoolArray:
        """Both: a standard deviation of zero, a correlation of one."""
        return np.ones(self.size(q), dtype=bool)

    def canonical(self, theta: FloatArray, q: int) -> FloatArray:
        """Make the standard deviation not negative, the angle between 0 and pi / 2."""
        return np.concatenate([np.abs(theta[:1]), _fold(theta[1:])])

    def names(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Name the standard deviation, then the angle."""
        return ("sd", *("angle",)[: len(columns) > 1])

    def multiplied(self, theta: FloatArray, by: float, q: int) -> FloatArray:
        """Multiply the standard deviation."""
        del q
        return np.concatenate([theta[:1] * by, theta[1:]])

    def reported(self, columns: Sequence[str]) -> Reported:
        """The standard deviation and the correlation."""
        if len(columns) == 1:
            return Reported()
        one = ((common_name(columns), 0),)
        return Reported(one) if len(columns) == 2 else Reported(one, False, _rho(columns))

    def natural(self, theta: FloatArray, q: int) -> FloatArray:
        """The correlation of more than one pair."""
        return _rho_of(theta[1:], q)


def _rho(columns: Sequence[str]) -> tuple[Natural, ...]:
    return (Natural("rho", (common_name(columns),), -1.0 / (len(columns) - 1), 1.0),)


def _rho_of(angle: FloatArray, q: int) -> FloatArray:
    return np.zeros(0) if q < 3 else 1.0 - np.sin(angle) ** 2 * (q / (q - 1))


def _angle_start(q: int) -> FloatArray:
    """Angle (1,) of a correlation of zero, empty for q = 1."""
    return np.array([math.asin(math.sqrt((q - 1) / q))] if q > 1 else [])


def _fold(angle: FloatArray) -> FloatArray:
    """Angle between 0 and pi / 2 with the same squared sine."""
    return np.abs((angle + 0.5 * math.pi) % math.pi - 0.5 * math.pi)


def _correlation_factor(angle: FloatArray, q: int) -> tuple[FloatArray, FloatArray]:
    """Cholesky factor C (q, q) and its derivative (q, q, 0 or 1) in the angle."""
    if q == 1:
        return np.ones((1, 1)), np.zeros((1, 1, 0))
    (alpha,) = jets.variables([angle], 1)
    sine = jets.apply(alpha, lambda v, _: (np.sin(v), np.cos(v)))
    cosine = jets.apply(alpha, lambda v, _: (np.cos(v), -np.sin(v)))
    rho = 1.0 - sine * sine * (q / (q - 1))
    root = sine * math.sqrt(q / (q - 1))

    factor, slope = np.zeros((q, q)), np.zeros((q, q, 1))
    factor[0, 0] = 1.0

    def put(i: int, j: int, element: Jet) -> None:
        factor[i, j], slope[i, j, 0] = element.value[0], element.first[0, 0]

    for i in range(1, q):
        put(i, 0, rho)
    for j in range(1, q):
        before = jets.sqrt(1.0 + (j - 1) * rho)
        if j == q - 1:
            put(j, j, root * (cosine * math.sqrt(q)) / before)
            break
        here = jets.sqrt(1.0 + j * rho)
        put(j, j, root * here / before)
        for i in range(j + 1, q):
            put(i, j, rho * root / (before * here))
    return factor, slope
