"""Random effects of levels: modes, conditional deviations, shrinkage."""

from __future__ import annotations

import numpy as np
import pytest
from tests.fits import data_of, fit_of

import ilk
from ilk.errors import DataError, ModelError
from ilk.prediction import random_effects


def test_a_balanced_one_way_layout_in_closed_form():
    rng = np.random.default_rng(8)
    group = np.repeat(np.arange(12), 5)
    y = 3.0 + 2.0 * rng.normal(size=12)[group] + rng.normal(size=60)
    fit = ilk.fit("y ~ 1 + (1 | g)", {"y": y, "g": group})
    s2b, s2 = fit.variance_components().variance
    weight = s2b / (s2b + s2 / 5)
    table = fit.random_effects("g")
    means = y.reshape(12, 5).mean(axis=1) - y.mean()
    np.testing.assert_allclose(table.estimate, weight * means, rtol=1e-6)
    np.testing.assert_allclose(table.std_error, np.sqrt(s2b * (1 - weight)), rtol=1e-8)
    np.testing.assert_allclose(table.shrinkage, weight, rtol=1e-8)
    assert (table.n == 5).all()
    np.testing.assert_allclose(
        table.conf_high - table.estimate, 1.959964 * table.std_error, rtol=1e-6
    )


def test_rows_and_columns():
    table = fit_of("sleepstudy").random_effects()
    assert list(table) == [
        "component",
        "group",
        "level",
        "term",
        "estimate",
        "std_error",
        "conf_low",
        "conf_high",
        "n",
        "shrinkage",
        "kind",
    ]
    assert len(table) == 36
    assert table.term[:4].tolist() == ["Intercept", "Days"] * 2
    assert table.level[0] == table.level[1] == "308"
    assert table.shrinkage.between(0.0, 1.0).all()


def test_one_group_of_several():
    fit = fit_of("ticks")
    both, one = fit.random_effects(), fit.random_effects("LOCATION")
    assert set(both.group) == {"BROOD", "LOCATION"}
    assert set(one.group) == {"LOCATION"}
    assert len(both) == sum(len(t.levels) for t in random_effects(fit.fitted))


def test_an_unknown_group_gets_the_nearest():
    with pytest.raises(DataError, match="Did you mean 'LOCATION'"):
        fit_of("ticks").random_effects("LOCATIONS")
    with pytest.raises(DataError, match="no random effects"):
        ilk.fit("y ~ x", data_of("gamma")).random_effects("g")


def test_zero_variance_shrinks_all_the_way():
    table = fit_of("dyestuff2").random_effects()
    assert (table.estimate == 0.0).all()
    assert (table.std_error == 0.0).all()
    assert (table.shrinkage == 0.0).all()


def test_frequency_weights_count():
    data = data_of("gamma").assign(w=2.0)
    fit = ilk.fit("y ~ x + (1 | g)", data, family="gamma", link="log", frequency_weights="w")
    assert (fit.random_effects().n == 16).all()


def test_levels_keep_their_type_unless_mixed():
    assert fit_of("binary").random_effects().level.dtype.kind == "i"
    data = data_of("binary").assign(h=lambda d: [f"h{i % 7}" for i in range(len(d))])
    fit = ilk.fit("y ~ x + (1 | g) + (1 | h)", data, family="binomial")
    assert all(isinstance(level, str) for level in fit.random_effects().level)


def test_full_uncertainty_of_a_balanced_layout():
    """Prediction error variance of the one-way layout: the mean's variance comes on top."""
    rng = np.random.default_rng(8)
    n, groups = 5, 12
    group = np.repeat(np.arange(groups), n)
    y = 3.0 + 2.0 * rng.normal(size=groups)[group] + rng.normal(size=n * groups)
    fit = ilk.fit("y ~ 1 + (1 | g)", {"y": y, "g": group})
    s2b, s2 = fit.variance_components().variance
    weight = s2b / (s2b + s2 / n)
    held = fit.random_effects().std_error.to_numpy()
    full = fit.random_effects(uncertainty="full").std_error.to_numpy()
    mean_variance = (s2b + s2 / n) / groups
    fitted = fit.fitted
    slope = fitted.mode_sensitivity()[:, 1:]
    by_variances = np.einsum("ij,jk,ik->i", slope, fitted.psi_covariance()[1:, 1:], slope)
    np.testing.assert_allclose(
        full**2, held**2 + weight**2 * mean_variance + by_variances, rtol=1e-6
    )
    assert (by_variances > 0).all()


def test_choices_are_checked():
    fit = fit_of("sleepstudy")
    with pytest.raises(ModelError, match="estimate='median'"):
        fit.random_effects(estimate="median")
    with pytest.raises(ModelError, match="uncertainty='all'"):
        fit.random_effects(uncertainty="all")


def test_means_are_pulled_toward_the_longer_tail():
    fit = fit_of("binary")
    modes = fit.random_effects()
    means = fit.random_effects(estimate="mean", uncertainty="full")
    assert not np.allclose(modes.estimate, means.estimate, atol=1e-3)
    assert np.corrcoef(modes.estimate, means.estimate)[0, 1] > 0.99
    assert means.shrinkage.between(0, 1).all()


def test_kind_of_the_estimate_is_a_column():
    fit = fit_of("binary")
    assert set(fit.random_effects().kind) == {"mode"}
    assert set(fit.random_effects(estimate="mean").kind) == {"mean"}
