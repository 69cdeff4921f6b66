"""Known matrices of covariance or precision, and files of kinship."""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ilk.covariance.levels.known import KnownCovariance, KnownPrecision
from ilk.covariance.levels.relationship_files import read_relationship
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
        The matrix; or the beginning of the names of GCTA's files (``prefix.grm.bin`` or
        ``.grm.gz``, with ``prefix.grm.id``) or of PLINK's (``prefix.rel`` or ``.rel.bin``, with
        ``prefix.rel.id``), whose levels are individuals (``family individual`` where individuals
        of several families have one name); or a text file of numbers, as GEMMA writes
        (``.cXX.txt``), for which ``names`` are needed.
    names : sequence of labels, optional
        Individuals, in the order of the rows.
    repair : bool
        Whether negative eigenvalues are set to zero, which the summary says; otherwise they are an
        error.

    Returns
    -------
    KnownCovariance
        For ``ilk.fit(..., covariance={"id": kinship(...)})``.

    Raises
    ------
    DataError
        A file is missing or of the wrong size; the matrix is not symmetric, or not positive
        semidefinite and ``repair`` is not set.
    """
    if isinstance(source, str | os.PathLike):
        matrix, found = read_relationship(Path(source))
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
