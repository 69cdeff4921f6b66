"""Censored responses drawn within their ends, and the checks that rest on them."""

import numpy as np
import pytest
from scipy import stats

import ilk
from ilk.diagnostics.checks.completed import completed
from ilk.family import make_family
from ilk.family.censored import Censored


@pytest.mark.parametrize("name", ["weibull", "lognormal", "gaussian", "exponential"])
def test_completed_responses_have_the_distribution(name):
    rng = np.random.default_rng(5)
    n = 4000
    family = Censored(make_family(name))
    eta = [rng.normal(1.0, 0.4, n), np.full(n, -0.6)][: family.predictors]
    true = family.draw(eta, None, rng)
    ends = np.quantile(true, [0.2, 0.5, 0.7])
    kind = rng.integers(4, size=n)
    y, other = true.copy(), true.copy()
    right, left = (kind == 1) & (true > ends[1]), (kind == 2) & (true < ends[0])
    between = (kind == 3) & (true > ends[1]) & (true < ends[2])
    y[right], other[right] = ends[1], np.inf
    y[left], other[left] = ends[0], -np.inf
    y[between], other[between] = ends[1], ends[2]
    found = completed(family, y, other, eta, rng)
    known = y == other
    assert 0.2 < known.mean() < 0.9
    np.testing.assert_array_equal(found[known], true[known])
    assert np.all(found[right] >= ends[1])
    assert np.all(found[left] <= ends[0])
    assert np.all((found[between] >= ends[1]) & (found[between] <= ends[2]))
    assert stats.kstest(family.cdf(found, None, eta), "uniform").pvalue > 0.01


def _times(draw, family="weibull", seed=6):
    rng = np.random.default_rng(seed)
    group, x = np.repeat(np.arange(30), 8), np.tile([0.0, 1.0], 120)
    times = 20.0 * np.exp(0.4 * x + rng.normal(0, 0.4, 30)[group]) * draw(rng, 240)
    ends = rng.uniform(30.0, 200.0, 240)
    data = {"g": group, "x": x, "t": np.minimum(times, ends), "seen": times <= ends}
    return ilk.fit("censored(t, seen) ~ x + (1 | g)", data, family=family)


def test_checks_tell_right_from_wrong_distributions():
    right = _times(lambda rng, n: rng.weibull(1.5, n)).check(["uniformity", "dispersion", "zeros"])
    assert {c.verdict for c in right.checks["dispersion"]} == {"ok"}
    assert right.checks["zeros"][0].verdict == "skipped"
    assert "censored responses are drawn" in str(right).replace("\n  ", " ")
    wrong = _times(lambda rng, n: rng.weibull(4.0, n), "exponential").check(["dispersion"])
    assert "problem" in {c.verdict for c in wrong.checks["dispersion"]}


def test_rows_have_quantile_residuals():
    rows = _times(lambda rng, n: rng.weibull(1.5, n)).augment()
    assert {"fitted", "quantile"} <= set(rows.columns)
    assert "pearson" not in rows.columns
    assert stats.kstest(rows["quantile"], "norm").pvalue > 0.01
