"""Columns of Python objects: numbers if all are, text if all are, else by type and value."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from ilk.errors import DataError
from ilk.frame.column import (
    Column,
    empty_column,
    encoded_column,
    float_column,
    sorted_text,
    with_missing,
)
from ilk.typing import BoolArray

_LABEL_TYPES = (bool, int, float, str, bytes, decimal.Decimal, datetime.date, datetime.time)

_MISSING_NAMES: frozenset[str] = frozenset(("NAType", "NaTType", "NoneType"))


def read_objects(name: str, values: list[Any]) -> Column:
    """Column of Python objects: numbers if all are, text if all are, else by type and value."""
    types = set(map(type, values))
    numpy_scalars = any(issubclass(kind, np.generic) for kind in types)
    if numpy_scalars:
        values = [value.item() if isinstance(value, np.generic) else value for value in values]
        types = set(map(type, values))
    present = {kind for kind in types if kind.__name__ not in _MISSING_NAMES}
    missing = None
    if len(present) < len(types):
        missing = np.array([type(value).__name__ in _MISSING_NAMES for value in values], dtype=bool)
    if present and all(issubclass(kind, str) for kind in present):
        codes, labels = encode(values if missing is None else _blank(values, missing))
        return sorted_text(name, codes, labels)
    if not present:
        return empty_column(name, len(values))
    if present == {bool}:
        filled = values if missing is None else [bool(value) for value in _blank(values, missing)]
        return with_missing(name, np.array(filled, dtype=bool), _mask(missing, len(values)))
    if present == {int, float}:
        # integers beside NaN stay integers: 10**18 + 1 is not a float
        floats = np.array([type(value) is float for value in values], dtype=bool)
        unknown = np.array([type(value) is float and value != value for value in values])
        if np.array_equal(floats, unknown):
            missing = unknown if missing is None else unknown | missing
            present = {int}
    if present <= {int, float, decimal.Decimal}:
        return _object_numbers(name, values, present, missing)
    return _mixed(name, values, missing)


def _mask(missing: BoolArray | None, rows: int) -> BoolArray:
    return np.zeros(rows, dtype=bool) if missing is None else missing


def _blank(values: list[Any], missing: BoolArray) -> list[Any]:
    """Values with None wherever one is missing."""
    return [None if gone else value for value, gone in zip(values, missing.tolist(), strict=True)]


def _object_numbers(
    name: str, values: list[Any], present: set[type], missing: BoolArray | None
) -> Column:
    if present == {int}:
        filled = values if missing is None else [value or 0 for value in _blank(values, missing)]
        for dtype in (np.int64, np.uint64):
            try:
                exact = np.array(filled, dtype=dtype)
                return with_missing(name, exact, _mask(missing, len(values)))
            except OverflowError:
                continue
        return _mixed(name, values, missing)
    floats = [
        np.nan if value is None else float(value)
        for value in (values if missing is None else _blank(values, missing))
    ]
    return float_column(name, np.array(floats, dtype=np.float64))


def _mixed(name: str, values: list[Any], missing: BoolArray | None) -> Column:
    """Objects of several types, told apart by type and value."""
    table: dict[tuple[type, Any], int] = {}
    labels: list[Any] = []
    codes = np.full(len(values), -1, dtype=np.int32)
    gone = _mask(missing, len(values)).tolist()
    for row, value in enumerate(values):
        if gone[row] or (isinstance(value, float) and value != value):
            continue
        key = (type(value), plain_label(name, value))
        code = table.get(key)
        if code is None:
            code = table[key] = len(labels)
            labels.append(key[1])
        codes[row] = code
    order = sorted(range(len(labels)), key=lambda i: _sort_key(labels[i]))
    lookup = np.empty(len(labels) + 1, dtype=np.int32)
    lookup[order] = np.arange(len(labels), dtype=np.int32)
    lookup[-1] = -1
    if labels and all(isinstance(label, (datetime.date, datetime.time)) for label in labels):
        texts = tuple(labels[i].isoformat() for i in order)
        encoded = lookup[codes]
        lost = encoded < 0
        return Column(name, "time", encoded, texts, lost if lost.any() else None)
    return encoded_column(name, "mixed", lookup[codes], [labels[i] for i in order])


def _sort_key(label: Any) -> tuple[int, str, Any]:
    """Numbers first, then the other types by name; within a type by value."""
    if isinstance(label, (int, float, decimal.Decimal)):
        return (0, type(label).__name__ if isinstance(label, bool) else "", label)
    return (1, type(label).__name__, label if isinstance(label, (str, bytes)) else str(label))


def plain_label(name: str, value: Any) -> Any:
    """Label as a plain Python value; refuse objects whose equality is not understood."""
    if type(value) is str or type(value) is int:  # nearly always
        return value
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or type(value).__name__ in _MISSING_NAMES:
        return None
    if isinstance(value, _LABEL_TYPES):
        return value
    if type(value).__name__ == "Interval":
        return str(value)
    raise DataError(
        f"Column {name!r} holds values of type {type(value).__name__}, which cannot be levels; "
        "turn them into text or numbers first.",
        code="unsupported-type",
    )


def encode(values: list[Any]) -> tuple[npt.NDArray[np.int32], list[Any]]:
    """Codes in order of appearance; None is missing."""
    table: dict[Any, int] = {None: -1}
    labels: list[Any] = []
    codes = np.empty(len(values), dtype=np.int32)
    for row, value in enumerate(values):
        code = table.get(value)
        if code is None:
            code = table[value] = len(labels)
            labels.append(value)
        codes[row] = code
    return codes, labels
