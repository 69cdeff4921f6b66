"""Models with other random terms against the same models fitted from their formulas."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from tests.fits import data_of, fit_of

import ilk
from ilk.formula.spec import Term
from ilk.inference.comparison.reduced import (
    Placed,
    random_specs,
    removable,
    uncorrelated,
    with_random,
    without_term,
)


@pytest.fixture(scope="module")
def frame():
    """Crossed clusters, a factor of three levels and a covariate."""
    rng = np.random.default_rng(4)
    data = pd.DataFrame(
        {
            "x": rng.normal(size=240),
            "f": rng.choice(["a", "b", "c"], 240),
            "g": np.repeat(np.arange(20), 12),
            "h": np.tile(np.arange(12), 20),
        }
    )
    b = rng.normal(size=(20, 2))[data.g]
    data["y"] = data.x + b[:, 0] + 0.6 * b[:, 1] * data.x + rng.normal(size=240)
    return data


def same(reduced, formula, data, **keywords):
    direct = ilk.fit(formula, data, **keywords).fitted
    assert reduced.loglik == pytest.approx(direct.loglik, abs=1e-6)
    assert reduced.parameter_count == direct.parameter_count
    np.testing.assert_allclose(reduced.coef, direct.coef, atol=1e-5)
    assert ilk.fit(reduced.formula.text, data, **keywords).loglik == pytest.approx(
        direct.loglik, abs=1e-6
    )


def test_an_effect_a_term_and_correlations_go(frame):
    fit = ilk.fit("y ~ x + f + (1 + x + f | g) + (1 | h)", frame).fitted
    first, second = (placed.spec for placed in random_specs(fit))
    x, f = removable(first)
    assert (x.text, f.text) == ("x", "f")
    assert removable(second) == ()
    same(without_term(fit, 0, (x,)), "y ~ x + f + (1 + f | g) + (1 | h)", frame)
    same(without_term(fit, 0, (f,)), "y ~ x + f + (1 + x | g) + (1 | h)", frame)
    same(without_term(fit, 0), "y ~ x + f + (1 | h)", frame)
    same(without_term(fit, 1), "y ~ x + f + (1 + x + f | g)", frame)
    same(uncorrelated(fit, 0), "y ~ x + f + (1 + x + f || g) + (1 | h)", frame)


def test_the_last_term_goes_and_the_likelihood_stays_restricted():
    fit = fit_of("sleepstudy").fitted
    bare = without_term(fit, 0)
    same(bare, "Reaction ~ Days", data_of("sleepstudy"), reml=True)
    assert bare.model.reml
    assert not bare.design.terms


def test_a_generalized_model_keeps_family_offset_and_nodes():
    data = data_of("cbpp").assign(half=0.1)
    fit = ilk.fit(
        "incidence / size ~ period + offset(half) + (1 | herd)", data, "binomial", quadrature=5
    ).fitted
    again = with_random(fit, random_specs(fit))
    assert again.loglik == pytest.approx(fit.loglik, abs=1e-7)
    assert again.model.nodes == 5
    assert without_term(fit, 0).model.nodes == 1
    assert without_term(fit, 0).formula.text.count("offset(half)") == 1


def test_predictions_for_new_rows_know_the_smaller_term(frame):
    fit = ilk.fit("y ~ x + f + (1 + x + f | g)", frame).fitted
    small = without_term(fit, 0, removable(random_specs(fit)[0].spec)[1:])
    direct = ilk.fit("y ~ x + f + (1 + x | g)", frame)
    new = frame.iloc[[3, 50, 199]]
    np.testing.assert_allclose(
        ilk.Fit(small).predict(new).estimate, direct.predict(new).estimate, atol=1e-5
    )


def test_marginality_of_effects(frame):
    both = random_specs(ilk.fit("y ~ x + (1 + x * f | g)", frame).fitted)[0].spec
    assert [term.text for term in removable(both)] == ["x:f"]
    apart = random_specs(ilk.fit("y ~ x + (1 + x || g)", frame).fitted)[0].spec
    assert [term.text for term in removable(apart)] == ["1", "x"]


def test_terms_of_columns_of_the_fit_can_be_added(frame):
    fit = ilk.fit("y ~ x + (1 | g)", frame).fitted
    (placed,) = random_specs(fit)
    _, other = random_specs(ilk.fit("y ~ x + (1 | g) + (0 + x | g)", frame).fitted)
    same(with_random(fit, [placed, other]), "y ~ x + (1 | g) + (0 + x | g)", frame)
    assert isinstance(placed, Placed)
    assert placed.spec.effects.terms == (Term(),)


def test_independent_effects_are_not_made_independent(frame):
    fit = ilk.fit("y ~ x + (1 + x || g)", frame).fitted
    with pytest.raises(ilk.ModelError, match="independent already"):
        uncorrelated(fit, 0)


def test_names_that_are_no_identifiers_can_be_read_again(frame):
    """The formula of the smaller model, as it travels to other processes."""
    data = frame.rename(columns={"x": "an x", "g": "a g", "f": "if"})
    formula = "y ~ `if` * `an x` + (1 + `an x` || `a g`) + (1 | `a g`:`if`)"
    fit = ilk.fit(formula, data).fitted
    head = "y ~ 1 + `if` + `an x` + `if`:`an x`"
    for index, left in enumerate(("(1 | `a g`:`if`)", "(1 + `an x` || `a g`)")):
        again = without_term(fit, index)
        assert again.formula.text == f"{head} + {left}"
        there = pickle.loads(pickle.dumps(again))
        assert there.names == again.names
        assert there.loglik == pytest.approx(again.loglik)
