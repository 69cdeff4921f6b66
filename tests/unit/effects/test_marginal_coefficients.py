"""Marginal coefficients: closed forms, brute force, simulation, differences, invariances."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from tests.fits import FITS, data_of, fit_of

import ilk
from ilk.effects import marginal_coefficients
from ilk.effects.population_predictor import population_predictor
from ilk.errors import FitError, ModelError
from ilk.family.link import LINKS, AbstractPlainLink, Cloglog, Interval, Log, Logit, Probit
from ilk.num import jets

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(180)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def crossed(link: str = "logit", rows: int = 900) -> pd.DataFrame:
    """Binary data of crossed groups, one of which has a slope."""
    rng = np.random.default_rng(5)
    g, h = rng.integers(0, 40, rows), rng.integers(0, 25, rows)
    x, z = rng.normal(size=rows), rng.normal(size=rows)
    eta = (
        -0.4
        + 0.9 * x
        - 0.5 * z
        + rng.normal(size=40)[g]
        + 0.7 * rng.normal(size=40)[g] * x
        + 0.8 * rng.normal(size=25)[h]
    )
    p = LINKS[link]().inverse(eta)
    return pd.DataFrame(
        {"y": (rng.random(rows) < p).astype(int), "x": x, "z": z, "g": g, "h": h, "o": 0.3 * z}
    )


def brute_force(fitted):
    """Least squares on the link of means averaged by 180 Gauss-Hermite nodes, row by row."""
    part, design = fitted.model.fitted_parts[0], fitted.design
    eta = fitted.model.linear_predictors(fitted.coef, None)[0]
    v = np.zeros(len(eta))
    for term, G in zip(design.terms, fitted.estimates.covariances, strict=True):
        if term.predictor == "mean":
            Z = np.ones((len(eta), 1)) if term.columns is None else term.columns
            v += np.einsum("ij,jk,ik->i", Z, G, Z)
    link = fitted.family.link
    mean = link.inverse(eta[:, None] + np.sqrt(v)[:, None] * NODES) @ WEIGHTS
    target = link.link(mean) - (0.0 if part.offset is None else part.offset)
    weight = np.ones(len(eta))
    if design.frequency_weights is not None:
        weight = np.sqrt(design.frequency_weights)
    return np.linalg.lstsq(weight[:, None] * part.X, weight * target, rcond=None)[0]


@pytest.fixture(scope="module", params=["logit", "probit", "cloglog"])
def binary(request):
    data = crossed(request.param)
    return ilk.fit(
        "y ~ x + z + offset(o) + (1 + x | g) + (1 | h)",
        data,
        family="binomial",
        link=request.param,
    )


@pytest.mark.parametrize("name", sorted(FITS))
def test_against_brute_force(name):
    fitted = fit_of(name).fitted
    found = marginal_coefficients(fitted)
    np.testing.assert_allclose(found.estimate, brute_force(fitted), rtol=1e-9, atol=1e-10)


def test_crossed_and_sloped_terms_against_brute_force(binary):
    found = marginal_coefficients(binary.fitted)
    np.testing.assert_allclose(found.estimate, brute_force(binary.fitted), rtol=1e-8)


def test_against_simulation(binary):
    """The definition itself: random effects are drawn, means averaged, coefficients fitted."""
    fitted, draws = binary.fitted, 20_000
    rng = np.random.default_rng(3)
    eta = fitted.model.linear_predictors(fitted.coef, None)[0]
    x = fitted.design.data.column("x").values
    (G, H) = fitted.estimates.covariances
    total = np.zeros(len(eta))
    for _ in range(draws // 100):
        b = rng.multivariate_normal(np.zeros(2), G, 100)
        c = np.sqrt(H[0, 0]) * rng.normal(size=100)
        spread = b[:, :1] + b[:, 1:] * x + c[:, None]
        total += fitted.family.link.inverse(eta + spread).sum(axis=0)
    part = fitted.model.fitted_parts[0]
    target = fitted.family.link.link(total / draws) - part.offset
    drawn = np.linalg.lstsq(part.X, target, rcond=None)[0]
    found = marginal_coefficients(fitted)
    np.testing.assert_allclose(found.estimate, drawn, atol=0.02)
    assert np.max(np.abs(found.estimate - fitted.coef)) > 0.05


def test_standard_errors_against_differences(binary):
    """The gradient in all parameters, of refitted copies of the record."""
    fitted = binary.fitted
    psi, V = fitted.estimates.psi, fitted.psi_covariance()

    def at(moved):
        return marginal_coefficients(
            replace(
                fitted,
                estimates=replace(
                    fitted.estimates, psi=moved, covariances=fitted.covariances_at(moved)
                ),
            )
        ).estimate

    gradient = np.empty((len(fitted.coef), len(psi)))
    for j in range(len(psi)):
        step = np.zeros(len(psi))
        step[j] = 1e-4
        gradient[:, j] = (at(psi + step) - at(psi - step)) / 2e-4
    found = marginal_coefficients(fitted)
    np.testing.assert_allclose(found.covariance, gradient @ V @ gradient.T, rtol=2e-6, atol=1e-9)
    np.testing.assert_allclose(found.std_error, np.sqrt(np.diag(found.covariance)))
    assert np.any(np.abs(gradient[:, len(fitted.coef) :]) > 0.01)  # the variances matter


def test_standard_errors_against_the_spread_of_fits():
    """Delta-method errors are those of a parametric bootstrap."""
    data = data_of("binary")
    fit = ilk.fit("y ~ x + (1 | g)", data, family="binomial")
    draws = fit.simulate(60, seed=4)
    refits = [marginal_coefficients(fit.refit(y).fitted).estimate for y in draws.T]
    found = marginal_coefficients(fit.fitted)
    assert np.std(refits, axis=0) == pytest.approx(found.std_error, rel=0.35)


@pytest.mark.parametrize("name", ["sleepstudy", "penicillin", "weighted", "dyestuff2"])
def test_linear_models_have_one_answer(name):
    """To the last bit: nothing is averaged."""
    fit = fit_of(name)
    found = marginal_coefficients(fit.fitted)
    np.testing.assert_array_equal(found.estimate, found.conditional)
    np.testing.assert_allclose(found.std_error, found.conditional_error, rtol=1e-13)
    np.testing.assert_array_equal(found.attenuation, 1.0)


def test_linear_models_have_one_interval():
    fit = fit_of("sleepstudy")
    table = fit.tidy(0.9).iloc[:2]
    found = fit.marginal_coefficients(level=0.9)
    limits = ["conf_low", "conf_high"]
    np.testing.assert_allclose(found.frame[limits], table[limits], rtol=1e-6)
    assert "degrees of freedom: Satterthwaite." in " ".join(found.text.split())
    assert "degrees of freedom" not in fit_of("ticks").marginal_coefficients().text


def test_log_link_shifts_the_intercept():
    fitted = fit_of("ticks").fitted
    found = marginal_coefficients(fitted)
    half = 0.5 * sum(G[0, 0] for G in fitted.estimates.covariances)
    np.testing.assert_allclose(found.estimate - found.conditional, [half, 0.0, 0.0], atol=1e-13)
    assert np.isnan(found.attenuation[0])
    assert found.std_error[0] > found.conditional_error[0]


def test_log_link_with_random_slopes():
    """log M = eta + z'Gz / 2, a quadratic in x: with x^2 in the model the projection is exact."""
    fit = ilk.fit("y ~ x + I(x**2) + (1 + x | g)", data_of("gamma"), family="gamma", link="log")
    found = marginal_coefficients(fit.fitted)
    (G,) = fit.fitted.estimates.covariances
    shift = [0.5 * G[0, 0], G[0, 1], 0.5 * G[1, 1]]
    np.testing.assert_allclose(found.estimate - found.conditional, shift, atol=1e-12)


