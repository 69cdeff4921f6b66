"""What is asked of categories: against sums of probabilities, integrals, differences; refusals."""

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

import ilk
from ilk.errors import ModelError
from ilk.family.scored import Between, Scored

LEVELS = ["poor", "fair", "good"]
FAMILIES = ("cumulative", "adjacent_category", "continuation_ratio")


def table(seed=3, groups=15, rows=8):
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(groups), rows)
    treated, x = np.tile([0, 1], len(g) // 2), rng.normal(size=len(g))
    latent = 0.8 * treated + 0.5 * x + rng.normal(0, 0.7, groups)[g] + rng.logistic(size=len(g))
    code = np.digitize(latent, [-0.5, 1.0])
    return pd.DataFrame(
        {"g": g, "treated": treated, "x": x, "y": np.array(LEVELS)[code], "code": code}
    )


@pytest.fixture(scope="module", params=FAMILIES)
def fit(request):
    family = getattr(ilk.families, request.param)(levels=LEVELS)
    return ilk.fit("y ~ treated + x + (1 | g)", table(), family)


@pytest.fixture(scope="module")
def simple():
    family = ilk.families.cumulative(levels=LEVELS)
    return ilk.fit("y ~ treated + x + (1 | g)", table(), family)


def population(fit, treated, scores, psi=None):
    """Mean score with the treatment set, by adaptive integration over the random effect."""
    psi = fit.fitted.estimates.psi if psi is None else psi
    coef = psi[: len(fit.fitted.coef)]
    sd = float(np.sqrt(fit.fitted.covariances_at(psi)[0][0, 0]))
    eta = coef[0] * treated + coef[1] * table().x.to_numpy()

    def weighed(b):
        cuts = [np.full(len(eta), c) for c in coef[2:]]
        p = fit.family.probabilities([eta + b, *cuts])
        return float(np.mean(np.asarray(scores) @ p)) * stats.norm.pdf(b, scale=sd)

    return integrate.quad(weighed, -9 * sd, 9 * sd, epsabs=1e-11, limit=200)[0]


@pytest.mark.parametrize(
    ("asked", "scores"),
    [
        ({}, np.eye(3)),
        ({"of": "at_most"}, [[1, 0, 0], [1, 1, 0]]),
        ({"of": "at_least"}, [[0, 1, 1], [0, 0, 1]]),
        ({"scores": [0, 1, 5]}, [[0, 1, 5]]),
    ],
)
def test_standardized_quantities_are_integrals(fit, asked, scores):
    found = fit.standardize("treated", **asked).frame
    means = found[found.measure == "mean"]
    wanted = [population(fit, level, row) for row in scores for level in (0, 1)]
    np.testing.assert_allclose(means.estimate, wanted, atol=1e-8)
    ratios = found[found.measure == "ratio"].estimate
    np.testing.assert_allclose(ratios, np.divide(wanted[1::2], wanted[::2]), rtol=1e-7)


def test_standard_errors_follow_differences(simple):
    found = simple.standardize("treated", scores={"poor": 1, "fair": 2, "good": 4}).frame
    V, psi = simple.fitted.psi_covariance(), simple.fitted.estimates.psi

    def effect(point):
        first, second = (population(simple, a, [1, 2, 4], point) for a in (0, 1))
        return second - first

    step = 1e-5
    gradient = [(effect(psi + step * e) - effect(psi - step * e)) / (2 * step) for e in np.eye(5)]
    error = float(np.sqrt(np.asarray(gradient) @ V @ gradient))
    assert found.std_error[found.measure == "difference"].item() == pytest.approx(error, rel=1e-5)


def test_probabilities_add_up_and_effects_cancel(fit):
    means = fit.means("treated", by="x", at={"x": [-1, 1]}, estimand="population").frame
    np.testing.assert_allclose(means.groupby(["treated", "x"]).estimate.sum(), 1.0, atol=1e-9)
    contrasts = fit.contrasts("treated").frame
    assert contrasts.category.tolist() == LEVELS
    assert contrasts.estimate.sum() == pytest.approx(0.0, abs=1e-9)
    slopes = fit.slopes("x").frame
    step = 1e-4
    at = fit.means(by="x", at={"x": [-step, step]}).frame
    assert slopes.category.tolist() == LEVELS
    centered = fit.slopes("x", at={"x": 0.0}).frame
    differences = at.groupby("category", sort=False).estimate.diff().dropna() / (2 * step)
    np.testing.assert_allclose(centered.estimate, differences, rtol=1e-5)


def test_the_linear_predictor_has_no_categories(simple):
    found = simple.contrasts("treated", scale="link").frame
    assert "category" not in found
    assert found.estimate.item() == pytest.approx(simple.params["treated"])
    assert found.std_error.item() == pytest.approx(simple.std_errors["treated"], rel=1e-6)


def test_counterfactuals_and_predictions_stand_row_by_row(fit):
    rows = fit.counterfactuals({"treated": [0, 1]}, interval="confidence")
    assert rows.category.head(6).tolist() == LEVELS * 2
    means = fit.standardize("treated").frame
    averages = rows.groupby(["category", "treated"]).estimate.mean()
    for _, row in means[means.measure == "mean"].iterrows():
        assert averages[row.category, row.level] == pytest.approx(row.estimate)
    assert ((rows.conf_low < rows.estimate) & (rows.estimate < rows.conf_high)).all()
    ups, single = fit.predict(of="at_least"), fit.predict()
    good = single[single.category == "good"].estimate
    np.testing.assert_allclose(ups[ups.category == "good"].estimate, good, rtol=1e-12)


def test_the_bootstrap_refits_once_for_all_categories(simple):
    options = {"uncertainty": "bootstrap", "draws": 40, "seed": 3}
    three, one = (
        simple.standardize("treated", **options),
        simple.standardize("treated", of="at_most", **options),
    )
    first = three.frame[three.frame.category == "poor"]
    again = one.frame[one.frame.category == "poor"]
    np.testing.assert_allclose(first.conf_low, again.conf_low)
    assert "40 refits" in str(three).replace("\n", " ")


def test_numbers_are_their_own_scores():
    data = table().assign(y=lambda d: d.code + 1)
    fit = ilk.fit("y ~ treated + x + (1 | g)", data, "cumulative")
    own, given = fit.means("treated", of="score"), fit.means("treated", scores=[1, 2, 3])
    assert own.frame.estimate.tolist() == given.frame.estimate.tolist()
    assert own.frame.conf_high.max() < 3.0
    assert "mean score of y" in str(own)


def test_what_cannot_be_asked_is_said(simple):
    for options, code in (
        ({"of": "mean"}, "choice"),
        ({"of": "score"}, "scores"),
        ({"scores": [1, 2]}, "scores"),
        ({"scores": [1, 1, 1]}, "scores"),
        ({"scores": {"poor": 1}}, "scores"),
        ({"scores": [1, 2, 3], "of": "at_most"}, "of"),
        ({"of": "at_most", "scale": "link"}, "of"),
    ):
        with pytest.raises(ModelError) as refusal:
            simple.means("treated", **options)
        assert refusal.value.code == code
    counts = ilk.fit("code ~ treated", table(), "poisson")
    with pytest.raises(ModelError, match="numbers with a mean"):
        counts.means("treated", of="at_most")


def test_scored_categories_have_moments_of_their_scores(simple):
    base = simple.family
    eta = [np.array([0.3, -1.0]), np.array([-0.5, -0.5]), np.array([1.0, 1.0])]
    family = Scored(base, (1.0, 2.0, 4.0))
    p, scores = base.probabilities(eta), np.array([1.0, 2.0, 4.0])[:, None]
    np.testing.assert_allclose(family.mean(eta), (scores * p).sum(axis=0))
    spread = (scores**2 * p).sum(axis=0) - (scores * p).sum(axis=0) ** 2
    np.testing.assert_allclose(family.variance(eta, None), spread)
    assert family.values(np.array([2.0, 0.0])).tolist() == [4.0, 1.0]
    mean, link = np.array([1.2, 3.9]), Between(1.0, 4.0)
    np.testing.assert_allclose(link.inverse(link.link(mean)), mean)
