"""Known matrices of covariance or precision, kinship files, maps of neighbors."""

from __future__ import annotations

import gzip
import os
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ilk.covariance.levels.known import KnownCovariance, KnownPrecision
from ilk.covariance.levels.neighbors import Autoregression, Neighbors
from ilk.errors import DataError, ModelError
from ilk.frame import columns, factor, listing, numbers
from ilk.typing import FloatArray

__all__ = ["kinship", "known", "neighbors", "precision"]


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
    return KnownCovariance(*_named(matrix, names), repair)


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
        return KnownCovariance(
            *_named(matrix, found if names is None else names), repair, "kinship"
        )
    return KnownCovariance(*_named(source, names), repair, "kinship")


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
    found, dense = _named(matrix, names)
    return KnownPrecision(found, dense)


def neighbors(
    adjacency: Any,
    names: Sequence[Hashable] | None = None,
    *,
    model: Autoregression = "bym2",
    first: str = "first",
    second: str = "second",
    weight: str | None = None,
) -> Neighbors:
    """Map of areas of which neighbors are alike.

    Parameters
    ----------
    adjacency : mapping, data frame, matrix, or libpysal weights
        Neighbors of each area by its name; a table with a row for each border; or a square matrix
        of zeros and weights (pandas, or an array with ``names``).
    names : sequence of labels, optional
        Areas, in the order of the rows of an array.
    model : {"bym2", "icar", "leroux", "car"}
        How areas depend on their neighbors.
    first, second, weight : str
        Columns of a table: the two areas, and the weight of their border (one, if not given).

    Returns
    -------
    Neighbors
        For ``ilk.fit(..., covariance={"county": neighbors(...)})``.

    Raises
    ------
    DataError
        An area has no neighbors or is its own; a weight is not positive.

    Examples
    --------
    >>> import ilk
    >>> map = ilk.covariance.neighbors({"a": ["b"], "b": ["a", "c"], "c": ["b"]}, model="icar")
    >>> map.describe()
    'intrinsic autoregression (scaled) on 3 areas with 2 borders'
    """
    if hasattr(adjacency, "neighbors") and hasattr(adjacency, "weights"):  # libpysal
        around, weights = adjacency.neighbors, adjacency.weights
        pairs = {
            (a, b): float(w) for a in around for b, w in zip(around[a], weights[a], strict=True)
        }
        return _from_pairs(tuple(around), pairs, model)
    if isinstance(adjacency, Mapping) and first not in adjacency:
        areas = tuple(adjacency)
        return _from_pairs(areas, {(a, b): 1.0 for a in areas for b in adjacency[a]}, model)
    if names is not None or _is_square(adjacency):
        areas, matrix = _named(adjacency, names)
        rows, cols = np.nonzero(matrix)
        pairs = {(areas[i], areas[j]): matrix[i, j] for i, j in zip(rows, cols, strict=True)}
        return _from_pairs(areas, pairs, model)
    table = columns(adjacency)
    a = factor(table.column(first, "areas"))
    b = factor(table.column(second, "their neighbors"))
    sizes = np.ones(table.rows) if weight is None else numbers(table.column(weight))
    labels = dict.fromkeys([*a.levels, *b.levels])
    keep = (a.codes >= 0) & (b.codes >= 0)
    pairs = {
        (a.levels[i], b.levels[j]): float(w)
        for i, j, w in zip(a.codes[keep], b.codes[keep], sizes[keep], strict=True)
    }
    return _from_pairs(tuple(labels), pairs, model)


def _from_pairs(
    areas: tuple[Hashable, ...],
    pairs: Mapping[tuple[Hashable, Hashable], float],
    model: Autoregression,
) -> Neighbors:
    position = {name: k for k, name in enumerate(areas)}
    strange = list({b for _, b in pairs if b not in position})
    if strange:
        raise DataError(
            f"Neighbors that are no areas of the map: {listing(strange)}.", code="unknown-level"
        )
    edges: dict[tuple[int, int], float] = {}
    for (a, b), w in pairs.items():
        i, j = position[a], position[b]
        key = (min(i, j), max(i, j))
        if edges.setdefault(key, w) != w:
            raise DataError(
                f"The weight between {areas[key[0]]!r} and {areas[key[1]]!r} is {edges[key]:g} one "
                f"way and {w:g} the other; weights are symmetric.",
                code="not-symmetric",
            )
    ends = np.array(list(edges), dtype=np.intp).reshape(-1, 2)
    return Neighbors(areas, ends[:, 0], ends[:, 1], np.array(list(edges.values())), model)


_NAMELESS = "Say which levels the rows of the matrix belong to: names=[...]."


def _is_square(matrix: Any) -> bool:
    """Whether a table has a column for each of its rows, of the same names."""
    shape = getattr(matrix, "shape", ())
    if len(shape) != 2 or shape[0] != shape[1]:
        return False
    return tuple(getattr(matrix, "columns", ())) == tuple(getattr(matrix, "index", (None,)))


def _named(
    matrix: Any, names: Sequence[Hashable] | None
) -> tuple[tuple[Hashable, ...], FloatArray]:
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
