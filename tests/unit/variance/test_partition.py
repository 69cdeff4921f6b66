"""Partition of variance: dense algebra, closed forms, simulation, names, intervals, refusals."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
from tests.fits import data_of, fit_of

import ilk
from ilk.errors import ModelError
from ilk.variance.partition import divide, partition

EMPTY = np.zeros(0)


@functools.cache
def tissue(family="gaussian"):
    """A fit of ancestry and neighborhood."""
    cells = ilk.datasets.simulate_cells(90, diffusion=0.3, seed=2)
    field = ilk.covariance.spatial(cells.data.x, cells.data.y, names=list(cells.data.place))
    left = {"gaussian": "marker", "binomial": "fate"}[family]
    return ilk.fit(
        f"{left} ~ x + (1 | cell) + (1 | place)",
        cells.data,
        family=family,
        covariance={"cell": cells.tree, "place": field},
    )


@functools.cache
def animals():
    """Offspring of sires and dams with several records each, and their mothers."""
    rng = np.random.default_rng(4)
    rows = [(f"s{k}", None, None) for k in range(8)] + [(f"d{k}", None, None) for k in range(16)]
    rows += [(f"o{k}", f"s{k % 8}", f"d{k % 16}") for k in range(80)]
    ped = {name: [r[j] for r in rows] for j, name in enumerate(("individual", "sire", "dam"))}
    pedigree = ilk.covariance.pedigree(ped)
    A = pedigree.covariance(EMPTY)
    a = np.linalg.cholesky(A) @ rng.normal(size=len(A))
    where = pedigree.places()
    data = {"animal": [], "mother": [], "y": []}
    for name, _, dam in rows[24:]:
        own = 0.6 * rng.normal()
        for _ in range(2):
            data["animal"].append(name)
            data["mother"].append(dam)
            data["y"].append(a[where[name]] + own + 0.7 * rng.normal())
    return data, pedigree


def parts(found, scale, measure):
    """Shares by source, and their variances."""
    chosen = [i for i, r in enumerate(found.rows) if (r.scale, r.measure) == (scale, measure)]
    return (
        {found.rows[i].source: found.shares.estimate[i] for i in chosen},
        {found.rows[i].source: found.variances[i] for i in chosen},
    )


def test_realised_variances_are_those_of_dense_matrices():
    fit = tissue()
    fitted = fit.fitted
    found = partition(fitted)
    shares, variances = parts(found, "response", "realised")
    n = fitted.nobs
    for t, name in enumerate(("cell", "place")):
        over, codes = fitted.dependences[t], fitted.design.terms[t].grouping.codes
        K = np.linalg.inv(over.levels.precision(over.theta).dense())[np.ix_(codes, codes)]
        K = K * fitted.estimates.covariances[t][0, 0]
        assert variances[name] == pytest.approx((np.trace(K) - K.sum() / n) / (n - 1), rel=1e-8)
    line = fitted.design.fixed[0].X @ fitted.coef
    assert variances["fixed part"] == pytest.approx(np.var(line, ddof=1))
    assert sum(shares.values()) == pytest.approx(1.0)
    population = parts(found, "response", "population")[1]
    assert population["cell"] == pytest.approx(fitted.estimates.covariances[0][0, 0])


def test_slopes_are_averaged_over_rows_and_realised_between_them():
    fitted = fit_of("sleepstudy").fitted
    days = data_of("sleepstudy").Days.to_numpy()
    z = np.column_stack([np.ones_like(days), days])
    codes, G = fitted.design.terms[0].grouping.codes, fitted.estimates.covariances[0]
    K = (z @ G @ z.T) * (codes[:, None] == codes)
    n = len(days)
    found = partition(fitted)
    assert parts(found, "response", "population")[1]["Subject"] == pytest.approx(np.trace(K) / n)
    expected = (np.trace(K) - K.sum() / n) / (n - 1)
    assert parts(found, "response", "realised")[1]["Subject"] == pytest.approx(expected)


def test_poisson_with_log_link_has_closed_forms():
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(40), 5)
    data = {"g": g, "y": rng.poisson(np.exp(0.5 + 0.6 * rng.normal(size=40)[g]))}
    fitted = ilk.fit("y ~ 1 + (1 | g)", data, family="poisson").fitted
    found = partition(fitted)
    v, mean = fitted.estimates.covariances[0][0, 0], fitted.coef[0]
    level = math.exp(mean + 0.5 * v)  # Psi and the mean count
    total = level + level**2 * math.expm1(v)
    assert parts(found, "response", "additive")[0]["g"] == pytest.approx(level**2 * v / total)
    whole = parts(found, "response", "population")[0]["g"]
    assert whole == pytest.approx(level**2 * math.expm1(v) / total)
    latent = parts(found, "latent", "population")[0]["g"]
    assert latent == pytest.approx(v / (v + math.log1p(1.0 / level)))


def test_binary_with_probit_link_has_closed_forms():
    from scipy.stats import norm

    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(60), 8)
    data = {"g": g, "y": (rng.normal(size=480) < 0.4 + 0.8 * rng.normal(size=60)[g]).astype(int)}
    fitted = ilk.fit("y ~ 1 + (1 | g)", data, family="binomial", link="probit").fitted
    v, mean = fitted.estimates.covariances[0][0, 0], fitted.coef[0]
    place = mean / math.sqrt(1.0 + v)
    p, slope = norm.cdf(place), norm.pdf(place) / math.sqrt(1.0 + v)
    found = partition(fitted)
    additive = parts(found, "response", "additive")[0]["g"]
    assert additive == pytest.approx(slope**2 * v / (p * (1.0 - p)), rel=1e-6)
    assert parts(found, "latent", "population")[0]["g"] == pytest.approx(v / (v + 1.0))


def test_response_scale_by_simulation():
    rng = np.random.default_rng(3)
    fitted = fit_of("binary").fitted
    found = partition(fitted)
    eta = fitted.design.fixed[0].X @ fitted.coef
    v = fitted.estimates.covariances[0][0, 0]
    p = 1.0 / (1.0 + np.exp(-(eta + math.sqrt(v) * rng.normal(size=(4000, 1)))))
    mean, slope = p.mean(axis=0), float((p * (1.0 - p)).mean())
    n = len(eta)
    fixed = np.var(mean, ddof=1)
    between, rest = p.var(axis=0).mean(), (p * (1.0 - p)).mean()
    whole = parts(found, "response", "population")[0]
    total = fixed + between + rest
    assert whole["fixed part"] == pytest.approx(fixed / total, rel=0.03)
    assert whole["g"] == pytest.approx(between / total, rel=0.05)
    assert parts(found, "response", "additive")[0]["g"] == pytest.approx(
        slope**2 * v / total, rel=0.03
    )
    assert n == fitted.nobs


def test_shares_of_one_factor_are_its_intraclass_correlation():
    fit = fit_of("binary")
    for scale in ("latent", "response"):
        found = partition(fit.fitted, scale=scale, fixed=False)
        row = fit.icc(scale=scale).frame.iloc[0]
        i = next(
            i for i, r in enumerate(found.rows) if r.source == "g" and r.measure == "population"
        )
        assert found.shares.estimate[i] == pytest.approx(row.estimate)
        assert found.shares.std_error[i] == pytest.approx(row.std_error, rel=1e-4)


def test_profile_limits_of_one_way_layout_are_where_the_likelihood_falls():
    fit = ilk.fit("Reaction ~ 1 + (1 | Subject)", data_of("sleepstudy"))
    fitted = fit.fitted
    found = partition(fitted, interval="profile", fixed=False)
    i = next(
        i for i, r in enumerate(found.rows) if (r.source, r.measure) == ("Subject", "population")
    )
    for limit in (found.shares.conf_low[i], found.shares.conf_high[i]):
        theta = np.array([math.sqrt(limit / (1.0 - limit))])
        there = fitted.marginal.at_point(fitted.point.beta, theta)
        assert fitted.point.value - there.value == pytest.approx(0.5 * 1.959964**2, abs=2e-3)


def test_profile_limits_with_a_fixed_part_bound_the_region():
    fitted = fit_of("binary").fitted
    found = partition(fitted, interval="profile", scale="latent")
    delta = partition(fitted, scale="latent")
    assert np.all(found.shares.conf_low <= found.shares.estimate)
    assert np.all(found.shares.conf_high >= found.shares.estimate)
    np.testing.assert_allclose(found.shares.conf_low, delta.shares.conf_low, atol=0.06)
    np.testing.assert_allclose(found.shares.conf_high, delta.shares.conf_high, atol=0.06)


def test_a_variance_of_zero_has_a_profile_interval_from_zero():
    fit = ilk.fit("Yield ~ 1 + (1 | Batch)", data_of("dyestuff2"))
    found = partition(fit.fitted, interval="profile", fixed=False)
    i = next(i for i, r in enumerate(found.rows) if r.source == "Batch")
    assert found.shares.estimate[i] == 0.0
    assert found.shares.conf_low[i] == 0.0
    assert 0.05 < found.shares.conf_high[i] < 1.0


def test_bootstrap_intervals_lie_between_zero_and_one():
    fit = ilk.fit("Yield ~ 1 + (1 | Batch)", data_of("dyestuff2"))
    found = partition(fit.fitted, interval="bootstrap", level=0.8, draws=60, seed=1)
    low, high = found.shares.conf_low, found.shares.conf_high
    assert np.all((low >= 0.0) & (high <= 1.0) & (low <= high))


def test_names_of_an_animal_model():
    data, pedigree = animals()
    fit = ilk.fit("y ~ 1 + (1 | animal) + iid(1 | animal)", data, covariance={"animal": pedigree})
    named = fit.partition().named.frame.set_index("name")
    assert sorted(named.index) == ["R", "h2", "pe2"]
    Va, Vpe = (float(G[0, 0]) for G in fit.fitted.estimates.covariances)
    total = Va + Vpe + fit.fitted.estimates.sigma2
    assert named.estimate["h2"] == pytest.approx(Va / total)
    assert named.estimate["pe2"] == pytest.approx(Vpe / total)
    assert named.estimate["R"] == pytest.approx((Va + Vpe) / total)


def test_maternal_effects_have_their_name():
    data, pedigree = animals()
    fit = ilk.fit(
        "y ~ 1 + (1 | animal) + (1 | mother)",
        data,
        covariance={"animal": pedigree, "mother": pedigree},
    )
    assert fit.partition().named.frame.name.tolist() == ["h2", "m2"]
    fit = ilk.fit("y ~ 1 + (1 | animal) + (1 | mother)", data, covariance={"animal": pedigree})
    assert fit.partition().named.frame.name.tolist() == ["h2", "c2"]


def test_trees_and_clusters_have_their_names():
    assert tissue().partition().named.frame.name.tolist() == ["H2"]
    assert fit_of("binary").partition().named.frame.name.tolist() == ["ICC", "ICC"]


def test_text_says_scale_and_population():
    answer = tissue("binomial").partition()
    assert "realised" in answer.text
    assert "latent" in answer.text
    assert "pi^2/3" in answer.text
    assert "<table" in answer.html
    table = answer.frame
    assert set(table.scale) == {"latent", "response"}
    assert np.all((table.conf_low.dropna() >= 0) & (table.conf_high.dropna() <= 1))


def test_fixed_part_can_be_left_out():
    found = partition(tissue().fitted, fixed=False)
    assert "fixed part" not in {row.source for row in found.rows}


def test_forms_are_remembered_by_parameter():
    fitted = tissue().fitted
    forms = divide(fitted).forms
    psi = fitted.estimates.psi.copy()
    first = forms.realised(psi)
    psi[len(fitted.coef) + 2] += 0.5  # log range
    moved = forms.realised(psi)
    assert moved[0] == first[0]
    assert moved[1] < first[1]


@pytest.mark.parametrize(
    ("options", "code"),
    [({"scale": "log"}, "choice"), ({"interval": "wald"}, "choice"), ({"level": 2.0}, None)],
)
def test_wrong_options_are_refused(options, code):
    with pytest.raises(ModelError) as caught:
        fit_of("binary").partition(**options)
    assert code is None or caught.value.code == code


def test_models_without_random_terms_are_refused():
    fit = ilk.fit("Reaction ~ Days", data_of("sleepstudy"))
    with pytest.raises(ModelError, match="no random terms"):
        fit.partition()
