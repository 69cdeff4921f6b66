"""Bootstrap and Bartlett tests: against pbkrtest, under the null, and by a plain loop."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from tests.fits import fit_of
from tests.reference.data import HERE

import ilk
from ilk.errors import DataError, ModelError
from ilk.estimation.run import refit
from ilk.inference.bootstrap.tests import bootstrap_test
from ilk.inference.hypotheses.restricted import restricted
from ilk.simulate import simulate

REFERENCE = json.loads((HERE / "bootstrap.json").read_text())["cases"]


def small_data(name):
    data = pd.read_csv(HERE / "data" / f"{name}.csv")
    if name == "sleepstudy":
        return data[data.Subject.isin(data.Subject.unique()[:8]) & (data.Days < 4)]
    if name == "cbpp":
        return data[data.herd <= 8].astype({"period": str})
    return data


CASES = {
    "sleepstudy": ("Reaction ~ Days + (1 | Subject)", {}, [[0, 1]]),
    "cake": (
        "angle ~ recipe + temp + (1 | recipe:replicate)",
        {},
        [[0, 1, 0, 0], [0, 0, 1, 0]],
    ),
    "cbpp": (
        "incidence / size ~ period + (1 | herd)",
        {"family": "binomial"},
        np.eye(4)[1:],
    ),
}


@pytest.mark.reference
@pytest.mark.parametrize("name", list(CASES))
def test_pbmodcomp_within_monte_carlo_error(name):
    formula, options, L = CASES[name]
    theirs = REFERENCE[name]
    fitted = ilk.fit(formula, small_data(name), **options).fitted
    mine = bootstrap_test(fitted, np.array(L, dtype=float), draws=2000, seed=1)
    assert not mine.failures
    assert mine.df == theirs["df"]
    assert mine.statistic == pytest.approx(theirs["statistic"], rel=1e-4)
    assert mine.p_asymptotic == pytest.approx(theirs["p_asymptotic"], rel=1e-3)
    count = theirs["draws"]
    error = theirs["sd"] * math.sqrt(1 / count + 1 / 2000)
    assert mine.draws.mean() == pytest.approx(theirs["mean"], abs=4 * error)
    assert mine.draws.std() == pytest.approx(theirs["sd"], rel=0.15)
    p = theirs["p_bootstrap"]
    spread = math.sqrt(p * (1 - p) * (1 / count + 1 / 2000))
    assert mine.p_value == pytest.approx(p, abs=4 * spread + 1e-3)
    assert mine.corrected == pytest.approx(
        theirs["corrected"], rel=4 * error / theirs["mean"] + 1e-4
    )
    assert math.log(mine.p_bartlett) == pytest.approx(math.log(theirs["p_bartlett"]), rel=0.15)


@pytest.mark.parametrize("name", ["sleepstudy", "binary"])
def test_statistics_are_those_of_a_plain_loop(name):
    fitted = fit_of(name).fitted
    L = np.eye(len(fitted.coef))[[1]]
    found = bootstrap_test(fitted, L, 0.4, draws=6, seed=3)
    full = restricted(fitted, np.zeros((0, L.shape[1])), reml=False)
    null = restricted(full, L, 0.4)
    Y = simulate(null, 6, seed=3)
    plain = [2 * (refit(full, y).loglik - refit(null, y).loglik) for y in Y.T]
    np.testing.assert_allclose(found.draws, np.maximum(plain, 0), atol=2e-5)
    assert found.statistic == pytest.approx(2 * (full.loglik - null.loglik), abs=1e-6)
    np.testing.assert_array_equal(
        found.draws, bootstrap_test(fitted, L, 0.4, draws=6, seed=3, n_jobs=2).draws
    )
    exceed = np.sum(found.draws >= found.statistic)
    assert found.p_value == (1 + exceed) / 7


@pytest.mark.slow
def test_size_under_the_null():
    """Six clusters, a covariate between them: chi-square rejects far too often, these do not."""
    rng = np.random.default_rng(8)
    g = np.repeat(np.arange(6), 4)
    x = np.repeat([0.0, 0.0, 0.0, 1.0, 1.0, 1.0], 4)
    rejected = np.zeros(3)
    runs = 200
    for k in range(runs):
        y = rng.normal(size=6)[g] + rng.normal(size=24)
        fitted = ilk.fit("y ~ x + (1 | g)", pd.DataFrame({"y": y, "x": x, "g": g})).fitted
        found = bootstrap_test(fitted, np.array([[0.0, 1.0]]), draws=99, seed=k)
        rejected += np.array([found.p_asymptotic, found.p_value, found.p_bartlett]) < 0.05
    asymptotic, drawn, bartlett = rejected / runs
    assert asymptotic > 0.08
    assert 0.015 < drawn < 0.095
    assert 0.015 < bartlett < 0.1


def test_draws_are_kept(tmp_path):
    fitted = fit_of("sleepstudy").fitted
    L = np.array([[0.0, 1.0]])
    first = bootstrap_test(fitted, L, draws=5, seed=1, path=tmp_path / "b")
    more = bootstrap_test(fitted, L, draws=9, path=tmp_path / "b")
    np.testing.assert_array_equal(more.draws[:5], first.draws)
    with pytest.raises(DataError, match="another bootstrap"):
        bootstrap_test(fitted, L, 1.0, draws=5, seed=1, path=tmp_path / "b")


def test_what_cannot_be_tested_is_refused():
    data = pd.DataFrame({"y": [1.0, 2.0, 4.0, 3.0], "x": [0, 1, 0, 1], "w": [1, 2, 1, 3]})
    weighted = ilk.fit("y ~ x", data, frequency_weights="w").fitted
    with pytest.raises(ModelError, match="frequency weights"):
        bootstrap_test(weighted, np.array([[0.0, 1.0]]), draws=5)
    with pytest.raises(ModelError, match="draws=0"):
        bootstrap_test(fit_of("cbpp").fitted, np.eye(4)[1:], draws=0)


def test_the_facade_tests_each_hypothesis_and_all_together(tmp_path):
    fit = fit_of("cbpp")
    words = "period[T.2] = 0, period[T.3] = -1"
    found = fit.test(words, method="bootstrap", draws=30, seed=2)
    again = fit.test(words, method="bootstrap", draws=30, seed=2, n_jobs=2, path=tmp_path / "b")
    assert list(found.frame.p_value) == list(again.frame.p_value)
    assert list(found.frame.test) == ["bootstrap"] * 3
    alone = bootstrap_test(fit.fitted, np.eye(4)[[1]], draws=30, seed=2)
    assert found.frame.p_value[0] == alone.p_value
    bartlett = fit.test(words, method="bartlett", draws=30, seed=2).frame
    assert bartlett.p_value[0] == pytest.approx(alone.p_bartlett)
    assert bartlett.statistic[0] == pytest.approx(alone.corrected)
    assert "30 drawn under its hypothesis; seed 2" in found.text
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == [
        "test-1",
        "test-2",
        "test-3",
    ]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "wald", "draws": 99}, "draws= is for method='bootstrap' and 'bartlett'"),
        ({"method": "bootstrap", "nsim": 99}, "nsim= is no option of a test"),
        ({"method": "bootstrap", "df": "satterthwaite"}, "leave df= and cov= out"),
        ({"method": "bartlett", "cov": "CR2"}, "cannot use cov='CR2'"),
        ({"method": "score"}, "choose one of 'wald', 'likelihood_ratio', 'bootstrap', 'bartlett'"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options, words):
    with pytest.raises(ModelError, match=words):
        fit_of("cbpp").test("period[T.2] = 0", **options)
