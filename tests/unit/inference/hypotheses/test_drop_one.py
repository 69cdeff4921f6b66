"""Dropped terms against the formulas without them."""

import numpy as np
import pandas as pd
import pytest
from tests.fits import data_of, fit_of

import ilk
from ilk import ModelError
from ilk.inference.hypotheses.drop_one import drop_one


def _data():
    rng = np.random.default_rng(22)
    n = 160
    g = rng.integers(0, 12, n)
    data = pd.DataFrame(
        {"a": rng.choice(["p", "q", "r"], n), "x": rng.normal(size=n), "z": rng.normal(size=n)}
    )
    data["g"] = g
    data["y"] = data.x + (data.a == "q") + rng.normal(size=12)[g] + rng.normal(size=n)
    data["hit"] = (data.y > 0.5).astype(int)
    return data


def test_marginality():
    found = drop_one(ilk.fit("y ~ a * x + z + (1 | g)", _data()).fitted)
    assert [row.term for row in found.rows] == ["z", "a:x"]


@pytest.mark.parametrize(
    ("response", "options"), [("y", {"reml": False}), ("hit", {"family": "binomial"})]
)
def test_smaller_formulas(response, options):
    data = _data()
    full = ilk.fit(f"{response} ~ a + x + (1 | g)", data, **options)
    found = drop_one(full.fitted, test="likelihood_ratio")
    for i, rest in enumerate(("x", "a")):
        small = ilk.fit(f"{response} ~ {rest} + (1 | g)", data, **options)
        assert found.loglik[i] == pytest.approx(small.loglik, abs=1e-5)
        assert found.aic[i] == pytest.approx(small.aic, abs=1e-4)
        expected = 2 * (full.loglik - small.loglik)
        assert found.rows[i].test.statistic == pytest.approx(expected, abs=2e-5)
    assert [row.test.df_num for row in found.rows] == [2, 1]
    assert found.full_aic == pytest.approx(full.aic)


def test_factors_are_coded_as_the_smaller_formula_needs():
    """Without a, ``0 + a + b`` is ``0 + b``, with a column for every level of b."""
    data = _data().assign(b=lambda d: np.where(d.z > 0, "u", "v"))
    fit = ilk.fit("y ~ 0 + a + b + (1 | g)", data, reml=False)
    found = drop_one(fit.fitted)
    small = ilk.fit("y ~ 0 + b + (1 | g)", data, reml=False)
    assert found.rows[0].test.df_num == 2
    assert found.loglik[0] == pytest.approx(small.loglik, abs=1e-5)


def test_linear_models_have_f_tests_and_likelihoods_of_ml():
    fit = ilk.fit("y ~ a + x + (1 | g)", _data())
    found = drop_one(fit.fitted)
    joint = fit.test("a[T.q] = 0, a[T.r] = 0").frame.iloc[-1]
    assert found.rows[0].test.test == "F"
    assert found.rows[0].test.statistic == pytest.approx(joint.statistic)
    assert found.rows[0].test.df == pytest.approx(joint.df)
    small = ilk.fit("y ~ x + (1 | g)", _data(), reml=False)
    assert found.aic[0] == pytest.approx(small.aic, abs=1e-4)
    assert "not REML" in found.notes[0]


def test_robust_wald_tests_of_a_generalized_model():
    found = drop_one(fit_of("cbpp").fitted, cov="CR1")
    assert found.rows[0].test.test == "F"
    assert found.covariance is not None


def test_nothing_to_drop():
    with pytest.raises(ModelError, match="nothing to drop"):
        drop_one(fit_of("penicillin").fitted)


def test_penalized_likelihoods_are_not_compared():
    fit = ilk.fit("y ~ x + (1 | g)", data_of("binary"), family="binomial", penalty="log_f")
    with pytest.raises(ModelError, match="penalized"):
        drop_one(fit.fitted)
