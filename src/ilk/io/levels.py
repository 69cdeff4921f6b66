"""Structures over the levels of grouping factors in the file of a fit, as plain arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.covariance.levels.stored import levels_from_arrays
from ilk.covariance.structured import Structured
from ilk.errors import DataError

if TYPE_CHECKING:
    from ilk.covariance.base import AbstractCovariance
    from ilk.design.build import Design
    from ilk.model.model import Model

__all__ = ["with_levels", "written_levels"]


def written_levels(model: Model) -> dict[str, dict[str, Any]]:
    """Write the structures over levels, by grouping factor; texts as tuples.

    Parameters
    ----------
    model : Model
        The model.
    """
    written: dict[str, dict[str, Any]] = {}
    for covariance, term in zip(model.covariances, model.design.terms, strict=True):
        if isinstance(covariance, Structured) and term.grouping.name not in written:
            arrays = covariance.levels.to_arrays()
            written[term.grouping.name] = {key: _plain(value) for key, value in arrays.items()}
    return written


def _plain(value: Any) -> Any:
    """Arrays of texts as tuples, which a file can hold."""
    if isinstance(value, np.ndarray) and value.dtype.kind == "U":
        return tuple(value.tolist())
    return value


def with_levels(
    design: Design, within: Sequence[AbstractCovariance], written: Any
) -> tuple[AbstractCovariance, ...]:
    """Put structures over levels to those within them.

    Parameters
    ----------
    design : Design
        The design of the file.
    within : sequence of AbstractCovariance
        Structure of each term within levels.
    written : dict
        What `written_levels` wrote.

    Raises
    ------
    DataError
        It is none of that, or not of the levels of the design.
    """
    fault = DataError("The file's structures over levels are not what ilk writes.", code="file")
    if not isinstance(written, dict):
        raise fault
    over = {}
    for name, arrays in written.items():
        if not isinstance(arrays, dict):
            raise fault
        read = {k: np.array(v) if isinstance(v, tuple) else v for k, v in arrays.items()}
        over[name] = levels_from_arrays(read)
    found: list[AbstractCovariance] = []
    for term, covariance in zip(design.terms, within, strict=True):
        levels = over.get(term.grouping.name) if term.grouping.structured else None
        if term.grouping.structured and (levels is None or levels.levels != term.grouping.levels):
            raise fault
        found.append(covariance if levels is None else Structured(covariance, levels))
    return tuple(found)
