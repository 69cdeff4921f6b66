"""Formulas that are written are read again as what they were."""

import pytest

from ilk.formula.parse import parse
from ilk.formula.rewrite import formula_text, term_text


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ x + offset(z) + (1 + x | g)",
        "`y e` ~ `x 1` + arm + `x 1`:arm + (1 + `x 1` | `g g`)",
        "`y e` ~ 0 + log(`x 1` + 10) + offset(`z-1`) + (0 + `x 1` || a:`b c`)",
    ],
)
def test_a_formula_that_is_written_can_be_read_again(formula):
    spec = parse(formula)
    part = spec.predictor("mean")
    written = formula_text(spec, "mean", [term_text(one) for one in part.random])
    again = parse(written).predictor("mean")
    assert again.fixed == part.fixed
    assert again.offsets == part.offsets
    assert [(one.effects, one.grouping) for one in again.random] == [
        (one.effects, one.grouping) for one in part.random
    ]
