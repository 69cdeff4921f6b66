"""Two ends of censored responses, from status or from bounds."""

import numpy as np
import pytest

import ilk
from ilk.design.build import build
from ilk.errors import DataError, FormulaError, ModelError
from ilk.formula import parse

TIME = [1.0, 2.0, 3.0, 4.0]


def _ends(left, data):
    response = build(parse(f"{left} ~ 1"), data, censored=True).response
    return response.y.tolist(), response.other.tolist()


@pytest.mark.parametrize(
    ("left", "status", "other"),
    [
        ("censored(t, s)", [1, 0, -1, 1], [1.0, np.inf, -np.inf, 4.0]),
        ("censored(t, s)", [True, False, True, True], [1.0, np.inf, 3.0, 4.0]),
        ("censored(t, s, kind='left')", [1, 0, 1, 0], [1.0, -np.inf, 3.0, -np.inf]),
        ("censored(t, s)", ["none", "right", "left", "event"], [1.0, np.inf, -np.inf, 4.0]),
        ("censored(t, s == 2)", [2, 1, 2, 1], [1.0, np.inf, 3.0, np.inf]),
    ],
)
def test_status(left, status, other):
    assert _ends(left, {"t": TIME, "s": status}) == (TIME, other)


def test_intervals():
    data = {"a": [1.0, -np.inf, 3.0, 4.0], "b": [1.0, 2.0, np.inf, 5.0]}
    y, other = _ends("censored(a, b, kind='interval')", data)
    assert y == [1.0, 2.0, 3.0, 4.0]
    assert other == [1.0, -np.inf, np.inf, 5.0]


def test_rows_are_counted():
    design = build(parse("censored(t, s) ~ 1"), {"t": TIME, "s": [1, 0, -1, 0]}, censored=True)
    assert design.notes[0].startswith("2 of 4 rows are right-censored, 1 of 4 rows are left-")


def test_infinite_times_are_refused():
    with pytest.raises(DataError, match="row 1"):
        _ends("censored(t, s)", {"t": [1.0, np.inf], "s": [1, 0]})


def test_only_where_it_is_understood():
    with pytest.raises(ModelError, match=r"ilk\.fit"):
        build(parse("censored(t, s) ~ 1"), {"t": TIME, "s": [1, 0, 1, 1]})


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("censored(t) ~ x", "takes 2 to 3"),
        ("censored(t, s, kind='up') ~ x", "kind='up'"),
        ("log(censored(t, s)) ~ x", "whole left side"),
        ("y ~ censored(t, s)", "left of '~'"),
        ("Surv(t, s) ~ x", "censored"),
        ("censored(t, s) ~ t", "also stands on the right"),
    ],
)
def test_formulas(formula, message):
    with pytest.raises(FormulaError, match=message):
        parse(formula)


def test_files_hold_censored_fits(tmp_path):
    data = {"t": [1.0, 2.0, 3.5, 4.0, 2.5, 0.5], "s": [1, 0, 1, 1, -1, 1]}
    fit = ilk.fit("censored(t, s) ~ 1", data, family="gaussian")
    fit.save(tmp_path / "fit.ilk")
    again = ilk.load(tmp_path / "fit.ilk")
    assert again.loglik == fit.loglik
    assert again.fitted.design.response.other.tolist() == fit.fitted.design.response.other.tolist()
