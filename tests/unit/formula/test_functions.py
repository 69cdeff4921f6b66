import pytest

from ilk.errors import FormulaError
from ilk.formula.functions import FUNCTIONS, call_options
from ilk.formula.gate import read_factor
from ilk.formula.language import Literal


@pytest.mark.parametrize(
    ("factor", "message"),
    [
        ("log()", "takes 1"),
        ("log(x, 2)", "has 2 arguments"),
        ("poly()", "has 0 arguments"),
        ("maximum(x)", "has 1 argument;"),
        ("scale(x, True, True, 1, 0)", "takes 1 to 4"),
        ("scale(x, centre=True)", "no argument 'centre'.*'center'"),
        ("poly(x, 2, degree=2)", "twice"),
        ("poly(x, z)", "'degree' of poly"),
        ("C(g, sum)", "coding in"),
        ("C(g, contrasts=2)", "coding in"),
        ("log('x')", "between backticks"),
        ("log(Sum())", "belongs into C"),
        ("lag(x, k=z)", "must be a number"),
        ("maximum(x)", "takes 2"),
    ],
)
def test_arguments_are_checked(factor, message):
    with pytest.raises(FormulaError, match=message):
        read_factor(factor)


def test_options_by_position_and_by_name():
    call, _ = read_factor("poly(x, 3, raw=True)")
    assert call_options(call) == {"degree": Literal(3), "raw": Literal(True)}


def test_the_list_holds_what_the_manual_promises():
    promised = "log log1p exp sqrt abs I C center scale poly bs cr cc lag minimum maximum"
    assert set(promised.split()) <= set(FUNCTIONS)
