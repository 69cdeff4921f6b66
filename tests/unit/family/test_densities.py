"""Every family with every link: normalization, derivatives, moments, distribution, draws."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import integrate, optimize, special, stats
from tests.tables import with_exponent

from ilk.family import FAMILIES, AbstractFamily, make_family
from ilk.family.inflation import hurdle
from ilk.family.truncated import Truncated
from ilk.num.jets import pair, triple, variables

TRIALS = 7.0
MEANS = {"counts": (0.3, 2.0, 9.0), "positive": (0.4, 1.0, 3.0), "share": (0.1, 0.45, 0.85)}
LOG_DISPERSIONS = (-2.0, 0.3)
LOG_DISPERSIONS_BETA = (-2.5, -1.5)
"""Beyond these much of the mass of a beta distribution is nearer to 1 than a number can be."""
LOG_DISPERSIONS_ABOVE_ONE = (0.3, 1.5)
"""Where the generalized Poisson formula is a distribution."""
SHAPES = {"student": 2.5, "skew_normal": -2.5}
"""Predictors of the shape; of others, and of excess zeros, -0.7."""


@dataclass(frozen=True)
class Case:
    """A family with a link at some means and dispersions."""

    family: AbstractFamily

    @property
    def label(self) -> str:
        return f"{self.family.name}:{self.family.link.name}"

    @property
    def hurdle(self) -> bool:
        """Whether a continuous response may be zero."""
        return self.family.name.startswith("hurdle_") and not self.family.discrete

    @property
    def points(self) -> list[list[float]]:
        """Linear predictors to try."""
        family = self.family
        kind = "positive"
        if family.mean_range.high == 1.0 or family.takes_trials:
            kind = "share"
        elif family.discrete:
            kind = "counts"
        out = []
        for mu in MEANS[kind]:
            eta = float(family.link.link(np.array(mu)))
            dispersions = LOG_DISPERSIONS
            if family.name.endswith("beta"):
                dispersions = LOG_DISPERSIONS_BETA
            elif family.name.endswith("generalized_poisson"):
                dispersions = LOG_DISPERSIONS_ABOVE_ONE
            for log_phi in dispersions if family.has_dispersion else (None,):
                point = [eta] if log_phi is None else [eta, log_phi]
                rest = SHAPES.get(family.name, -0.7)
                out.append(point + [rest] * (len(family.parameters) - len(point)))
        return out

    def trials(self, n: int) -> np.ndarray | None:
        return np.full(n, TRIALS) if self.family.takes_trials else None

    def eta(self, point: list[float], n: int) -> list[np.ndarray]:
        return [np.full(n, e) for e in point]

    def support(self, point: list[float]) -> np.ndarray:
        """All counts that matter, or quantiles of a continuous response."""
        if self.family.takes_trials:
            return np.arange(TRIALS + 1.0)
        if self.family.discrete:
            return np.arange(0.0 if self.family.has_zero else 1.0, 4000.0)
        rng = np.random.default_rng(0)
        return np.sort(self.family.draw(self.eta(point, 12), None, rng))


def plain() -> list[Case]:
    return [
        Case(make_family(name, with_exponent(link)))
        for name, kind in FAMILIES.items()
        if not kind.categorical
        for link in kind.links
    ]


def inflated() -> list[Case]:
    return [
        Case(make_family(case.family, zero_inflated=True)) for case in plain()
        if case.family.discrete
    ]  # fmt: skip


def without_zeros() -> list[Case]:
    """Truncated counts, and hurdles before all that has no zeros, with their usual link."""
    usual = [make_family(name) for name, kind in FAMILIES.items() if not kind.categorical]
    truncated = [Truncated(one) for one in usual if one.discrete and not one.takes_trials]
    positive = [*truncated, *(one for one in usual if not one.has_zero)]
    return [Case(one) for one in (*truncated, *(hurdle(one) for one in positive))]


CASES = plain() + inflated() + without_zeros()
LABELS = [case.label for case in CASES]

COMPILED = {
    "gaussian": "identity log inverse",
    "student": "identity log inverse",
    "skew_normal": "identity log inverse",
    "binomial": "logit probit cloglog",
    "poisson": "log identity sqrt",
    "negative_binomial_1": "log",
    "negative_binomial_2": "log",
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


def scipy_density(name, y, mu, phi, n, shape=None):  # noqa: C901
    """Logarithm of the density or mass in SciPy's parameters."""
    match name:
        case "gaussian":
            return stats.norm.logpdf(y, mu, np.sqrt(phi))
        case "student":
            return stats.t.logpdf(y, 1.0 + np.exp(shape), mu, np.sqrt(phi))
        case "skew_normal":
            unit = stats.skewnorm(shape)
            scale = np.sqrt(phi) / unit.std()
            return stats.skewnorm.logpdf(y, shape, mu - scale * unit.mean(), scale)
        case "binomial":
            return stats.binom.logpmf(y, n, mu)
        case "poisson":
            return stats.poisson.logpmf(y, mu)
        case "negative_binomial_1":
            return stats.nbinom.logpmf(y, mu / phi, 1.0 / (1.0 + phi))
        case "negative_binomial_2":
            return stats.nbinom.logpmf(y, 1.0 / phi, 1.0 / (1.0 + phi * mu))
        case "generalized_poisson":
            s = phi**-0.5
            rate = s * mu + (1.0 - s) * y
            return np.log(s * mu) + (y - 1.0) * np.log(rate) - rate - special.gammaln(y + 1.0)
        case "conway_maxwell_poisson":
            j = np.arange(4000.0)
            tilted = lambda a: a * j - special.gammaln(j + 1.0) / phi  # noqa: E731
            mean = lambda a: special.softmax(tilted(a)) @ j - mu  # noqa: E731
            a = optimize.brentq(mean, -30.0, 20.0, xtol=1e-14, rtol=1e-14)
            return a * y - special.gammaln(y + 1.0) / phi - special.logsumexp(tilted(a))
        case "gamma":
            return stats.gamma.logpdf(y, 1.0 / phi, scale=phi * mu)
        case "lognormal":
            return stats.lognorm.logpdf(y, np.sqrt(phi), scale=mu * np.exp(-0.5 * phi))
        case "exponential":
            return stats.expon.logpdf(y, scale=mu)
        case "weibull":
            return stats.weibull_min.logpdf(y, 1.0 / phi, scale=mu / special.gamma(1.0 + phi))
        case "inverse_gaussian":
            return stats.invgauss.logpdf(y, phi * mu, scale=1.0 / phi)
        case "beta":
            return stats.beta.logpdf(y, mu / phi, (1.0 - mu) / phi)
        case "beta_binomial":
            return stats.betabinom.logpmf(y, n, mu / phi, (1.0 - mu) / phi)
    raise AssertionError(f"no density for {name}")


