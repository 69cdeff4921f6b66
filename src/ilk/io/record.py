"""Whatever fit a file holds: the format that its first lines state decides who reads it."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from typing import Any

from ilk.errors import IlkError
from ilk.io.container import Container, read_file
from ilk.io.gee import FORMAT as GEE
from ilk.io.gee import gee_from_bytes
from ilk.io.load import fitted_from_bytes
from ilk.io.within import FORMAT as WITHIN
from ilk.io.within import within_from_bytes

__all__ = ["load_record"]

_READERS: dict[object, Callable[[bytes, str], Any]] = {
    WITHIN: within_from_bytes,
    GEE: gee_from_bytes,
}
"""Who reads a file of which format; all others are those of `Fitted`."""


def load_record(path: str | PathLike[str]) -> Any:
    """Read a fit from a file.

    Parameters
    ----------
    path : str or path
        File that a fit's `save` wrote.

    Returns
    -------
    Fitted, FixedFitted, ConditionalFitted or GeeFitted

    Raises
    ------
    DataError
        The file is none of ours, or damaged, or of a later version.
    """
    content, name = read_file(path), str(path)
    read = _READERS.get(_format(Container(content, name)), fitted_from_bytes)
    return read(content, name)


def _format(container: Container) -> object:
    try:
        manifest = container.manifest()
    except IlkError:
        raise
    except Exception as error:  # whatever a crafted file provokes is the file's fault
        raise container.damaged(f"{type(error).__name__} while reading") from error
    return manifest.get("format") if isinstance(manifest, dict) else None
