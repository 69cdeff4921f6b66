"""Sensitivity in words."""

from __future__ import annotations

import numpy as np
from tests.fits import data_of, fit_of

import ilk


def test_text():
    answer = fit_of("sleepstudy").sensitivity()
    text = " ".join(answer.text.split())
    assert "By how many of its standard errors does each coefficient move" in text
    assert "(1 + Days || Subject)" in text
    rows = {row[0]: row for row in answer.tables[0].rows}
    assert rows["intercepts only"][1] == "(1 | Subject)"
    assert rows["t(4) effects"][2] == "-"  # not comparable with restricted likelihoods


def test_factors_are_told_apart():
    data = ilk.datasets.load("classroom_scores")
    answer = ilk.fit("score ~ prior + (1 | school/classroom)", data).sensitivity()
    assert "slope of prior too (school)" in [row[0] for row in answer.tables[0].rows]
    assert answer.frame.group.isna().tolist()[-1]
    assert any("one random term only" in note for note in answer.notes)


def test_standard_errors_that_grow_are_named():
    fit = ilk.fit("Reaction ~ Days + (1 | Subject)", data_of("sleepstudy"))
    notes = fit.sensitivity().notes
    assert any(note.startswith("The standard error of Days grows to 1.92 times") for note in notes)


def test_standard_errors_that_grow_in_a_worse_model_are_no_reason():
    rng = np.random.default_rng(5)
    g = np.repeat(np.arange(10), 8)
    x = rng.normal(size=80)
    y = x + 0.5 * rng.normal(size=10)[g] + 0.25 * rng.normal(size=10)[g] * x + rng.normal(size=80)
    answer = ilk.fit("y ~ x + (1 | g)", {"y": y, "x": x, "g": g}).sensitivity()
    (note,) = [note for note in answer.notes if note.startswith("The standard error of x")]
    assert "worse by AIC (by 0.55" in note
    assert "too short" not in " ".join(answer.notes)
