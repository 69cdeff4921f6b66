"""Censored responses: another program, integration, derivatives, limits and messages."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

import ilk
from ilk.errors import DataError, ModelError
from ilk.family import make_family
from ilk.family.censored import Censored
from ilk.num.jets import variables

DATA = pd.read_csv(Path(__file__).parents[2] / "reference" / "data" / "censored.csv")
RIGHT, LEFT = "censored(time, s) ~ x", "censored(time, s, kind='left') ~ x"
INTERVAL = "censored(lo, hi, kind='interval') ~ x"

# survreg of R 4.2.2, survival 3.5.3, validation/censored.R, 2026-11-30: log-likelihood, intercept,
# slope, scale, standard error of the slope
SURVREG = [
    ("weibull", RIGHT, -100.1762039, 0.936252889, 0.456975567, 0.555122488, 0.0774449384),
    ("weibull", INTERVAL, -98.0227146, 0.882813107, 0.526301836, 0.558399473, 0.0834221546),
    ("weibull", LEFT, -121.1711322, 0.62054921, 0.384545624, 0.77785763, 0.0997206057),
    ("exponential", RIGHT, -114.2135905, 0.904774028, 0.470863154, 1.0, 0.142193846),
    ("exponential", INTERVAL, -107.8977671, 0.793654018, 0.565093747, 1.0, 0.14909378),
    ("exponential", LEFT, -123.9221682, 0.534127487, 0.370555125, 1.0, 0.129384993),
    ("lognormal", RIGHT, -103.0615388, 0.623296245, 0.465489416, 0.709209523, 0.102105162),
    ("lognormal", INTERVAL, -99.8367971, 0.600625909, 0.488890836, 0.620377437, 0.100031608),
    ("lognormal", LEFT, -126.3899813, 0.211036421, 0.326975208, 0.902510552, 0.123474164),
    ("gaussian", RIGHT, -118.0101155, 2.45691282, 1.01661633, 1.47424927, 0.211897259),
    ("gaussian", INTERVAL, -117.6836288, 2.39349159, 1.08275686, 1.4725957, 0.217288793),
    ("gaussian", LEFT, -134.4013137, 1.67230809, 0.685057688, 1.70930216, 0.23414375),
]  # fmt: skip


@pytest.mark.parametrize(
    ("family", "formula", "loglik", "intercept", "slope", "scale", "se"), SURVREG
)
def test_survreg(family, formula, loglik, intercept, slope, scale, se):
    known = DATA
    if formula == INTERVAL and family != "gaussian":
        known = DATA[~((DATA.lo == 0) & np.isinf(DATA.hi))]  # no information
    fit = ilk.fit(formula, known, family=family)
    coef = fit.fitted.coef
    shift = {
        "weibull": -math.lgamma(1.0 + scale),
        "lognormal": -0.5 * scale**2,
    }.get(family, 0.0)
    assert fit.loglik == pytest.approx(loglik, rel=1e-6)
    assert coef[0] + shift == pytest.approx(intercept, rel=1e-5)
    assert coef[1] == pytest.approx(slope, rel=1e-5)
    if family != "exponential":
        power = 1.0 if family == "weibull" else 0.5
        assert math.exp(power * coef[2]) == pytest.approx(scale, rel=1e-5)
    table = fit.tidy()
    assert table["std_error"].iloc[1] == pytest.approx(se, rel=1e-3)
    assert not fit.fitted.model.linear


Y = np.array([1.2, 0.7, 2.0, 1.0, 0.5, 1.0, 3.0])
OTHER = np.array([1.2, np.inf, -np.inf, 1.5, 4.0, 1.0 + 1e-9, 3.1])
PAIRS = [("gaussian", 0.9), ("lognormal", 0.2), ("weibull", 0.2), ("exponential", 0.2)]


def _eta(family, start):
    n = len(Y)
    return [np.full(n, start), *(np.full(n, -0.4) for _ in family.parameters[1:])]


@pytest.mark.parametrize(("name", "start"), PAIRS)
def test_probabilities_are_integrals_of_the_density(name, start):
    base = make_family(name)
    family, eta = Censored(base), _eta(base, start)
    found = family.log_density(Y, OTHER, eta) + family.constant(Y, OTHER)

    def density(t):
        one = np.array([t])
        point = [e[:1] for e in eta]
        return math.exp((base.log_density(one, None, point) + base.constant(one, None))[0])

    floor = 0.0 if not base.has_zero else -np.inf
    for row, (y, other) in enumerate(zip(Y, OTHER, strict=True)):
        if y == other:
            expected = density(y)
        elif 0 < other - y < 1e-6:
            expected = density(y) * (other - y)
        else:
            low, high = min(y, other), max(y, other)
            expected = integrate.quad(density, max(low, floor), high, epsabs=1e-13)[0]
        assert math.exp(found[row]) == pytest.approx(expected, rel=2e-7)


@pytest.mark.parametrize(("name", "start"), PAIRS)
def test_derivatives_to_third_order(name, start):
    base = make_family(name)
    family, eta = Censored(base), _eta(base, start)
    jet = family.log_density(Y, OTHER, variables(eta, 3))
    step = 1e-5
    for k in range(len(eta)):
        ends = []
        for sign in (1.0, -1.0):
            moved = [e + sign * step * (j == k) for j, e in enumerate(eta)]
            ends.append(family.log_density(Y, OTHER, variables(moved, 3)))
        up, down = ends
        at = k * (k + 1) // 2 + k
        third = k * (k + 1) * (k + 2) // 6 + k * (k + 1) // 2 + k
        for a, b, c in (
            (up.value, down.value, jet.first[k]),
            (up.first[k], down.first[k], jet.second[at]),
            (up.second[at], down.second[at], jet.third[third]),
        ):
            np.testing.assert_allclose((a - b) / (2.0 * step), c, rtol=2e-5, atol=2e-5)


def test_tails_stay_finite():
    family = Censored(make_family("gaussian"))
    y, other = np.array([40.0, -40.0, 39.0]), np.array([np.inf, -np.inf, 40.0])
    found = family.log_density(y, other, [np.zeros(3), np.zeros(3)])
    expected = [stats.norm.logsf(40.0), stats.norm.logcdf(-40.0), stats.norm.logsf(39.0)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def _frailty(seed=1, clusters=60, size=6):
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(clusters), size)
    x = rng.normal(size=len(g))
    mean = np.exp(1.0 + 0.5 * x + rng.normal(0.0, 0.6, clusters)[g])
    time = mean * rng.weibull(1.5, len(g)) / math.gamma(1.0 + 1.0 / 1.5)
    limit = rng.exponential(9.0, len(g))
    return pd.DataFrame({"g": g, "x": x, "time": np.minimum(time, limit), "died": time <= limit})


def test_frailty_is_recovered_and_summary_counts_the_censored():
    data = _frailty()
    fit = ilk.fit("censored(time, died) ~ x + (1 | g)", data, family="weibull")
    assert fit.verdict.converged
    np.testing.assert_allclose(fit.fitted.coef, [1.0, 0.5, -math.log(1.5)], atol=0.25)
    assert fit.fitted.estimates.covariances[0][0, 0] ** 0.5 == pytest.approx(0.6, abs=0.2)
    count = int((~data.died).sum())
    assert f"{count} of 360 rows are right-censored" in str(fit.summary())
    z = fit.residuals("quantile")
    assert abs(z.mean()) < 0.15
    assert abs(z.std() - 1.0) < 0.15
    with pytest.raises(ModelError, match="kind='cluster'"):
        fit.bootstrap(draws=5, seed=1)
    with pytest.raises(ModelError, match="not seen where"):
        fit.cluster_report()
    assert f"{count} censored responses are drawn" in str(fit.check("uniformity")).replace(
        "\n  ", " "
    )
    with pytest.raises(ModelError, match="not defined for censored"):
        fit.residuals("pearson")


def test_quadrature_against_integration():
    data = _frailty(2, 4, 3)
    fit = ilk.fit("censored(time, died) ~ x + (1 | g)", data, family="weibull", quadrature=25)
    coef, sd = fit.fitted.coef, fit.fitted.estimates.covariances[0][0, 0] ** 0.5
    family = make_family("weibull")
    total = 0.0
    for _, rows in data.groupby("g"):
        y, died, x = (rows[c].to_numpy() for c in ("time", "died", "x"))

        def likelihood(b, y=y, died=died, x=x):
            eta = [coef[0] + coef[1] * x + b, np.full(len(x), coef[2])]
            exact = family.log_density(y, None, eta) + family.constant(y, None)
            with np.errstate(divide="ignore"):
                beyond = np.log1p(-family.cdf(y, None, eta))
            return math.exp(np.where(died, exact, beyond).sum()) * stats.norm.pdf(b, 0, sd)

        if sd > 1e-3:
            total += math.log(integrate.quad(likelihood, -8 * sd, 8 * sd, epsabs=1e-14)[0])
        else:
            total += math.log(likelihood(0.0) / stats.norm.pdf(0.0, 0, sd))
    assert fit.loglik == pytest.approx(total, rel=1e-6)


@pytest.mark.parametrize(
    ("formula", "change", "family", "error", "message"),
    [
        (RIGHT, {"s": 2}, "weibull", DataError, "'s' is 2 in row 0"),
        (RIGHT, {"s": "dead"}, "weibull", DataError, "'s' is 'dead' in row 0"),
        (RIGHT, {"time": -1.0}, "weibull", DataError, "has -1 in row 0"),
        (INTERVAL, {"hi": -1.0}, "gaussian", DataError, "interchanged in row 0"),
        (RIGHT, {}, "gamma", ModelError, "gaussian, lognormal, exponential and weibull can"),
        (RIGHT, {}, "poisson", ModelError, "cannot be censored"),
    ],
)
def test_messages(formula, change, family, error, message):
    with pytest.raises(error, match=message):
        ilk.fit(formula, DATA.assign(**change), family=family)


def test_texts_missing_values_and_rows_that_say_nothing():
    plain = ilk.fit(RIGHT, DATA, family="weibull")
    words = DATA.assign(s=np.where(DATA.s == 1, "none", "right"))
    assert ilk.fit(RIGHT, words, family="weibull").loglik == pytest.approx(plain.loglik)
    gaps = DATA.assign(s=DATA.s.where(DATA.index != 3))
    assert "s: 1" in ilk.fit(RIGHT, gaps, family="weibull").fitted.design.notes[0]
    endless = DATA.assign(
        lo=DATA.lo.where(DATA.index != 2, -np.inf), hi=DATA.hi.where(DATA.index != 2, np.inf)
    )
    assert "no ends: 1" in ilk.fit(INTERVAL, endless, family="gaussian").fitted.design.notes[0]


def test_shifted_and_scaled_responses_are_the_same_model():
    data = _frailty(3, 20, 5)
    plain = ilk.fit("censored(time, died) ~ x + (1 | g)", data, family="gaussian")
    far = data.assign(time=1e6 + 1e3 * data.time)
    fit = ilk.fit("censored(time, died) ~ x + (1 | g)", far, family="gaussian")
    assert fit.verdict.converged
    assert fit.fitted.coef[1] == pytest.approx(1e3 * plain.fitted.coef[1], rel=1e-4)
    shift = int(data.died.sum()) * math.log(1e3)
    assert fit.loglik == pytest.approx(plain.loglik - shift, rel=1e-6)


def test_population_means_and_coefficients_are_those_of_the_family():
    fit = ilk.fit("censored(time, died) ~ x + (1 | g)", _frailty(), family="weibull")
    point = {"x": [0.0]}
    typical = fit.predict(point, estimand="typical")["estimate"].iloc[0]
    population = fit.predict(point, estimand="population")["estimate"].iloc[0]
    variance = fit.fitted.estimates.covariances[0][0, 0]
    assert population == pytest.approx(typical * math.exp(0.5 * variance), rel=1e-6)
    assert fit.marginal_coefficients() is not None
