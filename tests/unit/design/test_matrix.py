"""Columns of a sum are formulaic's: names, order and values, whichever way they are made."""

import itertools

import formulaic
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ilk.design import matrix as module
from ilk.design.coding import code_terms
from ilk.design.general import formulaic_matrix
from ilk.design.matrix import make_matrix
from ilk.design.scope import Scope
from ilk.errors import DataError, FormulaError
from ilk.formula.parse import parse
from ilk.frame import columns

RNG = np.random.default_rng(7)
ROWS = 60
DATA = pd.DataFrame(
    {
        "x": RNG.normal(size=ROWS),
        "z": RNG.integers(0, 9, ROWS),
        "k": RNG.integers(-100, 100, ROWS).astype(np.int8),
        "b": RNG.random(ROWS) < 0.5,
        "f": RNG.choice(["lo", "mid", "hi"], ROWS),
        "g": pd.Categorical(RNG.choice(["p", "q"], ROWS), categories=["q", "unused", "p"]),
        "h": RNG.choice(list("abcdefghijkl"), ROWS),
        "odd name": RNG.normal(size=ROWS),
    }
)
PLAIN = DATA.assign(
    g=DATA["g"].cat.remove_unused_categories(),
    b=DATA["b"].astype(float),
    k=DATA["k"].astype(float),
)


def ours(right, data=DATA, functions=None):
    spec = parse(f"response ~ {right}", functions=functions)
    scope = Scope(columns(data), functions=spec.functions)
    return make_matrix(spec.predictors[0].fixed, scope)


def theirs(right, data=PLAIN):
    matrix = formulaic.model_matrix(right, data, na_action="ignore")
    return list(matrix.columns), matrix.to_numpy(dtype=float)


def compare(right):
    names, X = theirs(right)
    made = ours(right)
    assert list(made.recipe.names) == names
    np.testing.assert_allclose(made.X, X, rtol=1e-13, atol=0)
    assert made.X.flags.f_contiguous or names == ["Intercept"]


@pytest.mark.parametrize(
    "right",
    [
        "1",
        "x",
        "0 + x",
        "f",
        "0 + f",
        "g",
        "b",
        "h",
        "0 + h",
        "f + g",
        "0 + f + g",
        "f:g",
        "0 + f:g",
        "f*g",
        "f*g*b",
        "f:x",
        "f*x",
        "0 + f:x",
        "x:f + g",
        "f + f:x",
        "0 + f*x",
        "g/f",
        "x + x:f:g",
        "f:g + f",
        "f:g:h",
        "(f + g + x)**2",
        "(f + g + x)**3 - f",
        "x*z*k",
        "k:z",
        "h:x - 1",
        "`odd name`*f",
        "log(x + 9) + f",
        "I(x**2):f",
        "I(k**2)",
        "C(f)",
        "C(f)*x",
        "0 + C(f):g",
        "C(z)",
        "center(x) + scale(z)",
        "poly(x, 3)",
        "poly(x, 2)*f",
        "poly(x, 3, raw=True)",
        "bs(x, df=5)",
        "bs(x, df=4, degree=2):g",
        "0 + bs(x, df=5, include_intercept=True)",
        "bs(x, knots=[-1, 0, 1]) + f",
        "cr(x, df=4)",
        "cc(x, df=4)",
        "cr(x, df=4, constraints='center') + f",
        "C(f, contr.treatment(base='mid'))",
        "C(f, Treatment('mid'))",
        "C(f, Treatment(reference='mid')):x",
        "C(f, contr.sum)",
        "C(f, Sum)*g",
        "C(f, Helmert)",
        "C(f, Diff)",
        "C(f, Poly)",
        "C(f, contr.SAS)",
        "C(f, levels=['mid', 'lo', 'hi'])",
        "standardize(x)",
    ],
)
def test_columns_are_those_of_formulaic(right):
    compare(right)


factor_names = st.sampled_from(["f", "g", "x", "z", "b"])
products = st.lists(factor_names, min_size=1, max_size=3, unique=True).map(":".join)