@pytest.mark.parametrize("case", plain(), ids=[c.label for c in plain()])
def test_density_is_that_of_scipy(case):
    for point in case.points:
        y = case.support(point)[:60]
        mu = float(case.family.link.inverse(np.array([point[0]]))[0])
        phi = np.exp(point[1]) if len(point) > 1 else 1.0
        expected = scipy_density(case.family.name, y, mu, phi, case.trials(1), *point[2:3])
        np.testing.assert_allclose(log_density(case, y, point), expected, rtol=1e-9, atol=1e-9)


@each
def test_probabilities_sum_to_one_with_the_right_mean_and_variance(case):
    family = case.family
    for point in case.points:
        eta = case.eta(point, 1)
        mean, variance = family.mean(eta)[0], family.variance(eta, case.trials(1))[0]
        if family.takes_trials:
            mean = mean * case.trials(1)[0]

        def moment(function, point=point):
            if family.discrete:
                y = case.support(point)
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
            if not case.hurdle:
                return total
            zero = np.zeros(1)
            return total + float((function(zero) * np.exp(log_density(case, zero, point)))[0])

        assert moment(lambda y: 1.0 + 0.0 * y) == pytest.approx(1.0, abs=1e-8)
        assert moment(lambda y: y) == pytest.approx(mean, rel=1e-7)
        spread = moment(lambda y, mean=mean: (y - mean) ** 2)
        assert spread == pytest.approx(variance, rel=1e-6)


@each
def test_derivatives_match_differences(case):
    for point in case.points:
        y = case.support(point)[:9]
        eta, trials = case.eta(point, len(y)), case.trials(len(y))
        jet = case.family.log_density(y, trials, variables(eta, 3))
        np.testing.assert_allclose(
            jet.value, case.family.log_density(y, trials, eta), rtol=1e-13, atol=1e-13
        )
        count = len(eta)
        for k in range(count):
            h = 1e-4 * max(0.1, min(1.0, abs(point[k])))
            ends = {}
            for step in (-2, -1, 1, 2):
                moved = [e + step * h * (i == k) for i, e in enumerate(eta)]
                ends[step] = case.family.log_density(y, trials, variables(moved, 2))

            def slope(part, ends=ends, h=h):
                near = (part(ends[1]) - part(ends[-1])) / (2.0 * h)
                return (4.0 * near - (part(ends[2]) - part(ends[-2])) / (4.0 * h)) / 3.0

            def close(found, expected):
                size = 1.0 + np.abs(expected)
                assert np.max(np.abs(found - expected) / size) < 2e-7

            close(slope(lambda jet: jet.value), jet.first[k])
            for j in range(count):
                close(slope(lambda jet, j=j: jet.first[j]), jet.second[pair(k, j)])
                for i in range(count):
                    at = pair(j, i)
                    close(slope(lambda jet, at=at: jet.second[at]), jet.third[triple(k, j, i)])


@each
def test_distribution_function_sums_the_density(case):
    for point in case.points:
        y = case.support(point)
        cdf = case.family.cdf(y, case.trials(len(y)), case.eta(point, len(y)))
        if case.family.discrete:
            expected = np.cumsum(np.exp(log_density(case, y, point)))
            np.testing.assert_allclose(cdf, expected, atol=1e-9)
            below = case.family.cdf(np.array([-1.0]), case.trials(1), case.eta(point, 1))
            assert below[0] == 0.0
        else:
            mass = integrate.quad(
                lambda x, p=point: float(np.exp(log_density(case, np.array([x]), p))[0]),
                y[3], y[8], epsabs=1e-12,
            )[0]  # fmt: skip
            assert cdf[8] - cdf[3] == pytest.approx(mass, abs=1e-8)


@each
def test_draws_follow_the_distribution(case):
    rng = np.random.default_rng(20)
    family, n = case.family, 20_000 if case.family.key else 8_000
    for point in case.points:
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
    for point in case.points:
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
    for point in case.points:
        y = case.support(point)[:12]
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


def test_no_family_is_forgotten():
    numeric = {name for name, kind in FAMILIES.items() if not kind.categorical}
    assert {case.family.name for case in plain()} == numeric
    assert len({type(case.family) for case in CASES}) == len(numeric) + 2


@each
def test_keys_name_the_compiled_densities(case):
    family = case.family
    compiled = family.link.name in COMPILED.get(family.name, "").split()
    assert family.key == (case.label if compiled else None)
    assert family.predictors == len(family.parameters)
    assert family.has_dispersion == ("dispersion" in family.parameters)
