"""Maps of areas from lists of neighbors, tables of borders, and matrices."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from ilk.covariance.levels.neighbors import Autoregression, Neighbors
from ilk.covariance.levels.read_matrix import named
from ilk.errors import DataError, ModelError
from ilk.frame import columns, factor, listing, numbers

__all__ = ["neighbors"]


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
        Areas, in the order of the rows of an array; beside a table, those that have no borders.
    model : {"bym2", "icar", "leroux", "car"}
        How areas depend on their neighbors: an intrinsic autoregression, scaled, and independent
        areas beside it (share ``phi`` in space); the intrinsic autoregression alone; or proper
        autoregressions with the parameter ``rho``.
    first, second, weight : str
        Columns of a table: the two areas, and the weight of their border (one, if not given).

    Returns
    -------
    Neighbors
        For ``ilk.fit(..., covariance={"county": neighbors(...)})``.

    Raises
    ------
    DataError
        An area is its own neighbor; a weight is not positive; a neighbor is no area.

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
        pairs = {(a, b): 1.0 for a in adjacency for b in adjacency[a]}
        return _from_pairs(tuple(adjacency), pairs, model)
    if hasattr(adjacency, "tocoo") or _is_square(adjacency):
        return _from_matrix(adjacency, names, model)
    table = columns(adjacency)
    a = factor(table.column(first, "areas"))
    b = factor(table.column(second, "their neighbors"))
    sizes = np.ones(table.rows) if weight is None else numbers(table.column(weight))
    labels = dict.fromkeys([*(() if names is None else names), *a.levels, *b.levels])
    keep = (a.codes >= 0) & (b.codes >= 0)
    pairs = {
        (a.levels[i], b.levels[j]): float(w)
        for i, j, w in zip(a.codes[keep], b.codes[keep], sizes[keep], strict=True)
    }
    return _from_pairs(tuple(labels), pairs, model)


def _from_matrix(matrix: Any, names: Sequence[Hashable] | None, model: Autoregression) -> Neighbors:
    """Map from a square matrix of weights, dense or sparse."""
    if hasattr(matrix, "tocoo"):
        if names is None or matrix.shape != (len(names), len(names)):
            raise ModelError(
                f"A sparse matrix of neighbors, here of the shape {matrix.shape}, needs the names "
                "of its rows: names=[...].",
                code="names",
            )
        found, areas = matrix.tocoo(), tuple(names)
        rows, cols, values = found.row, found.col, np.asarray(found.data, dtype=np.float64)
    else:
        areas, dense = named(matrix, names)
        if dense.shape != (len(areas), len(areas)):
            raise DataError(
                f"The matrix of neighbors has the shape {dense.shape} but there are {len(areas)} "
                "names of areas.",
                code="shape",
            )
        rows, cols = np.nonzero(dense)
        values = dense[rows, cols]
    pairs = {
        (areas[i], areas[j]): w
        for i, j, w in zip(rows.tolist(), cols.tolist(), values.tolist(), strict=True)
        if w != 0.0
    }
    one_way = next((pair for pair in pairs if pair[::-1] not in pairs), None)
    if one_way is not None:
        raise DataError(
            f"The matrix of neighbors is not symmetric: {one_way[0]!r} has the neighbor "
            f"{one_way[1]!r} but not the other way round.",
            code="not-symmetric",
        )
    return _from_pairs(areas, pairs, model)


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


def _is_square(matrix: Any) -> bool:
    """Whether it is a square array, or a table with a column for each of its rows by name."""
    if isinstance(matrix, list | np.ndarray):
        return True
    shape: tuple[int, ...] = getattr(matrix, "shape", ())
    if len(shape) != 2 or len(set(shape)) != 1:
        return False
    return tuple(getattr(matrix, "columns", ())) == tuple(getattr(matrix, "index", (None,)))
