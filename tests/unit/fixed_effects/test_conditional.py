"""Conditional likelihoods against enumeration, other programs, and absorbed clusters."""

from __future__ import annotations

import gzip
import itertools
import math

import numpy as np
import pandas as pd
import pytest
from tests.reference.data import case, table
from tests.within import clustered

import ilk
from ilk.errors import DataError, FitError, ModelError
from ilk.fitted import Status
from ilk.fixed_effects import subsets
from ilk.fixed_effects.subsets import subset_sums

pytestmark = pytest.mark.filterwarnings("ignore::ilk.errors.IlkWarning")


def enumerated(y, trials, codes, eta):
    """Log-likelihood by going through all outcomes with the same totals."""
    value = 0.0
    for g in np.unique(codes):
        i = np.flatnonzero(codes == g)
        total = 0.0
        for k in itertools.product(*[range(int(n) + 1) for n in trials[i]]):
            if sum(k) == y[i].sum():
                ways = math.prod(math.comb(int(n), j) for n, j in zip(trials[i], k, strict=True))
                total += ways * math.exp(float(np.dot(k, eta[i])))
        value += float(y[i] @ eta[i]) - math.log(total)
    return value


@pytest.mark.parametrize("most", [1, 3])
def test_equals_enumeration(most):
    """Value, score and information, by differences of the enumerated likelihood."""
    rng = np.random.default_rng(3)
    codes = np.repeat([0, 1, 2, 3, 4], [4, 5, 3, 6, 6])
    n = len(codes)
    X, offset = rng.normal(size=(n, 2)), rng.normal(size=n)
    trials = rng.integers(1, most + 1, n).astype(float)
    y = np.minimum(rng.integers(0, most + 1, n), trials).astype(float)
    likelihood = subset_sums(y, trials, codes, 5, "g")
    beta, h = np.array([0.7, -0.4]), 1e-4

    def value(b):
        return enumerated(y, trials, codes, offset + X @ b)

    found = likelihood.evaluate(offset + X @ beta, X)
    assert found.value == pytest.approx(value(beta), rel=1e-12)
    steps = h * np.eye(2)
    score = [(value(beta + s) - value(beta - s)) / (2 * h) for s in steps]
    assert X.T @ found.residual == pytest.approx(score, abs=1e-6)
    second = [
        [
            value(beta + s + t) - value(beta + s - t) - value(beta - s + t) + value(beta - s - t)
            for s in steps
        ]
        for t in steps
    ]
    assert found.information == pytest.approx(-np.array(second) / (4 * h * h), abs=1e-5)


def test_stable_for_large_clusters_and_extreme_predictors():
    rng = np.random.default_rng(9)
    n = 400
    eta = rng.normal(size=n) * 20.0
    y = (rng.random(n) < 0.5).astype(float)
    found = subset_sums(y, None, np.zeros(n, int), 1, "g").evaluate(eta, eta[:, None])
    assert np.isfinite(found.value)
    assert found.value <= 0.0
    assert np.all(np.abs(found.residual) <= 1.0 + 1e-12)
    assert found.information[0, 0] > 0.0
    assert found.residual.sum() == pytest.approx(0.0, abs=1e-9)


def test_other_programs():
    """R 4.2.2, survival 3.5-3, clogit(method="exact"), 2026-11-24.

    VerbAgg: also the score of statsmodels 0.15.0 ConditionalLogit is zero at these values.
    """
    with gzip.open("tests/reference/data/Contraception.csv.gz", "rt") as file:
        data = pd.read_csv(file)
    fit = ilk.conditional("y ~ age + livch + urban", data, groups="district")
    estimates = [
        -0.026641350227876039,
        1.116624779405000600,
        1.369051412094618003,
        1.365509721360962159,
        0.643649054072949589,
    ]
    errors = [
        0.0080193389574867002,
        0.1602272890486463597,
        0.1769732394627672734,
        0.1824090536033141086,
        0.1257497368792850068,
    ]
    order = ["age", "livch[T.1]", "livch[T.2]", "livch[T.3+]", "urban[T.Y]"]
    assert [fit.params[n] for n in order] == pytest.approx(estimates, rel=1e-8)
    assert [fit.std_errors[n] for n in order] == pytest.approx(errors, rel=1e-8)
    assert fit.fitted.null_loglik == pytest.approx(-1100.5324163652765, rel=1e-10)
    assert fit.loglik == pytest.approx(-1045.9037832879189, rel=1e-10)

    with gzip.open("tests/reference/data/VerbAgg.csv.gz", "rt") as file:
        data = pd.read_csv(file)
    fit = ilk.conditional("y ~ btype + situ + mode", data, groups="id")
    estimates = [-1.052122005855549, -2.038853536716132, -1.026998979512165, 0.671202142092572]
    errors = [0.0692585240824619, 0.0748784665586543, 0.0579745368401586, 0.0570960328714264]
    assert np.array(fit.params) == pytest.approx(estimates, rel=1e-6)
    assert np.array(fit.std_errors) == pytest.approx(errors, rel=1e-6)
    assert fit.loglik == pytest.approx(-3130.41441801913, rel=1e-10)


