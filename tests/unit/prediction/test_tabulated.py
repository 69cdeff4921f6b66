"""Averages by tables against the integral itself, row by row."""

from __future__ import annotations

import numpy as np
import pytest

from ilk.num import jets
from ilk.prediction import tabulated
from ilk.prediction.integral import integrate
from ilk.prediction.tabulated import tabulate

MEANS = {
    "logit": lambda e: jets.sigmoid(e[0]),
    "cloglog": lambda e: jets.cloglog(e[0]),
    "log": lambda e: jets.exp(e[0]),
}
SPREADS = {
    "one": lambda rng, n: np.full(n, 1.1),
    "tiny": lambda rng, n: np.full(n, 1e-3),
    "few": lambda rng, n: rng.choice([0.0, 0.02, 0.5, 3.0, 6.0], n),
    "many": lambda rng, n: np.abs(0.8 + rng.normal(size=n)),
}


def draws(spread, n=70_000, width=12.0):
    rng = np.random.default_rng(3)
    return rng.uniform(-width, width, n), SPREADS[spread](rng, n)


@pytest.mark.parametrize("mean", MEANS)
@pytest.mark.parametrize("spread", SPREADS)
def test_tables_are_the_integral(mean, spread):
    eta, s = draws(spread)
    found = tabulate(MEANS[mean], eta, s, derivatives=True)
    rows = np.arange(0, len(eta), 97)
    exact = integrate(MEANS[mean], [eta[rows]], [s[rows]], True, 1e-12)
    np.testing.assert_allclose(found.value[rows], exact.value, rtol=4e-11)
    size = np.abs(exact.by_eta[0]) + np.abs(exact.by_variance[0]) + 1e-3 * exact.value
    assert np.all(np.abs(found.by_eta[0][rows] - exact.by_eta[0]) <= 6e-9 * size)
    assert np.all(np.abs(found.by_variance[0][rows] - exact.by_variance[0]) <= 6e-9 * size)
    alone = tabulate(MEANS[mean], eta, s, derivatives=False)
    np.testing.assert_allclose(alone.value, found.value, rtol=4e-11)
    assert alone.by_eta == alone.by_variance == ()


def test_rows_far_out_are_integrated():
    eta, s = draws("one", n=10_000)
    eta[[5, 77]], s[9] = (-90.0, 70.0), 40.0
    found = tabulate(MEANS["logit"], eta, s, derivatives=True)
    rows = np.array([5, 9, 77, 100])
    exact = integrate(MEANS["logit"], [eta[rows]], [s[rows]], True, 1e-12)
    np.testing.assert_allclose(found.value[rows], exact.value, rtol=1e-10)
    np.testing.assert_allclose(found.by_eta[0][rows], exact.by_eta[0], rtol=1e-9)


def test_no_table_where_it_does_not_pay_or_is_not_exact():
    eta, s = draws("one", n=9_000)
    assert tabulate(MEANS["logit"], eta[:100], s[:100], derivatives=True) is None
    assert tabulate(MEANS["logit"], eta, 0.0 * s, derivatives=True) is None  # nothing to average

    def steep(e):
        return 1.0 / (1.0 + np.exp(np.clip(-60.0 * e[0], -700, 700)))

    assert tabulate(steep, eta, 0.02 * s, derivatives=False) is None
    many = draws("many", n=9_000)
    assert tabulate(MEANS["logit"], *many, derivatives=True) is None
    assert tabulate(MEANS["logit"], 30.0 * eta, s, derivatives=True) is None  # most are far out


def test_the_table_is_refined_when_the_first_misses(monkeypatch):
    eta, s = draws("one", n=9_000)
    monkeypatch.setattr(tabulated, "_RESOLUTIONS", ((0.5, 0.5, 0.5), (1 / 64, 0.05, 0.25)))
    found = tabulate(MEANS["logit"], eta, s, derivatives=False)
    exact = integrate(MEANS["logit"], [eta[:50]], [s[:50]], False, 1e-12)
    np.testing.assert_allclose(found.value[:50], exact.value, rtol=4e-11)


@pytest.mark.parametrize("width", [0.0, 1e-6, 0.05, 0.4])
def test_predictors_that_hardly_differ(width):
    """A lattice of fewer nodes than a step has phases."""
    eta, s = draws("one", n=9_000, width=width)
    found = tabulate(MEANS["logit"], 0.3 + eta, s, derivatives=True)
    exact = integrate(MEANS["logit"], [0.3 + eta[:20]], [s[:20]], True, 1e-12)
    np.testing.assert_allclose(found.value[:20], exact.value, rtol=4e-11)
