import numpy as np
import pandas as pd
import pytest

from ilk.errors import FormulaError, ModelError
from ilk.formula.parse import check_arguments, parse


def test_all_formulas_of_a_model():
    spec = parse("y ~ x + (1 | g)", dispersion="~ z + (1 | h)", zero_inflation="~ 1")
    assert [part.name for part in spec.predictors] == ["mean", "dispersion", "zero_inflation"]
    assert spec.columns == ("y", "x", "z", "g", "h")
    assert spec.predictor("dispersion").fixed.text == "1 + z"
    assert spec.predictor("shape") is None
    assert spec.text == "y ~ x + (1 | g)"


def test_the_same_text_is_read_once():
    assert parse("y ~ x + (1 | g)") is parse("y ~ x + (1 | g)")


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("y", "has no '~'"),
        ("", "has no '~'"),
        ("y ~", "right side of 'y ~' is empty"),
        ("y ~  ", "is empty"),
        ("y ~ x ~ z", "second '~'"),
        ("y (~ x)", "inside parentheses"),
    ],
)
def test_shapes_that_are_no_formula(formula, message):
    with pytest.raises(FormulaError, match=message):
        parse(formula)


def test_other_predictors_have_no_left_side():
    with pytest.raises(FormulaError, match="dispersion= has no left side"):
        parse("y ~ x", dispersion="s ~ x")
    with pytest.raises(FormulaError, match="must begin with '~'"):
        parse("y ~ x", zero_inflation="x")
    with pytest.raises(FormulaError, match="dispersion= must be text"):
        parse("y ~ x", dispersion=3)


def test_functions_of_the_caller():
    spec = parse("y ~ f(x)", functions={"f": np.cbrt})
    assert spec.functions["f"] is np.cbrt
    with pytest.raises(FormulaError, match="no function 'f'"):
        parse("y ~ f(x)")
    for name in ("log", "offset", "us", "cbind", "ar1", "Sum"):
        with pytest.raises(ModelError, match="built-in"):
            parse("y ~ x", functions={name: np.cbrt})
    with pytest.raises(ModelError, match="not a name"):
        parse("y ~ x", functions={"a b": np.cbrt})
    with pytest.raises(ModelError, match="not a function"):
        parse("y ~ x", functions={"f": 3})


def test_swapped_arguments_are_noticed():
    frame = pd.DataFrame({"y": [1]})
    check_arguments("y ~ x", frame)
    with pytest.raises(FormulaError, match=r"formula comes first.*DataFrame") as caught:
        check_arguments(frame, "y ~ x")
    assert caught.value.code == "swapped-arguments"
    with pytest.raises(FormulaError, match="Read the file first"):
        check_arguments("y ~ x", "data.csv")
    with pytest.raises(FormulaError, match="must be text"):
        check_arguments(frame, frame)
