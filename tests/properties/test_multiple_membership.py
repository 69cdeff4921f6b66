"""Answers of models whose rows belong to several levels, against dense algebra and draws."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk

FORMULA = "y ~ x + (1 + x | mm(a, b, weights=[p, q])) + (1 | site)"


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(4)
    n, L = 300, 14
    a, b = rng.integers(0, L, n), rng.integers(0, L, n)
    p = rng.uniform(0.2, 1.0, n)
    q = np.where(rng.random(n) < 0.2, 0.0, rng.uniform(0.2, 1.0, n))
    site, x = rng.integers(0, 9, n), rng.normal(size=n)
    effects, sites = rng.normal(size=(L, 2)) * [1.0, 0.5], 0.6 * rng.normal(size=9)
    pulled = p[:, None] * effects[a] + q[:, None] * effects[b]
    eta = 0.3 + 0.5 * x + pulled[:, 0] + x * pulled[:, 1] + sites[site]
    return pd.DataFrame(
        {
            "a": [f"t{i:02d}" for i in a],
            "b": [f"t{i:02d}" for i in b],
            "p": p,
            "q": q,
            "site": [f"s{i}" for i in site],
            "x": x,
            "y": eta + 0.5 * rng.normal(size=n),
            "count": rng.poisson(np.exp(0.4 * eta)),
        }
    )


def dense(fit, data):
    """X, Z of both terms, G, V written out from the frame."""
    levels = [f"t{i:02d}" for i in range(14)]
    n = len(data)
    X = np.column_stack([np.ones(n), data["x"]])
    M = np.zeros((n, 14))
    for label, weight in (("a", "p"), ("b", "q")):
        np.add.at(M, (np.arange(n), [levels.index(v) for v in data[label]]), data[weight])
    Z = np.einsum("nl,nq->nlq", M, X).reshape(n, -1)
    S = (data["site"].to_numpy()[:, None] == [f"s{i}" for i in range(9)]).astype(float)
    found = fit.fitted.estimates
    G = np.zeros((28 + 9, 28 + 9))
    G[:28, :28] = np.kron(np.eye(14), found.covariances[0])
    G[28:, 28:] = found.covariances[1][0, 0] * np.eye(9)
    both = np.hstack([Z, S])
    return X, both, G, both @ G @ both.T + found.sigma2 * np.eye(n)


@pytest.fixture(scope="module")
def fit(data):
    return ilk.fit(FORMULA, data)


def test_restricted_likelihood_and_effects(fit, data):
    X, Z, G, V = dense(fit, data)
    y, inner = data["y"].to_numpy(), np.linalg.solve(V, X)
    beta = np.linalg.solve(X.T @ inner, inner.T @ y)
    e = y - X @ beta
    value = -0.5 * (
        (len(y) - 2) * np.log(2 * np.pi)
        + np.linalg.slogdet(V)[1]
        + np.linalg.slogdet(X.T @ inner)[1]
        + e @ np.linalg.solve(V, e)
    )
    assert fit.loglik == pytest.approx(value, abs=1e-8)
    np.testing.assert_allclose(fit.fitted.coef[:2], beta, atol=1e-9)
    b = G @ Z.T @ np.linalg.solve(V, e)
    np.testing.assert_allclose(fit.fitted.estimates.modes[0].ravel(), b[:28], atol=1e-8)
    table = fit.random_effects("mm(a, b)")
    np.testing.assert_allclose(table["estimate"], b[:28], atol=1e-8)
    C = G - G @ Z.T @ np.linalg.solve(V, Z @ G)
    np.testing.assert_allclose(table["std_error"], np.sqrt(np.diag(C))[:28], rtol=1e-6)
    held = {level: sum((data["a"] == level) | ((data["b"] == level) & (data["q"] > 0)))
            for level in table["level"]}  # fmt: skip
    assert table["n"].tolist() == [held[level] for level in table["level"]]


def test_conditional_means_and_their_errors(fit, data):
    """Errors of fixed and random part together are those of the mixed model equations."""
    X, Z, G, V = dense(fit, data)
    e = data["y"] - X @ fit.fitted.coef[:2]
    mean = X @ fit.fitted.coef[:2] + Z @ (G @ Z.T @ np.linalg.solve(V, e))
    found = fit.predict(interval="confidence")
    np.testing.assert_allclose(found["estimate"], mean, atol=1e-8)
    np.testing.assert_allclose(fit.fitted_values, mean, atol=1e-8)
    np.testing.assert_allclose(fit.residuals(), data["y"] - mean, atol=1e-8)
    T = np.hstack([X, Z])
    H = T.T @ T / fit.fitted.estimates.sigma2
    H[2:, 2:] += np.linalg.inv(G)
    least = np.sqrt(np.einsum("ij,jk,ik->i", T, np.linalg.inv(H), T))
    found_error = found["std_error"].to_numpy()
    assert np.all(found_error >= least - 1e-8)  # variances are uncertain beside
    np.testing.assert_allclose(found_error, least, rtol=0.15)
    new = fit.predict(data.sample(frac=1.0, random_state=1), interval="confidence").sort_index()
    np.testing.assert_allclose(np.sort(new["std_error"]), np.sort(found_error), rtol=1e-9)


def test_variance_of_predictions_of_new_observations(fit, data):
    _, Z, G, V = dense(fit, data)
    found = fit.predict(interval="prediction", estimand="population")
    width = (found["conf_high"] - found["conf_low"]) / 2 / 1.959964
    total = width**2 - found["std_error"] ** 2
    np.testing.assert_allclose(total, np.diag(V), rtol=0.05)
    assert total.corr(pd.Series(np.diag(V))) > 0.999
    del Z, G


def test_population_means_average_over_weighted_levels(data):
    fit = ilk.fit("count ~ x + (1 | mm(a, b, weights=[p, q]))", data, family="poisson")
    g = fit.fitted.estimates.covariances[0][0, 0]
    same = (data["a"] == data["b"]).to_numpy()
    p, q = data["p"].to_numpy(), data["q"].to_numpy()
    share = np.where(same, (p + q) ** 2, p**2 + q**2)
    eta = fit.fitted.coef[0] + fit.fitted.coef[1] * data["x"].to_numpy()
    expected = np.exp(eta + 0.5 * g * share)
    np.testing.assert_allclose(fit.predict(estimand="population")["estimate"], expected, rtol=1e-7)
    known = data[["a", "b", "p", "q", "x"]]
    found = fit.predict(known, estimand="population")["estimate"]
    np.testing.assert_allclose(found, expected, rtol=1e-7)
    apart = fit.predict(data[["p", "q", "x"]], estimand="population")["estimate"]
    np.testing.assert_allclose(apart, np.exp(eta + 0.5 * g * (p**2 + q**2)), rtol=1e-7)
    with pytest.raises(ilk.errors.DataError, match="give the columns 'p', 'q'"):
        fit.predict(data[["x"]], estimand="population")
    typical = fit.predict(data[["x"]], estimand="typical")["estimate"]
    np.testing.assert_allclose(typical, np.exp(eta), rtol=1e-9)


def test_levels_that_are_not_known_are_averaged_over(data):
    fit = ilk.fit("count ~ x + (1 | mm(a, b, weights=[p, q]))", data, family="poisson")
    new = data.head(3).assign(b=["new", "other", "new"], q=[0.5, 0.7, 0.0], p=[0.5, 0.3, 1.0])
    with pytest.raises(
        ilk.errors.DataError, match=r"not in the data of the fit \('new', 'other'\)"
    ):
        fit.predict(new)
    found = fit.predict(new, new_levels="population")["estimate"].to_numpy()
    g = fit.fitted.estimates.covariances[0][0, 0]
    levels = list(fit.fitted.design.terms[0].grouping.levels)
    known = fit.fitted.estimates.modes[0][[levels.index(v) for v in new["a"]], 0] * new["p"]
    eta = fit.fitted.coef[0] + fit.fitted.coef[1] * new["x"] + known
    np.testing.assert_allclose(found, np.exp(eta + 0.5 * g * new["q"] ** 2), rtol=1e-7)
    typical = fit.predict(new, new_levels="typical")["estimate"]
    np.testing.assert_allclose(typical, np.exp(eta), rtol=1e-7)


def test_simulated_responses_have_the_marginal_covariance(fit, data):
    _, _, _, V = dense(fit, data)
    draws = fit.simulate(4000, seed=1)
    draws = draws if draws.shape[0] == len(data) else draws.T
    found = np.cov(draws[:60])
    np.testing.assert_allclose(found, V[:60, :60], atol=0.35)
    upper = np.triu_indices(60, 1)
    assert np.corrcoef(found[upper], V[:60, :60][upper])[0, 1] > 0.95


def test_degrees_of_freedom_agree_with_differences_of_the_variance(fit, data):
    """Satterthwaite: 2 v^2 / Var(v), by differences of dense algebra in the variances."""
    X, Z, _, V = dense(fit, data)
    y, found = data["y"].to_numpy(), fit.fitted
    G = found.estimates.covariances

    def covariance(psi):
        inner = np.kron(np.eye(14), [[psi[0], psi[1]], [psi[1], psi[2]]])
        return (
            Z[:, :28] @ inner @ Z[:, :28].T
            + psi[3] * Z[:, 28:] @ Z[:, 28:].T
            + psi[4] * np.eye(len(y))
        )

    def parts(psi):
        W = covariance(psi)
        information = X.T @ np.linalg.solve(W, X)
        e = y - X @ np.linalg.solve(information, X.T @ np.linalg.solve(W, y))
        value = np.linalg.slogdet(W)[1] + np.linalg.slogdet(information)[1]
        return 0.5 * (value + e @ np.linalg.solve(W, e)), np.linalg.inv(information)[1, 1]

    psi = np.array([*G[0][np.tril_indices(2)], G[1][0, 0], found.estimates.sigma2])
    np.testing.assert_allclose(covariance(psi), V, atol=1e-10)
    step = 1e-3 * np.maximum(np.abs(psi), 0.1)
    H, slope = np.empty((5, 5)), np.empty(5)
    for i in range(5):
        ei = step[i] * np.eye(5)[i]
        slope[i] = (parts(psi + ei)[1] - parts(psi - ei)[1]) / (2 * step[i])
        for j in range(5):
            ej = step[j] * np.eye(5)[j]
            ends = [parts(psi + a * ei + b * ej)[0] for a in (1, -1) for b in (1, -1)]
            H[i, j] = (ends[0] - ends[1] - ends[2] + ends[3]) / (4 * step[i] * step[j])
    variance = parts(psi)[1]
    assert found.vcov[1, 1] == pytest.approx(variance, rel=1e-7)
    df = 2 * variance**2 / (slope @ np.linalg.solve(H, slope))
    table = fit.tidy()
    assert table.loc[table["term"] == "x", "df"].iloc[0] == pytest.approx(df, rel=2e-3)
    adjusted = fit.summary(df="kenward_roger")
    assert "Kenward-Roger" in str(adjusted)


def test_a_structure_over_the_levels(data):
    rng = np.random.default_rng(8)
    names = [f"t{i:02d}" for i in range(14)]
    root = rng.normal(size=(14, 30))
    K = root @ root.T / 30
    K /= np.mean(np.diag(K))
    known = ilk.covariance.known(K, names)
    formula = "y ~ x + (1 | mm(a, b, weights=[p, q]))"
    fit = ilk.fit(formula, data, covariance={"mm(a, b)": known})
    found, n = fit.fitted.estimates, len(data)
    M = np.zeros((n, 14))
    for label, weight in (("a", "p"), ("b", "q")):
        np.add.at(M, (np.arange(n), [names.index(v) for v in data[label]]), data[weight])
    V = found.covariances[0][0, 0] * M @ K @ M.T + found.sigma2 * np.eye(n)
    X, y = np.column_stack([np.ones(n), data["x"]]), data["y"].to_numpy()
    inner = np.linalg.solve(V, X)
    e = y - X @ np.linalg.solve(X.T @ inner, inner.T @ y)
    value = -0.5 * (
        (n - 2) * np.log(2 * np.pi)
        + np.linalg.slogdet(V)[1]
        + np.linalg.slogdet(X.T @ inner)[1]
        + e @ np.linalg.solve(V, e)
    )
    assert fit.loglik == pytest.approx(value, abs=1e-7)
    mean = y - e + found.covariances[0][0, 0] * M @ K @ M.T @ np.linalg.solve(V, e)
    np.testing.assert_allclose(fit.predict()["estimate"], mean, atol=1e-7)
    count = ilk.fit(formula.replace("y ~", "count ~"), data, family="poisson",
                    covariance={"mm(a, b)": known})  # fmt: skip
    with pytest.raises(ilk.errors.ModelError, match="depend on each other"):
        count.predict(estimand="population")


def test_a_file_holds_the_weights(fit, data, tmp_path):
    fit.save(tmp_path / "fit.ilk")
    again = ilk.load(tmp_path / "fit.ilk")
    for new in (None, data.head(7)):
        pd.testing.assert_frame_equal(again.predict(new), fit.predict(new))


def test_shares_of_the_variance_count_the_weights(data):
    fit = ilk.fit("y ~ x + (1 | mm(a, b, weights=[p, q]))", data)
    found = fit.fitted.estimates
    p, q, same = data["p"], data["q"], data["a"] == data["b"]
    share = np.where(same, (p + q) ** 2, p**2 + q**2).mean()
    g, sigma2 = found.covariances[0][0, 0] * share, found.sigma2
    fixed = np.var(fit.fitted.coef[1] * data["x"], ddof=1)
    table = fit.r_squared().frame
    estimates = table["estimate"].to_numpy()
    np.testing.assert_allclose(estimates[0], fixed / (fixed + g + sigma2), rtol=1e-6)
    np.testing.assert_allclose(estimates[1], (fixed + g) / (fixed + g + sigma2), rtol=1e-6)


@pytest.mark.parametrize(
    "ask",
    [
        lambda fit: fit.icc(),
        lambda fit: fit.influence(),
        lambda fit: fit.league_table("mm(a, b)"),
        lambda fit: fit.cluster_report(),
        lambda fit: fit.cov_with("CR2"),
        lambda fit: fit.exogeneity(),
        lambda fit: fit.bootstrap(kind="cluster", draws=20, seed=1),
    ],
)
def test_questions_about_clusters_are_refused(fit, ask):
    with pytest.raises(ilk.errors.ModelError, match="mm"):
        ask(fit)


def test_quadrature_is_refused(data):
    with pytest.raises(ilk.errors.ModelError, match=r"levels of mm\(a, b\) share rows"):
        ilk.fit("count ~ x + (1 | mm(a, b))", data, family="poisson", quadrature=5)


def test_parameters_are_recovered():
    """40 data sets of 30 levels: means within Monte Carlo error, as without weights."""
    rng = np.random.default_rng(12)
    found = []
    for _ in range(40):
        n, L = 250, 30
        a, b, w = rng.integers(0, L, n), rng.integers(0, L, n), rng.uniform(0.2, 0.8, n)
        u, x = rng.normal(size=L), rng.normal(size=n)
        y = 1.0 + 0.5 * x + w * u[a] + (1 - w) * u[b] + 0.7 * rng.normal(size=n)
        data = pd.DataFrame({"a": a, "b": b, "w": w, "v": 1 - w, "x": x, "y": y})
        fit = ilk.fit("y ~ x + (1 | mm(a, b, weights=[w, v]))", data)
        found.append([fit.fitted.coef[1], fit.fitted.estimates.covariances[0][0, 0],
                      fit.fitted.estimates.sigma2])  # fmt: skip
    mean, error = np.mean(found, axis=0), np.std(found, axis=0) / np.sqrt(40)
    assert np.all(np.abs(mean - [0.5, 1.0, 0.49]) < 3.5 * error)


@pytest.mark.parametrize("df", ["satterthwaite", "kenward_roger"])
def test_one_level_twice_is_an_ordinary_term(data, df):
    half = data.assign(b=data["a"], p=0.3, q=0.7)
    one = ilk.fit(FORMULA, half)
    other = ilk.fit("y ~ x + (1 + x | a) + (1 | site)", half)
    assert one.loglik == pytest.approx(other.loglik, abs=1e-8)
    a, b = (fit.tidy(df=df).select_dtypes("number") for fit in (one, other))
    np.testing.assert_allclose(a, b, rtol=2e-4)