@given(st.lists(products, min_size=1, max_size=5, unique=True), st.booleans())
@settings(max_examples=150, deadline=None)
def test_any_sum_of_products_is_coded_as_formulaic_codes_it(terms, intercept):
    compare(" + ".join([*terms, "1" if intercept else "0"]))


@pytest.mark.parametrize("right", ["f*x", "0 + f:g", "h + x:g", "f*g*x"])
def test_both_ways_agree(right):
    made = ours(right)
    terms = parse(f"response ~ {right}").predictors[0].fixed
    scope = Scope(columns(DATA))
    values = {
        factor.text: scope.factor(factor.text)
        if factor.text in "fgh"
        else scope.number(factor.text)
        for factor in terms.factors
    }
    X, names = formulaic_matrix(terms, values, ROWS)
    assert names == made.recipe.names
    np.testing.assert_array_equal(X, made.X)


def test_reference_levels_are_recorded():
    assert ours("f + g").references == {"f": "hi", "g": "q"}
    assert ours("0 + f").references == {}
    assert ours("C(f, Treatment('mid'))").references == {"C(f, Treatment('mid'))": "mid"}
    assert ours("f:x").references == {}
    assert ours("poly(x, 2) + f").references == {"f": "hi"}
    assert ours("poly(x, 2) + C(f, Sum)").references == {}


def test_small_integers_do_not_overflow():
    made = ours("I(k**2) + k:k + k:z")
    assert made.X[:, 1].tolist() == [float(int(k)) ** 2 for k in DATA["k"]]


def test_categories_of_numbers_keep_their_names():
    data = {"c": np.array([3, 1, 2, 3])}
    assert ours("C(c)", data).recipe.names == ("Intercept", "C(c)[T.2]", "C(c)[T.3]")


def test_labels_of_several_types():
    data = {"c": np.array([1, "1", True, 1, "1", True], dtype=object), "x": np.arange(6.0)}
    made = ours("c + poly(x, 2)", data)
    assert made.recipe.names[:3] == ("Intercept", "c[T.True]", "c[T.'1']")
    assert made.X.shape == (6, 5)
    assert ours("c", data).recipe.names == made.recipe.names[:3]
    assert np.linalg.matrix_rank(made.X) == 5


def test_functions_of_the_caller():
    made = ours("cube(x)", functions={"cube": lambda x: x**3})
    np.testing.assert_allclose(made.X[:, 1], DATA["x"] ** 3)
    assert made.recipe.names == ("Intercept", "cube(x)")
    two = ours("two(x, k=3)", functions={"two": lambda x, k: np.column_stack([x, k * x])})
    assert two.X.shape == (ROWS, 3)
    labels = ours("is_lo(f)", functions={"is_lo": lambda f: f == "lo"})
    assert labels.X[:, 1].tolist() == (DATA["f"] == "lo").astype(float).tolist()
    for bad in (lambda x: x[:3], lambda x: "text", lambda x: None):
        with pytest.raises(FormulaError, match="must give 60 numbers"):
            ours("f1(x)", functions={"f1": bad})
    with pytest.raises(FormulaError, match=r"f1\(f\): the function 'f1' .* failed: ValueError"):
        ours("f1(f)", functions={"f1": lambda f: f.astype(float)})


def test_functions_of_the_caller_cannot_change_the_data():
    def spoil(x):
        x[:] = 0.0
        return x

    before = DATA["x"].copy()
    ours("spoil(x) + x", functions={"spoil": spoil})
    assert (DATA["x"] == before).all()


def test_a_factor_with_one_level_has_no_column():
    data = {"c": ["a"] * 4, "x": np.arange(4.0)}
    made = ours("x + c", data)
    assert made.recipe.names == ("Intercept", "x")
    assert made.single == ("c",)
    assert ours("0 + c", data).recipe.names == ("c[a]",)
    assert ours("poly(x, 2) + c", data).single == ("c",)
    assert ours("0 + c + poly(x, 2)", data).single == ()


