"""Pedigrees from tables of individuals and their parents, in any order."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from ilk.covariance.levels.pedigree import Pedigree
from ilk.errors import DataError
from ilk.frame import Tabular, columns, factor, listing, numbers, quote
from ilk.typing import IntArray

__all__ = ["pedigree"]


def pedigree(
    frame: Any,
    *,
    individual: str = "individual",
    sire: str = "sire",
    dam: str = "dam",
    unknown: tuple[Hashable, ...] = (0, "0", "", "NA", "."),
    groups: tuple[Hashable, ...] = (),
    group_variance: float = 1.0,
    selfing: bool = False,
    selfings: str | None = None,
) -> Pedigree:
    """Pedigree as the covariance of the levels of a factor: the animal model.

    Parents without a row of their own are added as founders.  The estimated variance is that of
    additive effects in the base population.

    Parameters
    ----------
    frame : data frame
        A row for each individual, in any order.
    individual, sire, dam : str
        Columns: names of the individuals and of their parents.
    unknown : tuple
        What stands for an unknown parent, beside missing values.
    groups : tuple
        Names, in the columns of parents, that are groups of unknown parents.
    group_variance : float
        Variance of the effects of groups, in units of the base population's.
    selfing : bool
        Whether one individual may be both sire and dam.
    selfings : str, optional
        Column: generations of selfing after the cross, of which an individual is the end, as in
        inbred lines; missing stands for none.

    Returns
    -------
    Pedigree
        For ``ilk.fit(..., covariance={"animal": pedigree})``; ``.inbreeding`` is a frame of the
        coefficients of inbreeding.

    Raises
    ------
    DataError
        An individual occurs twice, is its own ancestor, or is both a sire and a dam; a group has
        parents.

    Examples
    --------
    >>> import ilk
    >>> table = {"individual": ["c", "d", "e"], "sire": ["a", "a", "c"], "dam": ["b", "b", "d"]}
    >>> found = ilk.covariance.pedigree(table)
    >>> found.inbreeding
      individual  inbreeding  generation
    0          c        0.00           1
    1          d        0.00           1
    2          e        0.25           2
    3          a        0.00           0
    4          b        0.00           0
    """
    table = columns(frame)
    own = factor(table.column(individual, "the individuals of the pedigree"))
    if np.any(own.codes < 0):
        row = int(np.flatnonzero(own.codes < 0)[0])
        raise DataError(
            f"An individual of the pedigree has no name: column {individual!r} is missing in row "
            f"{row}.",
            code="missing",
        )
    names: list[Hashable] = [own.levels[code] for code in own.codes]
    position = {name: k for k, name in enumerate(names)}
    parents: list[IntArray] = []
    for column in (sire, dam):
        given = factor(table.column(column, "the parents of the pedigree"))
        places = np.full(len(given.levels) + 1, -1)
        for k, label in enumerate(given.levels):
            if label in unknown and label not in groups:
                continue
            if label not in position:
                position[label] = len(names)
                names.append(label)
            places[k] = position[label]
        parents.append(places[given.codes])  # the last one stands for missing
    sires, dams = (np.append(p, np.full(len(names) - len(p), -1)) for p in parents)
    group = np.array([name in groups for name in names])
    _check_groups(groups, own.levels, position)
    both = np.setdiff1d(np.intersect1d(sires[sires >= 0], dams[dams >= 0]), np.flatnonzero(group))
    if len(both) and not (selfing or selfings):
        raise DataError(
            f"In the pedigree, {listing([names[i] for i in both])} are sires and dams. Pass "
            "selfing=True if individuals have both sexes, or mend the columns.",
            code="pedigree",
        )
    times = None if selfings is None else _selfings(table, selfings, names)
    return Pedigree(
        tuple(names), sires, dams, group if groups else None, group_variance, times, table.flavor
    )


def _check_groups(
    groups: Sequence[Hashable], individuals: Sequence[Hashable], position: Mapping[Hashable, int]
) -> None:
    rows = [name for name in groups if name in set(individuals)]
    if rows:
        raise DataError(
            f"Groups of unknown parents have rows of their own in the pedigree: {listing(rows)}. "
            "Groups have no parents; name them only as parents.",
            code="pedigree",
        )
    absent = [name for name in groups if name not in position]
    if absent:
        raise DataError(
            f"Groups that are parents of nobody in the pedigree: {listing(absent)}.",
            code="pedigree",
        )


def _selfings(table: Tabular, column: str, names: Sequence[Hashable]) -> IntArray:
    """Generations of selfing of all individuals."""
    given = numbers(table.column(column, "the generations of selfing"))
    given = np.where(np.isnan(given), 0.0, given)
    bad = np.flatnonzero(~((given >= 0.0) & (given == np.floor(given)) & (given < 1000.0)))
    if len(bad):
        i = int(bad[0])
        raise DataError(
            f"{quote(names[i])} has {given[i]:g} generations of selfing in the column {column!r}; "
            "they are whole numbers from zero.",
            code="pedigree",
        )
    return np.append(given, np.zeros(len(names) - len(given))).astype(np.intp)
