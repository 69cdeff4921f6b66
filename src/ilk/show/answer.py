"""An answer: the table that a question asked of a fit gives back, as frame, text, HTML and picture.

Whatever is asked (`Fit.standardize`, `Fit.means`, ...), the answer says in its first lines which
question it answers, holds its numbers as columns, and writes them with the digits that their
standard errors are worth.
"""

from __future__ import annotations

import math
from abc import ABC
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, TypeAlias, final

import numpy as np

from ilk.errors import ModelError
from ilk.frame import answer
from ilk.show.numbers import fixed, integer, p_value, plain, significant, with_error
from ilk.show.summary import Table

__all__ = ["AbstractAnswer", "Answer", "table_of"]

Picture: TypeAlias = Callable[[Any], Any]
"""Draws on matplotlib axes (new ones for None) and returns them."""

_HEADS = {
    "std_error": "std. error",
    "conditional_error": "std. error",
    "p_value": "p",
    "statistic": "statistic",
    "conf_high": "",
}
"""Names of columns in text where they differ from those in the frame."""

_ON_SCALE = (
    "estimate",
    "better",
    "std_error",
    "conf_low",
    "conf_high",
    "conditional",
    "conditional_error",
)
"""Columns on the scale of the estimate, which share its decimals."""

_SHOWN = 200
"""Rows that text and HTML show at most unless told otherwise; the frame has all."""


@final
@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Answer:
    """Answer to a question asked of a fit.

    Parameters
    ----------
    title : str
        What the table shows, in a few words.
    question : str
        The question that its numbers answer, in one sentence.
    columns : mapping of str to (r,) array or list
        The table.
    flavor : str
        Make of the frame that the caller uses.
    words : tuple of str
        Columns that are words (labels), shown first; all others are numbers.
    notes : tuple of str
        Sentences below the table: what was assumed, which standard errors.
    level : float
        Coverage of the intervals.
    hidden : tuple of str
        Columns of the frame that text and HTML leave out, because the question says the same in
        every row.
    heads : mapping of str to str
        Heads of columns in text and HTML where the usual ones would not do.
    tables : tuple of Table
        Further tables of text.
    picture : callable, optional
        Draws the answer on matplotlib axes.
    shown : int
        Rows that text and HTML show at most.
    """

    title: str
    question: str
    columns: Mapping[str, Any]
    flavor: str
    words: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    level: float = 0.95
    hidden: tuple[str, ...] = ()
    heads: Mapping[str, str] = field(default_factory=dict)
    tables: tuple[Table, ...] = ()
    picture: Picture | None = None
    shown: int = _SHOWN

    @property
    def frame(self) -> Any:
        """The table as a frame of the kind that the data came in."""
        return answer(self.columns, self.flavor)

    @property
    def text(self) -> str:
        """The answer as text."""
        import textwrap

        from ilk.show.text import WIDTH, table_text

        head = textwrap.wrap(self.question, WIDTH, initial_indent="  ", subsequent_indent="  ")
        blocks = ["\n".join([self.title, *head]), *map(table_text, self._tables())]
        return "\n\n".join(block.lstrip("\n") for block in blocks)

    @property
    def html(self) -> str:
        """The answer as an HTML fragment that brings its own style."""
        from ilk.show.html import STYLE, table_html

        return "\n".join(
            [
                '<div class="ilk-summary">',
                f"<style>{STYLE}</style>",
                f"<h3>{escape(self.title)}</h3>",
                f"<p>{escape(self.question)}</p>",
                *map(table_html, self._tables()),
                "</div>",
            ]
        )

    def plot(self, ax: Any = None) -> Any:
        """Draw the answer.

        Parameters
        ----------
        ax : matplotlib axes, optional
            Where to draw; new axes by default.

        Returns
        -------
        matplotlib axes
        """
        if self.picture is None:
            raise ModelError(f"There is no picture of this answer ({self.title}).", code="picture")
        return self.picture(ax)

    def _tables(self) -> tuple[Table, ...]:
        shown = {name: values for name, values in self.columns.items() if name not in self.hidden}
        first = table_of("", shown, self.words, self.level, self.notes, self.heads, self.shown)
        return (first, *self.tables)

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.html


