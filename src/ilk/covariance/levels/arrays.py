"""Structures to plain arrays and back, so that they can be stored without pickle."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from ilk.errors import DataError

__all__ = ["labels_from_arrays", "labels_to_arrays"]


def labels_to_arrays(labels: Sequence[Hashable], name: str = "labels") -> dict[str, Any]:
    """Labels as text, and what each of them was.

    Parameters
    ----------
    labels : sequence of str, int, float or bool
        Names of levels.
    name : str
        Key of the texts; that of the kinds is ``name + "_kinds"``.

    Raises
    ------
    DataError
        A label is of another type.
    """
    texts, kinds = list[str](), list[str]()
    for label in labels:
        kind = _kind(label)
        kinds.append(kind)
        texts.append(str(label) if kind in "sib" else float(label).hex())  # type: ignore[arg-type]
    return {name: np.array(texts, dtype=np.str_), f"{name}_kinds": "".join(kinds)}


def labels_from_arrays(arrays: Mapping[str, Any], name: str = "labels") -> tuple[Hashable, ...]:
    """Labels from what `labels_to_arrays` gave."""
    read: dict[str, Callable[[str], Hashable]] = {
        "s": str,
        "i": int,
        "f": float.fromhex,
        "b": "True".__eq__,
    }
    kinds = str(arrays[f"{name}_kinds"])
    texts = np.asarray(arrays[name]).tolist()
    return tuple(read[kind](text) for kind, text in zip(kinds, texts, strict=True))


def _kind(label: Hashable) -> str:
    if isinstance(label, str):
        return "s"
    if isinstance(label, bool | np.bool_):
        return "b"
    if isinstance(label, int | np.integer):
        return "i"
    if isinstance(label, float | np.floating):
        return "f"
    raise DataError(
        f"The level {label!r} is of type {type(label).__name__}; structures over levels are stored "
        "with levels that are text or numbers.",
        code="label",
    )