def test_probit_has_a_closed_form():
    fit = ilk.fit("y ~ x + sex + (1 | g)", data_of("binary"), family="binomial", link="probit")
    found = marginal_coefficients(fit.fitted)
    v = fit.fitted.estimates.covariances[0][0, 0]
    np.testing.assert_allclose(found.estimate, found.conditional / np.sqrt(1 + v), rtol=1e-12)


def test_logit_is_near_to_zegers_factor():
    fitted = fit_of("binary").fitted
    found = marginal_coefficients(fitted)
    v = fitted.estimates.covariances[0][0, 0]
    zeger = (1.0 + (16.0 * np.sqrt(3.0) / (15.0 * np.pi)) ** 2 * v) ** -0.5
    np.testing.assert_allclose(found.attenuation, zeger, rtol=0.04)


@pytest.mark.parametrize("link", [Logit(), Probit(), Cloglog()], ids=lambda link: link.name)
def test_population_predictor_in_both_tails(link):
    """Derivatives by differences, and no digit lost where probabilities are near to one."""
    eta = np.array([-300.0, -30.0, -8.0, -1.0, -0.01, 0.01, 0.7, 2.5, 4.0, 9.0, 30.0, 300.0])
    for v in (0.04, 1.0, 9.0):
        var = np.full_like(eta, v)
        found = population_predictor(link, eta, var)
        h = 1e-4
        up, down = (population_predictor(link, eta + s, var).value for s in (h, -h))
        np.testing.assert_allclose(found.by_eta[0], (up - down) / (2 * h), rtol=2e-7, atol=1e-9)
        up, down = (population_predictor(link, eta, var + s).value for s in (h, -h))
        np.testing.assert_allclose(
            found.by_variance[0], (up - down) / (2 * h), rtol=5e-6, atol=5e-7
        )
        assert np.all((found.by_eta[0] > 0.0) & (found.by_eta[0] < 1.0 + 1e-9))
        if link.name != "cloglog":
            mirrored = population_predictor(link, -eta, var).value
            np.testing.assert_allclose(mirrored, -found.value, rtol=1e-12)


