"""Which covariance matrices there are, what they are called, and when they are refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.fits import data_of, fit_of

import ilk
from ilk.errors import IdentificationWarning
from ilk.inference import coefficient_covariance
from ilk.inference.robust.covariance import robust_covariance
from ilk.num.differences import jacobian


@pytest.mark.parametrize("name", ["sleepstudy", "cbpp", "salamanders"])
def test_model_is_that_of_the_fit(name):
    fitted = fit_of(name).fitted
    found, given = robust_covariance(fitted, "model"), coefficient_covariance(fitted)
    np.testing.assert_array_equal(found.matrix, given.matrix)
    assert found.kind == given.kind


@pytest.mark.parametrize("name", ["cbpp", "binary", "gamma", "salamanders"])
def test_conditional_holds_the_variance_parameters(name):
    """The inverse of the coefficients' block of the information; never more than the model's."""
    fitted = fit_of(name).fitted
    P = len(fitted.coef)
    information = np.linalg.inv(fitted.psi_covariance())
    found = robust_covariance(fitted, "conditional")
    np.testing.assert_allclose(found.matrix, np.linalg.inv(information[:P, :P]), rtol=1e-8)
    assert np.all(np.diag(found.matrix) <= np.diag(fitted.vcov) * (1 + 1e-12))
    assert "too small" in found.kind


def test_conditional_is_what_a_search_over_beta_would_say():
    """Differences of the log-likelihood in the coefficients, variances held."""
    fitted = fit_of("cbpp").fitted
    psi, size = fitted.estimates.psi, len(fitted.coef)
    steps = 0.05 * np.sqrt(np.diag(fitted.vcov))

    def value(*moves):
        point = psi.copy()
        for j, sign in moves:
            point[j] += sign * steps[j]
        return fitted.marginal.at(point).value

    information = np.empty((size, size))
    for i in range(size):
        for j in range(size):
            corners = [s * t * value((i, s), (j, t)) for s in (1, -1) for t in (1, -1)]
            information[i, j] = -sum(corners) / (4 * steps[i] * steps[j])
    found = robust_covariance(fitted, "conditional").matrix
    np.testing.assert_allclose(np.linalg.inv(found), information, rtol=2e-3, atol=0.02)


def test_conditional_of_models_without_variance_parameters():
    plain = ilk.fit("y ~ x", data_of("gamma"), family="gamma").fitted
    found = robust_covariance(plain, "conditional")
    np.testing.assert_array_equal(found.matrix, plain.vcov)
    linear = fit_of("sleepstudy").fitted
    np.testing.assert_array_equal(robust_covariance(linear, "conditional").matrix, linear.vcov)


def test_generalized_least_squares_is_the_joint_information():
    """Linear mixed model: the observed information of all parameters, by brute force."""
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(12), rng.integers(2, 15, 12))
    x = rng.normal(size=len(g)) + 0.5 * rng.normal(size=12)[g]
    y = x + rng.normal(size=12)[g] + rng.normal(size=len(g))
    fitted = ilk.fit("y ~ x + (1 | g)", pd.DataFrame({"y": y, "x": x, "g": g}), reml=False).fitted
    X, same = fitted.design.fixed[0].X, g[:, None] == g

    def loglik(psi):
        V = psi[2] ** 2 * same + np.exp(psi[3]) * np.eye(len(g))
        e = y - X @ psi[:2]
        return -0.5 * (np.linalg.slogdet(V)[1] + e @ np.linalg.solve(V, e))

    sd = np.sqrt(fitted.estimates.covariances[0][0, 0])
    psi = np.array([*fitted.coef, sd, np.log(fitted.estimates.sigma2)])
    information = -jacobian(lambda at: jacobian(loglik, at, 0.01), psi, 0.01)
    joint = np.linalg.inv(0.5 * (information + information.T))
    assert np.max(np.abs(information[:2, 2:])) > 1e-3  # not orthogonal, but nearly
    np.testing.assert_allclose(
        np.sqrt(np.diag(fitted.vcov)), np.sqrt(np.diag(joint)[:2]), rtol=1e-3
    )


def test_words():
    fitted = fit_of("cbpp").fitted
    found = robust_covariance(fitted)
    assert found.kind == (
        "CR2, cluster-robust with bias-reduced linearization; 15 clusters of 'herd'"
    )
    assert found.df_kind == "Satterthwaite, of the robust variance"
    assert found.names == fitted.names
    df = found.coefficient_df()
    assert np.all((df > 1.0) & (df < 15.0))


@pytest.mark.parametrize("name", ["ticks", "dyestuff2", "salamanders"])
def test_other_models(name):
    """Single rows as levels, a boundary, zero inflation: finite, symmetric, positive."""
    fitted = fit_of(name).fitted
    for kind in ("CR0", "CR1"):
        found = robust_covariance(fitted, kind)
        assert np.all(np.linalg.eigvalsh(found.matrix) > 0.0)
        assert np.all(found.coefficient_df() > 0.0)


def refused(fit, kind="CR2", cluster=None, code=None, match=""):
    with pytest.raises(ilk.IlkError, match=match) as caught:
        fit.cov_with(kind, cluster)
    assert caught.value.code == code


def test_unknown_kinds():
    refused(fit_of("cbpp"), "cr2", code="cov", match="cov='cr2' is not known.*Did you mean 'CR2'")
    refused(fit_of("cbpp"), None, code="cov", match="choose one of 'model', 'CR0'")
    refused(fit_of("cbpp"), "model", "herd", code="cluster", match="has no clusters")


def test_too_few_clusters():
    data = data_of("sleepstudy")
    fit = fit_of("sleepstudy")
    refused(fit, cluster=np.ones(len(data)), code="one-cluster", match="one cluster of 'cluster'")
    halves = (data.Subject.cat.codes >= 9).to_numpy()
    refused(fit, cluster=halves, code="few-clusters", match="2 clusters of 'cluster' cannot show")


def test_crossed_factors():
    penicillin = fit_of("penicillin")
    assert "multiway" in penicillin.cov_with("CR1").kind
    refused(penicillin, "CR2", code="crossed", match="'CR2' is not defined where the clusters of")
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"a": rng.integers(0, 9, 200), "b": rng.integers(0, 9, 200)})
    data["y"] = rng.poisson(np.exp(rng.normal(size=9)[data.a] + rng.normal(size=9)[data.b]))
    counts = ilk.fit("y ~ 1 + (1 | a) + (1 | b)", data, family="poisson")
    refused(counts, "CR0", code="crossed", match="the likelihood of this model is no sum")


def test_separation():
    data = pd.DataFrame({"x": np.tile([0.0, 1.0], 40), "g": np.repeat(np.arange(20), 4)})
    data["y"] = np.where(data.x > 0, 1.0, np.random.default_rng(0).integers(0, 2, 80))
    with pytest.warns(IdentificationWarning):
        fit = ilk.fit("y ~ x + (1 | g)", data, family="binomial")
    refused(fit, code="no-optimum", match="separated")


def test_a_penalty():
    fit = ilk.fit("y ~ x + (1 | g)", data_of("binary"), family="binomial", penalty="log_f")
    refused(fit, code="penalty", match="The estimates are penalized")


def test_labels_of_a_fit_with_missing_values():
    """Labels of all rows of the data are taken by the rows of the fit."""
    data = data_of("sleepstudy").copy()
    data.loc[[3, 77], "Reaction"] = np.nan
    fit = ilk.fit("Reaction ~ Days + (Days | Subject)", data)
    by_name, by_labels = fit.cov_with("CR2", "Subject"), fit.cov_with("CR2", data.Subject)
    np.testing.assert_array_equal(by_name.matrix, by_labels.matrix)
    assert by_name.kind == by_labels.kind
