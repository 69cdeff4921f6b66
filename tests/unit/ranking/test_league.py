"""League tables: luck is not ranked, relations between tables, refusals."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.errors import DataError, IlkError, ModelError

from ...answers import counts
from ...fits import data_of, fit_of

ARRAYS = ("expected_rank", "rank_low", "rank_high", "rate", "effect", "p_best", "p_worst")


def hospitals(seed: int = 0) -> pd.DataFrame:
    """60 hospitals of equal rates but for some; eight small ones by design, in pairs of events."""
    rng = np.random.default_rng(seed)
    days = np.concatenate([np.full(8, 120.0), rng.lognormal(8.2, 0.7, 52)])
    rate = 0.004 * np.exp(0.4 * rng.normal(size=60))
    events = rng.poisson(rate * days)
    events[:8] = [0, 0, 0, 0, 1, 1, 2, 2]  # 0.5 expected
    names = [f"small{i}" for i in range(8)] + [f"h{i}" for i in range(52)]
    return pd.DataFrame({"infections": events, "days": days, "hospital": names})


@pytest.mark.parametrize("seed", range(4))
def test_luck_of_small_hospitals_is_not_ranked(seed) -> None:
    """No events by luck: first by the raw rate, not here; one or two events: last, not here."""
    fit = ilk.fit("infections ~ (1 | hospital)", hospitals(seed), family="poisson", exposure="days")
    table = fit.league_table("hospital").table
    place = {name: i for i, name in enumerate(table.levels)}
    without = [place[f"small{i}"] for i in range(4)]
    with_some = [place[f"small{i}"] for i in range(4, 8)]
    assert np.all(table.raw_rank[without] < 5.0)
    assert np.all(table.raw_rank[with_some[2:]] > 58.0)
    ranks = table.expected_rank
    order = np.argsort(np.argsort(ranks)) + 1
    assert order[without].min() > 6  # not in the best tenth
    assert order[with_some].max() < 55  # nor in the worst
    assert np.all(table.p_best[without] < 0.35)
    assert np.all(table.p_worst[with_some] < 0.45)
    middle = 30.5
    assert np.all(table.rank_low[without + with_some] < middle)
    assert np.all(table.rank_high[without + with_some] > middle)
    assert np.all(table.weight[without + with_some] < 0.35)


def test_order_mirrors_ranks() -> None:
    fit = fit_of("cbpp")
    low, high = (fit.league_table("herd", order=order).table for order in ("low", "high"))
    assert low.expected_rank + high.expected_rank == pytest.approx(16.0)
    assert low.raw_rank + high.raw_rank == pytest.approx(16.0)
    assert low.p_best == pytest.approx(high.p_worst)
    assert low.rate == pytest.approx(high.rate)
    assert high.low_is_first is False


def test_seed_repeats_and_draws_settle() -> None:
    fit = fit_of("cbpp")
    one, same, other = (fit.league_table("herd", seed=s).table for s in (1, 1, 2))
    for name in ARRAYS:
        assert np.array_equal(getattr(one, name), getattr(same, name))
    assert one.expected_rank == pytest.approx(other.expected_rank, abs=0.6)
    assert not np.array_equal(one.expected_rank, other.expected_rank)


def test_order_of_rows_and_names_of_levels_do_not_matter() -> None:
    data = data_of("cbpp")
    mixed = data.sample(frac=1.0, random_state=3).reset_index(drop=True)
    mixed["herd"] = "herd " + mixed["herd"].astype(str)
    formula = "incidence / size ~ period + (1 | herd)"
    a = ilk.fit(formula, data, family="binomial").league_table("herd").table
    b = ilk.fit(formula, mixed, family="binomial").league_table("herd").table
    place = {str(level): i for i, level in enumerate(b.levels)}
    order = [place[f"herd {level}"] for level in a.levels]
    assert a.expected_rank == pytest.approx(b.expected_rank[order], abs=0.6)
    for name in ("observed", "expected", "ratio_low", "raw_rate", "weight"):
        assert getattr(a, name) == pytest.approx(getattr(b, name)[order], rel=1e-4)


def test_trials_are_rows() -> None:
    """Successes of trials, and one row for each trial: the same table."""
    data = data_of("cbpp")
    long = data.loc[data.index.repeat(data["size"])]
    turn = long.groupby(level=0).cumcount()
    long = long.assign(y=(turn < long["incidence"]).astype(int))
    a = fit_of("cbpp").league_table("herd").table
    b = ilk.fit("y ~ period + (1 | herd)", long, family="binomial").league_table("herd").table
    assert a.exposure == pytest.approx(b.exposure)
    for name in ("expected", "ratio_high", "raw_rate", "weight", "center"):
        assert getattr(a, name) == pytest.approx(getattr(b, name), rel=1e-3)
    assert a.expected_rank == pytest.approx(b.expected_rank, abs=0.6)
    assert a.rate == pytest.approx(b.rate, rel=0.05)


def test_exposure_is_an_offset_and_per_scales_rates() -> None:
    data = hospitals()
    formula = "infections ~ (1 | hospital)"
    a = ilk.fit(formula, data, family="poisson", exposure="days")
    b = ilk.fit("infections ~ offset(log(days)) + (1 | hospital)", data, family="poisson")
    one, other = (
        fit.league_table("hospital", per=1000, threshold=5.0, draws=500).table for fit in (a, b)
    )
    for name in ("rate", "raw_rate", "exposure", "p_above", "expected_rank"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-6)
    plain = a.league_table("hospital", threshold=0.005, draws=500).table
    assert one.rate == pytest.approx(1000 * plain.rate)
    assert one.center == pytest.approx(1000 * plain.center)
    assert one.p_above == pytest.approx(plain.p_above)
    assert one.effect == pytest.approx(plain.effect)


def test_slopes_tell_whose_trend_is_steepest() -> None:
    table = fit_of("sleepstudy").league_table("Subject", term="Days", order="high", threshold=0)
    table = table.table
    level = table.levels[int(np.argmin(table.expected_rank))]
    assert str(level) in ("308", "337")
    assert np.all(np.isnan(table.observed))
    assert np.all(np.isnan(table.raw_rank))
    flat = list(map(str, table.levels)).index("335")
    assert table.p_above[flat] == pytest.approx(0.5, abs=0.25)
    assert table.effect == pytest.approx(table.rate, abs=0.4)
    assert table.center == pytest.approx(10.467, abs=0.001)


def test_levels_of_no_variance_are_tied() -> None:
    table = fit_of("dyestuff2").league_table("Batch", best=2).table
    assert table.tied
    assert table.rankability == 0.0
    assert table.expected_rank == pytest.approx(3.5)
    assert table.rank_low == pytest.approx(1.0)
    assert table.rank_high == pytest.approx(6.0)
    assert table.p_best == pytest.approx(2 / 6)
    assert np.ptp(table.rate) == 0.0
    assert "estimated as zero" in table.method


def test_level_covariates_are_case_mix_or_performance() -> None:
    """A covariate that explains the levels: adjusted for they are alike, else far apart."""
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(30), 10)
    quality = np.linspace(-1, 1, 30)
    x = rng.normal(size=300)
    y = rng.poisson(np.exp(1.0 + 0.8 * quality[g] + 0.2 * x + 0.15 * rng.normal(size=30)[g]))
    data = pd.DataFrame({"y": y, "x": x, "quality": quality[g], "g": g})
    fit = ilk.fit("y ~ x + quality + (1 | g)", data, family="poisson")
    mix, within = (fit.league_table("g", adjust=a, draws=500).table for a in ("case_mix", "within"))
    assert abs(np.corrcoef(mix.expected_rank, quality)[0, 1]) < 0.5
    assert np.corrcoef(within.expected_rank, quality)[0, 1] > 0.9
    assert np.corrcoef(within.ratio, quality)[0, 1] > 0.8
    assert "quality" in " ".join(within.notes)
    pooled = ilk.fit("y ~ x + (1 | g)", data, family="poisson").league_table("g", draws=500).table
    assert np.corrcoef(within.rate, pooled.rate)[0, 1] > 0.95


def test_case_mix_is_taken_out() -> None:
    """A hospital of severe cases has a bad raw rank, and a fair one here."""
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(40), 30)
    severe = rng.normal(size=1200) + np.where(g < 4, 2.0, 0.0)
    b = 0.4 * rng.normal(size=40)
    b[:4] = -0.5
    data = pd.DataFrame({"y": rng.poisson(np.exp(-0.5 + 0.7 * severe + b[g])), "s": severe, "g": g})
    table = ilk.fit("y ~ s + (1 | g)", data, family="poisson").league_table("g", draws=500).table
    assert table.raw_rank[:4].min() > 25
    assert table.expected_rank[:4].max() < 20
    assert np.corrcoef(table.effect, b)[0, 1] > 0.75


def test_crossed_and_nested_factors_each_have_a_table() -> None:
    fit = ilk.fit("y ~ x + (1 | school/person) + (1 | item)", counts(), family="poisson")
    for group, words in (
        ("school", "Effects of item are part of the case mix"),
        ("school:person", "Effects of school, item are part"),
        ("item", "part of the case mix"),
    ):
        table = fit.league_table(group, draws=500).table
        assert words in " ".join(table.notes)
        assert table.expected_rank.sum() == pytest.approx(
            len(table.levels) * (len(table.levels) + 1) / 2
        )
    assert "inside, are averaged over" in " ".join(fit.league_table("school").table.notes)


def test_effects_on_dispersion_beside_those_on_the_mean() -> None:
    fit = ilk.fit(
        "y ~ x + (1 | person)",
        counts(30, 8),
        family="negative_binomial_2",
        dispersion="~ 1",
    )
    table = fit.league_table("person").table
    assert np.corrcoef(table.expected_rank, table.raw_rank)[0, 1] > 0.9


def test_percentile_weight_and_interval_widths() -> None:
    fit = fit_of("cbpp")
    narrow, wide = (fit.league_table("herd", level=level).table for level in (0.5, 0.95))
    assert narrow.percentile == pytest.approx(100 * (narrow.expected_rank - 0.5) / 15)
    assert np.all(narrow.rank_high - narrow.rank_low < wide.rank_high - wide.rank_low)
    effects = fit.random_effects("herd")
    assert narrow.weight == pytest.approx(effects["shrinkage"].to_numpy())


def test_draws_are_bounded(monkeypatch) -> None:
    monkeypatch.setattr("ilk.ranking.league._MOST", 15 * 500)
    table = fit_of("cbpp").league_table("herd").table
    assert table.draws == 500
    assert "500 draws in place of 2,000" in " ".join(table.notes)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"best": 16}, ModelError, "from 1 to 15"),
        ({"worst": 0}, ModelError, "from 1 to 15"),
        ({"best": 1.5}, ModelError, "whole number"),
        ({"order": "lowest"}, ModelError, "'low', 'high'"),
        ({"expected": "mean"}, ModelError, "'population', 'typical'"),
        ({"adjust": None}, ModelError, "'case_mix', 'within'"),
        ({"level": 95}, ModelError, "0.95 for 95 percent"),
        ({"draws": 10}, ModelError, "at least 100"),
        ({"seed": -1}, ModelError, "not negative"),
        ({"term": "slope"}, DataError, "has Intercept"),
        ({"threshold": 2.0}, ModelError, "between 0 and 1"),
        ({"per": -1}, ModelError, "positive number"),
    ],
)
def test_what_cannot_be(options, error, words) -> None:
    with pytest.raises(error, match=words) as found:
        fit_of("cbpp").league_table("herd", **options)
    assert isinstance(found.value, IlkError)
    assert found.value.code


def test_links_without_a_population_mean() -> None:
    fit = ilk.fit("y ~ (1 | g)", data_of("gamma"), family="gamma", link="inverse")
    with pytest.raises(ModelError, match="give expected='typical'"):
        fit.league_table("g")
    table = fit.league_table("g", expected="typical").table
    assert np.corrcoef(table.expected_rank, table.raw_rank)[0, 1] > 0.9
    lowest = int(np.argmin(table.expected_rank))
    assert table.raw_rank[lowest] <= 3


def test_arrays_have_one_length() -> None:
    table = fit_of("ticks").league_table("BROOD").table
    arrays = [f.name for f in fields(table) if isinstance(getattr(table, f.name), np.ndarray)]
    assert {len(getattr(table, name)) for name in arrays} == {118}
    assert len(table.levels) == 118