def test_grouped_counts_equal_their_single_trials():
    """R 4.2.2, survival 3.5-3, clogit(method="exact") on expanded rows, 2026-11-24."""
    fit = ilk.conditional("incidence / size ~ C(period)", table(case("glmm-cbpp-laplace")), "herd")
    estimates = [-0.87300370135044236, -1.00873821821632670, -1.43646612321527911]
    errors = [0.30981494786021313, 0.32918976110037107, 0.43019041689913767]
    assert np.array(fit.params) == pytest.approx(estimates, rel=1e-8)
    assert np.array(fit.std_errors) == pytest.approx(errors, rel=1e-8)


def test_counts_equal_absorbed_clusters():
    data = clustered()
    arguments = {"exposure": "time", "offset": "weight"}
    a = ilk.conditional("count ~ x + z", data, "g", "poisson", **arguments)
    b = ilk.fixed("count ~ x + z", data, "g", "poisson", **arguments)
    assert np.array(a.params) == pytest.approx(np.array(b.params), abs=1e-10)
    assert np.array(a.std_errors) == pytest.approx(np.array(b.std_errors), rel=1e-8)
    # log-likelihoods differ by that of the totals at their own means
    totals = data.groupby("g")["count"].sum().to_numpy()
    saturated = sum(t * math.log(t) - t - math.lgamma(t + 1) for t in totals)
    assert b.loglik - a.loglik == pytest.approx(saturated, rel=1e-8)


@pytest.mark.parametrize(
    ("y", "family", "arguments"),
    [("events", "binomial", {"trials": "trials"}), ("count", "poisson", {"exposure": "time"})],
)
def test_frequency_weights_stand_for_identical_rows(y, family, arguments):
    data = clustered()
    rows = data.loc[data.index.repeat(data.times)]
    a = ilk.conditional(f"{y} ~ x + z", data, "g", family, frequency_weights="times", **arguments)
    b = ilk.conditional(f"{y} ~ x + z", rows, "g", family, **arguments)
    assert np.array(a.params) == pytest.approx(np.array(b.params), abs=1e-9)
    assert np.array(a.std_errors) == pytest.approx(np.array(b.std_errors), rel=1e-8)
    assert a.loglik == pytest.approx(b.loglik, rel=1e-9)
    assert a.nobs == b.nobs


def test_clusters_without_information_are_named():
    data = clustered()
    data = data.assign(yes=data.yes.where(~data.g.isin(["g3", "g7"]), 1))
    data = pd.concat([data, data.head(1).assign(g="alone")])
    fit = ilk.conditional("yes ~ x", data, groups="g")
    assert fit.fitted.informative == 10
    assert any("g3, g7" in note for note in fit.fitted.notes)
    rest = data[~data.g.isin(["g3", "g7", "alone"])]
    assert fit.params["x"] == pytest.approx(ilk.conditional("yes ~ x", rest, "g").params["x"])
    pair = ilk.conditional("count ~ x", data, "g", "poisson")
    assert any("single row" in note for note in pair.fitted.notes)


def test_robust_errors_come_from_the_clusters_scores():
    data = clustered()
    plain = ilk.conditional("count ~ x", data, "g", "poisson")
    robust = ilk.conditional("count ~ x", data, "g", "poisson", std_errors="cluster")
    b = plain.params["x"]
    share = np.exp(b * data.x)
    share = share / share.groupby(data.g).transform("sum")
    mean = share * data.groupby("g")["count"].transform("sum")
    scores = ((data["count"] - mean) * data.x).groupby(data.g).sum().to_numpy()
    variance = plain.std_errors["x"] ** 4 * (scores @ scores) * 12 / 11 * 239 / 239
    assert robust.std_errors["x"] == pytest.approx(math.sqrt(variance), rel=1e-8)


