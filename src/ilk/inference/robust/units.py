"""Clusters that robust covariance matrices take as independent: one factor, or factors that cross.

The default is the outermost grouping factor, since rows that share none of its levels are
independent in the model.  A column in which every grouping factor is nested may be named instead,
or labels given that the fit did not use.  Factors that cross are taken together: rows are then
independent if they share no level of any of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.errors import DataError, ModelError, did_you_mean
from ilk.frame import factor, factor_integers, quote
from ilk.frame.readers import read_values
from ilk.inference.clusters import is_nested, outermost_groupings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ilk.design.build import Design
    from ilk.design.rows import Rows
    from ilk.frame import Column, Label
    from ilk.typing import IntArray

__all__ = ["ROW", "Unit", "independent_units", "levels_within", "meet"]

ROW = "row"
"""Name of the units of a model without random terms."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A factor whose levels are clusters.

    Parameters
    ----------
    name : str
        Name of the factor; `ROW` if every row is a cluster.
    codes : (n,) array of int
        Cluster of each row, 0 <= code < count.
    labels : tuple
        Label of each cluster.
    """

    name: str
    codes: IntArray
    labels: tuple[Label, ...]

    @property
    def count(self) -> int:
        """Number of clusters."""
        return len(self.labels)


def independent_units(design: Design, cluster: Any = None) -> tuple[Unit, ...]:
    """Clusters of the rows of a design.

    Parameters
    ----------
    design : Design
        Of a fit.
    cluster : str, array, sequence of them, or None
        Name of a grouping factor or column, or a label for each row; several of these for factors
        that cross; None for the outermost grouping factors, or rows where there are none.

    Returns
    -------
    tuple of Unit
        One, or several that cross; none of them is nested in another.

    Raises
    ------
    ModelError
        There is no such column, or the clusters would break up the levels of a grouping factor.
    DataError
        The labels do not fit the rows.
    """
    if cluster is None:
        found = outermost_groupings(design)
        if not found:
            rows = np.arange(len(design.response.y))
            return (Unit(ROW, rows, tuple(design.rows.kept.tolist())),)
        return tuple(_unit(g.name, g.codes, g.levels) for g in found)
    units = [_find(design, one) for one in _listed(design, cluster)]
    if not units:
        raise ModelError(
            "cluster=[] names no clusters: give the name of a column, or nothing for the outermost "
            "grouping factor.",
            code="cluster",
        )
    _check_contained(design, units)
    return tuple(unit for i, unit in enumerate(units) if not _is_inside(i, units))


def meet(units: Sequence[Unit]) -> IntArray:
    """Codes (n,) of the combinations of clusters that occur."""
    codes = units[0].codes
    for unit in units[1:]:
        codes, _ = factor_integers(codes.astype(np.int64) * unit.count + unit.codes)
    return codes


def levels_within(codes: IntArray, home: IntArray) -> tuple[IntArray, IntArray]:
    """Number the levels of a factor from zero in each cluster.

    Parameters
    ----------
    codes : (n,) array of int
        Level of each row; levels are nested in the clusters.
    home : (n,) array of int
        Cluster of each row, 0, 1, ...

    Returns
    -------
    place : (n,) array of int32
        Number of each row's level within its cluster.
    counts : (m,) array of int
        Number of levels in each cluster.
    """
    compact, present = factor_integers(codes)
    cluster = np.empty(len(present), dtype=np.int64)
    cluster[compact] = home
    counts = np.bincount(cluster)
    first = np.cumsum(counts) - counts
    order = np.argsort(cluster, kind="stable")
    rank = np.empty(len(present), dtype=np.int32)
    rank[order] = np.arange(len(present)) - first[cluster[order]]
    return rank[compact], counts


def _unit(name: str, codes: IntArray, labels: Sequence[Label]) -> Unit:
    """Leave out levels without rows."""
    compact, present = factor_integers(codes)
    return Unit(name, compact, tuple(labels[int(code)] for code in present))


def _listed(design: Design, cluster: Any) -> Sequence[Any]:
    """Factors asked for; a list as long as the data is one of labels."""
    rows = design.rows
    several = isinstance(cluster, (list, tuple)) and len(cluster) not in _lengths(rows)
    return cluster if several else [cluster]


def _lengths(rows: Rows) -> tuple[int, int]:
    return rows.total, len(rows.kept)


def _find(design: Design, cluster: Any) -> Unit:
    return _named(design, cluster) if isinstance(cluster, str) else _given(design, cluster)


def _named(design: Design, name: str) -> Unit:
    groupings = {term.grouping.name: term.grouping for term in design.terms}
    if name in groupings:
        grouping = groupings[name]
        return _unit(name, grouping.codes, grouping.levels)
    if name in design.data:
        return _of_column(name, design.data.column(name))
    known = (*groupings, *design.data.names)
    raise ModelError(
        f"cluster={name!r:.80} is no grouping factor of the model and no column that the fit "
        f"kept; its grouping factors: {', '.join(map(repr, groupings)) or 'none'}. The labels of "
        f"another column are given as they are: cluster=data[{name!r:.80}]."
        + did_you_mean(name, known),
        code="cluster",
    )


def _given(design: Design, labels: Any) -> Unit:
    rows = design.rows
    flat = hasattr(labels, "__len__") and getattr(labels, "ndim", 1) == 1
    if not flat or len(labels) not in _lengths(rows):
        size = f"{len(labels)} labels" if flat else f"{' '.join(repr(labels).split()):.60}"
        raise DataError(
            f"cluster= takes the name of a column or a label for each of the {rows.total} rows of "
            f"the data, not {size}.",
            code="length",
        )
    name = getattr(labels, "name", None)
    column = read_values(name if isinstance(name, str) else "cluster", labels)
    keep = rows.selection if len(labels) == rows.total else None
    return _of_column(column.name, column, keep)


def _of_column(name: str, column: Column, keep: IntArray | None = None) -> Unit:
    found = factor(column)
    codes = found.codes if keep is None else found.codes[keep]
    if np.any(codes < 0):
        row = int(np.argmax(codes < 0))
        row = row if keep is None else int(keep[row])
        raise DataError(
            f"cluster={name!r} has no label in row {row}: give every row that the fit uses one.",
            code="missing",
        )
    return _unit(name, codes, found.levels)


def _check_contained(design: Design, units: Sequence[Unit]) -> None:
    """Refuse clusters that share a level of a grouping factor."""
    for term in design.terms:
        codes = term.grouping.codes
        if any(is_nested(codes, unit.codes) for unit in units):
            continue
        unit = units[0]
        level = _split_level(codes, unit.codes)
        names = " and ".join(repr(unit.name) for unit in units)
        raise ModelError(
            f"cluster={names}: the level {quote(term.grouping.levels[level])} of "
            f"{term.grouping.name!r} lies in several clusters, which are therefore not "
            "independent in this model. Name a column that contains "
            f"{term.grouping.name!r}, or leave cluster= out.",
            code="not-nested",
        )


def _split_level(inner: IntArray, outer: IntArray) -> int:
    """First level of a factor whose rows lie in several levels of another."""
    home = np.empty(int(inner.max()) + 1, dtype=outer.dtype)
    home[inner] = outer
    return int(inner[np.argmax(home[inner] != outer)])


def _is_inside(position: int, units: Sequence[Unit]) -> bool:
    """Whether a unit is nested in another one (of equal partitions: in an earlier one)."""
    codes = units[position].codes
    return any(
        is_nested(codes, other.codes) and (i < position or not is_nested(other.codes, codes))
        for i, other in enumerate(units)
        if i != position
    )
