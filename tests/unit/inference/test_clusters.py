"""Which factors are outermost."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.structured import fit_of, tips, tree

import ilk
from ilk.inference.clusters import forms_clusters, is_nested, outermost_groupings

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


def test_levels_without_rows_are_no_clusters() -> None:
    design = fit_of("tree", "gaussian").fitted.design
    (found,) = outermost_groupings(design)
    assert set(found.levels) == set(tips().tip)
    assert [found.levels[code] for code in found.codes] == tips().tip.tolist()


def test_relatives_form_clusters_with_one_row_each() -> None:
    single = tips().groupby("tip", as_index=False).first()
    related = ilk.fit("y ~ (1 | tip)", single, covariance={"tip": tree()}).fitted.design
    assert forms_clusters(related.terms[0].grouping, related)
    fit = ilk.fit("s ~ (1 | tip)", single, "binomial", covariance={"tip": tree()})
    assert fit.r_squared().frame.estimate[1] >= 0.0
