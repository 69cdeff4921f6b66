"""Right sides: the algebra is formulaic's, term for term and in its order."""

import formulaic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ilk.errors import FormulaError
from ilk.formula.parse import parse


def ours(right):
    terms = parse(f"response ~ {right}").predictors[0].fixed.terms
    return [tuple(factor.text for factor in term.factors) for term in terms]


def theirs(right):
    terms = formulaic.Formula(f"response ~ {right}").rhs
    return [tuple(f.expr for f in term.factors if f.expr != "1") for term in terms]


@pytest.mark.parametrize(
    "right",
    [
        "1",
        "0",
        "-1",
        "x",
        "x + z",
        "x + z - 1",
        "0 + x",
        "x + 0",
        "x - 1 + 1",
        "-1 + x + 1",
        "x*z",
        "x:z + w",
        "w + x*z*v",
        "(x + z)**2",
        "(x + z + w)**3 - x:z",
        "(x + z)^2",
        "x/z",
        "x/(z + w)",
        "(x + z)/w",
        "z %in% x",
        "x*(z + w)",
        "(x + z):(v + w)",
        "x + x + x:x",
        "x*z - x",
        "x + z - x + x",
        "x - (x + z) + z",
        "(x + z)",
        "((x))",
        "x:z + z:x",
        "x - -z",
        "x + -z",
        "+x",
        "log(x) + log(x)*z",
        "I(x**2):z + center( x )",
        "`odd name`*x",
        "{x + 1}*z",
        "a.b + c_1",
    ],
)
def test_terms_are_those_of_formulaic(right):
    expected = [tuple(t.strip("`") for t in term) for term in theirs(right)]
    assert ours(right) == expected


names = st.sampled_from(["a", "b", "c", "log(a)", "`o d`"])
expressions = st.recursive(
    names,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" + ", " - ", "*", ":", "/"]), inner).map("".join),
        inner.map(lambda text: f"({text})"),
        st.tuples(inner, st.sampled_from(["2", "3"])).map(lambda t: f"({t[0]})**{t[1]}"),
    ),
    max_leaves=6,
)


@given(expressions)
@settings(max_examples=200, deadline=None)
def test_any_algebra_is_that_of_formulaic(right):
    expected = [tuple(t.strip("`") for t in term) for term in theirs(right)]
    assert ours(right) == expected


@pytest.mark.parametrize(
    ("right", "message"),
    [
        ("x +", "ends in the middle"),
        ("x z", "operator is missing after 'x'"),
        ("scale (x)", r"written scale\( without a blank"),
        ("x * ", "nothing on its right"),
        ("* x", "nothing on its left"),
        ("x + * z", "nothing on its left"),
        ("x * / z", "nothing on its left"),
        ("x + ()", "Nothing stands between"),
        ("2", "Of numbers only 1 and 0"),
        ("2*x", r"write I\(2 \* x\)"),
        ("x**0", "whole number from 1"),
        ("x**z", "whole number from 1"),
        ("(x + z)**1.5", "whole number from 1"),
        (".", "name the columns"),
        ("x ~ z", "second '~'"),
        ("(x ~ z)", "second '~'"),
        ("x*offset(z)", "added only"),
        ("x - offset(z)", "added only"),
        ("offset()", "needs a column"),
        ("olre(x)", "no arguments"),
        ("I(1)", "holds no column"),
        ("offset(2)", "holds no column"),
    ],
)
def test_what_cannot_be_read_is_pointed_at(right, message):
    with pytest.raises(FormulaError, match=message):
        parse(f"y ~ {right}")


def test_offsets_are_collected():
    mean = parse("y ~ x + offset(log(days)) + offset(z)").predictors[0]
    assert [factor.text for factor in mean.offsets] == ["log(days)", "z"]
    assert mean.fixed.text == "1 + x"


def test_ten_thousand_terms_at_most():
    parse("y ~ " + " + ".join(f"x{k}" for k in range(9_999)))
    with pytest.raises(FormulaError, match="more than 10000 terms"):
        parse("y ~ " + " + ".join(f"x{k}" for k in range(10_500)))
