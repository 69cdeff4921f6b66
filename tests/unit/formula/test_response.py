import pytest

from ilk.errors import FormulaError
from ilk.formula.parse import parse


@pytest.mark.parametrize(
    ("left", "kind", "parts"),
    [
        ("y", "value", ["y"]),
        ("(y)", "value", ["y"]),
        ("`odd name`", "value", ["odd name"]),
        ("log(y)", "value", ["log(y)"]),
        ("I(y > 2)", "value", ["I(y > 2)"]),
        ("cbind(s, f)", "pair", ["s", "f"]),
        ("cbind(s, n - s)", "pair", ["s", "cbind(s, n - s)[2]"]),
        ("s / n", "ratio", ["s", "n"]),
        ("s/(s + f)", "ratio", ["s", "s + f"]),
    ],
)
def test_left_sides(left, kind, parts):
    response = parse(f"{left} ~ x").response
    assert response.kind == kind
    assert [part.text for part in response.parts] == parts


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("~ x", "no response"),
        ("a + b ~ x", "not one response"),
        ("a / b / c ~ x", "not one response"),
        ("3 ~ x", "not a number"),
        ("I(3) ~ x", "holds no column"),
        ("(1 | g) ~ x", "right of '~'"),
        ("cbind(s) ~ x", "takes 2"),
        ("y ~ x + y", "'y' also stands on the right"),
        ("log(y) ~ y", "'y' also stands on the right"),
        ("y ~ (y | g)", "'y' also stands on the right"),
        ("y ~ (1 | y)", "'y' also stands on the right"),
    ],
)
def test_mistakes(formula, message):
    with pytest.raises(FormulaError, match=message):
        parse(formula)


def test_the_response_may_explain_through_other_columns():
    parse("I(after - before) ~ before")
    parse("y ~ lag(y)")
    parse("s / n ~ n")
