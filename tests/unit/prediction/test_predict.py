"""Predictions: the three estimands and their standard errors, against dense algebra and peers."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from tests.fits import data_of, fit_of
from tests.reference.data import case, new_rows
from tests.reference.observe import fit_case

import ilk
from ilk.errors import DataError, ModelError
from ilk.prediction import training_cases, uncertainty


def logistic_mean(eta, v):
    if v == 0.0:
        return 1.0 / (1.0 + math.exp(-eta))
    s = math.sqrt(v)
    return quad(
        lambda x: math.exp(-0.5 * x * x) / math.sqrt(2 * math.pi) / (1.0 + math.exp(-eta - s * x)),
        -12,
        12,
        epsabs=0.0,
        epsrel=1e-12,
    )[0]


# Values


def test_conditional_predictions_of_the_rows_are_the_fitted_values():
    for name in ("sleepstudy", "cbpp", "ticks", "salamanders", "gamma", "binary"):
        fit = fit_of(name)
        np.testing.assert_allclose(fit.predict().estimate, fit.fitted_values, rtol=1e-12)
        np.testing.assert_allclose(
            fit.predict(data_of(name)).estimate, fit.fitted_values, rtol=1e-12
        )


def test_typical_and_population_logistic():
    fit = fit_of("binary")
    eta = fit.predict(estimand="typical", scale="link").estimate.to_numpy()
    v = fit.variance_components().variance[0]
    typical = fit.predict(estimand="typical").estimate
    population = fit.predict(estimand="population").estimate
    np.testing.assert_allclose(typical, 1 / (1 + np.exp(-eta)))
    exact = [logistic_mean(e, v) for e in eta[:20]]
    np.testing.assert_allclose(population[:20], exact, rtol=1e-10)
    link = fit.predict(estimand="population", scale="link").estimate
    np.testing.assert_allclose(1 / (1 + np.exp(-link)), population)
    assert np.all(np.abs(link) <= np.abs(eta))  # attenuated


def test_population_with_a_random_slope_and_log_link():
    fit = fit_of("gamma")
    G = fit.fitted.estimates.covariances[0]
    z = np.column_stack([np.ones(192), data_of("gamma").x])
    v = np.einsum("ni,ij,nj->n", z, G, z)
    typical = fit.predict(estimand="typical").estimate
    np.testing.assert_allclose(
        fit.predict(estimand="population").estimate, typical * np.exp(0.5 * v)
    )


def test_identity_link_is_collapsible():
    fit = fit_of("sleepstudy")
    np.testing.assert_allclose(
        fit.predict(estimand="population").estimate, fit.predict(estimand="typical").estimate
    )


def test_zero_inflated_population_mean_by_product():
    """Random effects in the counts only: the population mean factorizes."""
    fit = fit_of("salamanders")
    v = fit.fitted.estimates.covariances[0][0, 0]
    np.testing.assert_allclose(
        fit.predict(estimand="population").estimate,
        fit.predict(estimand="typical").estimate * math.exp(0.5 * v),
        rtol=1e-10,
    )


def test_population_does_not_exist_for_the_inverse_link():
    fit = fit_case(case("fam-gamma-inverse-sleepstudy"))
    with pytest.raises(ModelError, match="does not exist for link 'inverse'"):
        fit.predict(estimand="population")
    assert len(fit.predict(estimand="typical", interval="confidence")) == fit.nobs


# Levels that were not in the data


def test_new_levels():
    fit = fit_of("binary")
    rows = pd.DataFrame({"x": [0.5, 0.5], "sex": ["f", "f"], "g": [3, 999]})
    with pytest.raises(ilk.DataError, match=r"'g'.*999"):
        fit.predict(rows)
    typical = fit.predict(rows, new_levels="typical").estimate
    average = fit.predict(rows, new_levels="population").estimate
    for policy in ("typical", "population"):
        labels = fit.predict(rows, new_levels=policy, interval="confidence").estimand
        assert labels.tolist() == ["conditional", policy]
    gap = pd.concat([rows.assign(x=np.nan), rows], ignore_index=True)
    labels = fit.predict(gap, new_levels="typical").estimand
    assert labels.tolist() == ["conditional", "conditional", "conditional", "typical"]
    alone = fit.predict(rows[:1]).estimate[0]
    assert typical[0] == pytest.approx(alone)
    assert average[0] == pytest.approx(alone)
    assert typical[1] == pytest.approx(fit.predict(rows, estimand="typical").estimate[1])
    assert average[1] == pytest.approx(fit.predict(rows, estimand="population").estimate[1])


def test_other_estimands_need_no_groups():
    fit = fit_of("binary")
    rows = pd.DataFrame({"x": [0.5], "sex": ["f"]})
    assert len(fit.predict(rows, estimand="population")) == 1
    with pytest.raises(ilk.DataError, match="'g'"):
        fit.predict(rows)


def test_levels_that_are_missing_or_cannot_be_known_are_named():
    data = data_of("binary").head(3)
    with pytest.raises(DataError, match="Column 'g' has no value in 1 row: there is no effect"):
        fit_of("binary").predict(data.assign(g=[0.0, np.nan, 1.0]))
    counts = pd.DataFrame({"y": np.tile([0, 3, 9, 1], 10), "a": np.repeat(np.arange(10), 4)})
    counts["b"] = np.tile([0, 1], 20)
    rows = ilk.fit("y ~ 1 + olre()", counts, family="poisson")
    with pytest.raises(DataError, match=r"olre\(\) gives each row .* of its own, and 40 rows are"):
        rows.predict(counts)
    nested = ilk.fit("y ~ 1 + (1 | a:b)", counts, family="poisson")
    with pytest.raises(DataError, match="Factor 'a:b' has levels that were not"):
        nested.predict({"a": [11], "b": [0]})


def test_partly_new_levels_average_over_the_new_ones():
    fit = fit_of("ticks")
    rows = data_of("ticks").head(2).copy()
    rows["BROOD"] = ["never", "never"]
    mean = fit.predict(rows, new_levels="population").estimate
    zero = fit.predict(rows, new_levels="typical").estimate
    brood = fit.variance_components().set_index("group").loc["BROOD"].variance
    np.testing.assert_allclose(mean, zero * np.exp(0.5 * brood))


# Standard errors


def test_conditional_errors_are_hendersons_plus_the_variance_parameters():
    """Dense mixed model equations of a linear model, and modes by dense solves at moved theta."""
    fit = fit_of("sleepstudy")
    fitted = fit.fitted
    data = data_of("sleepstudy")
    X = np.column_stack([np.ones(180), data.Days.to_numpy(float)])
    codes = fitted.design.terms[0].grouping.codes
    Z = np.zeros((180, 36))
    Z[np.arange(180), 2 * codes] = 1.0
    Z[np.arange(180), 2 * codes + 1] = data.Days
    y = data.Reaction.to_numpy(float)
    psi, W = fitted.estimates.psi, np.hstack([X, Z])

    def predicted(at):
        """Fitted values at psi's beta and covariance parameters, b at its conditional mean."""
        G = np.kron(np.eye(18), fitted.covariances_at(at)[0])
        V = Z @ G @ Z.T + np.exp(at[-1]) * np.eye(180)
        return X @ at[:2] + Z @ (G @ Z.T @ np.linalg.solve(V, y - X @ at[:2]))

    G, s2 = np.kron(np.eye(18), fitted.covariances_at(psi)[0]), np.exp(psi[-1])
    C = W.T @ W / s2
    C[2:, 2:] += np.linalg.inv(G)
    variance = np.einsum("ni,ij,nj->n", W, np.linalg.inv(C), W)
    J = np.zeros((180, len(psi) - 2))
    for j in range(2, len(psi)):
        h = 1e-5 * max(1.0, abs(psi[j]))
        up, down = psi.copy(), psi.copy()
        up[j] += h
        down[j] -= h
        J[:, j - 2] = (predicted(up) - predicted(down)) / (2 * h)
    variance += np.einsum("ni,ij,nj->n", J, fitted.psi_covariance()[2:, 2:], J)
    found = fit.predict(interval="confidence").std_error
    np.testing.assert_allclose(found, np.sqrt(variance), rtol=1e-5)


