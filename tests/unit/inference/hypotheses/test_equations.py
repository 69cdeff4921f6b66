"""Hypotheses as users write them."""

import numpy as np
import pytest

from ilk import ModelError
from ilk.inference.hypotheses.equations import equation_text, read_hypothesis

NAMES = [
    ("mean", name)
    for name in (
        "Intercept",
        "age",
        "urban",
        "policy",
        "C(x)[T.b]",
        "C(x, Treatment('a'))[T.c d]",
        "age:urban",
        "poly(x, degree=2)[1]",
        "region[T.north]",
        "region[T.south]",
        "my col",
    )
] + [("dispersion", "age")]
ALL = [*NAMES, ("mean", "lost")]


@pytest.mark.parametrize(
    ("text", "weights", "right"),
    [
        ("policy = 0", [{"policy": 1}], [0]),
        ("policy = 0, age + urban = 0", [{"policy": 1}, {"age": 1, "urban": 1}], [0, 0]),
        ("age = urban = policy", [{"age": 1, "urban": -1}, {"urban": 1, "policy": -1}], [0, 0]),
        ("2*age - urban/4 == 1.5", [{"age": 2, "urban": -0.25}], [1.5]),
        ("(age + urban)/2 - 1 = policy * 2", [{"age": 0.5, "urban": 0.5, "policy": -2}], [1]),
        ("0 = 3 - age", [{"age": 1}], [3]),
        ("-age = -2e-1", [{"age": -1}], [-0.2]),
        ("C(x)[T.b]=1", [{"C(x)[T.b]": 1}], [1]),
        ("C(x,Treatment( 'a' ))[T.c d] = 0,", [{"C(x, Treatment('a'))[T.c d]": 1}], [0]),
        ("age : urban - age = 0", [{"age:urban": 1, "age": -1}], [0]),
        ("poly(x, degree=2)[1] = .5", [{"poly(x, degree=2)[1]": 1}], [0.5]),
        ("`my col` = 0", [{"my col": 1}], [0]),
        ("my col = age", [{"my col": 1, "age": -1}], [0]),
        ("dispersion.age = 0", [{"dispersion.age": 1}], [0]),
    ],
)
def test_text(text, weights, right):
    found = read_hypothesis(text, NAMES)
    names = [name if component == "mean" else f"{component}.{name}" for component, name in NAMES]
    expected = np.zeros((len(weights), len(names)))
    for row, item in zip(expected, weights, strict=True):
        for name, weight in item.items():
            row[names.index(name)] = weight
    sign = np.sign((found.L * expected).sum(axis=1))  # 0 = 3 - age is age = 3
    np.testing.assert_allclose(found.L * sign[:, None], expected)
    np.testing.assert_allclose(found.rhs * sign, right)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("polcy = 0", "'polcy' is not a coefficient of this fit. Did you mean 'policy'"),
        ("`polcy` = 0", "Did you mean 'policy'"),
        ("region = 0", r"coefficients are 'region\[T.north\]', 'region\[T.south\]'"),
        ("region[T.nrth] = 0", r"Did you mean 'region\[T.north\]'"),
        ("zzz = 0", "There are 'Intercept', 'age'"),
        ("lost = 0", "'lost' was not estimated"),
        ("age", "write an equation, such as 'age = 0'"),
        ("age, urban = 0", "'age' says nothing to test"),
        ("age * urban = 0", "not linear"),
        ("age / urban = 0", "not linear"),
        ("age / 0 = 0", "not linear"),
        ("age = ", "ends too early"),
        ("", "ends too early"),
        ("(age = 0", "'= 0' is not understood"),
        ("(age", r"'\)' is missing"),
        ("age > 0", "'> 0' is not understood"),
        ("1 = 0", "holds no coefficient"),
        ("age - age = 0", "holds no coefficient"),
        ("2 age = 0", r"A sign .* is missing before 'age'"),
        ("age + = 0", "not understood"),
    ],
)
def test_bad_text(text, words):
    with pytest.raises(ModelError, match=words):
        read_hypothesis(text, NAMES, ALL)


def test_other_forms():
    one = read_hypothesis({"age": 1, "urban": -1}, NAMES, rhs=2)
    assert one.labels == ("age - urban = 2",)
    two = read_hypothesis([{"age": 1}, {("dispersion", "age"): 2, "dispersion.age": 1}], NAMES)
    assert two.labels == ("age = 0", "3 * dispersion.age = 0")
    assert read_hypothesis(["age = 1", "urban = 0"], NAMES).labels == ("age = 1", "urban = 0")
    L = np.eye(len(NAMES))[:2]
    np.testing.assert_array_equal(read_hypothesis(L, NAMES, rhs=[1, 2]).rhs, [1, 2])


@pytest.mark.parametrize(
    ("hypothesis", "rhs", "words"),
    [
        ({"ag": 1}, None, "Did you mean 'age'"),
        ({"age": "a"}, None, "weight of 'age' is 'a'; give a finite number"),
        ({"age": np.nan}, None, "weight of 'age' is nan; give a finite number"),
        ({5: 1}, None, "'5' is not a coefficient"),
        ([[1.0, 2.0]], None, "a matrix with 12 columns"),
        (3, None, "a matrix with 12 columns"),
        (np.full((1, 12), np.nan), None, "a matrix with 12 columns"),
        ([], None, "a matrix with 12 columns"),
        ({"age": 1}, [1, 2], "one for each of the 1 equations"),
        ({"age": 1}, "x", "one for each"),
        ("age = 0", 1, "its own right sides"),
    ],
)
def test_bad_forms(hypothesis, rhs, words):
    with pytest.raises(ModelError, match=words):
        read_hypothesis(hypothesis, NAMES, ALL, rhs)


def test_a_row_of_zeros_in_words():
    assert equation_text(np.zeros(len(NAMES)), 0.0, NAMES) == "0 = 0"
