"""An owned table: the columns that a fit used, kept unchanged, and altered copies of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from ilk.errors import DataError
from ilk.frame.column import Column, Label, quote, unknown_column
from ilk.frame.levels import factor
from ilk.frame.readers import read_values
from ilk.typing import IntArray

__all__ = ["Kept", "own_column"]


@dataclass(frozen=True, slots=True)
class Kept:
    """Columns of one length, read once and owned; a table that is never changed.

    It gives its columns as a `Frame` does, so whatever takes a data frame takes it too.

    Parameters
    ----------
    flavor : str
        Make of the frame that the columns come from, for answers.
    rows : int
        Number of rows.
    parts : mapping of str to Column
        The columns by name.
    """

    flavor: str
    rows: int
    parts: Mapping[str, Column]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self.parts)

    def __contains__(self, name: object) -> bool:
        return name in self.parts

    def column(self, name: str, role: str = "") -> Column:
        """Give one column.

        Parameters
        ----------
        name : str
            Name of the column.
        role : str
            What the column is wanted for, for the message if there is none of that name.

        Returns
        -------
        Column
        """
        found = self.parts.get(name)
        if found is None:
            raise unknown_column(name, self.parts, role)
        return found

    def distinct(self, name: str) -> tuple[Label, ...]:
        """Values that occur in a column, sorted, or in the declared order of a category.

        Parameters
        ----------
        name : str
            Name of the column.
        """
        return factor(self.column(name)).levels

    def with_value(self, name: str, value: Any) -> Kept:
        """Set a column to one value in all rows.

        Parameters
        ----------
        name : str
            Name of a column.
        value : Label
            Number, or label of a level; it may be one that does not occur in the column.

        Returns
        -------
        Kept

        Raises
        ------
        DataError
            There is no such column, or the value is none.

        Examples
        --------
        >>> from ilk.frame import keep
        >>> table = keep({"dose": [1, 2, 4], "site": ["a", "b", "b"]})
        >>> table.with_value("site", "a").distinct("site")
        ('a',)
        """
        old = self.column(name)
        return self.with_column(_constant(old, value, self.rows))

    def with_column(self, column: Column) -> Kept:
        """Set or add a column.

        Parameters
        ----------
        column : Column
            As many values as the table has rows.

        Returns
        -------
        Kept
        """
        if len(column.values) != self.rows:
            raise ValueError(f"{len(column.values)} values for {self.rows} rows")
        return replace(self, parts=MappingProxyType({**self.parts, column.name: column}))

    def take(self, rows: IntArray) -> Kept:
        """Choose rows, in any order and as often as wanted.

        Parameters
        ----------
        rows : (m,) array of int
            Positions.

        Returns
        -------
        Kept
        """
        parts = {name: own_column(column, rows) for name, column in self.parts.items()}
        return Kept(self.flavor, len(rows), MappingProxyType(parts))

    def repeat(self, times: int) -> Kept:
        """Set copies of the table below each other.

        Parameters
        ----------
        times : int
            Number of copies.

        Returns
        -------
        Kept
        """
        return self.take(np.tile(np.arange(self.rows), times))


def own_column(column: Column, rows: IntArray | None = None) -> Column:
    """Copy a column, or some rows of it, so that nobody else can change it.

    Parameters
    ----------
    column : Column
        The column.
    rows : (m,) array of int, optional
        Positions; all by default.

    Returns
    -------
    Column
    """
    values = column.values
    if values.dtype.kind in "mM":  # moments as the microseconds that `factor` reads
        values = values.astype(f"{values.dtype.kind}8[us]").view(np.int64)
    values = values.copy() if rows is None else values[rows]
    values.flags.writeable = False
    missing = column.missing
    if missing is not None and rows is not None:
        missing = missing[rows]
        missing = missing if missing.any() else None
    finite = column.finite or (
        column.numeric and missing is None and bool(np.all(np.isfinite(values)))
    )
    return Column(column.name, column.kind, values, column.levels, missing, finite, column.ordered)


def _constant(old: Column, value: Any, rows: int) -> Column:
    """Column of one value, in the kind of the old one where that can hold it."""
    if isinstance(value, np.generic):
        value = value.item()
    if old.levels is not None and value in old.levels:
        code = old.levels.index(value)
        return Column(old.name, old.kind, np.full(rows, code, dtype=np.int32), old.levels)
    if old.kind == "boolean" and value in (0, 1):
        value = bool(value)
    elif old.kind == "integer" and isinstance(value, float) and value.is_integer():
        value = int(value)
    elif old.kind == "float" and isinstance(value, (int, bool)):
        value = float(value)
    one = read_values(old.name, [value])
    if one.missing is not None or (one.numeric and not one.finite):
        raise DataError(
            f"Column {old.name!r} cannot be set to {quote(value)}: give a number or a level.",
            code="value",
        )
    return Column(old.name, one.kind, np.full(rows, one.values[0]), one.levels, None, one.finite)
