"""Covariance structures of the terms of a design, within levels and over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ilk.covariance.structured import Structured
from ilk.design.random import covariance_of

if TYPE_CHECKING:
    from ilk.covariance.base import AbstractCovariance
    from ilk.covariance.levels.base import AbstractLevels
    from ilk.design.random import RandomTerm
    from ilk.model.model import Model

__all__ = ["over_levels", "structures_of"]


def over_levels(model: Model) -> dict[str, AbstractLevels]:
    """Structures over levels of a model, by the name of the grouping factor.

    Parameters
    ----------
    model : Model
        The model.
    """
    return {
        term.grouping.name: covariance.levels
        for term, covariance in zip(model.design.terms, model.covariances, strict=True)
        if isinstance(covariance, Structured)
    }


def structures_of(
    terms: Sequence[RandomTerm], over: Mapping[str, AbstractLevels]
) -> tuple[AbstractCovariance, ...]:
    """Covariance structure of each term.

    Parameters
    ----------
    terms : sequence of RandomTerm
        Random terms of a design.
    over : mapping
        Structures over levels by the name of the grouping factor; the terms whose grouping says
        so have them.

    Returns
    -------
    tuple of AbstractCovariance
    """
    found: list[AbstractCovariance] = []
    for term in terms:
        within, grouping = covariance_of(term), term.grouping
        found.append(Structured(within, over[grouping.name]) if grouping.structured else within)
    return tuple(found)
