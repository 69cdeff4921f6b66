"""Means, slopes and contrasts of several quantities, one table below the other.

Of a category there is a probability for each; the tables differ in nothing but the category, which
becomes one more column that sets groups apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ilk.effects.contrasts import Contrasts
from ilk.effects.means import MarginalMeans
from ilk.effects.slopes import MarginalSlopes
from ilk.prediction.quantities import quantity_column

if TYPE_CHECKING:
    from ilk.effects.grid import Grid
    from ilk.frame import Label
    from ilk.prediction.quantities import Quantity
    from ilk.typing import FloatArray

__all__ = ["join_categories"]

Table = TypeVar("Table", bound="MarginalMeans | MarginalSlopes | Contrasts")


def join_categories(tables: Sequence[Table], parts: Sequence[Quantity]) -> Table:
    """Put tables of each category below each other.

    Parameters
    ----------
    tables : sequence of MarginalMeans, MarginalSlopes or Contrasts
        A table for each category, of the same cells.
    parts : sequence of Quantity
        What each is about; a single table that is about all is given back as it is.
    """
    labels = [part.label for part in parts]
    if labels[0] is None:
        return tables[0]
    first: Any = tables[0]
    column = quantity_column(parts[0], (*first.grid.focal, *first.grid.averaged, *first.grid.held))

    def numbers(name: str) -> FloatArray:
        return np.concatenate([getattr(table, name) for table in tables])

    names = ["estimate", "std_error", "conf_low", "conf_high", "df"]
    changed: dict[str, Any] = {
        "by": (column, *first.by),
        "notes": tuple(dict.fromkeys(note for table in tables for note in table.notes)),
    }
    if isinstance(first, Contrasts):
        names += ["statistic", "p_value"]
        changed["groups"] = tuple((x, *group) for x in labels for group in first.groups)
        changed["names"] = first.names * len(tables)
        changed["references"] = first.references * len(tables)
    else:
        changed["grid"] = _joined_grid(first.grid, labels, column)
    changed.update((name, numbers(name)) for name in names)
    made: Table = replace(first, **changed)
    return made


def _joined_grid(grid: Grid, labels: Sequence[Label | None], column: str) -> Grid:
    """Cells of all categories; the rows behind them are those of the first."""
    cells = tuple((label, *cell) for label in labels for cell in grid.cells)
    return replace(grid, focal=(column, *grid.focal), cells=cells)
