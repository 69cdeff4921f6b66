r"""Covariance matrices made of standard deviations and a matrix of correlations.

.. math:: \Lambda = \operatorname{diag}(\sigma)\, C, \qquad R = C C',

C the Cholesky factor of the correlations R.  With :math:`\Phi` the lower triangle whose diagonal
is halved,

.. math:: \dot C = C\, \Phi(C^{-1} \dot R\, C^{-\top})

(Smith 1995, J. Comput. Graph. Stat. 4, 134-147, in matrix form).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ilk.covariance.base import START, AbstractCovariance
from ilk.covariance.natural import Natural, Reported, common_name
from ilk.typing import BoolArray, FloatArray

__all__ = ["AbstractCorrelated", "cholesky_with_slope"]

_NUGGET = 1e-10
"""Added to the diagonal of correlations, so that those of close neighbors can be factored."""


def cholesky_with_slope(
    correlation: FloatArray, slope: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Cholesky factor of correlations, and its derivative.

    Parameters
    ----------
    correlation : ndarray (q, q)
        Matrix of correlations, positive semidefinite.
    slope : ndarray (q, q, m)
        Its derivative in each of m parameters.

    Returns
    -------
    factor : ndarray (q, q)
    slope : ndarray (q, q, m)
        Not numbers where the matrix is not positive definite to working precision.
    """
    q, m = len(correlation), slope.shape[2]
    try:
        factor = np.linalg.cholesky(correlation + _NUGGET * np.eye(q))
    except np.linalg.LinAlgError:
        return np.full((q, q), np.nan), np.full((q, q, m), np.nan)
    inverse = np.linalg.inv(factor)
    inner = np.einsum("ia,abm,jb->mij", inverse, slope, inverse, optimize=True)
    lower = np.tril(inner) * (1.0 - 0.5 * np.eye(q))
    return np.asarray(factor, dtype=np.float64), np.moveaxis(factor @ lower, 0, 2)


class AbstractCorrelated(AbstractCovariance):
    """One standard deviation for all effects, correlations from a few parameters.

    The parameters are the signed standard deviation and, for q > 1, those of the correlations.
    """

    __slots__ = ()

    @abstractmethod
    def correlation_names(self, q: int) -> tuple[str, ...]:
        """Names of the k parameters of the correlations of q > 1 effects."""

    @abstractmethod
    def correlation_start(self, q: int) -> FloatArray:
        """Parameters (k,) of the correlations to start from."""

    @abstractmethod
    def correlation_factor(self, parameters: FloatArray, q: int) -> tuple[FloatArray, FloatArray]:
        """Cholesky factor C (q, q) of the correlations and its derivative (q, q, k)."""

    @abstractmethod
    def correlation_natural(self, q: int) -> tuple[Natural, ...]:
        """The parameters as they are reported, of q > 1 effects."""

    @abstractmethod
    def correlation_values(self, parameters: FloatArray, q: int) -> FloatArray:
        """Their values, from the parameters (k,) of the correlations."""

    def correlation_canonical(self, parameters: FloatArray, q: int) -> FloatArray:
        """Equivalent parameters (k,) of the correlations; the same unless several are."""
        del q
        return parameters

    def size(self, q: int) -> int:
        """Count the parameters."""
        return 1 + (len(self.correlation_names(q)) if q > 1 else 0)

    def start(self, q: int) -> FloatArray:
        """Standard deviation and correlations to start from."""
        return np.concatenate([np.full(1, START), self.correlation_start(q) if q > 1 else []])

    def factor(self, theta: FloatArray, q: int) -> tuple[FloatArray, FloatArray]:
        """Multiply the factor of the correlations by the standard deviation."""
        if q == 1:
            return theta[:1, None].copy(), np.ones((1, 1, 1))
        correlation, slope = self.correlation_factor(theta[1:], q)
        jacobian = np.concatenate([correlation[:, :, None], theta[0] * slope], axis=2)
        return theta[0] * correlation, jacobian

    def linear(self, q: int) -> None:
        """Not linear."""

    def snappable(self, q: int) -> BoolArray:
        """Mark the standard deviation."""
        return np.asarray(np.arange(self.size(q)) == 0)

    def canonical(self, theta: FloatArray, q: int) -> FloatArray:
        """Make the standard deviation not negative."""
        rest = self.correlation_canonical(theta[1:], q) if q > 1 else theta[1:]
        return np.concatenate([np.abs(theta[:1]), rest])

    def names(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Name the standard deviation, then the parameters of the correlations."""
        q = len(columns)
        return ("sd", *(self.correlation_names(q) if q > 1 else ()))

    def multiplied(self, theta: FloatArray, by: float, q: int) -> FloatArray:
        """Multiply the standard deviation."""
        del q
        return np.concatenate([theta[:1] * by, theta[1:]])

    def reported(self, columns: Sequence[str]) -> Reported:
        """One standard deviation, and the parameters of the correlations."""
        q, name = len(columns), common_name(columns)
        if q == 1:
            return Reported()
        found = (replace(one, terms=(name,)) for one in self.correlation_natural(q))
        return Reported(((name, 0),), False, tuple(found))

    def natural(self, theta: FloatArray, q: int) -> FloatArray:
        """Values of the parameters of the correlations."""
        return self.correlation_values(theta[1:], q) if q > 1 else np.zeros(0)
