from ilk.formula.parse import parse
from ilk.formula.spec import Sum, Term


def test_sums_know_their_factors():
    fixed = parse("y ~ a*b + log(c)").predictors[0].fixed
    assert fixed.has_intercept
    assert [factor.text for factor in fixed.factors] == ["a", "b", "log(c)"]
    assert fixed.text == "1 + a + b + log(c) + a:b"


def test_the_intercept_is_a_term_without_factors():
    assert Sum((Term(),)).has_intercept
    assert Term().text == "1"


def test_columns_come_once_and_the_response_first():
    spec = parse("cbind(s, n - s) ~ x + offset(log(days)) + (x + z | a/b) + olre()")
    assert spec.columns == ("s", "n", "x", "days", "z", "a", "b")
