"""The file itself: an uncompressed zip archive of one JSON text and NumPy arrays.

Nothing is compressed, so that no entry can claim to be larger than the file is; the size of every
array is compared with its entry before memory is taken.  Arrays are read by their header alone,
never through pickle.
"""

from __future__ import annotations

import io
import json
import math
import os
import threading
import zipfile
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from ilk.errors import DataError
from ilk.io.own import NOTHING, Own

__all__ = ["Container", "pack", "read_file", "write_file"]

MANIFEST = "fit.json"
"""Entry that holds everything but the arrays."""

_DTYPES = frozenset(("<f8", "<f4", "<i8", "<i4", "<i2", "|i1", "<u8", "<u4", "<u2", "|u1", "|b1"))


def pack(manifest: Mapping[str, Any], arrays: Sequence[np.ndarray]) -> bytes:
    """Make the bytes of a file.

    Parameters
    ----------
    manifest : mapping
        What JSON can hold.
    arrays : sequence of arrays
        Arrays, by their position.
    """
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        text = json.dumps(manifest, allow_nan=False, separators=(",", ":"))
        archive.writestr(_entry(MANIFEST), text)
        for k, array in enumerate(arrays):
            archive.writestr(_entry(_name(k)), _array_bytes(array))
    return stream.getvalue()


def write_file(path: str | PathLike[str], content: bytes) -> None:
    """Write a file; an existing one is replaced only when the new one is complete.

    Parameters
    ----------
    path : str or path
        File.
    content : bytes
        What it holds.
    """
    target = Path(path)
    partial = target.with_name(f".{target.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        with open(partial, "xb") as stream:
            stream.write(content)
        os.replace(partial, target)
    except OSError as error:
        raise DataError(f"{target} cannot be written: {error.strerror}.", code="file") from None
    finally:
        partial.unlink(missing_ok=True)


def read_file(path: str | PathLike[str]) -> bytes:
    """Read a file.

    Parameters
    ----------
    path : str or path
        File.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.", code="file") from None


def _entry(name: str) -> zipfile.ZipInfo:
    """Entry with a fixed date, so that equal fits give equal files."""
    return zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))


def _name(k: int) -> str:
    return f"arrays/{k}.npy"


def _array_bytes(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    np.lib.format.write_array(stream, little, version=(1, 0), allow_pickle=False)
    return stream.getvalue()


class Container:
    """The content of a file, opened.

    Parameters
    ----------
    content : bytes
        What the file holds.
    name : str
        Name of the file, for messages.
    own : Own
        What the file names but cannot hold.

    Raises
    ------
    DataError
        It is none of ours.
    """

    def __init__(self, content: bytes, name: str, own: Own = NOTHING) -> None:
        self.name, self.own = name, own
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(content))
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
            raise DataError(f"{name} is not a fit saved by ilk.", code="file") from None
        self._entries = {info.filename: info for info in self._archive.infolist()}
        for info in self._entries.values():
            stored = info.compress_type == zipfile.ZIP_STORED and info.flag_bits & 1 == 0
            if not stored or info.file_size != info.compress_size or info.file_size > len(content):
                raise self.damaged(f"its entry {info.filename[:60]!r} is not stored plainly")

    def damaged(self, what: str) -> DataError:
        """Make the error for a file that is not what it should be."""
        return DataError(
            f"{self.name} is damaged or is not a fit saved by ilk: {what}.", code="file"
        )

    def manifest(self) -> Any:
        """Read the JSON text."""
        return json.loads(self._read(MANIFEST).decode("utf-8"))

    def array(self, k: Any) -> np.ndarray:
        """Read array k."""
        if not isinstance(k, int) or isinstance(k, bool):
            raise self.damaged("it refers to an array by no number")
        stream = io.BytesIO(self._read(_name(k)))
        if np.lib.format.read_magic(stream) != (1, 0):
            raise self.damaged(f"array {k} has another format")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream, max_header_size=1000)
        content = stream.read()
        count = math.prod(shape)
        if dtype.str not in _DTYPES or len(shape) > 3 or count * dtype.itemsize != len(content):
            raise self.damaged(f"array {k} has another type or size than it claims")
        flat = np.frombuffer(content, dtype=dtype).astype(dtype.newbyteorder("="))
        return flat.reshape(shape, order="F" if fortran else "C")

    def _read(self, name: str) -> bytes:
        if name not in self._entries:
            raise self.damaged(f"{name!r} is missing")
        return self._archive.read(self._entries[name])
