"""Statistics: the parameters under the names of the tables, and functions of the user's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.fits import FITS, fit_of

import ilk
from ilk.errors import ModelError
from ilk.inference.bootstrap.statistics import choose_statistic


@pytest.mark.parametrize("name", list(FITS))
def test_parameters_are_those_of_the_table(name):
    fit = fit_of(name)
    chosen = choose_statistic(fit.fitted)
    table = fit.tidy()
    labels = chosen.labels
    np.testing.assert_allclose(chosen.compute(fit.fitted), table.estimate, rtol=1e-10)
    assert list(labels.component) == list(table.component)
    assert list(labels.term) == list(table.term)
    groups = [None if pd.isna(group) else group for group in table.group]
    assert list(labels.group) == groups


def test_structures_without_correlations_have_none():
    data = fit_of("sleepstudy").fitted.design.data
    frame = pd.DataFrame({name: data.column(name).values for name in ("Reaction", "Days")})
    frame["Subject"] = fit_of("sleepstudy").fitted.design.terms[0].grouping.codes
    fit = ilk.fit("Reaction ~ Days + (1 + Days || Subject)", frame)
    chosen = choose_statistic(fit.fitted)
    assert list(chosen.labels.term) == list(fit.tidy().term)
    np.testing.assert_allclose(chosen.compute(fit.fitted), fit.tidy().estimate)


def test_parts_by_name():
    fit = fit_of("sleepstudy")
    chosen = choose_statistic(fit.fitted, ["loglik", "coefficients"])
    np.testing.assert_allclose(chosen.compute(fit.fitted), [fit.loglik, *fit.params.array])
    assert chosen.labels.term == ("loglik", "Intercept", "Days")
    with pytest.raises(ModelError, match=r"statistic='coeficients'.*'coefficients'"):
        choose_statistic(fit.fitted, "coeficients")


@pytest.mark.parametrize(
    ("function", "terms", "values"),
    [
        (lambda fit: 2, ("statistic",), [2.0]),
        (lambda fit: [1, 2.5], ("[0]", "[1]"), [1.0, 2.5]),
        (lambda fit: {"a": 1, "b": np.float64(2)}, ("a", "b"), [1.0, 2.0]),
        (lambda fit: pd.Series({"p": 3, "q": 4}), ("p", "q"), [3.0, 4.0]),
        (lambda fit: np.ones((2, 2)), ("[0]", "[1]", "[2]", "[3]"), [1.0] * 4),
    ],
)
def test_functions_may_give_numbers_arrays_and_mappings(function, terms, values):
    fit = fit_of("cbpp")
    chosen = choose_statistic(fit.fitted, function, ilk.Fit)
    assert chosen.labels.term == terms
    np.testing.assert_array_equal(chosen.compute(fit.fitted), values)


def test_functions_take_what_users_hold():
    fit = fit_of("sleepstudy")
    chosen = choose_statistic(fit.fitted, lambda f: f.params, ilk.Fit)
    assert chosen.labels.term == ("Intercept", "Days")
    np.testing.assert_array_equal(chosen.compute(fit.fitted), fit.params)
    with pytest.raises(ModelError, match="gave a str that is not made of numbers"):
        choose_statistic(fit.fitted, lambda f: "high", ilk.Fit)


def test_a_name_that_a_refit_lacks_is_missing():
    turn = iter([{"a": 1.0, "b": 2.0}, {"b": 3.0, "c": 9.0}])
    chosen = choose_statistic(fit_of("cbpp").fitted, lambda f: next(turn), ilk.Fit)
    np.testing.assert_array_equal(chosen.compute(fit_of("cbpp").fitted), [np.nan, 3.0])
