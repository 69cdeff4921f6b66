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
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ilk.covariance.levels.sparse_factor import SparseFactor
from ilk.errors import DataError, ModelError
from ilk.frame import listing
from ilk.kernels.spectrum import Spectrum
from ilk.typing import FloatArray, IntArray

if TYPE_CHECKING:
    from scipy.sparse import csc_matrix, csr_matrix

__all__ = ["LARGEST", "AbstractLevels", "Extension", "Precision"]

LARGEST = 5000
"""Most levels of which a dense matrix is made."""


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

    def sparse(self, elements: FloatArray | None = None) -> csc_matrix:
        """The matrix (L, L), sparse, or a symmetric one with other elements (nnz,) there."""
        from scipy import sparse

        lower = self.values if elements is None else elements
        below = self.rows != self.columns
        rows = np.concatenate([self.rows, self.columns[below]])
        columns = np.concatenate([self.columns, self.rows[below]])
        values = np.concatenate([lower, lower[below]])
        return sparse.csc_matrix((values, (rows, columns)), shape=(self.order, self.order))


@dataclass(frozen=True, slots=True)
class Extension:
    """Effects of new levels, given those of all L levels of a structure.

    Attributes
    ----------
    weights : sparse matrix (m, L)
        The conditional mean of the effect of a new level is its row times the effects.
    variances : ndarray (m,)
        Its variance around this mean, in units of the structure's.
    """

    weights: csr_matrix
    variances: FloatArray


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

    def starts(self, count: int) -> FloatArray:
        """Up to ``count`` starts (k, m) of a search, that of `start` first."""
        del count
        return self.start()[None, :]

    def natural(self, theta: FloatArray) -> FloatArray:
        """Parameters (m,) as they are reported, from the unconstrained ones."""
        return theta

    def canonical(self, theta: FloatArray) -> FloatArray:
        """Unconstrained parameters (m,) of the same structure, angles in their first branch."""
        return theta

    @abstractmethod
    def precision(self, theta: FloatArray) -> Precision:
        """Precision matrix at the unconstrained parameters (m,)."""

    def spectrum(self) -> Spectrum | None:
        """Eigenvalues and eigenvectors of the covariance matrix, if they are known anyway."""
        return None

    @abstractmethod
    def describe(self) -> str:
        """Say in a few words what is correlated and how."""

    @abstractmethod
    def to_arrays(self) -> dict[str, Any]:
        """All that makes the structure, as arrays, numbers and words."""

    @classmethod
    @abstractmethod
    def from_arrays(cls, arrays: Mapping[str, Any]) -> AbstractLevels:
        """Structure from what `to_arrays` gave."""

    def variances(self, theta: FloatArray) -> FloatArray:
        """Variances (L,) of the levels, the diagonal of the inverse of the precision matrix."""
        return SparseFactor(self.precision(theta).sparse()).inverse_diagonal()

    def draw(self, theta: FloatArray, rng: np.random.Generator, count: int) -> FloatArray:
        """Draws (count, L) of the effects."""
        return SparseFactor(self.precision(theta).sparse()).draw(rng, count)

    def covariance(self, theta: FloatArray) -> FloatArray:
        """Covariance matrix (L, L) of the levels.

        Raises
        ------
        ModelError
            There are more than 5,000 levels.
        """
        count = len(self.levels)
        if count > LARGEST:
            raise ModelError(
                f"The covariance matrix of the {count} levels of the {self.kind} is not made; "
                f"{LARGEST} levels are the most. variances() and draw() take any number.",
                code="too-large",
            )
        return self._dense_covariance(theta)

    def _dense_covariance(self, theta: FloatArray) -> FloatArray:
        found = np.linalg.inv(self.precision(theta).dense())
        return np.asarray(0.5 * (found + found.T), dtype=np.float64)

    def extend(
        self, theta: FloatArray, labels: Sequence[Hashable], points: Any = None
    ) -> Extension:
        """Effects of levels that the structure does not have, given those that it has.

        Parameters
        ----------
        theta : ndarray (m,)
            Unconstrained parameters.
        labels : sequence of m labels
            Levels; those of the structure have a weight of one at their own place.
        points : optional
            Where the new ones belong, a row for each label; what it holds depends on the kind.

        Returns
        -------
        Extension

        Raises
        ------
        ModelError
            The structure has no place for levels that it does not have.
        """
        del theta, points
        known = self.places()
        new = [label for label in labels if label not in known]
        if new:
            raise ModelError(
                f"The {self.kind} says nothing of levels beside its own, and it lacks "
                f"{listing(new)}. Make it with these levels among its own; they need no data.",
                code="unknown-level",
            )
        return extension([[(known[label], 1.0)] for label in labels], np.zeros(len(labels)), self)

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


def extension(
    weights: Sequence[Sequence[tuple[int, float]]], variances: FloatArray, levels: AbstractLevels
) -> Extension:
    """Extension from the places and weights of each new level.

    Parameters
    ----------
    weights : sequence of m sequences of (int, float)
        Places among the levels, and weights.
    variances : ndarray (m,)
        Conditional variances.
    levels : AbstractLevels
        The structure.
    """
    from scipy import sparse

    rows = np.repeat(np.arange(len(weights)), [len(row) for row in weights])
    places = np.array([place for row in weights for place, _ in row], dtype=np.intp)
    values = np.array([value for row in weights for _, value in row], dtype=np.float64)
    shape = (len(weights), len(levels.levels))
    return Extension(sparse.csr_matrix((values, (rows, places)), shape=shape), variances)
