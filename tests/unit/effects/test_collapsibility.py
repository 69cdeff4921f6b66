"""Whether coefficients collapse: the verdict, its numbers, and the inequalities behind it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fits import FITS, data_of, fit_of

import ilk
from ilk.effects import marginal_coefficients
from ilk.effects.collapsibility import collapsibility
from ilk.effects.marginal_coefficients import population_rows
from ilk.effects.population_predictor import population_predictor
from ilk.family.link import Cloglog, Logit, Probit, Sqrt


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("sleepstudy", "collapsible"),
        ("penicillin", "collapsible"),
        ("dyestuff2", "collapsible"),
        ("cbpp", "attenuated"),
        ("binary", "attenuated"),
        ("ticks", "slopes_collapse"),
        ("salamanders", "slopes_collapse"),
        ("gamma", "depends_on_covariates"),
    ],
)
def test_kinds(name, kind):
    found = collapsibility(fit_of(name).fitted)
    assert found.kind == kind
    assert found.reason.endswith(".")


def test_every_kind_tells_the_truth():
    """Each verdict against population predictors computed row by row."""
    for name in FITS:
        fitted = fit_of(name).fitted
        found = collapsibility(fitted)
        averaged, eta = population_rows(fitted)
        difference = averaged.value - eta
        if found.kind == "collapsible":
            np.testing.assert_array_equal(difference, 0.0)
        elif found.kind == "slopes_collapse":
            np.testing.assert_allclose(difference, found.shift, rtol=1e-12)
        elif found.kind == "attenuated":
            assert np.all((averaged.by_eta[0] > 0.0) & (averaged.by_eta[0] < 1.0))
            assert found.factor == pytest.approx(np.median(averaged.by_eta[0]), rel=0.02)
        else:
            assert np.ptp(difference) > 1e-6


@pytest.mark.parametrize("link", [Logit(), Probit(), Cloglog()], ids=lambda link: link.name)
@given(
    eta=st.lists(st.floats(-12, 6), min_size=1, max_size=8),
    v=st.floats(1e-3, 40.0),
    step=st.floats(0.01, 3.0),
)
@settings(max_examples=60, deadline=None)
def test_probabilities_are_always_attenuated(link, eta, v, step):
    """Population effects of one and the same change: same sign, smaller, whatever the data."""
    at = np.array(eta)
    variance = np.full_like(at, v)
    found = population_predictor(link, at, variance)
    assert np.all(found.by_eta[0] > 0.0)
    assert np.all(found.by_eta[0] <= 1.0 + 1e-9)
    moved = population_predictor(link, at + step, variance).value
    assert np.all(moved > found.value)
    assert np.all(moved - found.value <= step * (1.0 + 1e-9))


@pytest.mark.parametrize("seed", range(6))
def test_attenuation_on_data(seed):
    """Logit with random intercepts: pointwise attenuation, and of a single covariate's coefficient.

    With several covariates only the pointwise statement is guaranteed, for least squares on the
    population's predictor may share a curve among them.
    """
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(30), 8)
    x = rng.normal(size=240)
    eta = rng.normal() + 1.2 * x + rng.normal(scale=1.5, size=30)[group]
    y = (rng.random(240) < 1.0 / (1.0 + np.exp(-eta))).astype(int)
    data = pd.DataFrame({"y": y, "x": x, "g": group})
    fit = ilk.fit("y ~ x + (1 | g)", data, family="binomial")
    averaged, _ = population_rows(fit.fitted)
    assert np.all(averaged.by_eta[0] < 1.0)
    found = marginal_coefficients(fit.fitted)
    assert abs(found.estimate[1]) < abs(found.conditional[1])
    assert np.sign(found.estimate[1]) == np.sign(found.conditional[1])


def test_random_slopes_under_the_logit():
    data = data_of("binary")
    fit = ilk.fit("y ~ x + sex + (1 + x | g)", data, family="binomial")
    found = collapsibility(fit.fitted)
    assert found.kind == "depends_on_covariates"
    assert found.slopes == ("x",)
    assert 0.0 < found.factor < 1.0
    assert "those of x depend" in found.reason


def test_random_slopes_whose_variance_does_not_vary():
    """(0 + sex | g) with one variance for all columns is a constant variance."""
    rng = np.random.default_rng(1)
    data = data_of("gamma").assign(s=rng.choice(["a", "b"], 192))
    fit = ilk.fit("y ~ x + identity(0 + s | g)", data, family="gamma", link="log")
    found = collapsibility(fit.fitted)
    assert found.kind == "slopes_collapse"
    assert found.shift == pytest.approx(0.5 * fit.fitted.estimates.covariances[0][0, 0])


def test_other_links():
    assert np.all(population_predictor(Sqrt(), np.ones(2), np.ones(2)).by_eta[0] < 1.0)
    data = data_of("gamma").assign(n=lambda d: np.round(3 * d.y))
    fit = ilk.fit("n ~ x + (1 | g)", data, family="poisson", link="sqrt")
    assert collapsibility(fit.fitted).kind == "depends_on_covariates"
    inverse = ilk.fit("y ~ 1 + (1 | g)", data.assign(y=data.y + 2), family="gamma", link="inverse")
    if np.any(inverse.fitted.estimates.covariances[0]):
        found = collapsibility(inverse.fitted)
        assert found.kind == "no_population_mean"
        assert "in one cluster only" in inverse.summary().text


def test_random_effects_of_other_predictors():
    """Of the dispersion they do not touch the mean; of the zero inflation they are logits."""
    rng = np.random.default_rng(8)
    group = np.repeat(np.arange(40), 20)
    zero = rng.random(800) < 1.0 / (1.0 + np.exp(-rng.normal(scale=1.2, size=40)[group]))
    data = pd.DataFrame({"n": np.where(zero, 0, rng.poisson(4.0, 800)), "g": group})
    fit = ilk.fit("n ~ 1", data, family="poisson", zero_inflation="~ 1 + (1 | g)")
    assert collapsibility(fit.fitted).kind == "collapsible"
    found = collapsibility(fit.fitted, "zero_inflation")
    assert found.kind in ("attenuated", "collapsible")
    assert "marginal_coefficients" not in found.reason
    tables = {table.title: table for table in fit.summary().tables}
    assert tables["Coefficients of the mean"].notes == ()
    assert "random effects held" in tables["Coefficients of the logit of an excess zero"].notes[0]

    ranges = ilk.fit("y ~ x", data_of("gamma"), family="gamma", dispersion="~ 1 + (1 | g)")
    found = collapsibility(ranges.fitted, "dispersion")
    assert found.kind in ("slopes_collapse", "collapsible")


def test_models_without_random_effects():
    fit = ilk.fit("y ~ x", data_of("gamma"))
    assert collapsibility(fit.fitted).kind == "collapsible"
    assert marginal_coefficients(fit.fitted).attenuation == pytest.approx(1.0)


def test_frequency_weights_count():
    data = data_of("binary")
    weights = np.resize([1, 1, 5], len(data))
    weighted = ilk.fit("y ~ x + (1 | g)", data, family="binomial", frequency_weights=weights)
    repeated = ilk.fit("y ~ x + (1 | g)", data.loc[data.index.repeat(weights)], family="binomial")
    a, b = (collapsibility(fit.fitted).factor for fit in (weighted, repeated))
    assert a == pytest.approx(b, rel=1e-4)
