"""The data on which the expressions of a formula are evaluated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import numpy as np

from ilk.errors import DataError
from ilk.formula.language import Expression, Name, column_names
from ilk.frame import Column, Factor, Kept, Tabular, factor, numbers
from ilk.typing import FloatArray, IntArray

T = TypeVar("T")


@dataclass(slots=True)
class Scope:
    """Data on which expressions are evaluated.

    Parameters
    ----------
    frame : Frame
        The data.
    rows : (n,) array of int, or None
        Rows in use; None for all.
    functions : mapping
        Functions of the caller's.
    memory : dict
        What functions have learned, by the text of their calls.
    learning : bool
        Whether functions may learn; False for new data.
    lagged : dict
        Values of `lag` on all rows, by the text of the call: the row before a row that is used may
        be one that is not.
    notes : list of str
        Filled with what the user should know.
    weights : (n,) array or None
        Frequency weights of the rows in use: how often each counts in means of clusters.
    owned : bool
        Whether nobody else can change the columns, so that results may refer to them.
    """

    frame: Tabular
    rows: IntArray | None = None
    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    memory: dict[str, Any] = field(default_factory=dict)
    learning: bool = True
    lagged: dict[str, FloatArray] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    weights: FloatArray | None = None
    owned: bool = False
    _results: dict[str, Any] = field(default_factory=dict)
    _columns: dict[str, Column] = field(default_factory=dict)
    _numbers: dict[str, FloatArray] = field(default_factory=dict)
    _factors: dict[str, Factor] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Number of rows in use."""
        return self.frame.rows if self.rows is None else len(self.rows)

    def column(self, name: str, role: str = "") -> Column:
        """Read a column, once."""
        found = self._columns.get(name)
        if found is None:
            found = self._columns[name] = self.frame.column(name, role)
        return found

    def number(self, name: str) -> FloatArray:
        """(n,) values of a numeric column, in the rows in use."""
        found = self._numbers.get(name)
        if found is None:
            found = self._numbers[name] = numbers(self.column(name), self.rows)
        return found

    def factor(self, name: str) -> Factor:
        """Levels of a column, in the rows in use."""
        found = self._factors.get(name)
        if found is None:
            found = self._factors[name] = factor(self.column(name), self.rows)
        return found

    def once(self, text: str, compute: Callable[[], T]) -> T:
        """Value of `compute`, which is called once for the rows in use and the text."""
        if text not in self._results:
            self._results[text] = compute()
        return cast("T", self._results[text])

    def row(self, position: int) -> int:
        """Position in the data of a row in use."""
        return position if self.rows is None else int(self.rows[position])

    def read_from(self, kept: Kept) -> None:
        """Read columns from owned copies of all rows in use, if these are all rows."""
        if self.rows is not None:
            return
        self._columns.update(kept.parts)
        self._numbers.clear()
        self._factors.clear()
        self.owned = True

    def subset(self, rows: IntArray | None) -> Scope:
        """Make the same scope for fewer rows; the scope itself if they stay the same."""
        if rows is None and self.rows is None:
            return self
        return Scope(
            frame=self.frame,
            rows=rows,
            functions=self.functions,
            memory=self.memory,
            learning=self.learning,
            lagged=self.lagged,
            notes=self.notes,
            weights=None if self.weights is None or rows is None else self.weights[rows],
            _columns=self._columns,
        )


def check_finite(values: Any, expression: Expression, text: str, scope: Scope) -> None:
    """Refuse infinite or undefined values, naming the first row.

    Parameters
    ----------
    values : (n,) or (n, k) array
        Values of an expression.
    expression : Expression
        The expression.
    text : str
        Its text.
    scope : Scope
        The data.
    """
    finite = np.isfinite(values)
    if finite.all():
        return
    bad = ~finite if finite.ndim == 1 else ~finite.all(axis=1)
    position = int(np.argmax(bad))
    value = values[position] if finite.ndim == 1 else values[position][~finite[position]][0]
    causes = [
        f"{name} = {scope.number(name)[position]:g}"
        for name in column_names(expression)
        if scope.column(name).numeric
    ]
    shown = "infinite" if np.isinf(value) else "not a number"
    count = int(bad.sum())
    raise DataError(
        f"{text} is {shown} in {count} row{'s' if count > 1 else ''}, first in row "
        f"{scope.row(position)}"
        + (f" (where {', '.join(causes)})" if causes and not isinstance(expression, Name) else "")
        + "; correct or remove such rows, or change the term.",
        code="not-finite",
    )
