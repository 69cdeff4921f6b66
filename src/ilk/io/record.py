"""Whatever fit a file holds: the format that its first lines state decides who reads it."""

from __future__ import annotations

from os import PathLike
from typing import Any

from ilk.errors import IlkError
from ilk.io.container import Container, read_file
from ilk.io.load import fitted_from_bytes
from ilk.io.within import FORMAT, within_from_bytes

__all__ = ["load_record"]


def load_record(path: str | PathLike[str]) -> Any:
    """Read a fit from a file.

    Parameters
    ----------
    path : str or path
        File that a fit's `save` wrote.

    Returns
    -------
    Fitted, FixedFitted or ConditionalFitted

    Raises
    ------
    DataError
        The file is none of ours, or damaged, or of a later version.
    """
    content, name = read_file(path), str(path)
    if _format(Container(content, name)) == FORMAT:
        return within_from_bytes(content, name)
    return fitted_from_bytes(content, name)


def _format(container: Container) -> object:
    try:
        manifest = container.manifest()
    except IlkError:
        raise
    except Exception as error:  # whatever a crafted file provokes is the file's fault
        raise container.damaged(f"{type(error).__name__} while reading") from error
    return manifest.get("format") if isinstance(manifest, dict) else None
