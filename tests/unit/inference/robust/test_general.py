"""Scores and informations of clusters of generalized linear mixed models, and the sandwich."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from tests.fits import fit_of

import ilk
from ilk.design.resample import resample
from ilk.errors import FitError
from ilk.estimation.run import refit_rows
from ilk.inference.robust.covariance import robust_covariance
from ilk.inference.robust.general import general_sums
from ilk.inference.robust.units import independent_units
from ilk.likelihood.base import Search
from ilk.num.differences import jacobian


def counts(clusters=60, seed=5, *, overdispersed=False):
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(clusters), rng.integers(4, 12, clusters))
    x, z = rng.normal(size=len(g)), rng.normal(size=clusters)[g]
    mean = np.exp(0.2 + 0.4 * x + 0.3 * z + 0.6 * rng.normal(size=clusters)[g])
    mean *= rng.gamma(2.0, 0.5, len(g)) if overdispersed else 1.0
    return pd.DataFrame({"y": rng.poisson(mean), "x": x, "z": z, "g": g})


def sums_of(fitted):
    (unit,) = independent_units(fitted.design)
    return general_sums(fitted, unit.codes, unit.count, np.ones(unit.count))


NAMES = ("cbpp", "gamma", "salamanders", "binary")


@pytest.mark.parametrize("name", NAMES)
def test_the_parts_sum_to_the_whole(name):
    """Scores sum to zero; informations to that of the model, which is the identity here."""
    sums = sums_of(fit_of(name).fitted)
    assert np.max(np.abs(sums.scores.sum(axis=0))) < 2e-3
    K = sums.informations()
    np.testing.assert_allclose(K.sum(axis=0), np.eye(K.shape[1]), atol=2e-3)


def test_scores_by_integration():
    """Poisson, random intercept: differences of each cluster's integral on a fine grid."""
    data = counts(12)
    fitted = ilk.fit("y ~ x + (1 | g)", data, family="poisson", quadrature=25).fitted
    u, step = np.linspace(-9.0, 9.0, 3001, retstep=True)
    w = step * np.exp(-0.5 * u**2) / np.sqrt(2.0 * np.pi)
    y, x, g = (data[name].to_numpy() for name in ("y", "x", "g"))

    def logs(psi):
        eta = psi[0] + psi[1] * x[:, None] + psi[2] * u
        rows = y[:, None] * eta - np.exp(eta)
        total = np.array([rows[g == k].sum(axis=0) for k in range(12)])
        top = total.max(axis=1, keepdims=True)
        return (top + np.log(np.exp(total - top) @ w)[:, None])[:, 0]

    scores = jacobian(logs, fitted.estimates.psi, 1e-3)
    root = np.linalg.cholesky(fitted.psi_covariance())
    sums = sums_of(fitted)
    effects = sums.scores @ sums.root.T  # in coefficients, whatever the root
    np.testing.assert_allclose(effects, scores @ root @ root[:2].T, atol=2e-6)
    covariance = fitted.psi_covariance()
    sandwich = (covariance @ scores.T @ scores @ covariance)[:2, :2]
    np.testing.assert_allclose(robust_covariance(fitted, "CR0").matrix, sandwich, rtol=2e-4)
    larger = robust_covariance(fitted, "CR1").matrix
    np.testing.assert_allclose(larger, 12 / 11 * sandwich, rtol=2e-4)


def jackknife(data, fitted):
    """Standard errors from fits without each cluster."""
    g = data.g.to_numpy()
    coefs = []
    for k in np.unique(g):
        rest = np.flatnonzero(g != k)
        design = resample(fitted.design, rest, np.zeros(len(rest), dtype=int))
        coefs.append(refit_rows(fitted, design, Search(tolerance=1e-12)).coef)
    return np.sqrt(np.sum((np.array(coefs) - fitted.coef) ** 2, axis=0))


def test_the_jackknife():
    """CR3 is a Newton step of it: the error falls with the square of the number of clusters."""
    errors = []
    for clusters in (50, 200):
        data = counts(clusters)
        fitted = ilk.fit("y ~ x + z + (1 | g)", data, family="poisson").fitted
        ratio = np.sqrt(np.diag(robust_covariance(fitted, "CR3").matrix)) / jackknife(data, fitted)
        errors.append(np.max(np.abs(ratio - 1.0)))
    assert errors[0] < 0.1
    assert errors[1] < 0.012