class AbstractAnswer(ABC):
    """An answer that has more to it than its first table, which is an `Answer`.

    Attributes
    ----------
    answer : Answer
        The first table, with what is shown of the rest.
    """

    __slots__ = ()

    answer: Answer

    @property
    def frame(self) -> Any:
        """The first table as a frame of the kind that the data came in."""
        return self.answer.frame

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences below the table: what was assumed, what was left out."""
        return self.answer.notes

    @property
    def text(self) -> str:
        """The answer as text."""
        return self.answer.text

    @property
    def html(self) -> str:
        """The answer as an HTML fragment that brings its own style."""
        return self.answer.html

    def plot(self, ax: Any = None) -> Any:
        """Draw the answer.

        Parameters
        ----------
        ax : matplotlib axes, optional
            Where to draw; new axes by default.

        Returns
        -------
        matplotlib axes
        """
        return self.answer.plot(ax)

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.html


_TWO_DECIMALS = (
    *("statistic", "loglik", "quasi_loglik", "aic", "aicc", "bic", "caic", "delta"),
    *("aic_difference", "qic", "qicu", "cic", "shift", "sampling_error", "error_ratio"),
)
"""Columns whose differences count, or that are no measurements."""


def table_of(
    title: str,
    columns: Mapping[str, Any],
    words: Sequence[str] = (),
    level: float = 0.95,
    notes: Sequence[str] = (),
    heads: Mapping[str, str] | None = None,
    most: int = _SHOWN,
) -> Table:
    """Write columns as a table of text.

    Estimates, their standard errors and limits are given the decimals that the standard error is
    worth; repeated words are written once.

    Parameters
    ----------
    title : str
        What the table shows.
    columns : mapping of str to (r,) array or list
        The columns.
    words : sequence of str
        Columns of words, which come first.
    level : float
        Coverage of the intervals.
    notes : sequence of str
        Sentences below the table.
    heads : mapping of str to str, optional
        Heads of columns where the usual ones would not do.
    most : int
        Rows at most.

    Returns
    -------
    Table

    Examples
    --------
    >>> table = table_of("", {"term": ["x"], "estimate": [0.5123], "std_error": [0.0311]}, ["term"])
    >>> table.header, table.rows
    (('', 'estimate', 'std. error'), (('x', '0.5123', '0.0311'),))
    """
    first = [name for name in words if name in columns]
    if not len(next(iter(columns.values()), ())):
        return Table(title, (), (), notes=tuple(notes))
    names = [*first, *(name for name in columns if name not in first)]
    rows = len(next(iter(columns.values()), ()))
    shown = min(rows, most)
    decimals = [_decimals(columns, i) for i in range(shown)]
    cells = [_column(name, columns[name], decimals, word=name in first) for name in names]
    header = [(heads or {}).get(name) or _head(name, names, level) for name in names]
    if len(first) == 1:
        header[0] = ""
    more = (f"{integer(rows - shown)} more rows are in .frame.",) if rows > shown else ()
    return Table(
        title,
        tuple(header),
        tuple(zip(*cells, strict=True)),
        labels=max(1, len(first)),
        notes=(*more, *notes),
    )


def _head(name: str, names: Sequence[str], level: float) -> str:
    if name == "conf_low" and "conf_high" in names:
        return f"{100 * level:g}% interval"
    return _HEADS.get(name, name.replace("_", " "))


def _decimals(columns: Mapping[str, Any], i: int) -> int:
    """Decimals of the estimates of one row."""
    if "estimate" not in columns:
        return 3
    error = float(columns["std_error"][i]) if "std_error" in columns else math.nan
    if not math.isfinite(error) and "conf_low" in columns:
        error = (float(columns["conf_high"][i]) - float(columns["conf_low"][i])) / 4.0
    return with_error(float(columns["estimate"][i]), error)


def _column(name: str, values: Any, decimals: Sequence[int], *, word: bool) -> list[str]:
    some = [values[i] for i in range(len(decimals))]
    if word:
        return ["" if value is None else plain(value) for value in some]
    if name in _ON_SCALE:
        return [fixed(float(v), d) for v, d in zip(some, decimals, strict=True)]
    return [_number(name, value) for value in some]


def _number(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (int, np.integer)):
        return integer(int(value))
    if not isinstance(value, (float, np.floating)):
        return plain(value)
    if name.startswith("p_") or name == "akaike_weight":
        return p_value(float(value))
    if name in _TWO_DECIMALS:
        return fixed(float(value), 2)
    if name == "df":
        return "inf" if math.isinf(value) else fixed(float(value), 1)
    return significant(float(value))
