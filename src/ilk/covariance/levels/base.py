r"""What covariance over the levels of a factor is: a sparse precision matrix.

The random effects of the levels :math:`l = 1, \ldots, L` of a factor are not independent but

.. math:: b = (I \otimes \Lambda)\, u, \qquad u \sim N(0,\; Q(\theta)^{-1} \otimes I_q),

so that :math:`\operatorname{Cov}(b_k, b_l) = (Q^{-1})_{kl}\, \Lambda\Lambda'`: the covariance of
the term's columns times that of the levels.  :math:`Q^{-1}` is scaled such that its diagonal has
the mean one over the levels that are meant to be observed; variances of different structures, and
of independent levels, are then comparable.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ilk.errors import DataError
from ilk.frame import listing
from ilk.typing import FloatArray, IntArray

__all__ = ["AbstractLevels", "Precision"]


@dataclass(frozen=True, slots=True)
class Precision:
    """A symmetric positive definite matrix Q of order L, by its lower triangle.

    Attributes
    ----------
    order : int
        Number L of levels.
    rows, columns : ndarray (nnz,) of int32
        Places, rows >= columns, every diagonal element among them.
    values : ndarray (nnz,)
        Elements there.
    log_det : float
        log|Q|.
    slope : ndarray (nnz, m)
        Derivative of the values in the parameters.
    log_det_slope : ndarray (m,)
        Derivative of log|Q|.
    """

    order: int
    rows: IntArray
    columns: IntArray
    values: FloatArray
    log_det: float
    slope: FloatArray
    log_det_slope: FloatArray

    def dense(self) -> FloatArray:
        """The matrix (L, L)."""
        full = np.zeros((self.order, self.order))
        full[self.rows, self.columns] = self.values
        full[self.columns, self.rows] = self.values
        return full


class AbstractLevels(ABC):
    """Covariance structure over the levels of a factor.

    Attributes
    ----------
    kind : str
        What it is, in a word: ``"tree"``.
    levels : tuple
        Names of the L levels, those without data among them.
    parameters : tuple of m str
        Names of the parameters of the correlations; empty if they are known.
    """

    __slots__ = ()

    kind: ClassVar[str]

    @property
    @abstractmethod
    def levels(self) -> tuple[Hashable, ...]:
        """Names of the levels."""

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return ()

    def start(self) -> FloatArray:
        """Unconstrained parameters (m,) to start from."""
        return np.zeros(len(self.parameters))

    def natural(self, theta: FloatArray) -> FloatArray:
        """Parameters (m,) as they are reported, from the unconstrained ones."""
        return theta

    @abstractmethod
    def precision(self, theta: FloatArray) -> Precision:
        """Precision matrix at the unconstrained parameters (m,)."""

    @abstractmethod
    def describe(self) -> str:
        """Say in a few words what is correlated and how."""

    def places(self) -> Mapping[Hashable, int]:
        """Position of every name among the levels; several names may share one."""
        return {level: k for k, level in enumerate(self.levels)}

    def codes(self, labels: Sequence[Hashable], factor: str) -> IntArray:
        """Positions of labels among the levels.

        Parameters
        ----------
        labels : sequence
            Levels of a factor of the data.
        factor : str
            Its name, for errors.

        Returns
        -------
        ndarray of int32, one for each label

        Raises
        ------
        DataError
            The structure lacks some of them.
        """
        known = self.places()
        missing = [label for label in labels if label not in known]
        if missing:
            text = {str(name): name for name in known}
            alike = next((m for m in missing if str(m) in text), None)
            hint = (
                f" (The {self.kind} has {text[str(alike)]!r} of type "
                f"{type(text[str(alike)]).__name__}, the data {alike!r} of type "
                f"{type(alike).__name__}.)"
                if alike is not None
                else ""
            )
            raise DataError(
                f"The {self.kind} of {factor!r} lacks {len(missing)} of its {len(labels)} levels: "
                f"{listing(missing)}.{hint} Add them to the {self.kind}, or drop their rows.",
                code="unknown-level",
            )
        return np.array([known[label] for label in labels], dtype=np.int32)
