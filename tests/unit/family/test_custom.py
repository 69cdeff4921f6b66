"""Families of one's own: as the built-in ones, and what is refused."""

import math
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import gammaln, loggamma

import ilk
from ilk.errors import DataError, DataWarning, ModelError
from ilk.family.link import find_link
from ilk.num import jets

custom = ilk.families.custom
TWO = ("mean", "dispersion")


def poisson(y, eta):
    return y * eta - np.exp(eta) - gammaln(y + 1.0)


def poisson_jets(y, eta):
    return y * eta - jets.exp(eta) - gammaln(y + 1.0)


def slope(y, eta):
    return y - np.exp(eta)


def bend(y, eta):
    return -np.exp(eta)


def gamma(y, eta, log_phi):
    k = np.exp(-log_phi)
    return (k - 1.0) * np.log(y) - y * k * np.exp(-eta) - k * (eta + log_phi) - gammaln(k)


def negative_binomial(y, eta, log_phi):
    k = np.exp(-log_phi)
    ratio = loggamma(k + y) - loggamma(k) - gammaln(y + 1.0)
    return ratio + y * (eta + log_phi) - (k + y) * np.log1p(np.exp(eta + log_phi))


def beta(y, eta, log_phi):
    mu = 1.0 / (1.0 + np.exp(-eta))
    a, b = mu * np.exp(-log_phi), (1.0 - mu) * np.exp(-log_phi)
    edges = (a - 1.0) * np.log(y) + (b - 1.0) * np.log1p(-y)
    return gammaln(a + b) - gammaln(a) - gammaln(b) + edges


def inflated(y, eta, logit):
    counts = poisson(y, eta)
    zero = np.logaddexp(logit, counts) - np.logaddexp(0.0, logit)
    return np.where(y == 0.0, zero, counts - np.logaddexp(0.0, logit))


def gumbel(y, location, log_scale):
    z = (y - location) * np.exp(-log_scale)
    return -z - np.exp(-z) - log_scale


GUMBEL = {
    "parameters": ("mean", "scale"),
    "support": "real",
    "link": None,
    "name": "gumbel",
    "scales": {"scale": "log"},
}


