import numpy as np
import pytest

from ilk.design.evaluate import compute_lags, evaluate, evaluate_vector
from ilk.design.scope import Scope
from ilk.errors import DataError, FormulaError
from ilk.formula.gate import read_factor
from ilk.frame import Factor, columns

DATA = {"x": [1.0, 4.0, 9.0], "i": np.array([100, 100, 2], dtype=np.int8), "g": ["b", "a", "b"]}


def scope(rows=None):
    return Scope(columns(DATA), rows if rows is None else np.asarray(rows))


def value(text, rows=None):
    return evaluate(read_factor(text)[0], scope(rows))


def test_columns():
    assert value("I(x)").tolist() == [1.0, 4.0, 9.0]
    assert isinstance(evaluate(read_factor("g")[0], scope()), Factor)


def test_arithmetic_is_double_precision():
    assert value("I(i * i)").tolist() == [10000.0, 10000.0, 4.0]
    assert value("I(-x + 2 ** 0.5 // 1 % 2)").tolist() == [0.0, -3.0, -8.0]


def test_only_the_rows_in_use():
    assert value("sqrt(x)", [2, 0]).tolist() == [3.0, 1.0]


def test_a_number_becomes_a_column():
    assert evaluate_vector(read_factor("2")[0], "2", scope()).tolist() == [2.0, 2.0, 2.0]


def test_rows_are_named_as_in_the_data():
    with pytest.raises(DataError, match=r"first in row 2 \(where x = 9\)"):
        evaluate_vector(read_factor("log(9 - x)")[0], "log(9 - x)", scope([1, 2]))


def test_lags_nest_and_take_arithmetic():
    whole = scope()
    found = compute_lags(read_factor("I(lag(lag(x) + 1) * 2)")[0], whole)
    assert set(found) == {"lag(x)", "lag(lag(x) + 1)"}
    np.testing.assert_array_equal(found["lag(lag(x) + 1)"], [np.nan, np.nan, 2.0])
    far = compute_lags(read_factor("lag(x, 10)")[0], scope())
    assert np.isnan(far["lag(x, 10)"]).all()
    for text in ("lag(scale(x))", "lag(x, 0)", "lag(x, 1.5)"):
        with pytest.raises(FormulaError):
            compute_lags(read_factor(text)[0], scope())


def test_what_does_not_belong():
    for text in ("I(Sum())", "log(lag(x))"):
        with pytest.raises(FormulaError):
            value(text)
