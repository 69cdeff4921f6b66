"""Tests of terms: codings, orders and comparisons of models give the same answers."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from tests.fits import fit_of

import ilk
from ilk import ModelError
from ilk.inference.hypotheses.anova import anova, contains
from ilk.inference.hypotheses.term_spaces import term_spaces


@cache
def _data():
    rng = np.random.default_rng(21)
    n = 180
    g = rng.integers(0, 15, n)
    data = pd.DataFrame(
        {
            "a": rng.choice(["a1", "a2", "a3"], n, p=[0.5, 0.3, 0.2]),
            "b": rng.choice(["b1", "b2"], n, p=[0.7, 0.3]),
            "x": rng.normal(1.0, 1.0, n),
            "g": g,
            "times": rng.integers(1, 4, n),
        }
    )
    data["y"] = (data.a == "a2") * 0.5 + (data.b == "b2") * data.x * 0.4 + rng.normal(size=15)[g]
    data["y"] += rng.normal(size=n)
    data["k"] = rng.poisson(np.exp(0.3 * data.y))
    return data


def _table(found):
    return {row.term: (row.test.df_num, row.test.df, row.test.statistic) for row in found.rows}


@pytest.mark.parametrize("type", [2, 3])
@pytest.mark.parametrize("coding", ["contr.sum", "contr.helmert", "contr.SAS"])
def test_codings_do_not_matter(type, coding):
    plain = anova(ilk.fit("y ~ a * b + x * b + (1 | g)", _data()).fitted, type)
    coded = anova(
        ilk.fit(
            f"y ~ C(a, {coding}) * C(b, {coding}) + x * C(b, {coding}) + (1 | g)", _data()
        ).fitted,
        type,
    )
    ours, theirs = list(_table(plain).values()), list(_table(coded).values())
    np.testing.assert_allclose(ours, theirs, rtol=2e-4)


def test_type_three_is_the_marginal_test_of_sum_codings():
    data = _data()
    coded = ilk.fit("y ~ C(a, contr.sum) * C(b, contr.sum) + x + (1 | g)", data)
    names = [name for _, name in coded.fitted.names]
    mains = [i for i, name in enumerate(names) if "(a," in name and ":" not in name]
    joint = coded.test(np.eye(len(names))[mains]).frame.iloc[-1]
    found = _table(anova(ilk.fit("y ~ a * b + x + (1 | g)", data).fitted, 3))["a"]
    assert found[0] == 2
    assert found[2] == pytest.approx(joint.statistic, rel=1e-4)


def test_least_squares_type_two_is_the_comparison_of_models():
    data = _data()
    fits = {
        formula: ilk.fit(formula, data)
        for formula in ("y ~ a * b + x", "y ~ a + b + x", "y ~ b + x", "y ~ a + x")
    }
    rss = {formula: float(np.sum(fit.residuals() ** 2)) for formula, fit in fits.items()}
    full = "y ~ a * b + x"
    unit = rss[full] / (len(data) - 7)
    found = _table(anova(fits[full].fitted, 2))
    assert found["a"][2] == pytest.approx((rss["y ~ b + x"] - rss["y ~ a + b + x"]) / 2 / unit)
    assert found["b"][2] == pytest.approx((rss["y ~ a + x"] - rss["y ~ a + b + x"]) / unit)
    assert found["a:b"][2] == pytest.approx((rss["y ~ a + b + x"] - rss[full]) / 2 / unit)


def test_generalized_type_two_is_a_difference_of_wald_statistics():
    fit = ilk.fit("k ~ a * b + x + (1 | g)", _data(), family="poisson")
    names = [name for _, name in fit.fitted.names]

    def wald(words):
        rows = [i for i, name in enumerate(names) if any(word(name) for word in words)]
        return fit.test(np.eye(len(names))[rows]).frame.iloc[-1].statistic

    def main(name):
        return name.startswith("a[") and ":" not in name

    def both(name):
        return ":" in name

    found = _table(anova(fit.fitted, 2))
    assert found["a"][2] == pytest.approx(wald([main, both]) - wald([both]), rel=1e-6)


def test_likelihood_ratios_are_of_the_smaller_formulas():
    data = _data()
    formulas = ["a * b + x", "a + b + x", "b + x"]
    fits = [ilk.fit(f"k ~ {f} + (1 | g)", data, family="poisson") for f in formulas]
    found = anova(fits[0].fitted, 2, test="likelihood_ratio")
    table = _table(found)
    assert table["a"][2] == pytest.approx(2 * (fits[1].loglik - fits[2].loglik), abs=1e-5)
    assert table["a:b"][2] == pytest.approx(2 * (fits[0].loglik - fits[1].loglik), abs=1e-5)
    third = _table(anova(fits[0].fitted, 3, test="likelihood_ratio"))
    assert third["a:b"][2] == pytest.approx(table["a:b"][2], abs=1e-5)


def test_frequency_weights_are_rows():
    data = _data()
    many = data.loc[data.index.repeat(data.times)].reset_index(drop=True)
    a = anova(ilk.fit("y ~ a * b + (1 | g)", data, frequency_weights="times").fitted, 2)
    b = anova(ilk.fit("y ~ a * b + (1 | g)", many).fitted, 2)
    np.testing.assert_allclose(list(_table(a).values()), list(_table(b).values()), rtol=2e-3)


def test_splines_products_and_other_predictors():
    fit = ilk.fit(
        "k ~ bs(x, df=4) * b + (1 | g)",
        _data(),
        family="negative_binomial_2",
        dispersion="~ a",
    )
    found = anova(fit.fitted, 3)
    assert [(row.component, row.test.df_num) for row in found.rows] == [
        ("mean", 4),
        ("mean", 1),
        ("mean", 4),
        ("dispersion", 2),
    ]
    joint = fit.test("dispersion.a[T.a2] = 0, dispersion.a[T.a3] = 0").frame.iloc[-1]
    assert found.rows[-1].test.statistic == pytest.approx(joint.statistic)


def test_formulas_without_intercept():
    """All level means zero, as the formula says."""
    fit = ilk.fit("y ~ 0 + a + (1 | g)", _data())
    (row,) = anova(fit.fitted, 3).rows
    assert row.test.df_num == 3
    assert row.test.statistic == pytest.approx(
        fit.test(np.eye(3)).frame.iloc[-1].statistic, rel=1e-8
    )


def test_cells_without_data():
    data = _data().query("not (a == 'a3' and b == 'b2')")
    fit = ilk.fit("y ~ a * b + (1 | g)", data)
    with pytest.raises(ModelError, match="every combination of levels"):
        anova(fit.fitted, 3)
    assert [row.test.df_num for row in anova(fit.fitted, 2).rows] == [2, 1, 1]


def test_chi_square_is_q_times_f():
    fitted = fit_of("sleepstudy").fitted
    f, chi = (anova(fitted, 3, test=test).rows[0].test for test in ("F", "chisq"))
    assert chi.statistic == pytest.approx(f.statistic * f.df_num)
    assert chi.p_value == pytest.approx(stats.chi2.sf(chi.statistic, 1))


def test_main_effects_at_zero_of_a_number_are_noted():
    found = anova(ilk.fit("y ~ b * x + (1 | g)", _data()).fitted, 3)
    assert [note for note in found.notes if "b is in the interaction b:x" in note]
    counts = ilk.fit("k ~ b * x + (1 | g)", _data(), family="poisson")
    assert not anova(counts.fitted, 2).notes


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("sleepstudy", {"type": 1}, "choose 2 or 3"),
        ("sleepstudy", {"test": "Chisq"}, "'chisq'"),
        ("cbpp", {"test": "F"}, "no degrees of freedom"),
        ("sleepstudy", {"test": "likelihood_ratio", "df": "normal"}, "leave df="),
        ("penicillin", {}, "no terms but intercepts"),
    ],
)
def test_bad_input(name, options, words):
    with pytest.raises(ModelError, match=words):
        anova(fit_of(name).fitted, **options)


def test_containment():
    fit = ilk.fit("y ~ a * b + b * x + (1 | g)", _data())
    spaces = term_spaces(fit.fitted.design, fit.fitted.design.fixed[0])
    terms = {term.text: term for term in spaces.terms}
    assert contains(terms["a:b"], terms["a"], spaces)
    assert contains(terms["b:x"], terms["x"], spaces)
    assert not contains(terms["b:x"], terms["b"], spaces)
    assert contains(terms["b:x"], terms["b"])
    assert not contains(terms["a"], terms["a"])
