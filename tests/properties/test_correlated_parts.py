"""Random effects that are correlated across the parts of a model, (1 |p| g)."""

import numpy as np
import pytest
from scipy import integrate, optimize

import ilk
from ilk.num.differences import jacobian
from ilk.prediction.correlated import average_correlated

GROUPS, ROWS = 40, 12
COVARIANCE = np.array([[0.5, 0.1, 0.25], [0.1, 0.2, -0.1], [0.25, -0.1, 0.4]])


def drawn(seed=1, groups=GROUPS, rows=ROWS):
    """Effects of intercept and slope of the mean and of another predictor, by group."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(groups), rows)
    b = rng.multivariate_normal(np.zeros(3), COVARIANCE, size=groups)[g]
    return rng, g, rng.normal(size=len(g)), b


def location_scale(seed=1, groups=GROUPS, rows=ROWS):
    rng, g, x, b = drawn(seed, groups, rows)
    noise = np.exp(0.5 * (-0.5 + b[:, 2])) * rng.normal(size=len(g))
    return {"y": 1.0 + 0.5 * x + b[:, 0] + b[:, 1] * x + noise, "x": x, "g": [f"g{k}" for k in g]}


def inflated(seed=1, groups=60, rows=20):
    rng, g, x, b = drawn(seed, groups, rows)
    counts = rng.poisson(np.exp(0.8 + 0.3 * x + b[:, 0]))
    empty = rng.random(len(g)) < 1.0 / (1.0 + np.exp(1.0 - 1.5 * b[:, 2]))
    return {"y": np.where(empty, 0, counts), "x": x, "g": [f"g{k}" for k in g]}


@pytest.fixture(scope="module")
def gaussian():
    data = location_scale()
    return ilk.fit("y ~ x + (1 |p| g)", data, dispersion="~ 1 + (1 |p| g)", quadrature=11), data


@pytest.fixture(scope="module")
def counts():
    data = inflated()
    return ilk.fit(
        "y ~ x + (1 |p| g)", data, family="poisson", zero_inflation="~ 1 + (1 |p| g)"
    ), data


def closed(data, beta, log_phi, G):
    """Log-likelihood: normal given the effect of the dispersion, over which scipy integrates."""
    total, y = 0.0, np.asarray(data["y"])
    residual = y - beta[0] - beta[1] * data["x"]
    slope, rest = G[0, 1] / G[1, 1], G[0, 0] - G[0, 1] ** 2 / G[1, 1]
    for level in dict.fromkeys(data["g"]):
        r = residual[np.asarray(data["g"]) == level]

        def density(c, r=r):
            d, n = r - slope * c, len(r)
            phi = np.exp(log_phi + c)  # V = phi I + rest 11'
            log_det = (n - 1) * np.log(phi) + np.log(phi + n * rest)
            quadratic = (d @ d - rest * d.sum() ** 2 / (phi + n * rest)) / phi
            value = -0.5 * (n * np.log(2.0 * np.pi) + log_det + quadratic)
            return np.exp(value + 30.0 - 0.5 * c**2 / G[1, 1]) / np.sqrt(2.0 * np.pi * G[1, 1])

        total += np.log(integrate.quad(density, -8.0, 8.0, limit=200)[0]) - 30.0
    return total


@pytest.mark.slow
def test_likelihood_is_that_of_an_integral_in_one_dimension(gaussian):
    fit, data = gaussian
    (G,) = fit.fitted.estimates.covariances
    exact = closed(data, fit.fitted.coef[:2], fit.fitted.coef[2], G)
    assert fit.loglik == pytest.approx(exact, rel=1e-6)


def test_parameters_are_recovered():
    data = location_scale(3, groups=150, rows=15)
    fit = ilk.fit("y ~ x + (1 + x |p| g)", data, dispersion="~ 1 + (1 |p| g)")
    assert fit.verdict.converged
    (G,) = fit.fitted.estimates.covariances
    sd, true = np.sqrt(np.diag(G)), np.sqrt(np.diag(COVARIANCE))
    np.testing.assert_allclose(sd, true, rtol=0.2)
    np.testing.assert_allclose(G / np.outer(sd, sd), COVARIANCE / np.outer(true, true), atol=0.25)
    apart = ilk.fit("y ~ x + (1 + x | g)", data, dispersion="~ 1 + (1 | g)")
    assert fit.loglik - apart.loglik > 10.0


def test_order_of_the_parts_does_not_matter(counts):
    fit, data = counts
    rows = np.random.default_rng(0).permutation(len(data["y"]))
    shuffled = {name: np.asarray(values)[rows] for name, values in data.items()}
    again = ilk.fit(
        "y ~ x + (1 |other| g)",
        shuffled,
        family="poisson",
        zero_inflation="~ 1 + (1 |other| g)",
    )
    assert again.loglik == pytest.approx(fit.loglik, abs=1e-6)


def test_without_correlation_it_is_the_model_of_two_terms(counts):
    fit, data = counts
    apart = ilk.fit("y ~ x + (1 | g)", data, family="poisson", zero_inflation="~ 1 + (1 | g)")
    coef = apart.fitted.coef
    deviations = [float(np.sqrt(G[0, 0])) for G in apart.fitted.estimates.covariances]
    psi = np.concatenate([coef, [deviations[0], 0.0, deviations[1]]])
    at = fit.fitted.marginal.at(psi)
    shift = fit.fitted.marginal.scaled.value_shift
    assert at.value + shift == pytest.approx(apart.loglik, abs=1e-6)


def test_the_question_of_the_correlation_is_an_ordinary_test(counts):
    fit, data = counts
    apart = ilk.fit("y ~ x + (1 | g)", data, family="poisson", zero_inflation="~ 1 + (1 | g)")
    text = str(ilk.compare(apart, fit))
    assert "chi2(1)" in text
    rows = fit.random_effect_tests().frame
    assert list(rows["component"]) == ["mean", "mean", "zero_inflation"]
    assert list(rows["term"]) == ["correlations", "Intercept", "Intercept"]


def test_names_say_which_part(counts):
    fit, _ = counts
    table = fit.tidy()
    random = table[table["group"] == "g"]
    assert set(random["component"]) == {"mean + zero_inflation"}
    assert any("zero_inflation: Intercept" in str(term) for term in random["term"])
    summary = str(fit.summary())
    assert "Intercept ~ zero_inflation: Intercept" in summary
    assert "correlated with each other" in str(fit.methods())


def test_a_saved_fit_comes_back(counts, tmp_path):
    fit, _ = counts
    fit.save(tmp_path / "fit.ilk")
    again = ilk.load(tmp_path / "fit.ilk")
    assert again.loglik == fit.loglik
    new = {"x": np.array([0.0, 1.0]), "g": ["g1", "g2"]}
    for estimand in ("conditional", "typical", "population"):
        np.testing.assert_allclose(
            again.predict(new, estimand=estimand)["estimate"],
            fit.predict(new, estimand=estimand)["estimate"],
        )


def test_means_of_the_population_are_those_of_draws(counts):
    fit, _ = counts
    (G,) = fit.fitted.estimates.covariances
    coef, rng = fit.fitted.coef, np.random.default_rng(2)
    b = rng.multivariate_normal(np.zeros(2), G, size=400_000)
    drawn_means = np.exp(coef[0] + b[:, 0]) / (1.0 + np.exp(coef[2] + b[:, 1]))
    error = 4.0 * drawn_means.std() / np.sqrt(len(b))
    new = {"x": np.zeros(1)}
    found = float(fit.predict(new, estimand="population")["estimate"][0])
    assert abs(found - drawn_means.mean()) < error
    counted = np.where(
        rng.random(len(b)) < 1.0 / (1.0 + np.exp(-coef[2] - b[:, 1])),
        0,
        rng.poisson(np.exp(coef[0] + b[:, 0])),
    )
    limits = fit.predict(new, estimand="population", interval="prediction")
    assert abs(float(limits["conf_high"][0]) - np.quantile(counted, 0.975)) <= 1.0


def test_standard_errors_of_population_means_are_those_of_differences(counts):
    fit, _ = counts
    fitted = fit.fitted
    new = {"x": np.array([0.3])}
    psi = fitted.estimates.psi

    def mean(point):
        (G,) = fitted.covariances_at(point)
        eta = [np.array([point[0] + 0.3 * point[1]]), np.array([point[2]])]
        return average_correlated(fitted.family.mean, eta, G[None], tolerance=1e-12).value

    slope = jacobian(mean, psi, 1e-4)[0]
    expected = np.sqrt(slope @ fitted.psi_covariance() @ slope)
    found = fit.predict(new, estimand="population", interval="confidence")["std_error"][0]
    assert float(found) == pytest.approx(float(expected), rel=1e-4)


def test_draws_have_the_correlation(counts):
    fit, data = counts
    y = fit.simulate(200, seed=0)
    g = np.unique(data["g"], return_inverse=True)[1]
    size = np.bincount(g)
    empty = np.array([np.bincount(g, column == 0) / size for column in y.T]).ravel()
    high = np.array([np.bincount(g, column) / size for column in y.T]).ravel()
    apart = ilk.fit(
        "y ~ x + (1 | g)", data, family="poisson", zero_inflation="~ 1 + (1 | g)"
    ).simulate(200, seed=0)
    empty_0 = np.array([np.bincount(g, column == 0) / size for column in apart.T]).ravel()
    high_0 = np.array([np.bincount(g, column) / size for column in apart.T]).ravel()
    assert np.corrcoef(empty, high)[0, 1] > np.corrcoef(empty_0, high_0)[0, 1] + 0.05


def test_profiles_stand_around_wald_intervals():
    data = location_scale()
    fit = ilk.fit("y ~ x + (1 |p| g)", data, dispersion="~ 1 + (1 |p| g)")
    wald, profiled = fit.tidy(), fit.conf_int(method="profile")
    for k in range(len(wald)):
        width = wald["conf_high"][k] - wald["conf_low"][k]
        assert abs(profiled["conf_low"][k] - wald["conf_low"][k]) < 0.5 * width
        assert abs(profiled["conf_high"][k] - wald["conf_high"][k]) < 0.5 * width


def test_profile_of_a_deviation_is_the_maximum_at_other_values():
    data = location_scale()
    fit = ilk.fit("y ~ x + (1 |p| g)", data, dispersion="~ 1 + (1 |p| g)")
    marginal, psi = fit.fitted.marginal, fit.fitted.estimates.psi
    high = float(fit.conf_int(method="profile")["conf_high"][4])  # sd of the dispersion

    def minus(free):
        # coefficients, sd of the mean, correlation; the other deviation is held
        sd, r = np.exp(free[3]), np.tanh(free[4])
        G = np.array([[sd**2, r * sd * high], [r * sd * high, high**2]])
        maps = marginal.scaled.term_maps[0]
        inverse = np.linalg.inv(maps)
        factor = np.linalg.cholesky(inverse @ G @ inverse.T)
        at = marginal.at(np.concatenate([free[:3], [factor[0, 0], factor[1, 0], factor[1, 1]]]))
        return -(at.value + marginal.scaled.value_shift)

    (G,) = fit.fitted.estimates.covariances
    start = np.concatenate([psi[:3], [0.5 * np.log(G[0, 0]), 0.5]])
    best = optimize.minimize(minus, start, method="BFGS", options={"gtol": 1e-4})
    assert 2.0 * (fit.loglik + best.fun) == pytest.approx(3.8415, abs=2e-3)


def test_means_of_effects_given_the_data_are_those_of_a_grid(gaussian):
    fit, data = gaussian
    table = fit.random_effects(estimate="mean")
    (G,) = fit.fitted.estimates.covariances
    coef, level = fit.fitted.coef, table["level"][0]
    here = np.asarray(data["g"]) == level
    r = (np.asarray(data["y"]) - coef[0] - coef[1] * data["x"])[here]
    a, c = np.meshgrid(np.linspace(-5, 5, 801), np.linspace(-4, 4, 401), indexing="ij")
    inverse = np.linalg.inv(G)
    logs = -0.5 * (inverse[0, 0] * a**2 + 2 * inverse[0, 1] * a * c + inverse[1, 1] * c**2)
    log_phi = coef[2] + c
    for value in r:
        logs = logs - 0.5 * (log_phi + (value - a) ** 2 * np.exp(-log_phi))
    weights = np.exp(logs - logs.max())
    weights /= weights.sum()
    own = table[table["level"] == level]
    np.testing.assert_allclose(
        own["estimate"].to_numpy(), [np.sum(weights * a), np.sum(weights * c)], atol=2e-4
    )
    sds = [np.sqrt(np.sum(weights * v**2) - np.sum(weights * v) ** 2) for v in (a, c)]
    np.testing.assert_allclose(own["std_error"].to_numpy(), sds, rtol=2e-3)
