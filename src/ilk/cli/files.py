"""Reading a data file by its extension."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ilk.errors import DataError

__all__ = ["EXTENSIONS", "read"]


def _csv(path: Path) -> Any:
    import pandas as pd

    return pd.read_csv(path)


def _tsv(path: Path) -> Any:
    import pandas as pd

    return pd.read_csv(path, sep="\t")


def _parquet(path: Path) -> Any:
    try:
        import pyarrow.parquet as parquet
    except ModuleNotFoundError as error:
        raise DataError(
            "reading parquet needs pyarrow, which is not installed; run: pip install pyarrow.",
            code="missing-package",
        ) from error
    return parquet.read_table(path)


EXTENSIONS: Mapping[str, Callable[[Path], Any]] = {
    ".csv": _csv,
    ".csv.gz": _csv,
    ".tsv": _tsv,
    ".tsv.gz": _tsv,
    ".parquet": _parquet,
}
"""Extensions that can be read."""


def read(path: Path) -> Any:
    """Read a data file.

    Parameters
    ----------
    path : Path
        A file with one of the extensions of :data:`EXTENSIONS`.

    Returns
    -------
    data frame
        The data.
    """
    name = path.name.lower()
    reader = next((EXTENSIONS[end] for end in EXTENSIONS if name.endswith(end)), None)
    if reader is None:
        raise DataError(
            f"file {path.name!r} has an unknown extension; it may be {', '.join(EXTENSIONS)}.",
            code="unknown-extension",
        )
    if not path.is_file():
        raise DataError(f"there is no file {str(path)!r}.", code="no-file")
    try:
        data = reader(path)
    except DataError:
        raise
    except Exception as error:  # the readers have a dozen classes of their own
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            f"file {path.name!r} cannot be read as {''.join(path.suffixes) or 'data'}: {reason}",
            code="unreadable-file",
        ) from error
    return data
