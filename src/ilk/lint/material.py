"""What rules look at: a design, its family, and columns of the data that the model does not use.

Columns that the model uses are the design's own copies.  Others are read from the caller's data
when a rule asks for one; rules choose by the name first, so that wide data cost nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.errors import IlkError
from ilk.family.inflation import ZeroInflated
from ilk.formula.language import Call, Expression, Name, column_names
from ilk.frame import Column, Factor, factor, numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ilk.design.build import Design
    from ilk.design.fixed import FixedPart
    from ilk.design.grouping import Grouping
    from ilk.family.base import AbstractFamily
    from ilk.formula.spec import Factor as FormulaFactor
    from ilk.frame import Tabular
    from ilk.typing import FloatArray

__all__ = ["Material", "inner_column", "plain_column"]

_SAME_UNITS = frozenset(("I", "center", "scale", "standardize"))
"""Functions that leave a column the same thing, on another scale."""

_MONOTONE = _SAME_UNITS | {"log", "log1p", "log2", "log10", "sqrt"}


@dataclass(slots=True)
class Material:
    """A model as rules look at it.

    Parameters
    ----------
    design : Design
        The design.
    family : AbstractFamily
        The family.
    frame : Frame, Kept or None
        The caller's data; None where only the design is left.
    """

    design: Design
    family: AbstractFamily
    frame: Tabular | None = None
    _factors: dict[str, Factor | None] = field(default_factory=dict)
    _numbers: dict[str, FloatArray | None] = field(default_factory=dict)
    _columns: dict[str, Column | None] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Number of rows of the design."""
        return len(self.design.response.y)

    @property
    def y(self) -> FloatArray:
        """(n,) response."""
        return self.design.response.y

    @property
    def base(self) -> AbstractFamily:
        """The family without its zero inflation."""
        return self.family.base if isinstance(self.family, ZeroInflated) else self.family

    @property
    def counts(self) -> bool:
        """Whether the response is a count without trials, modeled on the log scale."""
        base = self.base
        return base.discrete and not base.takes_trials and base.link.name == "log"

    @property
    def bernoulli(self) -> bool:
        """Whether the response is a success or a failure."""
        return self.base.name == "binomial" and self.design.response.trials is None

    @property
    def mean(self) -> FixedPart:
        """Fixed part of the mean, or of the first category where each has its own."""
        return self.design.fixed[0]

    @property
    def known(self) -> tuple[str, ...]:
        """Columns of what enters the mean with coefficient one: exposure and offsets."""
        arguments = self.design.argument_columns
        given = [arguments[name] for name in ("exposure", "offset") if name in arguments]
        offsets = self.design.spec.predictors[0].offsets
        return (*given, *(c for offset in offsets for c in column_names(offset.expression)))

    @property
    def unused(self) -> tuple[str, ...]:
        """Columns of the data that the model does not use."""
        if self.frame is None:
            return ()
        return tuple(name for name in self.frame.names if name not in self.design.data)

    @property
    def groupings(self) -> Mapping[str, Grouping]:
        """Grouping factors that divide the rows by columns, by name."""
        found = {term.grouping.name: term.grouping for term in self.design.terms}
        return {name: grouping for name, grouping in found.items() if grouping.divides}

    def column(self, name: str) -> Column | None:
        """Read a column; None if that is not possible any more.

        Parameters
        ----------
        name : str
            A column, used or not; those that are not used have all rows of the data.
        """
        if name not in self._columns:
            self._columns[name] = self._read(name)
        return self._columns[name]

    def _read(self, name: str) -> Column | None:
        if name in self.design.data:
            return self.design.data.column(name)
        if self.frame is None:
            return None
        try:
            found = self.frame.column(name)
        except (IlkError, KeyError, TypeError, ValueError, AttributeError):
            return None  # whatever it is, or has become, no rule needs it
        return found if len(found.values) == self.design.rows.total else None

    def factor(self, name: str) -> Factor | None:
        """Levels of a column in the rows of the design.

        Parameters
        ----------
        name : str
            The column.
        """
        if name not in self._factors:
            for grouping in self.groupings.values():
                if grouping.columns == (name,):
                    self._factors[name] = Factor(grouping.codes, grouping.levels)
                    return self._factors[name]
            column = self.column(name)
            found = None if column is None else factor(column, self._rows(name))
            self._factors[name] = found
        return self._factors[name]

    def number(self, name: str) -> FloatArray | None:
        """(n,) values of a numeric column in the rows of the design; None for other columns.

        Parameters
        ----------
        name : str
            The column.
        """
        if name not in self._numbers:
            column = self.column(name)
            usable = column is not None and column.numeric
            self._numbers[name] = numbers(column, self._rows(name)) if usable and column else None
        return self._numbers[name]

    def whole(self, name: str) -> FloatArray | None:
        """(n,) values of a column of whole numbers without gaps; None for other columns.

        Parameters
        ----------
        name : str
            The column.
        """
        column = self.column(name)
        if column is None or column.kind not in ("integer", "float"):
            return None
        values = self.number(name)
        if values is None or not np.all(np.isfinite(values)):
            return None
        whole = column.kind == "integer" or bool(np.all(values == np.floor(values)))
        return values if whole else None

    def coded(self, part: FixedPart) -> Iterator[tuple[FormulaFactor, str]]:
        """Factors of a fixed part that enter by their levels, with the column of each.

        Parameters
        ----------
        part : FixedPart
            The part.
        """
        for found in part.recipe.terms.factors:
            names = column_names(found.expression)
            if found.text in part.recipe.levels and len(names) == 1:
                yield found, names[0]

    def _rows(self, name: str) -> Any:
        return None if name in self.design.data else self.design.rows.selection


def plain_column(expression: Expression) -> str | None:
    """Column that an expression is, perhaps centered and scaled.

    Parameters
    ----------
    expression : Expression
        The expression.
    """
    return _inner(expression, _SAME_UNITS)


def inner_column(expression: Expression) -> str | None:
    """Column of which an expression is a monotone function, such as its logarithm.

    Parameters
    ----------
    expression : Expression
        The expression.
    """
    return _inner(expression, _MONOTONE)


def _inner(expression: Expression, through: frozenset[str]) -> str | None:
    while isinstance(expression, Call) and expression.function in through:
        expression = expression.arguments[0]
    return expression.column if isinstance(expression, Name) else None
