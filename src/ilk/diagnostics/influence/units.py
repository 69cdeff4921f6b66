"""What is left out as a whole: the levels of a factor, or single rows; and what hangs together.

Rows that share no level of any grouping factor are independent in the model, and so are the
*blocks* of rows that hang together by such levels: the levels of the outermost factor if factors
are nested, often all rows if factors cross, single rows without random terms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ilk.errors import DataError, ModelError, did_you_mean
from ilk.frame import factor, factor_integers
from ilk.frame.readers import read_values
from ilk.inference.clusters import outermost_groupings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ilk.design.build import Design
    from ilk.design.rows import Rows
    from ilk.frame import Column, Label
    from ilk.typing import IntArray

__all__ = ["ROWS", "Unit", "blocks_of", "deleted_units"]

ROWS = "rows"
"""Name of single rows as what is left out."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A factor whose levels are left out, one at a time.

    Parameters
    ----------
    name : str
        Name of the factor; `ROWS` for single rows.
    codes : (n,) array of int
        Level of each row, 0 <= code < count.
    labels : tuple
        Label of each level; of single rows their positions in the data.
    """

    name: str
    codes: IntArray
    labels: tuple[Label, ...]

    @property
    def count(self) -> int:
        """Number of levels."""
        return len(self.labels)

    def members(self) -> list[IntArray]:
        """Rows of each level."""
        order = np.argsort(self.codes, kind="stable")
        bounds = np.searchsorted(self.codes[order], np.arange(1, self.count))
        return np.split(order, bounds)


def deleted_units(design: Design, group: Any = None) -> Unit:
    """Find the levels of what is to be left out.

    Parameters
    ----------
    design : Design
        Of a fit.
    group : str or array, optional
        A grouping factor or another column that the fit kept, or a label for each row; None or
        ``"rows"`` for single rows.

    Returns
    -------
    Unit

    Raises
    ------
    ModelError
        There is no such factor, or it has one level.
    DataError
        A row has no level, or the labels do not fit the rows.
    """
    groupings = {term.grouping.name: term.grouping for term in design.terms}
    if group is None or (isinstance(group, str) and group == ROWS and ROWS not in groupings):
        return Unit(ROWS, np.arange(len(design.response.y)), tuple(design.rows.kept.tolist()))
    if isinstance(group, str) and group in groupings:
        return _unit(group, groupings[group].codes, groupings[group].levels)
    if not isinstance(group, str):
        column, keep = _given(design.rows, group)
    elif group in design.data:
        column, keep = design.data.column(group), None
    else:
        known = ", ".join(map(repr, groupings)) or "none"
        raise ModelError(
            f"group={group!r:.80} is no grouping factor of the model and no column that the fit "
            f"kept; its grouping factors: {known}. Single rows are left out with group='rows', "
            f"levels of another column with group=data[{group!r:.80}]."
            + did_you_mean(group, (*groupings, *design.data.names)),
            code="unknown-group",
        )
    found = factor(column)
    codes = found.codes if keep is None else found.codes[keep]
    if np.any(codes < 0):
        row = int(design.rows.kept[np.argmax(codes < 0)])
        raise DataError(
            f"group={column.name!r} has no value in row {row}: give every row that the fit uses "
            "one.",
            code="missing",
        )
    return _unit(column.name, codes, found.levels)


def _given(rows: Rows, labels: Any) -> tuple[Column, IntArray | None]:
    """Column of labels that are not in the fit, and the rows of it that the fit uses."""
    lengths = (rows.total, len(rows.kept))
    flat = hasattr(labels, "__len__") and getattr(labels, "ndim", 1) == 1
    if not flat or len(labels) not in lengths:
        size = f"{len(labels)} labels" if flat else f"{' '.join(repr(labels).split()):.60}"
        raise DataError(
            f"group= takes the name of a column or a label for each of the {rows.total} rows of "
            f"the data, not {size}.",
            code="length",
        )
    name = getattr(labels, "name", None)
    column = read_values(name if isinstance(name, str) else "group", labels)
    return column, rows.selection if len(labels) == rows.total else None


def _unit(name: str, codes: IntArray, levels: Sequence[Label]) -> Unit:
    compact, present = factor_integers(codes)
    if len(present) < 2:
        raise ModelError(
            f"All rows lie in one level of {name!r}: without it nothing is left to estimate from.",
            code="one-level",
        )
    return Unit(name, compact, tuple(levels[int(code)] for code in present))


def blocks_of(design: Design) -> IntArray:
    """(n,) number of the block of rows that each row hangs together with.

    Parameters
    ----------
    design : Design
        Of a fit.
    """
    outermost = outermost_groupings(design)
    if not outermost:
        return np.arange(len(design.response.y))
    if len(outermost) == 1:
        return factor_integers(outermost[0].codes)[0]
    starts = np.cumsum([0, *(len(grouping.levels) for grouping in outermost)])
    first = outermost[0].codes
    rows = np.concatenate([first] * (len(outermost) - 1))
    columns = np.concatenate(
        [g.codes.astype(np.int64) + s for g, s in zip(outermost[1:], starts[1:-1], strict=True)]
    )
    links = coo_array((np.ones(len(rows)), (rows, columns)), shape=(starts[-1], starts[-1]))
    home = connected_components(links, directed=False)[1]
    return factor_integers(home[first])[0]