def test_separation_is_found():
    data = clustered()
    data = data.assign(sure=np.where(data.yes == 1, data.x.rank() + 300.0, data.x.rank()))
    fit = ilk.conditional("yes ~ z + sure", data, groups="g")
    assert fit.verdict.status is Status.SEPARATED
    assert fit.verdict.reasons[0].terms == ("sure",)


def test_no_means_but_ratios():
    fit = ilk.conditional("yes ~ x + c", clustered(), groups="g")
    with pytest.raises(FitError, match=r"conditioned away.*ratios"):
        fit.predict(clustered())
    ratios = fit.ratios().set_index("term")
    assert ratios.estimate["x"] == pytest.approx(math.exp(fit.params["x"]))
    assert set(ratios.measure) == {"odds ratio"}
    assert math.isnan(ratios.estimate["c"])
    with pytest.raises(ModelError, match="not a ratio"):
        ilk.fixed("score ~ x", clustered(), "g").ratios()


@pytest.mark.parametrize(
    ("formula", "arguments", "words"),
    [
        ("score ~ x", {"family": "gaussian"}, ("ilk.fixed",)),
        ("yes ~ x", {"link": "probit"}, ("'probit'", "logit")),
        ("spread ~ x", {"family": "negative_binomial_2"}, ("cancel", "ilk.fit")),
        ("yes ~ x", {"groups": ["g", "h"]}, ("one factor", "ilk.fixed")),
        ("yes ~ x + (1 | g) + (1 | h)", {"groups": None}, ("one factor",)),
    ],
)
def test_bad_input(formula, arguments, words):
    with pytest.raises(ModelError) as error:
        ilk.conditional(formula, clustered(), **{"groups": "g", **arguments})
    for word in words:
        assert word in str(error.value)


def test_too_large_and_nothing_to_compare(monkeypatch):
    with pytest.raises(DataError, match="two rows"):
        ilk.conditional("count ~ x", clustered().assign(g=range(240)), "g", "poisson")
    with pytest.raises(DataError, match="only events or only non-events"):
        ilk.conditional("yes ~ x", clustered().assign(g=lambda d: d.yes), "g")
    monkeypatch.setattr(subsets, "LARGEST_STRATUM", 100.0)
    with pytest.raises(FitError, match=r"ilk\.fixed is negligible|bias of ilk\.fixed"):
        ilk.conditional("yes ~ x", clustered(), "g")


@pytest.mark.parametrize("family", ["binomial", "poisson"])
@pytest.mark.parametrize("formula", ["yes ~ 1", "yes ~ c + c:g"])
def test_nothing_varies_within_clusters(formula, family):
    """Without a column to compare there is a likelihood, and it says that there is nothing."""
    data = clustered().copy()
    data["g"] = data.c.astype(int).astype(str)
    fit = ilk.conditional(formula, data, groups="g", family=family)
    assert np.isnan(fit.params.array).all()
    assert fit.loglik == pytest.approx(fit.fitted.null_loglik)
    fit.summary()


@pytest.mark.parametrize("family", ["binomial", "poisson"])
def test_weights_stand_for_rows(family):
    """Also in clusters with a single row that stands for several."""
    rng = np.random.default_rng(2)
    g = np.r_[np.repeat(np.arange(8), 3), 8, 9, 10]
    data = pd.DataFrame(
        {"g": g, "x": rng.normal(size=27), "w": rng.integers(1, 4, 27), "y": rng.integers(0, 2, 27)}
    )
    data.loc[data.g > 7, ["w", "y"]] = [[2, 1], [1, 1], [3, 1]]
    short = ilk.conditional("y ~ x", data, "g", family, frequency_weights="w")
    long = ilk.conditional("y ~ x", data.loc[data.index.repeat(data.w)], "g", family)
    assert short.loglik == pytest.approx(long.loglik)
    assert short.nobs == long.nobs
    assert short.fitted.informative == long.fitted.informative
    np.testing.assert_allclose(short.params.array, long.params.array, rtol=1e-8)
