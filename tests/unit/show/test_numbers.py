"""Numbers and labels as text."""

from __future__ import annotations

import pytest

from ilk.show.numbers import align, fixed, integer, p_value, plain, significant, with_error

NAN = float("nan")


@pytest.mark.parametrize(
    ("value", "error", "decimals"),
    [
        (251.4, 6.82, 2),
        (0.35, 0.047, 4),
        (1e6, 2.0e5, 0),
        (1.0, 999.9, 0),
        (1e-9, 1e-12, 8),
        (0.5, NAN, 3),
        (0.0, 0.0, 3),
        (NAN, NAN, 3),
    ],
)
def test_decimals_worth_showing(value, error, decimals):
    assert with_error(value, error) == decimals


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (1.005, 1, "1.0"),
        (-0.04, 1, "0.0"),
        (-0.06, 1, "-0.1"),
        (float("inf"), 2, "inf"),
        (float("-inf"), 2, "-inf"),
        (NAN, 2, "-"),
        (1.5e12, 3, "1.5e+12"),
        (3e-12, 8, "3e-12"),
        (0.0, 8, "0.00000000"),
    ],
)
def test_fixed(value, decimals, text):
    assert fixed(value, decimals) == text


def test_other_numbers():
    assert significant(0.0) == "0"
    assert significant(123.456) == "123.5"
    assert p_value(0.0499) == "0.050"
    assert p_value(0.0009) == "<0.001"
    assert p_value(NAN) == "-"
    assert integer(1234567.0) == "1,234,567"


def test_alignment():
    assert align(["1.25", "-10.5", "<0.001", "-", "7"]) == [
        "  1.25 ",
        "-10.5  ",
        " <0.001",
        "  -    ",
        "  7    ",
    ]
    assert align([]) == []


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("plain", "plain"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\x1b[2J", "\\x1b[2J"),
        ("Zürich – ß", "Zürich – ß"),
        (3, "3"),
        ("\u202eevil", "\\u202eevil"),
    ],
)
def test_labels(label, text):
    assert plain(label) == text


def test_long_labels_end():
    assert plain("x" * 10**7, 12) == "x" * 11 + "…"
