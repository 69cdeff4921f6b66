"""What is left out as a whole: the levels of a factor, or single rows; and what hangs together.

Rows that share no level of any grouping factor are independent in the model, and so are the
*blocks* of rows that hang together by such levels: the levels of the outermost factor if factors
are nested, often all rows if factors cross, single rows without random terms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.errors import DataError, ModelError, did_you_mean
from ilk.frame import factor, factor_integers
from ilk.inference.clusters import outermost_groupings

if TYPE_CHECKING:
    from ilk.design.build import Design
    from ilk.frame import Label
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
    group : str, optional
        A grouping factor or another column that the fit kept; None or ``"rows"`` for single rows.

    Returns
    -------
    Unit

    Raises
    ------
    ModelError
        There is no such factor, or it has one level.
    DataError
        A row has no level.
    """
    groupings = {term.grouping.name: term.grouping for term in design.terms}
    if group is None or (isinstance(group, str) and group == ROWS and ROWS not in groupings):
        return Unit(ROWS, np.arange(len(design.response.y)), tuple(design.rows.kept.tolist()))
    if not isinstance(group, str) or (group not in groupings and group not in design.data):
        raise ModelError(
            f"group={group!r:.80} is no grouping factor of the model and no column that the fit "
            f"kept; its grouping factors: {', '.join(map(repr, groupings)) or 'none'}. Single rows "
            "are left out with group='rows'."
            + did_you_mean(str(group), (*groupings, *design.data.names)),
            code="unknown-group",
        )
    if group in groupings:
        codes, levels = groupings[group].codes, groupings[group].levels
    else:
        found = factor(design.data.column(group))
        codes, levels = found.codes, found.levels
        if np.any(codes < 0):
            row = int(design.rows.kept[np.argmax(codes < 0)])
            raise DataError(
                f"group={group!r} has no value in row {row}: give every row that the fit uses one.",
                code="missing",
            )
    compact, present = factor_integers(codes)
    if len(present) < 2:
        raise ModelError(
            f"All rows lie in one level of {group!r}: without it nothing is left to estimate from.",
            code="one-level",
        )
    return Unit(group, compact, tuple(levels[int(code)] for code in present))


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
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    starts = np.cumsum([0, *(len(grouping.levels) for grouping in outermost)])
    first = outermost[0].codes
    rows = np.concatenate([first] * (len(outermost) - 1))
    columns = np.concatenate(
        [g.codes.astype(np.int64) + s for g, s in zip(outermost[1:], starts[1:-1], strict=True)]
    )
    links = coo_array((np.ones(len(rows)), (rows, columns)), shape=(starts[-1], starts[-1]))
    home = connected_components(links, directed=False)[1]
    return factor_integers(home[first])[0]
