"""Every family with every link: normalization, derivatives, moments, distribution, draws."""

import numpy as np
import pytest
from scipy import integrate, stats
from tests.densities import assert_exact
from tests.families import TRIALS, cases, censored, plain, wrapped

from ilk.family import make_family
from ilk.num.jets import variables

CASES = cases()
LABELS = [case.label for case in CASES]
DEFINED = [*plain(categorical=True), *(case for case in wrapped() if case.usual), *censored()]
ENOUGH = 1500.0
"""Counts beyond which no ordinary point has a probability."""

COMPILED = {
    "gaussian": "identity log inverse",
    "student": "identity log inverse",
    "skew_normal": "identity log inverse",
    "binomial": "logit probit cloglog",
    "poisson": "log identity sqrt",
    "negative_binomial_1": "log",
    "negative_binomial_2": "log",
    "generalized_poisson": "log sqrt identity",
    "conway_maxwell_poisson": "log",
    "tweedie": "log",
    "ordered_beta": "logit",
    "gamma": "log inverse identity",
    "lognormal": "log inverse identity",
    "exponential": "log inverse identity",
    "weibull": "log inverse identity",
    "inverse_gaussian": "log inverse inverse_squared identity",
    "beta": "logit probit cloglog",
    "beta_binomial": "logit probit cloglog",
    "zero_inflated_poisson": "log",
    "zero_inflated_negative_binomial_1": "log",
    "zero_inflated_negative_binomial_2": "log",
    "zero_inflated_binomial": "logit",
    "zero_inflated_beta_binomial": "logit",
    "truncated_poisson": "log",
    "truncated_negative_binomial_1": "log",
    "truncated_negative_binomial_2": "log",
    "hurdle_poisson": "log",
    "hurdle_negative_binomial_1": "log",
    "hurdle_negative_binomial_2": "log",
    "hurdle_gamma": "log",
}


each = pytest.mark.parametrize("case", CASES, ids=LABELS)


def log_density(case, y, point):
    family, trials = case.family, case.trials(len(y))
    return family.log_density(y, trials, case.eta(point, len(y))) + family.constant(y, trials)


def support(case, point):
    """All counts that matter, or quantiles of a continuous response."""
    family = case.family
    if family.takes_trials:
        return np.arange(TRIALS + 1.0)
    if family.discrete:
        return np.arange(0.0 if family.has_zero else 1.0, ENOUGH)
    y = np.unique(family.draw(case.eta(point, 80), None, np.random.default_rng(0)))
    return y[~np.isin(y, atoms(family))][:12]


def atoms(family):
    """Numbers with a probability beside an interval."""
    return np.array(family.atoms or ((0.0,) if family.has_atoms else ()))


@pytest.mark.parametrize("case", DEFINED, ids=[case.label for case in DEFINED])
def test_values_and_derivatives_are_those_of_the_definition(case):
    for point in case.ends:
        for y, aux in case.responses:
            assert_exact(case.family, point, y, aux, digits=130 if case.is_censored else 70)
            response, other = np.array([y]), None if aux is None else np.array([aux])
            eta = case.eta(point, 1)
            value = case.family.log_density(response, other, eta)
            jet = case.family.log_density(response, other, variables(eta, 3))
            np.testing.assert_allclose(jet.value, value, rtol=1e-13, atol=1e-13)


@each
def test_probabilities_sum_to_one_with_the_right_mean_and_variance(case):
    family = case.family
    for point in case.ends:
        eta = case.eta(point, 1)
        mean, variance = family.mean(eta)[0], family.variance(eta, case.trials(1))[0]
        if family.takes_trials:
            mean = mean * case.trials(1)[0]

        def moment(function, point=point):
            if family.discrete:
                y = support(case, point)
                return float(np.sum(function(y) * np.exp(log_density(case, y, point))))
            # trapezoidal rule where the integrand falls off at both ends of the line
            z = np.linspace(-60.0, 30.0, 9001)
            if family.location_scale:
                y, slope = z, np.ones_like(z)
            elif family.mean_range.high == 1.0:
                y = 1.0 / (1.0 + np.exp(-z))
                slope = y / (1.0 + np.exp(z))
            else:
                y = slope = np.exp(z)
            mass = np.exp(log_density(case, y, point)) * slope
            total = float(np.sum(function(y) * mass)) * (z[1] - z[0])
            single = atoms(family)
            return total + float(
                np.sum(function(single) * np.exp(log_density(case, single, point)))
            )

        assert moment(lambda y: 1.0 + 0.0 * y) == pytest.approx(1.0, abs=1e-8)
        assert moment(lambda y: y) == pytest.approx(mean, rel=1e-7)
        spread = moment(lambda y, mean=mean: (y - mean) ** 2)
        assert spread == pytest.approx(variance, rel=1e-6)