def table(rows=240, groups=24):
    rng = np.random.default_rng(5)
    g, x = np.repeat(np.arange(groups), rows // groups), rng.normal(size=rows)
    eta = 0.3 + 0.5 * x + 0.5 * rng.normal(size=groups)[g]
    mean, share = np.exp(eta), 1.0 / (1.0 + np.exp(-eta))
    counts = rng.poisson(mean)
    return pd.DataFrame(
        {
            "poisson": counts,
            "gamma": rng.gamma(2.0, mean / 2.0),
            "negative_binomial_2": rng.negative_binomial(2.0, 2.0 / (2.0 + mean)),
            "beta": np.clip(rng.beta(3.0 * share, 3.0 * (1.0 - share)), 1e-4, 1.0 - 1e-4),
            "inflated": np.where(rng.random(rows) < 0.3, 0, rng.poisson(2.0 * mean)),
            "gumbel": rng.gumbel(2.0 * eta, 0.7),
            "x": x,
            "g": g,
        }
    )


DATA = table()
SAME = {
    "complex step": ("poisson", custom(poisson, name="own"), "complex step"),
    "jets": ("poisson", custom(poisson_jets, name="own"), "jets"),
    "first": ("poisson", custom(poisson, derivatives=slope, name="own"), "first given"),
    "all": ("poisson", custom(poisson, derivatives=(slope, bend, bend), name="own"), "third given"),
    "scipy": (
        "poisson",
        custom(lambda y, eta: stats.poisson.logpmf(y, np.exp(eta)), name="own"),
        "differences",
    ),
    "gamma": (
        "gamma",
        custom(gamma, parameters=TWO, support="positive", name="own"),
        "differences",
    ),
    "nb2": (
        "negative_binomial_2",
        custom(negative_binomial, parameters=TWO, name="own"),
        "complex step",
    ),
    "beta": (
        "beta",
        custom(beta, parameters=TWO, support="unit", link="logit", name="own"),
        "differences",
    ),
}


@pytest.mark.parametrize("case", SAME)
def test_the_fit_is_that_of_the_built_in_family(case):
    name, family, derivatives = SAME[case]
    assert derivatives in family.derivatives
    formula = f"{name} ~ x + (1 | g)"
    exact, own = ilk.fit(formula, DATA, family=name), ilk.fit(formula, DATA, family=family)
    assert own.loglik == pytest.approx(exact.loglik, rel=1e-8)
    ours, theirs = own.tidy(), exact.tidy()
    np.testing.assert_allclose(ours["estimate"], theirs["estimate"], rtol=1e-6)
    np.testing.assert_allclose(
        ours["std_error"].astype(float), theirs["std_error"].astype(float), rtol=1e-4
    )
    for estimand in ("conditional", "typical", "population"):
        np.testing.assert_allclose(
            own.predict(estimand=estimand)["estimate"],
            exact.predict(estimand=estimand)["estimate"],
            rtol=2e-6,
        )
    np.testing.assert_allclose(
        own.residuals(kind="pearson"), exact.residuals(kind="pearson"), rtol=1e-5, atol=1e-6
    )


def test_excess_zeros_written_out_are_zero_inflation():
    own = custom(
        inflated,
        parameters=("mean", "zero_inflation"),
        mean=lambda eta, z: np.exp(eta) / (1.0 + np.exp(z)),
        name="own",
    )
    a = ilk.fit("inflated ~ x + (1 | g)", DATA, family=own)
    b = ilk.fit("inflated ~ x + (1 | g)", DATA, family="poisson", zero_inflation="~ 1")
    c = ilk.fit("inflated ~ x + (1 | g)", DATA, family=SAME["jets"][1], zero_inflation="~ 1")
    for other in (a, c):
        assert other.loglik == pytest.approx(b.loglik, rel=1e-8)
        np.testing.assert_allclose(other.tidy()["estimate"], b.tidy()["estimate"], rtol=1e-6)
    assert c.fitted.family.name == "zero_inflated_own"


def test_what_is_not_given_is_found():
    own, exact = SAME["complex step"][1], ilk.families.poisson()
    eta = [np.log(np.array([0.02, 1.0, 1.0, 30.0, 1e5]))]
    y = np.array([0.0, 0.0, 3.0, 28.0, 1e5 + 100])
    np.testing.assert_allclose(own.variance(eta, None), exact.variance(eta, None), rtol=1e-8)
    np.testing.assert_allclose(own.cdf(y, None, eta), exact.cdf(y, None, eta), rtol=1e-8)
    below = own.cdf_below(y, None, eta)
    np.testing.assert_allclose(below, exact.cdf_below(y, None, eta), rtol=1e-7, atol=1e-12)
    many = [np.full(500, 1.0)]
    drawn = own.draw(many, None, np.random.default_rng(2))
    assert abs(drawn.mean() - math.e) < 4.0 * math.sqrt(math.e / 500)


def test_a_location_that_is_not_the_mean():
    family = custom(gumbel, **GUMBEL)
    assert family.location_scale
    assert family.log_scale == ("scale", 1.0)
    eta = [np.array([0.0, 1e4]), np.array([0.5, 3.0])]
    expected = eta[0] + np.euler_gamma * np.exp(eta[1])
    np.testing.assert_allclose(family.mean(eta), expected, rtol=1e-9)
    np.testing.assert_allclose(
        family.variance(eta, None), np.pi**2 / 6.0 * np.exp(2.0 * eta[1]), rtol=1e-7
    )
    small = ilk.fit("gumbel ~ x + (1 | g)", DATA, family=family)
    large = DATA.assign(gumbel=1e5 + 2000.0 * DATA["gumbel"])
    large = ilk.fit("gumbel ~ x + (1 | g)", large, family=family)
    rows = len(DATA)
    assert large.loglik == pytest.approx(small.loglik - rows * math.log(2000.0), abs=1e-4)
    a, b = small.tidy().set_index("term"), large.tidy().set_index("term")
    assert b.loc["x", "estimate"] == pytest.approx(2000.0 * a.loc["x", "estimate"], rel=1e-4)
    assert "Coefficients of the log scale" in str(small.summary())


def test_a_formula_of_another_parameter():
    family = custom(gumbel, **GUMBEL)
    rng = np.random.default_rng(4)
    x = rng.normal(size=800)
    data = pd.DataFrame({"y": rng.gumbel(1.0 + x, np.exp(-0.3 + 0.4 * x)), "x": x})
    fit = ilk.fit("y ~ x", data, family=family, parameters={"scale": "~ x"})
    found = fit.tidy()
    for estimate, error, truth in zip(
        found["estimate"], found["std_error"], [1.0, 1.0, -0.3, 0.4], strict=True
    ):
        assert abs(estimate - truth) < 4.0 * error


def test_the_start_of_an_unknown_family():
    family = custom(gumbel, **GUMBEL)
    y = stats.gumbel_r(300.0, 40.0).rvs(400, random_state=1)
    location, log_scale = family.start(y, None, None, None)
    assert location == pytest.approx(300.0, abs=10.0)
    assert log_scale == pytest.approx(math.log(40.0), abs=0.15)
    other = custom(gumbel, **GUMBEL, start=lambda y: (np.mean(y), np.log(np.std(y))))
    assert other.start(y, None, None, None)[0] == pytest.approx(np.mean(y))
    wrong = custom(gumbel, **GUMBEL, start=lambda y: np.mean(y))
    with pytest.raises(ModelError, match="2 finite numbers"):
        wrong.start(y, None, None, None)


def test_densities_that_end_where_predictors_do():
    """Identity link: half of all predictors have no density, and steps are halved."""

    def density(y, mu, log_phi):
        positive = np.where(mu > 0.0, mu, 1.0)
        k = np.exp(-log_phi)
        value = stats.gamma.logpdf(y, k, scale=positive / k)
        return np.where(mu > 0.0, value, -np.inf)

    own = custom(density, parameters=TWO, support="positive", link="identity", name="own")
    rng = np.random.default_rng(7)
    x = rng.uniform(0.0, 1.0, 150)
    data = pd.DataFrame({"y": rng.gamma(3.0, (0.05 + 2.0 * x) / 3.0), "x": x})
    a = ilk.fit("y ~ x", data, family=own)
    b = ilk.fit("y ~ x", data, family=ilk.families.gamma("identity"))
    assert a.loglik == pytest.approx(b.loglik, rel=1e-8)


def test_zeros_and_ones_beside_proportions():
    def density(y, eta, log_phi, zero, one):
        inside = np.where((y > 0.0) & (y < 1.0), y, 0.5)
        rest = -np.log(1.0 + np.exp(zero) + np.exp(one))
        value = beta(inside, eta, log_phi) + rest
        return np.where(y == 0.0, zero + rest, np.where(y == 1.0, one + rest, value))

    names = ("mean", "dispersion", "zero", "one")
    own = custom(density, parameters=names, support="unit", atoms=(0, 1), link=None, name="zoib")
    assert own.has_atoms
    rng = np.random.default_rng(3)
    x = rng.normal(size=400)
    mu = 1.0 / (1.0 + np.exp(-0.5 * x))
    y = rng.beta(4.0 * mu, 4.0 * (1.0 - mu))
    kind = rng.choice(3, 400, p=[0.7, 0.2, 0.1])
    y = np.where(kind == 1, 0.0, np.where(kind == 2, 1.0, np.clip(y, 1e-6, 1.0 - 1e-6)))
    data = pd.DataFrame({"y": y, "x": x})
    fit = ilk.fit("y ~ x", data, family=own)
    inner = data[(y > 0.0) & (y < 1.0)]
    alone = ilk.fit("y ~ x", inner, family="beta")
    counts = np.array([np.sum(y == 0.0), np.sum(y == 1.0), len(inner)])
    parts = float(np.sum(counts * np.log(counts / 400.0)))
    assert fit.loglik == pytest.approx(alone.loglik + parts, rel=1e-8)
    eta = [np.array([0.3]), np.array([-1.0]), np.array([-1.0]), np.array([-2.0])]
    total = 1.0 + np.exp(-1.0) + np.exp(-2.0)
    expected = (1.0 / (1.0 + np.exp(-0.3)) + np.exp(-2.0)) / total
    assert own.mean(eta)[0] == pytest.approx(expected, rel=1e-8)
    at = np.zeros(1)
    assert own.cdf_below(at, None, eta)[0] == pytest.approx(0.0, abs=1e-12)
    assert own.cdf(at, None, eta)[0] == pytest.approx(np.exp(-1.0) / total, rel=1e-9)


def in_place(y, eta):
    y += 1.0
    return y * eta


BAD = {
    "not normalized": (lambda y, e: y * e - np.exp(e), {}, "sums to 1.2.*constant missing"),
    "nan": (lambda y, e: np.where(y > 3, np.nan, poisson(y, e)), {}, "nan at y = 4"),
    "infinite": (lambda y, e: np.where(y == 2, np.inf, poisson(y, e)), {}, "infinite|integrates"),
    "a number": (lambda y, e: np.sum(poisson(y, e)), {}, r"shape \(\) for 6 rows"),
    "a column": (lambda y, e: poisson(y, e)[:, None], {}, r"shape \(6, 1\)"),
    "rows mixed": (lambda y, e: poisson(y, e) - np.mean(y), {}, "computed for itself"),
    "no arrays": (lambda y, e: y * e - math.exp(e), {}, "TypeError.*NumPy's functions"),
    "in place": (in_place, {}, "must not change"),
    "arguments": (lambda y: y, {}, "TypeError"),
    "derivative": (
        poisson,
        {"derivatives": lambda y, e: y - 2.0 * np.exp(e)},
        r"derivatives\[0\].*differences say.*y = 0, eta = \(-2\)",
    ),
    "second": (poisson, {"derivatives": (slope, slope)}, r"derivatives\[1\]"),
    "four": (poisson, {"derivatives": (slope, bend, bend, bend)}, "first, second and third"),
    "mean": (gumbel, {**GUMBEL, "link": "identity"}, "the density has.*link=None"),
    "given mean": (gumbel, {**GUMBEL, "mean": lambda e, s: e}, "mean of family.*the density has"),
    "variance": (poisson, {"variance": lambda e: 1.01 * np.exp(e)}, "variance.*the density has"),
    "cdf": (
        poisson,
        {"cdf": lambda y, e: stats.poisson.cdf(y - 1, np.exp(e))},
        "cdf.*adds up to",
    ),
    "draw": (poisson, {"draw": lambda rng, e: rng.poisson(1.2 * np.exp(e))}, "draw.*says"),
    "draws outside": (
        poisson,
        {"draw": lambda rng, e: rng.normal(size=len(e))},
        "draw.*none of the whole numbers",
    ),
    "one draw": (poisson, {"draw": lambda rng, e: rng.poisson(1.0)}, r"draw.*shape \(\)"),
    "no function": (poisson, {"cdf": 3}, "no function"),
    "taken name": (poisson, {"name": "poisson"}, "already"),
    "name of a wrapper": (poisson, {"name": "hurdle_own"}, "already"),
    "blanks": (poisson, {"name": "my family"}, "no name"),
    "no mean": (poisson, {"parameters": ("mu",)}, "begin with 'mean'"),
    "twice": (gamma, {"parameters": ("mean", "mean")}, "different names"),
    "scale": (poisson, {"scales": {"shape": "log"}}, "none of"),
    "support": (poisson, {"support": "integers"}, "Unknown support"),
    "interval": (poisson, {"support": (1.0, 0.0)}, "is none"),
    "atoms": (poisson, {"atoms": (0.0,)}, "no atoms"),
    "steps": (poisson, {"support": range(0, 10, 2)}, "range of counts"),
    "points": (poisson, {"try_at": [[1.0, 2.0]]}, "rows of 1"),
    "nowhere": (lambda y, e: np.where(y >= 0, np.nan, e), {}, "not finite.*try_at="),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_named(case):
    function, options, message = BAD[case]
    with pytest.raises(ModelError, match=message) as caught:
        custom(function, **{"name": "own", **options})
    assert caught.value.code in ("custom-family", "support")
    assert len(str(caught.value)) < 420


def test_nearly_normalized_densities_are_doubted():
    with pytest.warns(DataWarning, match="sums to 1.0001"):
        custom(lambda y, e: poisson(y, e) + 1e-4, name="own")


def test_responses_outside_the_support_are_refused():
    family = SAME["complex step"][1]
    with pytest.raises(DataError, match=r"'poisson' has -3 in row 0.*whole numbers from 0"):
        ilk.fit("poisson ~ x", DATA.assign(poisson=-3), family=family)
    even = custom(poisson, name="own", check=lambda y: y != 1.0)
    with pytest.raises(DataError, match="only what its check= accepts"):
        ilk.fit("poisson ~ x", DATA, family=even)


def test_moments_that_do_not_exist_are_not_made_up():
    family = custom(
        lambda y, e, s: stats.cauchy.logpdf(y, e, np.exp(s)),
        parameters=("mean", "scale"),
        support="real",
        link=None,
        name="cauchy",
    )
    with pytest.raises(ModelError, match="mean of family 'cauchy' could not be found"):
        family.mean([np.zeros(2), np.zeros(2)])


def test_the_link_is_part_of_the_family():
    with pytest.raises(ModelError, match="part of the family"):
        ilk.fit("poisson ~ x", DATA, family=SAME["jets"][1], link="sqrt")


def test_a_class_may_not_take_the_name_of_another_family():
    @dataclass(frozen=True)
    class Taken(ilk.families.AbstractFamily):
        name = "poisson"
        parameters = ("mean",)
        link: ilk.families.AbstractLink = field(default_factory=lambda: find_link("log"))

        def log_density(self, y, trials, eta):
            return eta[0] * y - jets.exp(eta[0])

    with pytest.raises(ModelError, match="name of another"):
        ilk.fit("poisson ~ x", DATA, family=Taken())


def test_estimating_equations_take_the_moments():
    own = ilk.gee("poisson ~ x", DATA, groups="g", family=SAME["complex step"][1])
    exact = ilk.gee("poisson ~ x", DATA, groups="g", family="poisson")
    assert own.verdict == exact.verdict
    np.testing.assert_allclose(own.tidy()["estimate"], exact.tidy()["estimate"], rtol=1e-6)
    with pytest.raises(ModelError, match="other parameters as well"):
        ilk.gee("gumbel ~ x", DATA, groups="g", family=custom(gumbel, **GUMBEL))
