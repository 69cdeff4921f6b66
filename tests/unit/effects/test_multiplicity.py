"""Adjusted p-values and critical values against known distributions and against simulation."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from scipy import stats

from ilk.effects.multiplicity import adjust_family


def pairs(m: int) -> np.ndarray:
    """Correlation of all differences of m independent means of equal precision."""
    C = np.zeros((m * (m - 1) // 2, m))
    for k, (i, j) in enumerate(combinations(range(m), 2)):
        C[k, i], C[k, j] = -1.0, 1.0
    return C @ C.T / 2.0


@pytest.mark.parametrize("df", [np.inf, 12.0])
@pytest.mark.parametrize(("m", "tolerance"), [(3, 1e-8), (4, 1e-6), (5, 1e-4), (8, 3e-4)])
def test_all_pairs_are_tukeys(m: int, tolerance: float, df: float) -> None:
    t = np.linspace(0.3, 4.5, m * (m - 1) // 2)
    found = adjust_family(t, pairs(m), "mvt", df=df)
    nu = df if np.isfinite(df) else 1e10
    exact = stats.studentized_range.sf(t * np.sqrt(2.0), m, nu)
    critical = stats.studentized_range.ppf(0.95, m, nu) / np.sqrt(2.0)
    assert found.p_value == pytest.approx(exact, abs=tolerance)
    assert found.critical == pytest.approx(critical, abs=5 * tolerance)
    assert found.simultaneous


def test_common_reference_is_dunnetts() -> None:
    k = 4
    R = 0.5 * np.eye(k) + 0.5
    critical = adjust_family(np.full(k, 2.0), R, "mvt", df=20.0).critical
    # Dunnett (1964), two-sided 5 percent, 4 comparisons, 20 degrees of freedom
    assert critical == pytest.approx(2.65, abs=0.005)


def test_known_probability_of_two() -> None:
    R = np.array([[1.0, 0.5], [0.5, 1.0]])
    normal = stats.multivariate_normal(cov=R)
    for c in (0.5, 2.0, 3.5):
        box = normal.cdf([c, c], lower_limit=[-c, -c])
        found = adjust_family(np.array([c, 0.1]), R, "mvt")
        assert found.p_value[0] == pytest.approx(1.0 - box, rel=1e-6, abs=1e-7)


def test_any_correlation_against_simulation() -> None:
    rng = np.random.default_rng(3)
    C = rng.normal(size=(7, 5))
    V = C @ C.T
    s = np.sqrt(np.diag(V))
    R = V / np.outer(s, s)
    draws = np.abs(rng.multivariate_normal(np.zeros(7), R, 400_000, method="eigh")).max(axis=1)
    found = adjust_family(np.array([1.0, 1.5, 2.0, 2.5, 3.0, 0.2, 2.2]), R, "mvt")
    for t, p in zip([1.0, 1.5, 2.0, 2.5, 3.0], found.p_value[:5], strict=True):
        assert p == pytest.approx(np.mean(draws > t), abs=3e-3)
    assert found.critical[0] == pytest.approx(np.quantile(draws, 0.95), abs=0.01)


def test_singular_and_copied_contrasts_count_once() -> None:
    one = adjust_family(np.array([2.0]), np.eye(1), "mvt")
    three = adjust_family(np.array([2.0, -2.0, 2.0]), np.outer([1, -1, 1], [1, -1, 1.0]), "mvt")
    assert three.p_value == pytest.approx(one.p_value[0])
    assert three.critical == pytest.approx(stats.norm.ppf(0.975))


def test_between_no_adjustment_and_bonferroni() -> None:
    R = 0.3 * np.eye(6) + 0.7
    t = np.array([0.1, 1.0, 2.0, 4.0, 8.0, 15.0])
    none, exact, sidak = (adjust_family(t, R, m) for m in ("none", "mvt", "bonferroni"))
    assert np.all(none.p_value <= exact.p_value)
    assert np.all(exact.p_value <= sidak.p_value)
    assert np.all(none.critical < exact.critical)
    assert np.all(exact.critical < sidak.critical)
    assert 0.0 < exact.p_value[5] < 1e-48


def test_the_same_every_time() -> None:
    t = np.linspace(0.5, 3.0, 15)
    first, again = (adjust_family(t, pairs(6), "mvt") for _ in range(2))
    assert np.array_equal(first.p_value, again.p_value)
    assert np.array_equal(first.critical, again.critical)


def test_steps_by_hand() -> None:
    p = np.array([0.01, 0.04, 0.03, 0.5])
    t = stats.norm.isf(p / 2.0)
    R = np.eye(4)
    assert adjust_family(t, R, "holm").p_value == pytest.approx([0.04, 0.09, 0.09, 0.5])
    assert adjust_family(t, R, "bh").p_value == pytest.approx([0.04, 0.16 / 3, 0.16 / 3, 0.5])
    assert adjust_family(t, R, "bonferroni").p_value == pytest.approx([0.04, 0.16, 0.12, 1.0])
    assert not adjust_family(t, R, "bh").simultaneous


def test_scheffe_is_an_f_test() -> None:
    found = adjust_family(np.array([2.0, 3.0, 1.0]), pairs(3), "scheffe", df=10.0)
    assert found.p_value == pytest.approx(stats.f.sf(np.array([4.0, 9.0, 1.0]) / 2.0, 2, 10))
    assert found.critical == pytest.approx(np.sqrt(2.0 * stats.f.ppf(0.95, 2, 10)))


def test_degrees_of_freedom_of_each() -> None:
    R = pairs(3)
    nu = np.array([8.0, np.inf, 8.0])
    mixed = adjust_family(np.full(3, 2.4), R, "mvt", df=nu)
    for df, k in ((8.0, 0), (np.inf, 1)):
        alone = adjust_family(np.full(3, 2.4), R, "mvt", df=df)
        assert mixed.p_value[k] == pytest.approx(alone.p_value[k])
        assert mixed.critical[k] == pytest.approx(alone.critical[k])


@pytest.mark.parametrize("method", ["mvt", "holm", "bh", "scheffe", "none", "bonferroni"])
def test_statistics_that_are_not_there_do_not_count(method: Any) -> None:
    R = pairs(3)
    with_gap = adjust_family(np.array([2.0, np.nan, 1.0]), R, method)
    without = adjust_family(np.array([2.0, 1.0]), R[np.ix_([0, 2], [0, 2])], method)
    assert with_gap.p_value[[0, 2]] == pytest.approx(without.p_value)
    assert np.isnan(with_gap.p_value[1])
    assert np.isnan(with_gap.critical[1])
    empty = adjust_family(np.array([np.nan]), np.eye(1), method)
    assert np.isnan(empty.p_value).all()
