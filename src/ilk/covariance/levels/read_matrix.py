"""Known matrices of covariance or precision, and files of kinship."""

from __future__ import annotations

import gzip
import os
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ilk.covariance.levels.known import KnownCovariance, KnownPrecision
from ilk.errors import DataError, ModelError
from ilk.frame import listing
from ilk.typing import FloatArray

__all__ = ["kinship", "known", "named", "precision"]


def known(
    matrix: Any, names: Sequence[Hashable] | None = None, *, repair: bool = False
) -> KnownCovariance:
    """Known covariance matrix of the levels of a factor, up to a variance that is estimated.

    Parameters
    ----------
    matrix : data frame or ndarray (L, L)
        Covariances; a pandas data frame brings the names of the levels as its columns.
    names : sequence of L labels, optional
        Levels, in the order of the rows; needed for arrays.
    repair : bool
        Whether negative eigenvalues are set to zero, which the summary says; otherwise they are an
        error.

    Returns
    -------
    KnownCovariance
        For ``ilk.fit(..., covariance={"line": known(V, names)})``.

    Examples
    --------
    >>> import ilk
    >>> ilk.covariance.known([[1.0, 0.5], [0.5, 1.0]], names=["a", "b"]).describe()
    'known covariance of 2 levels'
    """
    return KnownCovariance(*named(matrix, names), repair)


def kinship(
    source: Any, names: Sequence[Hashable] | None = None, *, repair: bool = False
) -> KnownCovariance:
    """Genomic relationship as the covariance of the levels of a factor.

    Parameters
    ----------
    source : data frame, ndarray (n, n), or path
        The matrix; or the beginning of the names of GCTA's files (``prefix.grm.bin``,
        ``prefix.grm.id``), or a text file of numbers, as GEMMA writes (``.cXX.txt``), for which
        ``names`` are needed.
    names : sequence of labels, optional
        Individuals, in the order of the rows.
    repair : bool
        Whether negative eigenvalues are set to zero, which the summary says.

    Returns
    -------
    KnownCovariance
        For ``ilk.fit(..., covariance={"id": kinship(...)})``.
    """
    if isinstance(source, str | os.PathLike):
        matrix, found = _read_grm(Path(source))
        return KnownCovariance(*named(matrix, found if names is None else names), repair, "kinship")
    return KnownCovariance(*named(source, names), repair, "kinship")


def precision(matrix: Any, names: Sequence[Hashable] | None = None) -> KnownPrecision:
    """Known precision matrix of the levels of a factor, up to one over the estimated variance.

    Parameters
    ----------
    matrix : sparse matrix, data frame or ndarray (L, L)
        Positive definite.
    names : sequence of L labels, optional
        Levels, in the order of the rows; needed for arrays and sparse matrices.

    Returns
    -------
    KnownPrecision
    """
    if hasattr(matrix, "tocsc"):
        if names is None:
            raise ModelError(_NAMELESS, code="names")
        return KnownPrecision(tuple(names), matrix)
    found, dense = named(matrix, names)
    return KnownPrecision(found, dense)


_NAMELESS = "Say which levels the rows of the matrix belong to: names=[...]."


def named(matrix: Any, names: Sequence[Hashable] | None) -> tuple[tuple[Hashable, ...], FloatArray]:
    """Names and the matrix as an array; the names of a pandas frame are its columns."""
    if names is None:
        if not hasattr(matrix, "columns") or not hasattr(matrix, "to_numpy"):
            raise ModelError(_NAMELESS, code="names")
        found = tuple(matrix.columns)
        index = tuple(getattr(matrix, "index", found))
        if index != found and index != tuple(range(len(index))):
            raise DataError(
                "The rows and the columns of the matrix have different names, "
                f"{listing(index, 3)} and {listing(found, 3)}.",
                code="names",
            )
        return found, np.asarray(matrix.to_numpy(), dtype=np.float64)
    dense = matrix.toarray() if hasattr(matrix, "toarray") else matrix
    return tuple(names), np.asarray(dense, dtype=np.float64)


def _read_grm(path: Path) -> tuple[FloatArray, tuple[str, ...] | None]:
    """Matrix and names of GCTA's or GEMMA's files."""
    prefix = str(path).removesuffix(".grm.bin").removesuffix(".grm.gz").removesuffix(".grm.id")
    ids, binary = Path(f"{prefix}.grm.id"), Path(f"{prefix}.grm.bin")
    packed = Path(f"{prefix}.grm.gz")
    if not ids.exists():
        if not path.exists():
            raise DataError(f"There is neither {path} nor {ids}.", code="file")
        return np.loadtxt(path, ndmin=2), None
    names = tuple(line.split()[1] for line in ids.read_text().splitlines() if line.strip())
    count = len(names)
    if binary.exists():
        lower = np.fromfile(binary, dtype="<f4").astype(np.float64)
    else:
        with gzip.open(packed, "rt") as file:
            lower = np.loadtxt(file, usecols=3, ndmin=1)
    if len(lower) != count * (count + 1) // 2:
        raise DataError(
            f"{prefix}.grm has {len(lower)} elements but {ids.name} names {count} individuals, "
            f"which have {count * (count + 1) // 2}.",
            code="shape",
        )
    matrix = np.zeros((count, count))
    rows, cols = np.tril_indices(count)
    matrix[rows, cols] = matrix[cols, rows] = lower
    return matrix, names
