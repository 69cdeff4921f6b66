"""Bootstrap intervals: against boot::boot.ci, what they promise, and where they do not exist."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from tests.fits import fit_of
from tests.reference.data import HERE

import ilk
from ilk.errors import ModelError
from ilk.inference.bootstrap.draws import Draws
from ilk.inference.bootstrap.intervals import (
    acceleration,
    draw_limits,
    draw_moments,
    enough_for,
    percentile_limits,
)
from ilk.inference.intervals import intervals

REFERENCE = json.loads((HERE / "boot_intervals.json").read_text())


def draws_of(values, estimate):
    values = np.asarray(values, dtype=float)
    values = values[:, None] if values.ndim == 1 else values
    index = np.arange(len(values))
    return Draws(np.atleast_1d(estimate), values, index, (), "cluster", "g", 30, 1)


def never():
    raise AssertionError


@pytest.mark.reference
@pytest.mark.parametrize(
    ("method", "tolerance"),
    [("normal", 1e-12), ("basic", 1e-12), ("percentile", 1e-12), ("bca", 2e-3)],
)
def test_limits_of_boot_ci(method, tolerance):
    """The same order statistics; between them BCa interpolates linearly, boot on normal scores."""
    x = np.array(REFERENCE["x"])
    without = np.array([[np.delete(x, i).mean() ** 2] for i in range(len(x))])
    draws = draws_of(REFERENCE["t"], REFERENCE["t0"])
    for k, level in enumerate((0.9, 0.95)):
        limits = draw_limits(draws, level, method, lambda: without)
        theirs = REFERENCE[method][k]
        np.testing.assert_allclose([limits.low[0], limits.high[0]], theirs, rtol=tolerance)
        assert limits.notes == ()


def test_limits_are_order_statistics():
    values = np.random.default_rng(1).permutation(np.arange(1.0, 200.0))
    low, high = percentile_limits(values[:, None], 0.95)
    # of 199: numbers 200 * 0.025 and 200 * 0.975
    np.testing.assert_allclose([low[0], high[0]], [5.0, 195.0], rtol=1e-12)


def test_acceleration_is_that_of_skewness():
    """For a mean: skewness of the values over 6 sqrt(J)."""
    x = np.random.default_rng(2).gamma(1.0, size=40)
    without = np.array([[np.delete(x, i).mean(), 1.0] for i in range(40)])
    d = x - x.mean()
    skewness = np.mean(d**3) / np.mean(d**2) ** 1.5
    np.testing.assert_allclose(acceleration(without), [skewness / (6 * math.sqrt(40)), 0.0])
    lost = without.copy()
    lost[3:] = np.nan
    assert np.isfinite(acceleration(lost)).all()
    lost[2:] = np.nan
    assert np.isnan(acceleration(lost)).all()


def test_bca_respects_transformations():
    x = np.random.default_rng(3).gamma(2.0, size=500)
    without = 1.2 + 0.01 * np.random.default_rng(4).gamma(1.0, size=(20, 1))
    plain = draw_limits(draws_of(x, 1.8), 0.9, "bca", lambda: without)
    logs = draw_limits(draws_of(np.log(x), math.log(1.8)), 0.9, "bca", lambda: np.log(without))
    np.testing.assert_allclose(np.exp(logs.low), plain.low, rtol=0.02)
    np.testing.assert_allclose(np.exp(logs.high), plain.high, rtol=0.02)


def test_too_few_draws_are_refused_and_the_number_is_said():
    draws = draws_of(np.arange(38.0), 19.0)
    with pytest.raises(ModelError, match=r"level=0.95 needs at least 39 draws, and there are 38"):
        draw_limits(draws, 0.95, "percentile", never)
    assert enough_for(39, 0.95)
    assert not enough_for(198, 0.99)
    assert enough_for(199, 0.99)
    assert np.isfinite(draw_limits(draws, 0.95, "normal").low).all()
    with pytest.raises(ModelError, match="method='studentized'"):
        draw_limits(draws, 0.9, "studentized", never)
    fitted = fit_of("sleepstudy").fitted
    with pytest.raises(ModelError, match="needs at least 199 draws"):  # before any refit
        intervals(fitted, 0.99, "bootstrap", draws=100)
    with pytest.raises(ModelError, match="interval='exact'"):
        intervals(fitted, 0.9, "bootstrap", interval="exact")


def test_bca_without_an_answer_says_why():
    values = np.column_stack([np.linspace(1, 2, 99), np.linspace(0, 1, 99)])
    draws = draws_of(values, [0.5, 0.8])
    limits = draw_limits(draws, 0.95, "bca", lambda: np.random.default_rng(1).normal(size=(9, 2)))
    assert np.isnan(limits.low[0])  # no draw below the estimate
    assert limits.remarks[0] == "all draws on one side of the estimate"
    assert np.isfinite(limits.low[1])
    assert np.isnan(limits.high[1])
    needed = int(limits.remarks[1].split()[1].replace(",", ""))
    assert needed > 100
    assert limits.ways("cluster, bca")[1] == f"bootstrap (cluster, bca; {limits.remarks[1]})"
    assert len(limits.notes) == 2
    few = draw_limits(draws, 0.95, "bca", lambda: np.ones((2, 2)))
    assert np.isnan(few.low).all()
    assert few.notes == (
        "2 BCa intervals have a missing end: fewer than three clusters to leave out.",
    )
    skew = np.zeros((9, 2))
    skew[0] = -1.0
    steep = draw_limits(draws_of(values, [1.9, 0.9]), 0.999, "normal")
    assert np.isfinite(steep.low).all()
    wild = draw_limits(draws_of(np.arange(3000.0), 2000.0), 0.999, "bca", lambda: skew[:, :1])
    assert wild.remarks[0] == "too skew for this level"


def test_the_number_of_draws_that_is_said_to_be_needed_is_enough():
    rng = np.random.default_rng(6)
    without = rng.gamma(0.5, size=(12, 1))
    few = draws_of(rng.gamma(3.0, size=99), 4.2)
    limits = draw_limits(few, 0.95, "bca", lambda: -without)
    needed = int(limits.remarks[0].split()[1].replace(",", ""))
    exact = np.sort(np.repeat(few.values[:, 0], -(-needed // 99)))
    more = draw_limits(draws_of(exact, 4.2), 0.95, "bca", lambda: -without)
    assert more.remarks == ("",)
    assert np.isfinite([more.low[0], more.high[0]]).all()


def test_missing_values_are_left_out():
    values = np.column_stack([np.arange(100.0), np.full(100, np.nan)])
    values[::2, 0] = np.nan
    mean, deviation = draw_moments(values)
    assert mean[0] == 50.0
    assert deviation[0] == pytest.approx(np.arange(1, 100, 2).std(ddof=1))
    assert np.isnan([mean[1], deviation[1]]).all()
    low, high = percentile_limits(values, 0.9)
    np.testing.assert_allclose(
        [low[0], high[0]], np.quantile(np.arange(1, 100, 2), [0.05, 0.95], method="weibull")
    )
    assert np.isnan(low[1])
    assert np.isnan(percentile_limits(values, 0.97)[0][0])  # 50 values have no such quantile


@pytest.mark.parametrize("interval", ["percentile", "basic", "bca", "normal"])
@pytest.mark.parametrize("kind", ["parametric", "cluster"])
def test_intervals_of_all_parameters(kind, interval):
    fitted = fit_of("sleepstudy").fitted
    found = intervals(fitted, 0.9, "bootstrap", draws=150, seed=1, kind=kind, interval=interval)
    wald = intervals(fitted, 0.9)
    assert found.term == wald.term
    np.testing.assert_allclose(found.estimate, wald.estimate, rtol=1e-6)
    assert set(found.method) == {f"bootstrap ({kind}, {interval})"}
    width = np.array(found.conf_high - found.conf_low)[:2]
    np.testing.assert_allclose(width, (wald.conf_high - wald.conf_low)[:2], rtol=0.35)
    assert np.all(found.conf_low[2:4] >= 0.0)
    assert -1.0 <= found.conf_low[4] <= found.conf_high[4] <= 1.0
    assert "150 refits; seed 1" in found.notes[0]


def test_dropped_coefficients_have_rows_of_nan():
    data = pd.DataFrame({"y": np.random.default_rng(1).normal(size=30), "x": np.arange(30.0)})
    data["twice"] = 2 * data.x
    table = ilk.fit("y ~ x + twice", data).conf_int(0.9, method="bootstrap", draws=50, seed=1)
    assert list(table.term) == ["Intercept", "x", "twice", "sd(Residual)"]
    assert list(table.conf_low.isna()) == [False, False, True, False]


def test_failed_refits_are_said_in_the_table():
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"y": rng.normal(size=60), "g": np.repeat(np.arange(10), 6)})
    data["rare"] = ((data.g == 3) & (np.arange(60) % 2 == 0)).astype(int)
    fit = ilk.fit("y ~ rare + (1 | g)", data)
    frame = fit.conf_int(0.8, method="bootstrap", kind="cluster", draws=40, seed=1)
    failed = fit.bootstrap(kind="cluster", draws=40, seed=1).found.failed
    assert set(frame.method) == {f"bootstrap (cluster, percentile; {failed} of 40 refits failed)"}


@pytest.mark.slow
def test_coverage_of_a_between_cluster_effect():
    """Parametric percentile intervals of the linear model with 12 clusters cover about 95%."""
    rng = np.random.default_rng(5)
    g, x = np.repeat(np.arange(12), 4), np.repeat(np.linspace(-1, 1, 12), 4)
    covered = 0
    for k in range(200):
        y = 0.5 * x + 0.6 * rng.normal(size=12)[g] + rng.normal(size=48)
        fit = ilk.fit("y ~ x + (1 | g)", pd.DataFrame({"y": y, "x": x, "g": g}))
        row = fit.conf_int(method="bootstrap", draws=99, seed=k).iloc[1]
        covered += row.conf_low <= 0.5 <= row.conf_high
    assert 0.88 < covered / 200 < 0.99
