"""Limits of observed over expected: exact tails by SciPy's distributions, reductions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ilk.ranking.ratio_limits import (
    count_limits,
    difference_limits,
    gamma_limits,
    share_limits,
    trial_limits,
)

ONE = np.ones(3)
OBSERVED, EXPECTED = np.array([0.0, 3.0, 40.0]), np.array([2.0, 5.0, 31.0])


def test_counts_have_exact_tails() -> None:
    """At either limit the observed count has a tail of 2.5 percent (Garwood 1936)."""
    low, high = count_limits(OBSERVED, EXPECTED, ONE, 0.95)
    assert low[0] == 0.0
    assert stats.poisson.cdf(OBSERVED, high * EXPECTED) == pytest.approx(0.025)
    above = stats.poisson.sf(OBSERVED[1:] - 1, low[1:] * EXPECTED[1:])
    assert above == pytest.approx(0.025)


def test_overdispersed_counts_have_wider_limits() -> None:
    """phi counts as one: limits are those of O / phi events."""
    low, high = count_limits(OBSERVED, EXPECTED, 2.0 * ONE, 0.95)
    half_low, half_high = count_limits(OBSERVED / 2, EXPECTED / 2, ONE, 0.95)
    assert low == pytest.approx(half_low)
    assert high == pytest.approx(half_high)


def test_trials_have_exact_tails() -> None:
    """Clopper and Pearson (1934)."""
    trials = np.array([10.0, 3.0, 200.0])
    low, high = trial_limits(OBSERVED, trials, EXPECTED, ONE, 0.9)
    assert low[0] == 0.0
    assert high[1] == pytest.approx(3.0 / 5.0)  # all of them, p = 1
    p = high[[0, 2]] * EXPECTED[[0, 2]] / trials[[0, 2]]
    assert stats.binom.cdf(OBSERVED[[0, 2]], trials[[0, 2]], p) == pytest.approx(0.05)
    p = low[1:] * EXPECTED[1:] / trials[1:]
    assert stats.binom.sf(OBSERVED[1:] - 1, trials[1:], p) == pytest.approx(0.05)


def test_gamma_sums_have_exact_cover() -> None:
    rng = np.random.default_rng(1)
    shape, n, ratio = 2.0, 4, 1.7
    sums = ratio * rng.gamma(shape, 3.0 / shape, size=(20_000, n)).sum(axis=1)
    expected = np.full(20_000, 3.0 * n)
    low, high = gamma_limits(sums, expected, np.full(20_000, n * 9.0 / shape), 0.95)
    assert np.mean((low <= ratio) & (ratio <= high)) == pytest.approx(0.95, abs=0.006)


def test_shares_cover_about_as_they_say() -> None:
    rng = np.random.default_rng(2)
    mu, precision, n = 0.3, 5.0, 6
    sums = rng.beta(mu * precision, (1 - mu) * precision, size=(20_000, n)).sum(axis=1)
    expected = np.full(20_000, mu * n)
    variance = np.full(20_000, n * mu * (1 - mu) / (1 + precision))
    low, high = share_limits(sums, np.full(20_000, float(n)), expected, variance, 0.95)
    assert np.mean((low <= 1.0) & (high >= 1.0)) == pytest.approx(0.95, abs=0.02)


def test_differences_are_normal() -> None:
    center, low, high = difference_limits(
        np.array([12.0]), np.array([8.0]), np.array([4.0]), np.array([2.0]), 0.95
    )
    assert center == pytest.approx(2.0)
    assert high - center == pytest.approx(1.959964)
    assert center - low == pytest.approx(1.959964)
