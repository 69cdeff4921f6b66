from ilk.formula.gate import read_factor
from ilk.formula.language import Literal, Name, column_names, is_number, walk


def columns_of(text):
    return column_names(read_factor(text)[0])


def test_columns_of_an_expression():
    assert columns_of("I(x * `odd name` + x)") == ("x", "odd name")
    assert columns_of("C(g, Treatment('b'))") == ("g",)
    assert columns_of("C(g, Sum)") == ("g",)
    assert columns_of("C(Sum, contrasts=Sum)") == ("Sum",)


def test_walk_visits_everything_once():
    parts = list(walk(read_factor("log(x + 2)")[0]))
    assert len(parts) == 4
    assert Name("x") in parts
    assert Literal(2) in parts


def test_numbers():
    assert is_number(Literal(1.5))
    assert not is_number(Literal(True))
    assert not is_number(Name("x"))
