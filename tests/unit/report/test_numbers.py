"""Numbers and labels of a report."""

from __future__ import annotations

import math

import pytest

from ilk.report.numbers import cell, clean, number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.000"),
        (0.012345, "0.0123"),
        (0.5, "0.500"),
        (-1.234, "−1.23"),
        (123.456, "123.5"),
        (1234.5, "1234"),
        (1e-9, "1.00e-09"),
        (3e9, "3.00e+09"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (math.nan, "–"),
    ],
)
def test_number(value: float, text: str) -> None:
    assert number(value) == text


def test_cell() -> None:
    assert cell(None, "number") == "–"
    assert cell(12345.0, "integer") == "12\u202f345"
    assert cell(2.5, "integer") == "2.5"
    assert cell("a\nb", "text") == "a�b"
    assert cell("0.50", "number") == "0.50"
    assert cell(1.5, "number") == "1.50"


def test_clean() -> None:
    assert clean("a\u202eb\x1b[0m") == "a�b�[0m"
