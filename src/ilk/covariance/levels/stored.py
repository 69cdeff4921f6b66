"""Structures over levels from plain arrays, whatever they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ilk.covariance.levels.base import AbstractLevels
from ilk.covariance.levels.known import KnownCovariance, KnownPrecision
from ilk.covariance.levels.neighbors import Neighbors
from ilk.covariance.levels.pedigree import Pedigree
from ilk.covariance.levels.space import Space
from ilk.covariance.levels.tree import Tree
from ilk.errors import DataError

__all__ = ["levels_from_arrays"]

_KINDS: dict[str, type[AbstractLevels]] = {
    kind.kind: kind for kind in (KnownCovariance, KnownPrecision, Neighbors, Pedigree, Space, Tree)
}


def levels_from_arrays(arrays: Mapping[str, Any]) -> AbstractLevels:
    """Structure from what its ``to_arrays`` gave.

    Parameters
    ----------
    arrays : mapping
        Arrays, numbers and words; ``"structure"`` says which kind they make.

    Raises
    ------
    DataError
        They make no structure that is known.
    """
    kind = str(arrays.get("structure"))
    if kind not in _KINDS:
        raise DataError(f"No structure over levels is called {kind!r}.", code="structure")
    return _KINDS[kind].from_arrays(arrays)