@pytest.mark.reference
@pytest.mark.parametrize(
    "identifier",
    [
        "glmm-cbpp-probit",
        "fam-gamma-log-dietox",
        "fam-nb1-owls-offset",
        "fam-zinb2-salamanders",
        "fam-betabinomial-verbagg",
        "disp-nb2-owls",
        "disp-gaussian-sleepstudy",
    ],
)
def test_errors_of_known_clusters_are_glmmtmbs(identifier):
    """glmmTMB inverts the joint information of effects and parameters, as we do."""
    found = case(identifier)
    wanted, fit = found["results"]["predict"], fit_case(found)
    known = [i for i, kind in enumerate(wanted["kind"]) if kind == "known"]
    rows = new_rows(found, [wanted["rows"][i] for i in known])
    for scale in ("link", "response"):
        error = fit.predict(rows, scale=scale, interval="confidence").std_error
        np.testing.assert_allclose(error, [wanted[f"se_{scale}"][i] for i in known], rtol=2e-5)


@pytest.mark.parametrize(("name", "estimand"), [("binary", "population"), ("gamma", "population")])
def test_population_errors_by_brute_force(name, estimand):
    """Differences of the population mean itself in every parameter."""
    fit = fit_of(name)
    fitted = fit.fitted
    psi, V = fitted.estimates.psi, fitted.psi_covariance()
    design, rows = fitted.design, range(0, 60, 7)
    X = design.fixed[0].X

    def means(at):
        eta = X @ at[: X.shape[1]]
        G = fitted.covariances_at(at)[0]
        columns = design.terms[0].columns
        Z = np.ones((len(X), 1)) if columns is None else columns
        v = np.einsum("ni,ij,nj->n", Z, G, Z)
        if name == "gamma":
            return np.exp(eta + 0.5 * v)[list(rows)]
        return np.array([logistic_mean(eta[i], v[i]) for i in rows])

    J = np.zeros((len(rows), len(psi)))
    for j in range(len(psi)):
        h = 1e-4
        up, down = psi.copy(), psi.copy()
        up[j] += h
        down[j] -= h
        J[:, j] = (means(up) - means(down)) / (2 * h)
    error = np.sqrt(np.einsum("ni,ij,nj->n", J, V, J))
    found = fit.predict(estimand=estimand, interval="confidence")
    np.testing.assert_allclose(found.std_error.iloc[list(rows)], error, rtol=1e-5)


