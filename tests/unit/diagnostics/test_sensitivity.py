"""Refits with other random effects."""

from __future__ import annotations

import numpy as np
import pytest
from tests.fits import data_of, fit_of

import ilk
from ilk.diagnostics.sensitivity import sensitivity
from ilk.errors import ModelError


def _refit(found, name):
    (refit,) = (r for r in found.refits if r.model == name)
    return refit


def test_slopes_that_were_left_out():
    data = data_of("sleepstudy")
    fit = ilk.fit("Reaction ~ Days + (1 | Subject)", data)
    full = fit_of("sleepstudy")
    found = sensitivity(fit.fitted)
    assert [r.model for r in found.refits] == ["as fitted", "slope of Days too", "t(4) effects"]
    refit = _refit(found, "slope of Days too")
    assert refit.random == "(1 + Days | Subject)"
    np.testing.assert_allclose(refit.estimate, full.fitted.coef, rtol=1e-6)
    np.testing.assert_allclose(refit.std_error, np.sqrt(np.diag(full.fitted.vcov)), rtol=1e-4)
    assert refit.loglik == pytest.approx(full.loglik, abs=1e-6)
    assert refit.aic == pytest.approx(full.aic, abs=1e-6)
    assert found.error_ratio(refit)[1] == pytest.approx(1.922, abs=1e-3)
    assert np.isnan(_refit(found, "t(4) effects").aic)  # the others are restricted likelihoods


def test_simpler_structures():
    found = sensitivity(fit_of("sleepstudy").fitted)
    names = [r.model for r in found.refits]
    assert names == ["as fitted", "intercepts only", "independent effects", "t(4) effects"]
    data = data_of("sleepstudy")
    for name, formula in (
        ("intercepts only", "Reaction ~ Days + (1 | Subject)"),
        ("independent effects", "Reaction ~ Days + (1 + Days || Subject)"),
    ):
        again = ilk.fit(formula, data)
        assert _refit(found, name).loglik == pytest.approx(again.loglik, abs=1e-6)
        np.testing.assert_allclose(_refit(found, name).estimate, again.fitted.coef, rtol=1e-6)
    assert _refit(found, "t(4) effects").sound


def test_independent_effects_are_joined_to_correlated_ones():
    fit = ilk.fit("Reaction ~ Days + (1 | Subject) + (0 + Days | Subject)", data_of("sleepstudy"))
    found = sensitivity(fit.fitted)
    names = [r.model for r in found.refits]
    assert names == ["as fitted", "intercepts only", "correlated effects", "t(4) effects"]
    assert _refit(found, "correlated effects").loglik == pytest.approx(
        fit_of("sleepstudy").loglik, abs=1e-6
    )


def test_a_coefficient_that_moves():
    """A few clusters with steep slopes and many rows: without slopes they decide."""
    rng = np.random.default_rng(3)
    size = np.r_[np.full(30, 4), np.full(3, 120)]
    g = np.repeat(np.arange(33), size)
    slope = np.r_[rng.normal(0.0, 0.3, 30), 2.0, 2.2, 2.4]
    x = rng.normal(size=len(g))
    y = slope[g] * x + 0.5 * rng.normal(size=33)[g] + rng.normal(size=len(g))
    answer = ilk.fit("y ~ x + (1 | g)", {"y": y, "x": x, "g": g}).sensitivity()
    frame = answer.frame
    moved = frame[(frame.model == "slope of x too") & (frame.term == "x")]
    assert abs(moved["shift"].iloc[0]) > 1.0
    assert answer.notes[0].startswith("Warning: x moves by -")
    assert "standard error of x grows" in " ".join(answer.notes)


def test_all_factors_or_one():
    scores = ilk.datasets.load("classroom_scores")
    fit = ilk.fit("score ~ method + prior + (1 | school/classroom)", scores)
    both = sensitivity(fit.fitted)
    assert {r.group for r in both.refits} == {None, "school", "school:classroom"}
    one = sensitivity(fit.fitted, "school")
    assert {r.group for r in one.refits} == {None, "school"}
    # the method is that of a classroom, so it varies within schools only
    slopes = [(r.model, r.group) for r in both.refits if r.model.startswith("slope")]
    assert ("slope of method too", "school") in slopes
    assert ("slope of method too", "school:classroom") not in slopes


def test_laplace_is_told_from_tails():
    found = sensitivity(fit_of("cbpp").fitted)
    names = [r.model for r in found.refits]
    assert names[-2:] == ["normal effects, by quadrature", "t(4) effects"]
    normal, heavy = found.refits[-2:]
    assert heavy.loglik - normal.loglik == pytest.approx(found.tails_gain)
    assert any("Laplace" in note for note in found.notes)