def test_far_tails_are_those_of_the_log_link():
    """For rare events the logit and the complementary log-log are logarithms."""
    eta, v = np.array([-40.0, -60.0]), np.array([2.0, 5.0])
    for link in (Logit(), Cloglog()):
        np.testing.assert_allclose(
            population_predictor(link, eta, v).value,
            population_predictor(Log(), eta, v).value,
            rtol=1e-10,
        )


@pytest.mark.parametrize(("eta", "v"), [(0.3, 1.0), (2.5, 4.0), (4.0, 0.04), (12.0, 2.0), (1, 25)])
def test_complements_of_the_complementary_log_log(eta, v):
    """Against quadrature in 50 digits, from moderate to vanishing survival."""
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(50):
        s = mpmath.sqrt(v)
        mode = -mpmath.lambertw(v * mpmath.exp(eta)).real / s
        ends = [mode + step / 4 for step in range(-56, 40)]
        survival = mpmath.quad(lambda x: mpmath.exp(-x * x / 2 - mpmath.exp(eta + s * x)), ends)
        exact = float(mpmath.log(-mpmath.log(survival / mpmath.sqrt(2 * mpmath.pi))))
    found = population_predictor(Cloglog(), np.array([float(eta)]), np.array([float(v)]))
    assert found.value[0] == pytest.approx(exact, rel=1e-11)


def test_infinite_predictors_are_named():
    class Steep(AbstractPlainLink):
        name, range = "steep", Interval(0.0, 1.0)

        def link(self, mu):
            return np.log(mu) - np.log1p(-mu)

        def inverse(self, eta):
            return jets.sigmoid(eta)

    with pytest.raises(FitError, match="1 of 2 rows"):
        population_predictor(Steep(), np.array([0.0, 60.0]), np.array([1.0, 1.0]))


def test_frequency_weights_stand_for_rows():
    data = data_of("binary").iloc[:120]
    weights = np.resize([1, 2, 3], 120)
    weighted = ilk.fit("y ~ x + sex + (1 | g)", data, family="binomial", frequency_weights=weights)
    repeated = ilk.fit(
        "y ~ x + sex + (1 | g)", data.loc[data.index.repeat(weights)], family="binomial"
    )
    a, b = (marginal_coefficients(fit.fitted) for fit in (weighted, repeated))
    np.testing.assert_allclose(a.estimate, b.estimate, rtol=1e-6)
    np.testing.assert_allclose(a.std_error, b.std_error, rtol=1e-5)


