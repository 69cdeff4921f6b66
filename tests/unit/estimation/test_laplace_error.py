"""When the verdict doubts the Laplace approximation."""

from __future__ import annotations

import numpy as np
import pytest
from tests.fits import fit_of
from tests.unit.diagnostics.test_approximation import answers

import ilk
from ilk.diagnostics.approximation import approximation
from ilk.estimation.laplace_error import laplace_notes, little_information, newton_move


def notes_of(fit):
    return [reason for reason in fit.verdict.reasons if reason.code == "laplace"]


def test_little_information_is_noticed():
    fit = ilk.fit("y ~ x + (1 | g)", answers(), "binomial")
    (note,) = notes_of(fit)
    assert note.severity == "warning"
    assert "sd(Intercept) of g is too small by about 0." in note.message
    assert "quadrature='auto'" in note.advice
    assert "laplace" in fit.caveats().codes
    assert "too small by about" in " ".join(fit.summary().text.split())
    better = ilk.fit("y ~ x + (1 | g)", answers(), "binomial", quadrature="auto")
    assert not notes_of(better)


@pytest.mark.parametrize("formula", ["y ~ x + (1 | g)", "y ~ x + (z1 | g)"])
def test_foresight_is_near_the_refit(formula):
    fit = ilk.fit(formula, answers(80, 6, width=2), "binomial").fitted
    moves, gain = newton_move(fit.marginal, fit.point, 9)
    found = approximation(fit)
    expected = np.array([row.shift for row in found.parameters[:2]])
    np.testing.assert_allclose(moves[:2], expected, atol=0.15)
    assert np.max(np.abs(moves)) > 0.25
    assert 0.0 < gain < found.better_loglik - found.loglik + 1e-6


def test_crossed_factors_are_looked_at():
    fit = ilk.fit("y ~ x + (1 | g) + (1 | item)", answers(items=6), "binomial")
    (note,) = notes_of(fit)
    assert "sd(Intercept) of g" in note.message


def test_silence():
    assert not notes_of(fit_of("sleepstudy"))
    counts = ilk.fit("y ~ x + (1 | g)", answers(size=8, family="poisson", level=4.0), "poisson")
    assert not notes_of(counts)
    again = ilk.fit("y ~ x + (1 | g)", answers(), "binomial")
    fast = ilk.estimation.run.refit(again.fitted, again.fitted.design.response.y)
    assert not [r for r in fast.verdict.reasons if r.code == "laplace"]  # refits are not asked


def test_factors_that_quadrature_passes_over_are_judged_by_their_information():
    data = answers(60, 8, width=4, items=5)
    fit = ilk.fit("y ~ x + (1 + z1 + z2 + z3 || g) + (1 | item)", data, "binomial").fitted
    (note,) = laplace_notes(fit.marginal, fit.point)
    assert note.terms == ("g",)


def test_where_quadrature_cannot_tell():
    fit = ilk.fit("y ~ x + (1 + z1 + z2 + z3 || g)", answers(80, 8, width=4), "binomial").fitted
    assert little_information(fit.model) == ("g",)
    (note,) = laplace_notes(fit.marginal, fit.point)
    assert "holds little information" in note.message
    assert "approximation()" in note.advice
