import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ilk.design.build import build
from ilk.errors import DataError, ModelError
from ilk.formula.parse import parse

RNG = np.random.default_rng(11)
N = 48
DATA = pd.DataFrame(
    {
        "y": RNG.normal(size=N),
        "count": RNG.poisson(3, N),
        "x": RNG.normal(size=N),
        "z": RNG.integers(0, 5, N),
        "f": RNG.choice(["lo", "hi"], N),
        "g": RNG.integers(0, 6, N),
        "h": RNG.choice(list("pqr"), N),
        "n": RNG.integers(1, 9, N),
        "days": RNG.uniform(1, 9, N),
        "w": RNG.uniform(0.5, 2, N),
    }
)


def design(formula, data=DATA, **options):
    formulas = {k: options.pop(k) for k in ("dispersion", "zero_inflation") if k in options}
    return build(parse(formula, **formulas), data, **options)


def test_all_parts_of_a_design():
    made = design(
        "y ~ x + f + offset(z) + (1 + x | g) + (1 | h)",
        parameters=("mean", "dispersion"),
        dispersion="~ f + (1 | g)",
        exposure="days",
        offset="w",
    )
    mean, dispersion = made.fixed
    assert mean.names == ("Intercept", "x", "f[T.lo]")
    assert mean.reference_levels == {"f": "hi"}
    assert mean.has_intercept
    np.testing.assert_allclose(mean.offset, DATA["z"] + DATA["w"] + np.log(DATA["days"]))
    assert dispersion.names == ("Intercept", "f[T.lo]")
    assert dispersion.offset is None
    assert [term.label for term in made.terms] == ["1 + x | g", "1 | h", "1 | g"]
    assert [term.predictor for term in made.terms] == ["mean", "mean", "dispersion"]
    assert made.terms[0].grouping is made.terms[2].grouping
    assert made.terms[0].columns.shape == (N, 2)
    assert made.terms[0].columns.flags.c_contiguous
    assert made.terms[1].columns is None
    assert made.terms[1].column_names == ("Intercept",)
    assert made.exposure_name == "days"
    assert made.arguments == {"exposure": "days", "offset": "w"}
    assert made.flavor == "pandas"
    assert made.rows.total == N
    assert made.notes == ()


def test_parameters_without_a_formula_have_an_intercept():
    made = design("y ~ x", parameters=("mean", "dispersion"))
    assert made.fixed[1].names == ("Intercept",)
    assert (made.fixed[1].X == 1).all()
    assert made.fixed[1].predictor == "dispersion"


def test_a_formula_for_a_parameter_that_the_family_lacks():
    with pytest.raises(ModelError, match=r"dispersion= has a formula.*it has mean"):
        design("y ~ x", dispersion="~ z")


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table, dict])
def test_every_frame_gives_the_same_design(make):
    lists = {name: DATA[name].tolist() for name in DATA}
    made = design("count ~ x*f + (0 + f | g) + (1 | g:h)", make(lists))
    expected = design("count ~ x*f + (0 + f | g) + (1 | g:h)")
    np.testing.assert_array_equal(made.fixed[0].X, expected.fixed[0].X)
    assert made.fixed[0].names == expected.fixed[0].names
    for term, other in zip(made.terms, expected.terms, strict=True):
        np.testing.assert_array_equal(term.grouping.codes, other.grouping.codes)
        assert term.grouping.levels == other.grouping.levels
        assert term.column_names == other.column_names
    np.testing.assert_array_equal(made.response.y, expected.response.y)


def test_collinear_columns_are_dropped_and_named():
    data = DATA.assign(double=2 * DATA["x"] + 1)
    made = design("y ~ x + double + z", data)
    assert made.fixed[0].names == ("Intercept", "x", "z")
    assert made.fixed[0].dropped == ("double",)
    assert made.fixed[0].all_names == ("Intercept", "x", "double", "z")
    assert made.fixed[0].X.shape == (N, 3)
    assert made.fixed[0].X.flags.f_contiguous
    assert "Not estimable" in made.notes[-1]
    assert "double" in made.notes[-1]


def test_a_factor_with_one_level_is_named_as_not_estimable():
    made = design("y ~ x + site", DATA.assign(site="a"))
    assert made.fixed[0].dropped == ("site",)


def test_the_design_owns_its_arrays():
    arrays = {"y": np.arange(6.0), "x": np.arange(6.0) ** 2, "w": np.ones(6)}
    made = design("y ~ x", arrays, precision_weights="w")
    arrays["y"][:] = arrays["x"][:] = arrays["w"][:] = 9.0
    assert made.response.y[0] == 0.0
    assert made.fixed[0].X[1, 1] == 1.0
    assert made.precision_weights[0] == 1.0


# missing rows


