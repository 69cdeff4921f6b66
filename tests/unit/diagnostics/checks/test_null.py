"""P-values among simulated values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ilk.diagnostics.checks.null import judge, verdict_of


def test_shares_by_counting() -> None:
    values = np.concatenate([[94.5], np.arange(100.0)])
    assert judge(values, "upper").p_value == pytest.approx(6 / 101)
    assert judge(values).p_value == pytest.approx(12 / 101)
    low = judge(np.concatenate([[4.5], np.arange(100.0)]))
    assert low.p_value == pytest.approx(12 / 101)
    assert (low.observed, low.expected) == (4.5, 49.5)


@pytest.mark.parametrize("shape", [1.0, 4.0, 50.0])
def test_far_tails_are_those_of_the_distribution(shape: float) -> None:
    null = stats.gamma(shape)
    simulated = null.ppf((np.arange(20_000) + 0.5) / 20_000)
    for p in (1e-4, 1e-6):
        found = judge(np.concatenate([[null.isf(p / 3)], simulated]), "upper")
        assert 0.5 < found.p_value / (p / 3) < 2.0
    lower = judge(np.concatenate([[-null.isf(1e-6)], -simulated]))
    assert 0.5 < lower.p_value / 2e-6 < 2.0


def test_a_bounded_tail_is_never_negative() -> None:
    simulated = -stats.gamma(2.0).ppf((np.arange(1000) + 0.5) / 1000)
    assert judge(np.concatenate([[10.0], simulated]), "upper").p_value == 0.0


def test_p_values_are_uniform_under_the_null() -> None:
    rng = np.random.default_rng(2)
    p = np.array([judge(rng.gamma(2.0, size=100)).p_value for _ in range(3000)])
    for level in (0.02, 0.05, 0.1, 0.5):
        assert abs(np.mean(p <= level) - level) < 4 * np.sqrt(level * (1 - level) / 3000) + 0.01


def test_what_does_not_vary_has_no_p_value() -> None:
    assert np.isnan(judge(np.ones(30)).p_value)


def test_verdicts_need_size_and_significance() -> None:
    assert verdict_of(0.01, True, 0.05) == "problem"
    assert verdict_of(0.01, False, 0.05) == "note"
    assert verdict_of(0.2, True, 0.05) == "ok"
    assert verdict_of(float("nan"), True, 0.05) == "ok"
