"""Files of genomic relationship: of GCTA (``.grm``), PLINK (``.rel``), and plain text (GEMMA)."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import numpy as np

from ilk.errors import DataError
from ilk.typing import FloatArray

__all__ = ["read_relationship"]

_ENDS = (".id", ".bin", ".gz", ".grm", ".rel")


def read_relationship(path: Path) -> tuple[FloatArray, tuple[str, ...] | None]:
    """Matrix (n, n) and the names of its rows, None if the file has none.

    Parameters
    ----------
    path : Path
        One of the files, or the beginning of their names.

    Raises
    ------
    DataError
        There is no such file, or it has another number of elements than its names say.
    """
    prefix = str(path)
    for end in _ENDS:
        prefix = prefix.removesuffix(end)
    for kind in (".grm", ".rel"):
        ids = Path(f"{prefix}{kind}.id")
        if ids.exists() and (path.suffix in ("", *_ENDS) or not path.exists()):
            names = _names(ids)
            return _matrix(f"{prefix}{kind}", kind, len(names), ids), names
    if not path.exists():
        raise DataError(f"There is neither {path} nor {prefix}.grm.id or .rel.id.", code="file")
    return np.loadtxt(path, ndmin=2), None


def _names(ids: Path) -> tuple[str, ...]:
    """Names of individuals; with those of their families before them where they occur twice."""
    lines = [line.split() for line in ids.read_text().splitlines() if line.strip()]
    header = [word.lstrip("#") for word in lines[0]] if lines[0][0].startswith("#") else []
    rows = lines[1:] if header else lines
    at = header.index("IID") if "IID" in header else min(1, len(rows[0]) - 1)
    names = [row[at] for row in rows]
    if at and max(Counter(names).values()) > 1:
        names = [f"{row[0]} {row[at]}" for row in rows]
    return tuple(names)


def _matrix(stem: str, kind: str, count: int, ids: Path) -> FloatArray:
    """Full matrix from one of the files that stand beside the names."""
    binary, packed, text = Path(f"{stem}.bin"), Path(f"{stem}.gz"), Path(stem)
    triangle = count * (count + 1) // 2
    if binary.exists():
        found = _binary(binary, count)
    elif packed.exists() or text.exists():
        with gzip.open(packed, "rt") if packed.exists() else text.open() as file:
            found = np.array(file.read().split(), dtype=np.float64)
        if kind == ".grm":  # i, j, number of markers, element
            found = found.reshape(-1, 4)[:, 3] if len(found) % 4 == 0 else found
    else:
        raise DataError(f"There is {ids} but neither {binary}, {packed} nor {text}.", code="file")
    if len(found) == count**2:
        return np.asarray(found.reshape(count, count))
    if len(found) != triangle:
        raise DataError(
            f"{stem} has {len(found)} elements but {ids.name} names {count} individuals, which "
            f"have {triangle}.",
            code="shape",
        )
    matrix = np.zeros((count, count))
    rows, columns = np.tril_indices(count)
    matrix[rows, columns] = matrix[columns, rows] = found
    return matrix


def _binary(path: Path, count: int) -> FloatArray:
    """Numbers of a file without a header, in single precision where its size says so."""
    size = path.stat().st_size
    double = size in (8 * count**2, 4 * count * (count + 1)) and path.name.endswith(".rel.bin")
    return np.fromfile(path, dtype="<f8" if double else "<f4").astype(np.float64)
