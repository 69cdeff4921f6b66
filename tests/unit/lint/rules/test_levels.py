"""Levels that no row has."""

from __future__ import annotations

import numpy as np
import pandas as pd
from tests.findings import clustered, codes, found

DATA = clustered()


def test_categories_that_no_row_has() -> None:
    data = DATA.assign(kind=pd.Categorical(DATA["kind"], categories=list("abcdef")))
    finding = found("unused-levels", "y ~ x + kind + (1 | school)", data)
    assert finding.severity == "note"
    assert "2 levels ('e', 'f')" in finding.sentence
    used = data.assign(kind=data["kind"].cat.remove_unused_categories())
    assert codes("y ~ x + kind + (1 | school)", used) == ()
    assert codes("y ~ x + (1 | school)", data) == ()  # not in the model


def test_categories_of_groups() -> None:
    data = DATA.assign(school=pd.Categorical(DATA["school"]))
    finding = found("unused-levels", "y ~ x + (1 | school)", data[data["school"] != "s03"])
    assert "1 level ('s03')" in finding.sentence


def test_levels_lost_with_missing_values() -> None:
    data = DATA.assign(x=DATA["x"].where(DATA["school"] != "s03"))
    finding = found("lost-levels", "y ~ x + (1 | school)", data)
    assert finding.severity == "warning"
    assert "('s03')" in finding.sentence
    some = DATA.assign(x=DATA["x"].where(np.arange(len(DATA)) != 3))
    assert codes("y ~ x + (1 | school)", some) == ()


def test_a_lost_category_is_said_once() -> None:
    data = DATA.assign(
        x=DATA["x"].where(DATA["school"] != "s03"), school=pd.Categorical(DATA["school"])
    )
    assert codes("y ~ x + (1 | school)", data) == ("lost-levels",)
