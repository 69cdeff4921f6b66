"""Records of checks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ilk.diagnostics.checks.record import Checks, skipped


def test_worst_and_by_code() -> None:
    one = skipped("zeros", "As many zeros", "No count.")
    two = replace(one, code="groups", verdict="note")
    found = Checks((one,), np.arange(3), {}, 20, 0, 0.05)
    assert found.worst == "skipped"
    found = replace(found, checks=(one, two, replace(two, verdict="ok")))
    assert found.worst == "note"
    assert [c.verdict for c in found["groups"]] == ["note", "ok"]
    assert found["time"] == ()
    assert np.isnan(one.p_value)
