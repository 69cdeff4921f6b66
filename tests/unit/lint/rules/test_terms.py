"""Fixed terms that are not what was meant."""

from __future__ import annotations

import numpy as np
import pytest
from tests.findings import clustered, codes, found

DATA = clustered()


def test_a_covariate_with_a_single_value() -> None:
    data = DATA.assign(c=3, d="only")
    for name in ("c", "d"):
        assert found("constant-covariate", f"y ~ x + {name} + (1 | school)", data).terms == (name,)
    data.loc[0, "c"] = 4
    assert codes("y ~ x + c + (1 | school)", data) == ()


def test_constant_in_the_rows_that_are_used() -> None:
    data = DATA.assign(c=np.where(DATA.index < 120, 0, 1), z=DATA["x"].where(DATA.index < 120))
    found("constant-covariate", "y ~ z + c + (1 | school)", data)


def test_an_interaction_without_its_parts() -> None:
    finding = found("interaction-without-main", "y ~ x + x:w + (1 | school)", DATA)
    assert finding.terms == ("x:w", "w")
    assert "x * w" in finding.fix


@pytest.mark.parametrize(
    "fixed",
    [
        "x * w",
        "x + x:kind",  # a slope of each level
        "x + x:treatment",  # the same baseline
        "poly(x, 2) + w + x:w",
        "kind:arm",
    ],
)
def test_interactions_that_are_meant(fixed: str) -> None:
    assert codes(f"y ~ {fixed} + (1 | school)", DATA) == ()


def test_many_coefficients_for_few_rows() -> None:
    finding = found("many-fixed-levels", "died ~ x + school", DATA, "binomial")
    assert "ilk.conditional(..., groups='school')" in finding.fix
    assert codes("y ~ x + school", DATA) == ()  # no bias in a linear model
    assert codes("died ~ x + kind", DATA[["died", "x", "kind"]], "binomial") == ()
    assert codes("died ~ x + school", clustered(size=40), "binomial") == ()
