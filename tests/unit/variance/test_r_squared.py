"""Explained variance."""

from __future__ import annotations

import numpy as np
import pytest
from tests.fits import data_of, fit_of

import ilk


# performance 0.10.2 (r2_nakagawa) at the optimum, R 4.2.2; cases r2-* of the shared references
@pytest.mark.parametrize(
    ("name", "marginal", "conditional"),
    [
        ("sleepstudy", 0.2786520342318029, 0.7992189066410194),
        ("cbpp", 0.08541605912734504, 0.1873145369809786),
    ],
)
def test_reference_cases(name, marginal, conditional):
    found = fit_of(name).r_squared().frame.estimate
    np.testing.assert_allclose(found, [marginal, conditional], rtol=1e-4)


def test_nothing_is_explained_by_an_intercept():
    found = fit_of("penicillin").r_squared()
    marginal, conditional = found.frame.estimate
    assert marginal == 0.0
    assert conditional == pytest.approx(fit_of("penicillin").icc().frame.estimate.iloc[-1])
    assert "plate" in found.text


def test_response_scale_against_simulation():
    fit = fit_of("binary")
    y = fit.simulate(1000, seed=1)
    mean = fit.predict(estimand="population").estimate.to_numpy()
    total = mean.var(ddof=1) + (y.mean(axis=1) * (1 - y.mean(axis=1))).mean()
    found = fit.r_squared(scale="response").frame.estimate
    assert found[0] == pytest.approx(mean.var(ddof=1) / total, rel=0.02)
    assert found[1] > found[0]


def test_frequency_weights_count_rows():
    data = data_of("gamma").assign(w=2.0)
    doubled = ilk.fit("y ~ x + (1 | g)", data, "gamma", "log", frequency_weights="w")
    both = data.loc[data.index.repeat(2)].reset_index(drop=True)
    repeated = ilk.fit("y ~ x + (1 | g)", both, "gamma", "log")
    np.testing.assert_allclose(
        doubled.r_squared().frame.estimate, repeated.r_squared().frame.estimate, rtol=1e-6
    )


def test_a_row_effect_is_no_cluster():
    fit = ilk.fit("TICKS ~ YEAR + (1 | BROOD) + olre()", data_of("ticks"), family="poisson")
    found = fit.r_squared()
    assert "random effect per row" in found.text
    assert fit.icc().frame.group.unique().tolist() == ["BROOD"]
