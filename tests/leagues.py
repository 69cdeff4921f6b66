"""League tables of any size, without a fit."""

from __future__ import annotations

import numpy as np
from scipy import stats

from ilk.ranking import League
from ilk.ranking.funnel import Funnel


def league(count: int, quantity: str = "rate", seed: int = 0) -> League:
    """League table of Poisson counts with gamma rates, in closed form."""
    rng = np.random.default_rng(seed)
    expected = np.exp(rng.normal(2.0, 1.2, count))
    shape = 4.0
    observed = rng.poisson(expected * rng.gamma(shape, 1 / shape, count)).astype(float)
    post = stats.gamma(shape + observed, scale=1 / (shape + expected))
    rate, low, high = 8.0 * post.mean(), 8.0 * post.ppf(0.025), 8.0 * post.ppf(0.975)
    rank = 1.0 + np.argsort(np.argsort(rate))
    spread = np.maximum(1.0, 0.2 * count * np.ones(count))
    none = np.full(count, np.nan)
    slope = quantity == "slope"
    return League(
        group="hospital",
        term="month" if slope else "Intercept",
        quantity=quantity,
        scale="log",
        levels=tuple(f"hospital $x_{i}$ \x07" for i in range(count)),
        size=np.ones(count),
        exposure=100.0 * expected,
        exposure_name="days",
        observed=none if slope else observed,
        expected=none if slope else expected,
        expected_estimand="population",
        adjust="case_mix",
        comparison="ratio",
        ratio=none if slope else observed / expected,
        ratio_low=none,
        ratio_high=none,
        raw_rate=none if slope else 10.0 * observed / expected,
        raw_rank=none if slope else stats.rankdata(observed / expected),
        effect=np.log(rate / 8.0),
        effect_low=np.log(low / 8.0),
        effect_high=np.log(high / 8.0),
        rate=rate,
        rate_low=low,
        rate_high=high,
        weight=expected / (shape + expected),
        expected_rank=rank,
        percentile=100 * (rank - 0.5) / count,
        median_rank=rank,
        rank_low=np.maximum(1.0, np.round(rank - spread)),
        rank_high=np.minimum(count, np.round(rank + spread)),
        p_best=none,
        p_worst=none,
        p_above=none,
        center=8.0,
        rankability=0.7,
        threshold=None,
        best=1,
        worst=1,
        per=1000.0,
        low_is_first=True,
        level=0.95,
        draws=100,
        tied=False,
        said=None,
        method="closed form",
    )


def funnel_of(table: League) -> Funnel:
    """Gamma-Poisson limits of the same."""
    grid = np.geomspace(table.expected.min(), table.expected.max(), 30)
    tails = np.array([0.025, 0.001])[:, None]
    chance, both = stats.poisson(grid), stats.nbinom(4.0, 4.0 / (4.0 + grid))
    low = np.stack([chance.ppf(tails), both.ppf(tails)]) / grid
    high = np.stack([chance.isf(tails), both.isf(tails)]) / grid
    frozen = [
        stats.poisson(table.expected),
        stats.nbinom(4.0, 4.0 / (4.0 + table.expected)),
    ]
    return Funnel(
        group=table.group,
        levels=table.levels,
        response="infections",
        size_name="expected",
        size=table.expected,
        comparison="ratio",
        expected_estimand="typical",
        value=table.ratio,
        coverages=(0.95, 0.998),
        grid=grid,
        typical=np.ones(30),
        low=low,
        high=high,
        below=np.stack([one.cdf(table.observed) for one in frozen]),
        above=np.stack([one.sf(table.observed - 1) for one in frozen]),
    )
