"""Labels that begin anew in each level of another factor."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.findings import codes, found


def nested(classes: list[int], rows: int = 6, label=str) -> pd.DataFrame:
    """Schools with classes that are numbered anew in each."""
    pairs = [(f"s{i}", label(j + 1)) for i, k in enumerate(classes) for j in range(k)]
    frame = pd.DataFrame(pairs * rows, columns=["school", "class"])
    return frame.assign(y=np.random.default_rng(1).normal(size=len(frame)))


@pytest.mark.parametrize("label", [str, int, lambda j: "abcdefghijkl"[j - 1]])
@pytest.mark.parametrize("classes", [[5, 6, 3, 7, 5, 4, 11], [5] * 8])
def test_labels_that_begin_anew(classes: list[int], label) -> None:
    data = nested(classes, label=label)
    finding = found("nested-ids-reused", "y ~ 1 + (1 | school) + (1 | class)", data)
    assert finding.terms == ("class", "school")
    assert finding.severity == ("note" if len(set(classes)) == 1 else "warning")
    assert "(1 | school/class)" in finding.fix


@pytest.mark.parametrize(
    "formula", ["y ~ 1 + (1 | school/class)", "y ~ 1 + (1 | school) + (1 | school:class)"]
)
def test_nested_terms_are_right(formula: str) -> None:
    assert codes(formula, nested([5, 6, 3, 7, 5])) == ()


def test_labels_of_their_own_are_right() -> None:
    data = nested([5, 6, 3, 7, 5])
    data["class"] = data["school"] + data["class"]
    assert codes("y ~ 1 + (1 | school) + (1 | class)", data) == ()


@pytest.mark.parametrize(
    ("outer", "inner"),
    [("subject", "item"), ("subject", "visit"), ("plate", "sample"), ("site", "family")],
)
def test_crossed_factors_are_right(outer: str, inner: str) -> None:
    data = nested([8] * 9).rename(columns={"school": outer, "class": inner})
    assert codes(f"y ~ 1 + (1 | {outer}) + (1 | {inner})", data) == ()
    dropouts = nested([8, 8, 7, 8, 5, 6, 8]).rename(columns={"school": "patient", "class": "visit"})
    assert codes("y ~ 1 + (1 | patient) + (1 | visit)", dropouts) == ()