def test_refits_that_cannot_be_had():
    rng = np.random.default_rng(0)
    g = np.repeat(np.arange(20), 3)
    part = np.array([f"p{i}" for i in rng.integers(9, size=60)])
    data = {"y": rng.normal(size=60) + g % 3, "part": part, "x": np.tile([0.0, 1, 2], 20), "g": g}
    found = sensitivity(ilk.fit("y ~ part + x + (1 | g)", data).fitted)
    wide = _refit(found, "slope of part too")
    assert "more than the 6 tried here" in wide.verdict
    assert np.isnan(wide.estimate).all()
    two = ilk.fit("y ~ x + (1 | g)", {k: v[data["x"] < 2] for k, v in data.items()})
    full = _refit(sensitivity(two.fitted), "slope of x too")
    assert full.verdict.startswith("not available: ")


def test_levels_with_too_few_rows_for_an_approximation():
    rng = np.random.default_rng(2)
    g = np.r_[np.arange(150), np.arange(60)]
    x = rng.normal(size=210)
    y = (rng.random(210) < 0.4).astype(float)
    found = sensitivity(ilk.fit("y ~ x + (1 | g)", {"y": y, "x": x, "g": g}, "binomial").fitted)
    assert "fewer rows than the 2 effects" in _refit(found, "slope of x too").verdict


def test_where_laplace_is_off_nothing_is_warned_of():
    rng = np.random.default_rng(4)
    g, x = np.repeat(np.arange(300), 3), rng.normal(size=900)
    p = 1.0 / (1.0 + np.exp(-(x + 3.0 * rng.normal(size=300)[g])))
    data = {"y": (rng.random(900) < p).astype(float), "x": x, "g": g}
    fit = ilk.fit("y ~ x + (1 | g)", data, "binomial")
    rough = sensitivity(fit.fitted)
    assert rough.refits[0].verdict == "converged, Laplace approximation off"
    assert any("quadrature='auto' first" in note for note in rough.notes)
    assert not any("Warning" in note or "grows" in note for note in fit.sensitivity().notes)
    fine = sensitivity(ilk.fit("y ~ x + (1 | g)", data, "binomial", quadrature=15).fitted)
    assert fine.refits[0].sound
    assert not any("Laplace" in note for note in fine.notes)


def test_answer():
    answer = ilk.fit("Reaction ~ Days + (1 | Subject)", data_of("sleepstudy")).sensitivity()
    assert list(answer.frame) == [
        "model",
        "group",
        "term",
        "estimate",
        "std_error",
        "shift",
        "error_ratio",
        "loglik",
        "aic",
        "verdict",
        "estimand",
    ]
    assert answer.frame["shift"][:2].tolist() == [0.0, 0.0]
    assert "Refits" in answer.text
    assert "moves by more than one" in answer.notes[0]
    assert "<table" in answer.html
    missing = fit_of("penicillin").sensitivity()
    assert any(note.startswith("t(4) effects is not available") for note in missing.notes)


def test_picture():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    axis = fit_of("sleepstudy").sensitivity().plot()
    texts = [text.get_text() for text in axis.get_legend().get_texts()]
    assert texts == ["intercepts only", "independent effects", "t(4) effects"]
    assert [text.get_text() for text in axis.get_yticklabels()] == ["Intercept", "Days"]
    with pytest.raises(ModelError, match="nothing to draw"):
        fit_of("dyestuff2").sensitivity().plot()


def test_refusals():
    with pytest.raises(ModelError, match="no random effects of clusters"):
        ilk.fit("y ~ x", data_of("gamma")).sensitivity()
    with pytest.raises(ModelError, match="Did you mean 'Subject'"):
        fit_of("sleepstudy").sensitivity("Subjects")


def _separated(**options):
    rng = np.random.default_rng(0)
    g, x = np.repeat(np.arange(10), 6), np.tile([0.0, 1.0], 30)
    y = np.where(x == 1.0, 1.0, (rng.random(60) < 0.5) * 1.0)
    return ilk.fit("y ~ x + (1 | g)", {"y": y, "x": x, "g": g}, "binomial", **options)


@pytest.mark.filterwarnings("ignore:The fit is separated")
def test_separated_fits_are_refused():
    fit = _separated()
    with pytest.raises(ModelError, match="see verdict first"):
        fit.sensitivity()
    with pytest.raises(ModelError, match="coefficients run to infinity"):
        fit.icc()
    with pytest.raises(ModelError, match="see verdict"):
        fit.power({"x": 1.0}, 10)


def test_penalized_fits_have_no_heavier_tails():
    fit = _separated(penalty="firth")
    assert 0.0 < fit.icc().frame.estimate[0] < 1.0
    assert "penalized" in _refit(sensitivity(fit.fitted), "t(4) effects").verdict
