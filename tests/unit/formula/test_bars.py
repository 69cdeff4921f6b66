import pytest

from ilk.errors import FormulaError, ModelError
from ilk.formula.parse import parse
from ilk.formula.spec import OLRE


def random(right):
    return parse(f"y ~ {right}").predictors[0].random


def labels(right):
    return [term.label for term in random(right)]


@pytest.mark.parametrize(
    ("right", "expected"),
    [
        ("(1 | g)", ["1 | g"]),
        ("(x | g)", ["1 + x | g"]),
        ("(1 + x | g)", ["1 + x | g"]),
        ("(0 + x | g)", ["0 + x | g"]),
        ("(x - 1 | g)", ["0 + x | g"]),
        ("(-1 + x | g)", ["0 + x | g"]),
        ("(1 + x || g)", ["1 + x || g"]),
        ("(x*z | g)", ["1 + x + z + x:z | g"]),
        ("(1 | a/b)", ["1 | a", "1 | a:b"]),
        ("(1 | a/b/c)", ["1 | a", "1 | a:b", "1 | a:b:c"]),
        ("(1 | a:b)", ["1 | a:b"]),
        ("(1 | a:b/c)", ["1 | a:b", "1 | a:b:c"]),
        ("(1 | a/(b:c))", ["1 | a", "1 | a:b:c"]),
        ("(1 | (a:b))", ["1 | a:b"]),
        ("(1 | `odd name`)", ["1 | odd name"]),
        ("diag(1 + x | g)", ["diag(1 + x | g)"]),
        ("diag(1 + x || g)", ["1 + x || g"]),
        ("cs(0 + f | a/b)", ["cs(0 + f | a)", "cs(0 + f | a:b)"]),
        ("us(1 + x | g)", ["1 + x | g"]),
        ("olre()", ["1 | olre()"]),
        ("x + (1 | g) + z + (1 | h)", ["1 | g", "1 | h"]),
        ("x + (z + (1 | g))", ["1 | g"]),
        ("((1 | g))", ["1 | g"]),
        ("(I(x**2) + log(z) | g)", ["1 + I(x ** 2) + log(z) | g"]),
    ],
)
def test_random_terms(right, expected):
    assert labels(right) == expected


def test_what_a_term_says():
    (term,) = random("(0 + x || a:b)")
    assert term.structure == "diag"
    assert term.grouping == ("a", "b")
    assert not term.effects.has_intercept
    (term,) = random("olre()")
    assert term.grouping == (OLRE,)


def test_the_fixed_part_is_what_remains():
    mean = parse("y ~ (1 | g) + x*z + cs(1 | h) - x").predictors[0]
    assert mean.fixed.text == "1 + z + x:z"
    assert parse("y ~ 0 + (1 | g)").predictors[0].fixed.terms == ()


def test_exp_is_a_function_without_a_bar_and_a_structure_with_one():
    mean = parse("y ~ exp(x) + exp(x + z | g)").predictors[0]
    assert mean.fixed.text == "1 + exp(x)"
    assert [(term.structure, term.label) for term in mean.random] == [("exp", "exp(x + z | g)")]
    assert parse("y ~ I((x > 1) | (z > 2))").predictors[0].fixed.terms[1].text.startswith("I(")


@pytest.mark.parametrize("name", ["ar1", "ou", "gau", "matern", "toep"])
def test_positions_have_no_intercept(name):
    (term,) = random(f"{name}(week | g)")
    assert (term.structure, term.label) == (name, f"{name}(week | g)")
    assert labels(f"{name}(0 + week | g)") == [term.label]


def test_settings_of_structures():
    (term,) = random("rr(0 + f | g, d=3)")
    assert term.settings == (("d", 3.0),)
    assert term.label == "rr(0 + f | g, d=3)"
    assert labels("matern(x + z | a/b, nu=1.5)") == [
        "matern(x + z | a, nu=1.5)",
        "matern(x + z | a:b, nu=1.5)",
    ]


@pytest.mark.parametrize("name", ["propto", "spde"])
def test_structures_of_other_versions(name):
    with pytest.raises(ModelError, match=rf"{name}\(\.\.\.\) is not available.*us, diag, cs") as e:
        parse(f"y ~ {name}(1 + x | g)")
    assert e.value.code == "not-available"


