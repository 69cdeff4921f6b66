"""Ordered beta family: its parts by brute force, ends that data lack, edges, fits."""

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, special, stats

import ilk
from ilk.errors import DataError, ModelError
from ilk.families import ordered_beta
from ilk.family import make_family
from ilk.fitted import Status
from ilk.num.jets import variables

FAMILY = make_family("ordered_beta")


def rows(n, *numbers):
    return [np.full(n, float(x)) for x in numbers]


@pytest.mark.parametrize("link", ["logit", "probit", "cloglog", "loglog", "cauchit"])
@pytest.mark.parametrize("ends", ["both", "zero", "one"])
def test_parts_mean_variance_and_distribution(link, ends):
    family = ordered_beta(link, ends=ends)
    F = {
        "logit": special.expit,
        "probit": stats.norm.cdf,
        "cloglog": lambda e: -np.expm1(-np.exp(e)),
        "loglog": lambda e: np.exp(-np.exp(-e)),
        "cauchit": stats.cauchy.cdf,
    }[link]
    cuts = {"both": [-1.1, 1.4], "zero": [-1.1], "one": [1.4]}[ends]
    point = [0.3, -1.6, *cuts]
    zero = 0.0 if ends == "one" else 1.0 - F(0.3 + 1.1)
    one = 0.0 if ends == "zero" else F(0.3 - 1.4)
    phi = np.exp(-1.6)
    inner = stats.beta(F(0.3) / phi, (1.0 - F(0.3)) / phi)
    between = 1.0 - zero - one
    y = np.array([0.02, 0.4, 0.97])
    found = family.log_density(y, None, rows(3, *point)) + family.constant(y, None)
    np.testing.assert_allclose(found, np.log(between) + inner.logpdf(y), rtol=1e-11)
    for end, mass in ((0.0, zero), (1.0, one)):
        if mass:
            at = family.log_density(np.array([end]), None, rows(1, *point))
            assert at[0] == pytest.approx(np.log(mass), rel=1e-12)
    mean = one + between * inner.mean()
    assert family.mean(rows(1, *point))[0] == pytest.approx(mean, rel=1e-12)
    second = one + between * (inner.var() + inner.mean() ** 2)
    assert family.variance(rows(1, *point), None)[0] == pytest.approx(second - mean**2, rel=1e-10)
    y = np.array([-0.1, 0.0, 0.3, 1.0, 1.2])
    inside = zero + between * inner.cdf(0.3)
    expected = [0.0, zero, inside, 1.0, 1.0]
    np.testing.assert_allclose(family.cdf(y, None, rows(5, *point)), expected, atol=1e-12)
    expected = [0.0, 0.0, inside, 1.0 - one, 1.0]
    np.testing.assert_allclose(family.cdf_below(y, None, rows(5, *point)), expected, atol=1e-12)


@pytest.mark.parametrize("eta", [-30.0, -6.0, 0.0, 6.0, 30.0])
@pytest.mark.parametrize("log_phi", [-25.0, -8.0, 0.0, 4.0])
@pytest.mark.parametrize("gap", [1e-9, 3.0, 60.0])
def test_edges_stay_finite_and_masses_sum_to_one(eta, log_phi, gap):
    y = np.array([0.0, 1e-9, 0.4, 1.0 - 1e-9, 1.0])
    point = rows(5, eta, log_phi, -0.5 * gap, 0.5 * gap)
    jet = FAMILY.log_density(y, None, variables(point, 3))
    for part in (jet.value, jet.first, jet.second, jet.third):
        assert np.all(np.isfinite(part))
    mean, variance = FAMILY.mean(point)[0], FAMILY.variance(point, None)[0]
    assert 0.0 <= mean <= 1.0
    assert 0.0 <= variance <= 0.25 + 1e-12
    cdf = FAMILY.cdf(y, None, point)
    assert np.all(np.diff(cdf) >= 0.0)
    draws = FAMILY.draw(point, None, np.random.default_rng(0))
    assert np.all((draws >= 0.0) & (draws <= 1.0))


def test_crossed_thresholds_are_impossible():
    y = np.array([0.0, 0.5, 1.0])
    found = FAMILY.log_density(y, None, rows(3, 0.0, 0.0, 1.0, -1.0))
    assert found[1] == -np.inf


def test_far_thresholds_leave_the_beta_family():
    y = np.array([0.1, 0.5, 0.999])
    eta = rows(3, 0.2, -1.0)
    found = FAMILY.log_density(y, None, variables([*eta, *rows(3, -60.0, 60.0)], 3))
    beta = make_family("beta").log_density(y, None, variables(eta, 3))
    np.testing.assert_allclose(found.value, beta.value, rtol=1e-12)
    np.testing.assert_allclose(found.second[:3], beta.second, rtol=1e-12)


