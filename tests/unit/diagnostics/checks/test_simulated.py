"""Responses among simulated ones: positions, exchangeable columns, weights, repeatability."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from tests.fits import fit_of
from tests.tables import FAMILIES, FamilyCase, table

import ilk
from ilk.diagnostics.checks import simulated as module
from ilk.diagnostics.checks.simulated import (
    CELLS,
    observations,
    positions,
    simulate_rows,
    sum_by,
)


def test_positions_by_brute_force() -> None:
    rng = np.random.default_rng(1)
    values = rng.poisson(1.0, size=(40, 21)).astype(float)
    found = positions(values, True, np.random.default_rng(2))
    below = (values[:, None, :] < values[:, :, None]).sum(axis=2)
    ties = (values[:, None, :] == values[:, :, None]).sum(axis=2)
    assert np.all(found >= below / 21 - 1e-6)
    assert np.all(found <= (below + ties) / 21 + 1e-6)
    place = 21 * found - below
    # within ties positions are uniform, and no two share a slot
    assert stats.kstest((place / ties).ravel(), "uniform").pvalue > 1e-3
    slots = np.sort(np.floor(21 * found.astype(float) + 1e-4), axis=1)
    np.testing.assert_array_equal(slots, np.broadcast_to(np.arange(21), slots.shape))


def test_ties_of_continuous_values_are_broken_at_random() -> None:
    found = positions(np.zeros((4000, 3)), False, np.random.default_rng(0))
    assert stats.kstest(found[:, 0], "uniform").pvalue > 1e-3


def test_sums_by_code() -> None:
    values = np.arange(8.0).reshape(4, 2)
    np.testing.assert_array_equal(
        sum_by(np.array([2, 0, 2, 0]), 4, values), [[8, 10], [0, 0], [4, 6], [0, 0]]
    )


@pytest.mark.parametrize("case", FAMILIES, ids=lambda case: case.name)
@pytest.mark.parametrize("estimand", ["conditional", "population"])
def test_residuals_of_every_family(case: FamilyCase, estimand: str) -> None:
    fit = ilk.fit(f"{case.left} ~ x + (1 | g)", table(), **case.keywords)
    fitted = fit.fitted
    found = simulate_rows(fitted, estimand, observations(fitted, 60, 0), 60, 3)
    assert found.draws == 60
    assert np.all((found.residuals > 0) & (found.residuals < 1))
    np.testing.assert_array_equal(found.responses[:, 0], fitted.design.response.y)
    # every row is a permutation of the slots, so all positions together are uniform
    assert stats.kstest(found.residuals.ravel(), "uniform").pvalue > 1e-3
    again = simulate_rows(fitted, estimand, observations(fitted, 60, 0), 60, 3)
    np.testing.assert_array_equal(found.residuals, again.residuals)
    assert np.any(simulate_rows(fitted, estimand, found.rows, 60, 4).residuals != found.residuals)


def test_conditional_data_sets_share_their_clusters() -> None:
    fit = fit_of("binary")
    rows = observations(fit.fitted, 100, 0)
    codes = fit.fitted.design.terms[0].grouping.codes
    spread = {}
    for estimand in ("conditional", "population"):
        found = simulate_rows(fit.fitted, estimand, rows, 100, 0)
        totals = found.summed(codes, 40)[:, 1:]
        spread[estimand] = totals.var(axis=1).mean()
    assert spread["population"] > 1.5 * spread["conditional"]


def test_effects_of_rows_come_anew_in_conditional_data_sets() -> None:
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(30), 20)
    y = rng.poisson(np.exp(1.0 + 0.5 * rng.normal(size=30)[g] + 0.6 * rng.normal(size=600)))
    fit = ilk.fit("y ~ 1 + (1 | g) + olre()", {"y": y, "g": g}, family="poisson")
    found = simulate_rows(fit.fitted, "conditional", np.arange(600), 100, 0)
    assert found.fresh
    variance = found.responses[:, 1:].var(axis=1)
    assert np.median(variance / found.responses[:, 1:].mean(axis=1)) > 1.5
    checks = fit.check(("uniformity", "dispersion", "zeros"))
    assert checks.verdict == "ok"
    wrong = ilk.fit("y ~ 1 + (1 | g)", {"y": y, "g": g}, family="poisson")
    assert wrong.check("dispersion").verdict == "problem"
    assert not simulate_rows(wrong.fitted, "conditional", np.arange(600), 20, 0).fresh


def test_frequency_weights_are_observations() -> None:
    data = pd.DataFrame({"y": [0, 1, 2, 3, 1], "x": [0, 1, 0, 1, 1], "w": [3, 1, 2, 1, 4]})
    fit = ilk.fit("y ~ x", data, family="poisson", frequency_weights="w")
    long = data.loc[data.index.repeat(data.w)]
    same = ilk.fit("y ~ x", long, family="poisson")
    rows = observations(fit.fitted, 50, 0)
    np.testing.assert_array_equal(rows, [0, 0, 0, 1, 2, 2, 3, 4, 4, 4, 4])
    one = simulate_rows(fit.fitted, "population", rows, 50, 0)
    other = simulate_rows(same.fitted, "population", np.arange(11), 50, 0)
    np.testing.assert_array_equal(one.responses, other.responses)


def test_very_large_data_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CELLS", 5000)
    rows = observations(fit_of("binary").fitted, 49, 0)
    assert len(rows) == 100
    assert np.all(np.diff(rows) > 0)
    assert CELLS > 10_000 * 251


def test_residuals_are_uniform_over_data_sets_of_the_true_model() -> None:
    # parameters at their true values by a large data set; conditional draws given small clusters
    rng = np.random.default_rng(8)
    g = np.repeat(np.arange(2000), 3)
    y = (rng.random(6000) < 1 / (1 + np.exp(-1.5 * rng.normal(size=2000)[g]))).astype(float)
    fit = ilk.fit("y ~ 1 + (1 | g)", {"y": y, "g": g}, family="binomial", quadrature=9)
    found = simulate_rows(fit.fitted, "conditional", np.arange(6000), 50, 0)
    assert stats.kstest(found.residuals[:, 0], "uniform").pvalue > 1e-3
    # within clusters residuals around the draw are independent
    z = found.residuals[:, 0].reshape(2000, 3)
    assert abs(np.corrcoef(z[:, 0], z[:, 1])[0, 1]) < 4 / np.sqrt(2000)


@pytest.mark.slow
def test_speed() -> None:
    rng = np.random.default_rng(0)
    g = np.repeat(np.arange(500), 20)
    y = rng.poisson(np.exp(0.5 + 0.4 * rng.normal(size=500)[g]))
    fit = ilk.fit("y ~ 1 + (1 | g)", {"y": y, "g": g}, family="poisson")
    start = time.perf_counter()
    simulate_rows(fit.fitted, "population", np.arange(10_000), 250, 0)
    assert time.perf_counter() - start < 5.0
