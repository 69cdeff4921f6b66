"""Plain values to JSON and back, arrays set aside; records of a closed list of classes only.

What can be written: None, truth values, numbers, text, bytes, dates, decimals, tuples, lists,
dicts, arrays of numbers, and frozen records whose class is in the table that the caller passes.
Nothing else can be read: a file names a class by its key in that table, never by a path, and the
fields of a record must have the types that the class declares.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import decimal
import functools
import math
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

import ilk.typing as array_types
from ilk.errors import DataError, ModelError

__all__ = ["Classes", "Decoder", "Encoder", "conforms", "field_types"]

Classes = Mapping[str, type]
"""Classes that may be written, by the key that names them in a file."""

_DEPTH = 60
"""Nesting of values at most."""


class Encoder:
    """Turns values into what JSON can hold and collects the arrays.

    Parameters
    ----------
    classes : mapping of str to class
        Records that may be written.
    special : mapping of class to callable, optional
        How to write objects that are made again in a way of their own; the callable gives the
        key of the decoder's rebuilder and a plain value.
    """

    def __init__(
        self, classes: Classes, special: Mapping[type, Callable[[Any], tuple[str, Any]]]
    ) -> None:
        self.keys = {kind: key for key, kind in classes.items()}
        self.special = special
        self.arrays: list[np.ndarray] = []

    def encode(self, value: Any) -> Any:
        """Encode one value; raises ModelError for what a file cannot hold."""
        if value is None or isinstance(value, (bool, np.bool_)):
            return None if value is None else bool(value)
        if isinstance(value, (str, int, float, np.integer, np.floating)):
            return _encode_scalar(value)
        if isinstance(value, np.ndarray):
            return self._encode_array(value)
        if type(value) in self.special:
            key, plain = self.special[type(value)](value)
            return {"special": key, "value": self.encode(plain)}
        if type(value) in self.keys:
            fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.init}
            return {
                "record": self.keys[type(value)],
                "fields": {name: self.encode(part) for name, part in fields.items()},
            }
        if isinstance(value, (tuple, list)):
            kind = "tuple" if isinstance(value, tuple) else "list"
            return {kind: [self.encode(part) for part in value]}
        if isinstance(value, Mapping):
            return {"map": [[self.encode(k), self.encode(v)] for k, v in value.items()]}
        for name, (kind, write, _) in _LABELS.items():
            if isinstance(value, kind):
                return {name: write(value)}
        raise ModelError(
            f"A value of type {type(value).__name__} cannot be written to a file.", code="save"
        )

    def _encode_array(self, array: np.ndarray) -> Any:
        if array.dtype.kind not in "fiub":
            raise ModelError(
                f"An array of type {array.dtype} cannot be written to a file.", code="save"
            )
        self.arrays.append(array)
        return {"array": len(self.arrays) - 1}


def _encode_scalar(value: Any) -> Any:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    number = float(value)
    return number if math.isfinite(number) else {"float": repr(number)}


_LABELS: dict[str, tuple[Any, Callable[[Any], str], Callable[[str], Any]]] = {
    "bytes": (bytes, lambda x: x.hex(), bytes.fromhex),
    "datetime": (datetime.datetime, lambda x: x.isoformat(), datetime.datetime.fromisoformat),
    "date": (datetime.date, lambda x: x.isoformat(), datetime.date.fromisoformat),
    "time": (datetime.time, lambda x: x.isoformat(), datetime.time.fromisoformat),
    "timedelta": (
        datetime.timedelta,
        lambda x: f"{x.days} {x.seconds} {x.microseconds}",
        lambda text: datetime.timedelta(*map(int, text.split())),
    ),
    "decimal": (decimal.Decimal, str, decimal.Decimal),
}
"""Other labels of levels: class, to text, from text."""


class Decoder:
    """Turns what JSON held back into values.

    Parameters
    ----------
    classes : mapping of str to class
        Records that may be read.
    special : mapping of str to callable
        How to make special objects from their plain value.
    arrays : callable
        Gives array number k.
    """

    def __init__(
        self,
        classes: Classes,
        special: Mapping[str, Callable[[Any], Any]],
        arrays: Callable[[int], np.ndarray],
    ) -> None:
        self.classes = classes
        self.special = special
        self.arrays = arrays

    def decode(self, value: Any, depth: int = 0) -> Any:
        """Decode one value; raises DataError for what no encoder writes."""
        if depth > _DEPTH:
            raise _damaged("its values are nested too deeply")
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if not isinstance(value, dict) or not value:
            raise _damaged("it holds a value of no known form")
        kind = next(iter(value))
        content = value[kind]
        if kind == "record":
            return self._record(value, depth)
        if kind == "special" and content in self.special:
            return self.special[content](self.decode(value.get("value"), depth + 1))
        if kind == "array":
            return self.arrays(content)
        if kind == "map":
            pairs = [(self.decode(k, depth + 1), self.decode(v, depth + 1)) for k, v in content]
            return dict(pairs)
        if kind in ("tuple", "list"):
            parts = [self.decode(part, depth + 1) for part in content]
            return tuple(parts) if kind == "tuple" else parts
        if kind == "float" and content in ("nan", "inf", "-inf"):
            return float(content)
        if kind in _LABELS and isinstance(content, str):
            return _LABELS[kind][2](content)
        raise _damaged("it holds a value of no known form")

    def _record(self, value: dict[str, Any], depth: int) -> Any:
        cls = self.classes.get(value["record"])
        if cls is None:
            raise _damaged("it holds a record of no known class")
        types_ = field_types(cls, self.classes)
        given = value.get("fields")
        if not isinstance(given, dict) or set(given) != set(types_):
            raise _damaged(f"a record {value['record']!r} has other fields than expected")
        fields = {name: self.decode(part, depth + 1) for name, part in given.items()}
        for name, part in fields.items():
            if not conforms(part, types_[name]):
                raise _damaged(f"{name!r} of a record {value['record']!r} has another type")
        return cls(**fields)


def _damaged(what: str) -> DataError:
    return DataError(f"The file is damaged or was not written by ilk: {what}.", code="file")


@functools.cache
def _names(classes: tuple[tuple[str, type], ...]) -> dict[str, Any]:
    """Names that annotations of the records may use."""
    import ilk.frame as frame

    names: dict[str, Any] = {**vars(collections.abc), **vars(typing), **vars(array_types)}
    names.update(Label=frame.Label)
    names.update((cls.__name__, cls) for _, cls in classes)
    return names


def field_types(cls: type, classes: Classes) -> dict[str, Any]:
    """Types that a record declares for its fields.

    Parameters
    ----------
    cls : class
        A dataclass.
    classes : mapping of str to class
        Classes that its annotations may name.
    """
    import sys

    scope = {**_names(tuple(classes.items())), **vars(sys.modules[cls.__module__])}
    hints = typing.get_type_hints(cls, globalns=scope, localns={"np": np})
    return {field.name: hints[field.name] for field in dataclasses.fields(cls) if field.init}


def conforms(value: Any, hint: Any) -> bool:
    """Whether a decoded value is of a declared type.

    Parameters
    ----------
    value : object
        Any value that `Decoder` gives.
    hint : type or typing construct
        The declaration.

    Examples
    --------
    >>> conforms((1, "a"), tuple[int, str]), conforms((1, "a"), tuple[int, ...])
    (True, False)
    >>> conforms(None, float | None), conforms(2, float)
    (True, True)
    """
    if hint in (Any, object, collections.abc.Hashable) or hint is None:
        return hint is not None or value is None
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(conforms(value, option) for option in arguments)
    if origin is typing.Literal:
        return value in arguments
    if origin is np.ndarray:
        return _conforms_array(value, arguments)
    if origin is tuple:
        return _conforms_tuple(value, arguments)
    if origin in (collections.abc.Mapping, dict):
        return isinstance(value, dict) and all(
            conforms(k, arguments[0]) and conforms(v, arguments[1]) for k, v in value.items()
        )
    if origin in (collections.abc.Sequence, list):
        return isinstance(value, (list, tuple)) and all(conforms(v, arguments[0]) for v in value)
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(hint, type) and isinstance(value, hint)


def _conforms_tuple(value: Any, arguments: Sequence[Any]) -> bool:
    if not isinstance(value, tuple):
        return False
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return all(conforms(part, arguments[0]) for part in value)
    return len(value) == len(arguments) and all(map(conforms, value, arguments))


def _conforms_array(value: Any, arguments: Sequence[Any]) -> bool:
    if not isinstance(value, np.ndarray):
        return False
    scalar = typing.get_args(arguments[1])[0] if len(arguments) == 2 else Any
    base = typing.get_origin(scalar) or scalar
    return base is Any or (isinstance(base, type) and issubclass(value.dtype.type, base))
