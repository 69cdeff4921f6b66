r"""What a covariance structure is: a map from parameters to the factor of a covariance matrix.

The random effects of one level are :math:`b = \Lambda(\theta) u` with :math:`u \sim N(0, I)`, so
their covariance matrix is :math:`\Lambda\Lambda'`.  A structure is the map from
:math:`\theta` to the lower-triangular :math:`\Lambda`, with its derivative; engines know nothing
else of it.  All parameters are unconstrained.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal, TypeAlias

import numpy as np

from ilk.covariance.natural import Reported
from ilk.kernels.contract import LinearFactor
from ilk.typing import BoolArray, FloatArray

__all__ = ["START", "AbstractCovariance", "Equivariance"]

Equivariance: TypeAlias = Literal["affine", "scale", "none"]
"""Which changes of the columns of Z a structure follows: any linear one, scales, or none."""

START = 0.7
"""Standard deviation to start from where nothing better is known, relative to the residual's."""


class AbstractCovariance(ABC):
    """Covariance structure of the q random effects of a level.

    Attributes
    ----------
    name : str
        Name in formulas, as in ``cs(1 + x | g)``.
    equivariance : {"affine", "scale", "none"}
        Changes Z T of the columns of Z that leave the model as it is: ``"affine"`` for any
        invertible T, ``"scale"`` for diagonal T, ``"none"`` for no T in general.
    """

    __slots__ = ()

    name: ClassVar[str]
    equivariance: ClassVar[Equivariance]

    @abstractmethod
    def size(self, q: int) -> int:
        """Count the parameters (m) for q random effects per level."""

    @abstractmethod
    def start(self, q: int) -> FloatArray:
        """Parameters (m,) to start a search from, off the points of symmetry."""

    @abstractmethod
    def factor(self, theta: FloatArray, q: int) -> tuple[FloatArray, FloatArray]:
        """Factor and its derivative.

        Parameters
        ----------
        theta : ndarray (m,)
            Parameters.
        q : int
            Number of random effects per level.

        Returns
        -------
        factor : ndarray (q, q)
            Lower-triangular Lambda.
        jacobian : ndarray (q, q, m)
            Derivative of Lambda in each parameter.
        """

    @abstractmethod
    def linear(self, q: int) -> LinearFactor | None:
        """Return the factor as a linear map, None if it is not linear in theta."""

    @abstractmethod
    def snappable(self, q: int) -> BoolArray:
        """Which parameters (m,) stand for a singular matrix at exactly zero."""

    @abstractmethod
    def canonical(self, theta: FloatArray, q: int) -> FloatArray:
        """Equivalent parameters (m,) with standard deviations and diagonals not negative."""

    def rank(self, q: int) -> int:
        """Rank of the covariance matrix of q effects off the boundary."""
        return q

    def multiplied(self, theta: FloatArray, by: float, q: int) -> FloatArray:
        """Parameters (m,) of the factor times a positive number.

        By default all are multiplied, as those of a factor that is linear in them.
        """
        del q
        return theta * by

    @abstractmethod
    def names(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Names of the m parameters, given those of the q columns."""

    def reported(self, columns: Sequence[str]) -> Reported:
        """What is reported, given the names of the q columns; by default all sds and pairs."""
        del columns
        return Reported()

    def natural(self, theta: FloatArray, q: int) -> FloatArray:
        """Values (k,) of the parameters that `reported` names."""
        del theta, q
        return np.zeros(0)