def test_order_of_the_kinds():
    fitted = fit_of("gamma").fitted
    sizes = [np.diag(robust_covariance(fitted, k).matrix) for k in ("CR0", "CR2", "CR3")]
    assert np.all(np.diff(sizes, axis=0) > 0.0)


@pytest.mark.parametrize("family", ["poisson", "negative_binomial_2"])
@pytest.mark.parametrize("kind", ["CR0", "CR2"])
def test_frequency_weights_are_rows(family, kind):
    data = counts(overdispersed=True)
    times = np.random.default_rng(1).integers(1, 3, len(data))
    weighted = ilk.fit("y ~ x + (1 | g)", data, family=family, frequency_weights=times).fitted
    written_out = ilk.fit("y ~ x + (1 | g)", data.loc[data.index.repeat(times)], family=family)
    a, b = robust_covariance(weighted, kind), robust_covariance(written_out.fitted, kind)
    np.testing.assert_allclose(a.matrix, b.matrix, rtol=2e-3)
    np.testing.assert_allclose(a.coefficient_df(), b.coefficient_df(), rtol=2e-3)


@pytest.mark.parametrize("family", ["poisson", "negative_binomial_2"])
def test_without_random_terms(family):
    """Rows are the clusters, and a row of weight two is two of them."""
    data = counts(overdispersed=True)
    times = np.random.default_rng(1).integers(1, 3, len(data))
    weighted = ilk.fit("y ~ x", data, family=family, frequency_weights=times).fitted
    written_out = ilk.fit("y ~ x", data.loc[data.index.repeat(times)], family=family).fitted
    for kind in ("CR0", "CR1", "CR2", "CR3"):
        a, b = robust_covariance(weighted, kind), robust_covariance(written_out, kind)
        np.testing.assert_allclose(a.matrix, b.matrix, rtol=1e-3)
        np.testing.assert_allclose(a.coefficient_df(), b.coefficient_df(), rtol=1e-3)


def test_clusters_without_random_terms():
    """The sandwich of a generalized linear model."""
    data = counts()
    plain = ilk.fit("y ~ x + z", data, family="poisson").fitted
    by_g = robust_covariance(plain, "CR0", data.g).matrix
    X = plain.design.fixed[0].X
    rows = X * (data.y.to_numpy() - plain.mean)[:, None]
    scores = np.array([rows[data.g == k].sum(axis=0) for k in range(60)])
    bread = np.linalg.inv(X.T @ (plain.mean[:, None] * X))
    np.testing.assert_allclose(by_g, bread @ scores.T @ scores @ bread, rtol=1e-5)


def test_crossed_clusters_without_random_terms():
    """All pairs of rows that share a cluster of either factor."""
    data = counts(40)
    rng = np.random.default_rng(2)
    data["t"] = rng.integers(0, 30, len(data))
    fitted = ilk.fit("y ~ x", data, family="poisson").fitted
    X = fitted.design.fixed[0].X
    effects = X * (data.y.to_numpy() - fitted.mean)[:, None]
    effects = effects @ np.linalg.inv(X.T @ (fitted.mean[:, None] * X))
    g, t = data.g.to_numpy(), data.t.to_numpy()
    shared = (g[:, None] == g) | (t[:, None] == t)
    found = robust_covariance(fitted, "CR0", [data.g, data.t])
    np.testing.assert_allclose(found.matrix, effects.T @ shared @ effects, rtol=1e-5)


def test_a_fit_that_is_no_optimum():
    fitted = fit_of("cbpp").fitted
    point = replace(fitted.point, beta=fitted.point.beta + 0.3)
    (unit,) = independent_units(fitted.design)
    with pytest.raises(FitError, match="do not sum to zero"):
        general_sums(replace(fitted, point=point), unit.codes, unit.count, np.ones(unit.count))


def test_the_estimator_sees_what_the_model_leaves_out():
    """Counts with slopes that vary and are not modelled."""
    rng = np.random.default_rng(12)
    g = np.repeat(np.arange(80), 10)
    x = rng.normal(size=800)
    mean = np.exp(0.5 + x * (0.2 + 0.5 * rng.normal(size=80)[g]) + 0.4 * rng.normal(size=80)[g])
    data = pd.DataFrame({"y": rng.poisson(mean), "x": x, "g": g})
    wrong = ilk.fit("y ~ x + (1 | g)", data, family="poisson")
    right = ilk.fit("y ~ x + (x | g)", data, family="poisson")
    robust = np.sqrt(wrong.cov_with("CR2").matrix[1, 1])
    assert wrong.std_errors["x"] < 0.5 * robust
    assert robust > 0.75 * right.std_errors["x"]
