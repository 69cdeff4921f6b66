import numpy as np
import pandas as pd
import pytest

from ilk.design.build import build
from ilk.design.replay import replay
from ilk.design.resample import resample
from ilk.errors import ModelError
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


def together(right, **others):
    spec = parse(f"y ~ {right}", **others)
    return build(spec, DATA, parameters=("mean", "dispersion", "zero_inflation"))


def test_terms_of_one_name_are_one_term():
    design = together("x + (1 + x |p| g) + (1 | h)", dispersion="~ 1 + (1 |p| g)")
    shared, other = design.terms
    assert shared.predictor == "mean + dispersion"
    assert shared.predictors == ("mean", "mean", "dispersion")
    assert shared.column_names == ("Intercept", "x", "dispersion: Intercept")
    assert shared.label == "1 + x |p| g; dispersion: 1 |p| g"
    assert shared.structure == "us"
    np.testing.assert_array_equal(
        shared.columns, np.column_stack([np.ones(N), DATA["x"], np.ones(N)])
    )
    assert [(part.predictor, here) for part, here in shared.parts] == [
        ("mean", slice(0, 2)),
        ("dispersion", slice(2, 3)),
    ]
    assert [part.label for part in design.random_parts] == ["1 + x |p| g", "1 |p| g", "1 | h"]
    assert shared.reaches("dispersion")
    assert not other.reaches("dispersion")
    assert other.parts == ((other, slice(0, 1)),)


def test_nested_terms_of_one_name_are_one_term_for_each_factor():
    design = together("(1 |p| g/h)", zero_inflation="~ 1 + (0 + x |p| g/h)")
    assert [term.grouping.name for term in design.terms] == ["g", "g:h"]
    assert all(t.column_names == ("Intercept", "zero_inflation: x") for t in design.terms)


def test_a_name_used_once_changes_nothing():
    (plain,), (named,) = terms("(1 + x | g)"), terms("(1 + x |p| g)")
    assert not named.members
    assert named.column_names == plain.column_names
    assert named.predictor == "mean"


def test_effects_without_the_mean_all_say_where_they_are():
    design = together("x", dispersion="~ 1 + (1 |p| g)", zero_inflation="~ 1 + (1 |p| g)")
    (term,) = design.terms
    assert term.column_names == ("dispersion: Intercept", "zero_inflation: Intercept")
    assert not term.has_intercept


def test_a_column_twice_under_one_name_is_refused():
    with pytest.raises(ModelError, match="share the column 'Intercept'"):
        terms("(1 |p| g) + (1 + x |p| g)")
    (term,) = terms("(1 |p| g) + (0 + x |p| g)")
    assert term.column_names == ("Intercept", "x")


def test_columns_of_new_data_and_of_other_rows():
    design = together("x + (1 |p| g)", dispersion="~ 1 + (0 + x |p| g)")
    new = replay(design, DATA.iloc[3:8])
    np.testing.assert_array_equal(
        new.terms[0].columns, np.column_stack([np.ones(5), DATA["x"][3:8]])
    )
    rows = np.array([4, 4, 9])
    (again,) = resample(design, rows, np.array([0, 1, 0])).terms
    np.testing.assert_array_equal(again.columns, design.terms[0].columns[rows])
    np.testing.assert_array_equal(again.members[1].columns[:, 0], DATA["x"].to_numpy()[rows])
    assert again.members[1].grouping is again.grouping
