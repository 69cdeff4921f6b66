"""Tables as text."""

from __future__ import annotations

from ilk.show.summary import Summary, Table
from ilk.show.text import table_text

INTERVALS = Table(
    "Things",
    ("", "estimate", "95% interval", "", ""),
    (
        ("a", "1.5", "1.0", "2.0", ""),
        ("long name", "-10.25", "-", "-", "boundary"),
    ),
    notes=("A note.",),
)


def test_intervals_are_one_column_and_numbers_align():
    assert table_text(INTERVALS).splitlines() == [
        "Things",
        "             estimate  95% interval",
        "  a              1.5     1.0 to 2.0",
        "  long name    -10.25         -      boundary",
        "  A note.",
    ]


def test_a_summary_is_its_text():
    summary = Summary("Title", (("rows", "3 used"),), (INTERVALS,), "converged", (), "ilk 0")
    assert str(summary) == summary.text == repr(summary)
    assert summary.text.startswith("Title\n\n  rows        3 used\n\nThings")
    assert summary.text.endswith("Verdict: converged\n\n  ilk 0")
    assert summary._repr_html_() == summary.html


def test_reasons_are_wrapped_below_the_verdict():
    reasons = (("warning", "word " * 40),)
    text = Summary("T", (), (), "not converged", reasons, "f").text
    lines = text[text.index("Verdict") :].splitlines()
    assert lines[1].startswith("  warning: word")
    assert lines[2].startswith("    word")
    assert max(map(len, lines)) <= 88
