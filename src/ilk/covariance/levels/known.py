r"""Known covariance, or known precision, of the levels of a factor.

A covariance matrix V, such as a genomic relationship matrix, enters by its inverse.  Where V is
singular to working precision, as relationship matrices of clones or of fewer markers than
individuals are, independent effects of the variance :math:`10^{-8}` times the mean diagonal are
added, which is said in the summary.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from ilk.covariance.levels.arrays import labels_from_arrays, labels_to_arrays
from ilk.covariance.levels.base import AbstractLevels, Precision
from ilk.covariance.levels.sparse_factor import SparseFactor
from ilk.errors import DataError
from ilk.frame import listing, quote
from ilk.kernels.spectrum import Spectrum
from ilk.typing import FloatArray

__all__ = ["KnownCovariance", "KnownPrecision"]

_RIDGE = 1e-8
_NEGATIVE = 1e-6
"""Negative eigenvalues below this share of the largest are errors of rounding."""


@final
@dataclass(frozen=True, slots=True)
class KnownCovariance(AbstractLevels):
    """A covariance matrix of levels.

    Attributes
    ----------
    names : tuple of L labels
        Levels, in the order of the rows of the matrix.
    matrix : ndarray (L, L)
        Covariances up to the variance that is estimated.
    repair : bool
        Whether negative eigenvalues are set to zero; otherwise they are an error.
    word : str
        What the matrix is called: ``"kinship"``, ``"covariance"``.
    ridge : float
        Variance of the independent effects that were added, 0 if none were.
    clipped : float
        The smallest eigenvalue that was set to zero, 0 if there was none.
    eigen : Spectrum
        Eigenvalues, repaired and with the ridge, in rising order, and eigenvectors by column.
    """

    kind = "covariance matrix"

    names: tuple[Hashable, ...]
    matrix: FloatArray
    repair: bool = False
    word: str = "covariance"
    ridge: float = field(init=False)
    clipped: float = field(init=False)
    eigen: Spectrum = field(init=False, repr=False)
    _precision: Precision = field(init=False, repr=False)

    def __post_init__(self) -> None:
        V = np.asarray(self.matrix, dtype=np.float64)
        _check_square(V, self.names, f"{self.word} matrix")
        size = float(np.trace(V)) / len(V)
        if not size > 0.0:
            raise DataError(f"The {self.word} matrix has no variance.", code="not-positive")
        V = 0.5 * (V + V.T)
        values, vectors = np.linalg.eigh(V)
        least, most = float(values[0]), float(values[-1])
        negative = least < -_NEGATIVE * most
        if negative and not self.repair:
            raise DataError(
                f"The {self.word} matrix is not positive semidefinite: its smallest eigenvalue is "
                f"{least:.4g}, the largest {most:.4g}. Pass repair=True to set negative ones "
                f"({int(np.sum(values < -_NEGATIVE * most))}) to zero, or mend the matrix.",
                code="not-positive",
            )
        floor = _RIDGE * size
        ridge = floor if least < floor else 0.0
        values = np.maximum(values, 0.0) + ridge
        inverse = (vectors / values) @ vectors.T
        rows, columns = _lower(len(V))
        object.__setattr__(self, "matrix", V)
        object.__setattr__(self, "eigen", Spectrum(values, vectors))
        object.__setattr__(self, "ridge", ridge)
        object.__setattr__(self, "clipped", least if negative else 0.0)
        object.__setattr__(
            self,
            "_precision",
            _constant(len(V), rows, columns, inverse[rows, columns], -float(np.log(values).sum())),
        )

    @property
    def levels(self) -> tuple[Hashable, ...]:
        """Names of the levels."""
        return self.names

    def precision(self, theta: FloatArray) -> Precision:
        """Inverse of the matrix."""
        del theta
        return self._precision

    def variances(self, theta: FloatArray) -> FloatArray:
        """Diagonal of the matrix, as it is used."""
        del theta
        return self.eigen.diagonal()

    def spectrum(self) -> Spectrum:
        """What the matrix was taken apart into."""
        return self.eigen

    def _dense_covariance(self, theta: FloatArray) -> FloatArray:
        del theta
        values, vectors = self.eigen.values, self.eigen.vectors
        return np.asarray((vectors * values) @ vectors.T)

    def draw(self, theta: FloatArray, rng: np.random.Generator, count: int) -> FloatArray:
        """Draws by the eigenvectors."""
        del theta
        values, vectors = self.eigen.values, self.eigen.vectors
        return (rng.standard_normal((count, len(values))) * np.sqrt(values)) @ vectors.T

    def to_arrays(self) -> dict[str, Any]:
        """Names and the matrix."""
        return {
            "structure": self.kind,
            **labels_to_arrays(self.names),
            "matrix": self.matrix,
            "repair": self.repair,
            "word": self.word,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any]) -> KnownCovariance:
        """Structure from what `to_arrays` gave."""
        names = labels_from_arrays(arrays)
        return cls(names, arrays["matrix"], bool(arrays["repair"]), str(arrays["word"]))

    def describe(self) -> str:
        """Say how large it is and what was done to it."""
        words = f"known {self.word} of {len(self.names)} levels"
        if self.clipped:
            words += f", negative eigenvalues (down to {self.clipped:.3g}) set to zero"
        if self.ridge:
            words += f", singular: independent effects of variance {self.ridge:.2g} added"
        return words


@final
@dataclass(frozen=True, slots=True)
class KnownPrecision(AbstractLevels):
    """A precision matrix of levels.

    Attributes
    ----------
    names : tuple of L labels
        Levels, in the order of the rows of the matrix.
    matrix : sparse matrix or ndarray (L, L)
        Positive definite, up to one over the variance that is estimated.
    """

    kind = "precision matrix"

    names: tuple[Hashable, ...]
    matrix: Any
    _precision: Precision = field(init=False, repr=False)

    def __post_init__(self) -> None:
        from scipy import sparse

        Q = sparse.csc_matrix(self.matrix, dtype=np.float64)
        _check_sparse(Q, self.names)
        log_det = _log_det(Q, self.names)
        lower = sparse.tril(0.5 * (Q + Q.T), format="csc")
        lower.sort_indices()
        columns = np.repeat(np.arange(Q.shape[0]), np.diff(lower.indptr))
        found = _constant(Q.shape[0], lower.indices, columns, lower.data, log_det)
        object.__setattr__(self, "_precision", found)

    @property
    def levels(self) -> tuple[Hashable, ...]:
        """Names of the levels."""
        return self.names

    def precision(self, theta: FloatArray) -> Precision:
        """Return the matrix."""
        del theta
        return self._precision

    def to_arrays(self) -> dict[str, Any]:
        """Names and the lower triangle."""
        return {
            "structure": self.kind,
            **labels_to_arrays(self.names),
            "rows": self._precision.rows,
            "columns": self._precision.columns,
            "values": self._precision.values,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any]) -> KnownPrecision:
        """Structure from what `to_arrays` gave."""
        names = labels_from_arrays(arrays)
        rows, columns, values = (np.asarray(arrays[k]) for k in ("rows", "columns", "values"))
        lower = _constant(len(names), rows, columns, values, 0.0)
        return cls(names, lower.sparse())

    def describe(self) -> str:
        """Say how large it is."""
        return f"known precision matrix of {len(self.names)} levels"


def _check_square(matrix: FloatArray, names: Sequence[Hashable], what: str) -> None:
    """Refuse what cannot be a symmetric matrix of these levels."""
    if matrix.ndim != 2 or matrix.shape != (len(names), len(names)):
        raise DataError(_shape(what, matrix.shape, len(names)), code="shape")
    count = Counter(names)
    twice = [name for name in count if count[name] > 1]
    if twice:
        raise DataError(
            f"Names occur more than once in the {what}: {listing(twice)}.", code="duplicate-level"
        )
    bad = np.argwhere(~np.isfinite(matrix))
    if len(bad):
        i, j = bad[0]
        raise DataError(
            f"The {what} has an element that is not a number, of {quote(names[i])} and "
            f"{quote(names[j])} ({len(bad)} such elements).",
            code="not-finite",
        )
    gap = np.abs(matrix - matrix.T)
    i, j = divmod(int(gap.argmax()), len(gap))
    if gap[i, j] > 1e-8 * np.abs(matrix).max():
        raise DataError(
            f"The {what} is not symmetric: {quote(names[i])} with {quote(names[j])} is "
            f"{matrix[i, j]:.6g} in one triangle, {matrix[j, i]:.6g} in the other.",
            code="not-symmetric",
        )


def _shape(what: str, shape: tuple[int, ...], count: int) -> str:
    return f"The {what} has the shape {shape} but there are {count} names of levels."


def _lower(order: int) -> tuple[Any, Any]:
    """Rows and columns of the lower triangle, column by column."""
    columns, rows = np.triu_indices(order)
    return rows, columns


def _constant(order: int, rows: Any, columns: Any, values: FloatArray, log_det: float) -> Precision:
    return Precision(
        order=order,
        rows=np.asarray(rows, dtype=np.int32),
        columns=np.asarray(columns, dtype=np.int32),
        values=np.asarray(values, dtype=np.float64),
        log_det=log_det,
        slope=np.zeros((len(values), 0)),
        log_det_slope=np.zeros(0),
    )


def _check_sparse(Q: Any, names: Sequence[Hashable]) -> None:
    """Refuse what cannot be a symmetric precision matrix of these levels."""
    if Q.shape != (len(names), len(names)) or len(names) <= 2000:
        _check_square(Q.toarray(), names, "precision matrix")
    gap = abs(Q - Q.T).tocoo()
    bad = np.flatnonzero(~np.isfinite(Q.data))
    if not len(bad) and not gap.data.max(initial=0.0) > 1e-8 * np.abs(Q.data).max():
        return
    k = int(bad[0]) if len(bad) else int(gap.data.argmax())
    i = int(Q.indices[k]) if len(bad) else int(gap.row[k])
    j = int(np.searchsorted(Q.indptr, k, side="right")) - 1 if len(bad) else int(gap.col[k])
    raise DataError(
        f"The precision matrix has {Q[i, j]:.6g} for {quote(names[i])} with {quote(names[j])}, and "
        f"{Q[j, i]:.6g} for {quote(names[j])} with {quote(names[i])}.",
        code="not-finite" if len(bad) else "not-symmetric",
    )


def _log_det(Q: Any, names: Sequence[Hashable]) -> float:
    """Logarithm of the determinant; refuses matrices that are not positive definite."""
    from scipy.sparse.linalg import eigsh

    try:
        return SparseFactor(Q).log_det
    except DataError:
        pass
    if Q.shape[0] <= 2000:
        least = float(np.linalg.eigvalsh(Q.toarray())[0])
    else:
        least = float(eigsh(Q, k=1, which="SA", return_eigenvectors=False, tol=1e-3)[0])
    raise DataError(
        f"The precision matrix of {len(names)} levels is not positive definite: its smallest "
        f"eigenvalue is {least:.4g}. Add a small multiple of the identity, or use "
        "ilk.covariance.neighbors for intrinsic fields.",
        code="not-positive",
    )
