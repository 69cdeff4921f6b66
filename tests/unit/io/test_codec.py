"""Values to JSON and back."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import json
from dataclasses import dataclass

import numpy as np
import pytest

from ilk.errors import DataError, ModelError
from ilk.io.codec import Decoder, Encoder, conforms, field_types
from ilk.io.records import CLASSES


@dataclass(frozen=True)
class Point:
    """A record for these tests."""

    x: float
    names: tuple[str, ...]
    other: object = None


TABLE = {"point": Point}


def there_and_back(value):
    encoder = Encoder(TABLE, {})
    text = json.dumps(encoder.encode(value), allow_nan=False)
    return Decoder(TABLE, {}, encoder.arrays.__getitem__).decode(json.loads(text))


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        3,
        2**70,
        1.1,
        -0.0,
        5e-324,
        float("inf"),
        "text",
        ("a", (1, 2.5)),
        ["a", []],
        {},
        {1: "a", "b": (None,), 2.5: {}},
        b"\x00\xff",
        datetime.date(2020, 2, 29),
        datetime.datetime(2020, 2, 29, 12, 30, 1, 5),
        datetime.timedelta(days=-1, microseconds=3),
        datetime.time(1, 2),
        decimal.Decimal("1.10"),
        Point(1.5, ("a",), Point(2, ())),
    ],
)
def test_round_trip(value):
    again = there_and_back(value)
    assert again == value
    assert type(again) is type(value)


def test_nan_and_numpy_scalars():
    assert np.isnan(there_and_back(float("nan")))
    assert there_and_back(np.float64(1.5)) == 1.5
    assert type(there_and_back(np.int32(3))) is int
    assert there_and_back(np.bool_(True)) is True


def test_arrays_are_set_aside():
    encoder = Encoder(TABLE, {})
    a = np.arange(6.0).reshape(2, 3)
    assert encoder.encode((a, np.array([True]))) == {"tuple": [{"array": 0}, {"array": 1}]}
    assert encoder.arrays[0] is a


@pytest.mark.parametrize(
    "value", [object(), lambda x: x, np.array(["a"]), np.array([None]), {1, 2}, 1j, Exception]
)
def test_what_cannot_be_written(value):
    with pytest.raises(ModelError, match="cannot be written"):
        Encoder(TABLE, {}).encode(value)


@pytest.mark.parametrize(
    "value",
    [
        {"record": "point", "fields": {"x": 1.0, "names": {"tuple": []}}},
        {"record": "point", "fields": {"x": "1", "names": {"tuple": []}, "other": None}},
        {"record": "point", "fields": {"x": 1.0, "names": ["a"], "other": None}},
        {"record": "os.system", "fields": {}},
        {"special": "formula", "value": None},
        {"float": "1.5"},
        {"unknown": 1},
        {},
        [1],
    ],
)
def test_what_cannot_be_read(value):
    with pytest.raises(DataError, match="damaged"):
        Decoder(TABLE, {}, lambda k: np.zeros(1)).decode(value)


def test_types_of_all_records_are_understood():
    for key, kind in CLASSES.items():
        fields = {f.name for f in dataclasses.fields(kind) if f.init}
        assert set(field_types(kind, CLASSES)) == fields, key


@pytest.mark.parametrize(
    ("value", "hint", "answer"),
    [
        (True, int, False),
        (1, float, True),
        (True, float, False),
        ({"a": 1}, dict[str, int], True),
        ({"a": "b"}, dict[str, int], False),
        ((), tuple[int, ...], True),
        ((1, 2), tuple[int, int], True),
        ((1,), tuple[int, int], False),
        (np.zeros(2), "array", True),
        (np.zeros(2, np.int32), "array", False),
        (None, None, True),
        (1, None, False),
    ],
)
def test_conforms(value, hint, answer):
    from ilk.typing import FloatArray

    assert conforms(value, FloatArray if hint == "array" else hint) is answer
