"""Averages of means: values, derivatives and variances against independent computations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm
from tests.fits import data_of, fit_of

import ilk
from ilk.effects.average import Averages, average_means, covariance, row_means, stack, variance
from ilk.prediction import predict, training_cases

NAMES = ["cbpp", "gamma", "binary", "penicillin", "ticks", "salamanders", "sleepstudy", "weighted"]


def at(fitted, psi):
    """The fit at other parameters, modes as they were."""
    covariances = fitted.covariances_at(psi)
    return replace(fitted, estimates=replace(fitted.estimates, psi=psi, covariances=covariances))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("estimand", ["population", "typical"])
def test_gradient_is_that_of_differences(name, estimand):
    fitted = fit_of(name).fitted
    cases = training_cases(fitted)
    rng = np.random.default_rng(1)
    weights, groups = rng.random(cases.rows), rng.integers(-1, 3, cases.rows)
    found = average_means(fitted, cases, estimand=estimand, weights=weights, groups=groups, count=3)

    def values(psi):
        means = predict(at(fitted, psi), cases, estimand=estimand).estimate
        return [np.average(means[groups == g], weights=weights[groups == g]) for g in range(3)]

    np.testing.assert_allclose(found.value, values(fitted.estimates.psi), rtol=1e-12)
    for j, center in enumerate(fitted.estimates.psi):
        step = 1e-4 * max(1.0, abs(center))
        moved = []
        for shift in (step, -step):
            psi = fitted.estimates.psi.copy()
            psi[j] += shift
            moved.append(values(psi))
        slope = (np.array(moved[0]) - moved[1]) / (2 * step)
        np.testing.assert_allclose(found.gradient[:, j], slope, rtol=2e-6, atol=1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_rows_by_themselves_have_the_errors_of_predict(name):
    fitted = fit_of(name).fitted
    cases = training_cases(fitted)
    rows = np.arange(cases.rows)
    for estimand in ("conditional", "population"):
        one = predict(fitted, cases, estimand=estimand, interval="confidence")
        found = average_means(fitted, cases, estimand=estimand, groups=rows, count=len(rows))
        np.testing.assert_allclose(found.value, one.estimate, rtol=1e-12)
        np.testing.assert_allclose(np.sqrt(variance(fitted, found)), one.std_error, rtol=1e-8)


@pytest.mark.parametrize("name", ["cbpp", "penicillin", "gamma", "ticks"])
def test_conditional_averages_count_what_rows_share(name):
    """The whole covariance matrix of rows, made densely, averaged on both sides."""
    fitted = fit_of(name).fitted
    cases = training_cases(fitted)
    n = cases.rows
    rows = average_means(fitted, cases, estimand="conditional", groups=np.arange(n), count=n)
    U = sum(modes.size for modes in fitted.estimates.modes)
    C = fitted.conditional_solve(np.eye(U))
    V = fitted.psi_covariance()
    dense = rows.gradient @ V @ rows.gradient.T + rows.effects.T @ C @ rows.effects
    weights = np.random.default_rng(2).random(n)
    one = average_means(fitted, cases, estimand="conditional", weights=weights)
    share = weights / weights.sum()
    assert variance(fitted, one)[0] == pytest.approx(share @ dense @ share, rel=1e-8)
    naive = share**2 @ np.diag(dense)
    assert naive < 0.7 * variance(fitted, one)[0]  # rows are not independent


def test_population_mean_is_the_integral():
    """Each row by adaptive quadrature, two crossed factors and a slope, to 1e-10 relative."""
    rng = np.random.default_rng(5)
    n = 240
    frame = {
        "x": rng.normal(size=n), "a": rng.integers(12, size=n), "b": rng.integers(8, size=n),
    }  # fmt: skip
    eta = 0.5 * frame["x"] + rng.normal(size=12)[frame["a"]] + 0.8 * rng.normal(size=8)[frame["b"]]
    frame["y"] = (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(int)
    fit = ilk.fit("y ~ x + (1 + x | a) + (1 | b)", frame, family="binomial")
    fitted = fit.fitted
    cases = training_cases(fitted)
    found = average_means(fitted, cases, estimand="population")
    G, H = fitted.estimates.covariances
    total = 0.0
    for i in range(n):
        z = np.array([1.0, frame["x"][i]])
        sd = np.sqrt(z @ G @ z + H[0, 0])
        center = cases.X[0][i] @ fitted.coef
        total += quad(
            lambda u, c=center, s=sd: norm.pdf(u) / (1 + np.exp(-(c + s * u))),
            -12, 12, epsabs=1e-14, epsrel=1e-13, limit=200,
        )[0]  # fmt: skip
    assert found.value[0] == pytest.approx(total / n, rel=1e-10)


def test_rates_divide_by_the_exposure():
    fitted = fit_of("gamma").fitted
    cases = training_cases(fitted)
    exposure = np.random.default_rng(3).random(cases.rows) + 0.5
    found = average_means(fitted, cases, estimand="typical", measured=exposure)
    means = row_means(fitted, cases, estimand="typical").means.value
    assert found.value[0] == pytest.approx(means.sum() / exposure.sum(), rel=1e-13)


def test_covariance_agrees_with_variances_of_combinations():
    fitted = fit_of("cbpp").fitted
    cases = training_cases(fitted)
    groups = np.arange(cases.rows) % 3
    for estimand in ("conditional", "population"):
        found = average_means(fitted, cases, estimand=estimand, groups=groups, count=3)
        joint = covariance(fitted, found)
        C = np.array([[1.0, -1.0, 0.0], [0.2, 0.3, 0.5]])
        np.testing.assert_allclose(
            variance(fitted, found.combined(C)), np.diag(C @ joint @ C.T), rtol=1e-9
        )
        both = stack([found, found])
        assert len(both) == 6
        np.testing.assert_array_equal(both.take(np.array([4])).value, found.value[1:2])


def test_an_empty_group_is_nan():
    fitted = fit_of("cbpp").fitted
    cases = training_cases(fitted)
    found = average_means(
        fitted, cases, estimand="population", groups=np.zeros(cases.rows, dtype=int), count=2
    )
    assert np.isnan(found.value[1])
    assert np.isfinite(variance(fitted, found)[0])
    assert np.isnan(variance(fitted, found)[1])


def test_no_matrix_of_rows_and_parameters_is_needed():
    """The gradient of many rows takes the memory of a few columns."""
    import tracemalloc

    data = data_of("binary")
    fit = fit_of("binary")
    large = {name: np.tile(data[name].to_numpy(), 400) for name in ("x", "sex", "g")}
    cases = ilk.prediction.new_cases(fit.fitted, large, "population").cases
    tracemalloc.start()
    average_means(fit.fitted, cases, estimand="population")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * 8 * cases.rows + 4e7


def test_combination_keeps_its_value():
    means = Averages(np.array([0.2, 0.5]), np.eye(2), np.array([3.0, 4.0]))
    ratio = means.combined(np.array([[1.0, -2.0]]), np.array([7.0]))
    assert ratio.value[0] == 7.0
    assert ratio.weight[0] == 4.0
