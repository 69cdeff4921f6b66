"""Whatever fit a file holds: the format that its first lines state decides who reads it."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from typing import Any

from ilk.io.container import Container, read_file
from ilk.io.gee import LAYOUT as GEE
from ilk.io.gee import gee_from_bytes
from ilk.io.load import fitted_from_bytes
from ilk.io.manifest import read_bytes
from ilk.io.own import NOTHING, Own
from ilk.io.within import LAYOUT as WITHIN
from ilk.io.within import within_from_bytes

__all__ = ["load_record"]

_READERS: dict[object, Callable[[bytes, str, Own], Any]] = {
    WITHIN.format: within_from_bytes,
    GEE.format: gee_from_bytes,
}
"""Who reads a file of which format; all others are those of `Fitted`."""


def load_record(path: str | PathLike[str], own: Own = NOTHING) -> Any:
    """Read a fit from a file.

    Parameters
    ----------
    path : str or path
        File that a fit's `save` wrote.
    own : Own
        Family and link of the user's own.

    Returns
    -------
    Fitted, FixedFitted, ConditionalFitted or GeeFitted

    Raises
    ------
    DataError
        The file is none of ours, or damaged, or of a later version.
    """
    content, name = read_file(path), str(path)
    read = _READERS.get(read_bytes(content, name, _format), fitted_from_bytes)
    return read(content, name, own)


def _format(container: Container) -> object:
    manifest = container.manifest()
    return manifest.get("format") if isinstance(manifest, dict) else None
