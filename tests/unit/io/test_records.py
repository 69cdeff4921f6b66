"""Records of a file that are checked when they are read."""

from __future__ import annotations

from typing import Any

import pytest

from ilk.errors import DataError
from ilk.io.records import read_findings
from ilk.lint.record import Finding

GOOD = Finding("few-levels", "note", ("g",), "It has few levels.", "Leave it out.")


def test_findings_are_read() -> None:
    assert read_findings((GOOD,)) == (GOOD,)
    assert read_findings(()) == ()


@pytest.mark.parametrize(
    "findings",
    [
        [GOOD],
        ("few-levels",),
        (Finding("few-levels", "shout", ("g",), "a", "b"),),
        (Finding("few-levels", "note", ["g"], "a", "b"),),
        (Finding("few-levels", "note", (1,), "a", "b"),),
        (Finding("few-levels", "note", ("g",), 3, "b"),),
    ],
)
def test_findings_of_other_kinds_are_refused(findings: Any) -> None:
    with pytest.raises(DataError, match="findings"):
        read_findings(findings)
