"""Change within individuals that leave the data one after the other: selective disappearance.

In records of individuals over their lives, old ages are seen in long-lived individuals only.  If
these are better (or worse) than others at every age, the mean by age mixes how individuals change
with which individuals are left.  A column that says how long each individual stayed, and the age as
a deviation from the individual's own mean, separate the two (van de Pol and Verhulst 2006; van de
Pol and Wright 2009).
"""

from __future__ import annotations

import keyword
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from ilk.errors import DataError
from ilk.frame import columns, factor, numbers, with_columns

if TYPE_CHECKING:
    from ilk.typing import BoolArray, FloatArray, IntArray

__all__ = ["WithinBetween", "within_between"]

SUFFIXES = {
    "last": "{}_last",
    "within": "{}_within",
    "squared": "{}_within_squared",
    "terminal": "{}_terminal",
}
"""Names of the new columns."""


@final
@dataclass(frozen=True, slots=True, repr=False, eq=False)
class WithinBetween:
    """Data with columns that separate change within individuals from who is left.

    Parameters
    ----------
    data : frame
        The caller's data with the new columns.
    age, individual : str
        Columns that they were made of.
    columns : tuple of str
        New columns.
    center : float
        Age at which the slope of a quadratic course is meant.
    notes : tuple of str
        What was assumed, in sentences.
    """

    data: Any
    age: str
    individual: str
    columns: tuple[str, ...]
    center: float
    notes: tuple[str, ...]

    @property
    def terms(self) -> str:
        """The new columns as the terms of a formula."""
        return " + ".join(map(self._term, self.columns))

    def _term(self, column: str) -> str:
        """A column as a term: that of terminal records as a deviation, like the others."""
        if column == SUFFIXES["terminal"].format(self.age):
            return f"within({_quoted(column)}, {_quoted(self.individual)})"
        return _quoted(column)

    def formula(self, response: str, *more: str) -> str:
        """Formula of change within individuals beside differences between them.

        The coefficient of the deviation is the mean change per year of age of an individual, at
        age `center` if there is a quadratic term; the course of an individual is
        ``b_within (age - center) + b_squared (age - center)**2``.

        Parameters
        ----------
        response : str
            Left side of the formula.
        *more : str
            Further terms.

        Returns
        -------
        str
        """
        terms = [self.terms, *more, f"(1 | {_quoted(self.individual)})"]
        return f"{response} ~ {' + '.join(terms)}"

    def selection_formula(self, response: str, *more: str) -> str:
        """Formula whose coefficient of the age at last record is the selective disappearance.

        Age itself stands beside the age at last record, so that the coefficient of the latter is
        the difference, at the same age, between individuals that stay a year longer and others.

        Parameters
        ----------
        response : str
            Left side of the formula.
        *more : str
            Further terms.

        Returns
        -------
        str
        """
        age = f"I({_quoted(self.age)} - {self.center:g})"
        terms = [_quoted(SUFFIXES["last"].format(self.age)), age]
        if SUFFIXES["squared"].format(self.age) in self.columns:
            terms.append(f"I(({_quoted(self.age)} - {self.center:g}) ** 2)")
        if SUFFIXES["terminal"].format(self.age) in self.columns:
            terms.append(self._term(SUFFIXES["terminal"].format(self.age)))
        terms += [*more, f"(1 | {_quoted(self.individual)})"]
        return f"{response} ~ {' + '.join(terms)}"

    def __repr__(self) -> str:
        return "\n".join(
            [
                f"New columns: {', '.join(self.columns)}.",
                f"Change within individuals: response ~ {self.formula('_').partition(' ~ ')[2]}",
                "Selective disappearance (coefficient of the age at last record): response ~ "
                f"{self.selection_formula('_').partition(' ~ ')[2]}",
                *self.notes,
            ]
        )


