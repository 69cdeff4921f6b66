"""Fits of ordered categories: against sums over a grid, recovery, answers, refusals."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import integrate, stats

import ilk
from ilk.errors import DataError, ModelError
from ilk.likelihood.brute_force import grid_loglik

LEVELS = ["poor", "fair", "good", "great"]
FAMILIES = ("cumulative", "adjacent_category", "continuation_ratio")


def family(name, **options):
    return getattr(ilk.families, name)(levels=LEVELS, **options)


def table(name="cumulative", groups=8, rows=6, seed=5, slope=0.8, sd=0.7):
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(groups), rows)
    x = rng.normal(size=len(g))
    eta = slope * x + rng.normal(0.0, sd, groups)[g]
    cuts = [np.full(len(g), c) for c in (-0.9, 0.2, 1.3)]
    y = family(name).draw([eta, *cuts], None, rng).astype(int)
    return pd.DataFrame({"g": g, "x": x, "y": np.array(LEVELS)[y], "code": y})


@pytest.mark.parametrize("name", FAMILIES)
def test_the_likelihood_is_that_of_a_grid(name):
    fit = ilk.fit("y ~ x + (1 | g)", table(name), family(name), quadrature=25).fitted
    marginal, at = fit.marginal, fit.point
    data, lam = marginal.scaled.data, marginal.lam(at.theta)
    exact = grid_loglik(data, fit.family, at.beta, lam)
    assert fit.loglik == pytest.approx(exact, abs=1e-6)


@pytest.mark.parametrize("name", FAMILIES)
def test_parameters_are_recovered(name):
    data = table(name, groups=120, rows=8, seed=11)
    fit = ilk.fit("y ~ x + (1 | g)", data, family(name))
    errors = np.sqrt(np.diag(fit.fitted.vcov))
    away = (fit.fitted.coef - np.array([0.8, -0.9, 0.2, 1.3])) / errors
    assert np.max(np.abs(away)) < 3.5
    assert np.sqrt(fit.fitted.estimates.covariances[0][0, 0]) == pytest.approx(0.7, abs=0.2)


@pytest.mark.parametrize("name", FAMILIES)
def test_probabilities_of_the_population_are_integrals(name):
    fit = ilk.fit("y ~ x + (1 | g)", table(name), family(name))
    found = fit.predict({"x": [0.4]}, estimand="population", interval="confidence")
    assert found.estimate.sum() == pytest.approx(1.0, abs=1e-9)
    assert ((found.conf_low < found.estimate) & (found.estimate < found.conf_high)).all()
    sd = float(np.sqrt(fit.fitted.estimates.covariances[0][0, 0]))
    slope, *cuts = fit.fitted.coef

    def weighed(b, j):
        eta = [np.array([0.4 * slope + b]), *(np.array([c]) for c in cuts)]
        return float(fit.family.probability(j, eta)[0]) * stats.norm.pdf(b, scale=sd)

    for j in range(4):
        wanted = integrate.quad(weighed, -9 * sd, 9 * sd, args=(j,), epsabs=1e-11)[0]
        assert found.estimate[j] == pytest.approx(wanted, abs=1e-8)


def test_predictions_have_a_row_per_case_and_category():
    data = table()
    fit = ilk.fit("y ~ x + (1 | g)", data, family("cumulative"))
    found = fit.predict(data.head(2))
    assert found.category.tolist() == LEVELS * 2
    assert found.index.tolist() == [0] * 4 + [1] * 4
    assert set(found.estimand) == {"conditional"}
    latent = fit.predict(data.head(2), scale="link")
    assert len(latent) == 2
    with pytest.raises(ModelError, match="interval='confidence'"):
        fit.predict(interval="prediction")


def test_standard_errors_of_probabilities_follow_differences():
    fit = ilk.fit("y ~ x", table(), family("cumulative"))
    found = fit.predict({"x": [0.4]}, estimand="typical", interval="confidence")
    coef, h = fit.fitted.coef, 1e-6

    def probability(c, j):
        return float(fit.family.probability(j, [np.array([0.4 * c[0]]), *c[1:, None]])[0])

    for j in range(4):
        slope = [
            (probability(coef + h * e, j) - probability(coef - h * e, j)) / (2 * h)
            for e in np.eye(len(coef))
        ]
        wanted = np.sqrt(slope @ fit.fitted.vcov @ slope)
        assert found.std_error[j] == pytest.approx(wanted, rel=1e-6)


def test_whole_numbers_categoricals_and_levels_say_the_same():
    data = table()
    data["ordered"] = pd.Categorical(data.y, LEVELS, ordered=True)
    fits = [
        ilk.fit("code ~ x", data, "cumulative"),
        ilk.fit("ordered ~ x", data, "cumulative"),
        ilk.fit("y ~ x", data, family("cumulative")),
        ilk.fit("y ~ 0 + x", data, family("cumulative")),
    ]
    assert [fit.loglik for fit in fits] == [fits[0].loglik] * 4
    assert fits[0].family.levels == (0, 1, 2, 3)
    assert fits[1].family.levels == tuple(LEVELS)
    assert any("no intercept" in note for note in fits[0].fitted.design.notes)


def test_summary_files_and_answers(tmp_path):
    data = table(groups=20)
    fit = ilk.fit("y ~ x + (1 | g)", data, family("cumulative"))
    text = str(fit.summary())
    assert "poor | fair" in text
    assert "Thresholds" in text
    fit.save(tmp_path / "fit.ilk")
    again = ilk.load(tmp_path / "fit.ilk")
    assert again.family == fit.family
    pd.testing.assert_frame_equal(again.predict(data), fit.predict(data))
    assert stats.kstest(fit.residuals("quantile"), "norm").pvalue > 0.01
    drawn = fit.simulate(3, seed=1)
    assert set(np.unique(drawn)) <= {0.0, 1.0, 2.0, 3.0}
    variance = fit.fitted.estimates.covariances[0][0, 0]
    share = variance / (variance + np.pi**2 / 3)
    assert fit.icc().columns["estimate"][0] == pytest.approx(share)
    shares = fit.predict(data)["estimate"].to_numpy().reshape(len(data), 4)
    mean = shares @ np.arange(4.0)
    sd = np.sqrt(shares @ np.arange(4.0) ** 2 - mean**2)
    np.testing.assert_allclose(fit.residuals("pearson"), (data["code"] - mean) / sd, rtol=1e-8)


@pytest.mark.parametrize(
    ("formula", "options", "message"),
    [
        ("y ~ x", {"family": "cumulative"}, "order is not known"),
        ("y ~ x", {"family": ilk.families.cumulative(levels=LEVELS[:3])}, "has 'great' in row"),
        ("y ~ x", {"family": ilk.families.cumulative(levels=[*LEVELS, "superb"])}, "'superb'"),
        ("x ~ code", {"family": "cumulative"}, "which family .cumulative. does not take"),
        ("log(code) ~ x", {"family": "cumulative"}, "column of categories"),
        ("code ~ x", {"family": "cumulative", "parameters": {"thresholds": "~ x"}}, "told apart"),
        ("code ~ x", {"family": "cumulative", "precision_weights": "w"}, "frequency_weights"),
        (
            "code ~ 1",
            {
                "family": ilk.families.cumulative(thresholds="symmetric"),
                "parameters": {"thresholds": "~ x"},
            },
            "flexible",
        ),
    ],
)
def test_bad_input_is_one_sentence(formula, options, message):
    data = table().assign(w=1.0)
    with pytest.raises((DataError, ModelError), match=message):
        ilk.fit(formula, data, **options)


@pytest.mark.parametrize("arrow", [False, True])
def test_the_order_of_a_categorical_is_not_that_of_the_alphabet_unless_declared(arrow):
    rng = np.random.default_rng(1)
    values = rng.choice(["high", "low", "mid"], 60)
    x = rng.normal(size=60)

    def fitted(column):
        table = pd.DataFrame({"x": x, "y": column})
        return ilk.fit("y ~ x", pa.Table.from_pandas(table) if arrow else table, "cumulative")

    with pytest.raises(DataError, match="stand in that of the alphabet") as caught:
        fitted(pd.Series(values).astype("category"))
    assert caught.value.code == "category-order"
    declared = fitted(pd.Categorical(values, ["low", "mid", "high"]))
    assert declared.family.levels == ("low", "mid", "high")
    sorted_too = fitted(pd.Categorical(values, ["high", "low", "mid"], ordered=True))
    assert sorted_too.family.levels == ("high", "low", "mid")
    numbered = fitted(pd.Series(rng.choice(["1", "2", "3"], 60)).astype("category"))
    assert numbered.family.levels == ("1", "2", "3")