def test_too_large_a_matrix_is_refused_with_its_size(monkeypatch):
    data = {"id": np.arange(200_000).astype(str), "x": np.zeros(200_000)}
    with pytest.raises(DataError, match=r"200001 columns.*GiB.*\(1 \| id\)") as caught:
        ours("x + id", data)
    assert caught.value.code == "too-large"
    with pytest.raises(DataError, match="columns of 200000 rows"):
        ours("poly(x, 2) + C(id, Sum)", {**data, "x": np.arange(200_000.0)})
    monkeypatch.setattr(module, "MAX_BYTES", 100)
    with pytest.raises(DataError, match="3 columns of 60 rows"):
        ours("f")


@pytest.mark.parametrize(
    ("right", "message"),
    [
        ("log(x)", r"log\(x\) is not a number in .* rows, first in row .* \(where x = -"),
        ("log(z)", "infinite"),
        ("C(log(z), Sum)", "infinite"),
        ("I(x / 0)", "infinite"),
        ("log(f)", "'f' holds text values"),
        ("I(f == 'mdi')", r"no level 'mdi'\. Did you mean 'mid'"),
        ("I(x == 'a')", "holds numbers and is compared with the text"),
        ("I(x & (z > 1))", "joins conditions"),
        ("I(poly(x, 2) + 1)", "several columns"),
        ("scale(C(f))", "several columns or levels"),
        ("I(x + 'a')", "cannot take part in arithmetic"),
        ("poly(x, 99)", "from 1 to 25"),
        ("poly(z, 20)", "needs 21 different values"),
        ("poly(x, 2.5)", "whole number"),
        ("bs(x, df=999)", "from 1 to 200"),
        ("bs(x, df=2)", r"bs\(x, df=2\) cannot be computed"),
        ("bs(x, df=5, extrapolation='sideways')", "cannot be computed"),
        ("bs(x, knots=['a'])", "list of numbers"),
        ("cr(x)", "cannot be computed"),
        ("cr(x, df=4, constraints='none')", "can only be 'center'"),
        ("C(f, Treatment('none'))", r"no level 'none'; the levels are 'hi', 'lo', 'mid'"),
        ("C(f, levels=['lo', 'mid'])", "level 'hi', which levels= does not list"),
        ("C(f, levels='lo')", "list of labels"),
        ("clip(x)", "needs lower= or upper="),
        ("clip(x, 'a')", "cannot be computed"),
        ("between(x, 3)", "second argument must be the column"),
        ("round(x, decimals=1.5)", "cannot be computed"),
    ],
)
def test_mistakes_name_the_culprit(right, message):
    with pytest.raises((DataError, FormulaError), match=message):
        ours(right)


def test_elementwise_functions():
    made = ours("I(2 + x * z - 1) + clip(x, 0, 1) + minimum(x, 0) + maximum(x, z) + abs(x)")
    x, z = DATA["x"].to_numpy(), DATA["z"].to_numpy()
    expected = [2 + x * z - 1, np.clip(x, 0, 1), np.minimum(x, 0), np.maximum(x, z), np.abs(x)]
    np.testing.assert_allclose(made.X[:, 1:], np.column_stack(expected), rtol=1e-15)
    logic = ours("I((x > 0) & ~(z > 4)) + I(f == 'lo') + I('lo' != f) + I(not b)")
    expected = [(x > 0) & ~(z > 4), DATA["f"] == "lo", DATA["f"] != "lo", ~DATA["b"]]
    np.testing.assert_array_equal(logic.X[:, 1:], np.column_stack(expected))


def test_coding_is_full_rank_for_all_sums_of_three_factors():
    rng = np.random.default_rng(0)
    data = pd.DataFrame({name: rng.choice(list("abc"), 400) for name in "uvw"})
    terms = [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]
    for chosen in itertools.islice(itertools.combinations(terms, 3), 35):
        coded = code_terms(((), *chosen), (True, True, True))
        assert len(coded) == 4
        right = " + ".join(":".join("uvw"[i] for i in term) for term in chosen)
        X = ours(right, data).X
        assert np.linalg.matrix_rank(X) == X.shape[1]
