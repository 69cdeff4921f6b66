import pytest

from ilk.errors import FormulaError
from ilk.formula.scan import check_text, inside, scan, split


def test_words_keep_their_places():
    text = "y ~ log(x, `a)b`) + `odd name` * (1 || g)^2"
    words = scan(text)
    assert [(w.kind, w.text) for w in words] == [
        ("name", "y"),
        ("operator", "~"),
        ("call", "log(x, `a)b`)"),
        ("operator", "+"),
        ("name", "odd name"),
        ("operator", "*"),
        ("open", "("),
        ("number", "1"),
        ("operator", "||"),
        ("name", "g"),
        ("close", ")"),
        ("operator", "**"),
        ("number", "2"),
    ]
    assert text[words[4].start : words[4].stop] == "`odd name`"


def test_names_of_r_and_of_other_scripts():
    assert [w.text for w in scan("Sepal.Length + größe + x_1 + _a + 1a")][::2] == [
        "Sepal.Length",
        "größe",
        "x_1",
        "_a",
        "1a",
    ]


def test_braces_hold_an_expression():
    (word,) = scan("{x + (1)}")
    assert (word.kind, word.text) == ("call", "x + (1)")


def test_in_between_percent_signs():
    assert scan("a %in% b")[1].text == "in"


@pytest.mark.parametrize(
    ("text", "message", "position"),
    [
        ("y ~ (x", "never closed", 4),
        ("y ~ x)", "never opened", 5),
        ("y ~ log((x)", "never closed", 7),
        ("y ~ log(x]", "expected", 9),
        ("y ~ f('x)", "quote", 6),
        ("y ~ `x", "backtick", 4),
        ("y ~ 'x'", "without quotes", 4),
        ("y ~ x == 1", r"I\(x == 1\)", 6),
        ("y ~ x, z", "comma", 5),
        ("y ~ d$x", "without the frame", 5),
        ("y ~ x!", "'!' does not belong", 5),
        ("y ~ x[1]", "subscripts", 5),
        ("y ~ {x", "never closed", 4),
        ("y ~ x}", "never opened", 5),
    ],
)
def test_what_does_not_belong_is_pointed_at(text, message, position):
    with pytest.raises(FormulaError, match=message) as caught:
        scan(text)
    assert f"position {position}" in caught.value.message


def test_split_respects_parentheses():
    pieces = split(scan("a + (b + c) - d"), "+ -")
    assert [[w.text for w in words] for _, words in pieces] == [
        ["a"],
        ["(", "b", "+", "c", ")"],
        ["d"],
    ]
    assert [sign.text if sign else None for sign, _ in pieces] == [None, "+", "-"]


def test_inside_wants_one_enclosing_pair():
    assert [w.text for w in inside(scan("((a) + b)"))] == ["(", "a", ")", "+", "b"]
    assert inside(scan("(a) + (b)")) is None
    assert inside(scan("a")) is None


def test_only_text_is_a_formula():
    with pytest.raises(FormulaError, match="must be text"):
        check_text(3)
    with pytest.raises(FormulaError, match="at most"):
        check_text("x" * 100_001)