@pytest.mark.parametrize(
    "formula",
    [
        "TICKS ~ YEAR + (1 | BROOD) + (1 | LOCATION)",
        "TICKS ~ YEAR + (1 + cHEIGHT | LOCATION) + (1 | BROOD) + (1 | INDEX)",
    ],
)
@pytest.mark.parametrize("columns", [1, 7, 256])
def test_row_covariances_are_those_of_the_whole_matrix(formula, columns, monkeypatch):
    monkeypatch.setattr(uncertainty, "_COLUMNS", columns)
    fitted = ilk.fit(formula, data_of("ticks"), family="poisson").fitted
    cases = training_cases(fitted)
    rng = np.random.default_rng(1)
    weights = [rng.normal(size=(403, m.shape[1])) for m in fitted.estimates.modes]
    weights[0][::3] = 0.0
    size = sum(m.size for m in fitted.estimates.modes)
    C = fitted.conditional_solve(np.eye(size))
    W, start = np.zeros((403, size)), 0
    for w, codes, m in zip(weights, cases.codes, fitted.estimates.modes, strict=True):
        for j in range(m.shape[1]):
            W[np.arange(403), start + m.shape[1] * codes + j] = w[:, j]
        start += m.size
    exact = np.einsum("ni,ij,nj->n", W, C, W)
    np.testing.assert_allclose(uncertainty.row_covariance(fitted, cases, weights), exact, rtol=1e-8)


def test_a_parameter_without_variance_spoils_only_what_depends_on_it():
    J = np.array([[1.0, 0.0], [1.0, 2.0]])
    V = np.array([[4.0, np.nan], [np.nan, np.nan]])
    out = uncertainty.quadratic(J, V)
    assert out[0] == 4.0
    assert np.isnan(out[1])