@each
def test_distribution_function_sums_the_density(case):
    for point in case.ends:
        y = support(case, point)
        cdf = case.family.cdf(y, case.trials(len(y)), case.eta(point, len(y)))
        if case.family.discrete:
            expected = np.cumsum(np.exp(log_density(case, y, point)))
            np.testing.assert_allclose(cdf, expected, atol=1e-9)
            below = case.family.cdf(np.array([-1.0]), case.trials(1), case.eta(point, 1))
            assert below[0] == 0.0
        else:
            mass = integrate.quad(
                lambda x, p=point: float(np.exp(log_density(case, np.array([x]), p))[0]),
                y[1], y[-1], epsabs=1e-12,
            )[0]  # fmt: skip
            assert cdf[-1] - cdf[1] == pytest.approx(mass, abs=1e-8)


@each
def test_draws_follow_the_distribution(case):
    rng = np.random.default_rng(20)
    family, n = case.family, 5_000
    for point in case.ends:
        eta, trials = case.eta(point, n), case.trials(n)
        y = family.draw(eta, trials, rng)
        family.check(y, trials, "y") if family.name not in ("beta", "gamma") else None
        mean, variance = family.mean(eta)[0], family.variance(eta, trials)[0]
        if trials is not None:
            mean = mean * trials[0]
        # five standard errors, that of the variance from the draws themselves
        assert abs(y.mean() - mean) < 5.0 * np.sqrt(variance / n)
        squares = (y - mean) ** 2
        assert abs(squares.mean() - variance) < 6.0 * squares.std() / np.sqrt(n)
        # randomized probability transform: uniform
        upper = family.cdf(y, trials, eta)
        lower = family.cdf_below(y, trials, eta)
        uniform = lower + rng.random(n) * (upper - lower)
        assert stats.kstest(uniform, "uniform").pvalue > 1e-5


@each
def test_starts_are_finite_and_possible(case):
    rng = np.random.default_rng(3)
    family = case.family
    for point in case.ends:
        n = 200
        eta, trials = case.eta(point, n), case.trials(n)
        y = family.draw(eta, trials, rng)
        y = np.clip(y, 1e-9, 1.0 - 1e-9) if family.name == "beta" else y
        weights = rng.integers(1, 4, n).astype(float)
        for offset in (None, np.full(n, 0.01)):
            start = family.start(y, trials, offset, weights)
            assert len(start) == len(family.parameters)
            values = [np.full(n, s) for s in start]
            assert np.all(np.isfinite(family.log_density(y, trials, values)))
            # not far from the truth on the scale of the mean
            assert 0.2 < family.mean(values)[0] / family.mean(eta)[0] < 5.0


@each
def test_unit_deviance_is_the_gain_of_a_perfect_mean(case):
    family = case.family
    if not family.has_unit_deviance:
        return
    for point in case.ends:
        y = support(case, point)[:12]
        inside = y[(y > 0) & (y < (case.trials(1)[0] if family.takes_trials else np.inf))]
        if family.name == "gaussian" and family.link.name != "identity":
            inside = inside[inside > 0]
        trials = case.trials(len(inside))
        mu = family.mean(case.eta(point, len(inside)))
        perfect = inside if trials is None else inside / trials
        if not np.all(family.link.range.contains(perfect)) or len(inside) == 0:
            continue
        phi = np.exp(point[1]) if len(point) > 1 else 1.0
        if family.name == "negative_binomial_1":
            # its shape moves with the mean; the deviance is that at the fitted shape
            k = mu[0] / phi
            twin, at = make_family("negative_binomial_2"), np.full_like(mu, -np.log(k))
            best = twin.log_density(inside, None, [np.log(inside), at])
            here = twin.log_density(inside, None, [np.log(mu), at])
            scale = 1.0
        else:
            rest = [np.full_like(mu, e) for e in point[1:]]
            best = family.log_density(inside, trials, [family.link.link(perfect), *rest])
            here = family.log_density(inside, trials, case.eta(point, len(inside)))
            scale = 1.0 if family.name == "negative_binomial_2" else phi
        found = family.unit_deviance(inside, trials, mu, phi)
        np.testing.assert_allclose(found, 2.0 * scale * (best - here), rtol=1e-8, atol=1e-10)


@each
def test_keys_name_the_compiled_densities(case):
    family = case.family
    compiled = family.link.name in COMPILED.get(family.name, "").split()
    assert family.key == (case.label if compiled else None)
    assert family.predictors == len(family.parameters)
    assert family.has_dispersion == ("dispersion" in family.parameters)