@pytest.mark.parametrize(
    ("right", "error", "message"),
    [
        ("1 | g", FormulaError, r"needs parentheses: \(1 \| g\)"),
        ("x + 1 | g", FormulaError, "needs parentheses"),
        ("( | g)", FormulaError, "nothing left of its bar"),
        ("(1 | )", FormulaError, "no grouping factor"),
        ("(0 | g)", FormulaError, "no effect left"),
        ("(1 | g | h)", FormulaError, "one bar"),
        ("(1 |p g| h)", FormulaError, "without blanks"),
        ("(1 |2| h)", FormulaError, "a name that other terms may share"),
        ("(1 |p| g | h)", FormulaError, "one bar"),
        ("(1 |p|| g)", FormulaError, r"write \(1 \+ x \|p\| g\) or \(1 \+ x \|\| g\)"),
        ("(1 ||p| g)", FormulaError, "cannot go with a name"),
        ("cs(1 + x |p| g)", FormulaError, "leave the name 'p' or cs"),
        ("(1 |p| g) + (0 + x |p| h)", FormulaError, "'p' stands before the grouping 'g' and"),
        ("(1 | 1)", FormulaError, "not a number"),
        ("(1 | g + h)", FormulaError, r"\(1 \| a\) \+ \(1 \| b\)"),
        ("(1 | g * h)", FormulaError, r"\(1 \| a:b\)"),
        ("(1 | factor(g))", FormulaError, r"without factor\(\)"),
        ("(1 | log(g))", FormulaError, "make that column in the data"),
        ("(1 | a/)", FormulaError, "missing beside"),
        ("(1 | " + "/".join(f"a{k}" for k in range(30)) + ")", FormulaError, "at most 20 columns"),
        (" + ".join(f"(1 | g{k})" for k in range(1001)), FormulaError, "1000 random terms"),
        ("(1 | a b)", FormulaError, "cannot be a grouping factor"),
        ("(1 | mm(a))", FormulaError, "2 to 100 columns"),
        ("(1 | mm(a, b):c)", FormulaError, "stands alone right of its bar"),
        ("(1 | mm(a, b, weights=[v]))", FormulaError, "2 columns of labels and 1 weights"),
        ("(1 | mm(a, b, weights=v))", FormulaError, "list of columns"),
        ("(1 | mm(a, b, weigths=[v, w]))", FormulaError, "no setting 'weigths'"),
        ("(1 | mm(a, b, scale=1))", FormulaError, "True or False"),
        ("(1 | mm(a, a))", FormulaError, "the same column twice"),
        ("(1 | mm(f(a), b))", FormulaError, "names of columns"),
        ("(1 | mm(a, b)) + (0 + x | mm(a, b, weights=[v, w]))", FormulaError, "two sets of"),
        ("x*(1 | g)", FormulaError, "added only"),
        ("x:cs(1 | g)", FormulaError, "added only"),
        ("x - (1 | g)", FormulaError, "added only"),
        ("((1 | g) | h)", FormulaError, "cannot hold another"),
        ("cs(1 + x || g)", FormulaError, "cannot go with cs"),
        ("cs(x, df=3)", FormulaError, r"cubic spline is cr\(\)"),
        ("us(x ~ z | g)", FormulaError, "'~' does not belong"),
        ("us(x)", FormulaError, r"us\(1 \+ x \| g\)"),
        ("ar1(week | g, rho=1)", ModelError, r"ar1\(\.\.\.\) has no setting 'rho'; it takes none"),
        ("rr(0 + f | g, d=1.5)", ModelError, "d is a whole number from one"),
        ("matern(x | g, nu=0)", ModelError, "nu is a number between 0 and 20"),
        ("foo(1 | g)", ModelError, "Unknown covariance structure 'foo'"),
        ("daig(1 | g)", ModelError, "Did you mean 'diag'"),
        ("ar2(1 | g)", ModelError, "Did you mean 'ar1'"),
    ],
)
def test_mistakes_are_explained(right, error, message):
    with pytest.raises(error, match=message):
        parse(f"y ~ {right}")


def random_of(right):
    return parse(f"y ~ {right}").predictors[0].random


def test_names_between_bars():
    (one,) = random_of("(1 + x |p| g)")
    assert one.name == "p"
    assert one.label == "1 + x |p| g"
    assert one.bar == "|p|"
    outer, inner = random_of("(1 |p| a/b)")
    assert [outer.grouping, inner.grouping] == [("a",), ("a", "b")]
    assert {outer.name, inner.name} == {"p"}
    (plain,) = random_of("(1 | g)")
    assert plain.name is None
    assert plain.bar == "|"


def test_a_name_has_one_grouping_in_all_predictors():
    with pytest.raises(FormulaError, match="'g' in the mean and before 'h' in the dispersion"):
        parse("y ~ x + (1 |p| g)", dispersion="~ 1 + (1 |p| h)")
    with pytest.raises(FormulaError, match="Give the terms one grouping, or two names"):
        parse("y ~ x + (1 |p| a/b)", zero_inflation="~ 1 + (1 |p| a)")
    both = parse("y ~ x + (1 |p| a/b)", zero_inflation="~ 1 + (1 |p| a/b)")
    assert [len(part.random) for part in both.predictors] == [2, 2]
