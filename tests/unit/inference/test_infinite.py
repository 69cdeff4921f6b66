"""Coefficients of parts that are estimated as absent."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.inference.infinite import infinite, stands


@pytest.fixture(scope="module")
def counts() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"g": np.repeat(np.arange(40), 10), "arm": np.tile(["u", "v"], 200)})
    y = rng.poisson(4.0, 400)
    y[(data.arm == "u") & (rng.random(400) < 0.4)] = 0
    return data.assign(y=np.where((data.arm == "v") & (y == 0), 1, y), even=np.tile([3, 4], 200))


def test_only_what_the_other_rows_do_not_determine_runs_away(counts) -> None:
    fit = ilk.fit("y ~ 1 + (1 | g)", counts, "poisson", zero_inflation="~ arm")
    assert infinite(fit.fitted).tolist() == [False, False, True]
    table = fit.tidy().set_index(["component", "term"])
    assert np.isnan(table.std_error["zero_inflation", "arm[T.v]"])
    assert "arm[T.v]: no finite estimate; the number is" in fit.summary().text
    other = ilk.fit("y ~ 1 + (1 | g)", counts, "poisson", zero_inflation="~ C(arm, Treatment('v'))")
    assert infinite(other.fitted).tolist() == [False, True, True]
    L = np.array([[0.0, 1.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    assert stands(other.fitted, L).tolist() == [True, False, True]


def test_a_dispersion_of_zero_has_no_standard_error(counts) -> None:
    fit = ilk.fit("even ~ arm + (1 | g)", counts, "negative_binomial_2")
    assert [r.code for r in fit.verdict.reasons if r.code == "no_dispersion"]
    assert infinite(fit.fitted).tolist() == [False, False, True]
    row = fit.tidy().query("component == 'dispersion'").iloc[0]
    assert np.isnan([row.std_error, row.p_value, row.conf_low, row.conf_high]).all()
    assert np.isneginf(
        fit.conf_int(method="profile", parameters=("dispersion", "Intercept")).conf_low
    ).all()
