import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ilk.design.build import build
from ilk.design.replay import replay
from ilk.errors import DataError
from ilk.formula.parse import parse

RNG = np.random.default_rng(23)
N = 50
DATA = pd.DataFrame(
    {
        "y": RNG.normal(size=N),
        "x": RNG.uniform(1, 9, N),
        "z": RNG.integers(0, 50, N),
        "f": RNG.choice(["lo", "mid", "hi"], N),
        "c": pd.Categorical(RNG.choice(["u", "v"], N), categories=["v", "unused", "u"]),
        "k": RNG.integers(1, 4, N),
        "g": RNG.integers(0, 7, N),
        "h": RNG.choice(list("pqr"), N),
        "s": RNG.integers(0, 3, N),
        "n": RNG.integers(3, 6, N),
        "days": RNG.uniform(1, 9, N),
    }
)
FORMULAS = [
    "y ~ x + f",
    "y ~ x*f*c + (1 | g)",
    "y ~ center(x) + scale(z) + standardize(x)",
    "y ~ poly(x, 3) + (poly(x, 2) | g)",
    "y ~ bs(x, df=5)*f",
    "y ~ bs(x, df=4, extrapolation='clip') + cr(z, df=4) + cc(x, df=3)",
    "y ~ cr(x, df=4, constraints='center')",
    "y ~ C(k)*x + (0 + C(k) | g)",
    "y ~ C(f, Sum) + C(k, Treatment(2)) + (1 + x || g/h)",
    "y ~ C(f, Helmert):x + C(c, Poly)",
    "y ~ 0 + f + (0 + f | g:h)",
    "y ~ within(x, g) + between(x, g) + offset(log(x)) + offset(z)",
    "y ~ I(x > 3) + I(f == 'lo') + log(x):c + olre()",
    "y ~ x + I(2*x) + z",
    "y ~ C(f, levels=['mid', 'hi', 'lo'])",
]


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table, dict])
def test_the_data_of_the_fit_give_the_design_of_the_fit(formula, make):
    made = build(parse(formula), DATA)
    lists = {name: DATA[name].tolist() for name in DATA if name != "y"}
    new = replay(made, make(lists))
    for part, again in zip(made.fixed, new.fixed, strict=True):
        np.testing.assert_allclose(again.X, part.X, rtol=1e-13, atol=1e-13)
        assert again.X.flags.f_contiguous
        if part.offset is None:
            assert again.offset is None
        else:
            np.testing.assert_array_equal(again.offset, part.offset)
    for term, again in zip(made.terms, new.terms, strict=True):
        if term.grouping.columns:
            np.testing.assert_array_equal(again.codes, term.grouping.codes)
            assert again.unseen == ()
        if term.columns is None:
            assert again.columns is None
        else:
            np.testing.assert_allclose(again.columns, term.columns, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("formula", FORMULAS)
def test_some_rows_and_no_rows(formula):
    made = build(parse(formula), DATA)
    some = replay(made, DATA.iloc[[7, 3]])
    np.testing.assert_allclose(some.fixed[0].X, made.fixed[0].X[[7, 3]], rtol=1e-12, atol=1e-13)
    none = replay(made, DATA.iloc[:0])
    assert none.fixed[0].X.shape == (0, len(made.fixed[0].names))
    for term, again in zip(made.terms, none.terms, strict=True):
        assert again.codes.shape == (0,)
        assert again.columns is None or again.columns.shape == (0, len(term.column_names))
    bare = pd.DataFrame({name: [] for name in DATA})
    assert replay(made, bare).fixed[0].X.shape == (0, len(made.fixed[0].names))
    empty = {name: [] for name in DATA}
    assert replay(made, empty).fixed[0].X.shape == (0, len(made.fixed[0].names))


@pytest.mark.parametrize(
    "formula", ["y ~ x + f", "y ~ x + C(f)", "y ~ poly(x, 2) + f", "y ~ C(f, Sum)"]
)
def test_unseen_levels_are_named(formula):
    made = build(parse(formula), DATA)
    new = {"x": [1.0, 2.0], "f": ["lo", "huge"]}
    with pytest.raises(DataError, match=r"level 'huge'.*row 1.*'hi', 'lo', 'mid'") as caught:
        replay(made, new)
    assert caught.value.code == "unseen-level"


def test_a_level_of_another_type_is_explained():
    made = build(parse("y ~ x + C(k)"), DATA)
    with pytest.raises(DataError, match=r"level '2'.*The fit has 2 \(int\); here it is str"):
        replay(made, {"x": [1.0], "k": ["2"]})
    assert replay(made, {"x": [1.0, 2.0], "k": [2.0, None]}).fixed[0].X.shape == (1, 4)


def test_numbers_and_levels_are_not_exchanged():
    made = build(parse("y ~ x + f"), DATA)
    with pytest.raises(DataError, match="'f' holds numbers here and levels"):
        replay(made, {"x": [1.0], "f": [1]})
    with pytest.raises(DataError, match="'x' holds levels here and numbers"):
        replay(made, {"x": ["a"], "f": ["lo"]})


def test_missing_columns_are_named():
    made = build(parse("y ~ x + f + (1 + z | g)"), DATA)
    with pytest.raises(DataError, match="no column 'f'"):
        replay(made, {"x": [1.0], "z": [1], "g": [1]})
    with pytest.raises(DataError, match="no column 'z'"):
        replay(made, {"x": [1.0], "f": ["lo"], "g": [1]})
    with pytest.raises(DataError, match="no column 'g'"):
        replay(made, {"x": [1.0], "f": ["lo"], "z": [1]})
    without = replay(made, {"x": [1.0], "f": ["lo"], "z": [1]}, groups=False)
    assert without.terms[0].codes.tolist() == [-1]
    assert without.terms[0].columns.tolist() == [[1.0, 1.0]]


def test_unseen_and_missing_groups_are_the_callers_affair():
    made = build(parse("y ~ x + (1 | g) + (1 | g:h)"), DATA)
    new = replay(made, {"x": [1.0] * 4, "g": [0, 99, None, 0], "h": ["p", "p", "p", None]})
    assert new.terms[0].codes[1:3].tolist() == [-1, -1]
    assert new.terms[0].codes[0] == new.terms[0].codes[3] >= 0
    assert new.terms[0].unseen == (99,)
    assert new.terms[1].codes[1:].tolist() == [-1, -1, -1]
    assert new.terms[1].unseen == ("99:p",)
    assert new.rows.kept.tolist() == [0, 1, 2, 3]


def test_missing_values_are_left_out_and_counted():
    made = build(parse("y ~ x + f + (1 | g)"), DATA)
    new = replay(made, {"x": [1.0, None, 2.0], "f": ["lo", "lo", None], "g": [1, 2, 3]})
    assert new.rows.kept.tolist() == [0]
    assert new.rows.dropped == {"x": 1, "f": 1}
    assert "2 of 3 rows" in new.notes[0]
    assert replay(made, {"x": [None], "f": ["lo"], "g": [1]}).fixed[0].X.shape == (0, 4)
    with pytest.raises(DataError, match="'x' lacks 1 value"):
        replay(made, {"x": [None], "f": ["lo"], "g": [1]}, missing="error")


def test_infinite_values_are_refused():
    made = build(parse("y ~ x"), DATA)
    with pytest.raises(DataError, match="'x' is infinite"):
        replay(made, {"x": [np.inf]})


def test_values_beyond_a_spline():
    made = build(parse("y ~ bs(x, df=4)"), DATA)
    with pytest.raises(
        DataError, match=r"row 1 has 99, outside the range .* extrapolation='extend'"
    ):
        replay(made, {"x": [5.0, 99.0]})


def test_exposure_and_offset():
    made = build(parse("y ~ x"), DATA, exposure="days", offset="z")
    new = replay(made, {"x": [1.0], "days": [2.0], "z": [3]})
    assert new.fixed[0].offset.tolist() == [3 + np.log(2.0)]
    assert new.exposure.tolist() == [2.0]
    with pytest.raises(DataError, match=r"no column 'days' \(exposure=\)"):
        replay(made, {"x": [1.0], "z": [3]})
    with pytest.raises(DataError, match="must be positive"):
        replay(made, {"x": [1.0], "days": [0.0], "z": [3]})
    other = replay(made, {"x": [1.0, 2.0], "z": [0, 0]}, exposure=[1.0, 1.0])
    assert other.fixed[0].offset.tolist() == [0.0, 0.0]


def test_arguments_that_were_arrays_must_be_given_again():
    made = build(parse("y ~ x"), DATA, exposure=DATA["days"].to_numpy())
    with pytest.raises(DataError, match="give exposure= for the new data too"):
        replay(made, {"x": [1.0]})
    assert replay(made, {"x": [1.0]}, exposure=[1.0]).fixed[0].offset.tolist() == [0.0]


def test_trials_are_taken_if_the_new_data_have_them():
    for formula, options in (
        ("s / n ~ x", {}),
        ("cbind(s, n - s) ~ x", {}),
        ("s ~ x", {"trials": "n"}),
    ):
        made = build(parse(formula), DATA, binomial=True, **options)
        new = replay(made, {"x": [1.0, 2.0], "n": [4, 7], "s": [1, 1]})
        assert new.trials.tolist() == [4.0, 7.0]
        assert replay(made, {"x": [1.0]}).trials is None
    array = build(parse("s ~ x"), DATA, binomial=True, trials=DATA["n"].to_numpy())
    assert replay(array, {"x": [1.0]}).trials is None
    share = DATA.assign(p=DATA["s"] / DATA["n"])
    made = build(parse("p ~ x"), share, binomial=True, precision_weights="n")
    assert replay(made, {"x": [1.0], "n": [4]}).trials.tolist() == [4.0]
    assert replay(made, {"x": [1.0], "n": [4]}).precision_weights is None


def test_precision_weights_are_taken_if_there():
    made = build(parse("y ~ x"), DATA, precision_weights="days")
    assert replay(made, {"x": [1.0], "days": [2.0]}).precision_weights.tolist() == [2.0]
    assert replay(made, {"x": [1.0]}).precision_weights is None


def test_the_response_is_not_needed():
    made = build(parse("log(x) ~ z + f"), DATA)
    assert replay(made, {"z": [1], "f": ["lo"]}).fixed[0].X.shape == (1, 4)


def test_lags_of_new_data():
    made = build(parse("y ~ lag(x)"), DATA)
    new = replay(made, {"x": [1.0, 2.0, None, 4.0]})
    assert new.rows.kept.tolist() == [1, 2]
    assert new.fixed[0].X[:, 1].tolist() == [1.0, 2.0]


def test_functions_of_the_caller():
    made = build(parse("y ~ f1(x)", functions={"f1": np.cbrt}), DATA)
    assert replay(made, {"x": [8.0]}).fixed[0].X[0, 1] == pytest.approx(2.0)


def test_the_flavor_is_that_of_the_new_data():
    made = build(parse("y ~ x"), DATA)
    assert replay(made, pl.DataFrame({"x": [1.0]})).flavor == "polars"


def test_what_was_learned_is_not_changed_by_new_data():
    made = build(parse("y ~ scale(x) + between(x, g)"), DATA)
    before = {key: dict(value) for key, value in made.memory.items()}
    replay(made, DATA.iloc[:5])
    assert made.memory.keys() == before.keys()
    for key, value in before.items():
        for name, content in value.items():
            np.testing.assert_array_equal(np.asarray(made.memory[key][name]), np.asarray(content))


@given(st.lists(st.integers(0, N - 1), min_size=1, max_size=12))
@settings(max_examples=25, deadline=None)
def test_any_rows_in_any_order(rows):
    made = build(parse("y ~ scale(x)*f + C(k) + (1 + x | g/h)"), DATA)
    new = replay(made, DATA.iloc[rows])
    np.testing.assert_allclose(new.fixed[0].X, made.fixed[0].X[rows], rtol=1e-13)
    for term, again in zip(made.terms, new.terms, strict=True):
        assert again.codes.tolist() == term.grouping.codes[rows].tolist()


def test_the_table_kept_in_the_design_replays_it():
    data = DATA.assign(y=lambda d: d.n - 1.0, x=lambda d: d.x.where(d.x < 8.5))
    design = build(
        parse("y ~ x*f + between(z, g) + (1 + x | g:h)"),
        data,
        binomial=True,
        trials=data.n.to_numpy(),
        exposure="days",
        offset=np.linspace(0.0, 1.0, N),
    )
    assert design.data.rows == len(design.response.y) < N
    again = replay(design, design.data)
    np.testing.assert_array_equal(again.fixed[0].X, design.fixed[0].X)
    np.testing.assert_array_equal(again.fixed[0].offset, design.fixed[0].offset)
    np.testing.assert_array_equal(again.terms[0].codes, design.terms[0].grouping.codes)
    np.testing.assert_array_equal(again.trials, design.response.trials)
    assert design.argument_columns == {
        "trials": "(trials)",
        "exposure": "days",
        "offset": "(offset)",
    }
