"""Structures over the levels of grouping factors: from their names to positions of the rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.covariance.custom import Custom
from ilk.covariance.levels.base import AbstractLevels
from ilk.covariance.levels.read_space import Places
from ilk.design.grouping import Grouping
from ilk.errors import DataError, ModelError, did_you_mean
from ilk.frame import Tabular, numbers, quote
from ilk.typing import FloatArray

if TYPE_CHECKING:
    from ilk.design.build import Design
    from ilk.design.random import RandomTerm

__all__ = ["own_structures", "with_structures"]


def own_structures(
    given: Mapping[str, Any] | None,
) -> tuple[dict[str, Custom], dict[str, Any]]:
    """Tell structures of the user's own, which formulas call by name, from those over levels.

    Parameters
    ----------
    given : mapping, optional
        Structures by name.

    Returns
    -------
    own, others : dict
        Structures by name.
    """
    if given is None:
        return {}, {}
    if not isinstance(given, Mapping):
        raise ModelError(
            "covariance= takes structures by name, as in {'animal': ilk.covariance.pedigree(...)}, "
            f"not {type(given).__name__}.",
            code="covariance",
        )
    own = {name: one for name, one in given.items() if isinstance(one, Custom)}
    return own, {name: one for name, one in given.items() if name not in own}


def with_structures(
    design: Design, given: Mapping[str, Any] | None, frame: Tabular
) -> tuple[Design, dict[str, AbstractLevels]]:
    """Give grouping factors the levels of their structures, those without data among them.

    Parameters
    ----------
    design : Design
        Its groupings have the levels that the data have.
    given : mapping, optional
        Structure by the name of the grouping factor.
    frame : Frame or Kept
        The data, for structures that name columns.

    Returns
    -------
    design : Design
        With codes that count the levels of the structures.
    structures : dict
        Structure by the name of the factor.

    Raises
    ------
    ModelError
        There is no such grouping factor, or what is given is no structure.
    DataError
        A structure lacks levels of the data.
    """
    if not given:
        return design, {}
    factors = {term.grouping.name: term.grouping for term in design.terms if _depends(term)}
    found: dict[str, AbstractLevels] = {}
    placed: dict[str, Grouping] = {}
    for name, structure in given.items():
        if name not in factors:
            raise ModelError(
                f"covariance={{{name!r}: ...}}: no random term is grouped by {name!r}."
                f"{did_you_mean(str(name), factors)} Write (1 | {name}) in the formula.",
                code="unknown-factor",
            )
        grouping = factors[name]
        where = structure.columns if isinstance(structure, Places) else ()
        if isinstance(structure, Places):
            structure = structure.at(
                name, grouping.levels, grouping.codes, _points(structure, design, frame)
            )
        if not isinstance(structure, AbstractLevels):
            raise ModelError(
                f"covariance={{{name!r}: ...}} is of type {type(structure).__name__}; make a "
                "structure by ilk.covariance.tree, pedigree, kinship, spatial, neighbors, known or "
                "precision.",
                code="covariance",
            )
        position = structure.codes(grouping.levels, name)
        found[name] = structure
        placed[name] = replace(
            grouping,
            members=np.asarray(position[grouping.members], dtype=np.int32),
            levels=structure.levels,
            keys=None,
            structured=True,
            places=where,
        )
    terms = tuple(
        replace(term, grouping=placed.get(term.grouping.name, term.grouping))
        if _depends(term)
        else term
        for term in design.terms
    )
    return replace(design, terms=terms), found


def _depends(term: RandomTerm) -> bool:
    """Whether a structure over its factor's levels is meant for a term."""
    return term.structure != "iid"


def _points(places: Places, design: Design, frame: Tabular) -> FloatArray:
    """Coordinates of the rows used."""
    rows = design.rows.kept
    found = [numbers(frame.column(c, "coordinates"), rows) for c in places.columns]
    points = np.stack(found, axis=1)
    bad = np.argwhere(~np.isfinite(points))
    if len(bad):
        i, j = bad[0]
        raise DataError(
            f"The coordinate {quote(places.columns[j])} is missing or infinite in row "
            f"{rows[i]}; every row needs a place.",
            code="missing",
        )
    return points
