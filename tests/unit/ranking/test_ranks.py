"""Ranks: closed form against simulation and definition, sums over draws, rankability."""

from __future__ import annotations

import numpy as np
import pytest

import ilk
from ilk.errors import ModelError
from ilk.ranking.draws import Chunk
from ilk.ranking.ranks import expected_ranks, mean_ranks, rankability, summarize_draws

RNG = np.random.default_rng(5)
MEANS = RNG.normal(size=7)
ROOT = RNG.normal(size=(7, 7)) * 0.4
COVARIANCE = ROOT @ ROOT.T


def _by_simulation(draws):
    return (np.argsort(np.argsort(draws, axis=1), axis=1) + 1).mean(axis=0)


def test_expected_ranks_of_correlated_effects() -> None:
    draws = np.random.default_rng(1).multivariate_normal(MEANS, COVARIANCE, 100_000)
    assert expected_ranks(MEANS, COVARIANCE) == pytest.approx(_by_simulation(draws), abs=0.02)
    independent = expected_ranks(MEANS, np.diag(COVARIANCE))
    assert independent == pytest.approx(expected_ranks(MEANS, np.diag(np.diag(COVARIANCE))))
    assert np.abs(independent - expected_ranks(MEANS, COVARIANCE)).max() > 0.05


def test_expected_ranks_sum_to_those_of_all() -> None:
    assert expected_ranks(MEANS, COVARIANCE).sum() == pytest.approx(7 * 8 / 2)


def test_expected_ranks_refuse_other_shapes() -> None:
    with pytest.raises(ModelError, match=r"\(7,\) and \(3,\)"):
        expected_ranks(MEANS, np.ones(3))


def test_many_levels_are_done_in_parts() -> None:
    m, v = RNG.normal(size=3000), RNG.uniform(0.1, 1.0, 3000)
    ranks = expected_ranks(m, v)
    assert ranks.sum() == pytest.approx(3000 * 3001 / 2)
    one = 0.5 + sum(
        0.5 * (1 + np.vectorize(__import__("math").erf)((m[0] - m) / np.sqrt(2 * (v[0] + v))))
    )
    assert ranks[0] == pytest.approx(one)


@pytest.mark.parametrize("low", [True, False])
def test_summary_of_draws(low) -> None:
    """Every number by its definition, from all draws at once."""
    draws = np.random.default_rng(2).multivariate_normal(MEANS, COVARIANCE, 4000)
    shift = 0.5 * np.random.default_rng(3).normal(size=4000)
    chunks = [Chunk(draws[i : i + 900], shift[i : i + 900]) for i in range(0, 4000, 900)]
    found = summarize_draws(
        chunks, 7, 4000, low_is_first=low, best=2, worst=3, threshold=0.3, level=0.9
    )
    ranks = np.argsort(np.argsort(draws if low else -draws, axis=1), axis=1) + 1
    total = draws + shift[:, None]
    assert found.expected_rank == pytest.approx(ranks.mean(axis=0))
    assert np.abs(found.median_rank - np.median(ranks, axis=0)).max() <= 0.5
    assert found.p_best == pytest.approx((ranks <= 2).mean(axis=0))
    assert found.p_worst == pytest.approx((ranks >= 5).mean(axis=0))
    assert found.p_above == pytest.approx((total > 0.3).mean(axis=0), abs=1e-3)
    assert found.effect == pytest.approx(draws.mean(axis=0), abs=1e-5)
    assert found.effect_low == pytest.approx(np.quantile(draws, 0.05, axis=0), abs=1e-5)
    assert found.total == pytest.approx(np.median(total, axis=0), abs=1e-5)
    assert found.total_high == pytest.approx(np.quantile(total, 0.95, axis=0), abs=1e-5)
    held = [
        np.mean((ranks[:, j] >= found.rank_low[j]) & (ranks[:, j] <= found.rank_high[j]))
        for j in range(7)
    ]
    assert min(held) >= 0.9
    for j in range(7):  # no shorter interval holds as much
        width = int(found.rank_high[j] - found.rank_low[j])
        shorter = [np.mean((ranks[:, j] >= a) & (ranks[:, j] < a + width)) for a in range(1, 8)]
        assert max(shorter) < 0.9


def test_folded_draws_are_ranked_by_distance() -> None:
    draws = np.array([[-3.0, 0.1, 1.0], [-3.2, 0.2, 1.1]] * 50)
    found = summarize_draws(
        [Chunk(draws, np.zeros(100))],
        *(3, 100),
        low_is_first=True,
        best=1,
        worst=1,
        threshold=2.0,
        level=0.95,
        fold=0.5,
    )
    assert found.expected_rank == pytest.approx([3.0, 1.0, 2.0])
    assert found.p_above == pytest.approx([1.0, 0.0, 0.0])


def test_mean_ranks() -> None:
    values = np.array([2.0, np.nan, 1.0, 2.0])
    assert mean_ranks(values) == pytest.approx([2.5, np.nan, 1.0, 2.5], nan_ok=True)
    assert mean_ranks(values, low_is_first=False) == pytest.approx(
        [1.5, np.nan, 3.0, 1.5], nan_ok=True
    )


def test_rankability_of_one_way_layout() -> None:
    """tau^2 / (tau^2 + median sigma^2 / n_l), as van Dishoeck et al. (2011) define it."""
    rng = np.random.default_rng(6)
    sizes = rng.integers(2, 20, 31)
    g = np.repeat(np.arange(31), sizes)
    data = {"y": rng.normal(size=31)[g] + rng.normal(size=len(g)), "g": g}
    fit = ilk.fit("y ~ (1 | g)", data)
    tau2, sigma2 = fit.fitted.estimates.covariances[0][0, 0], fit.fitted.estimates.sigma2
    expected = tau2 / (tau2 + np.median(sigma2 / sizes))
    assert fit.league_table("g", draws=100).table.rankability == pytest.approx(expected)
    assert rankability(0.0, np.zeros(4)) == 0.0