def simulated(seed=3, point=(-1.5, -2.0, 1.8)):
    rng = np.random.default_rng(seed)
    g, x = np.repeat(np.arange(25), 14), rng.normal(size=350)
    eta = 0.1 + 0.6 * x + 0.5 * rng.normal(size=25)[g]
    y = FAMILY.draw([eta, *(np.full(350, e) for e in point)], None, rng)
    return pd.DataFrame({"y": y, "x": x, "g": g})


def test_what_was_simulated_is_recovered():
    data = simulated()
    fit = ilk.fit("y ~ x + (1 | g)", data, family="ordered_beta")
    assert fit.verdict.status is Status.CONVERGED
    truth = {
        "x": 0.6,
        "dispersion: Intercept": -1.5,
        "threshold_1: Intercept": -2.0,
        "threshold_2: Intercept": 1.8,
    }
    for term, value in truth.items():
        assert abs(fit.params[term] - value) < 3.5 * fit.std_errors[term], term
    assert "0 | between" in str(fit.summary())
    residuals = fit.residuals("quantile")
    assert stats.kstest(residuals, "norm").pvalue > 1e-3
    assert np.all(np.isfinite(residuals))


def test_likelihood_is_the_product_of_integrals_over_clusters():
    data = simulated().query("g < 8")
    fit = ilk.fit("y ~ x + (1 | g)", data, family="ordered_beta", quadrature=31)
    first, slope, *point = fit.params.values()
    sd = float(fit.variance_components()["sd"].iloc[0])

    def cluster(rows_of_one):
        y, x = rows_of_one["y"].to_numpy(), rows_of_one["x"].to_numpy()

        def joint(b):
            eta = [first + slope * x + sd * b, *rows(len(y), *point)]
            each = FAMILY.log_density(y, None, eta) + FAMILY.constant(y, None)
            return float(np.exp(each.sum()) * stats.norm.pdf(b))

        return np.log(integrate.quad(joint, -9.0, 9.0, epsabs=0.0, epsrel=1e-11, limit=200)[0])

    total = sum(cluster(one) for _, one in data.groupby("g"))
    assert fit.loglik == pytest.approx(total, abs=1e-7)


@pytest.mark.parametrize(
    ("y", "family", "match"),
    [
        ([0.0, 0.4, 0.7], "ordered_beta", r"ordered_beta\(ends='zero'\)"),
        ([1.0, 0.4, 0.7], "ordered_beta", r"below which .*ordered_beta\(ends='one'\)"),
        ([0.2, 0.4, 0.7], "ordered_beta", "family='beta'"),
        ([0.0, 1.0, 1.0], "ordered_beta", "'binomial'"),
        ([0.0, 1.0, 1.5], "ordered_beta", "row 2, but family 'ordered_beta'"),
        ([0.0, 1.0, np.nan], "ordered_beta", "row 2"),
        ([0.0, 0.3, 0.6], "beta", "'ordered_beta'"),
        ([0.2, 0.3, 1.0], "beta", "'ordered_beta'"),
    ],
)
def test_ends_that_are_missing_or_too_many_name_the_family(y, family, match):
    with pytest.raises(DataError, match=match):
        make_family(family).check(np.array(y), None, "cover")


def test_one_end_has_one_threshold():
    data = simulated()
    some = data[data.y > 0.0]
    fit = ilk.fit("y ~ x + (1 | g)", some, family=ordered_beta(ends="one"))
    assert "threshold_2: Intercept" in list(fit.params)
    assert "threshold_1: Intercept" not in list(fit.params)
    with pytest.raises(DataError, match="of which none is 0"):
        ilk.fit("y ~ x + (1 | g)", data, family=ordered_beta(ends="one"))
    with pytest.raises(ModelError, match="Did you mean 'zero'"):
        ordered_beta(ends="zeros")


@pytest.mark.parametrize("name", ["ordered_beta", "tweedie", "zero_inflated_tweedie"])
def test_nothing_but_zeros_in_an_arm_is_separation(name):
    data = simulated().assign(arm=np.tile(["a", "b"], 175))
    data.loc[data.arm == "b", "y"] = 0.0
    inflated = name.startswith("zero_inflated")
    extra = {"zero_inflation": "~ 1"} if inflated else {}
    with pytest.warns(ilk.IlkWarning):
        fit = ilk.fit(
            "y ~ arm + (1 | g)", data, family=name.removeprefix("zero_inflated_"), **extra
        )
    assert fit.verdict.status is Status.SEPARATED
    assert np.isnan(fit.std_errors["arm[T.b]"])
    assert inflated or np.isfinite(fit.std_errors["dispersion: Intercept"])