def test_missing_rows_are_decided_once_and_counted():
    data = DATA.copy()
    data.loc[3, "y"] = np.nan
    data.loc[[4, 5], "x"] = np.nan
    data["h"] = data["h"].where(data.index != 6)
    data.loc[3, "days"] = np.nan
    data.loc[8, "w"] = np.nan
    made = design("y ~ x + (1 | h)", data, exposure="days", precision_weights="w")
    assert made.rows.dropped == {"y": 1, "x": 2, "h": 1, "days": 1, "w": 1}
    kept = [i for i in range(N) if i not in (3, 4, 5, 6, 8)]
    assert made.rows.kept.tolist() == kept
    assert made.notes == (
        f"5 of {N} rows were left out for missing values (y: 1, x: 2, h: 1, days: 1, w: 1).",
    )
    for values, column in (
        (made.response.y, "y"),
        (made.fixed[0].X[:, 1], "x"),
        (made.exposure, "days"),
        (made.precision_weights, "w"),
    ):
        assert values.tolist() == data[column].iloc[kept].tolist()
    labels = [made.terms[0].grouping.levels[c] for c in made.terms[0].grouping.codes]
    assert labels == data["h"].iloc[kept].tolist()


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_all_parts_stay_aligned_for_any_holes(data):
    rows = 12
    names = ["y", "x", "f", "g", "w", "o", "e", "i"]
    identity = np.arange(rows, dtype=float)
    frame = {
        "y": identity.copy(),
        "x": identity.copy() ** 2,
        "f": [f"level{k % 3}" for k in range(rows)],
        "g": [f"row{k}" for k in range(rows)],
        "w": identity + 1,
        "o": identity * 3,
        "e": identity + 2,
        "i": list(range(rows)),
    }
    holes = data.draw(
        st.dictionaries(
            st.sampled_from(names), st.sets(st.integers(0, rows - 1), max_size=4), max_size=5
        )
    )
    for name, where in holes.items():
        values = list(frame[name])
        for row in where:
            values[row] = None
        frame[name] = values
    lost = set().union(*holes.values()) if holes else set()
    make = data.draw(st.sampled_from([pd.DataFrame, pl.DataFrame, pa.table, dict]))
    formula = "y ~ x + I(i * 2) + (1 | g) + (0 + x | f)"
    kept = [row for row in range(rows) if row not in lost]
    options = {"precision_weights": "w", "offset": "o", "exposure": "e"}
    if len(kept) < 2 or len({row % 3 for row in kept}) < 2:
        with pytest.raises(DataError):
            design(formula, make(frame), **options)
        return
    made = design(formula, make(frame), **options)
    assert made.rows.kept.tolist() == kept
    assert made.response.y.tolist() == [float(k) for k in kept]
    assert made.precision_weights.tolist() == [k + 1.0 for k in kept]
    np.testing.assert_allclose(made.fixed[0].offset, [3.0 * k + np.log(k + 2) for k in kept])
    by_name = dict(zip(made.fixed[0].names, made.fixed[0].X.T, strict=True))
    if "x" in by_name:
        assert by_name["x"].tolist() == [float(k**2) for k in kept]
    rows_of = [made.terms[0].grouping.levels[c] for c in made.terms[0].grouping.codes]
    assert rows_of == [f"row{k}" for k in kept]
    assert made.terms[1].columns[:, 0].tolist() == [float(k**2) for k in kept]
    assert made.rows.dropped == {
        name: len(holes[name]) for name in made.rows.dropped if holes.get(name)
    }
    assert set(made.rows.dropped) == {name for name, where in holes.items() if where}


def test_missing_can_be_an_error():
    data = DATA.copy()
    data.loc[[4, 7], "x"] = np.nan
    with pytest.raises(DataError, match="'x' lacks 2 values, first in row 4") as caught:
        design("y ~ x", data, missing="error")
    assert caught.value.code == "missing"
    with pytest.raises(ModelError, match="missing='ignore'"):
        design("y ~ x", data, missing="ignore")


def test_nothing_is_left():
    data = DATA.assign(x=np.nan)
    with pytest.raises(DataError, match=f"None of the {N} rows.*x: {N}"):
        design("y ~ x", data)
    with pytest.raises(DataError, match="no rows"):
        design("y ~ x", DATA.iloc[:0])


def test_columns_without_a_part_in_the_model_do_not_drop_rows():
    assert design("y ~ x", DATA.assign(unused=np.nan)).rows.dropped == {}


def test_lags_lose_the_rows_without_an_earlier_one():
    data = DATA.copy()
    data.loc[10, "z"] = np.nan
    made = design("y ~ lag(x) + lag(z, 2)", data)
    assert made.rows.dropped == {"lag(x)": 1, "lag(z, 2)": 3}
    assert made.rows.kept[:2].tolist() == [2, 3]
    assert made.fixed[0].X[0, 1] == data["x"][1]
    row = made.rows.kept.tolist().index(11)
    assert made.fixed[0].X[row, 1] == data["x"][10]
    ahead = design("y ~ log(lag(days, -1))")
    assert ahead.rows.kept.tolist() == list(range(N - 1))
    assert ahead.fixed[0].X[0, 1] == np.log(DATA["days"][1])


# bad values


def test_infinite_values_are_named():
    data = DATA.copy()
    data.loc[7, "x"] = np.inf
    with pytest.raises(DataError, match="'x' is infinite in 1 row, first in row 7") as caught:
        design("y ~ x", data)
    assert caught.value.code == "infinite"
    with pytest.raises(DataError, match="offset='x' is infinite: row 7"):
        design("y ~ z", data, offset="x")
    data.loc[7, "y"] = np.nan
    assert design("y ~ x", data).rows.dropped == {"y": 1}


def test_unknown_columns_are_named_with_their_role():
    with pytest.raises(DataError, match=r"no column 'dayz'\. Did you mean 'days'"):
        design("y ~ dayz")
    with pytest.raises(DataError, match=r"'q' \(grouping factor of \(1 \| q\)\)"):
        design("y ~ x + (1 | q)")
    with pytest.raises(DataError, match=r"no column 'wt' \(precision_weights=\)"):
        design("y ~ x", precision_weights="wt")


def test_a_single_group_is_refused():
    with pytest.raises(DataError, match=r"'s' has a single level \('a'\)") as caught:
        design("y ~ x + (1 | s)", DATA.assign(s="a"))
    assert caught.value.code == "single-level"


def test_dates_need_a_number():
    data = DATA.assign(t=pd.date_range("2024-01-01", periods=N))
    with pytest.raises(DataError, match="'t' holds dates or times"):
        design("y ~ t", data)
    made = design("y ~ x + (1 | t)", data)
    assert made.terms[0].grouping.levels[0] == "2024-01-01"
