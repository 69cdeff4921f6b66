"""What moves when a column is set."""

from __future__ import annotations

import pytest
from tests.fits import fit_of

from ilk.effects.variable import check_value, coded_names, find_variable, has_lags, moved_columns
from ilk.formula import parse


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        ("x", ("x",)),
        ("log(x + z)", ("x", "z")),
        ("within(x, g)", ("x",)),
        ("between(x * z, g)", ("x", "z")),
        ("C(x, Treatment(2))", ("x",)),
        ("lag(x)", ("x",)),
        ("I(x > 1)", ("x",)),
    ],
)
def test_moved_columns(term, expected):
    (factor,) = parse(f"y ~ {term}").predictors[0].fixed.factors
    assert moved_columns(factor.expression) == expected


def test_codings_and_lags():
    spec = parse("y ~ C(a) + b + (0 + C(c) | g)")
    assert coded_names(spec.right_factors) == {"a", "c"}
    assert not has_lags(spec)
    assert has_lags(parse("y ~ a + (1 + lag(b) | g)"))


def test_kinds():
    number = find_variable(fit_of("binary").fitted, "x")
    assert not number.coded
    assert number.values == ()
    assert number.low < 0 < number.high
    level = find_variable(fit_of("binary").fitted, "sex")
    assert level.coded
    assert level.values == ("f", "m")
    assert check_value(level, "m") == "m"
    assert check_value(number, 2) == 2
