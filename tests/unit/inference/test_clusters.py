"""Which factors are outermost."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.inference.clusters import is_nested, outermost_groupings

DATA = pd.DataFrame(
    {
        "y": np.random.default_rng(0).normal(size=120),
        "region": np.repeat(np.arange(4), 30),
        "clinic": np.repeat(np.arange(12), 10),
        "x": np.random.default_rng(1).normal(size=120),
        "day": np.tile(np.arange(10), 12),
        "name": np.repeat([f"c{i}" for i in range(12)], 10),
    }
)


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ("(1 | clinic)", ["clinic"]),
        ("(1 | region / clinic)", ["region"]),
        ("(1 | clinic) + (1 | region)", ["region"]),
        ("(1 | clinic) + (1 | day)", ["clinic", "day"]),
        ("(1 | clinic) + (0 + x | name)", ["clinic"]),
        ("(1 | clinic) + olre()", ["clinic"]),
    ],
)
def test_outermost(terms, expected):
    fit = ilk.fit(f"y ~ 1 + {terms}", DATA.assign(y=DATA.y.abs()), family="gamma", link="log")
    assert [g.name for g in outermost_groupings(fit.fitted.design)] == expected


def test_nothing_is_nested_in_anything():
    empty = np.zeros(0, dtype=np.int32)
    assert is_nested(empty, empty)
