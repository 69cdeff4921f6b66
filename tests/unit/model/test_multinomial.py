"""Fits of unordered categories: against other families, sums over a grid, recovery, answers."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import ilk
from ilk.errors import DataError, IdentificationWarning, ModelError
from ilk.likelihood.brute_force import grid_loglik

LEVELS = ["bus", "car", "train"]


def family(baseline="car"):
    return ilk.families.multinomial(baseline=baseline)


def table(groups=6, rows=8, seed=5, sd=0.7):
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(groups), rows)
    x, z = rng.normal(size=len(g)), rng.integers(0, 2, len(g))
    bus = 0.4 - 0.8 * x + rng.normal(0.0, sd, groups)[g]
    train = -0.3 + 0.5 * x + 0.6 * z + rng.normal(0.0, sd, groups)[g]
    made = ilk.families.multinomial(baseline="car", levels=LEVELS)
    y = made.draw([bus, train], None, rng).astype(int)
    return pd.DataFrame({"g": g, "x": x, "z": z, "choice": np.array(LEVELS)[y], "code": y})


@pytest.mark.parametrize("formula", ["{} ~ x + z", "{} ~ x + z + (1 | g)"])
def test_two_categories_are_binomial(formula):
    data = table(groups=12)
    data["away"] = (data.choice != "car").astype(int)
    data["word"] = np.where(data.away == 1, "away", "car")
    ours = ilk.fit(formula.format("word"), data, family())
    theirs = ilk.fit(formula.format("away"), data, "binomial")
    assert ours.loglik == pytest.approx(theirs.loglik, abs=1e-8)
    np.testing.assert_allclose(ours.fitted.coef, theirs.fitted.coef, atol=2e-5)
    np.testing.assert_allclose(ours.fitted.vcov, theirs.fitted.vcov, rtol=1e-4, atol=1e-6)
    new = data.head(4)
    for estimand in ("typical", "population"):
        found = ours.predict(new, estimand=estimand)
        wanted = theirs.predict(new, estimand=estimand).estimate
        np.testing.assert_allclose(found.estimate[found.category == "away"], wanted, atol=1e-5)


@pytest.mark.parametrize("quadrature", [1, 11])
def test_the_likelihood_is_that_of_a_grid(quadrature):
    fit = ilk.fit("choice ~ x + (1 | g)", table(groups=4), family(), quadrature=quadrature).fitted
    data, lam = fit.marginal.scaled.data, fit.marginal.lam(fit.point.theta)
    exact = grid_loglik(data, fit.family, fit.point.beta, lam)
    assert fit.loglik == pytest.approx(exact, abs=0.05 if quadrature == 1 else 1e-5)


def test_counts_by_a_poisson_model_with_an_effect_of_each_cell():
    """Multinomial logits are log-linear models of the counts of categories in cells."""
    data = table(groups=40)
    fit = ilk.fit("choice ~ C(z)", data, family())
    cells = data.groupby(["z", "choice"]).size().rename("n").reset_index()
    flat = ilk.fit("n ~ C(z) + C(choice, Treatment('car')) * z", cells, "poisson")
    interaction = [
        b for (_, n), b in zip(flat.fitted.names, flat.fitted.coef, strict=True) if ":" in n
    ]
    slopes = [
        b for (_, n), b in zip(fit.fitted.names, fit.fitted.coef, strict=True) if n != "Intercept"
    ]
    np.testing.assert_allclose(slopes, interaction, atol=1e-5)


def test_the_baseline_changes_the_parameters_and_not_the_fit():
    data = table(groups=20)
    fits = [ilk.fit("choice ~ x + z", data, family(level)) for level in LEVELS]
    for fit in fits:
        assert fit.loglik == pytest.approx(fits[0].loglik, abs=1e-7)
        found = fit.predict(data).estimate
        np.testing.assert_allclose(found, fits[0].predict(data).estimate, atol=1e-5)
    by_bus, by_car = (dict(zip(f.fitted.names, f.fitted.coef, strict=True)) for f in fits[:2])
    difference = by_car["train", "x"] - by_car["bus", "x"]
    assert by_bus["train", "x"] == pytest.approx(difference, abs=1e-5)


def test_correlated_effects_do_not_depend_on_the_baseline():
    data = table(groups=20)
    fits = [ilk.fit("choice ~ x + (1 |p| g)", data, family(level)) for level in LEVELS]
    for fit in fits:
        assert len(fit.fitted.design.terms) == 1
        assert fit.loglik == pytest.approx(fits[0].loglik, abs=1e-5)
    separate = ilk.fit("choice ~ x + (1 | g)", data, family())
    assert fits[0].loglik > separate.loglik
    G = [fit.fitted.estimates.covariances[0] for fit in fits[:2]]
    to_car = np.array([[-1.0, 0.0], [-1.0, 1.0]])  # from car, train against bus
    np.testing.assert_allclose(to_car @ G[0] @ to_car.T, G[1], rtol=0.02, atol=0.02)


def test_parameters_are_recovered():
    data = table(groups=150, rows=10, seed=11)
    fit = ilk.fit("choice ~ x + (1 | g)", data, family(), parameters={"train": "~ x + z + (1 | g)"})
    errors = np.sqrt(np.diag(fit.fitted.vcov))
    away = (fit.fitted.coef - np.array([0.4, -0.8, -0.3, 0.5, 0.6])) / errors
    assert np.max(np.abs(away)) < 3.5
    for covariance in fit.fitted.estimates.covariances:
        assert np.sqrt(covariance[0, 0]) == pytest.approx(0.7, abs=0.2)


def test_a_category_may_have_its_own_formula_and_random_part():
    data = table(groups=20)
    fit = ilk.fit("choice ~ 1", data, family(), parameters={"train": "~ x + (1 | g)"})
    assert fit.fitted.names == (("bus", "Intercept"), ("train", "Intercept"), ("train", "x"))
    assert [term.predictor for term in fit.fitted.design.terms] == ["train"]
    text = str(fit.summary())
    assert "train       ~ x + (1 | g)" in text
    assert "log odds of train against car" in text
    with pytest.raises(ModelError, match="'car' is the baseline"):
        ilk.fit("choice ~ 1", data, family(), parameters={"car": "~ x"})


def test_probabilities_sum_to_one_and_average_over_groups():
    data = table(groups=20)
    fit = ilk.fit("choice ~ x + (1 | g)", data, family())
    new = pd.DataFrame({"x": [0.4]})
    found = fit.predict(new, estimand="population", interval="confidence")
    assert found.category.tolist() == LEVELS
    assert found.estimate.sum() == pytest.approx(1.0, abs=1e-9)
    assert ((found.conf_low < found.estimate) & (found.estimate < found.conf_high)).all()
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    sd = [float(np.sqrt(c[0, 0])) for c in fit.fitted.estimates.covariances]
    a, b = np.meshgrid(sd[0] * nodes, sd[1] * nodes)
    c = fit.fitted.coef
    eta = [(c[0] + 0.4 * c[1] + a).ravel(), (c[2] + 0.4 * c[3] + b).ravel()]
    wanted = fit.family.probabilities(eta) @ np.outer(weights, weights).ravel() / (2 * np.pi)
    np.testing.assert_allclose(found.estimate, wanted, atol=1e-8)


def test_files_labels_and_answers(tmp_path):
    data = table(groups=20)
    data["coded"] = pd.Categorical(data.choice, ["train", "car", "bus"])
    fit = ilk.fit("choice ~ x + (1 | g)", data, family(), parameters={"train": "~ x + z + (1 | g)"})
    fit.save(tmp_path / "fit.ilk")
    again = ilk.load(tmp_path / "fit.ilk")
    assert again.family == fit.family
    assert again.formula == fit.formula
    pd.testing.assert_frame_equal(again.predict(data), fit.predict(data))
    assert stats.kstest(fit.residuals("quantile"), "norm").pvalue > 0.01
    assert set(np.unique(fit.simulate(3, seed=1))) <= {0.0, 1.0, 2.0}
    assert "log odds of bus against car depended on x" in str(fit.methods())
    assert ilk.fit("coded ~ x", data, "multinomial").family.parameters == ("car", "bus")
    assert ilk.fit("code ~ x", data, "multinomial").family.parameters == ("1", "2")


def test_what_other_columns_say_is_left_out_of_each_predictor():
    data = table(groups=20)
    data["twice"] = 2.0 * data.x
    fit = ilk.fit("choice ~ x + twice", data, family())
    assert [part.dropped for part in fit.fitted.design.fixed] == [("twice",), ("twice",)]
    assert fit.loglik == pytest.approx(ilk.fit("choice ~ x", data, family()).loglik, abs=1e-8)


def test_restricted_likelihoods_integrate_the_coefficients_of_all_categories():
    data = table(groups=20)
    plain = ilk.fit("choice ~ x", data, family())
    volume = np.linalg.slogdet(2 * np.pi * plain.fitted.vcov)[1]
    for baseline in LEVELS:  # by Laplace's formula, once the random effects are gone
        fit = ilk.fit("choice ~ x", data, family(baseline), reml=True)
        assert fit.loglik == pytest.approx(plain.loglik + 0.5 * volume, abs=1e-5)
    data["word"] = np.where(data.choice == "car", "car", "other")
    data["other"] = (data.choice != "car").astype(int)
    two = ilk.fit("word ~ x + (1 | g)", data, family(), reml=True)
    binary = ilk.fit("other ~ x + (1 | g)", data, "binomial", reml=True)
    assert two.loglik == pytest.approx(binary.loglik, abs=1e-8)


def test_weights_stand_for_rows():
    data = table(groups=20)
    cells = data.groupby(["z", "choice"]).size().rename("n").reset_index()
    once = ilk.fit("choice ~ z", data, family())
    weighted = ilk.fit("choice ~ z", cells, family(), frequency_weights="n")
    assert weighted.loglik == pytest.approx(once.loglik, abs=1e-8)
    np.testing.assert_allclose(weighted.fitted.vcov, once.fitted.vcov, rtol=1e-5)


@pytest.mark.parametrize(
    ("formula", "options", "message"),
    [
        ("choice ~ x", {"family": family("cab")}, "baseline='cab' is none of the categories"),
        ("choice ~ x", {"family": ilk.families.multinomial(levels=LEVELS[:2])}, "has 'train' in"),
        ("choice ~ x", {"parameters": {"tram": "~ x"}}, "has no tram"),
        ("choice ~ x", {"offset": "z"}, r"write offset\(\.\.\.\) into the formula"),
        ("choice ~ x", {"exposure": "x"}, "exposure= is part of a mean"),
        ("choice ~ x", {"trials": "z"}, "trials= is for counts of successes"),
        ("choice ~ x", {"link": "probit"}, "use one of logit"),
        ("choice ~ x", {"dispersion": "~ x"}, "has no dispersion"),
        ("x ~ z", {}, "cut it into classes"),
        ("log(code) ~ x", {}, "column of categories"),
    ],
)
def test_what_makes_no_sense_is_refused(formula, options, message):
    with pytest.raises((ModelError, DataError), match=message):
        ilk.fit(formula, table(), **{"family": "multinomial", **options})


def test_questions_about_one_mean_are_refused():
    fit = ilk.fit("choice ~ x + (1 | g)", table(groups=20), family())
    for question in (fit.marginal_coefficients, lambda: fit.predict(scale="link"), fit.icc):
        with pytest.raises(ModelError):
            question()


def test_a_category_that_never_occurs_with_a_value_is_separated():
    data = table(groups=30)
    kept = data[~((data.z == 1) & (data.choice == "train"))]
    with pytest.warns(IdentificationWarning, match="coefficient of train: z runs to infinity"):
        fit = ilk.fit("choice ~ x + z", kept, family())
    found = fit.separation()
    assert found.columns["finite"] == [True] * 5 + [False]
    held = ilk.fit("choice ~ x + z", kept, family(), penalty="log_f")
    assert held.verdict.converged
    assert -8.0 < held.fitted.coef[-1] < -1.0


def test_a_baseline_that_never_occurs_with_a_value_moves_all_predictors():
    data = table(groups=30)
    kept = data[~((data.z == 1) & (data.choice == "car"))]
    with pytest.warns(IdentificationWarning, match="coefficient of bus: z runs"):
        fit = ilk.fit("choice ~ x + z", kept, family())
    assert fit.separation().columns["finite"] == [True, True, False] * 2
    own = ilk.fit("choice ~ x", kept, family(), parameters={"bus": "~ x + z"})
    assert own.verdict.converged  # what one predictor gains, another category loses


def test_a_single_category_explains_nothing():
    data = table()
    with pytest.raises(DataError, match="single category 'car'"):
        ilk.fit("choice ~ x", data[data.choice == "car"], "multinomial")