def within_between(
    data: Any,
    age: str,
    individual: str,
    *,
    quadratic: bool = True,
    terminal: bool = True,
    alive: str | None = None,
) -> WithinBetween:
    """Make the columns of a selective-disappearance design.

    For ``age="age"`` they are

    * ``age_last``: age at the individual's last record, which differs between individuals only;
    * ``age_within``: age less the mean age of the individual's records;
    * ``age_within_squared``: the square of age (less its mean over all rows, to a round number),
      less the individual's mean of that square, so that all individuals share one course;
    * ``age_terminal``: 1 in the last record of an individual, unless it was still there at the end;
      the formulas take its deviation, since individuals with few records have it more often.

    Parameters
    ----------
    data : data frame or dict of columns
        A row per record of an individual.
    age, individual : str
        Columns.
    quadratic : bool
        Whether the quadratic column is made.
    terminal : bool
        Whether the terminal column is made.
    alive : str, optional
        Column (true/false or 0/1) that says that the individual was still there when the study
        ended: its last record is not its terminal one.

    Returns
    -------
    WithinBetween
        With ``.data`` (the caller's data and the new columns), ``.formula("mass")`` and
        ``.selection_formula("mass")``.

    Raises
    ------
    DataError
        A column does not exist, holds no numbers, or has the name of a new one; or no individual
        has several records.

    Examples
    --------
    >>> import ilk
    >>> gulls = ilk.datasets.load("gull_mass")
    >>> made = ilk.within_between(gulls, "age", "gull", alive="alive")
    >>> made.terms
    'age_last + age_within + age_within_squared + within(age_terminal, gull)'
    >>> fit = ilk.fit(made.formula("mass"), made.data)
    >>> fit.params["age_within"] < 0 < fit.params["age_last"]
    True
    """
    frame = columns(data)
    kinds = ["last", "within", *(["squared"] if quadratic else []), *(["terminal"] * terminal)]
    names = {kind: SUFFIXES[kind].format(age) for kind in kinds}
    ages = numbers(frame.column(age, "age"))
    found = factor(frame.column(individual, "individual"))
    for name in names.values():
        if name in frame:
            raise DataError(
                f"The data have a column {name!r} already; rename it, or the age column "
                f"{age!r}, after which the new columns are named.",
                code="column-exists",
            )
    used = np.isfinite(ages) & (found.codes >= 0)
    codes, size = found.codes, len(found.levels)
    counts = np.bincount(codes[used], minlength=size)
    if not (counts > 1).any():
        raise DataError(
            f"No level of {individual!r} has more than one record with an age, so that nothing "
            "can be seen to change within individuals.",
            code="single-records",
        )
    last = np.full(size, -np.inf)
    np.maximum.at(last, codes[used], ages[used])
    center = float(f"{ages[used].mean():.3g}")
    there = _alive(frame, alive, codes, size)
    made = {"last": np.where(used, last[codes], np.nan)}
    made["within"] = _deviation(ages, codes, used, counts)
    made["squared"] = _deviation((ages - center) ** 2, codes, used, counts)
    ended = (ages == last[codes]) & ~there[codes]
    made["terminal"] = np.where(used, ended.astype(float), np.nan)
    new = {name: made[kind] for kind, name in names.items()}
    return WithinBetween(
        data=with_columns(data, new),
        age=age,
        individual=individual,
        columns=tuple(new),
        center=center,
        notes=tuple(_notes(individual, counts, used, there, alive, terminal)),
    )


def _deviation(
    values: FloatArray, codes: IntArray, used: BoolArray, counts: IntArray
) -> FloatArray:
    sums = np.bincount(codes[used], values[used], len(counts))
    means = sums / np.maximum(counts, 1)
    return np.where(used, values - means[codes], np.nan)


def _alive(frame: Any, alive: str | None, codes: IntArray, size: int) -> BoolArray:
    """Which individuals were there at the end; one position more, for rows without individual."""
    there = np.zeros(size + 1, dtype=bool)
    if alive is None:
        return there
    values = numbers(frame.column(alive, "alive"))
    known = np.isfinite(values)
    if not np.isin(values[known], (0.0, 1.0)).all():
        raise DataError(
            f"Column {alive!r} (alive=) must hold true/false or 0/1: was the individual still "
            "there when the study ended?",
            code="alive",
        )
    there[codes[known & (values == 1.0)]] = True
    there[size] = False
    return there


def _notes(
    individual: str,
    counts: IntArray,
    used: BoolArray,
    there: BoolArray,
    alive: str | None,
    terminal: bool,
) -> list[str]:
    notes = []
    if not used.all():
        count = int((~used).sum())
        rows = "1 row lacks" if count == 1 else f"{count} rows lack"
        notes.append(f"{rows} age or individual; the new columns have no value there.")
    single = int((counts == 1).sum())
    if single:
        notes.append(
            f"{single} of {len(counts)} levels of {individual} "
            f"{'has' if single == 1 else 'have'} one record only, which says nothing "
            "about change within individuals."
        )
    if alive is not None:
        notes.append(
            f"Levels of {individual} that were there at the end: {int(there.sum())} of "
            f"{len(counts)}. Their age at last record is too low, and they have no terminal record."
        )
    elif terminal:
        notes.append(
            "Every last record counts as terminal; name the column of individuals that were "
            "still there at the end (alive=) if there are some."
        )
    return notes


def _quoted(name: str) -> str:
    return name if name.isidentifier() and not keyword.iskeyword(name) else f"`{name}`"
