import numpy as np
import pandas as pd

from ilk.design.build import build
from ilk.formula.parse import parse

RNG = np.random.default_rng(5)
N = 30
DATA = pd.DataFrame(
    {
        "y": RNG.normal(size=N),
        "x": RNG.normal(size=N),
        "f": RNG.choice(["lo", "mid", "hi"], N),
        "g": RNG.integers(0, 5, N),
        "h": RNG.choice(["p", "q"], N),
    }
)


def terms(right):
    return build(parse(f"y ~ {right}"), DATA).terms


def test_an_intercept_alone_needs_no_columns():
    (term,) = terms("(1 | g)")
    assert term.columns is None
    assert term.column_names == ("Intercept",)
    assert term.has_intercept
    assert term.structure == "us"


def test_slopes():
    (term,) = terms("(1 + x | g)")
    assert term.column_names == ("Intercept", "x")
    np.testing.assert_array_equal(term.columns, np.column_stack([np.ones(N), DATA["x"]]))
    (term,) = terms("(0 + x | g)")
    assert term.column_names == ("x",)
    assert not term.has_intercept
    assert term.columns.shape == (N, 1)


def test_factors_left_of_the_bar():
    (term,) = terms("(f | g)")
    assert term.column_names == ("Intercept", "f[T.lo]", "f[T.mid]")
    (term,) = terms("(0 + f | g)")
    assert term.column_names == ("f[hi]", "f[lo]", "f[mid]")
    assert (term.columns.sum(axis=1) == 1).all()


def test_two_bars_are_one_term_of_independent_columns():
    (term,) = terms("(1 + f || g)")
    assert term.structure == "diag"
    assert term.column_names == ("Intercept", "f[T.lo]", "f[T.mid]")
    assert term.label == "1 + f || g"


def test_nested_terms_share_groupings_with_others():
    outer, inner, again = terms("(1 | g/h) + (0 + x | g:h)")
    assert outer.label == "1 | g"
    assert inner.grouping.name == "g:h"
    assert again.grouping is inner.grouping


def test_expressions_left_of_the_bar():
    (term,) = terms("(I(x**2) + poly(x, 2) | g)")
    assert term.column_names == ("Intercept", "I(x ** 2)", "poly(x, 2)[1]", "poly(x, 2)[2]")
    np.testing.assert_allclose(term.columns[:, 1], DATA["x"] ** 2)


def test_one_level_per_row():
    (term,) = terms("olre()")
    assert term.label == "1 | olre()"
    assert term.grouping.codes.tolist() == list(range(N))
    assert term.grouping.columns == ()
