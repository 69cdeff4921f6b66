"""Probabilities of more than a number: another program, integrals, refusals."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, special, stats

import ilk
from ilk.errors import ModelError
from ilk.family import make_family
from ilk.family.beyond import Beyond
from ilk.num.jets import variables

DATA = pd.read_csv(Path(__file__).parents[2] / "reference" / "data" / "censored.csv")


# survreg and psurvreg of R 4.2.2, survival 3.5.3, validation/censored.R, 2026-12-01: average over
# the rows of P(time > 1.5), and its standard error by the delta method
@pytest.mark.parametrize(
    ("family", "probability", "error"),
    [
        ("weibull", 0.6442018082, 0.0409051476),
        ("lognormal", 0.6039723874, 0.04045892309),
    ],
)
def test_averages_agree_with_survreg(family, probability, error):
    fit = ilk.fit("censored(time, s) ~ x", DATA, family=family)
    found = fit.means(grid="observed", of={"beyond": 1.5}, average="mean").frame
    assert found.estimate.item() == pytest.approx(probability, rel=1e-5)
    assert found.std_error.item() == pytest.approx(error, rel=1e-3)


def _frailty(seed=3):
    rng = np.random.default_rng(seed)
    g, x = np.repeat(np.arange(30), 6), np.tile([0.0, 1.0], 90)
    times = 10.0 * np.exp(0.5 * x + rng.normal(0, 0.5, 30)[g]) * rng.weibull(1.5, 180)
    ends = rng.uniform(5.0, 30.0, 180)
    return {"g": g, "x": x, "t": np.minimum(times, ends), "seen": times <= ends}


def test_probabilities_of_the_population_are_integrals():
    fit = ilk.fit("censored(t, seen) ~ x + (1 | g)", _frailty(), family="weibull")
    found = fit.standardize("x", of={"beyond": [5, 20]}).frame
    means = found[found.measure == "mean"]
    assert means.beyond.tolist() == [5, 5, 20, 20]
    intercept, slope, log_phi = fit.fitted.coef
    shape, sd = np.exp(-log_phi), float(np.sqrt(fit.fitted.estimates.covariances[0][0, 0]))

    def survival(b, c, x):
        scale = np.exp(intercept + slope * x + b) / special.gamma(1.0 + 1.0 / shape)
        return stats.weibull_min.sf(c, shape, scale=scale) * stats.norm.pdf(b, scale=sd)

    wanted = [
        integrate.quad(survival, -9 * sd, 9 * sd, args=(c, x), epsabs=1e-12)[0]
        for c in (5, 20)
        for x in (0.0, 1.0)
    ]
    np.testing.assert_allclose(means.estimate, wanted, atol=1e-8)
    rows = fit.predict({"x": [0.0]}, estimand="population", of={"beyond": 5}, interval="confidence")
    assert rows.estimate.item() == pytest.approx(wanted[0], abs=1e-8)
    assert "mean before censoring" in str(fit.standardize("x"))


@pytest.mark.parametrize("name", ["weibull", "lognormal", "exponential"])
def test_the_event_has_moments(name):
    base = make_family(name)
    eta = [np.array([0.5, 2.0]), np.array([-0.4, 0.3])][: base.predictors]
    family = Beyond(base, 2.0)
    p = family.mean(eta)
    np.testing.assert_allclose(p, 1.0 - base.cdf(np.full(2, 2.0), None, eta), rtol=1e-12)
    np.testing.assert_allclose(family.variance(eta, None), p * (1.0 - p))
    slope = family.mean(variables(eta, 1)).first[0]
    step = 1e-6
    ahead, behind = (family.mean([eta[0] + s, *eta[1:]]) for s in (step, -step))
    np.testing.assert_allclose(slope, (ahead - behind) / (2 * step), rtol=1e-7)


def test_what_cannot_be_asked_is_said():
    fit = ilk.fit("censored(time, s) ~ x", DATA, family="weibull")
    for of in ({"beyond": "x"}, {"beyond": []}, {"above": 1}, "at_most"):
        with pytest.raises(ModelError) as refusal:
            fit.predict(of=of)
        assert refusal.value.code == "of"
    with pytest.raises(ModelError, match="confidence intervals"):
        fit.predict(of={"beyond": 1.0}, interval="prediction")
    gamma = ilk.fit("time ~ x", DATA, family="gamma")
    with pytest.raises(ModelError, match="weibull and exponential do"):
        gamma.predict(of={"beyond": 1.0})
