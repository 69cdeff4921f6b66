"""Power: analytic values, size of the test, designs, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from tests.fits import data_of, fit_of

import ilk
from ilk.errors import FitError, ModelError
from ilk.inference.power import power, wilson
from ilk.inference.studies import Studies, strata_of


def _trial(seed=0, groups=40, rows=5):
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(groups), rows)
    arm = (g % 2).astype(float)
    y = 0.3 * arm + 0.7 * rng.normal(size=groups)[g] + rng.normal(size=len(g))
    return ilk.fit("y ~ arm + (1 | g)", {"y": y, "arm": arm, "g": g})


def _analytic(fitted, effect, clusters, rows, alpha=0.05):
    """Noncentral t of a balanced two-arm trial, clusters - 2 degrees of freedom."""
    s2b, s2 = fitted.estimates.covariances[0][0, 0], fitted.estimates.sigma2
    error = np.sqrt(4.0 * (s2b + s2 / rows) / clusters)
    critical = stats.t.ppf(1.0 - alpha / 2.0, clusters - 2)
    upper = stats.nct.sf(critical, clusters - 2, effect / error)
    return upper + stats.nct.cdf(-critical, clusters - 2, effect / error)


def test_a_balanced_trial_has_the_analytic_power():
    fitted = _trial().fitted
    found = power(fitted, {"arm": 0.8}, [10, 30], draws=400, seed=1)
    assert found.kept == ("arm",)
    assert found.rows.tolist() == [50.0, 150.0]
    for i, clusters in enumerate((10, 30)):
        exact = _analytic(fitted, 0.8, clusters, 5)
        error = np.sqrt(exact * (1.0 - exact) / 400)
        assert abs(found.power[i] - exact) < 3.5 * error
        assert found.conf_low[i] < found.power[i] < found.conf_high[i]
    assert "Satterthwaite" in found.tested_by


def test_rows_per_cluster():
    fitted = _trial().fitted
    few, many = (
        power(fitted, {"arm": 0.8}, 20, rows_per_cluster=rows, draws=200, seed=2)
        for rows in (2, 20)
    )
    assert few.rows[0] == 40.0
    assert many.rows[0] == 400.0
    for found, rows in ((few, 2), (many, 20)):
        exact = _analytic(fitted, 0.8, 20, rows)
        assert abs(found.power[0] - exact) < 3.5 * np.sqrt(exact * (1.0 - exact) / 200)


def test_without_effect_the_share_is_the_level():
    found = power(_trial().fitted, {"arm": 0.0}, 20, draws=400, seed=3, alpha=0.1)
    assert found.power[0] == pytest.approx(0.1, abs=3.5 * np.sqrt(0.09 / 400))


def test_likelihood_ratio_and_wald_agree_with_many_clusters():
    fit = fit_of("binary")
    options = {"draws": 60, "seed": 4}
    wald = power(fit.fitted, {"x": 0.4}, 40, **options)
    ratio = power(fit.fitted, {"x": 0.4}, 40, test="likelihood_ratio", **options)
    assert wald.power[0] == pytest.approx(ratio.power[0], abs=0.08)
    assert wald.kept == ()


def test_a_study_has_the_covariates_of_its_clusters():
    fitted = _trial(groups=6).fitted
    codes = fitted.design.terms[0].grouping.codes
    strata, kept = strata_of(fitted, [1], codes)
    work = Studies(fitted, (1,), fitted.coef[[1]], strata, 5, None, "wald")
    assert kept == ("arm",)
    assert work._shares() in ([3, 2], [2, 3])
    study = work._study(fitted, np.random.default_rng(0))
    arms = study.design.fixed[0].X[:, 1]
    assert len(study.design.terms[0].grouping.levels) == 5
    assert sorted(np.bincount(arms.astype(int)).tolist()) == [10, 15]


def test_crossed_factors_keep_their_levels():
    rng = np.random.default_rng(6)
    subject, item = (part.ravel() for part in np.indices((20, 8)))
    x = (item % 2) * 1.0
    y = 0.4 * x + rng.normal(size=20)[subject] + 0.3 * rng.normal(size=8)[item]
    y = y + 0.7 * rng.normal(size=160)
    data = {"y": y, "x": x, "subject": subject, "item": item}
    fitted = ilk.fit("y ~ x + (1 | subject) + (1 | item)", data).fitted
    found = power(fitted, {"x": 1.0}, [30], cluster="subject", draws=40, seed=1)
    assert found.fixed == ("item",)
    assert found.unit == "subject"
    assert found.rows[0] == 240.0
    # with eight items more subjects do not help: the variance of items remains
    s2 = [G[0, 0] for G in fitted.estimates.covariances]
    error = np.sqrt(4.0 * (s2[1] / 8 + fitted.estimates.sigma2 / 240))
    critical = stats.t.ppf(0.975, 6)
    exact = stats.nct.sf(critical, 6, 1.0 / error)
    assert abs(found.power[0] - exact) < 3.5 * np.sqrt(0.25 / 40)


def test_seeds_repeat_and_sizes_do_not_depend_on_each_other():
    fitted = _trial().fitted
    a = power(fitted, {"arm": 0.5}, [10, 20], draws=20, seed=7)
    b = power(fitted, {"arm": 0.5}, [10, 20], draws=20, seed=7)
    np.testing.assert_array_equal(a.power, b.power)
    drawn = power(fitted, {"arm": 0.5}, [10], draws=20)
    again = power(fitted, {"arm": 0.5}, [10], draws=20, seed=drawn.seed)
    assert drawn.power[0] == again.power[0]


def test_wilson():
    low, high = wilson([0, 5, 10], [10, 10, 10], 1.959964)
    assert low[0] == pytest.approx(0.0, abs=1e-12)
    assert high[2] == pytest.approx(1.0)
    assert low[1] == pytest.approx(1.0 - high[1])


def test_answer_and_picture():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    answer = _trial().power({"arm": 0.5}, [10, 20], draws=20, seed=1)
    assert answer.frame.n_clusters.tolist() == [10, 20]
    assert "whose shares are kept" in " ".join(answer.notes)
    axis = answer.plot()
    assert axis.get_xlabel() == "number of levels of g"
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["arm = 0.5"]
    ratio = _trial().power({"arm": 0.5}, 10, draws=10, seed=1, test="likelihood_ratio")
    assert any("rejects too often" in note for note in ratio.notes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"effect": {"arms": 0.5}}, "Did you mean 'arm'"),
        ({"effect": 0.5}, "dictionary of coefficients"),
        ({"effect": {}}, "dictionary of coefficients"),
        ({"effect": {"arm": "large"}}, "give a number"),
        ({"n_clusters": [10, 2.5]}, "whole number from 2"),
        ({"n_clusters": []}, "is empty"),
        ({"rows_per_cluster": 0}, "whole number from 1"),
        ({"alpha": 5}, "between 0 and 1"),
        ({"draws": 1}, "draws="),
        ({"test": "score"}, "test='score'"),
        ({"seed": -1}, "seed="),
    ],
)
def test_refusals(changes, message):
    arguments = {"effect": {"arm": 0.5}, "n_clusters": 10, "draws": 2, "seed": 0} | changes
    with pytest.raises(ModelError, match=message):
        power(_trial().fitted, **arguments)


def test_designs_that_cannot_be_drawn():
    with pytest.raises(ModelError, match="cross: say which"):
        fit_of("penicillin").power({"Intercept": 22.0}, 10, draws=2)
    with pytest.raises(ModelError, match="Did you mean 'plate'"):
        fit_of("penicillin").power({"Intercept": 22.0}, 10, cluster="plates", draws=2)
    weighted = ilk.fit("y ~ x + (1 | g)", data_of("weighted").assign(w=2.0), frequency_weights="w")
    with pytest.raises(ModelError, match="frequency weights"):
        weighted.power({"x": 1.0}, 10, draws=2)


def test_studies_too_small_to_fit():
    data = data_of("gamma").assign(z=lambda d: (d.g == "g0") * 1.0 * d.x)
    fit = ilk.fit("y ~ x + z + (1 | g)", data)
    with pytest.raises(FitError, match="Ask for more clusters"):
        fit.power({"x": 1.0}, 2, draws=10, seed=1)


def test_one_cluster_of_each_arm_at_least():
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(12), 4)
    data = {"y": rng.normal(size=48), "a": (g % 2) * 1.0, "b": (g % 3 == 0) * 1.0, "g": g}
    fit = ilk.fit("y ~ a + b + (1 | g)", data)
    with pytest.raises(ModelError, match="at least one of each"):
        fit.power({"a": 1.0, "b": 1.0}, 3, draws=2)
