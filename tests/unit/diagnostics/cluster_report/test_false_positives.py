"""Tests without an effect: rates, repeatability, failures."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.diagnostics.cluster_report import cluster_report
from ilk.errors import ModelError


def frame(clusters: int = 30, rows: int = 8, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(clusters), rows)
    t = np.tile(np.linspace(-1.0, 1.0, rows), clusters)
    arm = (np.arange(clusters) % 2)[g].astype(float)
    y = 3.0 * arm + t + rng.normal(size=clusters)[g] + rng.normal(size=len(g))
    return pd.DataFrame({"g": g, "t": t, "arm": arm, "y": y})


@pytest.mark.slow
def test_rates_are_those_of_the_theory() -> None:
    """Balanced linear model: the naive z of a between covariate has variance d, the design effect.

    With d = 1 + (m - 1) rho the test that ignores clusters rejects with probability
    2 Phi(-1.96 / sqrt(d)); that of a covariate within clusters is conservative.
    """
    fit = ilk.fit("y ~ arm + t + (1 | g)", frame()).fitted
    report = cluster_report(fit, simulate=200, seed=1)
    found = report.false_positives
    assert found is not None
    rate = dict(zip(zip(found.terms, found.methods, strict=True), found.rate, strict=True))
    d = report.places.expected
    for j, term in ((1, "arm"), (2, "t")):
        expected = math.erfc(1.96 / math.sqrt(2.0 * d[j]))
        error = math.sqrt(expected * (1.0 - expected) / 200)
        assert rate[term, "ignoring clusters"] == pytest.approx(expected, abs=3.5 * error + 0.01)
        for method in ("cluster-robust", "GEE", "mixed model"):
            assert 0.015 < rate[term, method] < 0.1
    assert rate["arm", "ignoring clusters"] > 0.35
    assert rate["t", "ignoring clusters"] < 0.03
    assert np.all(found.failed == 0)
    assert np.all((found.conf_low <= found.rate) & (found.rate <= found.conf_high))


def test_draws_depend_on_seed_and_coefficient_alone() -> None:
    fit = ilk.fit("y ~ arm + t + (1 | g)", frame()).fitted

    def run(**options: object) -> object:
        return cluster_report(fit, simulate=30, **options).false_positives  # type: ignore[arg-type]

    both, one = run(seed=3), run(seed=3, terms="t")
    np.testing.assert_array_equal(both.rate[4:], one.rate)  # type: ignore[attr-defined]
    again = run(seed=both.seed, n_jobs=2)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(both.rate, again.rate)  # type: ignore[attr-defined]


@pytest.mark.slow
def test_other_processes() -> None:
    joblib = pytest.importorskip("joblib")
    data = frame()
    fit = ilk.fit("y ~ arm + t", data).fitted
    labels = data["g"].rename("a school")
    here = cluster_report(fit, labels, simulate=6, seed=3, terms="t").false_positives
    with joblib.parallel_config("loky", n_jobs=2):
        there = cluster_report(
            fit, labels, simulate=6, seed=3, terms="t", n_jobs=None
        ).false_positives
    np.testing.assert_array_equal(here.rate, there.rate)  # type: ignore[union-attr]


def test_methods_that_fail_are_counted() -> None:
    """Rare events: in some draws one arm has none, and the test of its effect does not exist."""
    data = frame(12, 5)
    data["b"] = (np.arange(60) % 15 == 0) | ((data.arm > 0) & (np.arange(60) % 9 == 0))
    fit = ilk.fit("b ~ arm + (1 | g)", data, family="binomial").fitted
    found = cluster_report(fit, simulate=60, seed=1, terms="arm").false_positives
    assert found is not None
    assert found.failed.sum() > 0
    np.testing.assert_array_equal(found.draws + found.failed, 60)
    assert np.all(np.isfinite(found.rate))


def test_weights_that_stand_for_rows_are_refused() -> None:
    data = frame().assign(w=2)
    fit = ilk.fit("y ~ arm + (1 | g)", data, frequency_weights="w").fitted
    assert cluster_report(fit).false_positives is None
    with pytest.raises(ModelError, match="frequency weights"):
        cluster_report(fit, simulate=10)


def test_means_that_cannot_be_are_one_sentence() -> None:
    """The identity link lets drawn random effects make means of counts negative."""
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(60), 6)
    mean = np.maximum(3.0 + 1.3 * rng.normal(size=60), 0.3)[g]
    data = {"g": g, "x": np.arange(360) % 2, "y": rng.poisson(mean)}
    fit = ilk.fit("y ~ x + (1 | g)", data, family="poisson", link="identity").fitted
    with pytest.raises(ModelError, match=r"mean"):
        cluster_report(fit, simulate=30, seed=1)
