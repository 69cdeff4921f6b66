"""Pedigrees from tables of individuals and their parents, in any order."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from ilk.covariance.levels.pedigree import Pedigree
from ilk.errors import DataError
from ilk.frame import columns, factor, listing
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

    Returns
    -------
    Pedigree
        For ``ilk.fit(..., covariance={"animal": pedigree})``; ``.inbreeding`` holds the
        coefficients of inbreeding.

    Raises
    ------
    DataError
        An individual occurs twice, is its own ancestor, or is both a sire and a dam.

    Examples
    --------
    >>> import ilk
    >>> table = {"individual": ["c", "d", "e"], "sire": ["a", "a", "c"], "dam": ["b", "b", "d"]}
    >>> found = ilk.covariance.pedigree(table)
    >>> found.levels, found.inbreeding.tolist()
    (('c', 'd', 'e', 'a', 'b'), [0.0, 0.0, 0.25, 0.0, 0.0])
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
    both = np.setdiff1d(np.intersect1d(sires[sires >= 0], dams[dams >= 0]), np.flatnonzero(group))
    if len(both) and not selfing:
        raise DataError(
            f"In the pedigree, {listing([names[i] for i in both])} are sires and dams. Pass "
            "selfing=True if individuals have both sexes, or mend the columns.",
            code="pedigree",
        )
    return Pedigree(tuple(names), sires, dams, group if groups else None, group_variance)