def test_singular_fits_predict():
    fit = fit_of("dyestuff2")
    answer = fit.predict(interval="confidence")
    assert np.isfinite(answer.std_error).all()
    np.testing.assert_allclose(
        answer.std_error, fit.predict(estimand="typical", interval="confidence").std_error
    )


# Intervals, scales, choices


@pytest.mark.parametrize("name", ["binary", "gamma", "salamanders", "cbpp"])
@pytest.mark.parametrize("estimand", ["conditional", "typical", "population"])
def test_limits_stay_in_the_range_of_means(name, estimand):
    answer = fit_of(name).predict(estimand=estimand, interval="confidence", level=0.999)
    top = 1.0 if name in ("binary", "cbpp") else np.inf
    assert (answer.conf_low > 0.0).all()
    assert (answer.conf_high < top).all()
    assert (answer.conf_low < answer.estimate).all()
    assert (answer.estimate < answer.conf_high).all()


def test_link_scale_limits_map_to_response_limits():
    fit = fit_of("binary")
    link = fit.predict(estimand="population", scale="link", interval="confidence")
    mean = fit.predict(estimand="population", interval="confidence")
    for name in ("estimate", "conf_low", "conf_high"):
        np.testing.assert_allclose(1 / (1 + np.exp(-link[name])), mean[name], rtol=1e-9)


def test_columns():
    fit = fit_of("binary")
    assert list(fit.predict()) == ["estimate", "estimand"]
    assert list(fit.predict(interval="confidence")) == [
        "estimate",
        "std_error",
        "conf_low",
        "conf_high",
        "interval",
        "estimand",
    ]
    assert set(fit.predict(estimand="typical").estimand) == {"typical"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"estimand": "marginal"}, "estimand='marginal' is not known"),
        ({"estimand": "populaton"}, "Did you mean 'population'"),
        ({"scale": "log"}, "scale='log' is not known"),
        ({"interval": "conf"}, "interval='conf' is not known"),
        ({"new_levels": "zero"}, "new_levels='zero' is not known"),
        ({"interval": "prediction", "scale": "link"}, "no link scale"),
        ({"interval": "confidence", "level": 95}, "between 0 and 1"),
    ],
)
def test_wrong_choices(arguments, message):
    with pytest.raises(ModelError, match=message):
        fit_of("binary").predict(**arguments)


def test_rows_that_lack_a_value_are_nan():
    fit = fit_of("binary")
    rows = data_of("binary").head(4).copy()
    rows.loc[1, "x"] = np.nan
    answer = fit.predict(rows, interval="confidence")
    assert answer.estimate.isna().tolist() == [False, True, False, False]
    np.testing.assert_allclose(answer.estimate[[0, 2, 3]], fit.fitted_values[[0, 2, 3]])
    assert set(answer.estimand) == {"conditional"}


def test_no_rows():
    fit = fit_of("binary")
    for interval in (None, "confidence", "prediction"):
        assert len(fit.predict(data_of("binary").head(0), interval=interval)) == 0


def test_no_random_effects():
    fit = ilk.fit("y ~ x", data_of("gamma"), family="gamma", link="log")
    a, b = (
        fit.predict(interval="confidence"),
        fit.predict(estimand="population", interval="confidence"),
    )
    pd.testing.assert_frame_equal(a.drop(columns="estimand"), b.drop(columns="estimand"))
    assert training_cases(fit.fitted).codes == ()


@pytest.mark.parametrize("estimand", ["typical", "population"])
def test_intervals_of_linear_means_have_the_degrees_of_freedom_of_means(estimand):
    data = ilk.datasets.load("classroom_scores")
    for formula in ("score ~ prior + (1 + prior | classroom)", "score ~ prior"):
        fit = ilk.fit(formula, data)
        at = {"prior": [40.0, 55.0]}
        rows = fit.predict(at, estimand=estimand, interval="confidence")
        means = fit.means("prior", at=at, estimand=estimand).frame
        np.testing.assert_allclose(rows.conf_low, means.conf_low, rtol=1e-9)
        np.testing.assert_allclose(rows.conf_high, means.conf_high, rtol=1e-9)
        assert (means.df < 1e6).all()
