"""The cluster bootstrap: what is drawn, what is refitted, what is counted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.fits import fit_of

import ilk
from ilk.design.resample import resample
from ilk.errors import FitError, ModelError
from ilk.estimation.run import refit_rows
from ilk.inference.bootstrap.clusters import resampled_counts, resampled_unit
from ilk.inference.bootstrap.engine import bootstrap


def cluster_bootstrap(fitted, statistic, **options):
    return bootstrap(fitted, statistic, kind="cluster", **options)


def coefficients(fitted):
    return fitted.coef


@pytest.mark.parametrize("name", ["cbpp", "sleepstudy", "gamma", "salamanders", "weighted"])
def test_the_same_rows_give_the_same_fit(name):
    fitted = fit_of(name).fitted
    n = fitted.model.rows
    same = resample(fitted.design, np.arange(n), np.zeros(n, dtype=int))
    again = refit_rows(fitted, same)
    assert again.loglik == pytest.approx(fitted.loglik, abs=1e-6)
    np.testing.assert_allclose(again.coef, fitted.coef, rtol=1e-3, atol=1e-4)


def test_a_copy_is_a_cluster_of_its_own():
    """Twice the data as new clusters: twice the log-likelihood, and standard errors by root 2."""
    fitted = fit_of("cbpp").fitted
    n = fitted.model.rows
    twice = resample(fitted.design, np.tile(np.arange(n), 2), np.repeat([0, 1], n))
    again = refit_rows(fitted, twice)
    assert again.loglik == pytest.approx(2 * fitted.loglik, abs=1e-5)
    np.testing.assert_allclose(
        np.sqrt(np.diag(again.vcov)), np.sqrt(np.diag(fitted.vcov) / 2), rtol=1e-3
    )
    assert len(twice.terms[0].grouping.levels) == 30
    np.testing.assert_array_equal(twice.rows.kept, np.tile(fitted.design.rows.kept, 2))


def test_inner_levels_follow():
    data = pd.DataFrame(
        {
            "y": np.random.default_rng(1).normal(size=96),
            "outer": np.repeat(np.arange(8), 12),
            "inner": np.repeat(np.arange(24), 4),
        }
    )
    fitted = ilk.fit("y ~ 1 + (1 | outer / inner)", data).fitted
    counts = []

    def statistic(again):
        times = resampled_counts(fitted, again)
        counts.append(times)
        by_outer = {again.design.terms[0].grouping.name: again.design.terms[0].grouping}
        assert len(by_outer) == 1
        sizes = [len(term.grouping.levels) for term in again.design.terms]
        return np.array(sizes, dtype=float)

    found = cluster_bootstrap(fitted, statistic, draws=8, seed=1)
    assert set(map(tuple, found.values)) == {(8.0, 24.0)}
    for times in counts[
        1:
    ]:  # the first is of the fit itself; all rows of a cluster are drawn together
        assert times.sum() == 96
        np.testing.assert_array_equal(times.reshape(8, 12), np.repeat(times[::12, None], 12, 1))
    assert (found.unit, found.units, found.failed) == ("outer", 8, 0)


def test_standard_errors_are_close_to_those_of_the_model():
    fit = fit_of("sleepstudy")
    found = cluster_bootstrap(fit.fitted, coefficients, draws=150, seed=2)
    np.testing.assert_allclose(found.values.std(axis=0), fit.std_errors, rtol=0.25)


def test_it_can_be_repeated():
    fitted = fit_of("cbpp").fitted
    one = cluster_bootstrap(fitted, coefficients, draws=10, seed=5)
    two = cluster_bootstrap(fitted, coefficients, draws=10, seed=5, n_jobs=2)
    np.testing.assert_array_equal(one.values, two.values)
    drawn = cluster_bootstrap(fitted, coefficients, draws=4)
    again = cluster_bootstrap(fitted, coefficients, draws=4, seed=drawn.seed)
    np.testing.assert_array_equal(drawn.values, again.values)


def test_failures_are_counted_and_too_many_refused():
    """A column that one cluster alone has is lost from samples without that cluster."""
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"y": rng.normal(size=60), "g": np.repeat(np.arange(10), 6)})
    data["rare"] = ((data.g == 3) & (np.arange(60) % 2 == 0)).astype(int)
    fitted = ilk.fit("y ~ rare + (1 | g)", data).fitted
    found = cluster_bootstrap(fitted, coefficients, draws=40, seed=1)
    assert 5 < found.failed < 20
    assert len(found.values) == 40 - found.failed
    assert found.reasons == {"the sample lacks what a coefficient needs": found.failed}
    calls = []

    def lost(_):
        calls.append(1)
        return np.array([1.0 if len(calls) == 1 else np.nan])

    with pytest.raises(FitError, match="10 of 10 refits to resampled clusters"):
        cluster_bootstrap(fitted, lost, draws=10, seed=1)


def test_rows_without_random_terms_and_columns_above_the_clusters():
    data = pd.DataFrame(
        {
            "y": np.random.default_rng(4).normal(size=80),
            "g": np.repeat(np.arange(16), 5),
            "state": np.repeat(np.arange(4), 20),
        }
    )
    plain = ilk.fit("y ~ 1", data).fitted
    assert cluster_bootstrap(plain, coefficients, draws=5, seed=1).unit == "row"
    fitted = ilk.fit("y ~ state + (1 | g)", data).fitted
    assert resampled_unit(fitted, "state")[0] == "state"
    with pytest.raises(ModelError, match="no grouping factor"):
        resampled_unit(fitted, "country")
