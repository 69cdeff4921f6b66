"""Which coefficients have no finite estimate."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.diagnostics.separation import separation


def fitted(*arguments: Any, **options: Any) -> ilk.Fit:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ilk.IlkWarning)
        return ilk.fit(*arguments, **options)


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    n = 120
    arm = np.tile(list("abc"), 40)
    x = rng.normal(size=n)
    y = (rng.random(n) < 1 / (1 + np.exp(-x))).astype(int)
    y[arm == "c"] = 1
    return pd.DataFrame({"y": y, "x": x, "arm": arm, "g": np.repeat(np.arange(12), 10)})


def test_limits_have_signs(data: pd.DataFrame) -> None:
    fit = fitted("y ~ x + arm + (1 | g)", data, family="binomial")
    found = separation(fit.fitted)
    values = dict(zip([name for _, name in found.names], found.estimate, strict=True))
    assert values["arm[T.c]"] == np.inf
    assert values["x"] == pytest.approx(fit.params["x"])
    assert found.finite.tolist() == [True, True, True, False]
    assert np.isnan(found.std_error[-1])
    assert np.isfinite(found.std_error[:-1]).all()
    assert set(found.rows) == {40}
    # the reference level has only events: everything that is measured from it falls
    other = data.assign(arm=data["arm"].map({"a": "b", "b": "z", "c": "a"}))
    found = separation(fitted("y ~ x + arm + (1 | g)", other, family="binomial").fitted)
    assert found.estimate.tolist()[0] == np.inf
    assert found.estimate.tolist()[2:] == [-np.inf, -np.inf]


def test_paths_without_a_sign_are_not_given_one(data: pd.DataFrame) -> None:
    both = data.assign(y=(data["x"] > 0.2).astype(int))
    found = separation(fitted("y ~ x + arm", both, family="binomial").fitted)
    assert not found.finite.any()
    assert np.isnan(found.estimate).all()


def test_a_penalty_keeps_its_estimates(data: pd.DataFrame) -> None:
    fit = fitted("y ~ x + arm + (1 | g)", data, family="binomial", penalty="log_f")
    found = separation(fit.fitted)
    assert found.penalized
    assert np.isfinite(found.estimate).all()
    assert found.finite.tolist() == [True, True, True, False]


def test_nothing_to_find(data: pd.DataFrame) -> None:
    fit = fitted("y ~ x + (1 | g)", data, family="binomial")
    assert separation(fit.fitted).finite.all()
    assert separation(fitted("x ~ arm + (1 | g)", data).fitted).names == ()