def test_columns_may_be_moved_and_scaled():
    """Coefficients follow the coding of the columns: raw years are no harder."""
    data = crossed().assign(year=lambda d: 2000.0 + d.x, days=lambda d: 1e6 * d.z)
    a = ilk.fit("y ~ x + z + (1 | g)", data, family="binomial")
    b = ilk.fit("y ~ year + days + (1 | g)", data, family="binomial")
    one, two = (marginal_coefficients(fit.fitted) for fit in (a, b))
    np.testing.assert_allclose(two.estimate[1:] * [1.0, 1e6], one.estimate[1:], rtol=1e-6)
    np.testing.assert_allclose(two.std_error[1:] * [1.0, 1e6], one.std_error[1:], rtol=1e-5)


def test_chunks_of_rows(monkeypatch):
    fitted = fit_of("binary").fitted
    whole = marginal_coefficients(fitted)
    module = sys.modules["ilk.effects.marginal_coefficients"]  # the function has the same name
    monkeypatch.setattr(module, "_ROWS", 7)
    parts = marginal_coefficients(fitted)
    np.testing.assert_allclose(parts.estimate, whole.estimate, rtol=1e-12)
    np.testing.assert_allclose(parts.covariance, whole.covariance, rtol=1e-10)


def test_zero_inflated_families_answer_for_the_counts_proper():
    fit = fit_of("salamanders")
    assert "counts proper" in fit.marginal_coefficients().text


def test_collinear_columns_stand_as_missing():
    data = crossed().assign(w=lambda d: 2 * d.x)
    fit = ilk.fit("y ~ x + w + z + (1 | g)", data, family="binomial")
    frame = fit.marginal_coefficients().frame
    assert list(frame.term) == ["Intercept", "x", "w", "z"]
    assert np.isnan(frame.estimate[2])
    assert np.all(np.isfinite(frame.estimate[[0, 1, 3]]))


def test_the_answer_in_every_flavor(tmp_path):
    fit = fit_of("binary")
    answer = fit.marginal_coefficients(0.9)
    assert list(answer.frame.columns) == [
        "term",
        "conditional",
        "conditional_error",
        "estimate",
        "std_error",
        "conf_low",
        "conf_high",
        "attenuation",
        "estimand",
    ]
    assert "90% interval" in answer.text
    assert "in one cluster" in answer.text
    assert "population of clusters" in answer.html
    fit.save(tmp_path / "fit.ilk")
    again = ilk.load(tmp_path / "fit.ilk").marginal_coefficients(0.9)
    np.testing.assert_allclose(again.frame.estimate, answer.frame.estimate, rtol=1e-12)
    np.testing.assert_allclose(again.frame.std_error, answer.frame.std_error, rtol=1e-6)
    columns = {name: data_of("binary")[name].to_numpy() for name in data_of("binary")}
    plain = ilk.fit(FITS["binary"][0], columns, family="binomial").marginal_coefficients(0.9)
    np.testing.assert_allclose(
        np.asarray(plain.frame["estimate"]), answer.frame.estimate, rtol=1e-12
    )


def test_the_picture():
    pytest.importorskip("matplotlib").use("agg")
    axis = fit_of("binary").marginal_coefficients().plot()
    labels = [text.get_text() for text in axis.get_legend().get_texts()]
    assert labels == ["conditional", "population"]
    assert len(axis.get_yticks()) == 3


def test_links_without_a_population_mean():
    data = data_of("gamma")
    fit = ilk.fit("y ~ x + (1 | g)", data, family="gamma", link="inverse")
    if np.any(fit.fitted.estimates.covariances[0]):
        with pytest.raises(ModelError, match="does not exist for link 'inverse'"):
            fit.marginal_coefficients()


def test_levels_are_checked():
    with pytest.raises(ModelError, match="level"):
        fit_of("binary").marginal_coefficients(95)
